/* vitrain bench: how fast this machine trains and infers, beside what it could do. */
#include "commands.h"
#include "options.h"
#include "terminal.h"
#include "text.h"
#include "vitrain/benchmark.h"

#include <string.h>

typedef struct bench_settings {
    vt_benchmark_options options;
    const char *device;
    int precision, mode, json;
} bench_settings;

static void describe(const bench_settings *settings, const vt_device_info *info, const vt_benchmark *b) {
    const vt_benchmark_options *options = &settings->options;
    say("%s, batch %d, %s, %s%s: %s, %s, %d thread%s, %s", options->model, options->batch_size,
        vt_precision_name(options->precision), options->train ? "training" : "inference",
        options->gradient_checkpointing ? " with recomputation" : "", info->description, info->isa, info->threads,
        info->threads == 1 ? "" : "s", info->library);
    say("  images per second   %.4g, median of %d steps; %.4g to %.4g", b->images_per_second, b->steps,
        b->images_per_second_low, b->images_per_second_high);
    say("  GFLOP/s             %.4g of %.4g in registers alone: %.1f %% of the machine's peak", b->achieved_gflops,
        b->peak_gflops, 100 * b->share_of_peak);
    say("  GFLOP per image     %.4g, the model's own", b->gflop_per_image);
    say("  to the first step   %.2f s", b->startup_seconds);
    say("  processor time      %.4g s per step", b->processor_seconds);
    say("  memory              %.0f MB planned, %.0f MB at most seen", 1e-6 * (double)b->planned_memory_bytes,
        1e-6 * (double)b->peak_memory_bytes);
    say("  by operator, per step");
    for (int i = 0; i < b->operator_count; i++)
        say("    %-24s %10.3f ms %6.1f %%", b->operators[i].name, 1e3 * b->operators[i].seconds, 100 * b->operators[i].share);
}

static int print_json(const bench_settings *settings, const vt_device_info *info, const vt_benchmark *b) {
    const vt_benchmark_options *options = &settings->options;
    text line = {0};
    text_add(&line, "{\"model\": ");
    text_add_json(&line, options->model);
    text_add(&line, ", \"precision\": \"%s\", \"batch_size\": %d, \"mode\": \"%s\", \"gradient_checkpointing\": %s",
             vt_precision_name(options->precision), options->batch_size, options->train ? "train" : "infer",
             options->gradient_checkpointing ? "true" : "false");
    text_add(&line, ", \"processor\": ");
    text_add_json(&line, info->description);
    text_add(&line, ", \"isa\": \"%s\", \"threads\": %d, \"library\": ", info->isa, info->threads);
    text_add_json(&line, info->library);
    text_add(&line, ", \"steps\": %d, \"images_per_second\": %.6g, \"images_per_second_spread\": [%.6g, %.6g]", b->steps,
             b->images_per_second, b->images_per_second_low, b->images_per_second_high);
    text_add(&line, ", \"gflop_per_image\": %.6g, \"peak_gflops\": %.6g, \"achieved_gflops\": %.6g, \"share_of_peak\": %.4f",
             b->gflop_per_image, b->peak_gflops, b->achieved_gflops, b->share_of_peak);
    text_add(&line, ", \"startup_seconds\": %.4f, \"processor_seconds_per_step\": %.6g", b->startup_seconds,
             b->processor_seconds);
    text_add(&line, ", \"planned_memory_bytes\": %llu, \"peak_memory_bytes\": %llu, \"operators\": [",
             (unsigned long long)b->planned_memory_bytes, (unsigned long long)b->peak_memory_bytes);
    for (int i = 0; i < b->operator_count; i++)
        text_add(&line, "%s{\"name\": \"%s\", \"seconds_per_step\": %.6g, \"share\": %.4f}", i ? ", " : "",
                 b->operators[i].name, b->operators[i].seconds, b->operators[i].share);
    text_add(&line, "]}");
    int failed = text_failed(&line);
    if (!failed) say_text(line.data);
    text_free(&line);
    return failed ? fail("cannot print: out of memory") : 0;
}

static int measure(bench_settings *settings, vt_device *device) {
    vt_device_info info;
    vt_benchmark result;
    vt_device_get_info(device, &info);
    settings->options.train = settings->mode == 0;
    settings->options.precision = settings->precision >= 0 ? (vt_precision)settings->precision
                                  : info.native_bf16       ? VT_PRECISION_BF16
                                                           : VT_PRECISION_FP32;
    vt_status status = vt_benchmark_run(device, &settings->options, terminal_console(), &result);
    if (status != VT_OK) return fail_status(status);
    if (settings->json) return print_json(settings, &info, &result);
    describe(settings, &info, &result);
    return 0;
}

int command_bench(int argc, char **argv) {
    static const char *const modes[] = {"train", "infer", NULL}, *const precisions[] = {"fp32", "bf16", NULL};
    bench_settings settings = {.device = "cpu", .precision = -1};
    vt_benchmark_options_init(&settings.options, NULL);
    vt_benchmark_options *options = &settings.options;
    cli_option rows[] = {
        OPTION("model", "MODEL", "model folder or preset", OPTION_TEXT, &options->model),
        OPTION("precision", "P", "of products and activations", OPTION_CHOICE, &settings.precision, .choices = precisions,
               .initial = "bf16 where the machine computes it, else fp32"),
        OPTION("batch", "N", "images per step", OPTION_INTEGER, &options->batch_size, .low = 1, .high = 65536),
        OPTION("mode", "MODE", "whole training steps, or inference", OPTION_CHOICE, &settings.mode, .choices = modes),
        OPTION("gradient-checkpointing", NULL, "recompute activations in backward", OPTION_FLAG,
               &options->gradient_checkpointing),
        OPTION("steps", "N", "to measure", OPTION_INTEGER, &options->steps, .low = 0, .high = 10000,
               .initial = "as many as fill 10 seconds"),
        OPTION("device", "NAME", "where to compute", OPTION_TEXT, &settings.device),
        OPTION("json", NULL, "one JSON object instead of lines", OPTION_FLAG, &settings.json),
        {0},
    };
    command_line line = {.usage = "vitrain bench [--model MODEL] [--precision P] [--batch N] [--mode train|infer] [--json]",
                         .description = "Measures images per second, the share of the machine's peak that they are, where the\n"
                                        "time goes, and memory, on random images.",
                         .options = rows};
    int code = parse_options(&line, argc, argv);
    if (code != 0 || line.helped) return code;
    vt_device *device;
    vt_status status = vt_device_open(settings.device, &device);
    if (status != VT_OK) return fail_status(status);
    code = measure(&settings, device);
    vt_device_close(device);
    return code;
}
