/* The device's limit: every thread at once doing nothing but arithmetic in registers. */
#include "base/threads.h"
#include "compute/cpu/cpu.h"

enum { RUNS = 5 };

/* The best of a few runs, as other programs can only slow it down. A run ends with its slowest thread. */
vt_status vt_cpu_measure_peak(vt_device *device, vt_precision precision, double *rate) {
    const vt_cpu_device *cpu = vt_cpu(device);
    vt_precision product = precision == VT_PRECISION_BF16 && cpu->native_bf16 ? VT_PRECISION_BF16 : VT_PRECISION_FP32;
    *rate = 0;
    for (int run = 0; run < RUNS; run++) {
        double operations = 0, start = vt_now();
#pragma omp parallel num_threads(cpu->threads) reduction(+ : operations)
        operations += cpu->kernels->peak(product);
        double reached = operations / (vt_now() - start);
        if (reached > *rate) *rate = reached;
    }
    return VT_OK;
}
