/* Takes weights from a checkpoint, by name, as Hugging Face's loader does, and says what it took.
 *
 * Only the classifier may be missing or of another shape. Shapes are compared before anything is allocated, so a
 * configuration that lies about a small file costs nothing. */
#include "model/weights.h"

#include "base/memory.h"
#include "base/progress.h"
#include "formats/safetensors.h"
#include "model/parameters.h"
#include "model/positions.h"
#include <stdlib.h>
#include <string.h>

#define NAMES_SHOWN 8 /* of a list in a message */

/* --- names --- */

static int starts_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

/* Parts of a layer's names: as transformers 5 spells them in memory, and as every release spells them on disk. */
static const char *const spellings[][2] = {
    {"attention.q_proj.", "attention.attention.query."},
    {"attention.k_proj.", "attention.attention.key."},
    {"attention.v_proj.", "attention.attention.value."},
    {"attention.o_proj.", "attention.output.dense."},
    {"mlp.fc1.", "intermediate.dense."},
    {"mlp.fc2.", "output.dense."},
};

/* "layers.3.mlp.fc1.bias" -> "vit.encoder.layer.3.intermediate.dense.bias"; *name is freed with free(). */
static vt_status canonical_name(const char *given, char **name) {
    if (starts_with(given, "classifier.")) return vt_copy_string(given, name);
    const char *rest = starts_with(given, "vit.") ? given + 4 : given;
    if (!starts_with(rest, "layers.")) return vt_format(name, "vit.%s", rest);
    rest += strlen("layers.");
    int number = (int)strspn(rest, "0123456789");
    const char *part = rest[number] == '.' ? rest + number + 1 : "";
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        if (starts_with(part, spellings[i][0]))
            return vt_format(name, "vit.encoder.layer.%.*s.%s%s", number, rest, spellings[i][1],
                             part + strlen(spellings[i][0]));
    }
    return vt_format(name, "vit.encoder.layer.%s", rest);
}

static vt_status shape_text(vt_text *text, int rank, const int64_t *shape) {
    VT_TRY(vt_text_add(text, "["));
    for (int i = 0; i < rank; i++) VT_TRY(vt_text_add(text, i ? ", %lld" : "%lld", (long long)shape[i]));
    return vt_text_add(text, "]");
}

/* --- matching --- */

typedef struct vt_matching {
    const char *folder;
    vt_safetensors *file;
    const vt_tensor **tensors; /* [parameter_count]; NULL: missing, or not used */
    vt_strings unexpected;     /* names in the file that the model has no use for */
    int head_missing;          /* the file has no (whole) classifier */
    int head_mismatched;       /* it has one that is of another shape */
    vt_text head_difference;   /* "classifier.weight is [1000, 192] in the checkpoint, [15, 192] in the model" */
} vt_matching;

static void matching_free(vt_matching *matching) {
    vt_safetensors_close(matching->file);
    free(matching->tensors);
    vt_strings_free(&matching->unexpected);
    vt_text_free(&matching->head_difference);
}

static vt_status match_one(vt_matching *matching, const vt_model *model, const vt_map *parameters, const vt_tensor *tensor) {
    char *name;
    VT_TRY(canonical_name(tensor->name, &name));
    int64_t index = vt_map_get(parameters, name, strlen(name));
    free(name);
    if (index < 0) return vt_strings_add(&matching->unexpected, tensor->name, strlen(tensor->name));
    if (matching->tensors[index])
        return vt_fail(VT_ERROR_INPUT, "%s: tensors '%.200s' and '%.200s' both stand for the parameter '%s'", matching->folder,
                       matching->tensors[index]->name, tensor->name, model->parameters[index].name);
    matching->tensors[index] = tensor;
    return VT_OK;
}

static vt_status match_names(vt_matching *matching, const vt_model *model) {
    vt_map *parameters;
    VT_TRY(vt_map_create(&parameters));
    vt_status status = VT_OK;
    for (int i = 0; i < model->parameter_count && status == VT_OK; i++)
        status = vt_map_set(parameters, model->parameters[i].name, strlen(model->parameters[i].name), i);
    for (size_t i = 0; i < vt_safetensors_count(matching->file) && status == VT_OK; i++)
        status = match_one(matching, model, parameters, vt_safetensors_get(matching->file, i));
    vt_map_free(parameters);
    return status;
}

/* --- shapes --- */

static int is_head(const vt_model *model, int index) {
    return index >= model->parameter_count - 2;
}

static int same_shape(const vt_tensor *tensor, int rank, const int64_t *shape) {
    return tensor->rank == rank && memcmp(tensor->shape, shape, (size_t)rank * sizeof *shape) == 0;
}

static vt_status describe_difference(vt_text *text, const vt_parameter *parameter, const vt_tensor *tensor,
                                     const int64_t *expected) {
    VT_TRY(vt_text_add(text, "%s%s is ", text->length ? "; " : "", parameter->name));
    VT_TRY(shape_text(text, tensor->rank, tensor->shape));
    VT_TRY(vt_text_add(text, " in the checkpoint, "));
    VT_TRY(shape_text(text, parameter->rank, expected));
    return vt_text_add(text, " in the model");
}

static vt_status fail_shape(const char *folder, const vt_parameter *parameter, const vt_tensor *tensor,
                            const int64_t *expected) {
    vt_text text = {0};
    vt_status status = describe_difference(&text, parameter, tensor, expected);
    if (status == VT_OK)
        status = vt_fail(VT_ERROR_INPUT, "%s: %s: the weights do not belong to this config.json", folder, text.data);
    vt_text_free(&text);
    return status;
}

/* A parameter that is not the classifier's must be there, in the shape that the checkpoint's own image size gives. */
static vt_status check_body(const vt_matching *matching, const vt_model *model, int index, const vt_weights_options *options) {
    const vt_parameter *parameter = &model->parameters[index];
    const vt_tensor *tensor = matching->tensors[index];
    if (!tensor)
        return vt_fail(VT_ERROR_INPUT,
                       "%s: the tensor '%s' is missing: the weights are incomplete or do not belong to this "
                       "config.json",
                       matching->folder, parameter->name);
    int64_t shape[4];
    memcpy(shape, parameter->shape, sizeof shape);
    if (index == VT_PARAMETER_POSITION) {
        int patch = model->config.patch_size;
        shape[1] = 1 + (int64_t)(options->image_height / patch) * (options->image_width / patch);
    }
    return same_shape(tensor, parameter->rank, shape) ? VT_OK : fail_shape(matching->folder, parameter, tensor, shape);
}

static vt_status check_head(vt_matching *matching, const vt_model *model) {
    for (int i = model->parameter_count - 2; i < model->parameter_count; i++) {
        const vt_parameter *parameter = &model->parameters[i];
        const vt_tensor *tensor = matching->tensors[i];
        if (!tensor) {
            matching->head_missing = 1;
        } else if (!same_shape(tensor, parameter->rank, parameter->shape)) {
            matching->head_mismatched = 1;
            VT_TRY(describe_difference(&matching->head_difference, parameter, tensor, parameter->shape));
        }
    }
    return VT_OK;
}

static vt_status require_head(const vt_matching *matching, const vt_weights_options *options) {
    if (matching->head_missing)
        return vt_fail(VT_ERROR_INPUT, "%s: has no classifier (classifier.weight and classifier.bias): fine-tune it first",
                       matching->folder);
    if (options->new_head_reason)
        return vt_fail(VT_ERROR_INPUT, "%s: the classifier can't be used: %s", matching->folder, options->new_head_reason);
    if (matching->head_mismatched)
        return vt_fail(VT_ERROR_INPUT, "%s: %s: the weights do not belong to this config.json", matching->folder,
                       matching->head_difference.data);
    return VT_OK;
}

static vt_status match(vt_matching *matching, const vt_model *model, const vt_weights_options *options) {
    VT_TRY(vt_safetensors_open_model(matching->folder, &matching->file));
    VT_TRY(vt_allocate(&matching->tensors, (size_t)model->parameter_count, sizeof *matching->tensors, "matched tensors"));
    VT_TRY(match_names(matching, model));
    for (int i = 0; i < model->parameter_count; i++) {
        if (!is_head(model, i)) VT_TRY(check_body(matching, model, i, options));
    }
    VT_TRY(check_head(matching, model));
    if (options->require_head) VT_TRY(require_head(matching, options));
    if (matching->head_missing || matching->head_mismatched || options->new_head_reason)
        matching->tensors[model->parameter_count - 1] = matching->tensors[model->parameter_count - 2] = NULL;
    return VT_OK;
}

/* --- taking --- */

static vt_status take_positions(vt_model *model, const vt_tensor *tensor, const vt_weights_options *options,
                                const vt_console *console) {
    const vt_vit_config *config = &model->config;
    float *to = model->values + model->parameters[VT_PARAMETER_POSITION].offset;
    vt_grid from = {options->image_height / config->patch_size, options->image_width / config->patch_size};
    vt_grid grid = {config->image_height / config->patch_size, config->image_width / config->patch_size};
    if (from.height == grid.height && from.width == grid.width) return vt_tensor_to_float(tensor, to);
    float *values;
    VT_TRY(vt_allocate(&values, (size_t)tensor->count, sizeof *values, "position embeddings"));
    vt_status status = vt_tensor_to_float(tensor, values);
    if (status == VT_OK) vt_interpolate_positions(values, from, to, grid, config->hidden_size);
    free(values);
    vt_say(console, "Position embeddings interpolated (bicubic) from %lld x %lld to %lld x %lld patches",
           (long long)from.height, (long long)from.width, (long long)grid.height, (long long)grid.width);
    return status;
}

static vt_status take(vt_model *model, const vt_matching *matching, const vt_weights_options *options,
                      const vt_console *console) {
    VT_TRY(vt_allocate_pages(&model->values, (size_t)model->value_count, sizeof(float), "the model's parameters"));
    for (int i = 0; i < model->parameter_count; i++) {
        const vt_tensor *tensor = matching->tensors[i];
        vt_status status = VT_OK;
        if (i == VT_PARAMETER_POSITION)
            status = take_positions(model, tensor, options, console);
        else if (tensor)
            status = vt_tensor_to_float(tensor, model->values + model->parameters[i].offset);
        if (status != VT_OK) return vt_fail_prefix(status, "%s", matching->folder);
    }
    if (matching->tensors[model->parameter_count - 1]) return VT_OK;
    return vt_model_initialise(model, model->parameter_count - 2, options->seed);
}

/* --- saying --- */

/* "[a, b, ... and 3 more]" */
static vt_status list_text(vt_text *text, const vt_strings *names) {
    size_t shown = names->count <= NAMES_SHOWN ? names->count : NAMES_SHOWN;
    VT_TRY(vt_text_add(text, "["));
    for (size_t i = 0; i < shown; i++) VT_TRY(vt_text_add(text, "%s%.200s", i ? ", " : "", names->items[i]));
    if (shown < names->count) VT_TRY(vt_text_add(text, " and %zu more", names->count - shown));
    return vt_text_add(text, "]");
}

static vt_status say_matched(const vt_matching *matching, const vt_model *model, const vt_weights_options *options,
                             const vt_console *console) {
    int new_head = matching->tensors[model->parameter_count - 1] == NULL;
    vt_say(console, "%s: %d of %d tensors matched, %d missing, %zu unexpected, %d newly initialised", matching->folder,
           model->parameter_count - 2 * new_head, model->parameter_count, matching->head_missing ? 2 : 0,
           matching->unexpected.count, 2 * new_head);
    if (matching->unexpected.count) {
        vt_text names = {0};
        vt_status status = list_text(&names, &matching->unexpected);
        if (status == VT_OK) vt_say(console, "Unexpected, not used: %s", names.data);
        vt_text_free(&names);
        VT_TRY(status);
    }
    if (new_head)
        vt_warn(
            console,
            "Newly initialised: [classifier.weight, classifier.bias] (%s). Train this model before its predictions are used",
            matching->head_missing     ? "missing in the checkpoint"
            : options->new_head_reason ? options->new_head_reason
                                       : matching->head_difference.data);
    return VT_OK;
}

vt_status vt_weights_load(vt_model *model, const char *folder, const vt_weights_options *options, const vt_console *console) {
    vt_matching matching = {.folder = folder};
    vt_status status = match(&matching, model, options);
    if (status == VT_OK) status = take(model, &matching, options, console);
    if (status == VT_OK) status = say_matched(&matching, model, options, console);
    matching_free(&matching);
    return status;
}

/* --- restoring: everything must be there, under the names that vt_model_save() writes --- */

static vt_status restore_from(vt_model *model, const char *folder, const vt_safetensors *file) {
    if (vt_safetensors_count(file) != (size_t)model->parameter_count)
        return vt_fail(VT_ERROR_INPUT, "%s: holds %zu tensors, expected the model's %d", folder, vt_safetensors_count(file),
                       model->parameter_count);
    for (int i = 0; i < model->parameter_count; i++) {
        const vt_parameter *parameter = &model->parameters[i];
        const vt_tensor *tensor = vt_safetensors_find(file, parameter->name);
        if (!tensor) return vt_fail(VT_ERROR_INPUT, "%s: the tensor '%s' is missing", folder, parameter->name);
        if (!same_shape(tensor, parameter->rank, parameter->shape))
            return fail_shape(folder, parameter, tensor, parameter->shape);
        if (tensor->dtype != VT_DTYPE_F32)
            return vt_fail(VT_ERROR_INPUT, "%s: the tensor '%s' is %s, expected F32", folder, parameter->name,
                           vt_dtype_name(tensor->dtype));
    }
    for (int i = 0; i < model->parameter_count; i++) {
        const vt_parameter *parameter = &model->parameters[i];
        vt_status status = vt_tensor_to_float(vt_safetensors_find(file, parameter->name), model->values + parameter->offset);
        if (status != VT_OK) return vt_fail_prefix(status, "%s", folder);
    }
    return VT_OK;
}

vt_status vt_model_restore(vt_model *model, const char *folder) {
    vt_safetensors *file;
    if (!model->values) return vt_fail(VT_ERROR_USAGE, "the model was opened without its weights: none can be restored");
    VT_TRY(vt_safetensors_open_model(folder, &file));
    vt_status status = restore_from(model, folder, file);
    vt_safetensors_close(file);
    return status;
}
