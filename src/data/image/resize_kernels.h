/* The two inner loops of resizing, in portable C and for AVX2: integer arithmetic, so all give the same bits. */
#ifndef VT_DATA_RESIZE_KERNELS_H
#define VT_DATA_RESIZE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Weights are fixed-point numbers of 22 fractional bits: 32 bits less 8 of the pixel and 2 against overflow. */
enum { VT_RESIZE_PRECISION_BITS = 32 - 8 - 2 };

/* How one axis is resampled. Output i is the sum over k < counts[i] of weights[i * taps + k] * input firsts[i] + k. */
typedef struct vt_resize_axis {
    int size;         /* outputs */
    int taps;         /* weights kept per output, a multiple of 8; those past counts[i] are zero */
    int32_t *firsts;  /* [size] */
    int32_t *counts;  /* [size] */
    int32_t *weights; /* [size, taps] */
} vt_resize_axis;

typedef struct vt_resize_kernels {
    /* in [width, channels] -> out [axis->size, channels]. At least 8 bytes past `in` can be read. */
    void (*row)(const uint8_t *in, int channels, const vt_resize_axis *axis, uint8_t *out);
    /* out [length] = the sum over k < count of weights[k] * in[k * stride ...]. */
    void (*column)(const uint8_t *in, size_t stride, size_t length, const int32_t *weights, int count, uint8_t *out);
} vt_resize_kernels;

extern const vt_resize_kernels vt_resize_kernels_portable;
extern const vt_resize_kernels vt_resize_kernels_avx2; /* x86-64 alone */

/* Rounds away the fractional bits (the rounding half is in `sum` already) and clips to a pixel. */
static inline uint8_t vt_resize_clip(int32_t sum) {
    int32_t value = sum >> VT_RESIZE_PRECISION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

#endif
