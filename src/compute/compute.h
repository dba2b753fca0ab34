/* The device interface: memory, operators forward and backward, optimizer kernels.
 *
 * The model is written once against vt_compute_ops; each device home (cpu/, later cuda/) fills in the same table.
 * Pointers are device memory. `act` pointers hold activations in the session's precision (float32 or bfloat16);
 * `float *` is always float32. Backward functions add to parameter gradients (dweight, dbias, dgamma, ...), which
 * accumulate in float32 over micro-batches, and overwrite activation gradients.
 *
 * Every reduction runs over a partition of the work that depends on shapes alone, never on the number of threads, so
 * results are the same bits for any thread count where the matrix library allows it, and always from run to run. */
#ifndef VT_COMPUTE_COMPUTE_H
#define VT_COMPUTE_COMPUTE_H

#include "base/error.h"
#include "vitrain/device.h"
#include "vitrain/model.h"
#include <stddef.h>
#include <stdint.h>

typedef void act; /* float or vt_bf16, by precision */

/* Which elements a dropout keeps: a pure function of (seed, step, site, sample, element), by Philox. Elements kept are
 * scaled by 1 / (1 - probability). Sample s of a micro-batch has index first_sample + s in its optimizer step. */
typedef struct vt_dropout {
    float probability; /* 0: none */
    uint64_t seed;
    uint64_t step;
    uint32_t site; /* numbers the places in the model where something is dropped */
    int64_t first_sample;
} vt_dropout;

/* What a linear layer does after y = x W^T + b. */
typedef enum vt_epilogue {
    VT_EPILOGUE_NONE = 0,
    VT_EPILOGUE_ACTIVATION = 1, /* y = f(x W^T + b); f' at the same place is kept for backward */
    VT_EPILOGUE_RESIDUAL = 2    /* y = residual + x W^T + b */
} vt_epilogue;

/* A linear layer's compute copies of its weight and its matrix products, made once per shape. */
typedef struct vt_linear vt_linear;

typedef struct vt_loss_options {
    vt_problem_type problem_type;
    const float *pos_weight; /* [labels] or NULL: weight of positives in binary cross-entropy */
    float label_smoothing;   /* cross-entropy: towards uniform; binary: y (1 - e) + e / 2 */
} vt_loss_options;

typedef enum vt_update_rule { VT_UPDATE_ADAMW = 0, VT_UPDATE_SGD = 1, VT_UPDATE_LAMB = 2 } vt_update_rule;

/* One optimizer step over a contiguous range of parameters. */
typedef struct vt_update {
    vt_update_rule rule;
    double learning_rate, beta1, beta2, epsilon, weight_decay, momentum;
    double gradient_scale; /* gradients are multiplied by this first: clipping */
    int64_t step;          /* from 1: bias correction */
} vt_update;

/* A parameter's place in the flat buffers of parameters, gradients and moments. */
typedef struct vt_segment {
    int64_t offset, count; /* elements; offsets are multiples of 16 */
    int decay;             /* 0: no weight decay (biases, layer norms) */
} vt_segment;

/* Bytes that are taken of a device's memory. */
typedef struct vt_device_memory {
    uint64_t buffers; /* by allocate() */
    uint64_t weights; /* compute copies of linear layers */
    uint64_t scratch; /* of operators, which share it; grows with what they are asked for */
    uint64_t count;   /* how often anything was taken */
} vt_device_memory;

typedef struct vt_compute_ops {
    int host_memory; /* the device's memory is the host's: a pointer into one is a pointer into the other */

    /* --- memory: 64-byte aligned, zeroed --- */
    vt_status (*allocate)(vt_device *device, size_t bytes, const char *what, void **out) VT_CHECKED;
    void (*release)(vt_device *device, void *memory);
    vt_status (*upload)(vt_device *device, void *to, const void *from_host, size_t bytes) VT_CHECKED;
    vt_status (*download)(vt_device *device, void *to_host, const void *from, size_t bytes) VT_CHECKED;
    vt_status (*zero)(vt_device *device, void *memory, size_t bytes) VT_CHECKED;

    /* --- linear: y = x W^T + b --- */
    /* For weights [out_features, in_features] and up to max_rows rows. `train` also plans the backward products. */
    vt_status (*linear_create)(vt_device *device, vt_precision precision, int64_t in_features, int64_t out_features,
                               int64_t max_rows, int train, vt_linear **out) VT_CHECKED;
    void (*linear_free)(vt_device *device, vt_linear *linear);
    /* Refreshes the compute copies from the master weight [out_features, in_features]. */
    vt_status (*linear_pack)(vt_device *device, vt_linear *linear, const float *weight) VT_CHECKED;
    /* x [rows, in], bias [out] or NULL, y [rows, out]. residual [rows, out]: of VT_EPILOGUE_RESIDUAL, may equal y.
     * derivative [rows, out]: of VT_EPILOGUE_ACTIVATION, receives f'(x W^T + b); NULL when there is no backward. */
    vt_status (*linear_forward)(vt_device *device, vt_linear *linear, const act *x, int64_t rows, const float *bias,
                                vt_epilogue epilogue, vt_activation activation, const act *residual, act *derivative,
                                act *y) VT_CHECKED;
    /* dx [rows, in] = dy W, times `derivative` [rows, in] element by element unless NULL. */
    vt_status (*linear_backward_input)(vt_device *device, vt_linear *linear, const act *dy, int64_t rows, const act *derivative,
                                       act *dx) VT_CHECKED;
    /* dweight [out, in] += dy^T x; dbias [out] += column sums of dy (NULL: no bias). */
    vt_status (*linear_backward_weight)(vt_device *device, vt_linear *linear, const act *x, const act *dy, int64_t rows,
                                        float *dweight, float *dbias) VT_CHECKED;

    /* --- layer norm: y = (x - mean) / sqrt(variance + epsilon) * gamma + beta (Ba et al. 2016) --- */
    /* Row r of x and of dx starts at r * x_stride elements (so the class tokens alone can be taken); y and dy are dense. */
    vt_status (*layer_norm_forward)(vt_device *device, vt_precision precision, const act *x, int64_t x_stride,
                                    const float *gamma, const float *beta, float epsilon, int64_t rows, int64_t hidden, act *y,
                                    float *mean /* [rows] */, float *inverse_std /* [rows] */) VT_CHECKED;
    /* dx = residual_gradient (NULL: 0; rows at x_stride; may equal dx) + gradient through the norm. */
    vt_status (*layer_norm_backward)(vt_device *device, vt_precision precision, const act *dy, const act *x, int64_t x_stride,
                                     const float *gamma, const float *mean, const float *inverse_std, int64_t rows,
                                     int64_t hidden, const act *residual_gradient, act *dx, float *dgamma,
                                     float *dbeta) VT_CHECKED;

    /* --- attention: softmax(q k^T / sqrt(head_dim)) v per head (Vaswani et al. 2017) --- */
    /* qkv [batch, tokens, 3, heads, head_dim]; out [batch, queries, heads, head_dim], for each image's first `queries` tokens;
     * log_sum_exp [batch, heads, queries] is kept for backward. dqkv is of all tokens, dq zero beyond `queries`. */
    vt_status (*attention_forward)(vt_device *device, vt_precision precision, const act *qkv, int64_t batch, int64_t tokens,
                                   int64_t queries, int64_t heads, int64_t head_dim, const vt_dropout *dropout, act *out,
                                   float *log_sum_exp) VT_CHECKED;
    vt_status (*attention_backward)(vt_device *device, vt_precision precision, const act *dout, const act *qkv, const act *out,
                                    const float *log_sum_exp, int64_t batch, int64_t tokens, int64_t queries, int64_t heads,
                                    int64_t head_dim, const vt_dropout *dropout, act *dqkv) VT_CHECKED;

    /* y = x, both [rows, columns] with rows at their strides: takes class tokens out and puts them back. */
    vt_status (*copy_rows)(vt_device *device, vt_precision precision, const act *x, int64_t x_stride, int64_t rows,
                           int64_t columns, act *y, int64_t y_stride) VT_CHECKED;

    /* --- dropout --- */
    /* y = residual (NULL: 0) + dropped x; all [samples, per_sample]; y may equal x or residual. Its own backward. */
    vt_status (*dropout)(vt_device *device, vt_precision precision, const act *x, const act *residual, int64_t samples,
                         int64_t per_sample, const vt_dropout *dropout, act *y) VT_CHECKED;

    /* --- patch embedding --- */
    /* pixels uint8 [batch, height, width, pixel_channels] -> patches [batch * (height/P) * (width/P), channels * P * P],
     * columns in the order of a convolution weight [hidden, channels, P, P]; value p * scale[c] + shift[c].
     * One pixel channel serves all `channels`. */
    vt_status (*extract_patches)(vt_device *device, vt_precision precision, const uint8_t *pixels, int64_t batch,
                                 int64_t height, int64_t width, int pixel_channels, int channels, int patch_size,
                                 const float scale[3], const float shift[3], act *patches) VT_CHECKED;
    /* x [batch, 1 + n, hidden]: row 0 = class_token + position[0]; row 1 + i = embedded [batch, n, hidden] row i + position[1 +
     * i]. */
    vt_status (*embed_tokens_forward)(vt_device *device, vt_precision precision, const act *embedded, const float *class_token,
                                      const float *position, int64_t batch, int64_t patches, int64_t hidden, act *x) VT_CHECKED;
    vt_status (*embed_tokens_backward)(vt_device *device, vt_precision precision, const act *dx, int64_t batch, int64_t patches,
                                       int64_t hidden, act *dembedded, float *dclass_token, float *dposition) VT_CHECKED;

    /* --- head and loss, in float32 whatever the precision --- */
    /* logits [batch, labels] = x [batch, hidden] weight [labels, hidden]^T + bias. */
    vt_status (*head_forward)(vt_device *device, vt_precision precision, const act *x, const float *weight, const float *bias,
                              int64_t batch, int64_t hidden, int64_t labels, float *logits) VT_CHECKED;
    vt_status (*head_backward)(vt_device *device, vt_precision precision, const float *dlogits, const act *x,
                               const float *weight, int64_t batch, int64_t hidden, int64_t labels, act *dx, float *dweight,
                               float *dbias) VT_CHECKED;
    /* loss [batch] = each sample's loss (mean over known labels for binary cross-entropy and squared error);
     * dlogits [batch, labels] = its gradient times gradient_scale (NULL: not wanted).
     * Targets [batch, labels] that are NaN are unknown: they have no gradient, and a sample without known ones has loss 0.
     * Single-label targets are one-hot, or a probability of each class; there every target is known. */
    vt_status (*loss)(vt_device *device, const float *logits, const float *targets, int64_t batch, int64_t labels,
                      const vt_loss_options *options, float gradient_scale, float *loss, float *dlogits) VT_CHECKED;

    /* --- optimizer --- */
    /* *norm = sqrt of the sum of squares, summed in float64 over fixed blocks. */
    vt_status (*grad_norm)(vt_device *device, const float *gradients, int64_t count, double *norm) VT_CHECKED;
    /* One pass over the segments [count]: AdamW (Loshchilov & Hutter 2019, as torch.optim.AdamW), SGD with momentum (as
     * torch.optim.SGD; moment2 unused) or LAMB (You et al. 2020, trust ratio per segment). All buffers share offsets. */
    vt_status (*optimizer_step)(vt_device *device, const vt_update *update, const vt_segment *segments, int count,
                                float *parameters, const float *gradients, float *moment1, float *moment2) VT_CHECKED;

    /* *rate = floating-point operations per second that the whole device reaches in registers alone, by the instruction that
     * products of `precision` run on. */
    vt_status (*measure_peak)(vt_device *device, vt_precision precision, double *rate) VT_CHECKED;

    /* *out = a device that is as this one, but always rehearsing, and counts memory without taking any; see vt_device. */
    vt_status (*describe)(const vt_device *device, vt_device **out) VT_CHECKED;
    void (*get_info)(const vt_device *device, vt_device_info *info);
    void (*close)(vt_device *device);
} vt_compute_ops;

struct vt_device {
    const vt_compute_ops *ops;
    vt_device_memory memory;
    int rehearsing; /* operators take the scratch and make the plans that a call needs, but neither read nor write through their
                       pointers, which need not point to anything; so nothing is left to take when the call is made in earnest
                     */
    /* the home's own state follows in a struct that begins with this one */
};

static inline size_t vt_act_size(vt_precision precision) {
    return precision == VT_PRECISION_BF16 ? 2 : 4;
}

/* Opens the CPU home; vt_device_open() calls it. */
vt_status vt_cpu_device_open(vt_device **out) VT_CHECKED;

#endif
