/* Streams of normal numbers: one at a time, or many by the widest vectors of this machine. */
#include "base/random_normal.h"

#include "base/random.h"

void vt_draw_normals_portable(const uint32_t key[2], const uint32_t counter[4], double scale, int64_t count, float *out) {
    vt_draw_normals_lanes(key, counter, scale, count, out);
}

static vt_draw_normals *choose(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return vt_draw_normals_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return vt_draw_normals_avx2;
#endif
    return vt_draw_normals_portable;
}

double vt_random_normal(vt_random *random) {
    uint32_t words[4];
    for (int i = 0; i < 4; i++) words[i] = vt_random_u32(random);
    return vt_normal_of(words[0], words[1], words[2], words[3]);
}

void vt_random_normals(vt_random *random, double scale, int64_t count, float *out) {
    if (random->used == 4) { /* a block each, and none begun */
        choose()(random->key, random->counter, scale, count, out);
        random->counter[0] += (uint32_t)count;
        return;
    }
    for (int64_t i = 0; i < count; i++) out[i] = (float)(scale * vt_random_normal(random));
}
