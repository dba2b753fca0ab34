/* Evaluation's inner side: on a model that is already placed, and what its figures are called. */
#ifndef VT_TRAIN_EVALUATION_H
#define VT_TRAIN_EVALUATION_H

#include "base/json.h"
#include "model/vit.h"
#include "vitrain/evaluate.h"

/* Fails with a sentence unless the model can take the data set's images and predicts its labels. */
vt_status vt_check_compatible(const vt_model *model, const vt_dataset_info *info) VT_CHECKED;

/* The model's problem type; where its config.json names none, the data set's. */
vt_problem_type vt_problem_type_for(const vt_model *model, const vt_dataset_info *info);

/* As vt_evaluate(), with `vit` holding the weights and planned for options->batch_size images. */
vt_status vt_evaluate_placed(vt_device *device, vt_vit *vit, const vt_model *model, const vt_dataset *dataset,
                             const vt_split *split, const vt_evaluate_options *options, const vt_console *console,
                             vt_evaluation **out) VT_CHECKED;

/* {"<prefix>_loss": ..., "<prefix>_roc_auc": ..., ...}; NULL if memory runs out. */
json_t *vt_evaluation_to_json(const vt_evaluation *evaluation, const char *prefix);

/* The figure called "roc_auc" or "eval_roc_auc" and so on; an unknown name is VT_ERROR_USAGE listing the known ones.
 * evaluation NULL only checks the name. */
vt_status vt_evaluation_metric(const vt_evaluation *evaluation, const char *name, double *value) VT_CHECKED;

/* logits [count, labels] -> scores [count, labels]. */
void vt_scores_from_logits(vt_score_kind kind, const float *logits, int64_t count, int labels, float *scores);

/* What VT_SCORE_AUTO means for a model of this problem type and so many labels; other kinds stay. Where no problem type
 * is named, labels exclude each other, as Hugging Face's image-classification pipeline takes it. */
vt_score_kind vt_resolve_score_kind(vt_score_kind kind, vt_problem_type problem_type, int labels);

#endif
