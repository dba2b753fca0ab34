/* Batches of a split, in an order that is a pure function of (seed, epoch), augmented and assembled ahead by worker threads. */
#ifndef VT_DATA_LOADER_H
#define VT_DATA_LOADER_H

#include "base/error.h"
#include "vitrain/dataset.h"
#include <stdint.h>

typedef struct vt_loader vt_loader;

typedef struct vt_loader_options {
    int64_t batch_size; /* samples per batch; an epoch's last batch may be smaller */
    int shuffle;        /* 0: stored order */
    vt_sampler sampler; /* of a shuffled epoch */
    const char
        *augment;  /* as include/vitrain/augment.h tells; NULL or "": none, stored images are brought to the model's size */
    uint64_t seed; /* of order and augmentation */
    int64_t epoch_size;   /* samples used of each epoch; 0: all (drop_last: a multiple of the step size) */
    int64_t first_epoch;  /* where to begin: seeking costs nothing */
    int64_t first_sample; /* within the first epoch; a multiple of batch_size */
    int64_t epochs;       /* how many epochs to deliver, counted from epoch 0; 0: without end */
    int workers; /* 0: batches are assembled by the caller of vt_loader_next(); -1: by what there is to do. Never changes a bit
                  */
} vt_loader_options;

/* A batch; its memory belongs to the loader and lives until the next vt_loader_next(). */
typedef struct vt_batch {
    int64_t size; /* samples */
    int64_t epoch;
    int64_t first;          /* index of its first sample within the epoch's order */
    const uint8_t *pixels;  /* [size, height, width, channels] */
    const float *labels;    /* [size, num_labels] */
    const int64_t *indices; /* [size]: into the split */
} vt_batch;

vt_status vt_loader_create(const vt_dataset *dataset, const vt_split *split, const vt_loader_options *options,
                           vt_loader **out) VT_CHECKED;
void vt_loader_free(vt_loader *loader); /* NULL allowed; stops the workers */

/* *batch is the next one, or has size 0 at the end. */
vt_status vt_loader_next(vt_loader *loader, vt_batch *batch) VT_CHECKED;

/* Seconds that vt_loader_next() has spent waiting so far. */
double vt_loader_wait_seconds(const vt_loader *loader);

#endif
