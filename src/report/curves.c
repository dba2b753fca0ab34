/* Loss and learning rate over epochs, from the log history that a training run leaves in trainer_state.json. */
#include "base/file.h"
#include "base/json.h"
#include "report/chart.h"
#include "vitrain/report.h"

#include <math.h>
#include <stdlib.h>

/* Up to so many entries, each is marked by a dot. Evaluations are fewer and count for more than log lines. */
enum { MARKED_LOG_ENTRIES = 12, MARKED_EVALUATIONS = 60 };

/* One kind of logged value, such as "eval_loss", over epochs. */
typedef struct logged {
    double *epochs, *values; /* [count] */
    int64_t count;
} logged;

static void free_logged(logged *points) {
    free(points->epochs);
    free(points->values);
}

/* Collects the entries of the log that hold `key`. */
static vt_status collect(const json_t *history, const char *name, const char *key, logged *out) {
    size_t entries = json_array_size(history), at;
    json_t *entry;
    VT_TRY(vt_allocate(&out->epochs, entries, sizeof(double), "a curve"));
    VT_TRY(vt_allocate(&out->values, entries, sizeof(double), "a curve"));
    json_array_foreach(history, at, entry) {
        double epoch = NAN, value = NAN;
        if (!json_is_object(entry)) return vt_fail(VT_ERROR_INPUT, "%s: entry %zu of 'log_history' is no object", name, at);
        VT_TRY(vt_json_get_number(entry, name, "epoch", &epoch));
        VT_TRY(vt_json_get_number(entry, name, key, &value));
        if (isnan(epoch) || isnan(value)) continue;
        out->epochs[out->count] = epoch;
        out->values[out->count] = value;
        out->count++;
    }
    return VT_OK;
}

/* A chart of what was logged over epochs. */
static vt_chart epoch_chart(const char *title, const char *y_label, const vt_series *series, int series_count) {
    return (vt_chart){.title = title,
                      .x_label = "epoch",
                      .y_label = y_label,
                      .series = series,
                      .series_count = series_count,
                      .plot_width = 336, /* points */
                      .plot_height = 218,
                      .x_low = NAN,
                      .x_high = NAN,
                      .y_low = NAN,
                      .y_high = NAN,
                      .empty = "the run was shorter than logging_steps: nothing was logged"};
}

static vt_status plot_loss(const json_t *history, const char *name, const char *folder) {
    logged train = {0}, eval = {0};
    vt_status status;
    VT_TRY_GOTO(collect(history, name, "loss", &train));
    VT_TRY_GOTO(collect(history, name, "eval_loss", &eval));
    vt_series series[2] = {
        {.x = train.epochs, .y = train.values, .count = train.count, .colour = vt_cycle_colour(0), .line_width = 1.5},
        {.x = eval.epochs, .y = eval.values, .count = eval.count, .colour = vt_cycle_colour(1), .line_width = 1.5}};
    if (train.count > 0) series[0].label = "training";
    if (eval.count > 0) series[1].label = "evaluation";
    series[0].markers = train.count <= MARKED_LOG_ENTRIES;
    series[1].markers = eval.count <= MARKED_EVALUATIONS;
    vt_chart chart = epoch_chart("Loss", "loss", series, 2);
    chart.legend = VT_LEGEND_INSIDE;
    status = vt_chart_write(&chart, folder, "loss");
done:
    free_logged(&train);
    free_logged(&eval);
    return status;
}

static vt_status plot_learning_rate(const json_t *history, const char *name, const char *folder) {
    logged rate = {0};
    vt_status status;
    VT_TRY_GOTO(collect(history, name, "learning_rate", &rate));
    vt_series series = {.x = rate.epochs,
                        .y = rate.values,
                        .count = rate.count,
                        .colour = vt_cycle_colour(0),
                        .line_width = 1.5,
                        .markers = rate.count <= MARKED_LOG_ENTRIES};
    const vt_chart chart = epoch_chart("Learning rate", "learning rate", &series, 1);
    status = vt_chart_write(&chart, folder, "learning_rate");
done:
    free_logged(&rate);
    return status;
}

vt_status vt_plot_training(const char *output_dir) {
    char *state_path = NULL, *folder = NULL;
    json_t *state = NULL;
    vt_status status;
    VT_TRY_GOTO(vt_join(output_dir, "trainer_state.json", &state_path));
    VT_TRY_GOTO(vt_join(output_dir, "plots", &folder));
    VT_TRY_GOTO(vt_json_load(state_path, &state));
    const json_t *history = json_object_get(state, "log_history");
    if (!json_is_array(history)) {
        status = vt_fail(VT_ERROR_INPUT, "%s: 'log_history' is missing or no array", state_path);
        goto done;
    }
    VT_TRY_GOTO(plot_loss(history, state_path, folder));
    VT_TRY_GOTO(plot_learning_rate(history, state_path, folder));
done:
    json_decref(state);
    free(state_path);
    free(folder);
    return status;
}
