/* How many steps a run has and which samples each of them takes; the arithmetic of Hugging Face's Trainer. */
#ifndef VT_TRAIN_TRAINING_PLAN_H
#define VT_TRAIN_TRAINING_PLAN_H

#include "base/error.h"
#include "vitrain/train.h"
#include <stdint.h>

typedef struct vt_training_plan {
    int64_t samples;           /* used of each epoch */
    int64_t batch_size;        /* samples in a micro-batch; an epoch's last may be smaller */
    int64_t samples_per_step;  /* batch_size * gradient_accumulation_steps; an epoch's last step may have fewer */
    int64_t batches_per_epoch; /* micro-batches */
    int64_t steps_per_epoch;   /* an incomplete last accumulation counts as a step */
    int64_t max_steps;
    int64_t epochs; /* begun */
} vt_training_plan;

vt_status vt_training_plan_make(const vt_training_arguments *arguments, int64_t train_samples,
                                vt_training_plan *plan) VT_CHECKED;

/* Samples in optimizer step `step`, counted from 0 over the whole run. */
int64_t vt_samples_in_step(const vt_training_plan *plan, int64_t step);

/* Epochs done after `steps` optimizer steps, with a fraction. */
double vt_epoch_after(const vt_training_plan *plan, int64_t steps);

/* Whether something done by `strategy`, each `interval` steps or each epoch, is due after `steps` optimizer steps. */
int vt_is_due(const vt_training_plan *plan, vt_strategy strategy, int64_t interval, int64_t steps);

#endif
