/* Sampling with replacement by label frequency, so that images of rare labels are seen more often. */
#ifndef VT_DATA_SAMPLER_H
#define VT_DATA_SAMPLER_H

#include "base/error.h"
#include "vitrain/dataset.h"
#include <stdint.h>

typedef struct vt_balanced_sampler {
    int64_t count;
    double *sums; /* [count]: of the weights of images 0 ... i */
} vt_balanced_sampler;

/* An image's weight is the largest of 1 / (images with the label) over its positive labels; images without any share a weight
 * of 1 / (their number), as if that were a label of its own. */
vt_status vt_balanced_sampler_make(const vt_split *split, int num_labels, vt_balanced_sampler *sampler) VT_CHECKED;
void vt_balanced_sampler_free(vt_balanced_sampler *sampler);

/* The image at `position` of `epoch`, with a chance in proportion to its weight; a function of the arguments alone. */
int64_t vt_balanced_sampler_draw(const vt_balanced_sampler *sampler, uint64_t seed, int64_t epoch, int64_t position);

#endif
