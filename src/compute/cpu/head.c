/* The classifier on the class tokens: small products in float32. */
#include "compute/cpu/cpu.h"
#include <string.h>

vt_status vt_cpu_head_forward(vt_device *device, vt_precision precision, const act *x, const float *weight, const float *bias,
                              int64_t batch, int64_t hidden, int64_t labels, float *logits) {
    vt_cpu_device *cpu = vt_cpu(device);
    if (device->rehearsing) return VT_OK;
#pragma omp parallel for schedule(static) num_threads(cpu->threads)
    for (int64_t index = 0; index < batch * labels; index++) {
        int64_t sample = index / labels, label = index % labels;
        logits[index] =
            cpu->kernels->dot(precision, vt_act_at(precision, x, sample * hidden), weight + label * hidden, hidden) +
            (bias ? bias[label] : 0.0f);
    }
    return VT_OK;
}

/* dx in the samples' order, dweight and dbias in the labels': each sum has one owner. */
vt_status vt_cpu_head_backward(vt_device *device, vt_precision precision, const float *dlogits, const act *x,
                               const float *weight, int64_t batch, int64_t hidden, int64_t labels, act *dx, float *dweight,
                               float *dbias) {
    vt_cpu_device *cpu = vt_cpu(device);
    VT_TRY(vt_cpu_reserve_shared(cpu, (size_t)(batch * hidden) * sizeof(float)));
    if (device->rehearsing) return VT_OK;
    float *sums = cpu->shared; /* [batch, hidden] */
#pragma omp parallel for schedule(static) num_threads(cpu->threads)
    for (int64_t sample = 0; sample < batch; sample++) {
        float *sum = sums + sample * hidden;
        memset(sum, 0, (size_t)hidden * sizeof(float));
        for (int64_t label = 0; label < labels; label++)
            cpu->kernels->add_scaled(VT_PRECISION_FP32, dlogits[sample * labels + label], weight + label * hidden, sum, hidden);
        if (precision == VT_PRECISION_BF16)
            cpu->kernels->from_float(sum, NULL, NULL, (vt_bf16 *)dx + sample * hidden, hidden);
        else
            memcpy((float *)dx + sample * hidden, sum, (size_t)hidden * sizeof(float));
    }
#pragma omp parallel for schedule(static) num_threads(cpu->threads)
    for (int64_t label = 0; label < labels; label++)
        for (int64_t sample = 0; sample < batch; sample++) {
            float gradient = dlogits[sample * labels + label];
            cpu->kernels->add_scaled(precision, gradient, vt_act_at(precision, x, sample * hidden), dweight + label * hidden,
                                     hidden);
            if (dbias) dbias[label] += gradient;
        }
    return VT_OK;
}
