/* Speed of whole training steps (forward, backward, clipping, AdamW) of a preset on random images.
 *
 *     bench_step [preset [batch [precision [steps]]]]      vit-tiny-patch16-224 32 bf16 10
 *
 * Prints the median over the steps, their spread, the arithmetic rate and its share of what one large matrix product
 * reaches on the same machine, the processor time per step, and where the time goes by operator.
 * bench/peers/step.py does the same with transformers and PyTorch. */
#include "base/memory.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/threads.h"
#include "model/parameters.h"
#include "model/vit.h"
#include "step_timer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { LABELS = 14, WARM_UP_STEPS = 2, STEPS_MAX = 1000 };

typedef struct bench {
    const char *preset;
    int batch, steps;
    vt_precision precision;
    vt_device *device;
    vt_model *model;
    vt_vit *vit;
    uint8_t *pixels; /* [batch, height, width, 1] */
    float *targets;  /* [batch, LABELS] */
    float *losses;   /* [batch] */
    double seconds[STEPS_MAX];
    double total, processor; /* seconds of all steps: on the wall, and of all threads in user mode */
} bench;

/* Floating-point operations of a forward and backward per image; a product of [m, k] and [k, n] counts 2 m k n. In the last
 * layer only the class token is more than a key and a value. */
static double step_operations(const vt_vit_config *config) {
    double tokens = (double)vt_config_tokens(config), hidden = config->hidden_size;
    double patch_values = (double)config->num_channels * config->patch_size * config->patch_size;
    double layer = 2 * tokens * hidden * (4 * hidden + 2.0 * config->intermediate_size) + 4 * tokens * tokens * hidden;
    double last = 2 * hidden * (3 * tokens * hidden + hidden + 2.0 * config->intermediate_size) + 4 * tokens * hidden;
    return 3 * ((config->num_hidden_layers - 1) * layer + last + 2 * (tokens - 1) * patch_values * hidden);
}

static vt_status open_model(bench *b) {
    static const char *const labels[LABELS] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14"};
    vt_model_options options;
    vt_model_options_init(&options);
    options.num_labels = LABELS;
    options.label_names = labels;
    return vt_model_open(b->preset, &options, NULL, &b->model);
}

static vt_status draw_batch(bench *b) {
    const vt_vit_config *config = vt_model_get_config(b->model);
    size_t pixel_count = (size_t)b->batch * (size_t)config->image_height * (size_t)config->image_width;
    vt_random random = vt_random_stream(1, VT_PURPOSE_TEST, 0, 0);
    VT_TRY(vt_allocate(&b->pixels, pixel_count, 1, "pixels"));
    VT_TRY(vt_allocate(&b->targets, (size_t)b->batch * LABELS, sizeof(float), "targets"));
    VT_TRY(vt_allocate(&b->losses, (size_t)b->batch, sizeof(float), "losses"));
    for (size_t i = 0; i < pixel_count; i++) b->pixels[i] = (uint8_t)vt_random_u32(&random);
    for (int i = 0; i < b->batch * LABELS; i++) b->targets[i] = vt_random_uniform(&random) < 0.1;
    return VT_OK;
}

static vt_status run_step(bench *b, int index) {
    vt_loss_options loss = {.problem_type = VT_PROBLEM_MULTI_LABEL};
    vt_vit_step step = {.seed = 1, .step = (uint64_t)index};
    double norm;
    VT_TRY(vt_vit_zero_gradients(b->vit));
    VT_TRY(vt_vit_forward_backward(b->vit, b->pixels, b->targets, b->batch, &step, &loss, 1.0f / (float)b->batch, b->losses,
                                   NULL));
    VT_TRY(vt_vit_grad_norm(b->vit, &norm));
    vt_update update = {.rule = VT_UPDATE_ADAMW,
                        .learning_rate = 1e-4,
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .epsilon = 1e-8,
                        .weight_decay = 0.05,
                        .gradient_scale = norm > 1 ? 1 / norm : 1,
                        .step = index + 1};
    return vt_vit_update(b->vit, &update);
}

/* Operations per second of one large product, the yardstick. */
static vt_status measure_product(bench *b, double *rate) {
    enum { IN = 1024, OUT = 4096, ROWS = 2048, RUNS = 8 };
    const vt_compute_ops *ops = b->device->ops;
    void *weight, *x, *y;
    vt_linear *linear;
    VT_TRY(ops->allocate(b->device, sizeof(float) * IN * OUT, "weight", &weight));
    VT_TRY(ops->allocate(b->device, sizeof(float) * ROWS * IN, "input", &x));
    VT_TRY(ops->allocate(b->device, sizeof(float) * ROWS * OUT, "output", &y));
    VT_TRY(ops->linear_create(b->device, b->precision, IN, OUT, ROWS, 0, &linear));
    VT_TRY(ops->linear_pack(b->device, linear, weight));
    *rate = 0;
    for (int i = 0; i < RUNS; i++) {
        double start = vt_now();
        VT_TRY(ops->linear_forward(b->device, linear, x, ROWS, NULL, VT_EPILOGUE_NONE, VT_ACTIVATION_GELU, NULL, NULL, y));
        double reached = 2.0 * IN * OUT * ROWS / (vt_now() - start);
        if (reached > *rate) *rate = reached;
    }
    ops->linear_free(b->device, linear);
    ops->release(b->device, weight);
    ops->release(b->device, x);
    ops->release(b->device, y);
    return VT_OK;
}

static double user_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + 1e-6 * (double)usage.ru_utime.tv_usec;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static vt_status report(bench *b) {
    struct rusage usage;
    vt_device_info info;
    char planned[32], peak[32];
    double product_rate;
    printf("by operator, per step:\n");
    timer_report(b->device, b->total, b->steps);
    VT_TRY(measure_product(b, &product_rate));
    getrusage(RUSAGE_SELF, &usage);
    vt_device_get_info(b->device, &info);
    vt_format_bytes(vt_vit_memory(b->vit), planned);
    vt_format_bytes((uint64_t)usage.ru_maxrss * 1024, peak);
    qsort(b->seconds, (size_t)b->steps, sizeof *b->seconds, ascending);
    double median = b->seconds[b->steps / 2], spread = b->seconds[b->steps - 1] - b->seconds[0];
    double rate = step_operations(vt_model_get_config(b->model)) * b->batch / median;
    printf("%s batch %d %s: %.2f images/s (median of %d steps, spread %.0f %%), %.0f GFLOP/s (%.0f %% of one large product's "
           "%.0f), %.0f ms of processor time a step, planned %s, peak %s; %s, %d threads, %s\n",
           b->preset, b->batch, vt_precision_name(b->precision), b->batch / median, b->steps, 100 * spread / median, rate / 1e9,
           100 * rate / product_rate, product_rate / 1e9, 1e3 * b->processor / b->steps, planned, peak, info.isa, info.threads,
           info.library);
    return VT_OK;
}

static vt_status run(bench *b) {
    VT_TRY(vt_device_open("cpu", &b->device));
    VT_TRY(open_model(b));
    VT_TRY(draw_batch(b));
    vt_vit_options options = {.precision = b->precision, .max_batch = b->batch, .pixel_channels = 1, .train = 1};
    VT_TRY(vt_vit_create(b->device, b->model, &options, &b->vit));
    for (int i = 0; i < WARM_UP_STEPS; i++) VT_TRY(run_step(b, i));
    timer_start(b->device);
    b->processor = -user_seconds();
    for (int i = 0; i < b->steps; i++) {
        double start = vt_now();
        VT_TRY(run_step(b, WARM_UP_STEPS + i));
        b->total += b->seconds[i] = vt_now() - start;
    }
    b->processor += user_seconds();
    return report(b);
}

int main(int count, char **arguments) {
    bench b = {.preset = count > 1 ? arguments[1] : "vit-tiny-patch16-224",
               .batch = count > 2 ? atoi(arguments[2]) : 32,
               .precision = count > 3 && strcmp(arguments[3], "fp32") == 0 ? VT_PRECISION_FP32 : VT_PRECISION_BF16,
               .steps = count > 4 ? atoi(arguments[4]) : 10};
    if (b.batch < 1 || b.steps < 1 || b.steps > STEPS_MAX) {
        fprintf(stderr, "usage: bench_step [preset [batch [fp32|bf16 [steps]]]]\n");
        return 2;
    }
    vt_status status = run(&b);
    if (status != VT_OK) fprintf(stderr, "bench_step: error: %s\n", vt_error_message());
    vt_vit_free(b.vit);
    vt_model_close(b.model);
    vt_device_close(b.device);
    free(b.pixels);
    free(b.targets);
    free(b.losses);
    return status != VT_OK;
}
