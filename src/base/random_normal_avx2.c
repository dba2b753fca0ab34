/* Normal numbers with AVX2. */
#include "base/random_normal.h"

void vt_draw_normals_avx2(const uint32_t key[2], const uint32_t counter[4], double scale, int64_t count, float *out) {
    vt_draw_normals_lanes(key, counter, scale, count, out);
}
