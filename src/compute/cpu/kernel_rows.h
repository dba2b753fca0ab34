/* Kernels that go row by row: layer norm, column sums, dot products. */
#ifndef VT_CPU_KERNEL_ROWS_H
#define VT_CPU_KERNEL_ROWS_H

#include "compute/cpu/kernels.h"
#include "compute/cpu/vector.h"

/* Columns of 4 vectors at a time, summed over runs of 32 rows first: the rounding error stays that of short sums. */
INLINE void add_columns_in(const act *x, int64_t stride, int64_t rows, int64_t columns, float *sums, int bf16) {
    int64_t column = 0;
    for (; column + 4 * LANES <= columns; column += 4 * LANES) {
        vec total[4];
        for (int j = 0; j < 4; j++) total[j] = vec_load(sums + column + j * LANES);
        for (int64_t first = 0; first < rows; first += 32) {
            vec sum[4] = {{0}};
            for (int64_t row = first; row < rows && row < first + 32; row++)
                for (int j = 0; j < 4; j++) sum[j] += act_load(x, row * stride + column + j * LANES, bf16);
            for (int j = 0; j < 4; j++) total[j] += sum[j];
        }
        for (int j = 0; j < 4; j++) vec_store(sums + column + j * LANES, total[j]);
    }
    for (; column < columns; column += LANES) {
        int64_t rest = columns - column;
        vec total = act_load_some(sums, column, rest, 0);
        for (int64_t first = 0; first < rows; first += 32) {
            vec sum = {0};
            for (int64_t row = first; row < rows && row < first + 32; row++)
                sum += act_load_some(x, row * stride + column, rest, bf16);
            total += sum;
        }
        act_store_some(sums, column, total, rest, 0);
    }
}

static void add_columns(vt_precision precision, const act *x, int64_t stride, int64_t rows, int64_t columns, float *sums) {
    if (precision == VT_PRECISION_BF16)
        add_columns_in(x, stride, rows, columns, sums, 1);
    else
        add_columns_in(x, stride, rows, columns, sums, 0);
}

/* Two passes, so that a large mean costs no accuracy of the variance. */
INLINE void layer_norm_row(const act *x, int64_t x_at, const float *gamma, const float *beta, float epsilon, int64_t hidden,
                           act *y, int64_t y_at, float *mean, float *inverse_std, int bf16) {
    vec sum = {0}, squares = {0};
    for (int64_t i = 0; i < hidden; i += LANES) sum += act_load_some(x, x_at + i, hidden - i, bf16);
    float mu = vec_sum(sum) / (float)hidden;
    for (int64_t i = 0; i < hidden; i += LANES) {
        vec d = act_load_some(x, x_at + i, hidden - i, bf16) - mu;
        if (hidden - i < LANES) d = vec_select(vec_first(hidden - i), d, vec_set(0.0f));
        squares = vec_fma(d, d, squares);
    }
    float rstd = 1.0f / sqrtf(vec_sum(squares) / (float)hidden + epsilon);
    for (int64_t i = 0; i < hidden; i += LANES) {
        vec normalised = (act_load_some(x, x_at + i, hidden - i, bf16) - mu) * rstd;
        vec g = act_load_some(gamma, i, hidden - i, 0), b = act_load_some(beta, i, hidden - i, 0);
        act_store_some(y, y_at + i, vec_fma(normalised, g, b), hidden - i, bf16);
    }
    *mean = mu;
    *inverse_std = rstd;
}

static void layer_norm_forward(vt_precision precision, const act *x, int64_t x_stride, const float *gamma, const float *beta,
                               float epsilon, int64_t rows, int64_t hidden, act *y, float *mean, float *inverse_std) {
    for (int64_t row = 0; row < rows; row++) {
        if (precision == VT_PRECISION_BF16)
            layer_norm_row(x, row * x_stride, gamma, beta, epsilon, hidden, y, row * hidden, &mean[row], &inverse_std[row], 1);
        else
            layer_norm_row(x, row * x_stride, gamma, beta, epsilon, hidden, y, row * hidden, &mean[row], &inverse_std[row], 0);
    }
}

/* With n = (x - mean) rstd and g = dy gamma: dx = rstd (g - mean(g) - n mean(g n)). */
INLINE void layer_norm_backward_row(const act *dy, int64_t dy_at, const act *x, int64_t x_at, const float *gamma, float mean,
                                    float rstd, int64_t hidden, const act *residual_gradient, act *dx, float *dgamma,
                                    float *dbeta, int bf16) {
    vec sum_g = {0}, sum_gn = {0};
    for (int64_t i = 0; i < hidden; i += LANES) {
        int64_t rest = hidden - i;
        vec d = act_load_some(dy, dy_at + i, rest, bf16), g = d * act_load_some(gamma, i, rest, 0);
        vec n = (act_load_some(x, x_at + i, rest, bf16) - mean) * rstd;
        sum_g += g;
        sum_gn = vec_fma(g, n, sum_gn);
        act_store_some(dgamma, i, vec_fma(d, n, act_load_some(dgamma, i, rest, 0)), rest, 0);
        act_store_some(dbeta, i, act_load_some(dbeta, i, rest, 0) + d, rest, 0);
    }
    float mean_g = vec_sum(sum_g) / (float)hidden, mean_gn = vec_sum(sum_gn) / (float)hidden;
    for (int64_t i = 0; i < hidden; i += LANES) {
        int64_t rest = hidden - i;
        vec g = act_load_some(dy, dy_at + i, rest, bf16) * act_load_some(gamma, i, rest, 0);
        vec n = (act_load_some(x, x_at + i, rest, bf16) - mean) * rstd;
        vec value = rstd * (g - mean_g - n * mean_gn);
        if (residual_gradient) value += act_load_some(residual_gradient, x_at + i, rest, bf16);
        act_store_some(dx, x_at + i, value, rest, bf16);
    }
}

static void layer_norm_backward(vt_precision precision, const act *dy, const act *x, int64_t x_stride, const float *gamma,
                                const float *mean, const float *inverse_std, int64_t rows, int64_t hidden,
                                const act *residual_gradient, act *dx, float *dgamma, float *dbeta) {
    for (int64_t row = 0; row < rows; row++) {
        if (precision == VT_PRECISION_BF16)
            layer_norm_backward_row(dy, row * hidden, x, row * x_stride, gamma, mean[row], inverse_std[row], hidden,
                                    residual_gradient, dx, dgamma, dbeta, 1);
        else
            layer_norm_backward_row(dy, row * hidden, x, row * x_stride, gamma, mean[row], inverse_std[row], hidden,
                                    residual_gradient, dx, dgamma, dbeta, 0);
    }
}

INLINE float dot_in(const act *x, const float *weight, int64_t count, int bf16) {
    vec sum = {0};
    for (int64_t i = 0; i < count; i += LANES)
        sum = vec_fma(act_load_some(x, i, count - i, bf16), act_load_some(weight, i, count - i, 0), sum);
    return vec_sum(sum);
}

static float dot(vt_precision precision, const act *x, const float *weight, int64_t count) {
    return precision == VT_PRECISION_BF16 ? dot_in(x, weight, count, 1) : dot_in(x, weight, count, 0);
}

INLINE void add_scaled_in(float factor, const act *x, float *y, int64_t count, int bf16) {
    for (int64_t i = 0; i < count; i += LANES) {
        vec value = vec_fma(vec_set(factor), act_load_some(x, i, count - i, bf16), act_load_some(y, i, count - i, 0));
        act_store_some(y, i, value, count - i, 0);
    }
}

static void add_scaled(vt_precision precision, float factor, const act *x, float *y, int64_t count) {
    if (precision == VT_PRECISION_BF16)
        add_scaled_in(factor, x, y, count, 1);
    else
        add_scaled_in(factor, x, y, count, 0);
}

#endif
