/* Linear layers against a float64 reference: every epilogue and activation, odd sizes, in-place residuals. */
#include "compute_support.h"

typedef struct shape {
    int64_t rows, in, out;
} shape;
static const shape shapes[] = {{1, 20, 33},   {5, 64, 192},   {197, 96, 100}, {130, 300, 17},
                               {9, 790, 410}, {1182, 16, 40}, {530, 32, 96},  {70, 32, 512}};

static double activation_reference(vt_activation activation, double x, double *derivative) {
    double s, z, slope, phi;
    switch (activation) {
    case VT_ACTIVATION_GELU:
        phi = 0.5 * erfc(-x / sqrt(2.0));
        *derivative = phi + x * exp(-0.5 * x * x) / sqrt(2.0 * 3.14159265358979323846);
        return x * phi;
    case VT_ACTIVATION_RELU:
        *derivative = x > 0.0;
        return x > 0.0 ? x : 0.0;
    case VT_ACTIVATION_GELU_TANH:
        z = sqrt(2.0 / 3.14159265358979323846) * (x + 0.044715 * x * x * x);
        slope = sqrt(2.0 / 3.14159265358979323846) * (1.0 + 3.0 * 0.044715 * x * x);
        *derivative = 0.5 * (1.0 + tanh(z)) + 0.5 * x * (1.0 - tanh(z) * tanh(z)) * slope;
        return 0.5 * x * (1.0 + tanh(z));
    default:
        slope = activation == VT_ACTIVATION_QUICK_GELU ? 1.702 : 1.0;
        s = 1.0 / (1.0 + exp(-slope * x));
        *derivative = s + slope * x * s * (1.0 - s);
        return x * s;
    }
}

/* y [rows, out] = x W^T + b */
static double *linear_reference(const shape *s, const double *x, const double *weight, const double *bias) {
    double *y = get_memory((size_t)(s->rows * s->out) * sizeof(double));
    for (int64_t r = 0; r < s->rows; r++)
        for (int64_t o = 0; o < s->out; o++) {
            double sum = bias ? bias[o] : 0.0;
            for (int64_t i = 0; i < s->in; i++) sum += x[r * s->in + i] * weight[o * s->in + i];
            y[r * s->out + o] = sum;
        }
    return y;
}

/* What a compute copy of the weight holds. */
static void round_to(vt_precision precision, double *values, int64_t count) {
    for (int64_t i = 0; i < count && precision == VT_PRECISION_BF16; i++)
        values[i] = vt_bf16_to_float(vt_float_to_bf16((float)values[i]));
}

static double limit(vt_precision precision) {
    return precision == VT_PRECISION_BF16 ? 4e-3 : 1e-6;
}

static void check_forward(vt_device *device, vt_precision precision, const shape *s, vt_linear *linear, const double *weight) {
    double *x, *bias, *residual;
    int64_t count = s->rows * s->out;
    act *x_data = random_act(precision, 1, s->rows * s->in, 1.0, &x), *r_data = random_act(precision, 2, count, 1.0, &residual);
    float *bias_data = random_floats(3, s->out, 0.5, &bias);
    act *y = poisoned_act(precision, count), *derivative = poisoned_act(precision, count);
    size_t bytes = (size_t)count * vt_act_size(precision);

    double *plain = linear_reference(s, x, weight, NULL);
    ASSERT_OK(device->ops->linear_forward(device, linear, x_data, s->rows, NULL, VT_EPILOGUE_NONE, 0, NULL, NULL, y));
    ASSERT_CLOSE(precision, y, plain, count, limit(precision));
    same_for_all_threads(y, bytes);

    double *biased = linear_reference(s, x, weight, bias);
    for (int activation = VT_ACTIVATION_GELU; activation <= VT_ACTIVATION_QUICK_GELU; activation++) {
        double *value = get_memory((size_t)count * sizeof(double)), *slope = get_memory((size_t)count * sizeof(double));
        for (int64_t i = 0; i < count; i++) value[i] = activation_reference(activation, biased[i], &slope[i]);
        memset(y, 0xff, bytes);
        memset(derivative, 0xff, bytes);
        ASSERT_OK(device->ops->linear_forward(device, linear, x_data, s->rows, bias_data, VT_EPILOGUE_ACTIVATION, activation,
                                              NULL, derivative, y));
        /* a ReLU's slope jumps where rounding changes the sign: a few elements near zero */
        ASSERT_CLOSE(precision, y, value, count, 2 * limit(precision));
        ASSERT_CLOSE(precision, derivative, slope, count, activation == VT_ACTIVATION_RELU ? 0.05 : 2 * limit(precision));
        same_for_all_threads(y, bytes);
        free(value);
        free(slope);
    }
    for (int64_t i = 0; i < count; i++) biased[i] += residual[i];
    memset(y, 0xff, bytes);
    ASSERT_OK(
        device->ops->linear_forward(device, linear, x_data, s->rows, bias_data, VT_EPILOGUE_RESIDUAL, 0, r_data, NULL, y));
    ASSERT_CLOSE(precision, y, biased, count, limit(precision));
    ASSERT_OK(
        device->ops->linear_forward(device, linear, x_data, s->rows, bias_data, VT_EPILOGUE_RESIDUAL, 0, r_data, NULL, r_data));
    assert_memory_equal(r_data, y, bytes);
    void *all[] = {x, bias, residual, x_data, r_data, bias_data, y, derivative, plain, biased};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void check_backward(vt_device *device, vt_precision precision, const shape *s, vt_linear *linear, const double *weight) {
    double *x, *dy, *factor, *dweight, *dbias;
    int64_t in_count = s->rows * s->in, out_count = s->rows * s->out, weight_count = s->in * s->out;
    act *x_data = random_act(precision, 4, in_count, 1.0, &x), *dy_data = random_act(precision, 5, out_count, 1.0, &dy);
    act *factor_data = random_act(precision, 6, in_count, 1.0, &factor), *dx_data = poisoned_act(precision, in_count);
    float *dweight_data = random_floats(7, weight_count, 3.0, &dweight), *dbias_data = random_floats(8, s->out, 3.0, &dbias);
    double *dx = get_memory((size_t)in_count * sizeof(double));
    for (int64_t r = 0; r < s->rows; r++)
        for (int64_t i = 0; i < s->in; i++) {
            double sum = 0.0;
            for (int64_t o = 0; o < s->out; o++) sum += dy[r * s->out + o] * weight[o * s->in + i];
            dx[r * s->in + i] = sum;
        }
    for (int64_t r = 0; r < s->rows; r++)
        for (int64_t o = 0; o < s->out; o++) {
            dbias[o] += dy[r * s->out + o];
            for (int64_t i = 0; i < s->in; i++) dweight[o * s->in + i] += dy[r * s->out + o] * x[r * s->in + i];
        }
    ASSERT_OK(device->ops->linear_backward_input(device, linear, dy_data, s->rows, NULL, dx_data));
    ASSERT_CLOSE(precision, dx_data, dx, in_count, limit(precision));
    for (int64_t i = 0; i < in_count; i++) dx[i] *= factor[i];
    memset(dx_data, 0xff, (size_t)in_count * vt_act_size(precision));
    ASSERT_OK(device->ops->linear_backward_input(device, linear, dy_data, s->rows, factor_data, dx_data));
    ASSERT_CLOSE(precision, dx_data, dx, in_count, limit(precision));
    ASSERT_OK(device->ops->linear_backward_weight(device, linear, x_data, dy_data, s->rows, dweight_data, dbias_data));
    ASSERT_CLOSE(VT_PRECISION_FP32, dweight_data, dweight, weight_count, 1e-6);
    ASSERT_CLOSE(VT_PRECISION_FP32, dbias_data, dbias, s->out, 1e-6);
    same_for_all_threads(dx_data, (size_t)in_count * vt_act_size(precision));
    same_for_all_threads(dweight_data, (size_t)weight_count * sizeof(float));
    same_for_all_threads(dbias_data, (size_t)s->out * sizeof(float));
    void *all[] = {x, dy, factor, dweight, dbias, x_data, dy_data, factor_data, dx_data, dweight_data, dbias_data, dx};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void linear_body(vt_device *device, vt_precision precision) {
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const shape *s = &shapes[i];
        vt_linear *linear;
        double *weight;
        float *weight_data = random_floats(9, s->in * s->out, 0.3, &weight);
        shape fewer = *s; /* the last, smaller micro-batch */
        fewer.rows = (s->rows + 1) / 2;
        round_to(precision, weight, s->in * s->out);
        ASSERT_OK(device->ops->linear_create(device, precision, s->in, s->out, s->rows, 1, &linear));
        ASSERT_OK(device->ops->linear_pack(device, linear, weight_data));
        check_forward(device, precision, s, linear, weight);
        check_backward(device, precision, s, linear, weight);
        check_forward(device, precision, &fewer, linear, weight);
        check_backward(device, precision, &fewer, linear, weight);
        device->ops->linear_free(device, linear);
        free(weight);
        free(weight_data);
    }
}

static void test_linear(void **state) {
    (void)state;
    on_every_device(linear_body);
}

/* Activations alone, through the identity: their errors over the whole range, infinities and NaN. */
static void activation_body(vt_device *device, vt_precision precision) {
    enum { COUNT = 4096 };
    vt_linear *linear;
    float one = 1.0f, *x, *y, *slope;
    if (precision != VT_PRECISION_FP32) return;
    y = poisoned(COUNT * sizeof(float));
    slope = poisoned(COUNT * sizeof(float));
    x = get_memory(COUNT * sizeof(float));
    ASSERT_OK(device->ops->linear_create(device, precision, 1, 1, COUNT, 1, &linear));
    ASSERT_OK(device->ops->linear_pack(device, linear, &one));
    for (int i = 0; i < COUNT; i++) x[i] = (float)(i - COUNT / 2) * (12.0f / (COUNT / 2));
    for (int activation = VT_ACTIVATION_GELU; activation <= VT_ACTIVATION_QUICK_GELU; activation++) {
        double worst = 0.0, worst_slope = 0.0;
        ASSERT_OK(
            device->ops->linear_forward(device, linear, x, COUNT, NULL, VT_EPILOGUE_ACTIVATION, activation, NULL, slope, y));
        for (int i = 0; i < COUNT; i++) {
            double exact_slope, exact = activation_reference(activation, x[i], &exact_slope);
            worst = fmax(worst, fabs(y[i] - exact) / fmax(1.0, fabs((double)x[i])));
            worst_slope = fmax(worst_slope, fabs(slope[i] - exact_slope));
        }
        print_message("%d: %.3g %.3g\n", activation, worst, worst_slope);
        assert_true(worst < 2.5e-7);
        assert_true(worst_slope < 6e-7);
    }
    x[0] = NAN, x[1] = -1e30f, x[2] = 1e30f;
    for (int activation = VT_ACTIVATION_GELU; activation <= VT_ACTIVATION_QUICK_GELU; activation++) {
        ASSERT_OK(device->ops->linear_forward(device, linear, x, 3, NULL, VT_EPILOGUE_ACTIVATION, activation, NULL, slope, y));
        assert_true(isnan(y[0]));
        assert_true(fabsf(y[1]) < 1e-6f && y[2] == 1e30f);
    }
    device->ops->linear_free(device, linear);
    free(x);
    free(y);
    free(slope);
}

static void test_activations(void **state) {
    (void)state;
    on_every_device(activation_body);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_linear), cmocka_unit_test(test_activations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
