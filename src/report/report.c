/* report.html: what a run was given, what came out, and what to be careful about, on one page. */
#include "vitrain/report.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/threads.h"
#include "report/html.h"
#include "train/checkpoint.h"
#include "train/trainer_state.h"
#include "vitrain/vitrain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* Loads output_dir/name; *out is NULL if there is no such file. */
static vt_status load_if_there(const char *output_dir, const char *name, json_t **out) {
    char *path;
    *out = NULL;
    VT_TRY(vt_join(output_dir, name, &path));
    vt_status status = vt_path_exists(path) ? vt_json_load(path, out) : VT_OK;
    free(path);
    return status;
}

/* The arguments of the run: beside its results, else in its newest checkpoint. */
static vt_status load_arguments(const char *output_dir, json_t **out) {
    int64_t *steps = NULL;
    size_t count = 0;
    char name[64];
    VT_TRY(load_if_there(output_dir, "training_args.json", out));
    if (*out) return VT_OK;
    VT_TRY(vt_checkpoint_list(output_dir, &steps, &count));
    vt_status status = VT_OK;
    if (count > 0) {
        snprintf(name, sizeof name, "checkpoint-%lld/training_args.json", (long long)steps[count - 1]);
        status = load_if_there(output_dir, name, out);
    }
    free(steps);
    return status;
}

/* --- the top: the figures that matter most --- */

static vt_status add_card(vt_text *page, const char *caption, const char *format, double value) {
    if (isnan(value)) return VT_OK;
    VT_TRY(vt_text_add(page, "<div class=\"card\"><b>"));
    char text[64];
    snprintf(text, sizeof text, format, value);
    return vt_text_add(page, "%s</b><span>%s</span></div>\n", text, caption);
}

static vt_status add_cards(vt_text *page, const vt_evaluation *evaluation, const json_t *state, const json_t *results) {
    double step = NAN, epoch = NAN, runtime = NAN, rate = NAN;
    if (state) {
        VT_TRY(vt_json_get_number(state, "trainer_state.json", "global_step", &step));
        VT_TRY(vt_json_get_number(state, "trainer_state.json", "epoch", &epoch));
    }
    if (results) {
        VT_TRY(vt_json_get_number(results, "all_results.json", "train_runtime", &runtime));
        VT_TRY(vt_json_get_number(results, "all_results.json", "train_samples_per_second", &rate));
    }
    VT_TRY(vt_text_add(page, "<div class=\"cards\">\n"));
    if (evaluation) {
        VT_TRY(add_card(page, "ROC-AUC, macro mean", "%.3f", evaluation->roc_auc));
        VT_TRY(add_card(page, "loss", "%.4f", evaluation->loss));
        VT_TRY(add_card(page, "images evaluated", "%.0f", (double)evaluation->samples));
    }
    VT_TRY(add_card(page, "optimizer steps", "%.0f", step));
    VT_TRY(add_card(page, "epochs", "%.3g", epoch));
    VT_TRY(add_card(page, "training time, s", "%.0f", runtime));
    VT_TRY(add_card(page, "training images/s", "%.1f", rate));
    return vt_text_add(page, "</div>\n");
}

/* --- what to be careful about --- */

static vt_status add_note(vt_text *page, const char *format, ...) VT_PRINTF(2, 3);
static vt_status add_note(vt_text *page, const char *format, ...) {
    va_list arguments;
    VT_TRY(vt_text_add(page, "<p class=\"note\">"));
    va_start(arguments, format);
    vt_status status = vt_html_escape_formatted(page, format, arguments);
    va_end(arguments);
    VT_TRY(status);
    return vt_text_add(page, "</p>\n");
}

static vt_status add_data_notes(vt_text *page, const vt_dataset_info *info, const json_t *state) {
    const char *trained_on = "";
    VT_TRY(vt_json_get_string(vt_trainer_state_identity(state), "trainer_state.json", "split_hash", &trained_on));
    if (*trained_on && strcmp(trained_on, info->split_hash) != 0)
        VT_TRY(
            add_note(page,
                     "The model was trained on another split than the one evaluated here (%s, here %s). Unless the two share "
                     "no patients, it has seen some of these, and figures look better than they would on new ones.",
                     trained_on, info->split_hash));
    if (info->shared_patients > 0)
        return add_note(page,
                        "%lld patients stand in more than one split. The model has seen them, so figures on validation "
                        "and test look better than they would on new patients. Preparing with --split patient avoids this.",
                        (long long)info->shared_patients);
    if (!info->patients_known)
        return add_note(page, "The data set names no patients, so images of one patient may stand in more than one split.");
    return VT_OK;
}

static vt_status add_evaluation_notes(vt_text *page, const vt_evaluation *evaluation) {
    enum { FEW = 10 };
    int few = 0, has_no_finding = 0;
    int64_t unknown = 0;
    for (int i = 0; i < evaluation->num_labels; i++) {
        few += evaluation->labels[i].positives > 0 && evaluation->labels[i].positives < FEW;
        unknown += evaluation->labels[i].unknown;
        has_no_finding |= strcmp(evaluation->label_names[i], "No Finding") == 0;
    }
    if (has_no_finding && !isnan(evaluation->roc_auc_findings))
        VT_TRY(add_note(page, "“No Finding” is counted as a label among the others; without it the macro mean is %.3f.",
                        evaluation->roc_auc_findings));
    if (evaluation->auc_labels < evaluation->num_labels)
        VT_TRY(add_note(
            page, "%d of %d labels lack positives or negatives in this split: their AUC is n/a and left out of the means.",
            evaluation->num_labels - evaluation->auc_labels, evaluation->num_labels));
    if (unknown > 0)
        VT_TRY(add_note(page,
                        "Of %.1f %% of the pairs of an image and a label nobody knows whether the label applies. They count "
                        "neither in the loss nor in any figure.",
                        100.0 * (double)unknown / (double)evaluation->samples / evaluation->num_labels));
    if (few > 0)
        VT_TRY(add_note(page,
                        "%d labels have fewer than %d positives in this split: their figures rest on few images, "
                        "as their intervals show.",
                        few, FEW));
    if (evaluation->score == VT_SCORE_SOFTMAX && evaluation->problem_type == VT_PROBLEM_MULTI_LABEL)
        VT_TRY(add_note(page, "AUC is taken over softmax of multi-label logits, as the walk-through does; sigmoid is the usual "
                              "one, and the two are not comparable."));
    return VT_OK;
}

/* --- tables --- */

static vt_status add_cell(vt_text *page, const char *format, double value) {
    char text[64] = "n/a";
    if (!isnan(value)) snprintf(text, sizeof text, format, value);
    return vt_text_add(page, "<td class=\"n\">%s</td>", text);
}

static vt_status add_label_row(vt_text *page, const char *name, const vt_label_metrics *metrics, int unknown) {
    VT_TRY(vt_text_add(page, "<tr><td>"));
    VT_TRY(vt_html_escape(page, name));
    VT_TRY(vt_text_add(page, "</td>"));
    VT_TRY(add_cell(page, "%.0f", (double)metrics->positives));
    VT_TRY(add_cell(page, "%.0f", (double)metrics->negatives));
    if (unknown) VT_TRY(add_cell(page, "%.0f", (double)metrics->unknown));
    VT_TRY(add_cell(page, "%.3f", metrics->roc_auc));
    if (isnan(metrics->roc_auc_low))
        VT_TRY(vt_text_add(page, "<td class=\"n\">n/a</td>"));
    else
        VT_TRY(vt_text_add(page, "<td class=\"n\">%.3f to %.3f</td>", metrics->roc_auc_low, metrics->roc_auc_high));
    VT_TRY(add_cell(page, "%.3f", metrics->average_precision));
    VT_TRY(add_cell(page, "%.3f", metrics->f1));
    VT_TRY(add_cell(page, "%.3f", metrics->threshold));
    return vt_text_add(page, "</tr>\n");
}

static vt_status add_label_table(vt_text *page, const vt_evaluation *evaluation) {
    int unknown = 0;
    for (int i = 0; i < evaluation->num_labels; i++) unknown |= evaluation->labels[i].unknown > 0;
    VT_TRY(vt_text_add(page,
                       "<h2>Results on the %s split</h2>\n<div class=\"wide\"><table>\n<tr><th>mean of ROC-AUC</th>"
                       "<th class=\"n\">macro</th><th class=\"n\">micro</th><th class=\"n\">weighted</th>"
                       "<th class=\"n\">without “No Finding”</th></tr>\n<tr><td>over %d labels</td>",
                       evaluation->split, evaluation->auc_labels));
    VT_TRY(add_cell(page, "%.4f", evaluation->roc_auc));
    VT_TRY(add_cell(page, "%.4f", evaluation->roc_auc_micro));
    VT_TRY(add_cell(page, "%.4f", evaluation->roc_auc_weighted));
    VT_TRY(add_cell(page, "%.4f", evaluation->roc_auc_findings));
    VT_TRY(vt_text_add(page,
                       "</tr>\n</table></div>\n<div class=\"wide\"><table>\n<tr><th>label</th><th class=\"n\">positives</th>"
                       "<th class=\"n\">negatives</th>%s<th class=\"n\">ROC-AUC</th><th class=\"n\">95 %% interval</th>"
                       "<th class=\"n\">average precision</th><th class=\"n\">F1</th><th class=\"n\">at threshold</th></tr>\n",
                       unknown ? "<th class=\"n\">unknown</th>" : ""));
    for (int i = 0; i < evaluation->num_labels; i++)
        VT_TRY(add_label_row(page, evaluation->label_names[i], &evaluation->labels[i], unknown));
    return vt_text_add(page,
                       "</table></div>\n<p class=\"soft\">Intervals by DeLong's method. Thresholds are those of the best F1 on "
                       "the validation split; on that split itself F1 is therefore flattering.</p>\n");
}

static vt_status add_data_table(vt_text *page, const vt_dataset *dataset) {
    static const char *const names[] = {"train", "validation", "test"};
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    VT_TRY(vt_html_heading(page, "Data"));
    VT_TRY(vt_text_add(page, "<div class=\"wide\"><table>\n"));
    for (int i = 0; i < 3; i++) {
        const vt_split *split = vt_dataset_get_split(dataset, names[i]);
        if (split) VT_TRY(vt_html_row(page, names[i], "%lld images", (long long)vt_split_size(split)));
    }
    VT_TRY(vt_html_row(page, "images", "%d x %d, %d channel%s, resized by %s", info->width, info->height, info->channels,
                       info->channels == 1 ? "" : "s", vt_resample_name(info->resample)));
    VT_TRY(vt_html_row(page, "labels", "%d, %s", info->num_labels, info->problem_type));
    VT_TRY(vt_html_row(page, "split", "by %s, seed %llu, validation fraction %g", vt_split_policy_name(info->split_policy),
                       (unsigned long long)info->split_seed, info->validation_fraction));
    VT_TRY(vt_html_row(page, "split hash", "%s", info->split_hash));
    return vt_text_add(page, "</table></div>\n");
}

static vt_status add_json_table(vt_text *page, const char *title, const json_t *object) {
    if (!object) return VT_OK;
    VT_TRY(vt_html_heading(page, title));
    VT_TRY(vt_text_add(page, "<div class=\"wide\"><table>\n"));
    VT_TRY(vt_html_rows(page, object));
    return vt_text_add(page, "</table></div>\n");
}

static vt_status add_environment(vt_text *page) {
    struct utsname machine;
    VT_TRY(vt_html_heading(page, "Environment"));
    VT_TRY(vt_text_add(page, "<div class=\"wide\"><table>\n"));
    VT_TRY(vt_html_row(page, "vitrain", "%s", vt_version()));
    if (uname(&machine) == 0)
        VT_TRY(vt_html_row(page, "system", "%s %s, %s", machine.sysname, machine.release, machine.machine));
    VT_TRY(vt_html_row(page, "cores", "%d", vt_core_count()));
    return vt_text_add(page, "</table></div>\n");
}

/* --- pictures --- */

static vt_status add_training_figures(vt_text *page, const char *plots) {
    VT_TRY(vt_html_heading(page, "Training"));
    VT_TRY(vt_text_add(page, "<div class=\"figures\">\n"));
    VT_TRY(vt_html_figure(page, plots, "loss.svg", "Loss over epochs"));
    VT_TRY(vt_html_figure(page, plots, "learning_rate.svg", "Learning rate over epochs"));
    return vt_text_add(page, "</div>\n");
}

static vt_status add_evaluation_figures(vt_text *page, const char *plots) {
    VT_TRY(vt_text_add(page, "<div class=\"figures\">\n"));
    VT_TRY(vt_html_figure(page, plots, "roc_curves.svg", "ROC curve of each label and their mean"));
    VT_TRY(vt_html_figure(page, plots, "label_auc.svg", "ROC-AUC of each label with its 95 % confidence interval"));
    VT_TRY(vt_html_figure(page, plots, "predictions.png", "Examples: what the model says, and whether it is right"));
    return vt_text_add(page, "</div>\n");
}

static vt_status build_page(vt_text *page, const char *output_dir, const char *plots, const vt_dataset *dataset,
                            const vt_evaluation *evaluation, const json_t *state, const json_t *results,
                            const json_t *arguments) {
    char closing[64];
    VT_TRY(vt_html_begin(page, "Vitrain report"));
    VT_TRY(vt_text_add(page, "<p class=\"soft\"><code>"));
    VT_TRY(vt_html_escape(page, output_dir));
    VT_TRY(vt_text_add(page, "</code></p>\n"));
    VT_TRY(add_cards(page, evaluation, state, results));
    if (dataset) VT_TRY(add_data_notes(page, vt_dataset_get_info(dataset), state));
    if (evaluation) {
        VT_TRY(add_evaluation_notes(page, evaluation));
        VT_TRY(add_label_table(page, evaluation));
        VT_TRY(add_evaluation_figures(page, plots));
    }
    if (state) VT_TRY(add_training_figures(page, plots));
    if (dataset) VT_TRY(add_data_table(page, dataset));
    VT_TRY(add_json_table(page, "Arguments", arguments));
    VT_TRY(add_json_table(page, "All results", results));
    VT_TRY(add_environment(page));
    snprintf(closing, sizeof closing, "Written by Vitrain %s.", vt_version());
    return vt_html_end(page, closing);
}

vt_status vt_write_report(const char *output_dir, const vt_dataset *dataset, const vt_evaluation *evaluation) {
    json_t *state = NULL, *results = NULL, *arguments = NULL;
    char *plots = NULL, *path = NULL;
    vt_text page = {0};
    vt_status status;
    VT_TRY(vt_make_folders(output_dir));
    VT_TRY_GOTO(vt_join(output_dir, "plots", &plots));
    VT_TRY_GOTO(vt_join(output_dir, "report.html", &path));
    VT_TRY_GOTO(load_if_there(output_dir, "trainer_state.json", &state));
    VT_TRY_GOTO(load_if_there(output_dir, "all_results.json", &results));
    VT_TRY_GOTO(load_arguments(output_dir, &arguments));
    VT_TRY_GOTO(build_page(&page, output_dir, plots, dataset, evaluation, state, results, arguments));
    status = vt_write_file(path, page.data, page.length);
done:
    vt_text_free(&page);
    json_decref(state);
    json_decref(results);
    json_decref(arguments);
    free(plots);
    free(path);
    return status;
}
