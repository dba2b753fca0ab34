/* vitrain eval: measures a model on one split of a prepared data set. */
#include "commands.h"
#include "model_folder.h"
#include "options.h"
#include "results.h"
#include "terminal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct eval_settings {
    const char *model, *data, *split, *device, *output_dir;
    int auc, precision, pos_weight;
    vt_evaluate_options options;
} eval_settings;

typedef struct eval_run {
    vt_device *device;
    vt_dataset *dataset;
    vt_model *model;
    vt_evaluation *validation; /* for thresholds; NULL when it is the split itself */
    vt_evaluation *evaluation;
    vt_run_record record; /* of the run that made the model */
} eval_run;

enum { POS_WEIGHT_OF_RUN = 0, POS_WEIGHT_NONE = 1 };

/* --- what is used --- */

static void say_device(const vt_device *device, vt_precision precision) {
    vt_device_info info;
    vt_device_get_info(device, &info);
    say("Device: %s (%s), %s kernels, %d thread%s, %s, %s", info.name, info.description, info.isa, info.threads,
        info.threads == 1 ? "" : "s", info.library, vt_precision_name(precision));
}

static void say_dataset(const vt_dataset *dataset, const char *path) {
    static const char *const names[] = {"train", "validation", "test"};
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    char sizes[160] = "";
    for (int i = 0; i < 3; i++) {
        const vt_split *split = vt_dataset_get_split(dataset, names[i]);
        if (!split) continue;
        size_t used = strlen(sizes);
        snprintf(sizes + used, sizeof sizes - used, "%s%s %lld", used ? ", " : "", names[i], (long long)vt_split_size(split));
    }
    say("Data: %s: %s images of %d x %d with %d channel%s, %d labels, split by %s", path, sizes, info->width, info->height,
        info->channels, info->channels == 1 ? "" : "s", info->num_labels, vt_split_policy_name(info->split_policy));
    if (info->shared_patients > 0)
        warn("%lld patients stand in more than one split, so figures on validation and test will look better than they are",
             (long long)info->shared_patients);
}

static void say_model(const vt_model *model) {
    const vt_vit_config *config = vt_model_get_config(model);
    say("Model: %d layers, hidden size %d, %d heads, patches of %d, images of %d x %d, %d labels, %.2f million parameters",
        config->num_hidden_layers, config->hidden_size, config->num_attention_heads, config->patch_size, config->image_width,
        config->image_height, config->num_labels, (double)vt_model_parameter_count(model) / 1e6);
}

/* --- the run --- */

static vt_status open_all(const eval_settings *settings, eval_run *run) {
    vt_model_options options;
    vt_model_options_init(&options);
    options.require_head = 1;
    vt_status status = vt_dataset_open(settings->data, &run->dataset);
    if (status != VT_OK) return status;
    say_device(run->device, settings->options.precision);
    say_dataset(run->dataset, settings->data);
    status = vt_model_open(settings->model, &options, terminal_console(), &run->model);
    if (status != VT_OK) return status;
    say_model(run->model);
    return vt_run_record_read(settings->model, vt_model_get_config(run->model)->num_labels, &run->record);
}

/* The loss is the one that was trained for, and images that may have been trained on don't go unnoticed. */
static void heed_record(eval_settings *settings, const eval_run *run) {
    const char *trained_on = run->record.split_hash, *here = vt_dataset_get_info(run->dataset)->split_hash;
    if (*trained_on && strcmp(trained_on, here) != 0 && strcmp(settings->split, "train") != 0)
        warn("the model was trained on another split than this data set's (%s, here %s): unless the two share no patients, it "
             "has seen some of '%s', and figures look better than they are",
             trained_on, here, settings->split);
    settings->options.label_smoothing_factor = run->record.label_smoothing_factor;
    if (run->record.label_smoothing_factor > 0)
        say("Loss: labels smoothed by %g, as in training", run->record.label_smoothing_factor);
    if (!run->record.pos_weight) return;
    if (settings->pos_weight == POS_WEIGHT_NONE) {
        say("Loss: unweighted; training weighed positives");
        return;
    }
    say("Loss: positives weighed as in training; without weights: --pos-weight none");
    settings->options.pos_weight = run->record.pos_weight;
}

static vt_status evaluate(eval_settings *settings, eval_run *run, const vt_split *split) {
    const vt_split *validation = vt_dataset_get_split(run->dataset, "validation");
    if (validation && validation != split && vt_split_size(validation) > 0) {
        say("Thresholds of F1: from the %lld images of the validation split", (long long)vt_split_size(validation));
        vt_status status = vt_evaluate(run->device, run->model, run->dataset, validation, &settings->options,
                                       terminal_console(), &run->validation);
        if (status != VT_OK) return status;
        settings->options.thresholds_from = run->validation;
    }
    vt_status status =
        vt_evaluate(run->device, run->model, run->dataset, split, &settings->options, terminal_console(), &run->evaluation);
    if (status == VT_OK) vt_evaluation_print(run->evaluation, terminal_console());
    return status;
}

static int evaluate_and_leave(eval_settings *settings, eval_run *run) {
    vt_status status = open_all(settings, run);
    if (status != VT_OK) return fail_status(status);
    const vt_split *split = vt_dataset_get_split(run->dataset, settings->split);
    if (!split)
        return fail("%s: has no '%s' split; `vitrain info %s` lists those it has", settings->data, settings->split,
                    settings->data);
    heed_record(settings, run);
    status = evaluate(settings, run, split);
    if (status != VT_OK) return fail_status(status);
    const char *folder = settings->output_dir ? settings->output_dir : settings->model;
    status = leave_results(run->dataset, split, run->evaluation, folder, 0);
    return status == VT_OK ? 0 : fail_status(status);
}

int command_eval(int argc, char **argv) {
    static const char *const scores[] = {"auto", "sigmoid", "softmax", NULL};
    static const char *const precisions[] = {"fp32", "bf16", NULL};
    static const char *const pos_weights[] = {"run", "none", NULL};
    eval_settings settings = {.split = "validation", .device = "cpu"};
    vt_evaluate_options_init(&settings.options, NULL);
    cli_option options[] = {
        OPTION("model", "DIR", "model folder", OPTION_TEXT, &settings.model, .required = 1),
        OPTION("data", "DIR", "prepared data set", OPTION_TEXT, &settings.data, .required = 1),
        OPTION("split", "NAME", "validation, test or train", OPTION_TEXT, &settings.split),
        OPTION("auc", "SCORES", "what AUC ranks; softmax is the walk-through's own figure", OPTION_CHOICE, &settings.auc,
               .choices = scores, .initial = "auto: sigmoid, or softmax where labels exclude each other"),
        OPTION("pos-weight", "WHICH", "weights of positives in the loss; run: those the model was trained with", OPTION_CHOICE,
               &settings.pos_weight, .choices = pos_weights),
        OPTION("output-dir", "DIR", "where figures, pictures and the report go", OPTION_TEXT, &settings.output_dir,
               .initial = "the model folder"),
        OPTION("batch-size", "N", "images computed together", OPTION_INTEGER, &settings.options.batch_size, .low = 1,
               .high = 65536),
        OPTION("num-workers", "N", "threads that assemble batches ahead", OPTION_INTEGER, &settings.options.num_workers,
               .low = 0, .high = 256, .initial = "as many as there is work for"),
        OPTION("precision", "KIND", "of products and activations", OPTION_CHOICE, &settings.precision, .choices = precisions,
               .initial = "bf16 where the device computes it natively, else fp32"),
        OPTION("device", "NAME", "where to compute", OPTION_TEXT, &settings.device),
        {0},
    };
    command_line line = {
        .usage = "vitrain eval --model DIR --data DIR [options]",
        .description = "Measures a model: loss, ROC-AUC and a table per label with confidence intervals. Thresholds of F1\n"
                       "come from the validation split alone.",
        .options = options};
    int code = parse_options(&line, argc, argv);
    if (code == 0 && !line.helped) code = refuse_unfinished_run(settings.model);
    if (code != 0 || line.helped) return code;
    eval_run run = {0};
    vt_status status = vt_device_open(settings.device, &run.device);
    if (status != VT_OK) return fail_status(status);
    vt_evaluate_options defaults;
    vt_evaluate_options_init(&defaults, run.device);
    settings.options.precision = option_given(&line, "precision") ? (vt_precision)settings.precision : defaults.precision;
    settings.options.score = (vt_score_kind)settings.auc;
    code = evaluate_and_leave(&settings, &run);
    vt_evaluation_free(run.evaluation);
    vt_evaluation_free(run.validation);
    free(run.record.pos_weight);
    vt_model_close(run.model);
    vt_dataset_close(run.dataset);
    vt_device_close(run.device);
    return code;
}
