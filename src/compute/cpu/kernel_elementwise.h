/* Kernels that go element by element: conversions, activations with their derivatives, dropout. */
#ifndef VT_CPU_KERNEL_ELEMENTWISE_H
#define VT_CPU_KERNEL_ELEMENTWISE_H

#include "compute/cpu/kernels.h"
#include "compute/cpu/vector_math.h"
#include "compute/cpu/vector_random.h"

static void to_float(const vt_bf16 *x, float *y, int64_t count) {
    for (int64_t i = 0; i < count; i += LANES) act_store_some(y, i, act_load_some(x, i, count - i, 1), count - i, 0);
}

static void from_float(const float *x, const vt_bf16 *addend, const vt_bf16 *factor, vt_bf16 *y, int64_t count) {
    for (int64_t i = 0; i < count; i += LANES) {
        vec value = act_load_some(x, i, count - i, 0);
        if (addend) value += act_load_some(addend, i, count - i, 1);
        if (factor) value *= act_load_some(factor, i, count - i, 1);
        act_store_some(y, i, value, count - i, 1);
    }
}

/* f(x), and f'(x) in *derivative, exact enough for float32 or for bfloat16. All but GELU and ReLU are x sigmoid(z(x)), whose
 * derivative is s + x s (1 - s) z'(x). */
INLINE vec activation_value(vt_activation activation, vec x, vec *derivative, int bf16) {
    vec z, slope; /* z'(x) */
    switch (activation) {
    case VT_ACTIVATION_RELU: {
        ivec positive = x > 0.0f;
        *derivative = vec_select(positive, vec_set(1.0f), vec_set(0.0f));
        return vec_max(vec_set(0.0f), x);
    }
    case VT_ACTIVATION_GELU: {
        vec density, cdf = vec_normal(x, &density, bf16);
        *derivative = vec_fma(x, density, cdf);
        return x * cdf;
    }
    case VT_ACTIVATION_GELU_TANH: /* (1 + tanh u) / 2 = sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3) */
        z = 1.59576912f * x * vec_fma(vec_set(0.044715f), x * x, vec_set(1.0f));
        slope = 1.59576912f * vec_fma(vec_set(0.134145f), x * x, vec_set(1.0f));
        break;
    case VT_ACTIVATION_QUICK_GELU:
        z = 1.702f * x;
        slope = vec_set(1.702f);
        break;
    default: /* SiLU */
        z = x;
        slope = vec_set(1.0f);
        break;
    }
    vec rest, s = vec_sigmoid(z, &rest);
    *derivative = vec_fma(x * s * rest, slope, s);
    return x * s;
}

INLINE void activate_all(vt_activation activation, act *x, act *derivative, int64_t count, int bf16) {
    for (int64_t i = 0; i < count; i += LANES) {
        vec slope, value = activation_value(activation, act_load_some(x, i, count - i, bf16), &slope, bf16);
        act_store_some(x, i, value, count - i, bf16);
        if (derivative) act_store_some(derivative, i, slope, count - i, bf16);
    }
}

INLINE void activate_in(vt_activation activation, act *x, act *derivative, int64_t count, int bf16) {
    switch (activation) {
    case VT_ACTIVATION_GELU:
        activate_all(VT_ACTIVATION_GELU, x, derivative, count, bf16);
        break;
    case VT_ACTIVATION_GELU_TANH:
        activate_all(VT_ACTIVATION_GELU_TANH, x, derivative, count, bf16);
        break;
    case VT_ACTIVATION_RELU:
        activate_all(VT_ACTIVATION_RELU, x, derivative, count, bf16);
        break;
    case VT_ACTIVATION_SILU:
        activate_all(VT_ACTIVATION_SILU, x, derivative, count, bf16);
        break;
    case VT_ACTIVATION_QUICK_GELU:
        activate_all(VT_ACTIVATION_QUICK_GELU, x, derivative, count, bf16);
        break;
    }
}

static void activate(vt_precision precision, vt_activation activation, act *x, act *derivative, int64_t count) {
    if (precision == VT_PRECISION_BF16)
        activate_in(activation, x, derivative, count, 1);
    else
        activate_in(activation, x, derivative, count, 0);
}

/* Element e stands in block 16 (e / 64) + e % 16, word (e / 16) % 4: 64 neighbours share 16 neighbouring blocks, so that
 * every vector length computes its blocks in order. */
INLINE void dropout_in(const act *x, const act *residual, const vt_dropout_plan *plan, uint64_t sample, int64_t begin,
                       int64_t end, act *y, int bf16) {
    for (int64_t chunk = begin; chunk < end; chunk += 64)
        for (int lane = 0; lane < 16; lane += LANES) {
            uvec words[4];
            vec_random(plan, sample, (uint32_t)(chunk / 4 + lane), words);
            for (int word = 0; word < 4; word++) {
                int64_t i = chunk + 16 * word + lane;
                if (i >= end) break;
                vec value = act_load_some(x, i, end - i, bf16) * vec_dropout_factor(plan, words[word]);
                if (residual) value += act_load_some(residual, i, end - i, bf16);
                act_store_some(y, i, value, end - i, bf16);
            }
        }
}

static void dropout(vt_precision precision, const act *x, const act *residual, const vt_dropout_plan *plan, uint64_t sample,
                    int64_t begin, int64_t end, act *y) {
    if (precision == VT_PRECISION_BF16)
        dropout_in(x, residual, plan, sample, begin, end, y, 1);
    else
        dropout_in(x, residual, plan, sample, begin, end, y, 0);
}

#endif
