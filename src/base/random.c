/* Philox 4x32-10 and the numbers made from it. A stream's place in the counter space is its (purpose, a, b), so that no two
 * streams of a seed share a number; word 0 counts the blocks of a stream. */
#include "base/random.h"

void vt_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

vt_random vt_random_stream(uint64_t seed, vt_purpose purpose, uint32_t a, uint64_t b) {
    return (vt_random){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .counter = {0, (uint32_t)b, (uint32_t)(b >> 32), (uint32_t)purpose << 24 | (a & 0xffffffu)},
        .used = 4,
    };
}

uint32_t vt_random_u32(vt_random *random) {
    if (random->used == 4) {
        vt_philox4x32(random->counter, random->key, random->block);
        random->counter[0]++;
        random->used = 0;
    }
    return random->block[random->used++];
}

static uint64_t next_u64(vt_random *random) {
    uint64_t low = vt_random_u32(random);
    return (uint64_t)vt_random_u32(random) << 32 | low;
}

uint64_t vt_random_below(vt_random *random, uint64_t bound) {
    uint64_t rejected = -bound % bound; /* 2^64 mod bound: the values that would make small results likelier */
    uint64_t value;
    do value = next_u64(random);
    while (value < rejected);
    return value % bound;
}

double vt_random_uniform(vt_random *random) {
    return (double)(next_u64(random) >> 11) * 0x1p-53;
}

void vt_random_permutation(uint64_t seed, vt_purpose purpose, uint32_t epoch, int64_t count, int64_t *order) {
    vt_random random = vt_random_stream(seed, purpose, epoch, 0);
    for (int64_t i = 0; i < count; i++) order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = (int64_t)vt_random_below(&random, (uint64_t)i + 1), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}
