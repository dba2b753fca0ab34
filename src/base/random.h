/* Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * Every random decision is a pure function of (seed, purpose, epoch, index), so it does not depend on threads,
 * workers, or on where a run was interrupted. */
#ifndef VT_BASE_RANDOM_H
#define VT_BASE_RANDOM_H

#include <stdint.h>

/* One block: counter [4] -> out [4] under key [2]. */
void vt_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* What a stream of numbers is for; a purpose never shares numbers with another. */
typedef enum vt_purpose {
    VT_PURPOSE_SHUFFLE = 1,
    VT_PURPOSE_SPLIT = 2,
    VT_PURPOSE_INIT = 3,
    VT_PURPOSE_DROPOUT = 4,
    VT_PURPOSE_SAMPLE = 5,
    VT_PURPOSE_PLOT = 6,
    VT_PURPOSE_DRAW = 7, /* sampling with replacement */
    VT_PURPOSE_TEST = 8,
    VT_PURPOSE_AUGMENT = 9
} vt_purpose;

/* A stream of numbers: a value type, cheap to make. */
typedef struct vt_random {
    uint32_t key[2], counter[4], block[4];
    int used;
} vt_random;

/* The stream of (seed, purpose, a, b); a and b are such as epoch and sample index (a below 2^24). */
vt_random vt_random_stream(uint64_t seed, vt_purpose purpose, uint32_t a, uint64_t b);

uint32_t vt_random_u32(vt_random *random);
uint64_t vt_random_below(vt_random *random, uint64_t bound); /* uniform in [0, bound), unbiased; bound > 0 */
double vt_random_uniform(vt_random *random);                 /* [0, 1), 53 bits */
double vt_random_normal(vt_random *random);                  /* mean 0, standard deviation 1; below 8.6 */

/* out [count] = the next numbers of vt_random_normal(), times `scale`; at most 2^32 of a stream. */
void vt_random_normals(vt_random *random, double scale, int64_t count, float *out);

/* order [count] = a permutation of 0 ... count - 1, a function of (seed, purpose, epoch) alone (Fisher-Yates). */
void vt_random_permutation(uint64_t seed, vt_purpose purpose, uint32_t epoch, int64_t count, int64_t *order);

#endif
