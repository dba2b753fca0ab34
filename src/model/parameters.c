/* The one place that knows which parameters a Vision Transformer has, what they are called and in which order they
 * stand in the flat buffer; random initial values for them. */
#include "model/parameters.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BEFORE_LAYERS 4 /* class token, position embeddings, patch weight and bias */
#define AFTER_LAYERS  4 /* layer norm weight and bias, classifier weight and bias */

static int parameters_per_layer(const vt_vit_config *config) {
    return config->qkv_bias ? 16 : 13;
}

/* --- the table --- */

static int64_t round_up(int64_t elements) {
    return (elements + 15) / 16 * 16;
}

typedef struct vt_shape {
    int rank;
    int64_t sizes[4];
} vt_shape;

/* Appends a parameter; the table has room. `packed`: right behind the one before, without a gap. */
static void add(vt_model *model, int packed, vt_shape shape, const char *format, ...) VT_PRINTF(4, 5);
static void add(vt_model *model, int packed, vt_shape shape, const char *format, ...) {
    vt_parameter *parameter = &model->parameters[model->parameter_count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parameter->name, sizeof parameter->name, format, arguments);
    va_end(arguments);
    parameter->rank = shape.rank;
    parameter->count = 1;
    for (int i = 0; i < shape.rank; i++) {
        parameter->shape[i] = shape.sizes[i];
        parameter->count *= shape.sizes[i];
    }
    parameter->decay = shape.rank > 1;
    parameter->packed = packed;
    parameter->offset = packed ? model->value_count : round_up(model->value_count);
    model->value_count = parameter->offset + parameter->count;
}

static void add_layer(vt_model *model, int layer) {
    const vt_vit_config *config = &model->config;
    int64_t hidden = config->hidden_size, intermediate = config->intermediate_size;
    vt_shape vector = {1, {hidden}}, square = {2, {hidden, hidden}};
    add(model, 0, vector, "vit.encoder.layer.%d.layernorm_before.weight", layer);
    add(model, 0, vector, "vit.encoder.layer.%d.layernorm_before.bias", layer);
    add(model, 0, square, "vit.encoder.layer.%d.attention.attention.query.weight", layer);
    add(model, 1, square, "vit.encoder.layer.%d.attention.attention.key.weight", layer);
    add(model, 1, square, "vit.encoder.layer.%d.attention.attention.value.weight", layer);
    if (config->qkv_bias) {
        add(model, 0, vector, "vit.encoder.layer.%d.attention.attention.query.bias", layer);
        add(model, 1, vector, "vit.encoder.layer.%d.attention.attention.key.bias", layer);
        add(model, 1, vector, "vit.encoder.layer.%d.attention.attention.value.bias", layer);
    }
    add(model, 0, square, "vit.encoder.layer.%d.attention.output.dense.weight", layer);
    add(model, 0, vector, "vit.encoder.layer.%d.attention.output.dense.bias", layer);
    add(model, 0, vector, "vit.encoder.layer.%d.layernorm_after.weight", layer);
    add(model, 0, vector, "vit.encoder.layer.%d.layernorm_after.bias", layer);
    add(model, 0, (vt_shape){2, {intermediate, hidden}}, "vit.encoder.layer.%d.intermediate.dense.weight", layer);
    add(model, 0, (vt_shape){1, {intermediate}}, "vit.encoder.layer.%d.intermediate.dense.bias", layer);
    add(model, 0, (vt_shape){2, {hidden, intermediate}}, "vit.encoder.layer.%d.output.dense.weight", layer);
    add(model, 0, vector, "vit.encoder.layer.%d.output.dense.bias", layer);
}

vt_status vt_model_lay_out(vt_model *model) {
    const vt_vit_config *config = &model->config;
    int64_t hidden = config->hidden_size, channels = config->num_channels, patch = config->patch_size;
    int64_t labels = config->num_labels;
    size_t count = (size_t)(BEFORE_LAYERS + config->num_hidden_layers * parameters_per_layer(config) + AFTER_LAYERS);
    VT_TRY(vt_allocate(&model->parameters, count, sizeof *model->parameters, "the table of parameters"));
    model->parameter_count = 0;
    model->value_count = 0;
    add(model, 0, (vt_shape){3, {1, 1, hidden}}, "vit.embeddings.cls_token");
    add(model, 0, (vt_shape){3, {1, vt_config_tokens(config), hidden}}, "vit.embeddings.position_embeddings");
    add(model, 0, (vt_shape){4, {hidden, channels, patch, patch}}, "vit.embeddings.patch_embeddings.projection.weight");
    add(model, 0, (vt_shape){1, {hidden}}, "vit.embeddings.patch_embeddings.projection.bias");
    for (int layer = 0; layer < config->num_hidden_layers; layer++) add_layer(model, layer);
    add(model, 0, (vt_shape){1, {hidden}}, "vit.layernorm.weight");
    add(model, 0, (vt_shape){1, {hidden}}, "vit.layernorm.bias");
    add(model, 0, (vt_shape){2, {labels, hidden}}, "classifier.weight");
    add(model, 0, (vt_shape){1, {labels}}, "classifier.bias");
    model->value_count = round_up(model->value_count);
    return VT_OK;
}

/* --- finding things in it --- */

int vt_model_find(const vt_model *model, const char *name) {
    for (int i = 0; i < model->parameter_count; i++) {
        if (strcmp(model->parameters[i].name, name) == 0) return i;
    }
    return -1;
}

int64_t vt_model_parameter_count(const vt_model *model) {
    int64_t count = 0;
    for (int i = 0; i < model->parameter_count; i++) count += model->parameters[i].count;
    return count;
}

void vt_model_offsets(const vt_model *model, vt_offsets *out) {
    const vt_parameter *first = model->parameters, *last = first + model->parameter_count - AFTER_LAYERS;
    out->class_token = first[VT_PARAMETER_CLASS_TOKEN].offset;
    out->position = first[VT_PARAMETER_POSITION].offset;
    out->patch_weight = first[VT_PARAMETER_PATCH_WEIGHT].offset;
    out->patch_bias = first[VT_PARAMETER_PATCH_BIAS].offset;
    out->norm_gamma = last[0].offset;
    out->norm_beta = last[1].offset;
    out->head_weight = last[2].offset;
    out->head_bias = last[3].offset;
}

void vt_model_layer_offsets(const vt_model *model, int layer, vt_layer_offsets *out) {
    const vt_parameter *next = model->parameters + BEFORE_LAYERS + layer * parameters_per_layer(&model->config);
    out->norm1_gamma = next++->offset;
    out->norm1_beta = next++->offset;
    out->qkv_weight = next->offset;
    next += 3;
    out->qkv_bias = -1;
    if (model->config.qkv_bias) {
        out->qkv_bias = next->offset;
        next += 3;
    }
    out->proj_weight = next++->offset;
    out->proj_bias = next++->offset;
    out->norm2_gamma = next++->offset;
    out->norm2_beta = next++->offset;
    out->fc1_weight = next++->offset;
    out->fc1_bias = next++->offset;
    out->fc2_weight = next++->offset;
    out->fc2_bias = next++->offset;
}

/* --- random initial values --- */

typedef struct vt_initialisation {
    vt_model *model;
    int first;
    uint64_t seed;
} vt_initialisation;

/* torch.nn.init.trunc_normal_ with its default cut at -2 and 2. */
static float truncated_normal(vt_random *random, double standard_deviation) {
    double value;
    do {
        value = vt_random_normal(random) * standard_deviation;
    } while (fabs(value) > 2);
    return (float)value;
}

static vt_status initialise_parameter(void *context, int64_t i) {
    const vt_initialisation *how = context;
    int index = how->first + (int)i;
    const vt_parameter *parameter = &how->model->parameters[index];
    float *values = how->model->values + parameter->offset;
    if (parameter->rank == 1) {
        int is_norm_weight = strstr(parameter->name, "layernorm") && strstr(parameter->name, ".weight");
        for (int64_t k = 0; k < parameter->count; k++) values[k] = is_norm_weight ? 1.0f : 0.0f;
        return VT_OK;
    }
    vt_random random = vt_random_stream(how->seed, VT_PURPOSE_INIT, (uint32_t)index, 0);
    double standard_deviation = how->model->config.initializer_range;
    if (standard_deviation < 2 / 8.6)
        vt_random_normals(&random, standard_deviation, parameter->count, values); /* none is beyond 2 */
    else
        for (int64_t k = 0; k < parameter->count; k++) values[k] = truncated_normal(&random, standard_deviation);
    return VT_OK;
}

vt_status vt_model_initialise(vt_model *model, int first, uint64_t seed) {
    vt_initialisation how = {model, first, seed};
    return vt_parallel_for(0, model->parameter_count - first, initialise_parameter, &how);
}
