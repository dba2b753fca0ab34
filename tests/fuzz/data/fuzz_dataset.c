/* A prepared data set of one split: vitrain_dataset.json, a NUL byte, the split's state.json and a NUL byte where it is not the
 * usual one, the split's first Arrow file. One that opens can be read to its last byte. */
#include "scratch.h"

#include "vitrain/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const vt_dataset *dataset) {
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    const vt_split *split = vt_dataset_get_split(dataset, "train");
    size_t pixels = (size_t)info->stored_height * (size_t)info->stored_width * (size_t)info->channels;
    unsigned sum = 0;
    if (!split || info->num_labels < 1) abort();
    for (int64_t row = 0; row < vt_split_size(split); row++) {
        vt_example example = vt_split_get(split, row);
        for (size_t i = 0; i < pixels; i++) sum += example.pixels[i];
        for (size_t i = 0; i < example.file_name_length; i++) sum += (unsigned char)example.file_name[i];
        for (size_t i = 0; i < example.patient_id_length; i++) sum += (unsigned char)example.patient_id[i];
        for (int i = 0; i < info->num_labels; i++) sum += example.labels[i] == 1.0f;
    }
    for (int i = 0; i < info->num_labels; i++) sum += (unsigned)strlen(info->label_names[i]);
    if (sum == UINT32_MAX) puts("");
}

/* Writes what stands before the next NUL byte into a file; moves *data [*size] past it. */
static void split_off(const char *file, const uint8_t **data, size_t *size) {
    const uint8_t *end = *size ? memchr(*data, 0, *size) : NULL;
    size_t length = end ? (size_t)(end - *data) : *size;
    write_scratch(file, *data, length);
    *data += end ? length + 1 : length;
    *size -= end ? length + 1 : length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char usual[] = "{\"_data_files\": [{\"filename\": \"data-00000-of-00001.arrow\"}]}";
    vt_dataset *dataset;
    if (vt_make_folders(scratch_path("train")) != VT_OK) abort();
    split_off("vitrain_dataset.json", &data, &size);
    if (size && *data == '{')
        split_off("train/state.json", &data, &size);
    else
        write_scratch("train/state.json", (const uint8_t *)usual, sizeof usual - 1);
    write_scratch("train/data-00000-of-00001.arrow", data, size);
    if (vt_dataset_open(scratch_path(""), &dataset) != VT_OK) {
        if (dataset || !vt_error_message()[0]) abort();
        return 0;
    }
    use(dataset);
    vt_dataset_close(dataset);
    return 0;
}
