/* Telling and saving an evaluation: the log line as Hugging Face has it, the table per label, JSON files. */
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "train/evaluation.h"
#include "train/trainer_state.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct metric {
    const char *name;
    size_t offset;
} METRICS[] = {
    {"loss", offsetof(vt_evaluation, loss)},
    {"roc_auc", offsetof(vt_evaluation, roc_auc)},
    {"roc_auc_micro", offsetof(vt_evaluation, roc_auc_micro)},
    {"roc_auc_weighted", offsetof(vt_evaluation, roc_auc_weighted)},
    {"roc_auc_findings", offsetof(vt_evaluation, roc_auc_findings)},
    {"accuracy", offsetof(vt_evaluation, accuracy)},
};
enum { METRIC_COUNT = sizeof METRICS / sizeof *METRICS };

static double metric_value(const vt_evaluation *evaluation, int i) {
    return *(const double *)((const char *)evaluation + METRICS[i].offset);
}

vt_status vt_evaluation_metric(const vt_evaluation *evaluation, const char *name, double *value) {
    const char *bare = strncmp(name, "eval_", 5) == 0 ? name + 5 : name;
    vt_text known = {0};
    for (int i = 0; i < METRIC_COUNT; i++) {
        if (strcmp(METRICS[i].name, bare) != 0) continue;
        *value = evaluation ? metric_value(evaluation, i) : NAN;
        return VT_OK;
    }
    vt_status status = VT_OK;
    for (int i = 0; status == VT_OK && i < METRIC_COUNT; i++)
        status = vt_text_add(&known, "%s%s", i ? ", " : "", METRICS[i].name);
    if (status == VT_OK)
        status = vt_fail(VT_ERROR_USAGE, "metric_for_best_model '%s' is not measured; known are %s", name, known.data);
    vt_text_free(&known);
    return status;
}

/* --- JSON --- */

static vt_status set(json_t *object, const char *prefix, const char *name, json_t *value) {
    char key[64];
    snprintf(key, sizeof key, "%s_%s", prefix, name);
    return json_object_set_new(object, key, value) == 0 ? VT_OK : vt_fail_memory("results", 0);
}

static vt_status fill(json_t *object, const vt_evaluation *evaluation, const char *prefix) {
    for (int i = 0; i < METRIC_COUNT; i++)
        VT_TRY(set(object, prefix, METRICS[i].name, vt_json_number(metric_value(evaluation, i))));
    VT_TRY(set(object, prefix, "runtime", vt_json_rounded(evaluation->runtime, 4)));
    VT_TRY(set(object, prefix, "samples_per_second", vt_json_rounded((double)evaluation->samples / evaluation->runtime, 3)));
    return set(object, prefix, "steps_per_second", vt_json_rounded((double)evaluation->batches / evaluation->runtime, 3));
}

json_t *vt_evaluation_to_json(const vt_evaluation *evaluation, const char *prefix) {
    json_t *object = json_object();
    if (object && fill(object, evaluation, prefix) == VT_OK) return object;
    json_decref(object);
    return NULL;
}

static const char *score_name(vt_score_kind kind) {
    return kind == VT_SCORE_SOFTMAX ? "softmax" : kind == VT_SCORE_LOGITS ? "logits" : "sigmoid";
}

static json_t *labels_to_json(const vt_evaluation *evaluation) {
    json_t *labels = json_object();
    for (int i = 0; labels && i < evaluation->num_labels; i++) {
        const vt_label_metrics *m = &evaluation->labels[i];
        json_t *row = json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "positives", (json_int_t)m->positives,
                                "negatives", (json_int_t)m->negatives, "unknown", (json_int_t)m->unknown, "roc_auc",
                                vt_json_number(m->roc_auc), "roc_auc_low", vt_json_number(m->roc_auc_low), "roc_auc_high",
                                vt_json_number(m->roc_auc_high), "average_precision", vt_json_number(m->average_precision),
                                "f1", vt_json_number(m->f1), "threshold", vt_json_number(m->threshold));
        if (json_object_set_new(labels, evaluation->label_names[i], row) == 0) continue;
        json_decref(labels);
        return NULL;
    }
    return labels;
}

static vt_status save(const vt_evaluation *evaluation, json_t *results, const char *folder, const char *prefix) {
    VT_TRY(set(results, prefix, "samples", json_integer(evaluation->samples)));
    VT_TRY(set(results, prefix, "split", json_string(evaluation->split)));
    VT_TRY(set(results, prefix, "roc_auc_score", json_string(score_name(evaluation->score))));
    VT_TRY(set(results, prefix, "roc_auc_labels", json_integer(evaluation->auc_labels)));
    VT_TRY(set(results, prefix, "labels", labels_to_json(evaluation)));
    return vt_results_save(results, folder, prefix);
}

vt_status vt_evaluation_save(const vt_evaluation *evaluation, const char *folder, const char *prefix) {
    VT_TRY(vt_make_folders(folder));
    json_t *results = vt_evaluation_to_json(evaluation, prefix);
    if (!results) return vt_fail_memory("results", 0);
    vt_status status = save(evaluation, results, folder, prefix);
    json_decref(results);
    return status;
}

/* --- the terminal --- */

/* "0.712" or "n/a". */
static const char *number_text(double value, char text[16]) {
    if (isnan(value)) return "n/a";
    snprintf(text, 16, "%.3f", value);
    return text;
}

static void print_means(const vt_evaluation *evaluation, const vt_console *console) {
    char macro[16], micro[16], weighted[16], findings[16];
    int walk_through = evaluation->score == VT_SCORE_SOFTMAX && evaluation->problem_type == VT_PROBLEM_MULTI_LABEL;
    vt_say(console, "ROC-AUC by %s%s: macro %s, micro %s, weighted %s, macro without 'No Finding' %s",
           score_name(evaluation->score),
           walk_through ? " over multi-label logits (the walk-through's figure; sigmoid is the usual one)" : "",
           number_text(evaluation->roc_auc, macro), number_text(evaluation->roc_auc_micro, micro),
           number_text(evaluation->roc_auc_weighted, weighted), number_text(evaluation->roc_auc_findings, findings));
}

/* Whether there is a label that nobody knows of an image: then the table has a column for them. */
static int has_unknown(const vt_evaluation *evaluation) {
    for (int i = 0; i < evaluation->num_labels; i++)
        if (evaluation->labels[i].unknown > 0) return 1;
    return 0;
}

static void print_row(const vt_evaluation *evaluation, int label, int width, int unknown, const vt_console *console) {
    const vt_label_metrics *m = &evaluation->labels[label];
    char auc[16], low[16], high[16], precision[16], f1[16], threshold[16], interval[48] = "", at[32] = "", count[24] = "";
    if (unknown) snprintf(count, sizeof count, " %9lld", (long long)m->unknown);
    if (!isnan(m->roc_auc_low))
        snprintf(interval, sizeof interval, "%s-%s", number_text(m->roc_auc_low, low), number_text(m->roc_auc_high, high));
    if (!isnan(m->threshold)) snprintf(at, sizeof at, "at %s", number_text(m->threshold, threshold));
    vt_say(console, "%-*s %9lld %9lld%s   %5s  %-11s  %9s   %5s  %s", width, evaluation->label_names[label],
           (long long)m->positives, (long long)m->negatives, count, number_text(m->roc_auc, auc), interval,
           number_text(m->average_precision, precision), number_text(m->f1, f1), at);
}

void vt_evaluation_print(const vt_evaluation *evaluation, const vt_console *console) {
    json_t *log = vt_evaluation_to_json(evaluation, "eval");
    char *line = NULL;
    if (log && vt_log_text(log, &line) == VT_OK) vt_say(console, "%s", line);
    free(line);
    json_decref(log);
    print_means(evaluation, console);
    if (evaluation->auc_labels < evaluation->num_labels)
        vt_say(console, "%d of %d labels lack positives or negatives in '%s': their AUC is n/a and left out of the means",
               evaluation->num_labels - evaluation->auc_labels, evaluation->num_labels, evaluation->split);
    int width = 5;
    for (int i = 0; i < evaluation->num_labels; i++) {
        int length = (int)strlen(evaluation->label_names[i]);
        if (length > width) width = length < 40 ? length : 40;
    }
    int unknown = has_unknown(evaluation);
    vt_say(console, "%-*s %9s %9s%s   %5s  %-11s  %9s   %5s", width, "label", "positives", "negatives",
           unknown ? "   unknown" : "", "AUC", "95 % CI", "avg prec.", "F1");
    for (int i = 0; i < evaluation->num_labels; i++) print_row(evaluation, i, width, unknown, console);
}
