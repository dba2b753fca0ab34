/* Backward: the forward's steps in reverse, each adding to the gradients of its parameters.
 *
 * dhidden carries the gradient along the residual stream, from the last layer's output to the embeddings: first of the class
 * tokens alone, from the last layer's attention on of all tokens. */
#include "model/vit_state.h"

/* dlogits -> dhidden [batch, hidden] */
static vt_status backward_head(vt_vit *vit, int64_t batch) {
    const vt_compute_ops *ops = vit->device->ops;
    const float *parameters = vit->parameters;
    vt_precision precision = vit->options.precision;
    int64_t hidden = vit->config.hidden_size;
    VT_TRY(ops->head_backward(vit->device, precision, vit->dlogits, vit->pooled, parameters + vit->offsets.head_weight, batch,
                              hidden, vit->config.num_labels, vit->dpooled, vit->gradients + vit->offsets.head_weight,
                              vit->gradients + vit->offsets.head_bias));
    return ops->layer_norm_backward(vit->device, precision, vit->dpooled, vit->output, hidden,
                                    parameters + vit->offsets.norm_gamma, vit->pooled_mean, vit->pooled_inverse_std, batch,
                                    hidden, NULL, vit->dhidden, vit->gradients + vit->offsets.norm_gamma,
                                    vit->gradients + vit->offsets.norm_beta);
}

/* *dbranch = the gradient before the dropout that ended a residual branch: dhidden itself without dropout. */
static vt_status backward_branch_end(vt_vit *vit, int64_t batch, int64_t queries, const vt_dropout *dropout,
                                     const act **dbranch) {
    *dbranch = vit->dhidden;
    if (dropout->probability == 0) return VT_OK;
    *dbranch = vit->branch;
    return vit->device->ops->dropout(vit->device, vit->options.precision, vit->dhidden, NULL, batch,
                                     queries * vit->config.hidden_size, dropout, vit->branch);
}

/* dhidden [batch, hidden] of the class tokens -> dhidden [batch, tokens, hidden], zero for the others; dpooled is free by now.
 */
static vt_status spread_class_tokens(vt_vit *vit, int64_t batch) {
    const vt_compute_ops *ops = vit->device->ops;
    vt_precision precision = vit->options.precision;
    int64_t hidden = vit->config.hidden_size, image = vit->tokens * hidden;
    VT_TRY(ops->copy_rows(vit->device, precision, vit->dhidden, hidden, batch, hidden, vit->dpooled, hidden));
    VT_TRY(ops->zero(vit->device, vit->dhidden, (size_t)(batch * image) * vt_act_size(precision)));
    return ops->copy_rows(vit->device, precision, vit->dpooled, hidden, batch, hidden, vit->dhidden, image);
}

static vt_status backward_mlp(vt_vit *vit, int index, int64_t batch, const vt_vit_step *step) {
    const vt_compute_ops *ops = vit->device->ops;
    const vt_layer *layer = &vit->layers[index];
    float *gradients = vit->gradients;
    int64_t rows = batch * layer->queries, hidden = vit->config.hidden_size;
    vt_dropout dropout = vt_vit_dropout(vit, step, index, VT_SITE_MLP_OUTPUT);
    const act *dbranch;
    VT_TRY(backward_branch_end(vit, batch, layer->queries, &dropout, &dbranch));
    VT_TRY(ops->linear_backward_weight(vit->device, layer->fc2, layer->activated, dbranch, rows,
                                       gradients + layer->offsets.fc2_weight, gradients + layer->offsets.fc2_bias));
    VT_TRY(ops->linear_backward_input(vit->device, layer->fc2, dbranch, rows, layer->derivative, vit->dwide));
    VT_TRY(ops->linear_backward_weight(vit->device, layer->fc1, layer->norm2, vit->dwide, rows,
                                       gradients + layer->offsets.fc1_weight, gradients + layer->offsets.fc1_bias));
    VT_TRY(ops->linear_backward_input(vit->device, layer->fc1, vit->dwide, rows, NULL, vit->dnarrow));
    return ops->layer_norm_backward(vit->device, vit->options.precision, vit->dnarrow, layer->middle, hidden,
                                    vit->parameters + layer->offsets.norm2_gamma, layer->mean2, layer->inverse_std2, rows,
                                    hidden, vit->dhidden, vit->dhidden, gradients + layer->offsets.norm2_gamma,
                                    gradients + layer->offsets.norm2_beta);
}

static vt_status backward_attention(vt_vit *vit, int index, int64_t batch, const vt_vit_step *step) {
    const vt_compute_ops *ops = vit->device->ops;
    const vt_layer *layer = &vit->layers[index];
    float *gradients = vit->gradients;
    int64_t rows = batch * vit->tokens, asking = batch * layer->queries;
    int64_t hidden = vit->config.hidden_size, heads = vit->config.num_attention_heads;
    float *dqkv_bias = layer->offsets.qkv_bias < 0 ? NULL : gradients + layer->offsets.qkv_bias;
    vt_dropout output_dropout = vt_vit_dropout(vit, step, index, VT_SITE_ATTENTION_OUTPUT);
    vt_dropout probs_dropout = vt_vit_dropout(vit, step, index, VT_SITE_ATTENTION_PROBS);
    const act *dbranch;
    VT_TRY(backward_branch_end(vit, batch, layer->queries, &output_dropout, &dbranch));
    VT_TRY(ops->linear_backward_weight(vit->device, layer->proj, layer->attention, dbranch, asking,
                                       gradients + layer->offsets.proj_weight, gradients + layer->offsets.proj_bias));
    VT_TRY(ops->linear_backward_input(vit->device, layer->proj, dbranch, asking, NULL, vit->dnarrow));
    VT_TRY(ops->attention_backward(vit->device, vit->options.precision, vit->dnarrow, layer->qkv_out, layer->attention,
                                   layer->log_sum_exp, batch, vit->tokens, layer->queries, heads, hidden / heads,
                                   &probs_dropout, vit->dwide));
    VT_TRY(ops->linear_backward_weight(vit->device, layer->qkv, layer->norm1, vit->dwide, rows,
                                       gradients + layer->offsets.qkv_weight, dqkv_bias));
    VT_TRY(ops->linear_backward_input(vit->device, layer->qkv, vit->dwide, rows, NULL, vit->dnarrow));
    if (layer->queries < vit->tokens) VT_TRY(spread_class_tokens(vit, batch));
    return ops->layer_norm_backward(vit->device, vit->options.precision, vit->dnarrow, layer->input, hidden,
                                    vit->parameters + layer->offsets.norm1_gamma, layer->mean1, layer->inverse_std1, rows,
                                    hidden, vit->dhidden, vit->dhidden, gradients + layer->offsets.norm1_gamma,
                                    gradients + layer->offsets.norm1_beta);
}

static vt_status backward_embeddings(vt_vit *vit, int64_t batch, const vt_vit_step *step) {
    const vt_compute_ops *ops = vit->device->ops;
    vt_precision precision = vit->options.precision;
    int64_t hidden = vit->config.hidden_size;
    vt_dropout dropout = vt_vit_dropout(vit, step, 0, VT_SITE_EMBEDDINGS);
    if (dropout.probability > 0)
        VT_TRY(ops->dropout(vit->device, precision, vit->dhidden, NULL, batch, vit->tokens * hidden, &dropout, vit->dhidden));
    VT_TRY(ops->embed_tokens_backward(vit->device, precision, vit->dhidden, batch, vit->patches, hidden, vit->embedded,
                                      vit->gradients + vit->offsets.class_token, vit->gradients + vit->offsets.position));
    return ops->linear_backward_weight(vit->device, vit->patch, vit->patch_inputs, vit->embedded, batch * vit->patches,
                                       vit->gradients + vit->offsets.patch_weight, vit->gradients + vit->offsets.patch_bias);
}

vt_status vt_vit_run_backward(vt_vit *vit, int64_t batch, const vt_vit_step *step) {
    VT_TRY(backward_head(vit, batch));
    int last = vit->config.num_hidden_layers - 1;
    for (int i = last; i >= 0; i--) {
        if (vit->options.recompute && i < last) VT_TRY(vt_vit_recompute_layer(vit, i, batch, step));
        VT_TRY(backward_mlp(vit, i, batch, step));
        VT_TRY(backward_attention(vit, i, batch, step));
    }
    return backward_embeddings(vit, batch, step);
}
