/* Learning-rate schedules, equal to those of transformers.get_scheduler(). */
#ifndef VT_TRAIN_SCHEDULE_H
#define VT_TRAIN_SCHEDULE_H

#include "vitrain/train.h"
#include <stdint.h>

/* Steps of linear warm-up in a run of total_steps: warmup_steps, or else ceil(total_steps * warmup_ratio). */
int64_t vt_warmup_steps(const vt_training_arguments *arguments, int64_t total_steps);

/* The learning rate of optimizer step `step`, counted from 0, in a run of total_steps. */
double vt_learning_rate(const vt_training_arguments *arguments, int64_t step, int64_t total_steps);

#endif
