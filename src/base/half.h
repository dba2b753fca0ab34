/* bfloat16 and float16 as bits: conversions with round-to-nearest-even, NaN kept quiet. */
#ifndef VT_BASE_HALF_H
#define VT_BASE_HALF_H

#include <stdint.h>
#include <string.h>

typedef uint16_t vt_bf16;

static inline float vt_bf16_to_float(vt_bf16 bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static inline vt_bf16 vt_float_to_bf16(float value) {
    uint32_t wide;
    memcpy(&wide, &value, sizeof wide);
    if ((wide & 0x7fffffffu) > 0x7f800000u) return (vt_bf16)((wide >> 16) | 0x40u);
    return (vt_bf16)((wide + 0x7fffu + ((wide >> 16) & 1u)) >> 16);
}

/* IEEE 754 binary16 -> float, exact. */
static inline float vt_f16_to_float(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, exponent = (bits >> 10) & 0x1fu, mantissa = bits & 0x3ffu, wide;
    float value;
    if (exponent == 0x1fu) {
        wide = sign | 0x7f800000u | (mantissa << 13);
    } else if (exponent != 0) {
        wide = sign | ((exponent + 112u) << 23) | (mantissa << 13);
    } else { /* zero and subnormals: mantissa * 2^-24 */
        value = (float)mantissa * 5.9604644775390625e-8f;
        memcpy(&wide, &value, sizeof wide);
        wide |= sign;
    }
    memcpy(&value, &wide, sizeof value);
    return value;
}

#endif
