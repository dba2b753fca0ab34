/* One instruction set's vectors of floats: what the kernels are written in.
 *
 * A file compiled for AVX-512 sees 16 lanes, for AVX2 8, otherwise 4 (SSE2, NEON, or what the compiler makes of them).
 * `bf16` parameters are compile-time constants after inlining: one kernel text serves both precisions. */
#ifndef VT_CPU_VECTOR_H
#define VT_CPU_VECTOR_H

#include "base/half.h"
#include "compute/compute.h"
#include <math.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#define LANES 16
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define LANES 8
#else
#define LANES 4
#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif
#endif

#define INLINE static inline __attribute__((always_inline, unused))

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * LANES)));
typedef uint32_t uvec __attribute__((vector_size(4 * LANES)));
typedef uint16_t hvec __attribute__((vector_size(2 * LANES)));
typedef float loose_vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint16_t loose_hvec __attribute__((vector_size(2 * LANES), aligned(2), may_alias));

INLINE vec vec_set(float value) {
#if LANES == 16
    return (vec)_mm512_set1_ps(value);
#elif LANES == 8
    return (vec)_mm256_set1_ps(value);
#else
    return (vec){value, value, value, value};
#endif
}

INLINE vec vec_load(const float *from) {
    return *(const loose_vec *)from;
}

INLINE void vec_store(float *to, vec value) {
    *(loose_vec *)to = value;
}

INLINE vec vec_select(ivec mask, vec yes, vec no) {
    return (vec)((mask & (ivec)yes) | (~mask & (ivec)no));
}

/* a * b + c, rounded once where the machine can. */
INLINE vec vec_fma(vec a, vec b, vec c) {
#if LANES == 16
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif LANES == 8
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
    return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

/* The larger of both; `b` when one is not a number, so that limits in `a` let a NaN in `b` through. */
INLINE vec vec_max(vec a, vec b) {
#if LANES == 16
    return (vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif LANES == 8
    return (vec)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return vec_select(a > b, a, b);
#endif
}

/* The smaller of both; `b` when one is not a number. */
INLINE vec vec_min(vec a, vec b) {
#if LANES == 16
    return (vec)_mm512_min_ps((__m512)a, (__m512)b);
#elif LANES == 8
    return (vec)_mm256_min_ps((__m256)a, (__m256)b);
#else
    return vec_select(a < b, a, b);
#endif
}

INLINE vec vec_sqrt(vec a) {
#if LANES == 16
    return (vec)_mm512_sqrt_ps((__m512)a);
#elif LANES == 8
    return (vec)_mm256_sqrt_ps((__m256)a);
#elif defined(__SSE2__)
    return (vec)_mm_sqrt_ps((__m128)a);
#elif defined(__aarch64__)
    return (vec)vsqrtq_f32((float32x4_t)a);
#else
    for (int lane = 0; lane < LANES; lane++) a[lane] = sqrtf(a[lane]);
    return a;
#endif
}

INLINE vec vec_abs(vec a) {
    return (vec)((ivec)a & 0x7fffffff);
}

INLINE float vec_sum(vec a) {
#if LANES == 16
    return _mm512_reduce_add_ps((__m512)a);
#else
    typedef float four __attribute__((vector_size(16)));
#if LANES == 8
    four b = (four)_mm256_castps256_ps128((__m256)a) + (four)_mm256_extractf128_ps((__m256)a, 1);
#else
    four b = a;
#endif
    return (b[0] + b[2]) + (b[1] + b[3]);
#endif
}

INLINE float vec_largest(vec a) {
#if LANES == 16
    return _mm512_reduce_max_ps((__m512)a);
#else
    float most = a[0];
    for (int i = 1; i < LANES; i++) most = a[i] > most ? a[i] : most;
    return most;
#endif
}

/* 0, 1, 2, ... */
INLINE ivec vec_lanes(void) {
#if LANES == 16
    return (ivec){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif LANES == 8
    return (ivec){0, 1, 2, 3, 4, 5, 6, 7};
#else
    return (ivec){0, 1, 2, 3};
#endif
}

/* -1 in the lanes below `count`, 0 in the others. */
INLINE ivec vec_first(int64_t count) {
    return vec_lanes() < (int32_t)(count < LANES ? count : LANES);
}

/* Exchanges row[i] lane j and row[j] lane i: first within groups of four lanes, then the groups. */
INLINE void vec_transpose(vec row[LANES]) {
#if LANES == 4
    vec a = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5), b = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
    vec c = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7), d = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
    row[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    row[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    row[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    row[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
#elif LANES == 8
    __m256 x[8];
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
        __m256 a = _mm256_unpacklo_ps((__m256)row[i], (__m256)row[i + 1]),
               b = _mm256_unpackhi_ps((__m256)row[i], (__m256)row[i + 1]);
        __m256 c = _mm256_unpacklo_ps((__m256)row[i + 2], (__m256)row[i + 3]);
        __m256 d = _mm256_unpackhi_ps((__m256)row[i + 2], (__m256)row[i + 3]);
        x[i] = _mm256_shuffle_ps(a, c, 0x44), x[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        x[i + 2] = _mm256_shuffle_ps(b, d, 0x44), x[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        row[i] = (vec)_mm256_permute2f128_ps(x[i], x[i + 4], 0x20);
        row[i + 4] = (vec)_mm256_permute2f128_ps(x[i], x[i + 4], 0x31);
    }
#else
    __m512 x[16], y[16];
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        __m512 a = _mm512_unpacklo_ps((__m512)row[i], (__m512)row[i + 1]),
               b = _mm512_unpackhi_ps((__m512)row[i], (__m512)row[i + 1]);
        __m512 c = _mm512_unpacklo_ps((__m512)row[i + 2], (__m512)row[i + 3]);
        __m512 d = _mm512_unpackhi_ps((__m512)row[i + 2], (__m512)row[i + 3]);
        x[i] = _mm512_shuffle_ps(a, c, 0x44), x[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
        x[i + 2] = _mm512_shuffle_ps(b, d, 0x44), x[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        y[i] = _mm512_shuffle_f32x4(x[i], x[i + 4], 0x88), y[i + 4] = _mm512_shuffle_f32x4(x[i], x[i + 4], 0xdd);
        y[i + 8] = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0x88), y[i + 12] = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0xdd);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        row[i] = (vec)_mm512_shuffle_f32x4(y[i], y[i + 8], 0x88);
        row[i + 4] = (vec)_mm512_shuffle_f32x4(y[i + 4], y[i + 12], 0x88);
        row[i + 8] = (vec)_mm512_shuffle_f32x4(y[i], y[i + 8], 0xdd);
        row[i + 12] = (vec)_mm512_shuffle_f32x4(y[i + 4], y[i + 12], 0xdd);
    }
#endif
}

/* With zeros above; gcc 12 makes two halves of __builtin_convertvector(). */
INLINE uvec vec_widen(hvec bits) {
#if LANES == 16
    return (uvec)_mm512_cvtepu16_epi32((__m256i)bits);
#elif LANES == 8
    return (uvec)_mm256_cvtepu16_epi32((__m128i)bits);
#else
    return __builtin_convertvector(bits, uvec);
#endif
}

INLINE vec vec_from_bf16(hvec bits) {
    return (vec)(vec_widen(bits) << 16);
}

/* Rounds to nearest even; NaN stays a quiet NaN. */
INLINE hvec vec_to_bf16(vec value) {
#if defined(__AVX512BF16__)
    return (hvec)_mm512_cvtneps_pbh((__m512)value);
#else
    uvec bits = (uvec)value, rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    uvec nan = (uvec)((ivec)(bits & 0x7fffffffu) > 0x7f800000);
    return __builtin_convertvector((nan & ((bits >> 16) | 0x40u)) | (~nan & rounded), hvec);
#endif
}

/* Activations: element `index` of an array of floats or bfloat16. */
INLINE vec act_load(const act *from, int64_t index, int bf16) {
    if (bf16) return vec_from_bf16(*(const loose_hvec *)((const vt_bf16 *)from + index));
    return vec_load((const float *)from + index);
}

INLINE void act_store(act *to, int64_t index, vec value, int bf16) {
    if (bf16)
        *(loose_hvec *)((vt_bf16 *)to + index) = vec_to_bf16(value);
    else
        vec_store((float *)to + index, value);
}

/* The first `count` < LANES elements; the other lanes are 0. */
#if LANES == 16
INLINE vec act_load_first(const act *from, int64_t index, int64_t count, int bf16) {
    uint32_t mask = (1u << count) - 1u;
    if (bf16) return vec_from_bf16((hvec)_mm256_maskz_loadu_epi16((__mmask16)mask, (const vt_bf16 *)from + index));
    return (vec)_mm512_maskz_loadu_ps((__mmask16)mask, (const float *)from + index);
}

INLINE void act_store_first(act *to, int64_t index, vec value, int64_t count, int bf16) {
    uint32_t mask = (1u << count) - 1u;
    if (bf16)
        _mm256_mask_storeu_epi16((vt_bf16 *)to + index, (__mmask16)mask, (__m256i)vec_to_bf16(value));
    else
        _mm512_mask_storeu_ps((float *)to + index, (__mmask16)mask, (__m512)value);
}
#else
static __attribute__((noinline, unused)) vec act_load_first(const act *from, int64_t index, int64_t count, int bf16) {
    size_t size = bf16 ? sizeof(vt_bf16) : sizeof(float);
    float lane[LANES] = {0};
    memcpy(lane, (const char *)from + (size_t)index * size, (size_t)count * size);
    return act_load(lane, 0, bf16);
}

static __attribute__((noinline, unused)) void act_store_first(act *to, int64_t index, vec value, int64_t count, int bf16) {
    size_t size = bf16 ? sizeof(vt_bf16) : sizeof(float);
    float lane[LANES];
    act_store(lane, 0, value, bf16);
    memcpy((char *)to + (size_t)index * size, lane, (size_t)count * size);
}
#endif

/* As act_load and act_store, of at most LANES elements. */
INLINE vec act_load_some(const act *from, int64_t index, int64_t count, int bf16) {
    return count >= LANES ? act_load(from, index, bf16) : act_load_first(from, index, count, bf16);
}

INLINE void act_store_some(act *to, int64_t index, vec value, int64_t count, int bf16) {
    if (count >= LANES)
        act_store(to, index, value, bf16);
    else
        act_store_first(to, index, value, count, bf16);
}

#endif
