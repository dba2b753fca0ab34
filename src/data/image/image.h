/* Images in memory: decoding PNG and JPEG, resizing as Pillow does. */
#ifndef VT_DATA_IMAGE_H
#define VT_DATA_IMAGE_H

#include "base/error.h"
#include "vitrain/dataset.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VT_ENCODED_IMAGE_LIMIT = 256 << 20 }; /* bytes of one encoded image, loose or in a container */

typedef struct vt_image {
    int width, height;
    int channels;    /* 1 or 3 */
    uint8_t *pixels; /* [height, width, channels]; owned: vt_image_free() */
} vt_image;

/* What an image was in its file. */
typedef struct vt_image_facts {
    int depth;    /* bits per channel that carry something; 8 of a palette */
    int channels; /* alpha included; a palette has 3 */
    bool dim;     /* of more than 8 bits, and all values in the lowest eighth of their range: VT_INTENSITY_FULL leaves it black
                     or nearly so */
} vt_image_facts;

void vt_image_free(vt_image *image); /* leaves it empty */

/* Decodes a PNG (1-16 bits, grey, palette, RGB, alpha) or JPEG. `name` is for error sentences. Alpha is dropped, as
 * Pillow's convert("RGB") drops it; samples of more than 8 bits become 8 as `intensity` says; CMYK JPEGs become RGB; an image
 * that lies turned or mirrored in its file, by its Exif record, is turned upright. Pixels whose three channels are equal
 * everywhere give a one-channel image. Truncated or corrupt data is VT_ERROR_INPUT: half an image is never returned. Sides are
 * limited to 65,535 and the area to 2^28 pixels. */
vt_status vt_image_read(const void *data, size_t size, const char *name, vt_intensity intensity, vt_image *out,
                        vt_image_facts *facts /* NULL allowed */) VT_CHECKED;

/* vt_image_read() with VT_INTENSITY_FULL and without facts. */
vt_status vt_image_decode(const void *data, size_t size, const char *name, vt_image *out) VT_CHECKED;

/* Resizes to width x height, bit for bit as Pillow 13's Image.resize does for modes L and RGB (no reducing gap); earlier
 * Pillows differ where the height shrinks by more than twice as many pixels as the width. */
vt_status vt_image_resize(const vt_image *image, int width, int height, vt_resample resample, vt_image *out) VT_CHECKED;

/* One channel -> three equal ones, in place; three stay. */
vt_status vt_image_to_rgb(vt_image *image) VT_CHECKED;

/* Encodes as an 8-bit grey or RGB PNG; *data is freed with free(). */
vt_status vt_image_encode_png(const vt_image *image, uint8_t **data, size_t *size) VT_CHECKED;

#endif
