/* Small bfloat16 products for attention, on tiles (AMX) where this instruction set has them, else on dot products of pairs.
 *
 * Both take a row by row and b in pairs: entry (k, j) of b's array holds elements 2 k and 2 k + 1 of b's column j. All sizes
 * are multiples of PAD, all memory is 64-byte aligned, sums are float32. */
#ifndef VT_CPU_KERNEL_PRODUCTS_BF16_H
#define VT_CPU_KERNEL_PRODUCTS_BF16_H

#include "compute/cpu/vector.h"
#include <string.h>

#define PAD 32

typedef uint32_t pair; /* two bfloat16 numbers, the first in the low half */

INLINE int64_t pad(int64_t size) {
    return (size + PAD - 1) / PAD * PAD;
}

#if defined(__AMX_BF16__)

/* Sums stand in tiles 0-3, two tiles of a in 4 and 5, two of b in 6 and 7; each tile has 16 rows of 64 bytes. */
static void products_begin(void) {
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } configuration = {.palette = 1};
    for (int i = 0; i < 8; i++) configuration.bytes[i] = 64, configuration.rows[i] = 16;
    __asm__ volatile("" : : "r"(&configuration) : "memory"); /* gcc's intrinsics don't say that they read memory */
    _tile_loadconfig(&configuration);
}

static void products_end(void) {
    _tile_release();
}

/* c [PAD, PAD] = a b, or += when `add`; strides in elements. */
INLINE void multiply_block(const vt_bf16 *a, int64_t a_stride, const pair *b, int64_t b_stride, float *c, int64_t c_stride,
                           int64_t depth, int add) {
    const vt_bf16 *a_below = a + 16 * a_stride;
    float *c_below = c + 16 * c_stride;
    if (add) {
        _tile_loadd(0, c, c_stride * 4);
        _tile_loadd(1, c + 16, c_stride * 4);
        _tile_loadd(2, c_below, c_stride * 4);
        _tile_loadd(3, c_below + 16, c_stride * 4);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int64_t k = 0; k < depth; k += 32, b += 16 * b_stride) {
        _tile_loadd(4, a + k, a_stride * 2);
        _tile_loadd(6, b, b_stride * 4);
        _tile_loadd(7, b + 16, b_stride * 4);
        _tile_loadd(5, a_below + k, a_stride * 2);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, c, c_stride * 4);
    _tile_stored(1, c + 16, c_stride * 4);
    _tile_stored(2, c_below, c_stride * 4);
    _tile_stored(3, c_below + 16, c_stride * 4);
}

#else

static void products_begin(void) {}

static void products_end(void) {}

/* c [PAD, PAD] = a b, or += when `add`, 8 rows at a time; strides in elements. */
INLINE void multiply_block(const vt_bf16 *a, int64_t a_stride, const pair *b, int64_t b_stride, float *c, int64_t c_stride,
                           int64_t depth, int add) {
    for (int row = 0; row < PAD; row += 8, a += 8 * a_stride, c += 8 * c_stride) {
        __m512 sum[8][2];
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 2; j++) sum[i][j] = add ? _mm512_load_ps(c + i * c_stride + 16 * j) : _mm512_setzero_ps();
        for (int64_t k = 0; k < depth / 2; k++) {
            __m512bh left = (__m512bh)_mm512_load_si512(b + k * b_stride);
            __m512bh right = (__m512bh)_mm512_load_si512(b + k * b_stride + 16);
#pragma GCC unroll 8
            for (int i = 0; i < 8; i++) {
                int32_t two;
                memcpy(&two, a + i * a_stride + 2 * k, sizeof two);
                __m512bh factor = (__m512bh)_mm512_set1_epi32(two);
                sum[i][0] = _mm512_dpbf16_ps(sum[i][0], factor, left);
                sum[i][1] = _mm512_dpbf16_ps(sum[i][1], factor, right);
            }
        }
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 2; j++) _mm512_store_ps(c + i * c_stride + 16 * j, sum[i][j]);
    }
}

#endif

/* c [rows, columns] = a [rows, depth] b [depth, columns], or += when `add`; strides in elements. */
static __attribute__((noinline)) void multiply_bf16(const vt_bf16 *a, int64_t a_stride, const pair *b, int64_t b_stride,
                                                    float *c, int64_t c_stride, int64_t rows, int64_t columns, int64_t depth,
                                                    int add) {
    __asm__ volatile("" : : : "memory"); /* as in products_begin() */
    for (int64_t column = 0; column < columns; column += PAD)
        for (int64_t row = 0; row < rows; row += PAD)
            multiply_block(a + row * a_stride, a_stride, b + column, b_stride, c + row * c_stride + column, c_stride, depth,
                           add);
}

/* to [pad(rows), pad(columns)] = from [rows, columns], zeros around it */
static void pad_rows(const vt_bf16 *from, int64_t stride, int64_t rows, int64_t columns, vt_bf16 *to) {
    int64_t width = pad(columns);
    memset(to, 0, (size_t)(pad(rows) * width) * sizeof *to);
    for (int64_t row = 0; row < rows; row++) memcpy(to + row * width, from + row * stride, (size_t)columns * sizeof *to);
}

INLINE void store_pairs(pair *to, hvec first, hvec second) {
    uvec both = vec_widen(first) | (vec_widen(second) << 16);
    vec_store((float *)to, (vec)both);
}

/* to [rows / 2, columns] = neighbouring rows of from [rows, columns], paired */
static void pair_rows(const vt_bf16 *from, int64_t rows, int64_t columns, pair *to) {
    for (int64_t row = 0; row < rows; row += 2, from += 2 * columns, to += columns)
        for (int64_t i = 0; i < columns; i += LANES)
            store_pairs(to + i, *(const loose_hvec *)(from + i), *(const loose_hvec *)(from + columns + i));
}

/* to [columns, rows] = from [rows, columns] */
static void transpose_pairs(const pair *from, int64_t rows, int64_t columns, pair *to) {
    for (int64_t row = 0; row < rows; row += LANES)
        for (int64_t column = 0; column < columns; column += LANES) {
            vec block[LANES];
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++) block[i] = vec_load((const float *)from + (row + i) * columns + column);
            vec_transpose(block);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++) vec_store((float *)to + (column + i) * rows + row, block[i]);
        }
}

#endif
