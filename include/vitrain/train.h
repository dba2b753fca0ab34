/* Fine-tuning: arguments with Hugging Face's names, and the trainer.
 *
 * A run writes into output_dir: checkpoint-N/ (model folder, optimizer.safetensors, trainer_state.json,
 * training_args.json, manifest.json), the final model, trainer_state.json with log_history, training_args.json,
 * train_results.json, eval_results.json, all_results.json and TensorBoard events under runs/. */
#ifndef VITRAIN_TRAIN_H
#define VITRAIN_TRAIN_H

#include "vitrain/console.h"
#include "vitrain/dataset.h"
#include "vitrain/device.h"
#include "vitrain/evaluate.h"
#include "vitrain/model.h"
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum vt_strategy { VT_STRATEGY_NO = 0, VT_STRATEGY_STEPS = 1, VT_STRATEGY_EPOCH = 2 } vt_strategy;

typedef enum vt_scheduler_type {
    VT_SCHEDULER_LINEAR = 0,
    VT_SCHEDULER_COSINE = 1,
    VT_SCHEDULER_COSINE_WITH_RESTARTS = 2,
    VT_SCHEDULER_POLYNOMIAL = 3,
    VT_SCHEDULER_CONSTANT = 4,
    VT_SCHEDULER_CONSTANT_WITH_WARMUP = 5
} vt_scheduler_type;

typedef enum vt_optimizer_type { VT_OPTIMIZER_ADAMW = 0, VT_OPTIMIZER_SGD = 1, VT_OPTIMIZER_LAMB = 2 } vt_optimizer_type;

#define VT_PATH_MAX 4096

/* Hugging Face's TrainingArguments, wherever both have the thing; defaults are Hugging Face's too.
 * Filled by vt_training_arguments_init() and vt_training_arguments_set(). */
typedef struct vt_training_arguments {
    char output_dir[VT_PATH_MAX];
    int overwrite_output_dir;
    int per_device_train_batch_size;     /* 8 */
    int per_device_eval_batch_size;      /* 8 */
    int gradient_accumulation_steps;     /* 1 */
    double learning_rate;                /* 5e-5 */
    double weight_decay;                 /* 0 */
    double adam_beta1;                   /* 0.9 */
    double adam_beta2;                   /* 0.999 */
    double adam_epsilon;                 /* 1e-8 */
    double sgd_momentum;                 /* 0.9; of --optim sgd */
    double max_grad_norm;                /* 1; 0 switches clipping off */
    double num_train_epochs;             /* 3 */
    int64_t max_steps;                   /* -1: as many as the epochs need */
    vt_scheduler_type lr_scheduler_type; /* linear */
    double lr_scheduler_num_cycles;      /* cosine_with_restarts: 1 */
    double lr_scheduler_power;           /* polynomial: 1 */
    double lr_scheduler_lr_end;          /* polynomial: 1e-7 */
    double warmup_ratio;                 /* 0 */
    int64_t warmup_steps;                /* 0; wins over warmup_ratio */
    vt_strategy logging_strategy;        /* steps */
    int logging_first_step;
    int64_t logging_steps;     /* 500 */
    vt_strategy eval_strategy; /* no */
    int64_t eval_steps;        /* 0: as logging_steps */
    vt_strategy save_strategy; /* steps */
    int64_t save_steps;        /* 500 */
    int64_t save_total_limit;  /* 0: no limit; neither the best nor the newest is ever deleted */
    int load_best_model_at_end;
    char metric_for_best_model[64]; /* "" means loss; "roc_auc", "eval_roc_auc", ... */
    int greater_is_better;          /* -1: by the metric's name */
    uint64_t seed;                  /* 42 */
    int gradient_checkpointing;     /* recompute activations in backward: less memory, the same bits */
    int dataloader_drop_last;
    int dataloader_num_workers;               /* -1: as many as there is work for; never changes a result */
    vt_sampler sampler;                       /* random */
    int resume;                               /* --resume-from-checkpoint was given */
    char resume_from_checkpoint[VT_PATH_MAX]; /* "" with resume: the newest valid one, or a fresh start */
    vt_optimizer_type optim;                  /* adamw */
    double label_smoothing_factor;            /* 0 */
    char augment[1024];                       /* "": none; as vitrain/augment.h tells */
    vt_precision precision;                   /* set by vt_training_arguments_init() to the device's default */
    char pos_weight[VT_PATH_MAX];             /* "none", "auto" (negatives / positives of train), or a JSON file */
    char eval_split[32];                      /* the split evaluated while training: "validation" */
    char logging_dir[VT_PATH_MAX];            /* "": output_dir/runs/... */
} vt_training_arguments;

/* Fills in the defaults; precision is bf16 if `device` (NULL allowed: fp32) computes it natively. */
VT_API void vt_training_arguments_init(vt_training_arguments *arguments, const vt_device *device);

/* Sets one argument by its command-line name, without the leading dashes, '-' and '_' alike:
 * set(a, "learning-rate", "2e-4"). `value` NULL is a flag given without a value. An unknown name or a value that
 * does not parse or is out of range is VT_ERROR_USAGE, naming both and what is allowed. */
VT_API vt_status vt_training_arguments_set(vt_training_arguments *arguments, const char *name, const char *value) VT_CHECKED;

/* Describes argument `index`; 0 past the last. For help texts and parsers. */
typedef struct vt_argument_help {
    const char *name;   /* "learning_rate" */
    const char *help;   /* one line */
    int value_required; /* 0: may stand alone as a flag, or be followed by an optional value */
    int flag;           /* 1: boolean */
    char values[256];   /* what it takes: "an integer of at least 1" */
    char initial[64];   /* its default as the command line has it; "" if there is none */
} vt_argument_help;
VT_API int vt_training_argument_describe(int index, vt_argument_help *help);

typedef struct vt_train_result {
    int64_t global_step;
    double epoch;
    double train_loss;    /* mean over all steps of this run */
    double train_runtime; /* seconds */
    double train_samples_per_second, train_steps_per_second;
    double train_data_wait_share; /* of train_runtime: spent waiting for data, 0 to 1 */
    double best_metric;           /* NAN if there is none */
    char best_model_checkpoint[VT_PATH_MAX];
    vt_evaluation *evaluation; /* of the weights the model ends with, on eval_split; NULL under eval_strategy no. The caller's,
                                  to be freed with vt_evaluation_free() */
} vt_train_result;

/* Fine-tunes `model` in place on the data set's "train" split. The model ends with the final weights, or the best
 * ones under load_best_model_at_end. When asked to stop (vt_request_stop) it finishes the step, saves a checkpoint
 * and returns VT_ERROR_INTERRUPTED. */
VT_API vt_status vt_train(vt_device *device, vt_model *model, const vt_dataset *dataset, const vt_training_arguments *arguments,
                          const vt_console *console, vt_train_result *result) VT_CHECKED;

/* *weights = [num_labels] the weights of positives that arguments->pos_weight asks for on this data set, for
 * vt_evaluate_options; NULL for "none". Freed with free(). */
VT_API vt_status vt_training_pos_weight(const vt_training_arguments *arguments, const vt_dataset *dataset,
                                        float **weights) VT_CHECKED;

/* What a run keeps beside its model, in output_dir and in every checkpoint, about what it was trained on. */
typedef struct vt_run_record {
    char split_hash[65];           /* of its data set; "" if unknown */
    float *pos_weight;             /* [num_labels] weights of positives in its loss, or NULL; freed with free() */
    double label_smoothing_factor; /* of its loss */
} vt_run_record;

/* Reads the record in `model_dir` of a model with `num_labels` labels. A model that no run of Vitrain wrote has an empty one.
 */
VT_API vt_status vt_run_record_read(const char *model_dir, int num_labels, vt_run_record *record) VT_CHECKED;

/* path = the newest valid checkpoint in output_dir; "" if there is none. Damaged ones are named in warnings. */
VT_API vt_status vt_checkpoint_newest(const char *output_dir, const vt_console *console, char path[VT_PATH_MAX]) VT_CHECKED;

typedef struct vt_checkpoint_info {
    int64_t global_step, max_steps;
    double epoch;
    double best_metric; /* NAN if there is none yet */
} vt_checkpoint_info;

/* Checks every file of a checkpoint against its manifest and says how far the run had come. */
VT_API vt_status vt_checkpoint_inspect(const char *folder, vt_checkpoint_info *info) VT_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
