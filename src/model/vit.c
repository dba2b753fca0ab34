/* A Vision Transformer on a device: creation, weights in and out, and whole training steps.
 *
 * Written once against the device's operators; vit_plan.c plans the memory, vit_forward.c and vit_backward.c compute. */
#include "model/vit.h"

#include "base/memory.h"
#include "model/parameters.h"
#include "model/vit_state.h"
#include <stdlib.h>

#define BATCH_MAX 1000000

/* --- a step without computing --- */

/* Refreshes the compute copies from the master weights. */
static vt_status pack_weights(vt_vit *vit) {
    const vt_compute_ops *ops = vit->device->ops;
    const float *parameters = vit->parameters;
    VT_TRY(ops->linear_pack(vit->device, vit->patch, parameters + vit->offsets.patch_weight));
    for (int i = 0; i < vit->config.num_hidden_layers; i++) {
        const vt_layer *layer = &vit->layers[i];
        VT_TRY(ops->linear_pack(vit->device, layer->qkv, parameters + layer->offsets.qkv_weight));
        VT_TRY(ops->linear_pack(vit->device, layer->proj, parameters + layer->offsets.proj_weight));
        VT_TRY(ops->linear_pack(vit->device, layer->fc1, parameters + layer->offsets.fc1_weight));
        VT_TRY(ops->linear_pack(vit->device, layer->fc2, parameters + layer->offsets.fc2_weight));
    }
    return VT_OK;
}

static vt_status check_batch(const vt_vit *vit, int64_t batch) {
    if (batch >= 1 && batch <= vit->options.max_batch) return VT_OK;
    return vt_fail(VT_ERROR_USAGE, "a micro-batch of %lld images was given, the model was placed for 1 to %lld",
                   (long long)batch, (long long)vit->options.max_batch);
}

static vt_status rehearse(vt_vit *vit, int64_t batch) {
    const vt_compute_ops *ops = vit->device->ops;
    const vt_vit_step step = {0};
    const vt_update update = {.rule = vit->options.update, .step = 1};
    double norm;
    VT_TRY(vt_vit_run_forward(vit, batch, vit->options.train ? &step : NULL));
    if (vit->options.train) {
        VT_TRY(vt_vit_run_backward(vit, batch, &step));
        VT_TRY(ops->grad_norm(vit->device, vit->gradients, vit->value_count, &norm));
        VT_TRY(ops->optimizer_step(vit->device, &update, vit->segments, vit->segment_count, vit->parameters, vit->gradients,
                                   vit->moment1, vit->moment2));
    }
    return vit->options.owner ? VT_OK : pack_weights(vit);
}

/* The device's counters are the truth; what they grow by is this model's. */
static void count_memory(vt_vit *vit, const vt_device_memory *before) {
    const vt_device_memory *now = &vit->device->memory;
    vt_memory_plan *memory = &vit->memory;
    memory->compute_weights += now->weights - before->weights;
    memory->scratch += now->scratch - before->scratch;
    memory->total = memory->weights + memory->gradients + memory->moments + memory->compute_weights + memory->activations +
                    memory->activation_gradients + memory->ends + memory->scratch;
}

vt_status vt_vit_prepare(vt_vit *vit, int64_t batch) {
    vt_device *device = vit->device;
    vt_device_memory before = device->memory;
    int rehearsing = device->rehearsing;
    VT_TRY(check_batch(vit, batch));
    device->rehearsing = 1;
    vt_status status = rehearse(vit, batch);
    device->rehearsing = rehearsing;
    count_memory(vit, &before);
    return status;
}

/* --- creation --- */

static vt_status check_options(const vt_vit_config *config, const vt_vit_options *options) {
    if (options->max_batch < 1 || options->max_batch > BATCH_MAX)
        return vt_fail(VT_ERROR_USAGE, "the batch size is %lld, expected 1 to %d", (long long)options->max_batch, BATCH_MAX);
    if (options->owner && options->train) return vt_fail(VT_ERROR_USAGE, "a model that shares weights can't be trained");
    if (options->pixel_channels != 1 && options->pixel_channels != config->num_channels)
        return vt_fail(VT_ERROR_USAGE, "the images have %d channels, the model takes %d", options->pixel_channels,
                       config->num_channels);
    return VT_OK;
}

/* (p * rescale_factor - mean) / std = p * scale + shift */
static void set_normalisation(vt_vit *vit, const vt_preprocessor *preprocessor) {
    for (int c = 0; c < 3; c++) {
        vit->pixel_scale[c] = (float)(preprocessor->rescale_factor / preprocessor->image_std[c]);
        vit->pixel_shift[c] = (float)(-(double)preprocessor->image_mean[c] / preprocessor->image_std[c]);
    }
}

/* One segment per parameter; query, key and value, which stand together, are one (for LAMB's trust ratio too). */
static vt_status make_segments(vt_vit *vit, const vt_model *model) {
    VT_TRY(vt_allocate(&vit->segments, (size_t)model->parameter_count, sizeof *vit->segments, "the optimizer's segments"));
    for (int i = 0; i < model->parameter_count; i++) {
        const vt_parameter *parameter = &model->parameters[i];
        if (parameter->packed)
            vit->segments[vit->segment_count - 1].count += parameter->count;
        else
            vit->segments[vit->segment_count++] = (vt_segment){parameter->offset, parameter->count, parameter->decay};
    }
    return VT_OK;
}

static vt_status create_linear(vt_vit *vit, int64_t in_features, int64_t out_features, int64_t rows_per_image,
                               vt_linear **out) {
    return vit->device->ops->linear_create(vit->device, vit->options.precision, in_features, out_features,
                                           vit->options.max_batch * rows_per_image, vit->options.train, out);
}

static void share_linears(vt_vit *vit, const vt_vit *owner) {
    vit->patch = owner->patch;
    for (int i = 0; i < vit->config.num_hidden_layers; i++) {
        vit->layers[i].qkv = owner->layers[i].qkv;
        vit->layers[i].proj = owner->layers[i].proj;
        vit->layers[i].fc1 = owner->layers[i].fc1;
        vit->layers[i].fc2 = owner->layers[i].fc2;
    }
}

static vt_status create_linears(vt_vit *vit) {
    int64_t hidden = vit->config.hidden_size, intermediate = vit->config.intermediate_size;
    VT_TRY(create_linear(vit, vit->patch_values, hidden, vit->patches, &vit->patch));
    for (int i = 0; i < vit->config.num_hidden_layers; i++) {
        vt_layer *layer = &vit->layers[i];
        VT_TRY(create_linear(vit, hidden, 3 * hidden, vit->tokens, &layer->qkv));
        VT_TRY(create_linear(vit, hidden, hidden, layer->queries, &layer->proj));
        VT_TRY(create_linear(vit, hidden, intermediate, layer->queries, &layer->fc1));
        VT_TRY(create_linear(vit, intermediate, hidden, layer->queries, &layer->fc2));
    }
    return VT_OK;
}

static vt_status create(vt_vit *vit, const vt_model *model) {
    vt_device_memory before = vit->device->memory;
    VT_TRY(vt_allocate(&vit->layers, (size_t)vit->config.num_hidden_layers, sizeof *vit->layers, "the model's layers"));
    for (int i = 0; i < vit->config.num_hidden_layers; i++) {
        vt_model_layer_offsets(model, i, &vit->layers[i].offsets);
        vit->layers[i].queries = i + 1 < vit->config.num_hidden_layers ? vit->tokens : 1;
    }
    vt_model_offsets(model, &vit->offsets);
    VT_TRY(make_segments(vit, model));
    VT_TRY(vt_vit_plan_memory(vit));
    if (vit->options.owner)
        share_linears(vit, vit->options.owner);
    else
        VT_TRY(create_linears(vit));
    count_memory(vit, &before);
    VT_TRY(vt_vit_prepare(vit, vit->options.max_batch));
    return vit->options.owner ? VT_OK : vt_vit_set_parameters(vit, model->values);
}

vt_status vt_vit_create(vt_device *device, const vt_model *model, const vt_vit_options *options, vt_vit **out) {
    VT_TRY(check_options(&model->config, options));
    if (!model->values && !device->rehearsing) return vt_fail(VT_ERROR_USAGE, "the model was opened without its weights");
    vt_vit *vit;
    VT_TRY(vt_allocate(&vit, 1, sizeof *vit, "a placed model"));
    vit->device = device;
    vit->config = model->config;
    vit->config.label_names = NULL;
    vit->options = *options;
    vit->value_count = model->value_count;
    vit->patches = vt_config_patches(&vit->config);
    vit->tokens = vt_config_tokens(&vit->config);
    vit->patch_values = (int64_t)vit->config.num_channels * vit->config.patch_size * vit->config.patch_size;
    set_normalisation(vit, &model->preprocessor);
    vt_status status = create(vit, model);
    if (status == VT_OK)
        *out = vit;
    else
        vt_vit_free(vit);
    return status;
}

static void free_linear(vt_vit *vit, vt_linear *linear) {
    if (linear) vit->device->ops->linear_free(vit->device, linear);
}

static void free_linears(vt_vit *vit) {
    free_linear(vit, vit->patch);
    for (int i = 0; vit->layers && i < vit->config.num_hidden_layers; i++) {
        free_linear(vit, vit->layers[i].qkv);
        free_linear(vit, vit->layers[i].proj);
        free_linear(vit, vit->layers[i].fc1);
        free_linear(vit, vit->layers[i].fc2);
    }
}

void vt_vit_free(vt_vit *vit) {
    if (!vit) return;
    if (!vit->options.owner) free_linears(vit);
    if (vit->arena) vit->device->ops->release(vit->device, vit->arena);
    free(vit->layers);
    free(vit->segments);
    free(vit);
}

vt_memory_plan vt_vit_memory(const vt_vit *vit) {
    return vit->memory;
}

/* --- weights, gradients and moments in and out --- */

static size_t flat_bytes(const vt_vit *vit) {
    return (size_t)vit->value_count * sizeof(float);
}

static vt_status require_training(const vt_vit *vit) {
    return vit->options.train ? VT_OK : vt_fail(VT_ERROR_USAGE, "the model was placed for inference, it has no gradients");
}

static vt_status upload_flat(vt_vit *vit, float *to, const float *values) {
    return to == values ? VT_OK : vit->device->ops->upload(vit->device, to, values, flat_bytes(vit));
}

static vt_status download_flat(vt_vit *vit, float *values, const float *from) {
    return values == from ? VT_OK : vit->device->ops->download(vit->device, values, from, flat_bytes(vit));
}

vt_status vt_vit_set_parameters(vt_vit *vit, const float *values) {
    if (vit->options.owner) return vt_fail(VT_ERROR_USAGE, "the model's weights are another's; set them there");
    VT_TRY(upload_flat(vit, vit->parameters, values));
    return pack_weights(vit);
}

vt_status vt_vit_get_parameters(vt_vit *vit, float *values) {
    return download_flat(vit, values, vit->parameters);
}

vt_status vt_vit_get_gradients(vt_vit *vit, float *values) {
    VT_TRY(require_training(vit));
    return download_flat(vit, values, vit->gradients);
}

vt_status vt_vit_get_moments(vt_vit *vit, float *moment1, float *moment2) {
    VT_TRY(require_training(vit));
    VT_TRY(download_flat(vit, moment1, vit->moment1));
    return vit->moment2 && moment2 ? download_flat(vit, moment2, vit->moment2) : VT_OK;
}

vt_status vt_vit_set_moments(vt_vit *vit, const float *moment1, const float *moment2) {
    VT_TRY(require_training(vit));
    VT_TRY(upload_flat(vit, vit->moment1, moment1));
    return vit->moment2 && moment2 ? upload_flat(vit, vit->moment2, moment2) : VT_OK;
}

/* --- steps --- */

static vt_status upload_pixels(vt_vit *vit, const uint8_t *pixels, int64_t batch) {
    VT_TRY(check_batch(vit, batch));
    int64_t image = (int64_t)vit->config.image_height * vit->config.image_width * vit->options.pixel_channels;
    return vit->device->ops->upload(vit->device, vit->pixels, pixels, (size_t)(batch * image));
}

static size_t logits_bytes(const vt_vit *vit, int64_t batch) {
    return (size_t)(batch * vit->config.num_labels) * sizeof(float);
}

vt_status vt_vit_forward(vt_vit *vit, const uint8_t *pixels, int64_t batch, const vt_vit_step *step, float *logits) {
    if (step) VT_TRY(require_training(vit));
    VT_TRY(upload_pixels(vit, pixels, batch));
    VT_TRY(vt_vit_run_forward(vit, batch, step));
    return vit->device->ops->download(vit->device, logits, vit->logits, logits_bytes(vit, batch));
}

static vt_status compute_loss(vt_vit *vit, const float *targets, int64_t batch, const vt_loss_options *options,
                              float gradient_scale) {
    const vt_compute_ops *ops = vit->device->ops;
    vt_loss_options on_device = *options;
    VT_TRY(ops->upload(vit->device, vit->targets, targets, logits_bytes(vit, batch)));
    if (options->pos_weight) {
        VT_TRY(ops->upload(vit->device, vit->pos_weight, options->pos_weight, logits_bytes(vit, 1)));
        on_device.pos_weight = vit->pos_weight;
    }
    return ops->loss(vit->device, vit->logits, vit->targets, batch, vit->config.num_labels, &on_device, gradient_scale,
                     vit->loss, vit->dlogits);
}

vt_status vt_vit_forward_backward(vt_vit *vit, const uint8_t *pixels, const float *targets, int64_t batch,
                                  const vt_vit_step *step, const vt_loss_options *loss_options, float gradient_scale,
                                  float *loss, float *logits) {
    const vt_compute_ops *ops = vit->device->ops;
    VT_TRY(require_training(vit));
    if (!step) return vt_fail(VT_ERROR_USAGE, "a backward pass was asked for without a training step");
    VT_TRY(upload_pixels(vit, pixels, batch));
    VT_TRY(vt_vit_run_forward(vit, batch, step));
    VT_TRY(compute_loss(vit, targets, batch, loss_options, gradient_scale));
    VT_TRY(vt_vit_run_backward(vit, batch, step));
    VT_TRY(ops->download(vit->device, loss, vit->loss, (size_t)batch * sizeof(float)));
    return logits ? ops->download(vit->device, logits, vit->logits, logits_bytes(vit, batch)) : VT_OK;
}

vt_status vt_vit_zero_gradients(vt_vit *vit) {
    VT_TRY(require_training(vit));
    return vit->device->ops->zero(vit->device, vit->gradients, flat_bytes(vit));
}

vt_status vt_vit_grad_norm(vt_vit *vit, double *norm) {
    VT_TRY(require_training(vit));
    return vit->device->ops->grad_norm(vit->device, vit->gradients, vit->value_count, norm);
}

vt_status vt_vit_update(vt_vit *vit, const vt_update *update) {
    VT_TRY(require_training(vit));
    if (update->rule != VT_UPDATE_SGD && !vit->moment2)
        return vt_fail(VT_ERROR_USAGE, "the model was placed for SGD, it has no second moments");
    VT_TRY(vit->device->ops->optimizer_step(vit->device, update, vit->segments, vit->segment_count, vit->parameters,
                                            vit->gradients, vit->moment1, vit->moment2));
    return pack_weights(vit);
}
