/* The image formats behind vt_image_decode(), and the limits that all of them share. */
#ifndef VT_DATA_IMAGE_FORMATS_H
#define VT_DATA_IMAGE_FORMATS_H

#include "data/image/image.h"

/* deflate makes at most 1032 bytes of one (RFC 1951: 258 bytes for two codes of one bit each). */
enum { VT_DEFLATE_LIMIT = 1032 };

typedef struct vt_encoded_image {
    const uint8_t *data; /* [size] */
    size_t size;
    const char *name; /* for sentences */
    vt_intensity intensity;
} vt_encoded_image;

typedef struct vt_decoded_image {
    vt_image image; /* one channel for grey files, three for all others; empty on failure */
    vt_image_facts facts;
    int orientation; /* how the image lies in its file, as Exif numbers it: 1 (upright) to 8 */
} vt_decoded_image;

/* Each decodes one format. */
vt_status vt_png_decode(const vt_encoded_image *in, vt_decoded_image *out) VT_CHECKED;
vt_status vt_jpeg_decode(const vt_encoded_image *in, vt_decoded_image *out) VT_CHECKED;
vt_status vt_tiff_decode(const vt_encoded_image *in, vt_decoded_image *out) VT_CHECKED;
vt_status vt_dicom_decode(const vt_encoded_image *in, vt_decoded_image *out) VT_CHECKED;

/* Decodes the usual kind of PNG, upright, exactly as vt_png_decode() does but several times as fast. Returns 0, with an empty
 * image, where vt_png_decode() is to judge. */
int vt_png_decode_fast(const vt_encoded_image *in, vt_decoded_image *out);

/* samples [count] of more than 8 bits -> bytes [count], halves rounded up: 0 and `white` become 0 and 255, or the smallest and
 * the largest sample do, as `intensity` says. *dim as in vt_image_facts. */
void vt_samples_to_bytes(const uint16_t *samples, size_t count, uint16_t white, vt_intensity intensity, uint8_t *bytes,
                         bool *dim);

/* Exif's Orientation, 1 (upright) to 8, of a record that begins with its TIFF header; 1 if it has none that is valid. */
int vt_exif_orientation(const uint8_t *tiff, size_t size);

/* Turns and mirrors an image that lies as `orientation` (1 to 8) says; width and height may change places. */
vt_status vt_image_turn_upright(vt_image *image, int orientation) VT_CHECKED;

/* Checks the sides and the area of an image called `name`. */
vt_status vt_image_check_size(const char *name, uint64_t width, uint64_t height) VT_CHECKED;

/* *out = a black image; sizes are checked already. */
vt_status vt_image_allocate(int width, int height, int channels, vt_image *out) VT_CHECKED;

#endif
