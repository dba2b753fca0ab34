/* Elementary functions on vectors of floats. The errors stated were measured over [-86, 88], and are the same with and
 * without fused multiply-add; tests/compute/test_linear.c bounds the activations made of them. NaN goes through all of them. */
#ifndef VT_CPU_VECTOR_MATH_H
#define VT_CPU_VECTOR_MATH_H

#include "compute/cpu/vector.h"

/* e^x, x limited to [-86, 88]: x = n ln 2 + r (Cody and Waite 1980), then the Cephes library's polynomial for e^r on
 * |r| <= ln 2 / 2. Relative error 8.2e-8. */
INLINE vec vec_exp(vec x) {
    const float shifter = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer, which stands in the low bits */
    x = vec_min(vec_set(88.0f), vec_max(vec_set(-86.0f), x));
    vec shifted = vec_fma(x, vec_set(1.44269504f), vec_set(shifter)), n = shifted - shifter;
    vec r = vec_fma(n, vec_set(2.12194440e-4f), vec_fma(n, vec_set(-0.693359375f), x));
    vec p = vec_set(1.9875691500e-4f);
    p = vec_fma(p, r, vec_set(1.3981999507e-3f));
    p = vec_fma(p, r, vec_set(8.3334519073e-3f));
    p = vec_fma(p, r, vec_set(4.1665795894e-2f));
    p = vec_fma(p, r, vec_set(1.6666665459e-1f));
    p = vec_fma(p, r, vec_set(5.0000001201e-1f));
    p = vec_fma(p, r * r, r) + 1.0f;
    return (vec)((ivec)p + ((ivec)shifted << 23));
}

/* e^x for results rounded to bfloat16, x at most 0 or a rounding error above; below -85 it is held. 2^t = 2^n 2^r with a
 * minimax polynomial (by linear programming) of third degree for 2^r: relative error 7.6e-5. */
INLINE vec vec_exp_brief(vec x) {
    vec t = vec_max(vec_set(-124.0f), x * 1.44269504f);
#if defined(__AVX512DQ__)
    vec r = (vec)_mm512_reduce_ps((__m512)t, 1), p = vec_set(0.0780245511f); /* r = t - floor(t) */
    p = vec_fma(p, r, vec_set(0.226067143f));
    p = vec_fma(p, r, vec_set(0.695833528f));
    p = vec_fma(p, r, vec_set(0.999925219f));
    return (vec)_mm512_scalef_ps((__m512)p, (__m512)t);
#else
    vec shifted = t + 12582912.0f, r = t - (shifted - 12582912.0f), p = vec_set(0.0551714178f); /* as in vec_exp() */
    p = vec_fma(p, r, vec_set(0.24261117f));
    p = vec_fma(p, r, vec_set(0.693261056f));
    p = vec_fma(p, r, vec_set(0.999928073f));
    return (vec)((ivec)p + ((ivec)shifted << 23));
#endif
}

/* 1 / (1 + e^-x), and *rest = 1 minus it without cancellation. Relative error 1.5e-7. */
INLINE vec vec_sigmoid(vec x, vec *rest) {
    vec e = vec_exp(-x), s = 1.0f / (1.0f + e);
    *rest = e * s;
    return s;
}

/* The normal distribution function (1 + erf(x / sqrt 2)) / 2, and its density exp(-x^2 / 2) / sqrt(2 pi) in *density, on
 * one exponential: below zero the function is exp(-x^2 / 2) r(|x|), and r, an erfcx, is near a polynomial. Minimax fits by
 * linear programming: of the product on [0, 5.5], absolute error 9.6e-8 in all; `brief`, for results rounded to bfloat16, of
 * the ratio on [0, 5], relative error 5e-4 in all, a quarter of that rounding's. Farther out r is held. */
INLINE vec vec_normal(vec x, vec *density, int brief) {
    static const float full[12] = {4.9999998304e-1f, -3.9894060227e-1f, 2.4997257332e-1f, -1.3280578792e-1f,
                                   6.1923932421e-2f, -2.5471812561e-2f, 9.0038385935e-3f, -2.5900830252e-3f,
                                   5.6364941389e-4f, -8.4770148364e-5f, 7.7086655392e-6f, -3.1553681042e-7f};
    static const float short_fit[8] = {4.99790765e-1f, -3.94204373e-1f, 2.30248019e-1f, -9.83348291e-2f,
                                       2.88193579e-2f, -5.35480711e-3f, 5.60608343e-4f, -2.50119741e-5f};
    const float *term = brief ? short_fit : full;
    int degree = brief ? 7 : 11;
    vec t = vec_min(vec_set(brief ? 5.0f : 5.5f), vec_abs(x)), r = vec_set(term[degree]);
#pragma GCC unroll 11
    for (int i = degree - 1; i >= 0; i--) r = vec_fma(r, t, vec_set(term[i]));
    vec power = vec_max(vec_set(-82.0f), -0.5f * x * x); /* never a slow denormal number */
    vec e = brief ? vec_exp_brief(power) : vec_exp(power), tail = e * r;
    *density = 0.39894228f * e;
    return vec_select(x > 0.0f, 1.0f - tail, tail);
}

#endif
