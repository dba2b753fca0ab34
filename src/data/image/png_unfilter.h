/* Undoing the row filters of PNG (PNG specification, chapter 6), in portable C and for AVX2: all give the same bytes. */
#ifndef VT_DATA_PNG_UNFILTER_H
#define VT_DATA_PNG_UNFILTER_H

#include <stddef.h>
#include <stdint.h>

/* filtered [rows, 1 + length] -> out [rows, length], of pixels of 1 to 4 bytes. A row's first byte is the number of its filter.
 * `above` [length] is the unfiltered row before the first one: zeros at the top of an image. `out` may be `filtered`.
 * Returns 0 if a filter is unknown. */
int vt_png_unfilter(const uint8_t *filtered, const uint8_t *above, size_t rows, size_t length, int pixel_bytes, uint8_t *out);

/* x86-64 alone. The same for pixels of one byte, where `rows` is a multiple of VT_PNG_WAVE_ROWS and `out` lies elsewhere. Up to
 * VT_PNG_WAVE_SLACK bytes past the end of `filtered` and of `above` are read; what they are is of no matter. */
enum { VT_PNG_WAVE_ROWS = 32, VT_PNG_WAVE_SLACK = 16 };
int vt_png_unfilter_avx2(const uint8_t *filtered, const uint8_t *above, size_t rows, size_t length, uint8_t *out);

#endif
