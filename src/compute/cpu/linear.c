/* Linear layers: products in tiles of rows with everything fused that comes after, weight gradients in tiles of the gradient,
 * on oneDNN; bfloat16 layers on the processor's own tiles where our kernels have them (linear_tiles.c, weight_gradient.c).
 *
 * Weights are kept packed twice, for y = x W^T and for dx = dy W. Where the machine has no bfloat16 products, bf16 layers
 * compute in float32 on converted tiles: the same roundings of inputs, weights and results. */
#include "base/memory.h"
#include "compute/cpu/products.h"
#include <omp.h>
#include <stdlib.h>

struct vt_linear {
    vt_precision precision; /* of activations */
    vt_precision product;   /* of products */
    int64_t in_features, out_features;
    int tiled;           /* packed by and for our own kernels */
    void *packed[2];     /* W^T [in_features, out_features], and W [out_features, in_features] or NULL: no training */
    vt_product *plan[2]; /* a product that says how each is packed; NULL if tiled */
};

/* One product over all rows: result = a b, and what follows. */
typedef struct row_pass {
    const vt_linear *linear;
    const act *a; /* [rows, depth] */
    const void *packed;
    int64_t rows, depth, columns, tile;
    vt_product_extra extra;
    const float *bias;
    const act *other; /* of `extra`, [rows, columns] */
    int activate;
    vt_activation activation;
    act *derivative;          /* [rows, columns] or NULL */
    act *result;              /* [rows, columns] */
    vt_product *whole, *rest; /* plans for full tiles and for the last one */
} row_pass;

/* Rows of a tile: enough for the matrix library's speed, few enough for all threads to have work. */
static int64_t row_tile(int64_t rows) {
    return rows >= 1024 ? 128 : 64;
}

/* Cuts `size` into equal parts of at most `most`, rounded up to 16. */
static int64_t even_tile(int64_t size, int64_t most) {
    int64_t parts = (size + most - 1) / most;
    return (size + 16 * parts - 1) / (16 * parts) * 16;
}

static int converts(const vt_linear *linear) {
    return linear->precision != linear->product;
}

static vt_status plan_rows(vt_cpu_device *device, const row_pass *pass, int64_t rows, vt_product **out) {
    vt_product_shape shape = {.precision = pass->linear->product,
                              .rows = rows,
                              .columns = pass->columns,
                              .depth = pass->depth,
                              .a_stride = pass->depth,
                              .result_stride = pass->columns,
                              .bias = pass->bias != NULL,
                              .extra = converts(pass->linear) ? VT_PRODUCT_PLAIN : pass->extra};
    return vt_product_get(device, &shape, out);
}

/* One tile where products run on float32 copies of bfloat16 activations. */
static int run_converted(const vt_cpu_device *device, const row_pass *pass, vt_product *product, int thread, int64_t first,
                         int64_t rows) {
    float *a = device->thread[thread].scratch, *result = a + pass->tile * pass->depth;
    int64_t at = first * pass->columns, count = rows * pass->columns;
    const vt_bf16 *other = pass->other ? (const vt_bf16 *)pass->other + at : NULL;
    device->kernels->to_float((const vt_bf16 *)pass->a + first * pass->depth, a, rows * pass->depth);
    int status = vt_product_run(device, product, thread, a, pass->packed, pass->bias, NULL, result);
    device->kernels->from_float(result, pass->extra == VT_PRODUCT_ADD ? other : NULL,
                                pass->extra == VT_PRODUCT_MULTIPLY ? other : NULL, (vt_bf16 *)pass->result + at, count);
    return status;
}

static int run_tile(const vt_cpu_device *device, const row_pass *pass, int thread, int64_t first) {
    vt_precision precision = pass->linear->precision;
    int64_t rows = vt_min64(pass->tile, pass->rows - first), at = first * pass->columns;
    vt_product *product = rows == pass->tile ? pass->whole : pass->rest;
    act *result = vt_act_at(precision, pass->result, at);
    int status;
    if (converts(pass->linear))
        status = run_converted(device, pass, product, thread, first, rows);
    else
        status = vt_product_run(device, product, thread, vt_act_at(precision, pass->a, first * pass->depth), pass->packed,
                                pass->bias, pass->other ? vt_act_at(precision, pass->other, at) : NULL, result);
    if (pass->activate)
        device->kernels->activate(precision, pass->activation, result,
                                  pass->derivative ? vt_act_at(precision, pass->derivative, at) : NULL, rows * pass->columns);
    return status;
}

static vt_status run_rows(vt_cpu_device *device, row_pass *pass) {
    int64_t tiles, rest;
    int failure = 0;
    if (pass->rows == 0) return VT_OK;
    pass->tile = row_tile(pass->rows);
    tiles = (pass->rows + pass->tile - 1) / pass->tile;
    rest = pass->rows % pass->tile;
    if (pass->rows >= pass->tile) VT_TRY(plan_rows(device, pass, pass->tile, &pass->whole));
    if (rest) VT_TRY(plan_rows(device, pass, rest, &pass->rest));
    if (converts(pass->linear))
        VT_TRY(vt_cpu_reserve(device, (size_t)(pass->tile * (pass->depth + pass->columns)) * sizeof(float)));
    if (device->base.rehearsing) return VT_OK;
#pragma omp parallel for schedule(dynamic) num_threads(device->threads)
    for (int64_t tile = 0; tile < tiles; tile++) {
        int status = run_tile(device, pass, omp_get_thread_num(), tile * pass->tile);
        if (status) {
#pragma omp atomic write
            failure = status;
        }
    }
    return failure ? vt_product_failed(failure) : VT_OK;
}

/* The product y = x W^T, or dx = dy W when `backward`, over `rows` rows. */
static row_pass make_pass(const vt_linear *linear, int backward, const act *a, int64_t rows, act *result) {
    return (row_pass){.linear = linear,
                      .a = a,
                      .packed = linear->packed[backward],
                      .rows = rows,
                      .depth = backward ? linear->out_features : linear->in_features,
                      .columns = backward ? linear->in_features : linear->out_features,
                      .result = result};
}

static vt_status take_packed(vt_cpu_device *device, size_t size, void **out) {
    return vt_cpu_take(device, size, "packed weights", &device->base.memory.weights, out);
}

static vt_status plan_packed(vt_cpu_device *device, vt_linear *linear, int backward, int64_t rows) {
    row_pass pass = make_pass(linear, backward, NULL, rows, NULL);
    static const float some_bias;
    if (!backward) pass.bias = &some_bias;
    VT_TRY(plan_rows(device, &pass, vt_min64(rows, row_tile(rows)), &linear->plan[backward]));
    return take_packed(device, vt_product_packed_size(linear->plan[backward]), &linear->packed[backward]);
}

static vt_status make_packed(vt_cpu_device *device, vt_linear *linear, int backward, int64_t rows) {
    size_t size = (size_t)(linear->in_features * linear->out_features) * sizeof(vt_bf16);
    if (linear->tiled) return take_packed(device, size, &linear->packed[backward]);
    return plan_packed(device, linear, backward, rows);
}

vt_status vt_cpu_linear_create(vt_device *device, vt_precision precision, int64_t in_features, int64_t out_features,
                               int64_t max_rows, int train, vt_linear **out) {
    vt_cpu_device *cpu = vt_cpu(device);
    vt_linear *linear;
    VT_TRY(vt_allocate(&linear, 1, sizeof *linear, "a linear layer"));
    linear->precision = precision;
    linear->product = precision == VT_PRECISION_BF16 && cpu->native_bf16 ? VT_PRECISION_BF16 : VT_PRECISION_FP32;
    linear->in_features = in_features;
    linear->out_features = out_features;
    linear->tiled = linear->product == VT_PRECISION_BF16 && vt_cpu_has_linear_tiles(cpu, in_features, out_features);
    vt_status status = make_packed(cpu, linear, 0, max_rows);
    if (status == VT_OK && train) status = make_packed(cpu, linear, 1, max_rows);
    if (status != VT_OK) {
        vt_cpu_linear_free(device, linear);
        return status;
    }
    *out = linear;
    return VT_OK;
}

void vt_cpu_linear_free(vt_device *device, vt_linear *linear) {
    if (!linear) return;
    for (int i = 0; i < 2; i++) vt_cpu_give_back(vt_cpu(device), linear->packed[i], &device->memory.weights);
    free(linear);
}

/* The weight rounded to bfloat16 and widened again, in the shared scratch. */
static vt_status round_weight(vt_cpu_device *device, const float **weight, int64_t count) {
    VT_TRY(vt_cpu_reserve_shared(device, (size_t)count * (sizeof(float) + sizeof(vt_bf16))));
    float *rounded = device->shared;
    vt_bf16 *bits = (vt_bf16 *)(rounded + count);
    if (device->base.rehearsing) return VT_OK;
    device->kernels->from_float(*weight, NULL, NULL, bits, count);
    device->kernels->to_float(bits, rounded, count);
    *weight = rounded;
    return VT_OK;
}

vt_status vt_cpu_linear_pack(vt_device *device, vt_linear *linear, const float *weight) {
    vt_cpu_device *cpu = vt_cpu(device);
    for (int backward = 0; backward < 2 && linear->tiled && !device->rehearsing; backward++)
        if (linear->packed[backward])
            vt_cpu_pack_linear_tiles(cpu, weight, backward ? linear->out_features : linear->in_features,
                                     backward ? linear->in_features : linear->out_features, !backward,
                                     linear->packed[backward]);
    if (linear->tiled) return VT_OK;
    if (converts(linear)) VT_TRY(round_weight(cpu, &weight, linear->in_features * linear->out_features));
    for (int backward = 0; backward < 2; backward++)
        if (linear->packed[backward])
            VT_TRY(vt_product_pack(cpu, linear->plan[backward], weight, !backward, linear->packed[backward]));
    return VT_OK;
}

/* The same pass on our own kernels. */
static vt_status run_tiled(vt_cpu_device *device, const row_pass *pass) {
    vt_linear_tile whole = {.a = pass->a,
                            .packed = pass->packed,
                            .rows = pass->rows,
                            .depth = pass->depth,
                            .columns = pass->columns,
                            .bias = pass->bias,
                            .extra = pass->activate                       ? VT_LINEAR_ACTIVATE
                                     : pass->extra == VT_PRODUCT_ADD      ? VT_LINEAR_ADD
                                     : pass->extra == VT_PRODUCT_MULTIPLY ? VT_LINEAR_MULTIPLY
                                                                          : VT_LINEAR_PLAIN,
                            .activation = pass->activation,
                            .other = pass->other,
                            .derivative = pass->derivative,
                            .result = pass->result};
    return vt_cpu_run_linear_tiles(device, &whole);
}

static vt_status run_pass(vt_cpu_device *device, row_pass *pass) {
    return pass->linear->tiled ? run_tiled(device, pass) : run_rows(device, pass);
}

vt_status vt_cpu_linear_forward(vt_device *device, vt_linear *linear, const act *x, int64_t rows, const float *bias,
                                vt_epilogue epilogue, vt_activation activation, const act *residual, act *derivative, act *y) {
    row_pass pass = make_pass(linear, 0, x, rows, y);
    pass.bias = bias;
    if (epilogue == VT_EPILOGUE_RESIDUAL) {
        /* oneDNN may write parts of y before it reads `other`, so a residual in y itself is added as what is there */
        int in_place = residual == y && !converts(linear) && !linear->tiled;
        pass.extra = in_place ? VT_PRODUCT_ACCUMULATE : VT_PRODUCT_ADD;
        pass.other = in_place ? NULL : residual;
    }
    if (epilogue == VT_EPILOGUE_ACTIVATION) {
        pass.activate = 1;
        pass.activation = activation;
        pass.derivative = derivative;
    }
    return run_pass(vt_cpu(device), &pass);
}

vt_status vt_cpu_linear_backward_input(vt_device *device, vt_linear *linear, const act *dy, int64_t rows, const act *derivative,
                                       act *dx) {
    row_pass pass = make_pass(linear, 1, dy, rows, dx);
    if (derivative) {
        pass.extra = VT_PRODUCT_MULTIPLY;
        pass.other = derivative;
    }
    return run_pass(vt_cpu(device), &pass);
}

/* The weight gradient, cut into tiles: dweight [out, in] += dy^T x over `rows` rows. */
typedef struct weight_pass {
    const vt_linear *linear;
    const void *x, *dy; /* in the products' precision */
    int64_t rows, out_tile, in_tile;
    vt_product *product[2][2]; /* [last row of tiles][last column of tiles] */
    float *dweight;
} weight_pass;

static vt_status plan_weight(vt_cpu_device *device, weight_pass *pass) {
    const vt_linear *linear = pass->linear;
    for (int last_row = 0; last_row < 2; last_row++)
        for (int last_column = 0; last_column < 2; last_column++) {
            int64_t out = last_row ? linear->out_features % pass->out_tile : pass->out_tile;
            int64_t in = last_column ? linear->in_features % pass->in_tile : pass->in_tile;
            vt_product_shape shape = {.precision = linear->product,
                                      .rows = out,
                                      .columns = in,
                                      .depth = pass->rows,
                                      .a_stride = linear->out_features,
                                      .b_stride = linear->in_features,
                                      .result_stride = linear->in_features,
                                      .a_transposed = 1,
                                      .float_result = 1,
                                      .extra = VT_PRODUCT_ACCUMULATE};
            int needed = out && in && out <= linear->out_features && in <= linear->in_features;
            if (needed) VT_TRY(vt_product_get(device, &shape, &pass->product[last_row][last_column]));
        }
    return VT_OK;
}

static vt_status run_weight(vt_cpu_device *device, weight_pass *pass) {
    int64_t out = pass->linear->out_features, in = pass->linear->in_features;
    int failure = 0;
    pass->out_tile = even_tile(out, out > 1024 ? 256 : out > 192 ? 192 : 96);
    pass->in_tile = even_tile(in, 768);
    VT_TRY(plan_weight(device, pass));
    if (device->base.rehearsing) return VT_OK;
    int64_t columns = (in + pass->in_tile - 1) / pass->in_tile, tiles = (out + pass->out_tile - 1) / pass->out_tile * columns;
    size_t size = vt_act_size(pass->linear->product);
#pragma omp parallel for schedule(dynamic) num_threads(device->threads)
    for (int64_t tile = 0; tile < tiles; tile++) {
        int64_t first_out = tile / columns * pass->out_tile, first_in = tile % columns * pass->in_tile;
        vt_product *product = pass->product[first_out + pass->out_tile > out][first_in + pass->in_tile > in];
        int status = vt_product_run(device, product, omp_get_thread_num(), (const char *)pass->dy + (size_t)first_out * size,
                                    (const char *)pass->x + (size_t)first_in * size, NULL, NULL,
                                    pass->dweight + first_out * in + first_in);
        if (status) {
#pragma omp atomic write
            failure = status;
        }
    }
    return failure ? vt_product_failed(failure) : VT_OK;
}

/* Widens `count` bfloat16 numbers, in pieces dealt out to all threads. */
static void widen(const vt_cpu_device *device, const vt_bf16 *from, float *to, int64_t count) {
    const int64_t piece = 1 << 15;
#pragma omp parallel for schedule(dynamic) num_threads(device->threads)
    for (int64_t first = 0; first < count; first += piece)
        device->kernels->to_float(from + first, to + first, vt_min64(piece, count - first));
}

/* Float32 copies of at most this many rows exist at a time. */
enum { WIDENED_ROWS = 1024 };

static vt_status run_weight_converted(vt_cpu_device *device, weight_pass *pass, const vt_bf16 *x, const vt_bf16 *dy,
                                      int64_t rows) {
    int64_t in = pass->linear->in_features, out = pass->linear->out_features, most = vt_min64(rows, WIDENED_ROWS);
    VT_TRY(vt_cpu_reserve_shared(device, (size_t)(most * (in + out)) * sizeof(float)));
    float *wide_x = device->shared, *wide_dy = wide_x + most * in;
    pass->x = wide_x;
    pass->dy = wide_dy;
    for (int64_t first = 0; first < rows; first += most) {
        pass->rows = vt_min64(most, rows - first);
        if (!device->base.rehearsing) widen(device, x + first * in, wide_x, pass->rows * in);
        if (!device->base.rehearsing) widen(device, dy + first * out, wide_dy, pass->rows * out);
        VT_TRY(run_weight(device, pass));
    }
    return VT_OK;
}

static void add_bias_gradient(const vt_cpu_device *device, const vt_linear *linear, const act *dy, int64_t rows, float *dbias) {
    int64_t out = linear->out_features, strip = out > 1024 ? 256 : 64;
#pragma omp parallel for schedule(dynamic) num_threads(device->threads)
    for (int64_t first = 0; first < out; first += strip)
        device->kernels->add_columns(linear->precision, vt_act_at(linear->precision, dy, first), out, rows,
                                     vt_min64(strip, out - first), dbias + first);
}

vt_status vt_cpu_linear_backward_weight(vt_device *device, vt_linear *linear, const act *x, const act *dy, int64_t rows,
                                        float *dweight, float *dbias) {
    vt_cpu_device *cpu = vt_cpu(device);
    weight_pass pass = {.linear = linear, .x = x, .dy = dy, .rows = rows, .dweight = dweight};
    if (rows == 0) return VT_OK;
    if (linear->product == VT_PRECISION_BF16 && vt_cpu_has_weight_gradient(cpu, linear->in_features, linear->out_features))
        return vt_cpu_weight_gradient(cpu, x, dy, rows, linear->in_features, linear->out_features, dweight, dbias);
    VT_TRY(converts(linear) ? run_weight_converted(cpu, &pass, x, dy, rows) : run_weight(cpu, &pass));
    if (dbias && !device->rehearsing) add_bias_gradient(cpu, linear, dy, rows, dbias);
    return VT_OK;
}
