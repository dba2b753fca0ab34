/* Layer norm against a float64 reference: forward, backward, strided rows, in-place residual gradients. */
#include "compute_support.h"

typedef struct problem {
    int64_t rows, hidden, stride;
    const double *gamma, *beta, *dy;
} problem;

static void forward_reference(const problem *f, const double *x, double *y, double *normalised, double *rstds) {
    for (int64_t r = 0; r < f->rows; r++) {
        const double *row = x + r * f->stride;
        double mean = 0.0, variance = 0.0;
        for (int64_t i = 0; i < f->hidden; i++) mean += row[i] / (double)f->hidden;
        for (int64_t i = 0; i < f->hidden; i++) variance += (row[i] - mean) * (row[i] - mean) / (double)f->hidden;
        double rstd = 1.0 / sqrt(variance + 1e-6);
        for (int64_t i = 0; i < f->hidden; i++) {
            double n = (row[i] - mean) * rstd;
            y[r * f->hidden + i] = n * f->gamma[i] + f->beta[i];
            if (normalised) normalised[r * f->hidden + i] = n;
        }
        if (rstds) rstds[r] = rstd;
    }
}

/* Adds to dx (strided), dgamma and dbeta. */
static void backward_reference(const problem *f, const double *x, double *dx, double *dgamma, double *dbeta) {
    int64_t count = f->rows * f->hidden;
    double *y = get_memory((size_t)(2 * count + f->rows) * sizeof *y), *n = y + count, *rstd = n + count;
    forward_reference(f, x, y, n, rstd);
    for (int64_t r = 0; r < f->rows; r++) {
        double mean_g = 0.0, mean_gn = 0.0;
        for (int64_t i = 0; i < f->hidden; i++) {
            int64_t at = r * f->hidden + i;
            dgamma[i] += f->dy[at] * n[at];
            dbeta[i] += f->dy[at];
            mean_g += f->dy[at] * f->gamma[i] / (double)f->hidden;
            mean_gn += f->dy[at] * f->gamma[i] * n[at] / (double)f->hidden;
        }
        for (int64_t i = 0; i < f->hidden; i++) {
            int64_t at = r * f->hidden + i;
            dx[r * f->stride + i] += rstd[r] * (f->dy[at] * f->gamma[i] - mean_g - n[at] * mean_gn);
        }
    }
    free(y);
}

static double loss_reference(const double *x, void *context) {
    const problem *f = context;
    double *y = get_memory((size_t)(f->rows * f->hidden) * sizeof *y), sum = 0.0;
    forward_reference(f, x, y, NULL, NULL);
    for (int64_t i = 0; i < f->rows * f->hidden; i++) sum += y[i] * f->dy[i];
    free(y);
    return sum;
}

static void test_reference(void **state) {
    double *x, *gamma, *beta, *dy, dx[33] = {0}, unused[22] = {0};
    void *data[] = {random_floats(1, 33, 1.0, &x), random_floats(2, 11, 1.0, &gamma), random_floats(3, 11, 1.0, &beta),
                    random_floats(4, 33, 1.0, &dy)};
    problem f = {.rows = 3, .hidden = 11, .stride = 11, .gamma = gamma, .beta = beta, .dy = dy};
    (void)state;
    backward_reference(&f, x, dx, unused, unused + 11);
    check_gradient(loss_reference, &f, x, dx, 33);
    void *all[] = {x, gamma, beta, dy, data[0], data[1], data[2], data[3]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void check(vt_device *device, vt_precision precision, int64_t rows, int64_t hidden, int64_t stride) {
    double *x, *gamma, *beta, *dy, *dx, *dgamma, *dbeta, limit = precision == VT_PRECISION_BF16 ? 4e-3 : 1e-6;
    int64_t count = rows * hidden, wide = rows * stride;
    act *x_data = random_act(precision, 1, wide, 2.0, &x), *dy_data = random_act(precision, 2, count, 1.0, &dy);
    act *dx_data = random_act(precision, 3, wide, 1.0, &dx), *y_data = poisoned_act(precision, count);
    float *gamma_data = random_floats(4, hidden, 1.0, &gamma), *beta_data = random_floats(5, hidden, 1.0, &beta);
    float *dgamma_data = random_floats(6, hidden, 1.0, &dgamma), *dbeta_data = random_floats(7, hidden, 1.0, &dbeta);
    float *mean = poisoned((size_t)rows * sizeof *mean), *inverse_std = poisoned((size_t)rows * sizeof *mean);
    double *y = get_memory((size_t)count * sizeof *y);
    problem f = {.rows = rows, .hidden = hidden, .stride = stride, .gamma = gamma, .beta = beta, .dy = dy};
    forward_reference(&f, x, y, NULL, NULL);
    ASSERT_OK(device->ops->layer_norm_forward(device, precision, x_data, stride, gamma_data, beta_data, 1e-6f, rows, hidden,
                                              y_data, mean, inverse_std));
    ASSERT_CLOSE(precision, y_data, y, count, limit);
    /* in place over the residual's gradient; what lies between strided rows stays as it is */
    backward_reference(&f, x, dx, dgamma, dbeta);
    ASSERT_OK(device->ops->layer_norm_backward(device, precision, dy_data, x_data, stride, gamma_data, mean, inverse_std, rows,
                                               hidden, dx_data, dx_data, dgamma_data, dbeta_data));
    ASSERT_CLOSE(precision, dx_data, dx, wide, limit);
    ASSERT_CLOSE(VT_PRECISION_FP32, dgamma_data, dgamma, hidden, 1e-6);
    ASSERT_CLOSE(VT_PRECISION_FP32, dbeta_data, dbeta, hidden, 1e-6);
    same_for_all_threads(y_data, (size_t)count * vt_act_size(precision));
    same_for_all_threads(dx_data, (size_t)wide * vt_act_size(precision));
    same_for_all_threads(dgamma_data, (size_t)hidden * sizeof(float));
    same_for_all_threads(dbeta_data, (size_t)hidden * sizeof(float));
    if (stride == hidden) { /* without a residual */
        memset(dx, 0, (size_t)wide * sizeof *dx);
        memset(dx_data, 0xff, (size_t)wide * vt_act_size(precision));
        backward_reference(&f, x, dx, dgamma, dbeta);
        ASSERT_OK(device->ops->layer_norm_backward(device, precision, dy_data, x_data, stride, gamma_data, mean, inverse_std,
                                                   rows, hidden, NULL, dx_data, dgamma_data, dbeta_data));
        ASSERT_CLOSE(precision, dx_data, dx, wide, limit);
    }
    void *all[] = {x,       gamma,  beta,       dy,        dx,          dgamma,     dbeta, x_data,      dy_data,
                   dx_data, y_data, gamma_data, beta_data, dgamma_data, dbeta_data, mean,  inverse_std, y};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void body(vt_device *device, vt_precision precision) {
    check(device, precision, 1, 192, 192);
    check(device, precision, 197, 20, 20);
    check(device, precision, 591, 192, 192);
    check(device, precision, 3, 192, 5 * 192);
    check(device, precision, 70, 61, 61);
}

static void test_layer_norm(void **state) {
    (void)state;
    on_every_device(body);
}

/* A row far from zero keeps its variance; a constant row gives beta. */
static void test_large_mean(void **state) {
    vt_device *device = open_device(NULL, 1);
    float x[64], y[64], gamma[64], beta[64], mean, inverse_std;
    (void)state;
    for (int i = 0; i < 64; i++) x[i] = 10000.0f + (float)(i % 2), gamma[i] = 1.0f, beta[i] = 0.5f;
    ASSERT_OK(
        device->ops->layer_norm_forward(device, VT_PRECISION_FP32, x, 64, gamma, beta, 1e-12f, 1, 64, y, &mean, &inverse_std));
    for (int i = 0; i < 64; i++) assert_float_equal(y[i], (i % 2 ? 1.5f : -0.5f), 1e-4f);
    for (int i = 0; i < 64; i++) x[i] = 3.0f;
    ASSERT_OK(
        device->ops->layer_norm_forward(device, VT_PRECISION_FP32, x, 64, gamma, beta, 1e-12f, 1, 64, y, &mean, &inverse_std));
    for (int i = 0; i < 64; i++) assert_float_equal(y[i], 0.5f, 1e-6f);
    vt_device_close(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference), cmocka_unit_test(test_layer_norm),
                                       cmocka_unit_test(test_large_mean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
