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

/* 1 / (1 + e^-x), and *rest = 1 minus it without cancellation. Relative error 1.5e-7. */
INLINE vec vec_sigmoid(vec x, vec *rest) {
    vec e = vec_exp(-x), s = 1.0f / (1.0f + e);
    *rest = e * s;
    return s;
}

/* The normal distribution function (1 + erf(x / sqrt 2)) / 2, with N. Juffa's minimax polynomials for erf: erf(a) = a +
 * a p(a^2) below 0.9277, and 1 - exp(q(|a|)) above. Absolute error 6.2e-8. */
INLINE vec vec_normal_cdf(vec x) {
    vec a = x * 0.70710678f, t = vec_abs(a), s = a * a;
    vec q = vec_fma(vec_set(-1.72853470e-5f), t, vec_set(3.83197126e-4f));
    q = vec_fma(q, s, vec_fma(vec_set(-3.88396438e-3f), t, vec_set(2.42546219e-2f)));
    q = vec_fma(q, t, vec_set(-1.06777877e-1f));
    q = vec_fma(q, t, vec_set(-6.34846687e-1f));
    q = vec_fma(q, t, vec_set(-1.28717512e-1f));
    q = vec_fma(q, t, -t);
    vec tail = 0.5f * vec_exp(q), outer = vec_select(a > 0.0f, 1.0f - tail, tail);

    vec p = vec_set(-5.96761703e-4f);
    p = vec_fma(p, s, vec_set(4.99119423e-3f));
    p = vec_fma(p, s, vec_set(-2.67681349e-2f));
    p = vec_fma(p, s, vec_set(1.12819925e-1f));
    p = vec_fma(p, s, vec_set(-3.76125336e-1f));
    p = vec_fma(p, s, vec_set(1.28379166e-1f));
    vec inner = vec_fma(vec_set(0.5f), vec_fma(p, a, a), vec_set(0.5f));
    return vec_select(t > 0.927734375f, outer, inner);
}

/* The normal density exp(-x^2 / 2) / sqrt(2 pi). */
INLINE vec vec_normal_density(vec x) {
    return 0.39894228f * vec_exp(-0.5f * x * x);
}

#endif
