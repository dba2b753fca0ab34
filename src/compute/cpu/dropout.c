/* Dropout of hidden states, and the keys of all dropout masks. */
#include "base/random.h"
#include "compute/cpu/cpu.h"
#include <math.h>

/* Each (seed, step, site) has a key of its own, drawn from the seed's stream for dropout; vector_random.h says how it makes
 * the words of a sample's elements. */
vt_dropout_plan vt_cpu_dropout_plan(const vt_dropout *dropout) {
    vt_random random = vt_random_stream(dropout->seed, VT_PURPOSE_DROPOUT, dropout->site, dropout->step);
    double threshold = ceil((double)dropout->probability * 4294967296.0);
    vt_dropout_plan plan = {.threshold = threshold < 4294967295.0 ? (uint32_t)threshold : 4294967295u,
                            .scale = (float)(1.0 / (1.0 - (double)dropout->probability))};
    plan.key[0] = vt_random_u32(&random);
    plan.key[1] = vt_random_u32(&random);
    return plan;
}

vt_status vt_cpu_dropout(vt_device *device, vt_precision precision, const act *x, const act *residual, int64_t samples,
                         int64_t per_sample, const vt_dropout *dropout, act *y) {
    const int64_t piece = 1 << 14; /* a multiple of 64: vectors of a mask are whole */
    vt_cpu_device *cpu = vt_cpu(device);
    int64_t pieces = (per_sample + piece - 1) / piece;
    vt_dropout_plan plan = vt_cpu_dropout_plan(dropout);
    if (device->rehearsing) return VT_OK;
#pragma omp parallel for schedule(dynamic) num_threads(cpu->threads)
    for (int64_t index = 0; index < samples * pieces; index++) {
        int64_t sample = index / pieces, begin = index % pieces * piece, at = sample * per_sample;
        cpu->kernels->dropout(precision, vt_act_at(precision, x, at), residual ? vt_act_at(precision, residual, at) : NULL,
                              &plan, (uint64_t)(dropout->first_sample + sample), begin, vt_min64(begin + piece, per_sample),
                              vt_act_at(precision, y, at));
    }
    return VT_OK;
}
