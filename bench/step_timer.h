/* Where the time of a step goes: a table of operators that calls the device's own and adds up the seconds of each.
 *
 * Put in front of a device by timer_start(); the sums are those of the calling thread's clock on the wall. */
#ifndef VT_BENCH_STEP_TIMER_H
#define VT_BENCH_STEP_TIMER_H

#include "base/threads.h"
#include "compute/compute.h"
#include <stdio.h>

enum { TIMED_MAX = 32 };

static const vt_compute_ops *untimed;
static vt_compute_ops timed;
static struct {
    const char *name;
    double seconds;
} timer_sums[TIMED_MAX];

static void timer_add(const char *name, double seconds) {
    int i = 0;
    while (i < TIMED_MAX - 1 && timer_sums[i].name && timer_sums[i].name != name) i++;
    timer_sums[i].name = name;
    timer_sums[i].seconds += seconds;
}

/* timed_NAME, an operator that calls `untimed`'s of the same name. */
#define TIMED(name, parameters, ...)                                                                                           \
    static vt_status timed_##name parameters {                                                                                 \
        static const char label[] = #name;                                                                                     \
        double start = vt_now();                                                                                               \
        vt_status status = untimed->name(__VA_ARGS__);                                                                         \
        timer_add(label, vt_now() - start);                                                                                    \
        return status;                                                                                                         \
    }

TIMED(upload, (vt_device * d, void *to, const void *from, size_t bytes), d, to, from, bytes)
TIMED(zero, (vt_device * d, void *memory, size_t bytes), d, memory, bytes)
TIMED(linear_pack, (vt_device * d, vt_linear *linear, const float *weight), d, linear, weight)
TIMED(linear_forward,
      (vt_device * d, vt_linear *linear, const act *x, int64_t rows, const float *bias, vt_epilogue epilogue,
       vt_activation activation, const act *residual, act *derivative, act *y),
      d, linear, x, rows, bias, epilogue, activation, residual, derivative, y)
TIMED(linear_backward_input, (vt_device * d, vt_linear *linear, const act *dy, int64_t rows, const act *derivative, act *dx), d,
      linear, dy, rows, derivative, dx)
TIMED(linear_backward_weight,
      (vt_device * d, vt_linear *linear, const act *x, const act *dy, int64_t rows, float *dweight, float *dbias), d, linear, x,
      dy, rows, dweight, dbias)
TIMED(layer_norm_forward,
      (vt_device * d, vt_precision precision, const act *x, int64_t stride, const float *gamma, const float *beta,
       float epsilon, int64_t rows, int64_t hidden, act *y, float *mean, float *inverse_std),
      d, precision, x, stride, gamma, beta, epsilon, rows, hidden, y, mean, inverse_std)
TIMED(layer_norm_backward,
      (vt_device * d, vt_precision precision, const act *dy, const act *x, int64_t stride, const float *gamma,
       const float *mean, const float *inverse_std, int64_t rows, int64_t hidden, const act *residual, act *dx, float *dgamma,
       float *dbeta),
      d, precision, dy, x, stride, gamma, mean, inverse_std, rows, hidden, residual, dx, dgamma, dbeta)
TIMED(attention_forward,
      (vt_device * d, vt_precision precision, const act *qkv, int64_t batch, int64_t tokens, int64_t queries, int64_t heads,
       int64_t head_dim, const vt_dropout *dropout, act *out, float *log_sum_exp),
      d, precision, qkv, batch, tokens, queries, heads, head_dim, dropout, out, log_sum_exp)
TIMED(attention_backward,
      (vt_device * d, vt_precision precision, const act *dout, const act *qkv, const act *out, const float *log_sum_exp,
       int64_t batch, int64_t tokens, int64_t queries, int64_t heads, int64_t head_dim, const vt_dropout *dropout, act *dqkv),
      d, precision, dout, qkv, out, log_sum_exp, batch, tokens, queries, heads, head_dim, dropout, dqkv)
TIMED(dropout,
      (vt_device * d, vt_precision precision, const act *x, const act *residual, int64_t samples, int64_t per_sample,
       const vt_dropout *options, act *y),
      d, precision, x, residual, samples, per_sample, options, y)
TIMED(extract_patches,
      (vt_device * d, vt_precision precision, const uint8_t *pixels, int64_t batch, int64_t height, int64_t width,
       int pixel_channels, int channels, int patch_size, const float scale[3], const float shift[3], act *patches),
      d, precision, pixels, batch, height, width, pixel_channels, channels, patch_size, scale, shift, patches)
TIMED(embed_tokens_forward,
      (vt_device * d, vt_precision precision, const act *embedded, const float *class_token, const float *position,
       int64_t batch, int64_t patches, int64_t hidden, act *x),
      d, precision, embedded, class_token, position, batch, patches, hidden, x)
TIMED(embed_tokens_backward,
      (vt_device * d, vt_precision precision, const act *dx, int64_t batch, int64_t patches, int64_t hidden, act *dembedded,
       float *dclass_token, float *dposition),
      d, precision, dx, batch, patches, hidden, dembedded, dclass_token, dposition)
TIMED(grad_norm, (vt_device * d, const float *gradients, int64_t count, double *norm), d, gradients, count, norm)
TIMED(optimizer_step,
      (vt_device * d, const vt_update *update, const vt_segment *segments, int count, float *parameters, const float *gradients,
       float *moment1, float *moment2),
      d, update, segments, count, parameters, gradients, moment1, moment2)

/* From now on the device's operators are timed; those not listed above are too short to matter. */
static void timer_start(vt_device *device) {
    untimed = device->ops;
    timed = *untimed;
    timed.upload = timed_upload;
    timed.zero = timed_zero;
    timed.linear_pack = timed_linear_pack;
    timed.linear_forward = timed_linear_forward;
    timed.linear_backward_input = timed_linear_backward_input;
    timed.linear_backward_weight = timed_linear_backward_weight;
    timed.layer_norm_forward = timed_layer_norm_forward;
    timed.layer_norm_backward = timed_layer_norm_backward;
    timed.attention_forward = timed_attention_forward;
    timed.attention_backward = timed_attention_backward;
    timed.dropout = timed_dropout;
    timed.extract_patches = timed_extract_patches;
    timed.embed_tokens_forward = timed_embed_tokens_forward;
    timed.embed_tokens_backward = timed_embed_tokens_backward;
    timed.grad_norm = timed_grad_norm;
    timed.optimizer_step = timed_optimizer_step;
    device->ops = &timed;
}

/* Prints each operator's milliseconds per step and its share of `total` seconds over `steps` steps. */
static void timer_report(vt_device *device, double total, int steps) {
    device->ops = untimed;
    for (int i = 0; i < TIMED_MAX && timer_sums[i].name; i++)
        printf("  %-24s %9.2f ms %5.1f %%\n", timer_sums[i].name, 1e3 * timer_sums[i].seconds / steps,
               100 * timer_sums[i].seconds / total);
}

#endif
