/* A training run in progress: everything vt_train() holds between its parts.
 *
 * trainer_setup.c gets it ready (checks, resumption, placement, summary), trainer.c steps, trainer_duties.c does what is
 * due after a step (log, evaluate, save). */
#ifndef VT_TRAIN_TRAINER_H
#define VT_TRAIN_TRAINER_H

#include "base/progress.h"
#include "data/prepared/loader.h"
#include "formats/tensorboard.h"
#include "model/vit.h"
#include "train/checkpoint.h"
#include "train/trainer_state.h"
#include "train/training_plan.h"
#include "vitrain/evaluate.h"
#include "vitrain/train.h"

typedef struct vt_trainer {
    vt_device *device;
    vt_model *model; /* host copy; holds the current weights only where vt_trainer_fetch_weights() was called */
    const vt_dataset *dataset;
    const vt_split *train_split, *eval_split; /* eval_split NULL: no evaluation */
    const vt_training_arguments *arguments;
    const vt_console *console;

    vt_training_plan plan;
    vt_trainer_state state;
    int64_t first_step;      /* where this call began: 0, or the step resumed from */
    int64_t last_saved_step; /* -1: none */
    int lock;                /* descriptor of the output folder, locked against other runs; -1: none */
    float *pos_weight;       /* [num_labels] or NULL */

    vt_vit *vit;      /* being trained */
    vt_vit *eval_vit; /* inference plan for evaluations, on the weights of `vit`; NULL without eval_split */
    vt_loader *loader;
    float *moment1, *moment2; /* [value_count]; moment2 NULL under SGD */
    float *sample_losses;     /* [batch_size] */
    vt_event_writer *events;  /* NULL after a failure: events are not worth a run */

    double learning_rate, grad_norm, step_loss; /* of the last step */
    int64_t samples_done;                       /* by this call */
    double started;                             /* vt_now() before the first step */
    double logged, waited;                      /* vt_now() at the last log line, and seconds waited for data until then */
    vt_evaluation *evaluation;                  /* the last one, of the weights after state.last_evaluated_step; or NULL */
    vt_progress progress;
} vt_trainer;

/* --- trainer_setup.c --- */

/* Zero-initialised trainer with device ... console set -> ready for the first step. */
vt_status vt_trainer_setup(vt_trainer *trainer) VT_CHECKED;
void vt_trainer_teardown(vt_trainer *trainer);

vt_update_rule vt_update_rule_of(vt_optimizer_type optim);

/* --- trainer_duties.c --- */

/* Logs, evaluates and saves as due after state.global_step; what was done already is not done again. When a stop was
 * requested, saves and returns VT_ERROR_INTERRUPTED. */
vt_status vt_trainer_do_duties(vt_trainer *trainer) VT_CHECKED;

/* Copies the current weights into trainer->model. */
vt_status vt_trainer_fetch_weights(vt_trainer *trainer) VT_CHECKED;

/* Evaluates the weights of trainer->vit on eval_split; replaces trainer->evaluation. */
vt_status vt_trainer_evaluate(vt_trainer *trainer) VT_CHECKED;

/* Adds `entry` (taken over; NULL is a failed allocation) to the log, the console and the TensorBoard events. */
vt_status vt_trainer_log(vt_trainer *trainer, json_t *entry) VT_CHECKED;

#endif
