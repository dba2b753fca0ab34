/* Forward: pixels to logits, as ViTForImageClassification (pre-norm encoder of Dosovitskiy et al. 2021, eq. 1-4). */
#include "model/vit_state.h"

vt_dropout vt_vit_dropout(const vt_vit *vit, const vt_vit_step *step, int layer, int site) {
    const vt_vit_config *config = &vit->config;
    if (!step) return (vt_dropout){0};
    double probability = site == VT_SITE_ATTENTION_PROBS ? config->attention_probs_dropout_prob : config->hidden_dropout_prob;
    return (vt_dropout){.probability = (float)probability,
                        .seed = step->seed,
                        .step = step->step,
                        .site = (uint32_t)(3 * layer + site),
                        .first_sample = step->first_sample};
}

/* x = [class token; patches E] + positions, dropped. */
static vt_status forward_embeddings(vt_vit *vit, int64_t batch, const vt_vit_step *step) {
    const vt_compute_ops *ops = vit->device->ops;
    const vt_vit_config *config = &vit->config;
    const float *parameters = vit->parameters;
    vt_precision precision = vit->options.precision;
    act *x = vit->layers[0].input;
    VT_TRY(ops->extract_patches(vit->device, precision, vit->pixels, batch, config->image_height, config->image_width,
                                vit->options.pixel_channels, config->num_channels, config->patch_size, vit->pixel_scale,
                                vit->pixel_shift, vit->patch_inputs));
    VT_TRY(ops->linear_forward(vit->device, vit->patch, vit->patch_inputs, batch * vit->patches,
                               parameters + vit->offsets.patch_bias, VT_EPILOGUE_NONE, config->hidden_act, NULL, NULL,
                               vit->embedded));
    VT_TRY(ops->embed_tokens_forward(vit->device, precision, vit->embedded, parameters + vit->offsets.class_token,
                                     parameters + vit->offsets.position, batch, vit->patches, config->hidden_size, x));
    vt_dropout dropout = vt_vit_dropout(vit, step, 0, VT_SITE_EMBEDDINGS);
    if (dropout.probability == 0) return VT_OK;
    return ops->dropout(vit->device, precision, x, NULL, batch, vit->tokens * config->hidden_size, &dropout, x);
}

/* y = residual + dropout(x W^T + b), all [batch, queries, .]. */
static vt_status forward_branch_end(vt_vit *vit, vt_linear *linear, const act *x, int64_t batch, int64_t queries, int64_t bias,
                                    const vt_dropout *dropout, const act *residual, act *y) {
    const vt_compute_ops *ops = vit->device->ops;
    int64_t rows = batch * queries;
    if (dropout->probability == 0)
        return ops->linear_forward(vit->device, linear, x, rows, vit->parameters + bias, VT_EPILOGUE_RESIDUAL,
                                   vit->config.hidden_act, residual, NULL, y);
    VT_TRY(ops->linear_forward(vit->device, linear, x, rows, vit->parameters + bias, VT_EPILOGUE_NONE, vit->config.hidden_act,
                               NULL, NULL, vit->branch));
    return ops->dropout(vit->device, vit->options.precision, vit->branch, residual, batch, queries * vit->config.hidden_size,
                        dropout, y);
}

/* middle = input + attention(norm1(input)), of the tokens that ask */
static vt_status forward_attention(vt_vit *vit, int index, int64_t batch, const vt_vit_step *step) {
    const vt_compute_ops *ops = vit->device->ops;
    const vt_layer *layer = &vit->layers[index];
    const float *parameters = vit->parameters;
    vt_precision precision = vit->options.precision;
    int64_t rows = batch * vit->tokens, hidden = vit->config.hidden_size, heads = vit->config.num_attention_heads;
    const float *qkv_bias = layer->offsets.qkv_bias < 0 ? NULL : parameters + layer->offsets.qkv_bias;
    vt_dropout dropout = vt_vit_dropout(vit, step, index, VT_SITE_ATTENTION_PROBS);
    VT_TRY(ops->layer_norm_forward(vit->device, precision, layer->input, hidden, parameters + layer->offsets.norm1_gamma,
                                   parameters + layer->offsets.norm1_beta, (float)vit->config.layer_norm_eps, rows, hidden,
                                   layer->norm1, layer->mean1, layer->inverse_std1));
    VT_TRY(ops->linear_forward(vit->device, layer->qkv, layer->norm1, rows, qkv_bias, VT_EPILOGUE_NONE, vit->config.hidden_act,
                               NULL, NULL, layer->qkv_out));
    VT_TRY(ops->attention_forward(vit->device, precision, layer->qkv_out, batch, vit->tokens, layer->queries, heads,
                                  hidden / heads, &dropout, layer->attention, layer->log_sum_exp));
    dropout = vt_vit_dropout(vit, step, index, VT_SITE_ATTENTION_OUTPUT);
    const act *residual = layer->input;
    if (layer->queries < vit->tokens) {
        VT_TRY(
            ops->copy_rows(vit->device, precision, layer->input, vit->tokens * hidden, batch, hidden, layer->middle, hidden));
        residual = layer->middle;
    }
    return forward_branch_end(vit, layer->proj, layer->attention, batch, layer->queries, layer->offsets.proj_bias, &dropout,
                              residual, layer->middle);
}

/* activated = f(fc1(norm2(middle))) */
static vt_status forward_mlp_inner(vt_vit *vit, int index, int64_t batch, const vt_vit_step *step) {
    const vt_compute_ops *ops = vit->device->ops;
    const vt_layer *layer = &vit->layers[index];
    const float *parameters = vit->parameters;
    int64_t rows = batch * layer->queries, hidden = vit->config.hidden_size;
    VT_TRY(ops->layer_norm_forward(vit->device, vit->options.precision, layer->middle, hidden,
                                   parameters + layer->offsets.norm2_gamma, parameters + layer->offsets.norm2_beta,
                                   (float)vit->config.layer_norm_eps, rows, hidden, layer->norm2, layer->mean2,
                                   layer->inverse_std2));
    return ops->linear_forward(vit->device, layer->fc1, layer->norm2, rows, parameters + layer->offsets.fc1_bias,
                               VT_EPILOGUE_ACTIVATION, vit->config.hidden_act, NULL, step ? layer->derivative : NULL,
                               layer->activated);
}

/* output = middle + fc2(activated) */
static vt_status forward_mlp(vt_vit *vit, int index, int64_t batch, const vt_vit_step *step, act *output) {
    const vt_layer *layer = &vit->layers[index];
    vt_dropout dropout = vt_vit_dropout(vit, step, index, VT_SITE_MLP_OUTPUT);
    VT_TRY(forward_mlp_inner(vit, index, batch, step));
    return forward_branch_end(vit, layer->fc2, layer->activated, batch, layer->queries, layer->offsets.fc2_bias, &dropout,
                              layer->middle, output);
}

vt_status vt_vit_recompute_layer(vt_vit *vit, int index, int64_t batch, const vt_vit_step *step) {
    VT_TRY(forward_attention(vit, index, batch, step));
    return forward_mlp_inner(vit, index, batch, step);
}

static vt_status forward_head(vt_vit *vit, int64_t batch) {
    const vt_compute_ops *ops = vit->device->ops;
    const float *parameters = vit->parameters;
    int64_t hidden = vit->config.hidden_size;
    VT_TRY(ops->layer_norm_forward(vit->device, vit->options.precision, vit->output, hidden,
                                   parameters + vit->offsets.norm_gamma, parameters + vit->offsets.norm_beta,
                                   (float)vit->config.layer_norm_eps, batch, hidden, vit->pooled, vit->pooled_mean,
                                   vit->pooled_inverse_std));
    return ops->head_forward(vit->device, vit->options.precision, vit->pooled, parameters + vit->offsets.head_weight,
                             parameters + vit->offsets.head_bias, batch, hidden, vit->config.num_labels, vit->logits);
}

vt_status vt_vit_run_forward(vt_vit *vit, int64_t batch, const vt_vit_step *step) {
    int count = vit->config.num_hidden_layers;
    VT_TRY(forward_embeddings(vit, batch, step));
    for (int i = 0; i < count; i++) {
        VT_TRY(forward_attention(vit, i, batch, step));
        VT_TRY(forward_mlp(vit, i, batch, step, i + 1 < count ? vit->layers[i + 1].input : vit->output));
    }
    return forward_head(vit, batch);
}
