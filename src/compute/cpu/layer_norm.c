/* Layer norm over rows; its parameter gradients are summed per block of rows, then over the blocks in order. */
#include "compute/cpu/cpu.h"
#include <string.h>

enum { BLOCK_ROWS = 64 };

vt_status vt_cpu_layer_norm_forward(vt_device *device, vt_precision precision, const act *x, int64_t x_stride,
                                    const float *gamma, const float *beta, float epsilon, int64_t rows, int64_t hidden, act *y,
                                    float *mean, float *inverse_std) {
    vt_cpu_device *cpu = vt_cpu(device);
    if (device->rehearsing) return VT_OK;
#pragma omp parallel for schedule(dynamic) num_threads(cpu->threads)
    for (int64_t first = 0; first < rows; first += BLOCK_ROWS)
        cpu->kernels->layer_norm_forward(precision, vt_act_at(precision, x, first * x_stride), x_stride, gamma, beta, epsilon,
                                         vt_min64(BLOCK_ROWS, rows - first), hidden, vt_act_at(precision, y, first * hidden),
                                         mean + first, inverse_std + first);
    return VT_OK;
}

vt_status vt_cpu_layer_norm_backward(vt_device *device, vt_precision precision, const act *dy, const act *x, int64_t x_stride,
                                     const float *gamma, const float *mean, const float *inverse_std, int64_t rows,
                                     int64_t hidden, const act *residual_gradient, act *dx, float *dgamma, float *dbeta) {
    vt_cpu_device *cpu = vt_cpu(device);
    int64_t blocks = (rows + BLOCK_ROWS - 1) / BLOCK_ROWS, padded = (hidden + 15) / 16 * 16;
    VT_TRY(vt_cpu_reserve_shared(cpu, (size_t)(blocks * 2 * padded) * sizeof(float)));
    if (device->rehearsing) return VT_OK;
    float *sums = cpu->shared; /* [blocks, {dgamma, dbeta}, padded] */
#pragma omp parallel num_threads(cpu->threads)
    {
#pragma omp for schedule(dynamic)
        for (int64_t block = 0; block < blocks; block++) {
            int64_t first = block * BLOCK_ROWS, at = first * x_stride;
            float *sum = sums + block * 2 * padded;
            memset(sum, 0, (size_t)(2 * padded) * sizeof(float));
            cpu->kernels->layer_norm_backward(precision, vt_act_at(precision, dy, first * hidden), vt_act_at(precision, x, at),
                                              x_stride, gamma, mean + first, inverse_std + first,
                                              vt_min64(BLOCK_ROWS, rows - first), hidden,
                                              residual_gradient ? vt_act_at(precision, residual_gradient, at) : NULL,
                                              vt_act_at(precision, dx, at), sum, sum + padded);
        }
#pragma omp for schedule(static)
        for (int64_t first = 0; first < hidden; first += 64) {
            int64_t count = vt_min64(64, hidden - first);
            cpu->kernels->add_columns(VT_PRECISION_FP32, sums + first, 2 * padded, blocks, count, dgamma + first);
            cpu->kernels->add_columns(VT_PRECISION_FP32, sums + padded + first, 2 * padded, blocks, count, dbeta + first);
        }
    }
    return VT_OK;
}
