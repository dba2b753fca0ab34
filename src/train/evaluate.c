/* Evaluation: a pass over a split that keeps logits only, then loss, AUC and its relatives per label. */
#include "train/evaluation.h"

#include "base/memory.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/prepared/loader.h"
#include "train/metrics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char NO_FINDING[] = "No Finding";

void vt_evaluate_options_init(vt_evaluate_options *options, const vt_device *device) {
    vt_device_info info = {0};
    if (device) vt_device_get_info(device, &info);
    *options = (vt_evaluate_options){
        .batch_size = 8, .num_workers = -1, .precision = info.native_bf16 ? VT_PRECISION_BF16 : VT_PRECISION_FP32};
}

void vt_evaluation_free(vt_evaluation *evaluation) {
    if (!evaluation) return;
    for (int i = 0; evaluation->label_names && i < evaluation->num_labels; i++) free(evaluation->label_names[i]);
    free(evaluation->label_names);
    free((char *)evaluation->split);
    free(evaluation->logits);
    free(evaluation->scores);
    free(evaluation->targets);
    free(evaluation->labels);
    free(evaluation);
}

/* --- does the model fit the data? --- */

static vt_status check_labels(const vt_vit_config *config, const vt_dataset_info *info) {
    if (config->num_labels != info->num_labels)
        return vt_fail(VT_ERROR_INPUT,
                       "the model predicts %d labels, but the data set has %d; prepare the data with the model's "
                       "labels, or train the model on it",
                       config->num_labels, info->num_labels);
    for (int i = 0; i < info->num_labels; i++)
        if (strcmp(config->label_names[i], info->label_names[i]) != 0)
            return vt_fail(VT_ERROR_INPUT,
                           "label %d is '%s' in the model, but '%s' in the data set; both must have the same "
                           "labels in the same order",
                           i, config->label_names[i], info->label_names[i]);
    return VT_OK;
}

vt_status vt_check_compatible(const vt_model *model, const vt_dataset_info *info) {
    const vt_vit_config *config = vt_model_get_config(model);
    VT_TRY(check_labels(config, info));
    if (config->image_height != info->height || config->image_width != info->width)
        return vt_fail(VT_ERROR_INPUT,
                       "the model takes images of %d x %d, but the data set has %d x %d; prepare the data with "
                       "--image-size %d",
                       config->image_height, config->image_width, info->height, info->width, config->image_height);
    if (config->num_channels == 1 && info->channels == 3)
        return vt_fail(VT_ERROR_INPUT, "the model takes grey images, but the data set has colour images");
    if (config->problem_type == VT_PROBLEM_SINGLE_LABEL && strcmp(info->problem_type, "multi_label_classification") == 0)
        return vt_fail(VT_ERROR_INPUT, "the model chooses one label per image (problem_type single_label_classification), but "
                                       "images of the data set have several; train it as multi_label_classification");
    return VT_OK;
}

/* --- scores --- */

vt_problem_type vt_problem_type_for(const vt_model *model, const vt_dataset_info *info) {
    vt_problem_type named = vt_model_get_config(model)->problem_type;
    if (named != VT_PROBLEM_UNSET) return named;
    return strcmp(info->problem_type, vt_problem_type_name(VT_PROBLEM_SINGLE_LABEL)) == 0 ? VT_PROBLEM_SINGLE_LABEL
                                                                                          : VT_PROBLEM_MULTI_LABEL;
}

vt_score_kind vt_resolve_score_kind(vt_score_kind kind, vt_problem_type problem_type, int labels) {
    if (kind != VT_SCORE_AUTO) return kind;
    if (problem_type == VT_PROBLEM_UNSET && labels > 1) return VT_SCORE_SOFTMAX;
    if (problem_type == VT_PROBLEM_SINGLE_LABEL) return VT_SCORE_SOFTMAX;
    return problem_type == VT_PROBLEM_REGRESSION ? VT_SCORE_LOGITS : VT_SCORE_SIGMOID;
}

static void softmax(const float *logits, int labels, float *scores) {
    float highest = logits[0];
    double sum = 0;
    for (int i = 1; i < labels; i++) highest = fmaxf(highest, logits[i]);
    for (int i = 0; i < labels; i++) sum += exp((double)logits[i] - highest);
    for (int i = 0; i < labels; i++) scores[i] = (float)(exp((double)logits[i] - highest) / sum);
}

void vt_scores_from_logits(vt_score_kind kind, const float *logits, int64_t count, int labels, float *scores) {
    for (int64_t s = 0; s < count; s++) {
        const float *row = logits + s * labels;
        if (kind == VT_SCORE_SOFTMAX) softmax(row, labels, scores + s * labels);
        for (int i = 0; kind == VT_SCORE_SIGMOID && i < labels; i++)
            scores[s * labels + i] = (float)(1 / (1 + exp(-(double)row[i])));
        if (kind == VT_SCORE_LOGITS) memcpy(scores + s * labels, row, (size_t)labels * sizeof *scores);
    }
}

/* --- the pass over the split --- */

static vt_status allocate_evaluation(const vt_model *model, const vt_split *split, vt_evaluation **out) {
    const vt_vit_config *config = vt_model_get_config(model);
    size_t samples = (size_t)vt_split_size(split), labels = (size_t)config->num_labels, names = 0;
    vt_evaluation *evaluation;
    VT_TRY(vt_allocate(&evaluation, 1, sizeof *evaluation, "an evaluation"));
    *out = evaluation;
    evaluation->samples = (int64_t)samples;
    evaluation->num_labels = config->num_labels;
    VT_TRY(vt_copy_string(vt_split_name(split), (char **)&evaluation->split));
    VT_TRY(vt_allocate(&evaluation->label_names, labels, sizeof *evaluation->label_names, "label names"));
    while (names < labels) {
        VT_TRY(vt_copy_string(config->label_names[names], &evaluation->label_names[names]));
        names++;
    }
    VT_TRY(vt_allocate(&evaluation->logits, samples, labels * sizeof(float), "logits of the split"));
    VT_TRY(vt_allocate(&evaluation->scores, samples, labels * sizeof(float), "scores of the split"));
    VT_TRY(vt_allocate(&evaluation->targets, samples, labels * sizeof(float), "labels of the split"));
    return vt_allocate(&evaluation->labels, labels, sizeof *evaluation->labels, "figures per label");
}

/* Device memory of the loss. */
typedef struct loss_buffers {
    void *logits, *targets, *pos_weight, *loss;
    float *host_loss;        /* [batch] */
    vt_loss_options options; /* those of training */
} loss_buffers;

static vt_status allocate_loss(vt_device *device, vt_problem_type problem_type, const vt_evaluate_options *options, int labels,
                               loss_buffers *out) {
    const size_t batch = (size_t)options->batch_size, row = (size_t)labels * sizeof(float), bytes = batch * row;
    out->options = (vt_loss_options){.problem_type = problem_type, .label_smoothing = (float)options->label_smoothing_factor};
    VT_TRY(device->ops->allocate(device, bytes, "logits", &out->logits));
    VT_TRY(device->ops->allocate(device, bytes, "labels", &out->targets));
    VT_TRY(device->ops->allocate(device, batch * sizeof(float), "losses", &out->loss));
    VT_TRY(vt_allocate(&out->host_loss, batch, sizeof(float), "losses"));
    if (!options->pos_weight) return VT_OK;
    VT_TRY(device->ops->allocate(device, row, "weights of positives", &out->pos_weight));
    out->options.pos_weight = out->pos_weight;
    return device->ops->upload(device, out->pos_weight, options->pos_weight, row);
}

static void release_loss(vt_device *device, loss_buffers *buffers) {
    if (buffers->logits) device->ops->release(device, buffers->logits);
    if (buffers->targets) device->ops->release(device, buffers->targets);
    if (buffers->loss) device->ops->release(device, buffers->loss);
    if (buffers->pos_weight) device->ops->release(device, buffers->pos_weight);
    free(buffers->host_loss);
}

/* Adds the losses of a batch, logits and targets [batch, labels], to *sum. */
static vt_status add_loss(vt_device *device, const loss_buffers *buffers, const float *logits, const float *targets,
                          int64_t batch, int labels, double *sum) {
    size_t bytes = (size_t)batch * (size_t)labels * sizeof(float);
    VT_TRY(device->ops->upload(device, buffers->logits, logits, bytes));
    VT_TRY(device->ops->upload(device, buffers->targets, targets, bytes));
    VT_TRY(
        device->ops->loss(device, buffers->logits, buffers->targets, batch, labels, &buffers->options, 0, buffers->loss, NULL));
    VT_TRY(device->ops->download(device, buffers->host_loss, buffers->loss, (size_t)batch * sizeof(float)));
    for (int64_t i = 0; i < batch; i++) *sum += (double)buffers->host_loss[i];
    return VT_OK;
}

static vt_status check_finite(const float *logits, int64_t count, int labels, const vt_split *split, const int64_t *indices) {
    for (int64_t i = 0; i < count * labels; i++)
        if (!isfinite(logits[i])) {
            vt_example example = vt_split_get(split, indices[i / labels]);
            return vt_fail(VT_ERROR_INPUT,
                           "the model's output for %.*s is not a finite number; its weights are broken or its "
                           "training diverged",
                           (int)example.file_name_length, example.file_name);
        }
    return VT_OK;
}

static vt_status run_forward(vt_device *device, vt_vit *vit, vt_loader *loader, const vt_split *split,
                             const loss_buffers *buffers, const vt_console *console, vt_evaluation *evaluation) {
    const size_t labels = (size_t)evaluation->num_labels;
    vt_progress progress;
    vt_batch batch;
    vt_status status = VT_OK;
    double loss = 0;
    vt_progress_begin(&progress, console, "Evaluating", "images", 0, evaluation->samples);
    for (int64_t done = 0; status == VT_OK && done < evaluation->samples; done += batch.size) {
        float *logits = evaluation->logits + (size_t)done * labels, *targets = evaluation->targets + (size_t)done * labels;
        if (vt_stop_requested()) VT_TRY_GOTO(vt_fail(VT_ERROR_INTERRUPTED, "evaluation was interrupted"));
        VT_TRY_GOTO(vt_loader_next(loader, &batch));
        if (batch.size <= 0) break;
        memcpy(targets, batch.labels, (size_t)batch.size * labels * sizeof(float));
        VT_TRY_GOTO(vt_vit_forward(vit, batch.pixels, batch.size, NULL, logits));
        VT_TRY_GOTO(check_finite(logits, batch.size, evaluation->num_labels, split, batch.indices));
        VT_TRY_GOTO(add_loss(device, buffers, logits, targets, batch.size, evaluation->num_labels, &loss));
        evaluation->batches++;
        vt_progress_update(&progress, done + batch.size, NULL);
    }
    evaluation->loss = loss / (double)evaluation->samples;
done:
    vt_progress_end(&progress);
    return status;
}

/* --- figures --- */

/* The label's ranking -> its row of the table. thresholds: of the validation split, or NULL. */
static vt_status measure_label(vt_evaluation *evaluation, int label, const vt_evaluation *thresholds) {
    vt_label_metrics *metrics = &evaluation->labels[label];
    const size_t labels = (size_t)evaluation->num_labels;
    vt_ranking ranking;
    metrics->threshold = metrics->f1 = NAN;
    if (thresholds) {
        VT_TRY(vt_ranking_create(thresholds->scores + label, thresholds->targets + label, (size_t)thresholds->samples, labels,
                                 &ranking));
        metrics->threshold = vt_best_f1_threshold(&ranking);
        vt_ranking_free(&ranking);
    }
    VT_TRY(vt_ranking_create(evaluation->scores + label, evaluation->targets + label, (size_t)evaluation->samples, labels,
                             &ranking));
    metrics->positives = ranking.positives;
    metrics->negatives = ranking.negatives;
    metrics->unknown = evaluation->samples - (int64_t)ranking.count;
    metrics->roc_auc = vt_roc_auc(&ranking);
    vt_roc_auc_interval(&ranking, &metrics->roc_auc_low, &metrics->roc_auc_high);
    metrics->average_precision = vt_average_precision(&ranking);
    if (!isnan(metrics->threshold)) metrics->f1 = vt_f1(&ranking, metrics->threshold);
    vt_ranking_free(&ranking);
    return VT_OK;
}

/* Means over the labels that have both classes. */
static void average_labels(vt_evaluation *evaluation) {
    double sum = 0, weighted = 0, weights = 0, findings = 0;
    int count = 0, finding_count = 0;
    for (int i = 0; i < evaluation->num_labels; i++) {
        const vt_label_metrics *metrics = &evaluation->labels[i];
        if (isnan(metrics->roc_auc)) continue;
        sum += metrics->roc_auc;
        count++;
        weighted += metrics->roc_auc * (double)metrics->positives;
        weights += (double)metrics->positives;
        if (strcmp(evaluation->label_names[i], NO_FINDING) == 0) continue;
        findings += metrics->roc_auc;
        finding_count++;
    }
    evaluation->auc_labels = count;
    evaluation->roc_auc = count ? sum / count : NAN;
    evaluation->roc_auc_weighted = count ? weighted / weights : NAN;
    evaluation->roc_auc_findings = finding_count ? findings / finding_count : NAN;
}

/* Single-label: share of samples whose highest logit is the right one's. Multi-label: share of the (sample, label) pairs that
 * are known on the right side of probability 0.5, which is logit 0. */
static double accuracy(const vt_evaluation *evaluation, vt_problem_type problem_type) {
    const int labels = evaluation->num_labels;
    int64_t right = 0, counted = 0;
    if (problem_type == VT_PROBLEM_REGRESSION) return NAN;
    for (int64_t s = 0; s < evaluation->samples; s++) {
        const float *logits = evaluation->logits + s * labels, *targets = evaluation->targets + s * labels;
        int best = 0;
        for (int i = 1; i < labels; i++)
            if (logits[i] > logits[best]) best = i;
        if (problem_type == VT_PROBLEM_SINGLE_LABEL) {
            right += targets[best] > 0.5f;
            counted++;
            continue;
        }
        for (int i = 0; i < labels; i++) {
            if (isnan(targets[i])) continue;
            right += (logits[i] > 0) == (targets[i] > 0.5f);
            counted++;
        }
    }
    return counted ? (double)right / (double)counted : NAN;
}

static vt_status measure(vt_evaluation *evaluation, vt_problem_type problem_type, const vt_evaluate_options *options) {
    vt_ranking all;
    evaluation->problem_type = problem_type;
    evaluation->score = vt_resolve_score_kind(options->score, problem_type, evaluation->num_labels);
    vt_scores_from_logits(evaluation->score, evaluation->logits, evaluation->samples, evaluation->num_labels,
                          evaluation->scores);
    const vt_evaluation *thresholds = options->thresholds_from;
    if (!thresholds && strcmp(evaluation->split, "validation") == 0) thresholds = evaluation;
    for (int i = 0; i < evaluation->num_labels; i++) VT_TRY(measure_label(evaluation, i, thresholds));
    average_labels(evaluation);
    evaluation->accuracy = accuracy(evaluation, problem_type);
    VT_TRY(vt_ranking_create(evaluation->scores, evaluation->targets,
                             (size_t)evaluation->samples * (size_t)evaluation->num_labels, 1, &all));
    evaluation->roc_auc_micro = vt_roc_auc(&all);
    vt_ranking_free(&all);
    return VT_OK;
}

static vt_status check_options(const vt_split *split, const vt_evaluate_options *options, const vt_model *model) {
    if (vt_split_size(split) == 0)
        return vt_fail(VT_ERROR_INPUT, "the '%s' split has no images to evaluate", vt_split_name(split));
    if (options->batch_size < 1)
        return vt_fail(VT_ERROR_USAGE, "the evaluation batch size is %d, expected at least 1", options->batch_size);
    if (options->thresholds_from && options->thresholds_from->num_labels != vt_model_get_config(model)->num_labels)
        return vt_fail(VT_ERROR_USAGE, "thresholds come from an evaluation with %d labels, but the model has %d",
                       options->thresholds_from->num_labels, vt_model_get_config(model)->num_labels);
    return VT_OK;
}

vt_status vt_evaluate_placed(vt_device *device, vt_vit *vit, const vt_model *model, const vt_dataset *dataset,
                             const vt_split *split, const vt_evaluate_options *options, const vt_console *console,
                             vt_evaluation **out) {
    vt_problem_type problem_type = vt_problem_type_for(model, vt_dataset_get_info(dataset));
    vt_loader_options order = {.batch_size = options->batch_size, .epochs = 1, .workers = options->num_workers};
    vt_loader *loader = NULL;
    vt_evaluation *evaluation = NULL;
    loss_buffers buffers = {0};
    double started = vt_now();
    vt_status status;
    *out = NULL;
    VT_TRY_GOTO(check_options(split, options, model));
    VT_TRY_GOTO(allocate_evaluation(model, split, &evaluation));
    VT_TRY_GOTO(allocate_loss(device, problem_type, options, evaluation->num_labels, &buffers));
    VT_TRY_GOTO(vt_loader_create(dataset, split, &order, &loader));
    VT_TRY_GOTO(run_forward(device, vit, loader, split, &buffers, console, evaluation));
    VT_TRY_GOTO(measure(evaluation, problem_type, options));
    evaluation->runtime = vt_now() - started;
    *out = evaluation;
    evaluation = NULL;
done:
    vt_loader_free(loader);
    release_loss(device, &buffers);
    vt_evaluation_free(evaluation);
    return status;
}

vt_status vt_evaluate(vt_device *device, const vt_model *model, const vt_dataset *dataset, const vt_split *split,
                      const vt_evaluate_options *options, const vt_console *console, vt_evaluation **out) {
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    vt_vit_options placement = {.precision = options->precision,
                                .max_batch = options->batch_size,
                                .pixel_channels = info->channels,
                                .host = {.parameters = model->values}};
    vt_vit *vit;
    *out = NULL;
    VT_TRY(vt_check_compatible(model, info));
    VT_TRY(check_options(split, options, model));
    if (vt_model_get_preprocessor(model)->resample != info->resample)
        vt_warn(console, "the model was trained on images resized by %s, but the data set was prepared by %s",
                vt_resample_name(vt_model_get_preprocessor(model)->resample), vt_resample_name(info->resample));
    if (vt_model_get_preprocessor(model)->intensity != info->intensity)
        vt_warn(console, "the model was trained on images of intensity '%s', but the data set was prepared with '%s'",
                vt_intensity_name(vt_model_get_preprocessor(model)->intensity), vt_intensity_name(info->intensity));
    VT_TRY(vt_vit_create(device, model, &placement, &vit));
    vt_status status = vt_evaluate_placed(device, vit, model, dataset, split, options, console, out);
    vt_vit_free(vit);
    return status;
}
