/* Undoing the row filters of PNG in portable C. A filtered byte is the pixel's less what the filter predicts from the pixels to
 * the left, above, and above left; loops are free of branches on pixels, which no processor can foresee. */
#include "data/image/png_unfilter.h"

#include <stdlib.h>
#include <string.h>

enum { FILTER_NONE, FILTER_SUB, FILTER_UP, FILTER_AVERAGE, FILTER_PAETH };

/* The one of three neighbours that is nearest to left + above - above_left; of equally near ones, the first. */
static inline int predict_paeth(int left, int above, int above_left) {
    int from_left = abs(above - above_left), from_above = abs(left - above_left);
    int from_above_left = abs(left + above - 2 * above_left);
    int nearest = from_above <= from_above_left ? above : above_left;
    int distance = from_above <= from_above_left ? from_above : from_above_left;
    return from_left <= distance ? left : nearest;
}

/* The filters that look to the left, with the pixel there in registers. */
static inline void undo_paeth(const uint8_t *in, const uint8_t *above, size_t length, size_t pixel_bytes, uint8_t *out) {
    int left[4] = {0}, above_left[4] = {0};
    for (size_t i = 0; i < length; i += pixel_bytes)
        for (size_t c = 0; c < pixel_bytes; c++) {
            int up = above[i + c];
            left[c] = (uint8_t)(in[i + c] + predict_paeth(left[c], up, above_left[c]));
            above_left[c] = up;
            out[i + c] = (uint8_t)left[c];
        }
}

static inline void undo_average(const uint8_t *in, const uint8_t *above, size_t length, size_t pixel_bytes, uint8_t *out) {
    int left[4] = {0};
    for (size_t i = 0; i < length; i += pixel_bytes)
        for (size_t c = 0; c < pixel_bytes; c++) {
            left[c] = (uint8_t)(in[i + c] + (left[c] + above[i + c]) / 2);
            out[i + c] = (uint8_t)left[c];
        }
}

static inline void undo_sub(const uint8_t *in, size_t length, size_t pixel_bytes, uint8_t *out) {
    int left[4] = {0};
    for (size_t i = 0; i < length; i += pixel_bytes)
        for (size_t c = 0; c < pixel_bytes; c++) {
            left[c] = (uint8_t)(in[i + c] + left[c]);
            out[i + c] = (uint8_t)left[c];
        }
}

/* Inlined once for each size of pixel. */
static inline int unfilter(const uint8_t *in, const uint8_t *above, size_t rows, size_t length, size_t pixel_bytes,
                           uint8_t *out) {
    for (size_t y = 0; y < rows; y++) {
        uint8_t filter = *in++;
        if (filter == FILTER_PAETH)
            undo_paeth(in, above, length, pixel_bytes, out);
        else if (filter == FILTER_AVERAGE)
            undo_average(in, above, length, pixel_bytes, out);
        else if (filter == FILTER_UP)
            for (size_t i = 0; i < length; i++) out[i] = (uint8_t)(in[i] + above[i]);
        else if (filter == FILTER_SUB)
            undo_sub(in, length, pixel_bytes, out);
        else if (filter == FILTER_NONE)
            memmove(out, in, length);
        else
            return 0;
        above = out;
        in += length;
        out += length;
    }
    return 1;
}

int vt_png_unfilter(const uint8_t *filtered, const uint8_t *above, size_t rows, size_t length, int pixel_bytes, uint8_t *out) {
    switch (pixel_bytes) {
    case 1:
        return unfilter(filtered, above, rows, length, 1, out);
    case 2:
        return unfilter(filtered, above, rows, length, 2, out);
    case 3:
        return unfilter(filtered, above, rows, length, 3, out);
    case 4:
        return unfilter(filtered, above, rows, length, 4, out);
    default:
        return 0;
    }
}
