/* Optimizer steps over the flat buffers of parameters, in blocks of fixed length dealt out to threads. */
#include "compute/cpu/cpu.h"
#include <math.h>

enum { BLOCK = 1 << 15 };

vt_status vt_cpu_grad_norm(vt_device *device, const float *gradients, int64_t count, double *norm) {
    vt_cpu_device *cpu = vt_cpu(device);
    int64_t blocks = (count + BLOCK - 1) / BLOCK;
    VT_TRY(vt_cpu_reserve_shared(cpu, (size_t)blocks * sizeof(double)));
    *norm = 0.0;
    if (device->rehearsing) return VT_OK;
    double *sums = cpu->shared, total = 0.0;
#pragma omp parallel for schedule(dynamic) num_threads(cpu->threads)
    for (int64_t block = 0; block < blocks; block++)
        sums[block] = cpu->kernels->sum_of_squares(gradients + block * BLOCK, vt_min64(BLOCK, count - block * BLOCK));
    for (int64_t block = 0; block < blocks; block++) total += sums[block];
    *norm = sqrt(total);
    return VT_OK;
}

static vt_update_plan plan_update(const vt_update *update) {
    double correction1 = 1.0 - pow(update->beta1, (double)update->step);
    double correction2 = 1.0 - pow(update->beta2, (double)update->step);
    int adamw = update->rule == VT_UPDATE_ADAMW;
    return (vt_update_plan){
        .gradient_scale = (float)update->gradient_scale,
        .one_minus_beta1 = (float)(1.0 - update->beta1),
        .beta2 = (float)update->beta2,
        .one_minus_beta2 = (float)(1.0 - update->beta2),
        .epsilon = (float)update->epsilon,
        .decay_factor = (float)(1.0 - update->learning_rate * update->weight_decay),
        .weight_decay = (float)update->weight_decay,
        .momentum = (float)update->momentum,
        .step_size = (float)(adamw ? update->learning_rate / correction1 : update->learning_rate),
        .root_correction2 = (float)sqrt(correction2),
        .inverse_correction1 = (float)(1.0 / correction1),
    };
}

/* A block of a segment; blocks don't cross segments. */
typedef struct block_place {
    int segment;
    int64_t first, count; /* in the flat buffers */
} block_place;

/* The block that is number `index` of all segments' blocks. */
static block_place find_block(const vt_segment *segments, int64_t index) {
    int segment = 0;
    for (;; segment++) {
        int64_t blocks = (segments[segment].count + BLOCK - 1) / BLOCK;
        if (index < blocks) break;
        index -= blocks;
    }
    return (block_place){.segment = segment,
                         .first = segments[segment].offset + index * BLOCK,
                         .count = vt_min64(BLOCK, segments[segment].count - index * BLOCK)};
}

static int64_t count_blocks(const vt_segment *segments, int count) {
    int64_t blocks = 0;
    for (int i = 0; i < count; i++) blocks += (segments[i].count + BLOCK - 1) / BLOCK;
    return blocks;
}

/* LAMB's trust ratio of each segment needs the norms of all its parameters and updates first: two passes. */
static vt_status lamb_step(vt_cpu_device *cpu, const vt_update_plan *plan, const vt_segment *segments, int count,
                           float *parameters, const float *gradients, float *moment1, float *moment2) {
    int64_t blocks = count_blocks(segments, count);
    VT_TRY(vt_cpu_reserve_shared(cpu, (size_t)(2 * blocks + count) * sizeof(double)));
    if (cpu->base.rehearsing) return VT_OK;
    double *squares = cpu->shared, *rates = squares + 2 * blocks; /* [blocks, 2], [count] */
#pragma omp parallel for schedule(dynamic) num_threads(cpu->threads)
    for (int64_t index = 0; index < blocks; index++) {
        block_place b = find_block(segments, index);
        cpu->kernels->lamb_moments(plan, segments[b.segment].decay, parameters + b.first, gradients + b.first,
                                   moment1 + b.first, moment2 + b.first, b.count, squares + 2 * index);
    }
    for (int segment = 0, index = 0; segment < count; segment++) {
        double parameter_square = 0.0, update_square = 0.0;
        for (int64_t done = 0; done < segments[segment].count; done += BLOCK, index++) {
            parameter_square += squares[2 * index];
            update_square += squares[2 * index + 1];
        }
        double trust = parameter_square > 0.0 && update_square > 0.0 ? sqrt(parameter_square / update_square) : 1.0;
        rates[segment] = (double)plan->step_size * trust;
    }
#pragma omp parallel for schedule(dynamic) num_threads(cpu->threads)
    for (int64_t index = 0; index < blocks; index++) {
        block_place b = find_block(segments, index);
        cpu->kernels->lamb_apply(plan, segments[b.segment].decay, (float)rates[b.segment], parameters + b.first,
                                 moment1 + b.first, moment2 + b.first, b.count);
    }
    return VT_OK;
}

vt_status vt_cpu_optimizer_step(vt_device *device, const vt_update *update, const vt_segment *segments, int count,
                                float *parameters, const float *gradients, float *moment1, float *moment2) {
    vt_cpu_device *cpu = vt_cpu(device);
    vt_update_plan plan = plan_update(update);
    if (update->rule == VT_UPDATE_LAMB) return lamb_step(cpu, &plan, segments, count, parameters, gradients, moment1, moment2);
    if (device->rehearsing) return VT_OK;
    int64_t blocks = count_blocks(segments, count);
#pragma omp parallel for schedule(dynamic) num_threads(cpu->threads)
    for (int64_t index = 0; index < blocks; index++) {
        block_place b = find_block(segments, index);
        int decay = segments[b.segment].decay;
        if (update->rule == VT_UPDATE_ADAMW)
            cpu->kernels->adamw(&plan, decay, parameters + b.first, gradients + b.first, moment1 + b.first, moment2 + b.first,
                                b.count);
        else
            cpu->kernels->sgd(&plan, decay, parameters + b.first, gradients + b.first, moment1 + b.first, b.count);
    }
    return VT_OK;
}
