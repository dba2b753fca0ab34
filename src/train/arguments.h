/* Training arguments beyond the public calls: cross-checks, training_args.json, and what resuming may change. */
#ifndef VT_TRAIN_ARGUMENTS_H
#define VT_TRAIN_ARGUMENTS_H

#include "base/error.h"
#include "base/json.h"
#include "vitrain/train.h"

/* Every argument within its limits, and those that must agree with each other do. */
vt_status vt_training_arguments_check(const vt_training_arguments *arguments) VT_CHECKED;

/* How often to evaluate under VT_STRATEGY_STEPS: eval_steps, or logging_steps if that is 0. */
int64_t vt_eval_interval(const vt_training_arguments *arguments);

/* *out = the arguments as one JSON object with Hugging Face's spellings ("lr_scheduler_type": "cosine"). */
vt_status vt_training_arguments_to_json(const vt_training_arguments *arguments, json_t **out) VT_CHECKED;

/* Writes them as training_args.json. */
vt_status vt_training_arguments_save(const vt_training_arguments *arguments, const char *path) VT_CHECKED;

/* Sets every argument that `object` has; keys it does not know are left alone. `name` is for error sentences. */
vt_status vt_training_arguments_from_json(vt_training_arguments *arguments, const json_t *object, const char *name) VT_CHECKED;

/* Fails, naming the argument and both values, unless a run of `saved` can be continued by `now` with the same result. */
vt_status vt_training_arguments_check_resume(const vt_training_arguments *saved, const vt_training_arguments *now,
                                             const char *checkpoint) VT_CHECKED;

#endif
