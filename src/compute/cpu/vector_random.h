/* Dropout masks: Philox 4x32-10 in vectors, equal to vt_philox4x32() lane by lane.
 *
 * Every element dropped or kept has a block and a word in its sample: the four words of Philox(counter = (block, 0, sample),
 * key of vt_dropout_plan) decide four elements. Blocks count to 2^32; where an element stands is said at each use. */
#ifndef VT_CPU_VECTOR_RANDOM_H
#define VT_CPU_VECTOR_RANDOM_H

#include "compute/cpu/kernels.h"
#include "compute/cpu/vector.h"

/* high and low words of a * b, lane by lane */
INLINE void vec_multiply_wide(uvec a, uint32_t b, uvec *high, uvec *low) {
#if LANES == 16
    __m512i factor = _mm512_set1_epi32((int)b), even = _mm512_mul_epu32((__m512i)a, factor);
    __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64((__m512i)a, 32), factor);
    *high = (uvec)_mm512_mask_mov_epi32(_mm512_srli_epi64(even, 32), 0xaaaa, odd);
#elif LANES == 8
    __m256i factor = _mm256_set1_epi32((int)b), even = _mm256_mul_epu32((__m256i)a, factor);
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64((__m256i)a, 32), factor);
    *high = (uvec)_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
#else
    for (int lane = 0; lane < LANES; lane++) (*high)[lane] = (uint32_t)(((uint64_t)a[lane] * b) >> 32);
#endif
    *low = a * b;
}

/* words[4] of blocks first_block + lane */
INLINE void vec_random(const vt_dropout_plan *plan, uint64_t sample, uint32_t first_block, uvec words[4]) {
    uvec c0 = (uvec)vec_lanes() + first_block, c1 = {0}, c2 = c1 + (uint32_t)sample, c3 = c1 + (uint32_t)(sample >> 32);
    uint32_t k0 = plan->key[0], k1 = plan->key[1];
    for (int round = 0; round < 10; round++) {
        uvec high0, low0, high1, low1;
        vec_multiply_wide(c0, 0xD2511F53u, &high0, &low0);
        vec_multiply_wide(c2, 0xCD9E8D57u, &high1, &low1);
        c0 = high1 ^ c1 ^ k0, c1 = low1;
        c2 = high0 ^ c3 ^ k1, c3 = low0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    words[0] = c0, words[1] = c1, words[2] = c2, words[3] = c3;
}

/* What elements are multiplied by: 0 where dropped, 1 / (1 - probability) where kept. */
INLINE vec vec_dropout_factor(const vt_dropout_plan *plan, uvec word) {
    return vec_select((ivec)(word >= plan->threshold), vec_set(plan->scale), vec_set(0.0f));
}

#endif
