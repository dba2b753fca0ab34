/* Benchmarks of whole training steps and of inference: speed, the machine's own limit, where the time goes, memory. */
#ifndef VITRAIN_BENCHMARK_H
#define VITRAIN_BENCHMARK_H

#include "vitrain/console.h"
#include "vitrain/device.h"
#include "vitrain/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vt_benchmark_options {
    const char *model; /* a preset or a model folder; default "vit-tiny-patch16-224" */
    vt_precision precision;
    int batch_size;             /* default 32 */
    int train;                  /* 1: forward, backward, clipping and AdamW; 0: forward alone. Default 1 */
    int gradient_checkpointing; /* train by recomputing activations */
    int steps;                  /* measured; 0: as many as fill 10 seconds, at least 5 */
} vt_benchmark_options;

/* The device's default precision. */
VT_API void vt_benchmark_options_init(vt_benchmark_options *options, const vt_device *device);

typedef struct vt_benchmark_operator {
    const char *name; /* "linear_forward"; static */
    double seconds;   /* per step */
    double share;     /* of the step, 0 to 1 */
} vt_benchmark_operator;

enum { VT_BENCHMARK_OPERATORS_MAX = 32 };

typedef struct vt_benchmark {
    int steps;                                            /* measured, after warm-up */
    double images_per_second;                             /* by the median step */
    double images_per_second_low, images_per_second_high; /* by the slowest and the fastest step */
    double peak_gflops;            /* what the device reaches in registers alone, by the instruction of its products */
    double achieved_gflops;        /* the model's operations alone: neither recomputation nor the optimizer counts */
    double share_of_peak;          /* 0 to 1 */
    double gflop_per_image;        /* the model's operations */
    double startup_seconds;        /* from the call to the end of the first step: opening, placing, packing, planning */
    double processor_seconds;      /* of all threads, per step */
    uint64_t planned_memory_bytes; /* on the device */
    uint64_t peak_memory_bytes;    /* of the whole process so far */
    int operator_count;
    vt_benchmark_operator operators[VT_BENCHMARK_OPERATORS_MAX]; /* the longest first */
} vt_benchmark;

/* Runs on random images of one channel with 14 labels. A second pass of a few steps, not part of the rate, times the operators.
 */
VT_API vt_status vt_benchmark_run(vt_device *device, const vt_benchmark_options *options, const vt_console *console,
                                  vt_benchmark *out) VT_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
