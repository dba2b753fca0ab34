/* Writes one file of every format into a folder, for test_formats.py to open with the formats' own libraries. */
#include "base/file.h"
#include "formats/arrow.h"
#include "formats/preprocessor.h"
#include "formats/safetensors.h"
#include "formats/tensorboard.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 1000, BATCH_ROWS = 64 };

static vt_status write_safetensors(const char *path) {
    static const float weight[6] = {-1.0f, 0.5f, 3.25f, 1e-30f, 2.0f, -0.0f};
    static const uint16_t half[2] = {0x3c00, 0xc000}; /* 1, -2 as F16 */
    static const uint8_t bytes[3] = {1, 2, 255};
    static const int64_t step = -7;
    const vt_tensor tensors[] = {
        {"vit.weight", VT_DTYPE_F32, 2, {2, 3}, 6, weight}, {"half", VT_DTYPE_F16, 1, {2}, 2, half},
        {"bytes", VT_DTYPE_U8, 1, {3}, 3, bytes},           {"step", VT_DTYPE_I64, 0, {0}, 1, &step},
        {"empty", VT_DTYPE_F32, 2, {0, 4}, 0, NULL},
    };
    static const char *const keys[] = {"made_by"}, *const values[] = {"vitrain \xe2\x9c\x93"};
    return vt_safetensors_write(path, tensors, sizeof tensors / sizeof tensors[0], keys, values, 1, NULL);
}

/* Row r: file_name "<r>.png" with "\xc3\xa4" before it r % 4 times, labels {r / 8, -r}, pixels (r + 0 ... 11) % 256. */
static vt_status write_arrow(const char *path, const char *features) {
    static const vt_arrow_field fields[] = {
        {"file_name", VT_ARROW_STRING, 0}, {"labels", VT_ARROW_FLOAT_LIST, 2}, {"pixels", VT_ARROW_BYTE_LIST, 12}};
    static const char *const keys[] = {"huggingface"};
    vt_arrow_writer *writer;
    VT_TRY(vt_arrow_writer_open(path, fields, 3, keys, &features, 1, BATCH_ROWS, &writer));
    vt_status status = VT_OK;
    for (int row = 0; row < ROWS && status == VT_OK; row++) {
        char name[32] = "";
        float labels[2] = {(float)row / 8, (float)-row};
        uint8_t pixels[12];
        for (int i = 0; i < row % 4; i++) strcat(name, "\xc3\xa4");
        snprintf(name + strlen(name), 16, "%d.png", row);
        for (int i = 0; i < 12; i++) pixels[i] = (uint8_t)(row + i);
        vt_arrow_value values[3] = {{name, strlen(name)}, {labels, sizeof labels}, {pixels, sizeof pixels}};
        status = vt_arrow_writer_add(writer, values);
    }
    if (status == VT_OK) return vt_arrow_writer_commit(writer, NULL);
    vt_arrow_writer_discard(writer);
    return status;
}

static vt_status write_events(const char *folder) {
    vt_event_writer *writer;
    VT_TRY(vt_event_writer_open(folder, &writer));
    vt_status status = VT_OK;
    for (int step = 0; step < 300 && status == VT_OK; step++)
        status = vt_event_writer_scalar(writer, "train/loss", step, 1.0 / (1 + step));
    if (status == VT_OK) status = vt_event_writer_scalar(writer, "eval/roc_auc", (int64_t)1 << 40, 0.75);
    vt_status closed = vt_event_writer_close(writer);
    return status == VT_OK ? closed : status;
}

static vt_status write_preprocessor(const char *folder) {
    vt_preprocessor preprocessor;
    vt_preprocessor_init(&preprocessor);
    preprocessor.height = 384;
    preprocessor.resample = VT_RESAMPLE_BICUBIC;
    preprocessor.image_mean[0] = 0.485f;
    return vt_preprocessor_save(folder, &preprocessor);
}

static vt_status write_all(const char *folder, const char *features) {
    char path[1024];
    snprintf(path, sizeof path, "%s/ours.safetensors", folder);
    VT_TRY(write_safetensors(path));
    snprintf(path, sizeof path, "%s/data-00000-of-00001.arrow", folder);
    VT_TRY(write_arrow(path, features));
    snprintf(path, sizeof path, "%s/runs", folder);
    VT_TRY(write_events(path));
    return write_preprocessor(folder);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s FOLDER FEATURES-JSON\n", argv[0]);
        return 2;
    }
    if (write_all(argv[1], argv[2]) == VT_OK) return 0;
    fprintf(stderr, "%s\n", vt_error_message());
    return 1;
}
