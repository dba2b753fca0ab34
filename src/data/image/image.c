/* Images in memory: recognises the format, decodes, and keeps one channel where three are equal.
 * The formats themselves are in png_fast.c, png.c, jpeg.c, tiff.c and dicom.c, depths of more than 8 bits in intensity.c,
 * turning upright in orientation.c, resizing in resize.c. */
#include "data/image/image_formats.h"

#include "base/memory.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_LIMIT = 65535 };
static const uint64_t area_limit = UINT64_C(1) << 28;

static const uint8_t png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
static const uint8_t jpeg_signature[3] = {0xff, 0xd8, 0xff};

const char *vt_image_formats(void) {
#ifdef VITRAIN_DICOM
    return "PNG, JPEG, TIFF, DICOM";
#else
    return "PNG, JPEG, TIFF, DICOM (uncompressed or of baseline JPEG; other kinds of JPEG and RLE need a build with "
           "libgdcm-dev)";
#endif
}

static int begins_with(const void *data, size_t size, const uint8_t *signature, size_t length) {
    return size >= length && memcmp(data, signature, length) == 0;
}

static int is_png(const void *data, size_t size) {
    return begins_with(data, size, png_signature, sizeof png_signature);
}
static int is_jpeg(const void *data, size_t size) {
    return begins_with(data, size, jpeg_signature, sizeof jpeg_signature);
}

static int is_tiff(const void *data, size_t size) { /* BigTIFF has '+' for '*' */
    return begins_with(data, size, (const uint8_t *)"II*\0", 4) || begins_with(data, size, (const uint8_t *)"MM\0*", 4) ||
           begins_with(data, size, (const uint8_t *)"II+\0", 4) || begins_with(data, size, (const uint8_t *)"MM\0+", 4);
}

static int is_dicom(const uint8_t *data, size_t size) {
    enum { PREAMBLE_BYTES = 128 };
    return size >= PREAMBLE_BYTES + 4 && memcmp(data + PREAMBLE_BYTES, "DICM", 4) == 0;
}

void vt_image_free(vt_image *image) {
    free(image->pixels);
    *image = (vt_image){0};
}

vt_status vt_image_check_size(const char *name, uint64_t width, uint64_t height) {
    if (width < 1 || height < 1 || width > SIDE_LIMIT || height > SIDE_LIMIT || width * height > area_limit)
        return vt_fail(VT_ERROR_INPUT,
                       "%s: an image of %" PRIu64 " x %" PRIu64
                       " pixels can't be used; sides are 1 to %d, and the area at most %" PRIu64 " pixels",
                       name, width, height, SIDE_LIMIT, area_limit);
    return VT_OK;
}

vt_status vt_image_allocate(int width, int height, int channels, vt_image *out) {
    *out = (vt_image){.width = width, .height = height, .channels = channels};
    vt_status status = vt_allocate(&out->pixels, (size_t)width * (size_t)height, (size_t)channels, "an image");
    if (status != VT_OK) *out = (vt_image){0};
    return status;
}

static int all_grey(const vt_image *image) {
    const uint8_t *pixel = image->pixels; /* [height, width, 3] */
    size_t count = (size_t)image->width * (size_t)image->height;
    for (size_t row = 0; row < count; row += (size_t)image->width) {
        unsigned difference = 0;
        for (int x = 0; x < image->width; x++, pixel += 3)
            difference |= (unsigned)(pixel[0] ^ pixel[1]) | (unsigned)(pixel[0] ^ pixel[2]);
        if (difference) return 0;
    }
    return 1;
}

/* Keeps the first of three equal channels. */
static void keep_one_channel(vt_image *image) {
    size_t count = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < count; i++) image->pixels[i] = image->pixels[3 * i];
    image->channels = 1;
    uint8_t *smaller = realloc(image->pixels, count);
    if (smaller) image->pixels = smaller;
}

static vt_status decode(const vt_encoded_image *in, vt_decoded_image *out) {
    if (is_png(in->data, in->size)) return vt_png_decode_fast(in, out) ? VT_OK : vt_png_decode(in, out);
    if (is_jpeg(in->data, in->size)) return vt_jpeg_decode(in, out);
    if (is_tiff(in->data, in->size)) return vt_tiff_decode(in, out);
    if (is_dicom(in->data, in->size)) return vt_dicom_decode(in, out);
    if (in->size == 0) return vt_fail(VT_ERROR_INPUT, "%s: the file is empty; expected an image", in->name);
    return vt_fail(VT_ERROR_INPUT, "%s: its first bytes are those of no PNG, JPEG, TIFF or DICOM file", in->name);
}

vt_status vt_image_read(const void *data, size_t size, const char *name, vt_intensity intensity, vt_image *out,
                        vt_image_facts *facts) {
    vt_encoded_image encoded = {.data = data, .size = size, .name = name, .intensity = intensity};
    vt_decoded_image decoded = {.orientation = 1};
    *out = (vt_image){0};
    VT_TRY(decode(&encoded, &decoded));
    *out = decoded.image;
    if (facts) *facts = decoded.facts;
    if (out->channels == 3 && all_grey(out)) keep_one_channel(out);
    vt_status status = vt_image_turn_upright(out, decoded.orientation);
    if (status != VT_OK) vt_image_free(out);
    return status;
}

vt_status vt_image_decode(const void *data, size_t size, const char *name, vt_image *out) {
    return vt_image_read(data, size, name, VT_INTENSITY_FULL, out, NULL);
}

vt_status vt_image_to_rgb(vt_image *image) {
    if (image->channels == 3) return VT_OK;
    vt_image colour;
    VT_TRY(vt_image_allocate(image->width, image->height, 3, &colour));
    size_t count = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < count; i++) memset(colour.pixels + 3 * i, image->pixels[i], 3);
    vt_image_free(image);
    *image = colour;
    return VT_OK;
}
