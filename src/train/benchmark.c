/* Benchmarks: the same calls that training and evaluation make, on random images, timed. */
#include "vitrain/benchmark.h"

#include "base/memory.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/threads.h"
#include "compute/timing.h"
#include "model/parameters.h"
#include "model/vit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { LABELS = 14, WARM_UP_STEPS = 2, STEPS_MIN = 5, STEPS_MAX = 10000, TIMED_STEPS = 3, BATCH_MAX = 65536 };
static const double SECONDS_MEASURED = 10;

typedef struct benchmark {
    const vt_benchmark_options *options;
    vt_device *device;
    vt_model *model;
    vt_vit *vit;
    uint8_t *pixels;   /* [batch, height, width, 1] */
    float *targets;    /* [batch, LABELS] */
    float *losses;     /* [batch] */
    float *logits;     /* [batch, LABELS] */
    float *moments[2]; /* [value_count], when training */
    double *seconds;   /* [steps] */
    int taken;         /* steps, warm-up included */
} benchmark;

void vt_benchmark_options_init(vt_benchmark_options *options, const vt_device *device) {
    vt_device_info info = {0};
    if (device) vt_device_get_info(device, &info);
    *options = (vt_benchmark_options){.model = "vit-tiny-patch16-224",
                                      .precision = info.native_bf16 ? VT_PRECISION_BF16 : VT_PRECISION_FP32,
                                      .batch_size = 32,
                                      .train = 1};
}

static vt_status check_options(const vt_benchmark_options *options) {
    if (options->batch_size < 1 || options->batch_size > BATCH_MAX)
        return vt_fail(VT_ERROR_USAGE, "batch_size: %d; expected 1 to %d", options->batch_size, BATCH_MAX);
    if (options->steps < 0 || options->steps > STEPS_MAX)
        return vt_fail(VT_ERROR_USAGE, "steps: %d; expected 0 (10 seconds) to %d", options->steps, STEPS_MAX);
    if (options->gradient_checkpointing && !options->train)
        return vt_fail(VT_ERROR_USAGE, "gradient_checkpointing: recomputes for a backward pass, which inference has none of");
    return VT_OK;
}

/* Floating-point operations of one image; a product of [m, k] and [k, n] counts 2 m k n, a backward twice its forward. In the
 * last layer only the class token is more than a key and a value. */
static double operations_per_image(const vt_vit_config *config, int train) {
    double tokens = (double)vt_config_tokens(config), hidden = config->hidden_size;
    double patch_values = (double)config->num_channels * config->patch_size * config->patch_size;
    double layer = 2 * tokens * hidden * (4 * hidden + 2.0 * config->intermediate_size) + 4 * tokens * tokens * hidden;
    double last = 2 * hidden * (3 * tokens * hidden + hidden + 2.0 * config->intermediate_size) + 4 * tokens * hidden;
    double forward = (config->num_hidden_layers - 1) * layer + last + 2 * (tokens - 1) * patch_values * hidden;
    return train ? 3 * forward : forward;
}

static vt_status open_model(benchmark *b) {
    vt_model_options options;
    vt_model_options_init(&options);
    options.num_labels = LABELS;
    options.problem_type = VT_PROBLEM_MULTI_LABEL;
    return vt_model_open(b->options->model, &options, NULL, &b->model);
}

static vt_status draw_batch(benchmark *b) {
    const vt_vit_config *config = &b->model->config;
    size_t batch = (size_t)b->options->batch_size;
    size_t pixels = batch * (size_t)config->image_height * (size_t)config->image_width;
    vt_random random = vt_random_stream(1, VT_PURPOSE_TEST, 0, 0);
    VT_TRY(vt_allocate(&b->pixels, pixels, 1, "images"));
    VT_TRY(vt_allocate(&b->targets, batch * LABELS, sizeof(float), "labels"));
    VT_TRY(vt_allocate(&b->logits, batch * LABELS, sizeof(float), "logits"));
    VT_TRY(vt_allocate(&b->losses, batch, sizeof(float), "losses"));
    for (size_t i = 0; i < pixels; i++) b->pixels[i] = (uint8_t)vt_random_u32(&random);
    for (size_t i = 0; i < batch * LABELS; i++) b->targets[i] = vt_random_uniform(&random) < 0.1;
    return VT_OK;
}

static vt_status place(benchmark *b) {
    const vt_benchmark_options *options = b->options;
    for (int i = 0; i < 2 && options->train; i++)
        VT_TRY(vt_allocate_pages(&b->moments[i], (size_t)b->model->value_count, sizeof(float), "the optimizer's moments"));
    vt_vit_options placement = {.precision = options->precision,
                                .max_batch = options->batch_size,
                                .pixel_channels = 1,
                                .train = options->train,
                                .recompute = options->gradient_checkpointing,
                                .host = {b->model->values, b->moments[0], b->moments[1]}};
    return vt_vit_create(b->device, b->model, &placement, &b->vit);
}

static vt_status train_step(benchmark *b) {
    vt_loss_options loss = {.problem_type = VT_PROBLEM_MULTI_LABEL};
    vt_vit_step step = {.seed = 1, .step = (uint64_t)b->taken};
    double norm;
    VT_TRY(vt_vit_zero_gradients(b->vit));
    VT_TRY(vt_vit_forward_backward(b->vit, b->pixels, b->targets, b->options->batch_size, &step, &loss,
                                   1.0f / (float)b->options->batch_size, b->losses, NULL));
    VT_TRY(vt_vit_grad_norm(b->vit, &norm));
    vt_update update = {.rule = VT_UPDATE_ADAMW,
                        .learning_rate = 1e-4,
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .epsilon = 1e-8,
                        .weight_decay = 0.05,
                        .gradient_scale = norm > 1 ? 1 / norm : 1,
                        .step = b->taken + 1};
    return vt_vit_update(b->vit, &update);
}

static vt_status take_step(benchmark *b, double *seconds) {
    double start = vt_now();
    if (vt_stop_requested()) return vt_fail(VT_ERROR_INTERRUPTED, "stopped while measuring");
    VT_TRY(b->options->train ? train_step(b) : vt_vit_forward(b->vit, b->pixels, b->options->batch_size, NULL, b->logits));
    b->taken++;
    *seconds = vt_now() - start;
    return VT_OK;
}

static double processor_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + 1e-6 * (double)usage.ru_utime.tv_usec;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Steps as many as asked for, or as fill the time that a step of `last` seconds allows. */
static int steps_to_take(const vt_benchmark_options *options, double last) {
    if (options->steps) return options->steps;
    double fitting = SECONDS_MEASURED / (last > 1e-9 ? last : 1e-9);
    return fitting < STEPS_MIN ? STEPS_MIN : fitting > STEPS_MAX ? STEPS_MAX : (int)fitting;
}

static vt_status measure_steps(benchmark *b, double last, const vt_console *console, vt_benchmark *out) {
    int steps = steps_to_take(b->options, last);
    double batch = b->options->batch_size;
    vt_progress progress;
    VT_TRY(vt_allocate(&b->seconds, (size_t)steps, sizeof *b->seconds, "times of steps"));
    vt_progress_begin(&progress, console, "Measuring", "steps", 0, steps);
    out->processor_seconds = -processor_seconds();
    vt_status status = VT_OK;
    for (int i = 0; i < steps && status == VT_OK; i++) {
        status = take_step(b, &b->seconds[i]);
        vt_progress_update(&progress, i + 1, NULL);
    }
    vt_progress_end(&progress);
    VT_TRY(status);
    out->processor_seconds = (out->processor_seconds + processor_seconds()) / steps;
    qsort(b->seconds, (size_t)steps, sizeof *b->seconds, ascending);
    out->steps = steps;
    out->images_per_second = batch / b->seconds[steps / 2];
    out->images_per_second_low = batch / b->seconds[steps - 1];
    out->images_per_second_high = batch / b->seconds[0];
    return VT_OK;
}

static vt_status measure_operators(benchmark *b, vt_benchmark *out) {
    vt_timing *timing;
    vt_operator_time time;
    double total = 0, seconds = 0;
    vt_status status = VT_OK;
    VT_TRY(vt_timing_start(b->device, &timing));
    for (int i = 0; i < TIMED_STEPS && status == VT_OK; i++) {
        status = take_step(b, &seconds);
        total += seconds;
    }
    for (int i = 0; i < VT_BENCHMARK_OPERATORS_MAX && status == VT_OK && vt_timing_get(timing, i, &time); i++)
        out->operators[out->operator_count++] =
            (vt_benchmark_operator){.name = time.name, .seconds = time.seconds / TIMED_STEPS, .share = time.seconds / total};
    vt_timing_free(timing);
    return status;
}

static vt_status run(benchmark *b, const vt_console *console, vt_benchmark *out) {
    double start = vt_now(), seconds, peak;
    struct rusage usage;
    VT_TRY(open_model(b));
    VT_TRY(draw_batch(b));
    VT_TRY(place(b));
    VT_TRY(take_step(b, &seconds));
    out->startup_seconds = vt_now() - start;
    while (b->taken < WARM_UP_STEPS) VT_TRY(take_step(b, &seconds));
    VT_TRY(measure_steps(b, seconds, console, out));
    VT_TRY(measure_operators(b, out));
    VT_TRY(b->device->ops->measure_peak(b->device, b->options->precision, &peak));
    getrusage(RUSAGE_SELF, &usage);
    out->gflop_per_image = 1e-9 * operations_per_image(&b->model->config, b->options->train);
    out->achieved_gflops = out->gflop_per_image * out->images_per_second;
    out->peak_gflops = 1e-9 * peak;
    out->share_of_peak = out->achieved_gflops / out->peak_gflops;
    out->planned_memory_bytes = vt_vit_memory(b->vit).total;
    out->peak_memory_bytes = (uint64_t)usage.ru_maxrss * 1024;
    return VT_OK;
}

vt_status vt_benchmark_run(vt_device *device, const vt_benchmark_options *options, const vt_console *console,
                           vt_benchmark *out) {
    benchmark b = {.options = options, .device = device};
    *out = (vt_benchmark){0};
    VT_TRY(check_options(options));
    vt_status status = run(&b, console, out);
    vt_vit_free(b.vit);
    vt_model_close(b.model);
    free(b.pixels);
    free(b.targets);
    free(b.losses);
    free(b.logits);
    vt_free_pages(b.moments[0]);
    vt_free_pages(b.moments[1]);
    free(b.seconds);
    return status;
}
