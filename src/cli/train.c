/* vitrain train: fine-tunes a model on a prepared data set, then evaluates, draws and reports. */
#include "commands.h"
#include "model_folder.h"
#include "options.h"
#include "results.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TRAINING_OPTIONS = 96 };

typedef struct train_settings {
    const char *model, *data, *device;
    int problem_type;
    double hidden_dropout_prob, attention_probs_dropout_prob;
    vt_training_arguments arguments;
} train_settings;

/* --- one option per training argument --- */

typedef struct training_options {
    vt_argument_help help[MOST_TRAINING_OPTIONS];
    char names[MOST_TRAINING_OPTIONS][64], texts[MOST_TRAINING_OPTIONS][384];
    cli_option rows[MOST_TRAINING_OPTIONS + 16];
    int count;
} training_options;

static void add_row(training_options *options, cli_option row) {
    options->rows[options->count++] = row;
}

/* "num_train_epochs" -> "--num-train-epochs VALUE  passes over the training split: a number from ... (default: 3)" */
static void add_training_rows(training_options *options, vt_training_arguments *arguments) {
    for (int i = 0; i < MOST_TRAINING_OPTIONS && vt_training_argument_describe(i, &options->help[i]); i++) {
        const vt_argument_help *help = &options->help[i];
        char *name = options->names[i], *text = options->texts[i];
        snprintf(name, sizeof options->names[i], "%s", help->name);
        for (char *letter = name; *letter; letter++)
            if (*letter == '_') *letter = '-';
        int is_choice = strncmp(help->values, "one of ", 7) == 0;
        snprintf(text, sizeof options->texts[i], "%s%s%s", help->help, is_choice ? ": " : "", is_choice ? help->values : "");
        const char *initial =
            strcmp(help->name, "precision") == 0 ? "bf16 where the device computes it natively, else fp32" : help->initial;
        add_row(options, (cli_option)OPTION(name, help->flag ? NULL : "VALUE", text, OPTION_TRAINING, arguments,
                                            .initial = help->flag ? "" : initial, .value_optional = !help->value_required,
                                            .required = strcmp(help->name, "output_dir") == 0));
    }
    add_row(options, (cli_option)OPTION("evaluation-strategy", "VALUE", "another name of --eval-strategy", OPTION_TRAINING,
                                        arguments, .initial = ""));
    add_row(options, (cli_option)OPTION("bf16", NULL, "another name of --precision bf16", OPTION_TRAINING, arguments,
                                        .value_optional = 1));
}

static void add_own_rows(training_options *options, train_settings *settings) {
    static const char *const problem_types[] = {"auto", "multi_label_classification", "single_label_classification",
                                                "regression", NULL};
    add_row(options, (cli_option)OPTION("model", "MODEL", "model folder in Hugging Face layout, or a preset (`vitrain info`)",
                                        OPTION_TEXT, &settings->model, .required = 1));
    add_row(options, (cli_option)OPTION("data", "DIR", "prepared data set", OPTION_TEXT, &settings->data, .required = 1));
    add_row(options, (cli_option)OPTION("device", "NAME", "where to compute", OPTION_TEXT, &settings->device));
    add_row(options, (cli_option)OPTION("problem-type", "TYPE", "what the labels are", OPTION_CHOICE, &settings->problem_type,
                                        .choices = problem_types, .initial = "as the data set says"));
    add_row(options, (cli_option)OPTION("hidden-dropout-prob", "P", "dropout after linear layers", OPTION_NUMBER,
                                        &settings->hidden_dropout_prob, .low = 0, .high = 0.99, .initial = "the model's"));
    add_row(options,
            (cli_option)OPTION("attention-probs-dropout-prob", "P", "dropout of attention", OPTION_NUMBER,
                               &settings->attention_probs_dropout_prob, .low = 0, .high = 0.99, .initial = "the model's"));
}

/* --- the run --- */

typedef struct train_run {
    vt_device *device;
    vt_dataset *dataset;
    vt_model *model;
    vt_evaluation *evaluation;
} train_run;

static vt_problem_type problem_type_of(const train_settings *settings, const vt_dataset_info *info) {
    if (settings->problem_type != 0) return (vt_problem_type)settings->problem_type;
    return strcmp(info->problem_type, "single_label_classification") == 0 ? VT_PROBLEM_SINGLE_LABEL : VT_PROBLEM_MULTI_LABEL;
}

static vt_status open_all(const train_settings *settings, train_run *run) {
    vt_status status = vt_dataset_open(settings->data, &run->dataset);
    if (status != VT_OK) return status;
    const vt_dataset_info *info = vt_dataset_get_info(run->dataset);
    vt_model_options options;
    vt_model_options_init(&options);
    options.num_labels = info->num_labels;
    options.label_names = info->label_names;
    options.problem_type = problem_type_of(settings, info);
    options.image_height = info->height;
    options.image_width = info->width;
    options.seed = settings->arguments.seed;
    options.hidden_dropout_prob = settings->hidden_dropout_prob;
    options.attention_probs_dropout_prob = settings->attention_probs_dropout_prob;
    return vt_model_open(settings->model, &options, terminal_console(), &run->model);
}

/* Where the run itself has not evaluated: with the loss as it was in training. */
static vt_status evaluate(const train_settings *settings, train_run *run, const vt_split *split) {
    float *pos_weight;
    vt_evaluate_options options;
    vt_evaluate_options_init(&options, run->device);
    options.batch_size = settings->arguments.per_device_eval_batch_size;
    options.precision = settings->arguments.precision;
    options.num_workers = settings->arguments.dataloader_num_workers;
    vt_status status = vt_training_pos_weight(&settings->arguments, run->dataset, &pos_weight);
    if (status != VT_OK) return status;
    options.pos_weight = pos_weight;
    options.label_smoothing_factor = settings->arguments.label_smoothing_factor;
    status = vt_evaluate(run->device, run->model, run->dataset, split, &options, terminal_console(), &run->evaluation);
    free(pos_weight);
    return status;
}

static vt_status train(const train_settings *settings, train_run *run) {
    const vt_training_arguments *arguments = &settings->arguments;
    vt_train_result result;
    vt_status status = open_all(settings, run);
    if (status != VT_OK) return status;
    status = vt_train(run->device, run->model, run->dataset, arguments, terminal_console(), &result);
    if (status != VT_OK) return status;
    run->evaluation = result.evaluation;
    status = vt_plot_training(arguments->output_dir);
    const vt_split *split = vt_dataset_get_split(run->dataset, arguments->eval_split);
    if (!split || vt_split_size(split) == 0)
        say("The data set has no '%s' images: nothing to evaluate", arguments->eval_split);
    else if (status == VT_OK && !run->evaluation)
        status = evaluate(settings, run, split);
    if (status != VT_OK) return status;
    if (run->evaluation) vt_evaluation_print(run->evaluation, terminal_console());
    return leave_results(run->dataset, split, run->evaluation, arguments->output_dir, arguments->seed);
}

static int parse_and_train(train_settings *settings, training_options *options, int argc, char **argv) {
    vt_training_arguments_init(&settings->arguments, NULL);
    add_own_rows(options, settings);
    add_training_rows(options, &settings->arguments);
    command_line line = {.usage = "vitrain train --model MODEL --data DIR --output-dir DIR [options]",
                         .description =
                             "Fine-tunes a Vision Transformer on a prepared data set. Names and defaults are those of Hugging\n"
                             "Face's TrainingArguments. Afterwards the validation split is evaluated and pictures are drawn.",
                         .options = options->rows};
    int code = parse_options(&line, argc, argv);
    if (code == 0 && !line.helped) code = refuse_unfinished_run(settings->model);
    if (code != 0 || line.helped) return code;
    train_run run = {0};
    vt_status status = vt_device_open(settings->device, &run.device);
    if (status == VT_OK && !option_given(&line, "precision") && !option_given(&line, "bf16")) {
        vt_evaluate_options defaults;
        vt_evaluate_options_init(&defaults, run.device);
        settings->arguments.precision = defaults.precision;
    }
    if (status == VT_OK) status = train(settings, &run);
    code = status == VT_OK ? 0 : fail_status(status);
    vt_evaluation_free(run.evaluation);
    vt_model_close(run.model);
    vt_dataset_close(run.dataset);
    vt_device_close(run.device);
    return code;
}

int command_train(int argc, char **argv) {
    train_settings *settings = calloc(1, sizeof *settings);
    training_options *options = calloc(1, sizeof *options);
    int code;
    if (settings && options) {
        settings->device = "cpu";
        settings->hidden_dropout_prob = settings->attention_probs_dropout_prob = -1;
        code = parse_and_train(settings, options, argc, argv);
    } else
        code = fail("cannot start: out of memory");
    free(settings);
    free(options);
    return code;
}
