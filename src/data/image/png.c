/* PNG through libpng, from and to memory. libpng's errors come back by longjmp and leave as sentences; its warnings
 * are silent, but a wrong checksum in any chunk, or data that end before IEND, are errors. */
#include "data/image/image_formats.h"

#include "base/memory.h"
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct png_job {
    const char *name;
    const uint8_t *input; /* [input_size] */
    size_t input_size, consumed;
    vt_intensity intensity;
    uint16_t *samples; /* of 16 bits, [height, width, channels]; owned */
    uint8_t *output;   /* [output_size]; owned */
    size_t output_size, output_capacity;
    vt_decoded_image decoded;
    vt_status status; /* set where a sentence is ready; else `reason` has libpng's words */
    char reason[128];
} png_job;

static void on_error(png_structp png, png_const_charp message) {
    png_job *job = png_get_error_ptr(png);
    snprintf(job->reason, sizeof job->reason, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

/* Leaves libpng with a sentence of our own. */
static void leave_unless_ok(png_structp png, png_job *job, vt_status status) {
    job->status = status;
    if (status != VT_OK) png_longjmp(png, 1);
}

static void read_bytes(png_structp png, png_bytep bytes, size_t count) {
    png_job *job = png_get_io_ptr(png);
    if (count > job->input_size - job->consumed)
        leave_unless_ok(png, job,
                        vt_fail(VT_ERROR_INPUT, "%s: the PNG image is cut off: it ends after %zu bytes, before its IEND chunk",
                                job->name, job->input_size));
    memcpy(bytes, job->input + job->consumed, count);
    job->consumed += count;
}

/* Refuses sizes over the limits, and sizes that so few bytes can't hold, before memory is taken for them. */
static vt_status check_header(const png_job *job, png_structp png, png_infop info) {
    uint64_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    VT_TRY(vt_image_check_size(job->name, width, height));
    if (png_get_rowbytes(png, info) * height / VT_DEFLATE_LIMIT > job->input_size)
        return vt_fail(VT_ERROR_INPUT, "%s: the PNG image is cut off: %zu bytes can't hold %d x %d pixels", job->name,
                       job->input_size, (int)width, (int)height);
    return VT_OK;
}

static void read_orientation(png_structp png, png_infop info, png_job *job) {
    png_unknown_chunkp chunk = NULL;
    int count = png_get_unknown_chunks(png, info, &chunk);
    job->decoded.orientation = count > 0 ? vt_exif_orientation(chunk->data, chunk->size) : vt_exif_orientation(NULL, 0);
}

/* How many bits of each sample are significant, by the sBIT chunk. */
static int significant_bits(png_structp png, png_infop info) {
    png_color_8p bits = NULL;
    if (!png_get_sBIT(png, info, &bits)) return 16;
    int significant = bits->gray;
    if (png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR) {
        significant = bits->red > bits->green ? bits->red : bits->green;
        significant = bits->blue > significant ? bits->blue : significant;
    }
    return significant >= 1 && significant <= 16 ? significant : 16;
}

/* Samples of fewer significant bits are to be stored scaled up to 16 (PNG 1.2, 4.2.5). Writers that store them as they are
 * are recognised too: no sample needs more bits, and some use the low ones that scaling leaves empty or repeats. */
static uint16_t drop_insignificant_bits(uint16_t *samples, size_t count, int significant) {
    const int shift = 16 - significant;
    const unsigned white = (1u << significant) - 1;
    unsigned all = 0;
    for (size_t i = 0; i < count; i++) all |= samples[i];
    bool scaled = all > white || (all & ((1u << shift) - 1)) == 0;
    if (scaled)
        for (size_t i = 0; i < count; i++) samples[i] = (uint16_t)(samples[i] >> shift);
    return (uint16_t)white;
}

/* From samples of 16 bits to the image's bytes. */
static void reduce_samples(png_structp png, png_infop info, png_job *job) {
    vt_decoded_image *decoded = &job->decoded;
    size_t count = (size_t)decoded->image.width * (size_t)decoded->image.height * (size_t)decoded->image.channels;
    decoded->facts.depth = significant_bits(png, info);
    uint16_t white = drop_insignificant_bits(job->samples, count, decoded->facts.depth);
    vt_samples_to_bytes(job->samples, count, white, job->intensity, decoded->image.pixels, &decoded->facts.dim);
}

/* Everything that may longjmp while decoding. */
static void decode_rows(png_structp png, png_infop info, png_job *job) {
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff); /* ours, below, have better words */
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1); /* text, profiles and the like are not parsed */
    /* As a chunk that libpng knows it would get as much memory as it claims, 2 GB and all. */
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_ALWAYS, (png_const_bytep) "eXIf", 1);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT, (png_const_bytep) "sBIT", 1);
    png_set_read_fn(png, job, read_bytes);
    png_read_info(png, info);
    leave_unless_ok(png, job, check_header(job, png, info));

    int bit_depth = png_get_bit_depth(png, info), colour = png_get_color_type(png, info);
    job->decoded.facts = (vt_image_facts){bit_depth, png_get_channels(png, info), false};
    if (colour == PNG_COLOR_TYPE_PALETTE) job->decoded.facts = (vt_image_facts){8, 3, false};
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (colour == PNG_COLOR_TYPE_GRAY && bit_depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (bit_depth == 16 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) png_set_swap(png);
    png_set_strip_alpha(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);

    int width = (int)png_get_image_width(png, info), height = (int)png_get_image_height(png, info);
    int channels = png_get_channels(png, info);
    size_t stride = (size_t)width * (size_t)channels;
    leave_unless_ok(png, job, vt_image_allocate(width, height, channels, &job->decoded.image));
    if (bit_depth == 16)
        leave_unless_ok(png, job, vt_allocate(&job->samples, (size_t)height, stride * sizeof *job->samples, "an image"));
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < (size_t)height; y++)
            png_read_row(png, job->samples ? (png_bytep)(job->samples + y * stride) : job->decoded.image.pixels + y * stride,
                         NULL);
    png_read_end(png, info);
    read_orientation(png, info, job);
    if (job->samples) reduce_samples(png, info, job);
}

vt_status vt_png_decode(const vt_encoded_image *in, vt_decoded_image *out) {
    png_job job = {.name = in->name, .input = in->data, .input_size = in->size, .intensity = in->intensity};
    *out = (vt_decoded_image){0};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return vt_fail_memory("decoding a PNG image", 0);
    }
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &info, NULL);
        free(job.samples);
        vt_image_free(&job.decoded.image);
        return job.status != VT_OK ? job.status
                                   : vt_fail(VT_ERROR_INPUT, "%s: the PNG image is damaged: %s", in->name, job.reason);
    }
    decode_rows(png, info, &job);
    png_destroy_read_struct(&png, &info, NULL);
    free(job.samples);
    *out = job.decoded;
    return VT_OK;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
    png_job *job = png_get_io_ptr(png);
    leave_unless_ok(png, job, vt_grow(&job->output, &job->output_capacity, job->output_size + count, 1, "a PNG image"));
    memcpy(job->output + job->output_size, bytes, count);
    job->output_size += count;
}

static void flush_nothing(png_structp png) {
    (void)png;
}

/* Everything that may longjmp while encoding. One filter and a low level: three times as fast as libpng's own choice,
 * for files a few per cent longer. */
static void encode_rows(png_structp png, png_infop info, const vt_image *image, png_job *job) {
    png_set_write_fn(png, job, write_bytes, flush_nothing);
    png_set_IHDR(png, info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE,
                 PNG_FILTER_TYPE_BASE);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_PAETH);
    png_set_compression_level(png, 1);
    png_write_info(png, info);
    size_t stride = (size_t)image->width * (size_t)image->channels;
    for (int y = 0; y < image->height; y++) png_write_row(png, image->pixels + (size_t)y * stride);
    png_write_end(png, info);
}

vt_status vt_image_encode_png(const vt_image *image, uint8_t **data, size_t *size) {
    png_job job = {.name = "a PNG image"};
    *data = NULL;
    *size = 0;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_write_struct(&png, NULL);
        return vt_fail_memory("encoding a PNG image", 0);
    }
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        free(job.output);
        return job.status != VT_OK ? job.status : vt_fail(VT_ERROR_USAGE, "an image can't be written as PNG: %s", job.reason);
    }
    encode_rows(png, info, image, &job);
    png_destroy_write_struct(&png, &info);
    *data = job.output;
    *size = job.output_size;
    return VT_OK;
}
