/* Any bytes as an image: a decoded one must be whole, and survive resizing and encoding; and what the fast decoder of PNGs
 * takes, libpng must take too, with the same pixels. */
#include "data/image/image_formats.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const vt_image *image) {
    vt_image small, again;
    uint8_t *png;
    size_t png_size;
    if (vt_image_resize(image, 7, 5, (vt_resample)(image->width % 6), &small) != VT_OK) abort();
    if (vt_image_encode_png(&small, &png, &png_size) != VT_OK) abort();
    if (vt_image_decode(png, png_size, "fuzz", &again) != VT_OK || again.width != 7 || again.height != 5) abort();
    free(png);
    vt_image_free(&small);
    vt_image_free(&again);
}

static void compare_decoders(const uint8_t *data, size_t size) {
    vt_encoded_image encoded = {.data = data, .size = size, .name = "fuzz"};
    vt_decoded_image fast, expected;
    if (vt_png_decode_fast(&encoded, &fast)) {
        if (vt_png_decode(&encoded, &expected) != VT_OK || expected.orientation != 1) abort();
        const vt_image *a = &fast.image, *b = &expected.image;
        if (a->width != b->width || a->height != b->height || a->channels != b->channels) abort();
        if (memcmp(a->pixels, b->pixels, (size_t)a->width * (size_t)a->height * (size_t)a->channels) != 0) abort();
        if (fast.facts.depth != expected.facts.depth || fast.facts.channels != expected.facts.channels) abort();
        vt_image_free(&expected.image);
    } else if (fast.image.pixels) {
        abort();
    }
    vt_image_free(&fast.image);
}

/* With the checksums of a PNG's chunks made right again, so that damage gets past them. */
static void compare_mended(const uint8_t *data, size_t size) {
    uint8_t *png = malloc(size + 1);
    if (!png) abort();
    if (size) memcpy(png, data, size);
    for (size_t at = 8; at < size && size - at >= 12;) {
        size_t length = (size_t)png[at] << 24 | (size_t)png[at + 1] << 16 | (size_t)png[at + 2] << 8 | png[at + 3];
        if (length > size - at - 12) break;
        uint32_t crc = (uint32_t)crc32(0, png + at + 4, (uInt)length + 4);
        at += 12 + length;
        for (size_t i = 0; i < 4; i++) png[at - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
    compare_decoders(png, size);
    free(png);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vt_image image;
    compare_decoders(data, size);
    compare_mended(data, size);
    if (vt_image_decode(data, size, "fuzz", &image) == VT_OK)
        use(&image);
    else if (image.pixels || !vt_error_message()[0])
        abort();
    vt_image_free(&image);
    return 0;
}
