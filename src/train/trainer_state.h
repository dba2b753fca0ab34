/* What a run has done so far: counters, the log, the best checkpoint, and what a resumed run needs to go on as if it had never
 * stopped. Written as trainer_state.json, which transformers' TrainerState.load_from_json() opens. */
#ifndef VT_TRAIN_TRAINER_STATE_H
#define VT_TRAIN_TRAINER_STATE_H

#include "base/error.h"
#include "base/json.h"
#include "vitrain/train.h"
#include <stdint.h>

typedef struct vt_trainer_state {
    int64_t global_step, max_steps, num_train_epochs;
    double epoch;             /* passes over the data so far */
    double total_flos;        /* estimated floating-point operations so far */
    json_t *log_history;      /* array of objects, each with "step" and "epoch"; owned */
    double best_metric;       /* NAN: none yet */
    int64_t best_global_step; /* 0: none yet */
    char best_model_checkpoint[VT_PATH_MAX];
    int64_t last_logged_step, last_evaluated_step;
    double loss_since_log; /* sum over steps of each step's mean loss, since last_logged_step */
    double loss_sum;       /* likewise, since the first step */
    json_t *identity;      /* what must be equal for a run to be continued: data, labels, weights of the loss; owned */
} vt_trainer_state;

vt_status vt_trainer_state_init(vt_trainer_state *state) VT_CHECKED;
void vt_trainer_state_free(vt_trainer_state *state);

/* Appends `entry` (taken over, even on failure; NULL is a failed allocation) with the current epoch and step. */
vt_status vt_trainer_state_log(vt_trainer_state *state, json_t *entry) VT_CHECKED;

/* Writes the state atomically; arguments give the keys that Hugging Face keeps beside it. */
vt_status vt_trainer_state_save(const vt_trainer_state *state, const vt_training_arguments *arguments,
                                const char *path) VT_CHECKED;

/* Replaces an initialised state by the one in `path`. */
vt_status vt_trainer_state_load(vt_trainer_state *state, const char *path) VT_CHECKED;

/* The identity in a trainer_state.json; NULL in one that Vitrain did not write. */
json_t *vt_trainer_state_identity(const json_t *root);

/* Fails, naming the difference, unless `saved` and `now` are the same identity. */
vt_status vt_check_identity(const json_t *saved, const json_t *now, const char *checkpoint) VT_CHECKED;

/* A number rounded to `decimals`, as transformers' speed_metrics() has it; null for infinities. */
json_t *vt_json_rounded(double value, int decimals);

/* A log entry as Hugging Face prints it, four significant digits: "{'loss': 0.3253, 'epoch': 0.5}"; freed with free(). */
vt_status vt_log_text(const json_t *entry, char **out) VT_CHECKED;

/* Writes <prefix>_results.json into `folder` and merges it into all_results.json there. */
vt_status vt_results_save(const json_t *results, const char *folder, const char *prefix) VT_CHECKED;

#endif
