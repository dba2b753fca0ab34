/* Evaluation and prediction: losses, ROC-AUC and its relatives per label, and probabilities for new images. */
#ifndef VITRAIN_EVALUATE_H
#define VITRAIN_EVALUATE_H

#include "vitrain/console.h"
#include "vitrain/dataset.h"
#include "vitrain/device.h"
#include "vitrain/model.h"
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How logits become the scores that AUC ranks. */
typedef enum vt_score_kind {
    VT_SCORE_AUTO = 0, /* sigmoid for multi-label, softmax for single-label */
    VT_SCORE_SIGMOID = 1,
    VT_SCORE_SOFTMAX = 2, /* over multi-label logits: the walk-through's own figure */
    VT_SCORE_LOGITS = 3   /* the logits themselves: what VT_SCORE_AUTO means for regression */
} vt_score_kind;

typedef struct vt_label_metrics {
    int64_t positives, negatives;
    int64_t unknown;                  /* samples of which nobody knows; they count in no figure */
    double roc_auc;                   /* NAN if one class is absent */
    double roc_auc_low, roc_auc_high; /* 95 % confidence interval (DeLong et al. 1988, normal approximation, clipped to [0, 1]);
                                         NAN unless each class has two samples */
    double average_precision;         /* NAN without positives */
    double threshold;                 /* best F1 on the validation split; NAN if there is none */
    double f1;                        /* at `threshold`; NAN if there is none, or nothing is known */
} vt_label_metrics;

typedef struct vt_evaluation {
    const char *split; /* owned by the evaluation */
    int64_t samples;
    int num_labels;
    char **label_names;      /* [num_labels] */
    float *logits;           /* [samples, num_labels] */
    float *scores;           /* [samples, num_labels] */
    float *targets;          /* [samples, num_labels]: NaN where nobody knows */
    double loss;             /* mean over samples, and over known labels where they don't exclude each other */
    double roc_auc;          /* macro mean over the labels that have both classes; NAN if none has */
    double roc_auc_micro;    /* over all known (sample, label) pairs; NAN if they are of one class */
    double roc_auc_weighted; /* macro weighted by positives; NAN as roc_auc is */
    double roc_auc_findings; /* macro without "No Finding"; equals roc_auc if there is no such label; NAN as roc_auc is */
    double accuracy; /* single-label: arg max; multi-label: mean over known (sample, label) pairs at 0.5; NAN for regression */
    int auc_labels;  /* how many labels stand in the macro mean */
    vt_label_metrics *labels; /* [num_labels] */
    double runtime;           /* seconds */
    int64_t batches;          /* the samples came in */
    vt_problem_type problem_type;
    vt_score_kind score; /* how `scores` came about; never VT_SCORE_AUTO */
} vt_evaluation;

typedef struct vt_evaluate_options {
    int batch_size; /* 8 */
    vt_precision precision;
    vt_score_kind score;
    int num_workers;               /* of the loader; -1: as many as there is work for. Never changes a result */
    const float *pos_weight;       /* [num_labels] or NULL; as in training, for the loss only */
    double label_smoothing_factor; /* 0; as in training, for the loss only */
    const vt_evaluation
        *thresholds_from; /* the validation split's evaluation, for F1; NULL: none, but validation uses its own */
} vt_evaluate_options;

/* Defaults; precision is bf16 if `device` (NULL allowed: fp32) computes it natively. */
VT_API void vt_evaluate_options_init(vt_evaluate_options *options, const vt_device *device);

/* Evaluates `model` on `split`. Only scores are kept, never images. *out is owned by the caller. */
VT_API vt_status vt_evaluate(vt_device *device, const vt_model *model, const vt_dataset *dataset, const vt_split *split,
                             const vt_evaluate_options *options, const vt_console *console, vt_evaluation **out) VT_CHECKED;
VT_API void vt_evaluation_free(vt_evaluation *evaluation); /* NULL allowed */

/* Says the figures and the table per label on the console. */
VT_API void vt_evaluation_print(const vt_evaluation *evaluation, const vt_console *console);

/* Writes the figures as <prefix>_results.json into `folder` and merges them into all_results.json there, as the
 * Hugging Face Trainer does; `prefix` is "eval" or "test". */
VT_API vt_status vt_evaluation_save(const vt_evaluation *evaluation, const char *folder, const char *prefix) VT_CHECKED;

/* Runs the model over raw uint8 images of its own input size.
 * pixels [count, height, width, channels] with channels 1 or 3; logits [count, num_labels] is written. */
VT_API vt_status vt_predict_pixels(vt_device *device, const vt_model *model, const uint8_t *pixels, int64_t count, int channels,
                                   vt_precision precision, float *logits) VT_CHECKED;

/* Called once per image, in order: probabilities [num_labels]. A non-VT_OK return stops and is passed on. */
typedef vt_status (*vt_prediction_sink)(void *user, const char *file, const float *probabilities, int num_labels);

/* Decodes, resizes as the model's preprocessor says, and predicts `files` [count]; a folder stands for the images
 * below it, sorted; "-" is one image on standard input. Probabilities are sigmoid or softmax by problem type.
 * Files that can't be decoded are errors, or warnings under VT_BAD_IMAGE_SKIP. */
VT_API vt_status vt_predict_files(vt_device *device, const vt_model *model, const char *const *files, int64_t count,
                                  int batch_size, vt_precision precision, vt_bad_image_policy bad_image,
                                  const vt_console *console, vt_prediction_sink sink, void *user) VT_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
