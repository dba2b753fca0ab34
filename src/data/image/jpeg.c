/* JPEG through libjpeg-turbo, from memory, with the decoder's default quality (accurate integer DCT, smooth chroma
 * upsampling), which Pillow uses too. libjpeg's errors come back by longjmp and leave as sentences. Its warnings are
 * silent, except that those which mean lost image data are errors. */
#include "data/image/image_formats.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE */
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

enum {
    /* A Huffman-coded block of 8 x 8 pixels takes at least one bit. */
    PIXELS_PER_BYTE = 8 * 64,
    /* Progressive files have about ten scans; thousands of empty ones make a small file slow. */
    SCAN_LIMIT = 500,
    /* Of several scans, libjpeg keeps every coefficient until the last one: up to eight bytes a pixel, 512 MB at this limit. */
    SCANS_AREA_LIMIT = 1 << 26
};

typedef struct jpeg_job {
    struct jpeg_error_mgr errors; /* first: libjpeg knows only this part */
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct decoder;
    jmp_buf leave;
    const char *name;
    size_t input_size;
    vt_image image;
    int orientation;
    uint8_t *cmyk_row; /* [width, 4]; owned by the decoder's pool */
    vt_status status;
} jpeg_job;

static void on_error(j_common_ptr common) {
    jpeg_job *job = (jpeg_job *)common->err;
    char reason[JMSG_LENGTH_MAX];
    common->err->format_message(common, reason);
    job->status = vt_fail(VT_ERROR_INPUT, "%s: the JPEG image is damaged: %s", job->name, reason);
    longjmp(job->leave, 1);
}

/* Called for warnings (level -1) and traces (from 0). */
static void on_message(j_common_ptr common, int level) {
    jpeg_job *job = (jpeg_job *)common->err;
    if (level >= 0) return;
    switch (common->err->msg_code) {
    case JWRN_JPEG_EOF:
        job->status = vt_fail(VT_ERROR_INPUT, "%s: the JPEG image is cut off: it ends after %zu bytes, before its end marker",
                              job->name, job->input_size);
        longjmp(job->leave, 1);
    case JWRN_ADOBE_XFORM:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
        break; /* odd, but no pixel is lost */
    default:
        on_error(common);
    }
}

static void on_progress(j_common_ptr common) {
    jpeg_job *job = (jpeg_job *)common->err;
    if (job->decoder.input_scan_number <= SCAN_LIMIT) return;
    job->status = vt_fail(VT_ERROR_INPUT, "%s: the JPEG image has more than %d scans", job->name, SCAN_LIMIT);
    longjmp(job->leave, 1);
}

static void leave_unless_ok(jpeg_job *job, vt_status status) {
    job->status = status;
    if (status != VT_OK) longjmp(job->leave, 1);
}

static vt_status check_header(const jpeg_job *job) {
    const struct jpeg_decompress_struct *decoder = &job->decoder;
    VT_TRY(vt_image_check_size(job->name, decoder->image_width, decoder->image_height));
    if (decoder->num_components != 1 && decoder->num_components != 3 && decoder->num_components != 4)
        return vt_fail(VT_ERROR_INPUT, "%s: a JPEG image of %d components; expected 1 (grey), 3 (colour) or 4 (CMYK)",
                       job->name, decoder->num_components);
    uint64_t area = (uint64_t)decoder->image_width * decoder->image_height;
    if (!decoder->arith_code && area / PIXELS_PER_BYTE > job->input_size)
        return vt_fail(VT_ERROR_INPUT, "%s: the JPEG image is cut off: %zu bytes can't hold %u x %u pixels", job->name,
                       job->input_size, decoder->image_width, decoder->image_height);
    if (jpeg_has_multiple_scans((struct jpeg_decompress_struct *)decoder) && area > SCANS_AREA_LIMIT)
        return vt_fail(VT_ERROR_INPUT,
                       "%s: a progressive JPEG image of %u x %u pixels; progressive ones may have at most %d pixels", job->name,
                       decoder->image_width, decoder->image_height, SCANS_AREA_LIMIT);
    return VT_OK;
}

/* a * b / 255, rounded. */
static int multiply_255(int a, int b) {
    int product = a * b + 128;
    return ((product >> 8) + product) >> 8;
}

/* Adobe's files, and in practice all, store CMYK inverted: 255 is no ink. */
static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, int width) {
    for (int x = 0; x < width; x++, cmyk += 4, rgb += 3)
        for (int c = 0; c < 3; c++) {
            int light = cmyk[3] - multiply_255(255 - cmyk[c], cmyk[3]);
            rgb[c] = (uint8_t)(light < 0 ? 0 : light);
        }
}

/* The Exif record is in the first APP1 marker that begins like one. */
static int find_orientation(const struct jpeg_decompress_struct *decoder) {
    static const char identifier[6] = "Exif\0";
    for (jpeg_saved_marker_ptr marker = decoder->marker_list; marker; marker = marker->next)
        if (marker->data_length >= sizeof identifier && memcmp(marker->data, identifier, sizeof identifier) == 0)
            return vt_exif_orientation(marker->data + sizeof identifier, marker->data_length - sizeof identifier);
    return vt_exif_orientation(NULL, 0);
}

/* Everything that may longjmp. */
static void decode_rows(const void *data, size_t size, jpeg_job *job) {
    struct jpeg_decompress_struct *decoder = &job->decoder;
    jpeg_create_decompress(decoder);
    decoder->progress = &job->progress;
    job->progress.progress_monitor = on_progress;
    jpeg_mem_src(decoder, data, size);
    jpeg_save_markers(decoder, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(decoder, TRUE);
    leave_unless_ok(job, check_header(job));
    job->orientation = find_orientation(decoder);

    int cmyk = decoder->num_components == 4;
    decoder->out_color_space = decoder->num_components == 1 ? JCS_GRAYSCALE : cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(decoder);
    int width = (int)decoder->output_width, height = (int)decoder->output_height;
    leave_unless_ok(job, vt_image_allocate(width, height, decoder->num_components == 1 ? 1 : 3, &job->image));
    if (cmyk) job->cmyk_row = decoder->mem->alloc_small((j_common_ptr)decoder, JPOOL_IMAGE, (size_t)width * 4);
    while (decoder->output_scanline < decoder->output_height) {
        JSAMPROW target = job->image.pixels + (size_t)decoder->output_scanline * (size_t)width * (size_t)job->image.channels;
        JSAMPROW row = cmyk ? job->cmyk_row : target;
        jpeg_read_scanlines(decoder, &row, 1);
        if (cmyk) cmyk_to_rgb(row, target, width);
    }
    jpeg_finish_decompress(decoder);
}

vt_status vt_jpeg_decode(const vt_encoded_image *in, vt_decoded_image *out) {
    *out = (vt_decoded_image){0};
    jpeg_job job = {.name = in->name, .input_size = in->size};
    job.decoder.err = jpeg_std_error(&job.errors);
    job.errors.error_exit = on_error;
    job.errors.emit_message = on_message;
    if (setjmp(job.leave)) {
        jpeg_destroy_decompress(&job.decoder);
        vt_image_free(&job.image);
        return job.status;
    }
    decode_rows(in->data, in->size, &job);
    out->facts = (vt_image_facts){.depth = job.decoder.data_precision, .channels = job.decoder.num_components};
    jpeg_destroy_decompress(&job.decoder);
    out->image = job.image;
    out->orientation = job.orientation;
    return VT_OK;
}
