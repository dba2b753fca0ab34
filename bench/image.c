/* CPU milliseconds per image: decoding 1024 x 1024 PNGs, and decoding them to 224 x 224 as `prepare` does. Drawn images, or the
 * PNG files named as arguments. Beside them the limit, inflating the files' data alone by libdeflate, which every PNG decoder
 * must do; libpng, to which Vitrain leaves unusual files; and Pillow (bench/peers/image.py, run by the Python that
 * VITRAIN_PYTHON names). */
#include "base/file.h"
#include "base/memory.h"
#include "data/image/image_formats.h"
#include "data/sample/sample_chest.h"

#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DRAWN = 24, SIZE = 1024, TARGET = 224, REPEATS = 9, FILE_LIMIT = 1 << 26, ROWS_LIMIT = 1 << 26 };

typedef struct png_file {
    uint8_t *data;
    size_t size;
} png_file;

static png_file *files;
static int count;

static vt_status draw_files(void) {
    vt_sample_image plan[DRAWN];
    vt_sample_plan(1, DRAWN, plan);
    for (int i = 0; i < DRAWN; i++) {
        vt_image image;
        VT_TRY(vt_chest_draw(1, &plan[i], SIZE, &image));
        vt_status status = vt_image_encode_png(&image, &files[i].data, &files[i].size);
        vt_image_free(&image);
        VT_TRY(status);
    }
    return VT_OK;
}

/* paths [path_count]; none: drawn images. */
static vt_status make_files(char **paths, int path_count) {
    count = path_count ? path_count : DRAWN;
    VT_TRY(vt_allocate(&files, (size_t)count, sizeof *files, "files"));
    if (!path_count) return draw_files();
    for (int i = 0; i < path_count; i++) VT_TRY(vt_read_file(paths[i], FILE_LIMIT, &files[i].data, &files[i].size));
    return VT_OK;
}

/* Inflates the IDAT chunks of a PNG. */
static vt_status inflate_only(const png_file *file) {
    static uint8_t stream[FILE_LIMIT], rows[ROWS_LIMIT];
    size_t stream_size = 0, rows_size;
    for (size_t at = 8; at + 12 <= file->size;) {
        const uint8_t *chunk = file->data + at;
        size_t length = (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
        if (length > file->size - at - 12) break;
        if (memcmp(chunk + 4, "IDAT", 4) == 0) {
            memcpy(stream + stream_size, chunk + 8, length);
            stream_size += length;
        }
        at += length + 12;
    }
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    if (!decompressor) return vt_fail_memory("inflating", 0);
    enum libdeflate_result result =
        libdeflate_zlib_decompress(decompressor, stream, stream_size, rows, sizeof rows, &rows_size);
    libdeflate_free_decompressor(decompressor);
    return result == LIBDEFLATE_SUCCESS ? VT_OK : vt_fail(VT_ERROR_INPUT, "the PNGs' data can't be inflated");
}

static vt_status resize(vt_image *image) {
    vt_image small;
    vt_status status = vt_image_resize(image, TARGET, TARGET, VT_RESAMPLE_BILINEAR, &small);
    vt_image_free(&small);
    vt_image_free(image);
    return status;
}

static vt_status decode(const png_file *file) {
    vt_image image;
    VT_TRY(vt_image_decode(file->data, file->size, "PNG", &image));
    vt_image_free(&image);
    return VT_OK;
}

static vt_status decode_and_resize(const png_file *file) {
    vt_image image;
    VT_TRY(vt_image_decode(file->data, file->size, "PNG", &image));
    return resize(&image);
}

static vt_status decode_by_libpng(const png_file *file) {
    vt_encoded_image encoded = {.data = file->data, .size = file->size, .name = "PNG"};
    vt_decoded_image decoded;
    VT_TRY(vt_png_decode(&encoded, &decoded));
    vt_image_free(&decoded.image);
    return VT_OK;
}

static vt_status decode_by_libpng_and_resize(const png_file *file) {
    vt_encoded_image encoded = {.data = file->data, .size = file->size, .name = "PNG"};
    vt_decoded_image decoded;
    VT_TRY(vt_png_decode(&encoded, &decoded));
    return resize(&decoded.image);
}

static double cpu_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* CPU milliseconds per image: the median of a few runs over all files. */
static vt_status measure(vt_status (*work)(const png_file *file), double *milliseconds) {
    double runs[REPEATS];
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        double start = cpu_milliseconds();
        for (int i = 0; i < count; i++) VT_TRY(work(&files[i]));
        runs[repeat] = (cpu_milliseconds() - start) / count;
    }
    qsort(runs, REPEATS, sizeof runs[0], by_size);
    *milliseconds = runs[REPEATS / 2];
    return VT_OK;
}

/* times [2]: Pillow's for decode and decode + resize; zeros if there is no Python to ask. */
static vt_status ask_peer(double times[2]) {
    const char *python = getenv("VITRAIN_PYTHON"), *source = getenv("VITRAIN_SOURCE");
    times[0] = times[1] = 0;
    if (!python) return VT_OK;
    char folder[] = "/tmp/vitrain-bench-XXXXXX", command[1024], path[64];
    if (!mkdtemp(folder)) return vt_fail_errno("%s", folder);
    vt_status status = VT_OK;
    for (int i = 0; status == VT_OK && i < count; i++) {
        snprintf(path, sizeof path, "%s/%06d.png", folder, i);
        status = vt_write_file(path, files[i].data, files[i].size);
    }
    snprintf(command, sizeof command, "'%s' '%s/bench/peers/image.py' '%s'", python, source ? source : ".", folder);
    FILE *peer = status == VT_OK ? popen(command, "r") : NULL;
    if (peer) {
        if (fscanf(peer, "decode %lf decode+resize %lf", &times[0], &times[1]) != 2) times[0] = times[1] = 0;
        pclose(peer);
    }
    vt_status removed = vt_remove_tree(folder);
    return status != VT_OK ? status : removed;
}

static void print_line(const char *what, double time, double limit, double libpng, double peer) {
    printf("%-28s %6.2f ms  inflating alone %.2f (%.0f %%)  libpng %.2f (%.1f times as fast)  ", what, time, limit,
           100 * limit / time, libpng, libpng / time);
    if (peer > 0)
        printf("Pillow %.2f (%.1f times)\n", peer, peer / time);
    else
        printf("Pillow not available: set VITRAIN_PYTHON\n");
}

static vt_status run(char **paths, int path_count) {
    double limit, decoding, resizing, libpng, libpng_resizing, peer[2];
    VT_TRY(make_files(paths, path_count));
    VT_TRY(measure(inflate_only, &limit));
    VT_TRY(measure(decode, &decoding));
    VT_TRY(measure(decode_and_resize, &resizing));
    VT_TRY(measure(decode_by_libpng, &libpng));
    VT_TRY(measure(decode_by_libpng_and_resize, &libpng_resizing));
    VT_TRY(ask_peer(peer));
    print_line("decode", decoding, limit, libpng, peer[0]);
    print_line("decode, resize to 224 x 224", resizing, limit, libpng_resizing, peer[1]);
    return VT_OK;
}

int main(int argc, char **argv) {
    vt_status status = run(argv + 1, argc - 1);
    for (int i = 0; files && i < count; i++) free(files[i].data);
    free(files);
    if (status != VT_OK) fprintf(stderr, "%s\n", vt_error_message());
    return status != VT_OK;
}
