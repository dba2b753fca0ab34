/* Kernels of the optimizer: float32 throughout, in torch.optim's order of operations. */
#ifndef VT_CPU_KERNEL_OPTIMIZER_H
#define VT_CPU_KERNEL_OPTIMIZER_H

#include "compute/cpu/kernels.h"
#include "compute/cpu/vector.h"

static double sum_of_squares(const float *x, int64_t count) {
    double lane[LANES] = {0}, sum = 0.0;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] += (double)x[i + j] * x[i + j];
    for (; i < count; i++) sum += (double)x[i] * x[i];
    for (int j = 0; j < LANES; j++) sum += lane[j];
    return sum;
}

/* Decoupled weight decay, then Adam: p -= step_size m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon). */
static void adamw(const vt_update_plan *plan, int decay, float *parameters, const float *gradients, float *moment1,
                  float *moment2, int64_t count) {
    float decay_factor = decay ? plan->decay_factor : 1.0f;
    for (int64_t i = 0; i < count; i += LANES) {
        int64_t rest = count - i;
        vec g = act_load_some(gradients, i, rest, 0) * plan->gradient_scale;
        vec p = act_load_some(parameters, i, rest, 0) * decay_factor;
        vec m = act_load_some(moment1, i, rest, 0), v = act_load_some(moment2, i, rest, 0);
        m = m + (g - m) * plan->one_minus_beta1;
        v = v * plan->beta2 + g * g * plan->one_minus_beta2;
        p = p - plan->step_size * m / (vec_sqrt(v) / plan->root_correction2 + plan->epsilon);
        act_store_some(parameters, i, p, rest, 0);
        act_store_some(moment1, i, m, rest, 0);
        act_store_some(moment2, i, v, rest, 0);
    }
}

/* b = momentum b + g + weight_decay p; p -= learning_rate b. */
static void sgd(const vt_update_plan *plan, int decay, float *parameters, const float *gradients, float *moment,
                int64_t count) {
    float weight_decay = decay ? plan->weight_decay : 0.0f;
    for (int64_t i = 0; i < count; i += LANES) {
        int64_t rest = count - i;
        vec p = act_load_some(parameters, i, rest, 0);
        vec g = act_load_some(gradients, i, rest, 0) * plan->gradient_scale + p * weight_decay;
        vec b = act_load_some(moment, i, rest, 0) * plan->momentum + g;
        act_store_some(moment, i, b, rest, 0);
        act_store_some(parameters, i, p - plan->step_size * b, rest, 0);
    }
}

/* m-hat / (sqrt(v-hat) + epsilon) + weight_decay p (You et al. 2020, algorithm 2) */
INLINE vec lamb_update(const vt_update_plan *plan, float weight_decay, vec p, vec m, vec v) {
    return m * plan->inverse_correction1 / (vec_sqrt(v) / plan->root_correction2 + plan->epsilon) + p * weight_decay;
}

static void lamb_moments(const vt_update_plan *plan, int decay, const float *parameters, const float *gradients, float *moment1,
                         float *moment2, int64_t count, double squares[2]) {
    float weight_decay = decay ? plan->weight_decay : 0.0f;
    squares[0] = squares[1] = 0.0;
    for (int64_t i = 0; i < count; i += LANES) {
        int64_t rest = count - i;
        vec g = act_load_some(gradients, i, rest, 0) * plan->gradient_scale, p = act_load_some(parameters, i, rest, 0);
        vec m = act_load_some(moment1, i, rest, 0), v = act_load_some(moment2, i, rest, 0);
        m = m + (g - m) * plan->one_minus_beta1;
        v = v * plan->beta2 + g * g * plan->one_minus_beta2;
        act_store_some(moment1, i, m, rest, 0);
        act_store_some(moment2, i, v, rest, 0);
        vec update = lamb_update(plan, weight_decay, p, m, v);
        if (rest < LANES) update = vec_select(vec_first(rest), update, vec_set(0.0f));
        squares[0] += (double)vec_sum(p * p);
        squares[1] += (double)vec_sum(update * update);
    }
}

static void lamb_apply(const vt_update_plan *plan, int decay, float rate, float *parameters, const float *moment1,
                       const float *moment2, int64_t count) {
    float weight_decay = decay ? plan->weight_decay : 0.0f;
    for (int64_t i = 0; i < count; i += LANES) {
        int64_t rest = count - i;
        vec p = act_load_some(parameters, i, rest, 0), m = act_load_some(moment1, i, rest, 0);
        vec v = act_load_some(moment2, i, rest, 0);
        act_store_some(parameters, i, p - rate * lamb_update(plan, weight_decay, p, m, v), rest, 0);
    }
}

#endif
