/* Plans a placed model's memory: one table of buffers, summed up first, then cut from one allocation. */
#include "model/vit_state.h"

/* Walks over the table twice: with `base` NULL it adds up sizes, with the arena it hands out addresses. The limits on
 * configurations and batches keep the sum far below 2^63. */
typedef struct vt_plan {
    char *base;
    int64_t size;
    vt_memory_plan memory; /* of what, by and by */
} vt_plan;

/* The next rows * columns * width bytes, counted in *part; NULL while adding up. */
static void *take(vt_plan *plan, uint64_t *part, int64_t rows, int64_t columns, size_t width) {
    int64_t start = plan->size, bytes = (rows * columns * (int64_t)width + 63) / 64 * 64;
    plan->size += bytes;
    *part += (uint64_t)bytes;
    return plan->base ? plan->base + start : NULL;
}

/* A flat buffer: the host's, where the device can use it, else one of its own. */
static float *take_flat(const vt_vit *vit, vt_plan *plan, uint64_t *part, float *host) {
    if (!host || !vit->device->ops->host_memory) return take(plan, part, vit->value_count, 1, sizeof(float));
    *part += (uint64_t)vit->value_count * sizeof(float);
    return host;
}

static void plan_layer(vt_vit *vit, vt_plan *plan, vt_layer *layer) {
    const vt_vit_config *config = &vit->config;
    int64_t rows = vit->options.max_batch * vit->tokens, asking = vit->options.max_batch * layer->queries;
    int64_t hidden = config->hidden_size;
    size_t width = vt_act_size(vit->options.precision);
    uint64_t *part = &plan->memory.activations;
    layer->input = take(plan, part, rows, hidden, width);
    layer->norm1 = take(plan, part, rows, hidden, width);
    layer->mean1 = take(plan, part, rows, 1, sizeof(float));
    layer->inverse_std1 = take(plan, part, rows, 1, sizeof(float));
    layer->qkv_out = take(plan, part, rows, 3 * hidden, width);
    layer->log_sum_exp = take(plan, part, asking, config->num_attention_heads, sizeof(float));
    layer->attention = take(plan, part, asking, hidden, width);
    if (!vit->options.train) {
        layer->middle = layer->input;
        layer->norm2 = layer->norm1;
        layer->mean2 = layer->mean1;
        layer->inverse_std2 = layer->inverse_std1;
        layer->activated = take(plan, part, asking, config->intermediate_size, width);
        return;
    }
    layer->middle = take(plan, part, asking, hidden, width);
    layer->norm2 = take(plan, part, asking, hidden, width);
    layer->mean2 = take(plan, part, asking, 1, sizeof(float));
    layer->inverse_std2 = take(plan, part, asking, 1, sizeof(float));
    layer->activated = take(plan, part, asking, config->intermediate_size, width);
    layer->derivative = take(plan, part, asking, config->intermediate_size, width);
}

static void share_buffers(vt_layer *layer, const vt_layer *with) {
    vt_layer own = *layer;
    *layer = *with;
    layer->offsets = own.offsets;
    layer->queries = own.queries;
    layer->qkv = own.qkv;
    layer->proj = own.proj;
    layer->fc1 = own.fc1;
    layer->fc2 = own.fc2;
}

static void plan_layers(vt_vit *vit, vt_plan *plan) {
    int64_t rows = vit->options.max_batch * vit->tokens;
    size_t width = vt_act_size(vit->options.precision);
    vt_memory_plan *memory = &plan->memory;
    for (int i = 0; i < vit->config.num_hidden_layers; i++) {
        vt_layer *layer = &vit->layers[i];
        uint64_t before = memory->activations;
        if (i == 0 || (vit->options.train && !vit->options.recompute)) {
            plan_layer(vit, plan, layer);
        } else {
            share_buffers(layer, &vit->layers[0]);
            if (vit->options.train) layer->input = take(plan, &memory->activations, rows, vit->config.hidden_size, width);
        }
        if (i == 1) memory->activations_per_layer = memory->activations - before;
    }
    vt_layer *last = &vit->layers[vit->config.num_hidden_layers - 1];
    vit->output = take(plan, &memory->ends, vit->options.max_batch, vit->config.hidden_size, width);
    if (!vit->options.train) last->middle = vit->output;
}

static void plan_training(vt_vit *vit, vt_plan *plan) {
    const vt_vit_config *config = &vit->config;
    int64_t batch = vit->options.max_batch, rows = batch * vit->tokens, hidden = config->hidden_size;
    int64_t wide = config->intermediate_size > 3 * hidden ? config->intermediate_size : 3 * hidden;
    size_t width = vt_act_size(vit->options.precision);
    vt_memory_plan *memory = &plan->memory;
    vit->gradients = take(plan, &memory->gradients, vit->value_count, 1, sizeof(float));
    vit->moment1 = take_flat(vit, plan, &memory->moments, vit->options.host.moment1);
    if (vit->options.update != VT_UPDATE_SGD) vit->moment2 = take_flat(vit, plan, &memory->moments, vit->options.host.moment2);
    if (config->hidden_dropout_prob > 0) vit->branch = take(plan, &memory->activation_gradients, rows, hidden, width);
    vit->targets = take(plan, &memory->ends, batch, config->num_labels, sizeof(float));
    vit->dlogits = take(plan, &memory->ends, batch, config->num_labels, sizeof(float));
    vit->loss = take(plan, &memory->ends, batch, 1, sizeof(float));
    vit->pos_weight = take(plan, &memory->ends, config->num_labels, 1, sizeof(float));
    vit->dhidden = take(plan, &memory->activation_gradients, rows, hidden, width);
    vit->dnarrow = take(plan, &memory->activation_gradients, rows, hidden, width);
    vit->dwide = take(plan, &memory->activation_gradients, rows, wide, width);
    vit->dpooled = take(plan, &memory->activation_gradients, batch, hidden, width);
}

static void plan_all(vt_vit *vit, vt_plan *plan) {
    const vt_vit_config *config = &vit->config;
    int64_t batch = vit->options.max_batch, hidden = config->hidden_size, patches = batch * vit->patches;
    size_t width = vt_act_size(vit->options.precision);
    uint64_t *ends = &plan->memory.ends;
    if (vit->options.owner)
        vit->parameters = vit->options.owner->parameters;
    else
        vit->parameters = take_flat(vit, plan, &plan->memory.weights, vit->options.host.parameters);
    vit->pixels = take(plan, ends, batch * config->image_height, (int64_t)config->image_width * vit->options.pixel_channels, 1);
    vit->patch_inputs = take(plan, ends, patches, vit->patch_values, width);
    vit->embedded = take(plan, ends, patches, hidden, width);
    plan_layers(vit, plan);
    vit->pooled = take(plan, ends, batch, hidden, width);
    vit->pooled_mean = take(plan, ends, batch, 1, sizeof(float));
    vit->pooled_inverse_std = take(plan, ends, batch, 1, sizeof(float));
    vit->logits = take(plan, ends, batch, config->num_labels, sizeof(float));
    if (vit->options.train) plan_training(vit, plan);
}

vt_status vt_vit_plan_memory(vt_vit *vit) {
    vt_plan plan = {0};
    plan_all(vit, &plan);
    VT_TRY(vit->device->ops->allocate(vit->device, (size_t)plan.size, "the model's buffers", &vit->arena));
    vit->memory = plan.memory;
    plan = (vt_plan){.base = vit->arena};
    plan_all(vit, &plan);
    return VT_OK;
}
