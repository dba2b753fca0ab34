/* vitrain info: what a model, a prepared data set, a checkpoint or this machine is. */
#include "commands.h"
#include "model_folder.h"
#include "options.h"
#include "terminal.h"
#include "text.h"
#include "vitrain/vitrain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- facts: "name  value" lines, or one JSON object --- */

typedef struct fact_list {
    int json, count;
    text text;
} fact_list;

static void begin_fact(fact_list *facts, const char *name) {
    if (!facts->json) {
        text_add(&facts->text, "%s%-24s", facts->count++ ? "\n" : "", name);
        return;
    }
    text_add(&facts->text, facts->count++ ? ", " : "{");
    text_add_json(&facts->text, name);
    text_add(&facts->text, ": ");
}

static void add_string(fact_list *facts, const char *name, const char *value) {
    begin_fact(facts, name);
    if (facts->json)
        text_add_json(&facts->text, value);
    else
        text_add_printable(&facts->text, value);
}

static void add_integer(fact_list *facts, const char *name, int64_t value) {
    begin_fact(facts, name);
    text_add(&facts->text, "%lld", (long long)value);
}

static void add_number(fact_list *facts, const char *name, double value) {
    begin_fact(facts, name);
    if (isnan(value))
        text_add(&facts->text, facts->json ? "null" : "none");
    else
        text_add(&facts->text, "%.10g", value);
}

static void add_list(fact_list *facts, const char *name, const char *const *values, int count) {
    begin_fact(facts, name);
    if (facts->json) text_add(&facts->text, "[");
    for (int i = 0; i < count; i++) {
        if (i > 0) text_add(&facts->text, ", ");
        if (facts->json)
            text_add_json(&facts->text, values[i]);
        else
            text_add_printable(&facts->text, values[i]);
    }
    if (facts->json) text_add(&facts->text, "]");
}

static int print_facts(fact_list *facts) {
    if (facts->json) text_add(&facts->text, "}");
    int failed = text_failed(&facts->text);
    if (!failed) say_text(facts->text.data);
    text_free(&facts->text);
    return failed ? fail("cannot print: out of memory") : 0;
}

/* --- the four things --- */

static int is_preset(const char *name) {
    for (const char *const *preset = vt_preset_names(); *preset; preset++)
        if (strcmp(*preset, name) == 0) return 1;
    return 0;
}

static int describe_machine(fact_list *facts) {
    vt_device *device;
    vt_status status = vt_device_open("cpu", &device);
    if (status != VT_OK) return fail_status(status);
    vt_device_info info;
    vt_device_get_info(device, &info);
    add_string(facts, "version", vt_version());
    add_string(facts, "device", info.name);
    add_string(facts, "processor", info.description);
    add_string(facts, "instruction set", info.isa);
    add_integer(facts, "threads", info.threads);
    add_string(facts, "image formats", vt_image_formats());
    add_string(facts, "matrix library", info.library);
    add_string(facts, "default precision", vt_precision_name(info.native_bf16 ? VT_PRECISION_BF16 : VT_PRECISION_FP32));
    int presets = 0;
    while (vt_preset_names()[presets]) presets++;
    add_list(facts, "presets", vt_preset_names(), presets);
    vt_device_close(device);
    return 0;
}

/* Presets have no weights that were worth looking at; those of a folder are read, and so checked. */
static int describe_model(fact_list *facts, const char *path) {
    vt_model *model;
    vt_model_options options;
    vt_model_options_init(&options);
    options.describe_only = is_preset(path);
    vt_status status = vt_model_open(path, &options, NULL, &model);
    if (status != VT_OK) return fail_status(status);
    const vt_vit_config *config = vt_model_get_config(model);
    const vt_preprocessor *preprocessor = vt_model_get_preprocessor(model);
    char size[128];
    add_string(facts, "model", path);
    add_integer(facts, "parameters", vt_model_parameter_count(model));
    snprintf(size, sizeof size, "%d x %d", config->image_height, config->image_width);
    add_string(facts, "image size", size);
    add_integer(facts, "patch size", config->patch_size);
    add_integer(facts, "channels", config->num_channels);
    add_integer(facts, "hidden size", config->hidden_size);
    add_integer(facts, "layers", config->num_hidden_layers);
    add_integer(facts, "attention heads", config->num_attention_heads);
    add_integer(facts, "intermediate size", config->intermediate_size);
    add_string(facts, "problem type",
               *vt_problem_type_name(config->problem_type) ? vt_problem_type_name(config->problem_type) : "unset");
    add_string(facts, "resample", vt_resample_name(preprocessor->resample));
    snprintf(size, sizeof size, "%g %g %g / %g %g %g", (double)preprocessor->image_mean[0], (double)preprocessor->image_mean[1],
             (double)preprocessor->image_mean[2], (double)preprocessor->image_std[0], (double)preprocessor->image_std[1],
             (double)preprocessor->image_std[2]);
    add_string(facts, "mean / std", size);
    add_integer(facts, "labels", config->num_labels);
    add_list(facts, "label names", (const char *const *)config->label_names, config->num_labels);
    vt_model_close(model);
    return 0;
}

static int describe_checkpoint(fact_list *facts, const char *path) {
    vt_checkpoint_info info;
    vt_status status = vt_checkpoint_inspect(path, &info);
    if (status != VT_OK) return fail_status(status);
    add_string(facts, "checkpoint", path);
    add_string(facts, "state", "complete, every file as its manifest says");
    add_integer(facts, "global step", info.global_step);
    add_integer(facts, "max steps", info.max_steps);
    add_number(facts, "epoch", info.epoch);
    add_number(facts, "best metric", info.best_metric);
    return describe_model(facts, path);
}

/* counts [2, num_labels] = how many images have each label, and of how many nobody knows. */
static void count_labels(const vt_split *split, int num_labels, int64_t *counts) {
    memset(counts, 0, 2 * (size_t)num_labels * sizeof *counts);
    for (int64_t i = 0; i < vt_split_size(split); i++) {
        vt_example example = vt_split_get(split, i);
        for (int label = 0; label < num_labels; label++) {
            counts[label] += example.labels[label] > 0.5f;
            counts[num_labels + label] += isnan(example.labels[label]);
        }
    }
}

static void add_counts(fact_list *facts, const char *name, const vt_dataset_info *info, const int64_t *counts) {
    begin_fact(facts, name);
    text_add(&facts->text, facts->json ? "{" : "");
    for (int label = 0; label < info->num_labels; label++) {
        if (label > 0) text_add(&facts->text, ", ");
        if (facts->json)
            text_add_json(&facts->text, info->label_names[label]);
        else
            text_add_printable(&facts->text, info->label_names[label]);
        text_add(&facts->text, facts->json ? ": %lld" : " %lld", (long long)counts[label]);
    }
    text_add(&facts->text, facts->json ? "}" : "");
}

static int add_splits(fact_list *facts, const vt_dataset *dataset) {
    static const char *const names[] = {"train", "validation", "test"};
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    int64_t *counts = calloc((size_t)info->num_labels, 2 * sizeof *counts);
    if (!counts) return fail("cannot print: out of memory");
    for (int s = 0; s < 3; s++) {
        const vt_split *split = vt_dataset_get_split(dataset, names[s]);
        char name[64];
        if (!split) continue;
        snprintf(name, sizeof name, "%s images", names[s]);
        add_integer(facts, name, vt_split_size(split));
        snprintf(name, sizeof name, "%s shards", names[s]);
        add_integer(facts, name, vt_split_shard_count(split));
        count_labels(split, info->num_labels, counts);
        snprintf(name, sizeof name, "%s labels", names[s]);
        add_counts(facts, name, info, counts);
        const int64_t *unknown = counts + info->num_labels;
        int64_t unknowns = 0;
        for (int label = 0; label < info->num_labels; label++) unknowns += unknown[label];
        snprintf(name, sizeof name, "%s unknown", names[s]);
        if (unknowns > 0) add_counts(facts, name, info, unknown);
    }
    free(counts);
    return 0;
}

static int describe_dataset(fact_list *facts, const char *path) {
    vt_dataset *dataset;
    vt_status status = vt_dataset_open(path, &dataset);
    if (status != VT_OK) return fail_status(status);
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    char size[64];
    add_string(facts, "data set", path);
    snprintf(size, sizeof size, "%d x %d, %d channel%s", info->width, info->height, info->channels,
             info->channels > 1 ? "s" : "");
    add_string(facts, "images", size);
    snprintf(size, sizeof size, "%d x %d", info->stored_width, info->stored_height);
    add_string(facts, "stored as", size);
    add_string(facts, "resample", vt_resample_name(info->resample));
    add_string(facts, "problem type", info->problem_type);
    add_string(facts, "split by", vt_split_policy_name(info->split_policy));
    add_integer(facts, "split seed", (int64_t)info->split_seed);
    add_string(facts, "split hash", info->split_hash);
    if (info->patients_known)
        add_integer(facts, "shared patients", info->shared_patients);
    else
        add_string(facts, "shared patients", "unknown: the data set names no patients");
    int code = add_splits(facts, dataset);
    vt_dataset_close(dataset);
    return code;
}

/* --- which of them it is --- */

static int describe(fact_list *facts, const char *thing) {
    if (!thing || strcmp(thing, "machine") == 0) return describe_machine(facts);
    if (folder_holds(thing, "dataset_dict.json")) return describe_dataset(facts, thing);
    if (folder_holds(thing, "manifest.json")) return describe_checkpoint(facts, thing);
    if (folder_holds(thing, "config.json") || is_preset(thing)) return describe_model(facts, thing);
    int unfinished = refuse_unfinished_run(thing);
    if (unfinished) return unfinished;
    if (access(thing, F_OK) != 0)
        return fail("%s: no such folder, and no preset of that name; `vitrain info` lists the presets", thing);
    return fail("%s: neither a model (config.json), a checkpoint (manifest.json) nor a prepared data set (dataset_dict.json)",
                thing);
}

/* --- the memory of a model --- */

typedef struct plan_settings {
    vt_memory_options options;
    int wanted, precision, infer;
} plan_settings;

static void add_memory(fact_list *facts, const char *path, const vt_memory_options *options, const vt_memory_plan *plan) {
    const struct {
        const char *name;
        uint64_t bytes;
    } rows[] = {{"weights", plan->weights},
                {"gradients", plan->gradients},
                {"moments", plan->moments},
                {"compute weights", plan->compute_weights},
                {"activations", plan->activations},
                {"activations per layer", plan->activations_per_layer},
                {"activation gradients", plan->activation_gradients},
                {"pixels to loss", plan->ends},
                {"scratch", plan->scratch},
                {"total", plan->total}};
    add_string(facts, "model", path);
    add_string(facts, "mode", options->train ? "train" : "infer");
    add_string(facts, "precision", vt_precision_name(options->precision));
    add_integer(facts, "batch", options->batch_size);
    add_integer(facts, "image channels", options->pixel_channels);
    if (options->train) add_string(facts, "gradient checkpointing", options->gradient_checkpointing ? "yes" : "no");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin_fact(facts, rows[i].name);
        text_add(&facts->text, facts->json ? "%llu" : "%15llu", (unsigned long long)rows[i].bytes);
        if (!facts->json) text_add(&facts->text, " %9.1f MB", 1e-6 * (double)rows[i].bytes);
    }
}

static int plan_on(vt_device *device, const vt_model *model, fact_list *facts, const char *path, plan_settings *settings) {
    vt_memory_options defaults;
    vt_memory_plan plan;
    vt_memory_options_init(&defaults, device);
    settings->options.precision = settings->precision >= 0 ? (vt_precision)settings->precision : defaults.precision;
    settings->options.train = !settings->infer;
    vt_status status = vt_model_plan_memory(device, model, &settings->options, &plan);
    if (status != VT_OK) return fail_status(status);
    add_memory(facts, path, &settings->options, &plan);
    return 0;
}

static int plan_memory(fact_list *facts, const char *path, plan_settings *settings) {
    vt_model *model;
    vt_device *device;
    vt_model_options options;
    vt_model_options_init(&options);
    options.describe_only = 1;
    vt_status status = vt_model_open(path, &options, NULL, &model);
    if (status != VT_OK) return fail_status(status);
    status = vt_device_open("cpu", &device);
    int code = status == VT_OK ? plan_on(device, model, facts, path, settings) : fail_status(status);
    if (status == VT_OK) vt_device_close(device);
    vt_model_close(model);
    return code;
}

int command_info(int argc, char **argv) {
    static const char *const precisions[] = {"fp32", "bf16", NULL};
    fact_list facts = {0};
    const char *thing[1] = {NULL};
    plan_settings plan = {.precision = -1};
    vt_memory_options_init(&plan.options, NULL);
    cli_option options[] = {
        OPTION("plan", NULL, "the memory that training THING, a model, takes on this machine, to the byte", OPTION_FLAG,
               &plan.wanted),
        OPTION("batch", "N", "with --plan: images in a micro-batch", OPTION_INTEGER, &plan.options.batch_size, .low = 1,
               .high = 65536),
        OPTION("precision", "P", "with --plan: fp32 or bf16", OPTION_CHOICE, &plan.precision, .choices = precisions,
               .initial = "bf16 where the processor computes it, else fp32"),
        OPTION("channels", "N", "with --plan: channels of the images, 1 or as many as the model's", OPTION_INTEGER,
               &plan.options.pixel_channels, .low = 1, .high = 3),
        OPTION("infer", NULL, "with --plan: inference instead of training", OPTION_FLAG, &plan.infer),
        OPTION("gradient-checkpointing", NULL, "with --plan: training by recomputing activations", OPTION_FLAG,
               &plan.options.gradient_checkpointing),
        OPTION("json", NULL, "one JSON object instead of lines", OPTION_FLAG, &facts.json),
        {0},
    };
    command_line line = {
        .usage = "vitrain info [THING] [--json] [--plan [options]]",
        .description = "THING is a model folder, a preset, a checkpoint, a prepared data set, or `machine` (the default):\n"
                       "this machine's device, instruction set and threads, and the names of the presets.",
        .options = options,
        .operands = thing,
        .operands_allowed = 1};
    int code = parse_options(&line, argc, argv);
    if (code != 0 || line.helped) return code;
    if (plan.wanted && !thing[0]) return fail_usage("--plan needs a model: a folder or a preset");
    if (plan.infer && plan.options.gradient_checkpointing)
        return fail_usage("--gradient-checkpointing recomputes for a backward pass, which inference has none of");
    code = plan.wanted ? plan_memory(&facts, thing[0], &plan) : describe(&facts, thing[0]);
    if (code == 0) return print_facts(&facts);
    text_free(&facts.text);
    return code;
}
