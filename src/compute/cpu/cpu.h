/* The CPU home's own state and the operators that its table is made of.
 *
 * Work is cut into pieces by shape alone and the pieces are dealt out to threads; a piece's arithmetic never depends on which
 * thread does it or on how many there are. Matrix products are oneDNN's (products.h), the rest is ours (kernels.h). */
#ifndef VT_CPU_CPU_H
#define VT_CPU_CPU_H

#include "compute/compute.h"
#include "compute/cpu/kernels.h"
#include <dnnl.h>

typedef struct vt_product vt_product;

typedef struct vt_cpu_thread {
    dnnl_stream_t stream;
    void *scratch; /* 64-byte aligned */
    size_t scratch_size;
    void *library; /* oneDNN's scratch, 64-byte aligned */
    size_t library_size;
} vt_cpu_thread;

typedef struct vt_cpu_device {
    vt_device base;
    const vt_kernels *kernels;
    const vt_kernels *attention; /* those of attention: `kernels`, or lesser ones that are faster at it */
    int threads;
    int describes;   /* counts memory and takes none */
    int native_bf16; /* bfloat16 products run on bfloat16 instructions; else on float32 copies */
    char description[128], library[32];
    dnnl_engine_t engine;
    vt_cpu_thread *thread; /* [threads] */
    void *shared;          /* scratch of the operator that runs now, 64-byte aligned */
    size_t shared_size;
    vt_product *products; /* every product planned so far: a list */
} vt_cpu_device;

static inline vt_cpu_device *vt_cpu(vt_device *device) {
    return (vt_cpu_device *)device;
}

/* The kernels for this machine, lowered by the environment variable VITRAIN_ISA; NULL and a message if it names none. */
const vt_kernels *vt_cpu_kernels(void);

/* *out = zeroed memory, counted in *counter, which is one of the device's; given back with vt_cpu_give_back(). Where memory is
 * only counted, an address that nobody may use. */
vt_status vt_cpu_take(vt_cpu_device *device, size_t bytes, const char *what, uint64_t *counter, void **out) VT_CHECKED;
void vt_cpu_give_back(vt_cpu_device *device, void *memory, uint64_t *counter); /* NULL allowed */

/* Makes every thread's scratch, its scratch for oneDNN, or the shared one, at least `size` bytes; nothing happens when it is.
 * Contents are lost. */
vt_status vt_cpu_reserve(vt_cpu_device *device, size_t size) VT_CHECKED;
vt_status vt_cpu_reserve_library(vt_cpu_device *device, size_t size) VT_CHECKED;
vt_status vt_cpu_reserve_shared(vt_cpu_device *device, size_t size) VT_CHECKED;

static inline int64_t vt_min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* `index` elements into an array of activations. */
static inline act *vt_act_at(vt_precision precision, const act *base, int64_t index) {
    return (char *)base + (size_t)index * vt_act_size(precision);
}

/* The dropout ready for kernels. */
vt_dropout_plan vt_cpu_dropout_plan(const vt_dropout *dropout);

vt_status vt_cpu_linear_create(vt_device *device, vt_precision precision, int64_t in_features, int64_t out_features,
                               int64_t max_rows, int train, vt_linear **out) VT_CHECKED;
void vt_cpu_linear_free(vt_device *device, vt_linear *linear);
vt_status vt_cpu_linear_pack(vt_device *device, vt_linear *linear, const float *weight) VT_CHECKED;
vt_status vt_cpu_linear_forward(vt_device *device, vt_linear *linear, const act *x, int64_t rows, const float *bias,
                                vt_epilogue epilogue, vt_activation activation, const act *residual, act *derivative,
                                act *y) VT_CHECKED;
vt_status vt_cpu_linear_backward_input(vt_device *device, vt_linear *linear, const act *dy, int64_t rows, const act *derivative,
                                       act *dx) VT_CHECKED;
vt_status vt_cpu_linear_backward_weight(vt_device *device, vt_linear *linear, const act *x, const act *dy, int64_t rows,
                                        float *dweight, float *dbias) VT_CHECKED;

/* Whether bfloat16 layers of these sizes run on our own kernels. */
int vt_cpu_has_linear_tiles(const vt_cpu_device *device, int64_t in, int64_t out);

/* packed = b [depth, columns] for vt_cpu_run_linear_tiles(), which is `weight` or, transposed, [columns, depth]. */
void vt_cpu_pack_linear_tiles(const vt_cpu_device *device, const float *weight, int64_t depth, int64_t columns, int transposed,
                              void *packed);

/* Computes all of a product, dealt out to threads; columns and scratch of `whole` are not read. */
vt_status vt_cpu_run_linear_tiles(vt_cpu_device *device, const vt_linear_tile *whole) VT_CHECKED;

/* Whether vt_cpu_weight_gradient() can take a bfloat16 layer of these sizes. */
int vt_cpu_has_weight_gradient(const vt_cpu_device *device, int64_t in, int64_t out);

/* dweight [out, in] += dy^T x over x [rows, in] and dy [rows, out]; dbias [out] (NULL: none) += column sums of dy. */
vt_status vt_cpu_weight_gradient(vt_cpu_device *device, const vt_bf16 *x, const vt_bf16 *dy, int64_t rows, int64_t in,
                                 int64_t out, float *dweight, float *dbias) VT_CHECKED;

vt_status vt_cpu_layer_norm_forward(vt_device *device, vt_precision precision, const act *x, int64_t x_stride,
                                    const float *gamma, const float *beta, float epsilon, int64_t rows, int64_t hidden, act *y,
                                    float *mean, float *inverse_std) VT_CHECKED;
vt_status vt_cpu_layer_norm_backward(vt_device *device, vt_precision precision, const act *dy, const act *x, int64_t x_stride,
                                     const float *gamma, const float *mean, const float *inverse_std, int64_t rows,
                                     int64_t hidden, const act *residual_gradient, act *dx, float *dgamma,
                                     float *dbeta) VT_CHECKED;

vt_status vt_cpu_attention_forward(vt_device *device, vt_precision precision, const act *qkv, int64_t batch, int64_t tokens,
                                   int64_t queries, int64_t heads, int64_t head_dim, const vt_dropout *dropout, act *out,
                                   float *log_sum_exp) VT_CHECKED;
vt_status vt_cpu_attention_backward(vt_device *device, vt_precision precision, const act *dout, const act *qkv, const act *out,
                                    const float *log_sum_exp, int64_t batch, int64_t tokens, int64_t queries, int64_t heads,
                                    int64_t head_dim, const vt_dropout *dropout, act *dqkv) VT_CHECKED;
vt_status vt_cpu_copy_rows(vt_device *device, vt_precision precision, const act *x, int64_t x_stride, int64_t rows,
                           int64_t columns, act *y, int64_t y_stride) VT_CHECKED;

vt_status vt_cpu_dropout(vt_device *device, vt_precision precision, const act *x, const act *residual, int64_t samples,
                         int64_t per_sample, const vt_dropout *dropout, act *y) VT_CHECKED;

vt_status vt_cpu_extract_patches(vt_device *device, vt_precision precision, const uint8_t *pixels, int64_t batch,
                                 int64_t height, int64_t width, int pixel_channels, int channels, int patch_size,
                                 const float scale[3], const float shift[3], act *patches) VT_CHECKED;
vt_status vt_cpu_embed_tokens_forward(vt_device *device, vt_precision precision, const act *embedded, const float *class_token,
                                      const float *position, int64_t batch, int64_t patches, int64_t hidden, act *x) VT_CHECKED;
vt_status vt_cpu_embed_tokens_backward(vt_device *device, vt_precision precision, const act *dx, int64_t batch, int64_t patches,
                                       int64_t hidden, act *dembedded, float *dclass_token, float *dposition) VT_CHECKED;

vt_status vt_cpu_head_forward(vt_device *device, vt_precision precision, const act *x, const float *weight, const float *bias,
                              int64_t batch, int64_t hidden, int64_t labels, float *logits) VT_CHECKED;
vt_status vt_cpu_head_backward(vt_device *device, vt_precision precision, const float *dlogits, const act *x,
                               const float *weight, int64_t batch, int64_t hidden, int64_t labels, act *dx, float *dweight,
                               float *dbias) VT_CHECKED;
vt_status vt_cpu_loss(vt_device *device, const float *logits, const float *targets, int64_t batch, int64_t labels,
                      const vt_loss_options *options, float gradient_scale, float *loss, float *dlogits) VT_CHECKED;

vt_status vt_cpu_measure_peak(vt_device *device, vt_precision precision, double *rate) VT_CHECKED;

vt_status vt_cpu_grad_norm(vt_device *device, const float *gradients, int64_t count, double *norm) VT_CHECKED;
vt_status vt_cpu_optimizer_step(vt_device *device, const vt_update *update, const vt_segment *segments, int count,
                                float *parameters, const float *gradients, float *moment1, float *moment2) VT_CHECKED;

#endif
