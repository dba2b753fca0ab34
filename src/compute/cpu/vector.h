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
    return (vec){0} + value;
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
    float lane[LANES];
    vec_store(lane, a);
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
}

INLINE float vec_largest(vec a) {
    float lane[LANES], most;
    vec_store(lane, a);
    most = lane[0];
    for (int i = 1; i < LANES; i++) most = lane[i] > most ? lane[i] : most;
    return most;
}

/* -1 in the lanes below `count`, 0 in the others. */
INLINE ivec vec_first(int64_t count) {
    ivec lane;
    for (int i = 0; i < LANES; i++) lane[i] = i;
    return lane < (int32_t)(count < LANES ? count : LANES);
}

INLINE vec vec_from_bf16(hvec bits) {
    return (vec)(__builtin_convertvector(bits, uvec) << 16);
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
INLINE vec act_load_first(const act *from, int64_t index, int64_t count, int bf16) {
    float lane[LANES] = {0};
    for (int i = 0; i < count; i++)
        lane[i] = bf16 ? vt_bf16_to_float(((const vt_bf16 *)from)[index + i]) : ((const float *)from)[index + i];
    return vec_load(lane);
}

INLINE void act_store_first(act *to, int64_t index, vec value, int64_t count, int bf16) {
    float lane[LANES];
    vec_store(lane, value);
    for (int i = 0; i < count; i++) {
        if (bf16)
            ((vt_bf16 *)to)[index + i] = vt_float_to_bf16(lane[i]);
        else
            ((float *)to)[index + i] = lane[i];
    }
}

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
