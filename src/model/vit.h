/* A Vision Transformer placed on a device: compute copies of the weights, planned activations, forward and backward.
 *
 * Computes what Hugging Face's ViTForImageClassification computes (Dosovitskiy et al. 2021, pre-norm encoder, class
 * token, no pooler), for micro-batches of up to `max_batch` images. All memory is taken in vt_vit_create(); steps take none. */
#ifndef VT_MODEL_VIT_H
#define VT_MODEL_VIT_H

#include "model/model.h"

typedef struct vt_vit vt_vit;

/* Buffers of the host's [value_count] that a device computing in host memory uses as its own instead of taking memory for
 * copies; other devices leave them alone. NULL: none. They must outlive the placed model. */
typedef struct vt_host_buffers {
    float *parameters, *moment1, *moment2;
} vt_host_buffers;

typedef struct vt_vit_options {
    vt_precision precision;
    int64_t max_batch;     /* images in a micro-batch */
    int pixel_channels;    /* of the uint8 input: 1 or 3 */
    int train;             /* plan backward, gradients and moments too */
    int recompute;         /* when train: keep each layer's input alone and compute the rest again in backward, with the same
                              bits (gradient checkpointing, Chen et al. 2016) */
    vt_update_rule update; /* which moments are needed, when train */
    vt_host_buffers host;
    const vt_vit *owner; /* when not train: share this one's weights, as they are at any time; it must live longer. NULL: own */
} vt_vit_options;

/* Places `model` on `device`. The model is copied and may change or close afterwards, except for `host` and `owner`. */
vt_status vt_vit_create(vt_device *device, const vt_model *model, const vt_vit_options *options, vt_vit **out) VT_CHECKED;
void vt_vit_free(vt_vit *vit); /* NULL allowed */

/* Makes everything ready for micro-batches of `batch` images, as vt_vit_create() does for max_batch, by going through a step
 * without computing. Other sizes are made ready when they come, at the cost of that step. */
vt_status vt_vit_prepare(vt_vit *vit, int64_t batch) VT_CHECKED;

/* What the model takes of the device's memory, `host` included and what is the owner's left out. Scratch belongs to all models
 * of a device: to the one that first needed it. */
vt_memory_plan vt_vit_memory(const vt_vit *vit);

/* Which dropout masks a training forward uses. */
typedef struct vt_vit_step {
    uint64_t seed;
    uint64_t step;        /* optimizer step, from 0 */
    int64_t first_sample; /* index of the micro-batch's first sample within the optimizer step */
} vt_vit_step;

/* pixels: host uint8 [batch, height, width, pixel_channels]. logits: host float [batch, labels].
 * step NULL: inference (no dropout, nothing kept for backward). */
vt_status vt_vit_forward(vt_vit *vit, const uint8_t *pixels, int64_t batch, const vt_vit_step *step, float *logits) VT_CHECKED;

/* Forward, loss and backward of one micro-batch (step is not NULL). targets: host float [batch, labels];
 * loss_options->pos_weight: host. loss [batch]: each sample's loss. Gradients of (sum of losses * gradient_scale) are added to
 * those there. */
vt_status vt_vit_forward_backward(vt_vit *vit, const uint8_t *pixels, const float *targets, int64_t batch,
                                  const vt_vit_step *step, const vt_loss_options *loss_options, float gradient_scale,
                                  float *loss, float *logits /* NULL allowed */) VT_CHECKED;

vt_status vt_vit_zero_gradients(vt_vit *vit) VT_CHECKED;
vt_status vt_vit_grad_norm(vt_vit *vit, double *norm) VT_CHECKED;

/* One optimizer step on the gradients there are, then refreshes the compute copies. */
vt_status vt_vit_update(vt_vit *vit, const vt_update *update) VT_CHECKED;

/* Copies between the device and host buffers shaped like model->values [value_count]; nothing is copied where they are one. */
vt_status vt_vit_get_parameters(vt_vit *vit, float *values) VT_CHECKED;
vt_status vt_vit_set_parameters(vt_vit *vit, const float *values) VT_CHECKED;
vt_status vt_vit_get_gradients(vt_vit *vit, float *values) VT_CHECKED;
vt_status vt_vit_get_moments(vt_vit *vit, float *moment1, float *moment2 /* NULL allowed */) VT_CHECKED;
vt_status vt_vit_set_moments(vt_vit *vit, const float *moment1, const float *moment2 /* NULL allowed */) VT_CHECKED;

#endif
