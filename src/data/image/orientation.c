/* Photographs may lie turned or mirrored in their files, with an Exif record that says so. Reads that record, and turns
 * the image upright as Pillow's ImageOps.exif_transpose() does, which datasets and transformers apply to what they load.
 * A record that can't be understood is as good as none. */
#include "data/image/image_formats.h"

#include <string.h>

/* Exif is TIFF 6.0: tag 274 is Orientation, one number of type 3 (SHORT), kept in the entry itself. */
enum { TAG_ORIENTATION = 274, TYPE_SHORT = 3, HEADER_BYTES = 8, ENTRY_BYTES = 12, UPRIGHT = 1, LAST_ORIENTATION = 8 };

/* An unsigned number of `bytes` bytes. */
static uint32_t number_at(const uint8_t *data, int bytes, int big_endian) {
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | data[big_endian ? i : bytes - 1 - i];
    return value;
}

int vt_exif_orientation(const uint8_t *tiff, size_t size) {
    if (size < HEADER_BYTES || (memcmp(tiff, "II*\0", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0)) return UPRIGHT;
    int big_endian = tiff[0] == 'M';
    size_t directory = number_at(tiff + 4, 4, big_endian);
    if (directory > size || size - directory < 2) return UPRIGHT;
    size_t count = number_at(tiff + directory, 2, big_endian), room = (size - directory - 2) / ENTRY_BYTES;
    for (size_t i = 0; i < count && i < room; i++) {
        const uint8_t *entry = tiff + directory + 2 + i * ENTRY_BYTES; /* tag, type, count, value */
        if (number_at(entry, 2, big_endian) != TAG_ORIENTATION) continue;
        uint32_t value = number_at(entry + 8, 2, big_endian);
        int usable = number_at(entry + 2, 2, big_endian) == TYPE_SHORT && value >= UPRIGHT && value <= LAST_ORIENTATION;
        return usable ? (int)value : UPRIGHT;
    }
    return UPRIGHT;
}

vt_status vt_image_turn_upright(vt_image *image, int orientation) {
    if (orientation == UPRIGHT) return VT_OK;
    /* Of the image as stored: whether it runs from right to left, from bottom to top, and, first, by columns. */
    int mirrored = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    int upside_down = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    int by_columns = orientation >= 5;
    size_t width = (size_t)image->width, height = (size_t)image->height, channels = (size_t)image->channels;
    vt_image upright;
    VT_TRY(vt_image_allocate(by_columns ? image->height : image->width, by_columns ? image->width : image->height,
                             image->channels, &upright));
    uint8_t *to = upright.pixels;
    for (size_t y = 0; y < (size_t)upright.height; y++)
        for (size_t x = 0; x < (size_t)upright.width; x++, to += channels) {
            size_t column = by_columns ? y : x, row = by_columns ? x : y;
            if (mirrored) column = width - 1 - column;
            if (upside_down) row = height - 1 - row;
            memcpy(to, image->pixels + (row * width + column) * channels, channels);
        }
    vt_image_free(image);
    *image = upright;
    return VT_OK;
}
