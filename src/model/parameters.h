/* The table of a model's parameters: names, shapes, and places in the flat buffer. */
#ifndef VT_MODEL_PARAMETERS_H
#define VT_MODEL_PARAMETERS_H

#include "model/model.h"

/* Fills model->parameters, parameter_count and value_count from model->config; values stay as they are. */
vt_status vt_model_lay_out(vt_model *model) VT_CHECKED;

/* Random values for parameters [first, parameter_count), as Hugging Face initialises them: weights, position embeddings
 * and the class token from a normal distribution of standard deviation initializer_range cut at -2 and 2, biases 0, layer
 * norms 1 and 0. A parameter's values are a function of the seed and its index alone. */
vt_status vt_model_initialise(vt_model *model, int first, uint64_t seed) VT_CHECKED;

/* The patches of an image, and with the class token. */
static inline int64_t vt_config_patches(const vt_vit_config *config) {
    return (int64_t)(config->image_height / config->patch_size) * (config->image_width / config->patch_size);
}
static inline int64_t vt_config_tokens(const vt_vit_config *config) {
    return 1 + vt_config_patches(config);
}

/* Indices of the first parameters; the last two are the classifier's weight and bias. */
enum { VT_PARAMETER_CLASS_TOKEN = 0, VT_PARAMETER_POSITION = 1, VT_PARAMETER_PATCH_WEIGHT = 2, VT_PARAMETER_PATCH_BIAS = 3 };

#endif
