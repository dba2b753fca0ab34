/* Reads and writes config.json.
 *
 * Every value is checked before it sizes anything, so that no configuration file, however broken, leads to a giant
 * allocation or an arithmetic overflow later. Weights and preprocessing have files and sources of their own. */
#include "model/config.h"

#include "base/file.h"
#include "base/json.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HIDDEN_MAX       16384
#define LAYERS_MAX       256
#define INTERMEDIATE_MAX 65536
#define IMAGE_MAX        16384
#define PATCHES_MAX      65535
#define LABELS_MAX       65536
#define LABEL_LENGTH_MAX 1000

/* The first spelling of an activation is the one that is written. */
static const struct {
    const char *name;
    vt_activation activation;
} activations[] = {
    {"gelu", VT_ACTIVATION_GELU},
    {"gelu_python", VT_ACTIVATION_GELU},
    {"gelu_new", VT_ACTIVATION_GELU_TANH},
    {"gelu_pytorch_tanh", VT_ACTIVATION_GELU_TANH},
    {"gelu_python_tanh", VT_ACTIVATION_GELU_TANH},
    {"gelu_fast", VT_ACTIVATION_GELU_TANH},
    {"gelu_accurate", VT_ACTIVATION_GELU_TANH},
    {"relu", VT_ACTIVATION_RELU},
    {"silu", VT_ACTIVATION_SILU},
    {"swish", VT_ACTIVATION_SILU},
    {"quick_gelu", VT_ACTIVATION_QUICK_GELU},
};

const char *vt_problem_type_name(vt_problem_type problem_type) {
    switch (problem_type) {
    case VT_PROBLEM_MULTI_LABEL:
        return "multi_label_classification";
    case VT_PROBLEM_SINGLE_LABEL:
        return "single_label_classification";
    case VT_PROBLEM_REGRESSION:
        return "regression";
    case VT_PROBLEM_UNSET:
        break;
    }
    return "";
}

void vt_config_init(vt_vit_config *config) {
    *config = (vt_vit_config){
        .hidden_size = 768,
        .num_hidden_layers = 12,
        .num_attention_heads = 12,
        .intermediate_size = 3072,
        .hidden_act = VT_ACTIVATION_GELU,
        .initializer_range = 0.02,
        .layer_norm_eps = 1e-12,
        .image_height = 224,
        .image_width = 224,
        .patch_size = 16,
        .num_channels = 3,
        .qkv_bias = 1,
    };
}

void vt_config_free_labels(vt_vit_config *config) {
    for (int i = 0; config->label_names && i < config->num_labels; i++) free(config->label_names[i]);
    free(config->label_names);
    config->label_names = NULL;
    config->num_labels = 0;
}

/* Labels go to terminals, CSV files and pictures: control characters have no place there. JSON takes UTF-8 alone. */
static bool is_label(const char *text) {
    size_t length = text ? strlen(text) : 0;
    if (length < 1 || length > LABEL_LENGTH_MAX) return false;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) return false;
    }
    json_t *string = json_string(text);
    json_decref(string);
    return string != NULL;
}

static vt_status copy_label(const char *const *names, int index, char **out) {
    if (!names) return vt_format(out, "LABEL_%d", index);
    if (!is_label(names[index]))
        return vt_fail(VT_ERROR_INPUT, "label %d is not a text of 1 to %d bytes without control characters", index,
                       LABEL_LENGTH_MAX);
    return vt_copy_string(names[index], out);
}

vt_status vt_config_set_labels(vt_vit_config *config, const char *const *names, int count) {
    if (count < 1 || count > LABELS_MAX)
        return vt_fail(VT_ERROR_USAGE, "a model of %d labels was asked for; it can have 1 to %d", count, LABELS_MAX);
    vt_vit_config fresh = {.num_labels = count};
    VT_TRY(vt_allocate(&fresh.label_names, (size_t)count, sizeof(char *), "label names"));
    for (int i = 0; i < count; i++) {
        vt_status status = copy_label(names, i, &fresh.label_names[i]);
        if (status != VT_OK) {
            vt_config_free_labels(&fresh);
            return status;
        }
    }
    vt_config_free_labels(config);
    config->label_names = fresh.label_names;
    config->num_labels = count;
    return VT_OK;
}

/* --- what can be built --- */

/* The multiple of the patch size that is nearest below, or one patch. */
static int whole_patches(int side, int patch_size) {
    return side < patch_size ? patch_size : side / patch_size * patch_size;
}

static vt_status check_range(const char *name, const char *key, int64_t value, int64_t high) {
    if (value >= 1 && value <= high) return VT_OK;
    return vt_fail(VT_ERROR_INPUT, "%s: '%s' is %lld, expected 1 to %lld", name, key, (long long)value, (long long)high);
}

/* Probabilities and the like: low <= value < high, which NaN is not. */
static vt_status check_number(const char *name, const char *key, double value, double low, double high) {
    if (value >= low && value < high) return VT_OK;
    return vt_fail(VT_ERROR_INPUT, "%s: '%s' is %g, expected a number from %g to below %g", name, key, value, low, high);
}

vt_status vt_config_check(const vt_vit_config *config, const char *name) {
    VT_TRY(check_range(name, "hidden_size", config->hidden_size, HIDDEN_MAX));
    VT_TRY(check_range(name, "num_hidden_layers", config->num_hidden_layers, LAYERS_MAX));
    VT_TRY(check_range(name, "num_attention_heads", config->num_attention_heads, config->hidden_size));
    VT_TRY(check_range(name, "intermediate_size", config->intermediate_size, INTERMEDIATE_MAX));
    VT_TRY(check_range(name, "image_size", config->image_height, IMAGE_MAX));
    VT_TRY(check_range(name, "image_size", config->image_width, IMAGE_MAX));
    VT_TRY(check_range(name, "patch_size", config->patch_size, IMAGE_MAX));
    VT_TRY(check_number(name, "hidden_dropout_prob", config->hidden_dropout_prob, 0, 1));
    VT_TRY(check_number(name, "attention_probs_dropout_prob", config->attention_probs_dropout_prob, 0, 1));
    VT_TRY(check_number(name, "initializer_range", config->initializer_range, 0, 1));
    VT_TRY(check_number(name, "layer_norm_eps", config->layer_norm_eps, 1e-30, 1));
    if (config->hidden_size % config->num_attention_heads != 0)
        return vt_fail(VT_ERROR_INPUT, "%s: 'hidden_size' %d is not a multiple of 'num_attention_heads' %d", name,
                       config->hidden_size, config->num_attention_heads);
    if (config->image_height % config->patch_size != 0 || config->image_width % config->patch_size != 0)
        return vt_fail(
            VT_ERROR_INPUT, "%s: image size %d x %d (height x width) is not a multiple of 'patch_size' %d; %d x %d would be",
            name, config->image_height, config->image_width, config->patch_size,
            whole_patches(config->image_height, config->patch_size), whole_patches(config->image_width, config->patch_size));
    int64_t patches = (int64_t)(config->image_height / config->patch_size) * (config->image_width / config->patch_size);
    if (patches > PATCHES_MAX)
        return vt_fail(VT_ERROR_INPUT, "%s: image size %d x %d in patches of %d makes %lld patches, expected at most %d", name,
                       config->image_height, config->image_width, config->patch_size, (long long)patches, PATCHES_MAX);
    if (config->num_channels != 1 && config->num_channels != 3)
        return vt_fail(VT_ERROR_INPUT, "%s: 'num_channels' is %d, expected 1 or 3", name, config->num_channels);
    return VT_OK;
}

/* --- reading --- */

static vt_status read_size(const json_t *root, const char *name, const char *key, int low, int high, int *out) {
    int64_t value = *out;
    VT_TRY(vt_json_get_int(root, name, key, low, high, &value));
    *out = (int)value;
    return VT_OK;
}

/* A side length, or a pair [height, width]. */
static vt_status read_side_or_pair(const json_t *root, const char *name, const char *key, int *height, int *width) {
    const json_t *value = json_object_get(root, key);
    if (!json_is_array(value)) {
        VT_TRY(read_size(root, name, key, 1, IMAGE_MAX, height));
        *width = value ? *height : *width;
        return VT_OK;
    }
    json_int_t sides[2] = {0, 0};
    for (size_t i = 0; i < json_array_size(value) && i < 2; i++) sides[i] = json_integer_value(json_array_get(value, i));
    if (json_array_size(value) != 2 || sides[0] < 1 || sides[0] > IMAGE_MAX || sides[1] < 1 || sides[1] > IMAGE_MAX)
        return vt_fail(VT_ERROR_INPUT, "%s: '%s' is a list, expected one number or [height, width], each from 1 to %d", name,
                       key, IMAGE_MAX);
    *height = (int)sides[0];
    *width = (int)sides[1];
    return VT_OK;
}

static vt_status read_patch_size(const json_t *root, const char *name, int *patch_size) {
    int height = *patch_size, width = *patch_size;
    VT_TRY(read_side_or_pair(root, name, "patch_size", &height, &width));
    if (height != width)
        return vt_fail(VT_ERROR_UNSUPPORTED, "%s: 'patch_size' is %d x %d; only square patches are supported", name, height,
                       width);
    *patch_size = height;
    return VT_OK;
}

static vt_status read_activation(const json_t *root, const char *name, vt_activation *out) {
    const char *text = NULL;
    VT_TRY(vt_json_get_string(root, name, "hidden_act", &text));
    if (!text) return VT_OK;
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        if (strcmp(text, activations[i].name) == 0) {
            *out = activations[i].activation;
            return VT_OK;
        }
    }
    return vt_fail(VT_ERROR_UNSUPPORTED, "%s: 'hidden_act' is \"%.64s\"; known are gelu, gelu_new, relu, silu and quick_gelu",
                   name, text);
}

static vt_status read_problem_type(const json_t *root, const char *name, vt_problem_type *out) {
    const char *text = NULL;
    VT_TRY(vt_json_get_string(root, name, "problem_type", &text));
    if (!text) return VT_OK;
    for (int type = VT_PROBLEM_MULTI_LABEL; type <= VT_PROBLEM_REGRESSION; type++) {
        if (strcmp(text, vt_problem_type_name((vt_problem_type)type)) == 0) {
            *out = (vt_problem_type)type;
            return VT_OK;
        }
    }
    return vt_fail(VT_ERROR_INPUT,
                   "%s: 'problem_type' is \"%.64s\", expected multi_label_classification, single_label_classification or "
                   "regression",
                   name, text);
}

/* names [count]: slot i receives id2label's entry "i"; pointers into the object. */
static vt_status collect_labels(json_t *id2label, const char *name, const char **names, int count) {
    const char *key;
    json_t *value;
    json_object_foreach(id2label, key, value) {
        char *end;
        long index = strtol(key, &end, 10);
        char canonical[24];
        snprintf(canonical, sizeof canonical, "%ld", index);
        if (strcmp(key, canonical) != 0 || index < 0 || index >= count)
            return vt_fail(VT_ERROR_INPUT, "%s: 'id2label' has the key \"%.64s\", expected 0 to %d, each once", name, key,
                           count - 1);
        names[index] = json_string_value(value);
    }
    return VT_OK;
}

static vt_status read_labels(const json_t *root, const char *name, vt_vit_config *config) {
    json_t *id2label = json_object_get(root, "id2label");
    if (!id2label || json_is_null(id2label)) {
        int count = 2; /* PretrainedConfig's default */
        VT_TRY(read_size(root, name, "num_labels", 1, LABELS_MAX, &count));
        return vt_config_set_labels(config, NULL, count);
    }
    size_t count = json_object_size(id2label);
    if (!json_is_object(id2label) || count < 1 || count > LABELS_MAX)
        return vt_fail(VT_ERROR_INPUT, "%s: 'id2label' must be an object of 1 to %d labels", name, LABELS_MAX);
    const char **names;
    VT_TRY(vt_allocate(&names, count, sizeof *names, "label names"));
    vt_status status = collect_labels(id2label, name, names, (int)count);
    if (status == VT_OK) {
        status = vt_config_set_labels(config, names, (int)count);
        if (status != VT_OK) status = vt_fail_prefix(status, "%s: 'id2label'", name);
    }
    free(names);
    return status;
}

static vt_status read_config(const json_t *root, const char *name, vt_vit_config *config) {
    const char *model_type = "vit";
    VT_TRY(vt_json_get_string(root, name, "model_type", &model_type));
    if (strcmp(model_type, "vit") != 0)
        return vt_fail(VT_ERROR_UNSUPPORTED, "%s: 'model_type' is \"%.64s\"; only \"vit\" is supported", name, model_type);
    VT_TRY(read_size(root, name, "hidden_size", 1, HIDDEN_MAX, &config->hidden_size));
    VT_TRY(read_size(root, name, "num_hidden_layers", 1, LAYERS_MAX, &config->num_hidden_layers));
    VT_TRY(read_size(root, name, "num_attention_heads", 1, HIDDEN_MAX, &config->num_attention_heads));
    VT_TRY(read_size(root, name, "intermediate_size", 1, INTERMEDIATE_MAX, &config->intermediate_size));
    VT_TRY(read_size(root, name, "num_channels", 1, 3, &config->num_channels));
    VT_TRY(read_side_or_pair(root, name, "image_size", &config->image_height, &config->image_width));
    VT_TRY(read_patch_size(root, name, &config->patch_size));
    VT_TRY(read_activation(root, name, &config->hidden_act));
    VT_TRY(vt_json_get_number(root, name, "hidden_dropout_prob", &config->hidden_dropout_prob));
    VT_TRY(vt_json_get_number(root, name, "attention_probs_dropout_prob", &config->attention_probs_dropout_prob));
    VT_TRY(vt_json_get_number(root, name, "initializer_range", &config->initializer_range));
    VT_TRY(vt_json_get_number(root, name, "layer_norm_eps", &config->layer_norm_eps));
    bool qkv_bias = true;
    VT_TRY(vt_json_get_bool(root, name, "qkv_bias", &qkv_bias));
    config->qkv_bias = qkv_bias;
    VT_TRY(read_problem_type(root, name, &config->problem_type));
    VT_TRY(vt_config_check(config, name));
    return read_labels(root, name, config);
}

static vt_status take_config(json_t *root, const char *name, vt_vit_config *out) {
    vt_vit_config config;
    vt_config_init(&config);
    vt_status status = read_config(root, name, &config);
    json_decref(root);
    if (status == VT_OK) *out = config;
    return status;
}

vt_status vt_config_parse(const char *text, size_t length, const char *name, vt_vit_config *out) {
    json_t *root;
    VT_TRY(vt_json_parse(text, length, name, &root));
    return take_config(root, name, out);
}

vt_status vt_config_load(const char *folder, vt_vit_config *out) {
    char *path;
    json_t *root;
    VT_TRY(vt_join(folder, "config.json", &path));
    vt_status status = vt_json_load(path, &root);
    if (status == VT_OK) status = take_config(root, path, out);
    free(path);
    return status;
}

/* --- writing --- */

static const char *activation_name(vt_activation activation) {
    size_t i = 0;
    while (activations[i].activation != activation) i++;
    return activations[i].name;
}

/* {"0": "Atelectasis", ...} and its inverse; of equal names, the last one's number stands. */
static vt_status write_labels(json_t *root, const vt_vit_config *config) {
    json_t *id2label = json_object(), *label2id = json_object();
    int failed = json_object_set_new(root, "id2label", id2label) | json_object_set_new(root, "label2id", label2id);
    for (int i = 0; i < config->num_labels; i++) {
        char key[24];
        snprintf(key, sizeof key, "%d", i);
        failed |= json_object_set_new(id2label, key, json_string(config->label_names[i]));
        failed |= json_object_set_new(label2id, config->label_names[i], json_integer(i));
    }
    return failed ? vt_fail(VT_ERROR_INPUT, "config.json: the label names are not valid UTF-8") : VT_OK;
}

static json_t *image_size(const vt_vit_config *config) {
    if (config->image_height == config->image_width) return json_integer(config->image_height);
    return json_pack("[i, i]", config->image_height, config->image_width);
}

vt_status vt_config_save(const char *folder, const vt_vit_config *config) {
    json_t *root =
        json_pack("{s:[s], s:s, s:i, s:i, s:i, s:i, s:s, s:f, s:f, s:f, s:f, s:o, s:i, s:i, s:b}", /* */
                  "architectures", "ViTForImageClassification", "model_type", "vit",               /* */
                  "hidden_size", config->hidden_size, "num_hidden_layers", config->num_hidden_layers, "num_attention_heads",
                  config->num_attention_heads, "intermediate_size", config->intermediate_size, "hidden_act",
                  activation_name(config->hidden_act), "hidden_dropout_prob", config->hidden_dropout_prob,
                  "attention_probs_dropout_prob", config->attention_probs_dropout_prob, "initializer_range",
                  config->initializer_range, "layer_norm_eps", config->layer_norm_eps, "image_size", image_size(config),
                  "patch_size", config->patch_size, "num_channels", config->num_channels, "qkv_bias", config->qkv_bias);
    if (!root) return vt_fail_memory("config.json", 0);
    char *path = NULL;
    vt_status status = write_labels(root, config);
    if (status == VT_OK && config->problem_type != VT_PROBLEM_UNSET &&
        json_object_set_new(root, "problem_type", json_string(vt_problem_type_name(config->problem_type))) != 0)
        status = vt_fail_memory("config.json", 0);
    if (status == VT_OK) status = vt_join(folder, "config.json", &path);
    if (status == VT_OK) status = vt_json_save(path, root);
    free(path);
    json_decref(root);
    return status;
}
