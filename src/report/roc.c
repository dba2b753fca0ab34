/* How well an evaluation ranks: an ROC curve per label with their macro mean, and AUC per label with its confidence
 * interval. The figures are the evaluation's own; only the curves are computed here. */
#include "base/memory.h"
#include "report/chart.h"
#include "train/metrics.h"
#include "vitrain/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MACRO_POINTS 201 /* false positive rates at which the mean curve is taken */

enum {
    MOST_NAMED = 2 * VT_CYCLE_COLOURS, /* curves that can be told apart: each colour once whole and once dashed */
    MOST_BARS = 40                     /* labels that a chart has room for */
};
static const double NAME_WIDTH = 240; /* points that a label's name may take */

typedef struct curve {
    double *false_rate, *true_rate; /* [count] */
    int64_t count;
} curve;

/* The ROC curve of one label: from (0, 0) to (1, 1), a point after each group of equal scores. */
static vt_status trace_curve(const vt_evaluation *evaluation, int label, curve *out) {
    vt_ranking ranking;
    size_t labels = (size_t)evaluation->num_labels;
    VT_TRY(vt_ranking_create(evaluation->scores + label, evaluation->targets + label, (size_t)evaluation->samples, labels,
                             &ranking));
    const size_t samples = ranking.count;
    vt_status status;
    VT_TRY_GOTO(vt_allocate(&out->false_rate, samples + 1, sizeof(double), "an ROC curve"));
    VT_TRY_GOTO(vt_allocate(&out->true_rate, samples + 1, sizeof(double), "an ROC curve"));
    int64_t positives = 0, negatives = 0;
    out->count = 1;
    for (size_t i = 0; i < samples; i++) {
        *(ranking.samples[i].positive ? &positives : &negatives) += 1;
        if (i + 1 < samples && ranking.samples[i + 1].score == ranking.samples[i].score) continue;
        out->false_rate[out->count] = (double)negatives / (double)ranking.negatives;
        out->true_rate[out->count] = (double)positives / (double)ranking.positives;
        out->count++;
    }
done:
    vt_ranking_free(&ranking);
    return status;
}

/* Adds the curve, interpolated at MACRO_POINTS even false positive rates, to mean [MACRO_POINTS]. */
static void add_to_mean(const curve *roc, double *mean) {
    int64_t at = 0;
    for (int k = 0; k < MACRO_POINTS; k++) {
        double x = (double)k / (MACRO_POINTS - 1);
        while (at + 2 < roc->count && roc->false_rate[at + 1] <= x) at++;
        double from = roc->false_rate[at], to = roc->false_rate[at + 1];
        double part = to > from ? fmin(1.0, (x - from) / (to - from)) : 1.0;
        mean[k] += roc->true_rate[at] + part * (roc->true_rate[at + 1] - roc->true_rate[at]);
    }
}

typedef struct roc_plot {
    int count; /* labels with both classes */
    curve *curves;
    vt_series *series; /* [count + 2]: labels, macro mean, chance */
    char (*names)[96];
    double mean_false[MACRO_POINTS], mean_true[MACRO_POINTS];
} roc_plot;

static void free_roc_plot(roc_plot *plot) {
    for (int i = 0; plot->curves && i < plot->count; i++) {
        free(plot->curves[i].false_rate);
        free(plot->curves[i].true_rate);
    }
    free(plot->curves);
    free(plot->series);
    free(plot->names);
}

/* More curves than can be told apart are a bundle with one name. */
static void bundle_curves(roc_plot *plot) {
    for (int i = 0; i < plot->count; i++) {
        plot->series[i].label = i == 0 ? plot->names[0] : NULL;
        plot->series[i].colour = (vt_colour){0.62, 0.74, 0.86};
        plot->series[i].line_width = 0.6;
        plot->series[i].dashed = 0;
    }
    snprintf(plot->names[0], sizeof plot->names[0], "%d labels", plot->count);
}

static vt_status make_roc_plot(const vt_evaluation *evaluation, roc_plot *plot) {
    size_t labels = (size_t)evaluation->num_labels;
    VT_TRY(vt_allocate(&plot->curves, labels, sizeof *plot->curves, "ROC curves"));
    VT_TRY(vt_allocate(&plot->series, labels + 2, sizeof *plot->series, "ROC curves"));
    VT_TRY(vt_allocate(&plot->names, labels + 1, sizeof *plot->names, "ROC curves"));
    for (int label = 0; label < evaluation->num_labels; label++) {
        const vt_label_metrics *metrics = &evaluation->labels[label];
        if (metrics->positives == 0 || metrics->negatives == 0) continue;
        int at = plot->count++;
        curve *roc = &plot->curves[at];
        VT_TRY(trace_curve(evaluation, label, roc));
        add_to_mean(roc, plot->mean_true);
        snprintf(plot->names[at], sizeof plot->names[at], "%.60s (%.3f)", evaluation->label_names[label], metrics->roc_auc);
        plot->series[at] = (vt_series){.label = plot->names[at],
                                       .x = roc->false_rate,
                                       .y = roc->true_rate,
                                       .count = roc->count,
                                       .colour = vt_cycle_colour(at),
                                       .line_width = 1.3,
                                       .dashed = at >= VT_CYCLE_COLOURS};
    }
    if (plot->count > MOST_NAMED) bundle_curves(plot);
    for (int k = 0; k < MACRO_POINTS; k++) {
        plot->mean_false[k] = (double)k / (MACRO_POINTS - 1);
        plot->mean_true[k] = plot->count ? plot->mean_true[k] / plot->count : NAN;
    }
    if (plot->count)
        snprintf(plot->names[labels], sizeof plot->names[labels], "macro mean (%.3f)", evaluation->roc_auc);
    else
        snprintf(plot->names[labels], sizeof plot->names[labels], "macro mean (n/a)");
    plot->series[plot->count] = (vt_series){.label = plot->names[labels],
                                            .x = plot->mean_false,
                                            .y = plot->mean_true,
                                            .count = MACRO_POINTS,
                                            .colour = VT_BLACK,
                                            .line_width = 2.2};
    return VT_OK;
}

static vt_status plot_roc(const vt_evaluation *evaluation, const char *folder) {
    static const double diagonal[2] = {0, 1};
    roc_plot plot = {0};
    vt_status status;
    VT_TRY_GOTO(make_roc_plot(evaluation, &plot));
    plot.series[plot.count + 1] = (vt_series){
        .label = "chance", .x = diagonal, .y = diagonal, .count = 2, .colour = {0.5, 0.5, 0.5}, .line_width = 1.0, .dashed = 1};
    char title[96];
    snprintf(title, sizeof title, "ROC curves, %s split", evaluation->split);
    vt_chart chart = {.title = title,
                      .x_label = "false positive rate",
                      .y_label = "true positive rate",
                      .series = plot.series,
                      .series_count = plot.count + 2,
                      .plot_width = 302,
                      .plot_height = 302,
                      .x_low = 0,
                      .x_high = 1,
                      .y_low = 0,
                      .y_high = 1,
                      .legend = VT_LEGEND_RIGHT,
                      .empty = ""};
    status = vt_chart_write(&chart, folder, "roc_curves");
done:
    free_roc_plot(&plot);
    return status;
}

/* Descending by AUC, labels without one at the end, ties in the order of the labels. */
static int by_value_descending(const void *a, const void *b) {
    const vt_bar *left = a, *right = b;
    if (isnan(left->value) || isnan(right->value)) return isnan(left->value) - isnan(right->value);
    if (left->value != right->value) return left->value < right->value ? 1 : -1;
    return strcmp(left->label, right->label);
}

/* Of more bars than there is room for, sorted, leaves the best and the worst ones; returns how many. */
static int keep_extremes(vt_bar *bars, int count) {
    const int half = MOST_BARS / 2;
    int known = 0;
    if (count <= MOST_BARS) return count;
    while (known < count && !isnan(bars[known].value)) known++;
    if (known == 0) return MOST_BARS;
    if (known <= MOST_BARS) return known;
    memmove(bars + half, bars + known - half, (size_t)half * sizeof *bars);
    return MOST_BARS;
}

static vt_status plot_label_auc(const vt_evaluation *evaluation, const char *folder) {
    vt_bar *bars = NULL;
    char(*notes)[64] = NULL, (*names)[256] = NULL;
    cairo_t *cairo = vt_measuring_context();
    vt_status status;
    size_t labels = (size_t)evaluation->num_labels;
    VT_TRY_GOTO(vt_allocate(&bars, labels, sizeof *bars, "a chart"));
    VT_TRY_GOTO(vt_allocate(&notes, labels, sizeof *notes, "a chart"));
    VT_TRY_GOTO(vt_allocate(&names, labels, sizeof *names, "a chart"));
    for (size_t i = 0; i < labels; i++) {
        const vt_label_metrics *metrics = &evaluation->labels[i];
        if (isnan(metrics->roc_auc))
            snprintf(notes[i], sizeof notes[i], "n/a: %s",
                     metrics->positives   ? "no negatives"
                     : metrics->negatives ? "no positives"
                                          : "all unknown");
        else if (isnan(metrics->roc_auc_low))
            snprintf(notes[i], sizeof notes[i], "%.3f  [n/a]", metrics->roc_auc);
        else
            snprintf(notes[i], sizeof notes[i], "%.3f  [%.3f, %.3f]", metrics->roc_auc, metrics->roc_auc_low,
                     metrics->roc_auc_high);
        vt_text_fit(cairo, evaluation->label_names[i], VT_TEXT_SIZE, VT_WEIGHT_NORMAL, NAME_WIDTH, names[i], sizeof names[i]);
        bars[i] = (vt_bar){names[i], metrics->roc_auc, metrics->roc_auc_low, metrics->roc_auc_high, notes[i]};
    }
    qsort(bars, labels, sizeof *bars, by_value_descending);
    int shown = keep_extremes(bars, evaluation->num_labels);
    char title[128];
    if (shown == evaluation->num_labels)
        snprintf(title, sizeof title, "ROC-AUC per label with 95 %% confidence interval, %s split", evaluation->split);
    else
        snprintf(title, sizeof title, "ROC-AUC of %d of %d labels, the best and the worst, %s split", shown,
                 evaluation->num_labels, evaluation->split);
    vt_bar_chart chart = {.title = title,
                          .x_label = "ROC-AUC",
                          .bars = bars,
                          .bar_count = shown,
                          .plot_width = 300,
                          .x_low = 0,
                          .x_high = 1,
                          .reference = 0.5};
    status = vt_bar_chart_write(&chart, folder, "label_auc");
done:
    cairo_destroy(cairo);
    free(bars);
    free(notes);
    free(names);
    return status;
}

vt_status vt_plot_evaluation(const vt_evaluation *evaluation, const char *folder) {
    VT_TRY(plot_roc(evaluation, folder));
    return plot_label_auc(evaluation, folder);
}
