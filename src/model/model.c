/* Opens and saves models: a folder in Hugging Face's layout, or a preset with random weights.
 *
 * What a configuration may say is config.c's, how weights find their parameters weights.c's business. */
#include "model/model.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "formats/preprocessor.h"
#include "formats/safetensors.h"
#include "model/config.h"
#include "model/parameters.h"
#include "model/presets.h"
#include "model/weights.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vt_model_options_init(vt_model_options *options) {
    *options = (vt_model_options){.seed = 42, .hidden_dropout_prob = -1, .attention_probs_dropout_prob = -1};
}

const vt_vit_config *vt_model_get_config(const vt_model *model) {
    return &model->config;
}

const vt_preprocessor *vt_model_get_preprocessor(const vt_model *model) {
    return &model->preprocessor;
}

void vt_model_close(vt_model *model) {
    if (!model) return;
    vt_config_free_labels(&model->config);
    free(model->parameters);
    vt_free_pages(model->values);
    free(model);
}

/* --- opening --- */

/* Sizes and switches that the caller sets over the model's own. */
static vt_status apply_options(vt_vit_config *config, const vt_model_options *options, const char *name) {
    if (options->image_height > 0) config->image_height = options->image_height;
    if (options->image_width > 0) config->image_width = options->image_width;
    if (options->hidden_dropout_prob >= 0) config->hidden_dropout_prob = options->hidden_dropout_prob;
    if (options->attention_probs_dropout_prob >= 0)
        config->attention_probs_dropout_prob = options->attention_probs_dropout_prob;
    if (options->problem_type != VT_PROBLEM_UNSET) config->problem_type = options->problem_type;
    if (options->num_labels != 0 && (options->label_names || options->num_labels != config->num_labels))
        VT_TRY(vt_config_set_labels(config, options->label_names, options->num_labels));
    return vt_config_check(config, name);
}

/* Hugging Face's names for labels that nobody named. */
static int is_placeholder(const char *name, int index) {
    char placeholder[32];
    snprintf(placeholder, sizeof placeholder, "LABEL_%d", index);
    return strcmp(name, placeholder) == 0;
}

/* *reason = why a classifier made for config's labels can't serve those of the options; NULL if it can. */
static vt_status compare_labels(const vt_vit_config *config, const vt_model_options *options, char **reason) {
    *reason = NULL;
    if (options->num_labels == 0) return VT_OK;
    if (options->num_labels != config->num_labels)
        return vt_format(reason, "it has %d labels, the data %d", config->num_labels, options->num_labels);
    for (int i = 0; options->label_names && i < config->num_labels; i++) {
        const char *ours = config->label_names[i], *wanted = options->label_names[i];
        if (strcmp(ours, wanted) != 0 && !is_placeholder(ours, i))
            return vt_format(reason, "its label %d is '%s', the data's is '%s'", i, ours, wanted);
    }
    return VT_OK;
}

/* Images are resized to what the model takes, whatever the preprocessor's file says. */
static void fit_preprocessor(vt_model *model, const vt_model_options *options, const char *folder, const vt_console *console) {
    vt_preprocessor *preprocessor = &model->preprocessor;
    int height = model->config.image_height, width = model->config.image_width;
    if (folder && options->image_height <= 0 && options->image_width <= 0 &&
        (preprocessor->height != height || preprocessor->width != width))
        vt_warn(console, "%s: preprocessor_config.json says %d x %d, config.json %d x %d; the latter counts", folder,
                preprocessor->height, preprocessor->width, height, width);
    preprocessor->height = height;
    preprocessor->width = width;
}

static vt_status load_configuration(vt_model *model, const char *folder) {
    int found = 0;
    VT_TRY(vt_config_load(folder, &model->config));
    vt_preprocessor_init(&model->preprocessor);
    model->preprocessor.height = model->config.image_height;
    model->preprocessor.width = model->config.image_width;
    return vt_preprocessor_load(folder, &model->preprocessor, &found);
}

static vt_status open_folder(vt_model *model, const char *folder, const vt_model_options *options, const vt_console *console) {
    VT_TRY(load_configuration(model, folder));
    char *new_head_reason;
    vt_problem_type own = model->config.problem_type;
    VT_TRY(compare_labels(&model->config, options, &new_head_reason));
    vt_weights_options weights = {.image_height = model->config.image_height,
                                  .image_width = model->config.image_width,
                                  .new_head_reason = new_head_reason,
                                  .require_head = options->require_head,
                                  .seed = options->seed};
    vt_status status = apply_options(&model->config, options, folder);
    if (status == VT_OK) fit_preprocessor(model, options, folder, console);
    if (status == VT_OK) status = vt_model_lay_out(model);
    if (status == VT_OK && !options->describe_only) status = vt_weights_load(model, folder, &weights, console);
    free(new_head_reason);
    if (status == VT_OK && own != VT_PROBLEM_UNSET && model->config.problem_type != own)
        vt_say(console, "%s: trained as %s before, now used as %s", folder, vt_problem_type_name(own),
               vt_problem_type_name(model->config.problem_type));
    return status;
}

static vt_status open_preset(vt_model *model, const char *name, const vt_model_options *options, const vt_console *console) {
    if (options->require_head)
        return vt_fail(VT_ERROR_USAGE, "%s: is a preset with random weights, expected the folder of a trained model", name);
    vt_preprocessor_init(&model->preprocessor);
    VT_TRY(vt_config_set_labels(&model->config, NULL, 2));
    VT_TRY(apply_options(&model->config, options, name));
    fit_preprocessor(model, options, NULL, console);
    VT_TRY(vt_model_lay_out(model));
    if (options->describe_only) return VT_OK;
    VT_TRY(vt_allocate_pages(&model->values, (size_t)model->value_count, sizeof(float), "the model's parameters"));
    VT_TRY(vt_model_initialise(model, 0, options->seed));
    vt_say(console, "%s: all %d tensors newly initialised (random weights)", name, model->parameter_count);
    return VT_OK;
}

static vt_status fail_unknown(const char *name) {
    vt_text list = {0};
    vt_status status = VT_OK;
    for (const char *const *preset = vt_preset_names(); *preset && status == VT_OK; preset++)
        status = vt_text_add(&list, "%s%s", list.length ? ", " : "", *preset);
    if (status == VT_OK)
        status = vt_fail(VT_ERROR_IO, "%s: is neither a model folder nor a preset; presets are %s", name, list.data);
    vt_text_free(&list);
    return status;
}

vt_status vt_model_open(const char *name, const vt_model_options *options, const vt_console *console, vt_model **out) {
    vt_model_options defaults;
    vt_model_options_init(&defaults);
    vt_model *model;
    VT_TRY(vt_allocate(&model, 1, sizeof *model, "a model"));
    vt_status status;
    if (!options) options = &defaults;
    if (vt_is_folder(name))
        status = open_folder(model, name, options, console);
    else if (vt_preset_find(name, &model->config))
        status = open_preset(model, name, options, console);
    else
        status = fail_unknown(name);
    if (status == VT_OK)
        *out = model;
    else
        vt_model_close(model);
    return status;
}

/* --- saving --- */

static vt_status save_weights(const vt_model *model, const char *folder) {
    vt_tensor *tensors;
    char *path;
    VT_TRY(vt_join(folder, "model.safetensors", &path));
    vt_status status = vt_allocate(&tensors, (size_t)model->parameter_count, sizeof *tensors, "the list of tensors");
    if (status == VT_OK) {
        for (int i = 0; i < model->parameter_count; i++) {
            const vt_parameter *parameter = &model->parameters[i];
            tensors[i] = (vt_tensor){.name = parameter->name,
                                     .dtype = VT_DTYPE_F32,
                                     .rank = parameter->rank,
                                     .count = parameter->count,
                                     .data = model->values + parameter->offset};
            memcpy(tensors[i].shape, parameter->shape, sizeof parameter->shape);
        }
        status = vt_safetensors_write(path, tensors, (size_t)model->parameter_count, NULL, NULL, 0, NULL);
        free(tensors);
    }
    free(path);
    return status;
}

vt_status vt_model_save(const vt_model *model, const char *folder) {
    if (!model->values) return vt_fail(VT_ERROR_USAGE, "the model was opened without its weights: they can't be saved");
    VT_TRY(vt_make_folders(folder));
    VT_TRY(vt_config_save(folder, &model->config));
    VT_TRY(vt_preprocessor_save(folder, &model->preprocessor));
    return save_weights(model, folder);
}
