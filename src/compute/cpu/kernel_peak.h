/* The most floating-point operations that one thread of this instruction set can do: multiply-adds that touch registers
 * alone, as many independent sums as hide their latency. */
#ifndef VT_CPU_KERNEL_PEAK_H
#define VT_CPU_KERNEL_PEAK_H

#include "compute/cpu/vector.h"

enum { PEAK_LOOPS = 2000000 };

/* Takes part in no result, but keeps the sums from being left out. */
static volatile float peak_sink;

static double peak_float(void) {
    enum { SUMS = LANES == 16 ? 16 : 10 };
    vec sum[SUMS], half = vec_set(0.5f), total = half;
    for (int j = 0; j < SUMS; j++) sum[j] = half;
    for (int i = 0; i < PEAK_LOOPS; i++) {
#pragma GCC unroll 16
        for (int j = 0; j < SUMS; j++) sum[j] = vec_fma(sum[j], half, half);
    }
    for (int j = 0; j < SUMS; j++) total += sum[j];
    peak_sink = total[0];
    return (double)PEAK_LOOPS * SUMS * LANES * 2;
}

#if defined(__AMX_BF16__)

/* Tiles of 16 x 32 by 32 x 16, four sums. */
static double peak_bf16(void) {
    products_begin();
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(6);
    for (int i = 0; i < PEAK_LOOPS / 8; i++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 6);
        _tile_dpbf16ps(2, 4, 6);
        _tile_dpbf16ps(3, 4, 6);
    }
    products_end();
    return PEAK_LOOPS / 8 * 4.0 * 16 * 16 * 32 * 2;
}

#elif defined(__AVX512BF16__)

static double peak_bf16(void) {
    enum { SUMS = 16 };
    __m512 sum[SUMS], total = _mm512_setzero_ps();
    __m512bh half = (__m512bh)_mm512_set1_epi32(0x3f003f00);
    for (int j = 0; j < SUMS; j++) sum[j] = total;
    for (int i = 0; i < PEAK_LOOPS; i++) {
#pragma GCC unroll 16
        for (int j = 0; j < SUMS; j++) sum[j] = _mm512_dpbf16_ps(sum[j], half, half);
    }
    for (int j = 0; j < SUMS; j++) total = _mm512_add_ps(total, sum[j]);
    peak_sink = total[0];
    return (double)PEAK_LOOPS * SUMS * 32 * 2;
}

#else

static double peak_bf16(void) {
    return peak_float();
}

#endif

/* Does a fixed amount of work in the precision's fastest instruction; returns its floating-point operations. */
static double peak(vt_precision precision) {
    return precision == VT_PRECISION_BF16 ? peak_bf16() : peak_float();
}

#endif
