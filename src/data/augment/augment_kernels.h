/* The inner loops of affine maps for AVX2. They do what the plain code of augment_affine.c does, the same operations on doubles
 * in the same order, to four pixels at a time. */
#ifndef VT_DATA_AUGMENT_KERNELS_H
#define VT_DATA_AUGMENT_KERNELS_H

#include <stdint.h>

/* One row of the output. Its pixel x lies at slope_x * (x + 0.5) + row_x + shift_x of the input, and likewise y. */
typedef struct vt_affine_row {
    const uint8_t *in; /* [height, width, channels] */
    int width, channels;
    double slope_x, row_x, shift_x, slope_y, row_y, shift_y;
} vt_affine_row;

/* Each writes pixels begin ... of a row to `out`, which is the row's start, and returns the first it left: at most three before
 * `end`. All must lie so far inside that the 2 x 2 or 4 x 4 neighbours are in the input, and 16 bytes behind the first of each
 * of their rows. */
int vt_bilinear_span_avx2(const vt_affine_row *row, int begin, int end, uint8_t *out);
int vt_bicubic_span_avx2(const vt_affine_row *row, int begin, int end, uint8_t *out);

#endif
