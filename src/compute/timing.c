/* Times operators: each has a wrapper that calls the device's own and adds to its sum. */
#include "compute/timing.h"

#include "base/memory.h"
#include "base/threads.h"
#include <stdlib.h>

/* The operators that do work; X is called with each one's name. */
// clang-format off
#define EACH_OPERATOR(X) \
    X(upload) X(download) X(zero) X(linear_pack) X(linear_forward) X(linear_backward_input) \
    X(linear_backward_weight) X(layer_norm_forward) X(layer_norm_backward) X(attention_forward) \
    X(attention_backward) X(copy_rows) X(dropout) X(extract_patches) X(embed_tokens_forward) \
    X(embed_tokens_backward) X(head_forward) X(head_backward) X(loss) X(grad_norm) X(optimizer_step)
// clang-format on

#define NUMBER(name) OPERATOR_##name,
typedef enum timed_operator { EACH_OPERATOR(NUMBER) OPERATORS } timed_operator;

struct vt_timing {
    vt_compute_ops ops; /* the wrappers; first, as the device's table */
    const vt_compute_ops *own;
    vt_device *device;
    vt_operator_time times[OPERATORS];
};

static vt_timing *timing_of(const vt_device *device) {
    return (vt_timing *)device->ops;
}

static void add(const vt_device *device, timed_operator number, double seconds) {
    vt_operator_time *time = &timing_of(device)->times[number];
    time->seconds += seconds;
    time->calls++;
}

/* timed_NAME, an operator that calls the device's own of the same name. */
#define TIMED(name, parameters, ...)                                                                                           \
    static vt_status timed_##name parameters {                                                                                 \
        double start = vt_now();                                                                                               \
        vt_status status = timing_of(device)->own->name(__VA_ARGS__);                                                          \
        add(device, OPERATOR_##name, vt_now() - start);                                                                        \
        return status;                                                                                                         \
    }

TIMED(upload, (vt_device * device, void *to, const void *from, size_t bytes), device, to, from, bytes)
TIMED(zero, (vt_device * device, void *memory, size_t bytes), device, memory, bytes)
TIMED(linear_pack, (vt_device * device, vt_linear *linear, const float *weight), device, linear, weight)
TIMED(linear_forward,
      (vt_device * device, vt_linear *linear, const act *x, int64_t rows, const float *bias, vt_epilogue epilogue,
       vt_activation activation, const act *residual, act *derivative, act *y),
      device, linear, x, rows, bias, epilogue, activation, residual, derivative, y)
TIMED(linear_backward_input,
      (vt_device * device, vt_linear *linear, const act *dy, int64_t rows, const act *derivative, act *dx), device, linear, dy,
      rows, derivative, dx)
TIMED(linear_backward_weight,
      (vt_device * device, vt_linear *linear, const act *x, const act *dy, int64_t rows, float *dweight, float *dbias), device,
      linear, x, dy, rows, dweight, dbias)
TIMED(layer_norm_forward,
      (vt_device * device, vt_precision precision, const act *x, int64_t stride, const float *gamma, const float *beta,
       float epsilon, int64_t rows, int64_t hidden, act *y, float *mean, float *inverse_std),
      device, precision, x, stride, gamma, beta, epsilon, rows, hidden, y, mean, inverse_std)
TIMED(layer_norm_backward,
      (vt_device * device, vt_precision precision, const act *dy, const act *x, int64_t stride, const float *gamma,
       const float *mean, const float *inverse_std, int64_t rows, int64_t hidden, const act *residual, act *dx, float *dgamma,
       float *dbeta),
      device, precision, dy, x, stride, gamma, mean, inverse_std, rows, hidden, residual, dx, dgamma, dbeta)
TIMED(attention_forward,
      (vt_device * device, vt_precision precision, const act *qkv, int64_t batch, int64_t tokens, int64_t queries,
       int64_t heads, int64_t head_dim, const vt_dropout *dropout, act *out, float *log_sum_exp),
      device, precision, qkv, batch, tokens, queries, heads, head_dim, dropout, out, log_sum_exp)
TIMED(attention_backward,
      (vt_device * device, vt_precision precision, const act *dout, const act *qkv, const act *out, const float *log_sum_exp,
       int64_t batch, int64_t tokens, int64_t queries, int64_t heads, int64_t head_dim, const vt_dropout *dropout, act *dqkv),
      device, precision, dout, qkv, out, log_sum_exp, batch, tokens, queries, heads, head_dim, dropout, dqkv)
TIMED(dropout,
      (vt_device * device, vt_precision precision, const act *x, const act *residual, int64_t samples, int64_t per_sample,
       const vt_dropout *options, act *y),
      device, precision, x, residual, samples, per_sample, options, y)
TIMED(extract_patches,
      (vt_device * device, vt_precision precision, const uint8_t *pixels, int64_t batch, int64_t height, int64_t width,
       int pixel_channels, int channels, int patch_size, const float scale[3], const float shift[3], act *patches),
      device, precision, pixels, batch, height, width, pixel_channels, channels, patch_size, scale, shift, patches)
TIMED(embed_tokens_forward,
      (vt_device * device, vt_precision precision, const act *embedded, const float *class_token, const float *position,
       int64_t batch, int64_t patches, int64_t hidden, act *x),
      device, precision, embedded, class_token, position, batch, patches, hidden, x)
TIMED(embed_tokens_backward,
      (vt_device * device, vt_precision precision, const act *dx, int64_t batch, int64_t patches, int64_t hidden,
       act *dembedded, float *dclass_token, float *dposition),
      device, precision, dx, batch, patches, hidden, dembedded, dclass_token, dposition)
TIMED(grad_norm, (vt_device * device, const float *gradients, int64_t count, double *norm), device, gradients, count, norm)
TIMED(optimizer_step,
      (vt_device * device, const vt_update *update, const vt_segment *segments, int count, float *parameters,
       const float *gradients, float *moment1, float *moment2),
      device, update, segments, count, parameters, gradients, moment1, moment2)

TIMED(download, (vt_device * device, void *to, const void *from, size_t bytes), device, to, from, bytes)
TIMED(copy_rows,
      (vt_device * device, vt_precision precision, const act *x, int64_t x_stride, int64_t rows, int64_t columns, act *y,
       int64_t y_stride),
      device, precision, x, x_stride, rows, columns, y, y_stride)
TIMED(head_forward,
      (vt_device * device, vt_precision precision, const act *x, const float *weight, const float *bias, int64_t batch,
       int64_t hidden, int64_t labels, float *logits),
      device, precision, x, weight, bias, batch, hidden, labels, logits)
TIMED(head_backward,
      (vt_device * device, vt_precision precision, const float *dlogits, const act *x, const float *weight, int64_t batch,
       int64_t hidden, int64_t labels, act *dx, float *dweight, float *dbias),
      device, precision, dlogits, x, weight, batch, hidden, labels, dx, dweight, dbias)
TIMED(loss,
      (vt_device * device, const float *logits, const float *targets, int64_t batch, int64_t labels,
       const vt_loss_options *options, float gradient_scale, float *losses, float *dlogits),
      device, logits, targets, batch, labels, options, gradient_scale, losses, dlogits)

vt_status vt_timing_start(vt_device *device, vt_timing **out) {
    vt_timing *timing;
    VT_TRY(vt_allocate(&timing, 1, sizeof *timing, "the timing of operators"));
    timing->own = device->ops;
    timing->ops = *device->ops;
    timing->device = device;
#define WRAP(name) timing->ops.name = timed_##name;
    EACH_OPERATOR(WRAP)
    vt_timing_reset(timing);
    device->ops = &timing->ops;
    *out = timing;
    return VT_OK;
}

void vt_timing_free(vt_timing *timing) {
    if (!timing) return;
    timing->device->ops = timing->own;
    free(timing);
}

void vt_timing_reset(vt_timing *timing) {
    static const char *const names[OPERATORS] = {
#define NAME(name) #name,
        EACH_OPERATOR(NAME)};
    for (int i = 0; i < OPERATORS; i++) timing->times[i] = (vt_operator_time){.name = names[i]};
}

/* Longest first; of equal ones, in the table's order. */
static int longest_first(const void *a, const void *b) {
    const vt_operator_time *x = a, *y = b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
    return 0;
}

int vt_timing_get(const vt_timing *timing, int index, vt_operator_time *out) {
    vt_operator_time sorted[OPERATORS] = {{0}};
    int count = 0;
    for (int i = 0; i < OPERATORS; i++)
        if (timing->times[i].calls > 0) sorted[count++] = timing->times[i];
    qsort(sorted, (size_t)count, sizeof *sorted, longest_first);
    if (index < 0 || index >= count) return 0;
    *out = sorted[index];
    return 1;
}
