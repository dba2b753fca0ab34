/* The balanced sampler: weights summed up once, then every draw is a random number and a binary search. */
#include "data/prepared/sampler.h"

#include "base/memory.h"
#include "base/random.h"
#include <stdbool.h>
#include <stdlib.h>

static bool is_positive(float label) {
    return label > 0.5f; /* NaN, a label that nobody knows, is not */
}

/* counts [num_labels + 1]: images with each label; the last: images without any. */
static void count_labels(const vt_split *split, int num_labels, int64_t *counts) {
    for (int64_t i = 0; i < vt_split_size(split); i++) {
        const float *labels = vt_split_get(split, i).labels;
        bool any = false;
        for (int label = 0; label < num_labels; label++) {
            counts[label] += is_positive(labels[label]);
            any = any || is_positive(labels[label]);
        }
        counts[num_labels] += !any;
    }
}

static double weigh(const float *labels, int num_labels, const int64_t *counts) {
    int64_t rarest = 0;
    for (int label = 0; label < num_labels; label++)
        if (is_positive(labels[label]) && (rarest == 0 || counts[label] < rarest)) rarest = counts[label];
    return 1.0 / (double)(rarest ? rarest : counts[num_labels]);
}

vt_status vt_balanced_sampler_make(const vt_split *split, int num_labels, vt_balanced_sampler *sampler) {
    int64_t *counts = NULL;
    double sum = 0;
    *sampler = (vt_balanced_sampler){.count = vt_split_size(split)};
    VT_TRY(vt_allocate(&counts, (size_t)num_labels + 1, sizeof *counts, "counts of labels"));
    vt_status status = vt_allocate(&sampler->sums, (size_t)sampler->count, sizeof *sampler->sums, "weights of images");
    if (status == VT_OK) count_labels(split, num_labels, counts);
    for (int64_t i = 0; status == VT_OK && i < sampler->count; i++) {
        sum += weigh(vt_split_get(split, i).labels, num_labels, counts);
        sampler->sums[i] = sum;
    }
    free(counts);
    return status;
}

void vt_balanced_sampler_free(vt_balanced_sampler *sampler) {
    free(sampler->sums);
    *sampler = (vt_balanced_sampler){0};
}

int64_t vt_balanced_sampler_draw(const vt_balanced_sampler *sampler, uint64_t seed, int64_t epoch, int64_t position) {
    vt_random random = vt_random_stream(seed, VT_PURPOSE_DRAW, (uint32_t)epoch, (uint64_t)position);
    int64_t low = 0, high = sampler->count - 1; /* the first image whose sum is above `target` */
    double target = vt_random_uniform(&random) * sampler->sums[high];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (sampler->sums[middle] > target)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
