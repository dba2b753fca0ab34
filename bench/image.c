/* Images per second, on one thread: decoding drawn 1024 x 1024 PNGs, and decoding them to 224 x 224 as `prepare` does.
 * Beside them two limits: inflating the files' data alone, which every PNG decoder must do, and Pillow on the same files
 * (bench/peers/image.py, run by the Python that VITRAIN_PYTHON names). */
#include "base/file.h"
#include "base/threads.h"
#include "data/sample_chest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { COUNT = 24, SIZE = 1024, TARGET = 224, REPEATS = 3 };

typedef struct png_file {
    uint8_t *data;
    size_t size;
} png_file;

static vt_status make_files(png_file *files) {
    vt_sample_image plan[COUNT];
    vt_sample_plan(1, COUNT, plan);
    for (int i = 0; i < COUNT; i++) {
        vt_image image;
        VT_TRY(vt_chest_draw(1, &plan[i], SIZE, &image));
        vt_status status = vt_image_encode_png(&image, &files[i].data, &files[i].size);
        vt_image_free(&image);
        VT_TRY(status);
    }
    return VT_OK;
}

/* Inflates the IDAT chunks of a PNG. */
static vt_status inflate_only(const png_file *file) {
    static uint8_t rows[SIZE * (SIZE + 1)];
    z_stream stream = {.next_out = rows, .avail_out = sizeof rows};
    if (inflateInit(&stream) != Z_OK) return vt_fail_memory("inflating", 0);
    for (size_t at = 8; at + 12 <= file->size;) {
        const uint8_t *chunk = file->data + at;
        size_t length = (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
        if (memcmp(chunk + 4, "IDAT", 4) == 0) {
            stream.next_in = (uint8_t *)chunk + 8;
            stream.avail_in = (uInt)length;
            inflate(&stream, Z_NO_FLUSH);
        }
        at += length + 12;
    }
    inflateEnd(&stream);
    return stream.total_out == sizeof rows ? VT_OK : vt_fail(VT_ERROR_INPUT, "inflating gave %lu bytes", stream.total_out);
}

static vt_status decode(const png_file *file) {
    vt_image image;
    VT_TRY(vt_image_decode(file->data, file->size, "drawing", &image));
    vt_image_free(&image);
    return VT_OK;
}

static vt_status decode_and_resize(const png_file *file) {
    vt_image image, small;
    VT_TRY(vt_image_decode(file->data, file->size, "drawing", &image));
    vt_status status = vt_image_resize(&image, TARGET, TARGET, VT_RESAMPLE_BILINEAR, &small);
    vt_image_free(&image);
    VT_TRY(status);
    vt_image_free(&small);
    return VT_OK;
}

/* The best of a few runs, in images per second. */
static vt_status measure(const png_file *files, vt_status (*work)(const png_file *file), double *rate) {
    *rate = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        double start = vt_now();
        for (int i = 0; i < COUNT; i++) VT_TRY(work(&files[i]));
        double now = COUNT / (vt_now() - start);
        if (now > *rate) *rate = now;
    }
    return VT_OK;
}

/* rates [2]: Pillow's for decode and decode + resize; zeros if there is no Python to ask. */
static vt_status ask_peer(const png_file *files, double rates[2]) {
    const char *python = getenv("VITRAIN_PYTHON"), *source = getenv("VITRAIN_SOURCE");
    rates[0] = rates[1] = 0;
    if (!python) return VT_OK;
    char folder[] = "/tmp/vitrain-bench-XXXXXX", command[1024], path[64];
    if (!mkdtemp(folder)) return vt_fail_errno("%s", folder);
    vt_status status = VT_OK;
    for (int i = 0; status == VT_OK && i < COUNT; i++) {
        snprintf(path, sizeof path, "%s/%03d.png", folder, i);
        status = vt_write_file(path, files[i].data, files[i].size);
    }
    snprintf(command, sizeof command, "'%s' '%s/bench/peers/image.py' '%s'", python, source ? source : ".", folder);
    FILE *peer = status == VT_OK ? popen(command, "r") : NULL;
    if (peer) {
        if (fscanf(peer, "decode %lf decode+resize %lf", &rates[0], &rates[1]) != 2) rates[0] = rates[1] = 0;
        pclose(peer);
    }
    vt_status removed = vt_remove_tree(folder);
    return status != VT_OK ? status : removed;
}

static void print_line(const char *what, double rate, double limit, double peer) {
    printf("%-28s %7.1f images/s  %3.0f %% of inflating alone  ", what, rate, 100 * rate / limit);
    if (peer > 0)
        printf("Pillow %.1f (%.2f times)\n", peer, rate / peer);
    else
        printf("Pillow not available: set VITRAIN_PYTHON\n");
}

static vt_status run(png_file *files) {
    double limit, decoding, resizing, peer[2];
    VT_TRY(make_files(files));
    VT_TRY(measure(files, inflate_only, &limit));
    VT_TRY(measure(files, decode, &decoding));
    VT_TRY(measure(files, decode_and_resize, &resizing));
    VT_TRY(ask_peer(files, peer));
    print_line("decode 1024 x 1024", decoding, limit, peer[0]);
    print_line("decode, resize to 224 x 224", resizing, limit, peer[1]);
    return VT_OK;
}

int main(void) {
    png_file files[COUNT] = {0};
    vt_status status = run(files);
    for (int i = 0; i < COUNT; i++) free(files[i].data);
    if (status != VT_OK) fprintf(stderr, "%s\n", vt_error_message());
    return status != VT_OK;
}
