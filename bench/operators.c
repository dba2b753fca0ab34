/* How fast the operators are, as a share of what this machine can do.
 *
 *     bench_operators [tiny|base] [fp32|bf16] [images]
 *
 * Limits are measured too: products and attention against a loop of multiply-adds in registers, the rest against the rate of
 * a copy. Times are medians of at least 9 runs. Where the machine has AMX, bfloat16 products and those of attention run on it,
 * the softmax of attention on vectors. */
#include "base/half.h"
#include "base/threads.h"
#include "compute/compute.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RUNS = 101 };

typedef struct setting {
    const char *model;
    vt_device *device;
    vt_precision precision;
    int64_t images, tokens, hidden, heads, intermediate;
    double product_peak, copy_rate; /* GFLOP/s, GB/s */
} setting;

/* --- limits --- */

static double copy_rate(void) {
    const size_t size = (size_t)256 << 20;
    char *from = malloc(size), *to = malloc(size);
    double best = 0.0;
    for (int run = 0; from && to && run < 4; run++) {
        double start = vt_now();
#pragma omp parallel for
        for (size_t at = 0; at < size; at += 1 << 20) memcpy(to + at, from + at, 1 << 20);
        double rate = 2.0 * (double)size / (vt_now() - start) * 1e-9;
        best = run && rate > best ? rate : best;
    }
    free(from);
    free(to);
    return best;
}

static vt_status measure_limits(setting *s) {
    vt_device_info info;
    vt_device_get_info(s->device, &info);
    s->copy_rate = copy_rate();
    VT_TRY(s->device->ops->measure_peak(s->device, s->precision, &s->product_peak));
    s->product_peak *= 1e-9;
    printf("%s, %d threads, %s kernels, %s\n", info.description, info.threads, info.isa, info.library);
    printf("limits: products %.0f GFLOP/s, copy %.0f GB/s\n", s->product_peak, s->copy_rate);
    return VT_OK;
}

/* --- measuring --- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void check(vt_status status) {
    if (status == VT_OK) return;
    fprintf(stderr, "bench: %s\n", vt_error_message());
    exit(1);
}

static double times[MOST_RUNS];
static int runs;
static double spent;

static int more_runs(void) {
    return runs < 9 || (runs < MOST_RUNS && spent < 0.6);
}

#define MEASURE(call)                                                                                                          \
    do {                                                                                                                       \
        check(call);                                                                                                           \
        for (runs = 0, spent = 0.0; more_runs(); runs++) {                                                                     \
            double start_ = vt_now();                                                                                          \
            check(call);                                                                                                       \
            spent += times[runs] = vt_now() - start_;                                                                          \
        }                                                                                                                      \
        qsort(times, (size_t)runs, sizeof *times, by_value);                                                                   \
    } while (0)

static double total_time, total_flops;

/* Adds to the sum of a layer's forward and backward when `layer`. */
static void report(const char *name, double flops, double bytes, double peak, double copy, int layer) {
    double time = times[runs / 2];
    if (flops > 0.0)
        printf("  %-34s %9.3f ms %8.0f GFLOP/s %5.1f %%\n", name, time * 1e3, flops / time * 1e-9,
               100.0 * flops / time * 1e-9 / peak);
    else
        printf("  %-34s %9.3f ms %8.1f GB/s    %5.1f %%\n", name, time * 1e3, bytes / time * 1e-9,
               100.0 * bytes / time * 1e-9 / copy);
    if (layer) total_time += time, total_flops += flops;
}

static act *make_act(const setting *s, int64_t count) {
    void *memory;
    check(s->device->ops->allocate(s->device, (size_t)count * vt_act_size(s->precision), "activations", &memory));
    for (int64_t i = 0; i < count; i++) {
        float value = (float)((i * 7919 + i / 13) % 2001 - 1000) * 1e-3f;
        if (s->precision == VT_PRECISION_BF16)
            ((vt_bf16 *)memory)[i] = vt_float_to_bf16(value);
        else
            ((float *)memory)[i] = value;
    }
    return memory;
}

static float *make_floats(const setting *s, int64_t count) {
    setting single = *s;
    single.precision = VT_PRECISION_FP32;
    return make_act(&single, count);
}

static void bench_linear(const setting *s, const char *name, int64_t in, int64_t out, vt_epilogue epilogue, int derivative) {
    const vt_compute_ops *ops = s->device->ops;
    int64_t rows = s->images * s->tokens;
    double flops = 2.0 * (double)rows * (double)in * (double)out;
    char label[64];
    vt_linear *linear;
    act *x = make_act(s, rows * in), *y = make_act(s, rows * out), *other = make_act(s, rows * out),
        *dx = make_act(s, rows * in);
    float *weight = make_floats(s, in * out), *bias = make_floats(s, out), *dweight = make_floats(s, in * out);
    check(ops->linear_create(s->device, s->precision, in, out, rows, 1, &linear));
    MEASURE(ops->linear_pack(s->device, linear, weight));
    snprintf(label, sizeof label, "%s pack, both layouts", name);
    report(label, 0.0, (double)(in * out) * (double)(8 + 2 * vt_act_size(s->precision)), 0.0, s->copy_rate, 0);
    MEASURE(ops->linear_forward(s->device, linear, x, rows, bias, epilogue, VT_ACTIVATION_GELU,
                                epilogue == VT_EPILOGUE_RESIDUAL ? other : NULL, other, y));
    snprintf(label, sizeof label, "%s forward", name);
    report(label, flops, 0.0, s->product_peak, 0.0, 1);
    MEASURE(ops->linear_backward_input(s->device, linear, y, rows, derivative ? x : NULL, dx));
    snprintf(label, sizeof label, "%s backward, input", name);
    report(label, flops, 0.0, s->product_peak, 0.0, 1);
    MEASURE(ops->linear_backward_weight(s->device, linear, x, y, rows, dweight, bias));
    snprintf(label, sizeof label, "%s backward, weight and bias", name);
    report(label, flops, 0.0, s->product_peak, 0.0, 1);
    ops->linear_free(s->device, linear);
    void *all[] = {x, y, other, dx, weight, bias, dweight};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ops->release(s->device, all[i]);
}

static void bench_attention(const setting *s) {
    const vt_compute_ops *ops = s->device->ops;
    int64_t rows = s->images * s->tokens, dim = s->hidden / s->heads;
    double flops = 4.0 * (double)rows * (double)s->tokens * (double)s->hidden;
    act *qkv = make_act(s, rows * 3 * s->hidden), *dqkv = make_act(s, rows * 3 * s->hidden);
    act *out = make_act(s, rows * s->hidden), *dout = make_act(s, rows * s->hidden);
    float *log_sum_exp = make_floats(s, rows * s->heads);
    vt_dropout dropout = {.probability = 0.1f};
    MEASURE(ops->attention_forward(s->device, s->precision, qkv, s->images, s->tokens, s->tokens, s->heads, dim, &dropout, out,
                                   log_sum_exp));
    report("attention forward, dropout 0.1", flops, 0.0, s->product_peak, 0.0, 0);
    MEASURE(ops->attention_forward(s->device, s->precision, qkv, s->images, s->tokens, s->tokens, s->heads, dim, NULL, out,
                                   log_sum_exp));
    report("attention forward", flops, 0.0, s->product_peak, 0.0, 1);
    MEASURE(ops->attention_backward(s->device, s->precision, dout, qkv, out, log_sum_exp, s->images, s->tokens, s->tokens,
                                    s->heads, dim, NULL, dqkv));
    report("attention backward (2.5 x forward)", 2.5 * flops, 0.0, s->product_peak, 0.0, 1);
    void *all[] = {qkv, dqkv, out, dout, log_sum_exp};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ops->release(s->device, all[i]);
}

static void bench_rows(const setting *s) {
    const vt_compute_ops *ops = s->device->ops;
    int64_t rows = s->images * s->tokens, count = rows * s->hidden;
    double bytes = (double)count * (double)vt_act_size(s->precision);
    act *x = make_act(s, count), *y = make_act(s, count), *dx = make_act(s, count);
    float *gamma = make_floats(s, s->hidden), *beta = make_floats(s, s->hidden);
    float *mean = make_floats(s, rows), *inverse_std = make_floats(s, rows);
    vt_dropout dropout = {.probability = 0.1f};
    for (int i = 0; i < 2; i++) { /* there are two in a layer */
        MEASURE(ops->layer_norm_forward(s->device, s->precision, x, s->hidden, gamma, beta, 1e-12f, rows, s->hidden, y, mean,
                                        inverse_std));
        report("layer norm forward", 0.0, 2.0 * bytes, 0.0, s->copy_rate, 1);
        MEASURE(ops->layer_norm_backward(s->device, s->precision, y, x, s->hidden, gamma, mean, inverse_std, rows, s->hidden,
                                         dx, dx, gamma, beta));
        report("layer norm backward", 0.0, 4.0 * bytes, 0.0, s->copy_rate, 1);
    }
    MEASURE(ops->dropout(s->device, s->precision, x, NULL, s->images, s->tokens * s->hidden, &dropout, y));
    report("dropout", 0.0, 2.0 * bytes, 0.0, s->copy_rate, 0);
    void *all[] = {x, y, dx, gamma, beta, mean, inverse_std};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ops->release(s->device, all[i]);
}

static void bench_optimizer(const setting *s) {
    const vt_compute_ops *ops = s->device->ops;
    int64_t count = 12 * (4 * s->hidden * s->hidden + 2 * s->hidden * s->intermediate);
    const vt_segment segment = {.count = count, .decay = 1};
    vt_update update = {.learning_rate = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .gradient_scale = 1.0, .step = 1};
    float *p = make_floats(s, count), *g = make_floats(s, count), *m = make_floats(s, count), *v = make_floats(s, count);
    double norm;
    for (int64_t i = 0; i < count; i++) v[i] = 1.0f;
    MEASURE(ops->grad_norm(s->device, g, count, &norm));
    report("gradient norm, 12 layers", 0.0, 4.0 * (double)count, 0.0, s->copy_rate, 0);
    MEASURE(ops->optimizer_step(s->device, &update, &segment, 1, p, g, m, v));
    report("AdamW, 12 layers", 0.0, 28.0 * (double)count, 0.0, s->copy_rate, 0);
    float *all[] = {p, g, m, v};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ops->release(s->device, all[i]);
}

static void bench_model(setting *s, int64_t hidden, const char *model, int64_t images) {
    s->hidden = hidden;
    s->heads = hidden / 64;
    s->intermediate = 4 * hidden;
    s->images = images;
    total_time = total_flops = 0.0;
    printf("ViT-%s/16, %s, %d images of %d tokens\n", model, vt_precision_name(s->precision), (int)images, (int)s->tokens);
    bench_linear(s, "qkv", hidden, 3 * hidden, VT_EPILOGUE_NONE, 0);
    bench_linear(s, "projection", hidden, hidden, VT_EPILOGUE_RESIDUAL, 0);
    bench_linear(s, "fc1 + GELU", hidden, 4 * hidden, VT_EPILOGUE_ACTIVATION, 0);
    bench_linear(s, "fc2", 4 * hidden, hidden, VT_EPILOGUE_RESIDUAL, 1);
    bench_attention(s);
    bench_rows(s);
    bench_optimizer(s);
    printf("  one layer, forward and backward    %9.3f ms %8.0f GFLOP/s; 12 layers: %.2f images/s\n", total_time * 1e3,
           total_flops / total_time * 1e-9, (double)images / (12.0 * total_time));
}

/* Whether `word` was given, or neither it nor its `alternative`. */
static int wanted(int count, char **words, const char *word, const char *alternative) {
    int other = 0;
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], word) == 0) return 1;
        if (strcmp(words[i], alternative) == 0) other = 1;
    }
    return !other;
}

int main(int count, char **words) {
    int64_t images = 0;
    for (int i = 1; i < count; i++)
        if (atoi(words[i]) > 0) images = atoi(words[i]);
    for (int precision = VT_PRECISION_FP32; precision <= VT_PRECISION_BF16; precision++) {
        setting s = {.precision = (vt_precision)precision, .tokens = 197};
        if (!wanted(count, words, vt_precision_name(s.precision), vt_precision_name(!s.precision))) continue;
        check(vt_device_open("cpu", &s.device));
        check(measure_limits(&s));
        for (int batch = 8; batch <= 32; batch *= 4) {
            if (images && batch != 8) continue;
            if (wanted(count, words, "tiny", "base")) bench_model(&s, 192, "Ti", images ? images : batch);
            if (wanted(count, words, "base", "tiny")) bench_model(&s, 768, "B", images ? images : batch);
        }
        vt_device_close(s.device);
    }
    return 0;
}
