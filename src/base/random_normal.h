/* Normal numbers from blocks of Philox by Box and Muller (1958), the cosine half: elementary IEEE operations in a fixed order
 * and no library's logarithm or cosine, so that every machine, vectorised or not, draws the same bits. */
#ifndef VT_BASE_RANDOM_NORMAL_H
#define VT_BASE_RANDOM_NORMAL_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* out [count] = scale times the normal numbers of the blocks counter, counter + 1, ... in word 0. */
typedef void vt_draw_normals(const uint32_t key[2], const uint32_t counter[4], double scale, int64_t count, float *out);

vt_draw_normals vt_draw_normals_portable, vt_draw_normals_avx2, vt_draw_normals_avx512;

/* [0, 1) of 53 bits: ((high << 32 | low) >> 11) / 2^53, each step exact. */
static inline double vt_unit_interval(uint32_t low, uint32_t high) {
    double upper = (double)(int32_t)(high ^ 0x80000000u) + 0x1p31; /* vectors convert signed numbers alone */
    return upper * 0x1p-32 + (double)(int32_t)(low >> 11) * 0x1p-53;
}

/* The natural logarithm of x in [2^-1022, 2], within 1 unit in the last place: fdlibm's e_log.c (Sun Microsystems 1993). */
static inline double vt_logarithm(double x) {
    uint64_t bits, mantissa, exponent;
    double m, e;
    memcpy(&bits, &x, sizeof bits);
    bits += 0x3ff0000000000000u - 0x3fe6a09e00000000u; /* so that m lies in sqrt(1/2) ... sqrt(2) */
    exponent = bits >> 52 | 0x4330000000000000u;       /* as a double: 2^52 + exponent */
    mantissa = (bits & 0x000fffffffffffffu) + 0x3fe6a09e00000000u;
    memcpy(&m, &mantissa, sizeof m);
    memcpy(&e, &exponent, sizeof e);
    e -= 0x1p52 + 1023.0;
    double f = m - 1.0, s = f / (2.0 + f), z = s * s, w = z * z, half = 0.5 * f * f;
    double even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    double odd = z * (6.666666666666735130e-01 +
                      w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
    double low = e * 1.90821492927058770002e-10, high = e * 6.93147180369123816490e-01;
    return high - ((half - (s * (half + (even + odd)) + low)) - f);
}

/* negative if x is, else other; without a branch, which would keep loops from becoming vectors. */
static inline double vt_choose(double x, double negative, double other) {
    uint64_t sign, a, b;
    memcpy(&sign, &x, sizeof sign);
    memcpy(&a, &negative, sizeof a);
    memcpy(&b, &other, sizeof b);
    b ^= (a ^ b) & (0 - (sign >> 63));
    memcpy(&other, &b, sizeof b);
    return other;
}

/* cos(2 pi u) for u in [0, 1): folded to an eighth of the circle, there fdlibm's k_sin.c and k_cos.c. */
static inline double vt_cosine_of_turn(double u) {
    double a = 0.5 - fabs(u - 0.5), b = 0.25 - fabs(a - 0.25), c = 0.125 - fabs(b - 0.125);
    double x = 6.283185307179586477 * c, z = x * x;
    double cosine =
        1.0 - (0.5 * z - z * z *
                             (4.16666666666666019037e-02 +
                              z * (-1.38888888888741095749e-03 +
                                   z * (2.48015872894767294178e-05 +
                                        z * (-2.75573143513906633035e-07 +
                                             z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11))))));
    double sine =
        x +
        x * z *
            (-1.66666666666666324348e-01 +
             z * (8.33333333332248946124e-03 +
                  z * (-1.98412698298579493134e-04 +
                       z * (2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))));
    return copysign(vt_choose(0.125 - b, sine, cosine), 0.25 - a);
}

/* The normal number of a block's words. */
static inline double vt_normal_of(uint32_t w0, uint32_t w1, uint32_t w2, uint32_t w3) {
    return sqrt(-2.0 * vt_logarithm(1.0 - vt_unit_interval(w0, w1))) * vt_cosine_of_turn(vt_unit_interval(w2, w3));
}

enum { VT_NORMAL_LANES = 64 };

/* The text of each vt_draw_normals: loops over lanes that compilers turn into vectors. */
static inline void vt_draw_normals_lanes(const uint32_t key[2], const uint32_t counter[4], double scale, int64_t count,
                                         float *out) {
    for (int64_t first = 0; first < count; first += VT_NORMAL_LANES) {
        uint32_t c0[VT_NORMAL_LANES], c1[VT_NORMAL_LANES], c2[VT_NORMAL_LANES], c3[VT_NORMAL_LANES], k0 = key[0], k1 = key[1];
        float drawn[VT_NORMAL_LANES];
        for (uint32_t i = 0; i < VT_NORMAL_LANES; i++) {
            c0[i] = counter[0] + (uint32_t)first + i;
            c1[i] = counter[1];
            c2[i] = counter[2];
            c3[i] = counter[3];
        }
        for (int round = 0; round < 10; round++) { /* as vt_philox4x32() */
            for (int i = 0; i < VT_NORMAL_LANES; i++) {
                uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];
                c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
                c1[i] = (uint32_t)p1;
                c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
                c3[i] = (uint32_t)p0;
            }
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        for (int i = 0; i < VT_NORMAL_LANES; i++) drawn[i] = (float)(scale * vt_normal_of(c0[i], c1[i], c2[i], c3[i]));
        int64_t some = count - first < VT_NORMAL_LANES ? count - first : VT_NORMAL_LANES;
        memcpy(out + first, drawn, (size_t)some * sizeof *out);
    }
}

#endif
