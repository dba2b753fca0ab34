/* The classifier and the losses: against plain loops, their gradients against differences. */
#include "compute_support.h"

#include "base/json.h"

static void head_body(vt_device *device, vt_precision precision) {
    const int64_t batch = 5, hidden = 45, labels = 14;
    double *x, *weight, *bias, *dlogits, *logits = get_memory((size_t)(batch * labels) * sizeof *logits);
    double *dx = get_memory((size_t)(batch * hidden) * sizeof *dx);
    act *x_data = random_act(precision, 1, batch * hidden, 1.0, &x), *dx_data = poisoned_act(precision, batch * hidden);
    float *weight_data = random_floats(2, labels * hidden, 0.5, &weight), *bias_data = random_floats(3, labels, 1.0, &bias);
    float *dlogits_data = random_floats(4, batch * labels, 1.0, &dlogits);
    float *logits_data = poisoned((size_t)(batch * labels) * sizeof(float));
    for (int64_t i = 0; i < batch * labels; i++) {
        logits[i] = bias[i % labels];
        for (int64_t j = 0; j < hidden; j++) logits[i] += x[i / labels * hidden + j] * weight[i % labels * hidden + j];
    }
    ASSERT_OK(device->ops->head_forward(device, precision, x_data, weight_data, bias_data, batch, hidden, labels, logits_data));
    ASSERT_CLOSE(VT_PRECISION_FP32, logits_data, logits, batch * labels, 1e-6);
    memset(dx, 0, (size_t)(batch * hidden) * sizeof *dx);
    for (int64_t i = 0; i < batch * labels; i++)
        for (int64_t j = 0; j < hidden; j++) dx[i / labels * hidden + j] += dlogits[i] * weight[i % labels * hidden + j];
    float *dweight_data = random_floats(2, labels * hidden, 0.5, NULL), *dbias_data = random_floats(3, labels, 1.0, NULL);
    for (int64_t i = 0; i < batch * labels; i++) {
        bias[i % labels] += dlogits[i];
        for (int64_t j = 0; j < hidden; j++) weight[i % labels * hidden + j] += dlogits[i] * x[i / labels * hidden + j];
    }
    ASSERT_OK(device->ops->head_backward(device, precision, dlogits_data, x_data, weight_data, batch, hidden, labels, dx_data,
                                         dweight_data, dbias_data));
    ASSERT_CLOSE(precision, dx_data, dx, batch * hidden, precision == VT_PRECISION_BF16 ? 4e-3 : 1e-6);
    ASSERT_CLOSE(VT_PRECISION_FP32, dweight_data, weight, labels * hidden, 1e-6);
    ASSERT_CLOSE(VT_PRECISION_FP32, dbias_data, bias, labels, 1e-6);
    same_for_all_threads(logits_data, (size_t)(batch * labels) * sizeof(float));
    same_for_all_threads(dweight_data, (size_t)(labels * hidden) * sizeof(float));
    same_for_all_threads(dx_data, (size_t)(batch * hidden) * vt_act_size(precision));
    void *all[] = {x,       weight,      bias,      dlogits,      logits,      dx,           x_data,
                   dx_data, weight_data, bias_data, dlogits_data, logits_data, dweight_data, dbias_data};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void test_head(void **state) {
    (void)state;
    on_every_device(head_body);
}

enum { LABELS = 5 };
typedef struct problem {
    vt_loss_options options;
    const float *targets;
} problem;

static double loss_reference(const double *x, void *context) {
    const problem *f = context;
    double sum = 0.0, e = f->options.label_smoothing, total = 0.0;
    int known = 0;
    for (int i = 0; i < LABELS; i++) total += exp(x[i]);
    for (int i = 0; i < LABELS; i++) known += !isnan(f->targets[i]);
    for (int i = 0; i < LABELS; i++) {
        if (isnan(f->targets[i])) continue;
        double y = f->targets[i], p = 1.0 / (1.0 + exp(-x[i])), w = f->options.pos_weight ? f->options.pos_weight[i] : 1.0;
        double smooth = y * (1.0 - e) + e / 2.0;
        if (f->options.problem_type == VT_PROBLEM_MULTI_LABEL)
            sum -= (w * smooth * log(p) + (1.0 - smooth) * log(1.0 - p)) / known;
        else if (f->options.problem_type == VT_PROBLEM_SINGLE_LABEL)
            sum -= (y * (1.0 - e) + e / LABELS) * (x[i] - log(total));
        else
            sum += (x[i] - y) * (x[i] - y) / known;
    }
    return sum;
}

static void test_losses(void **state) {
    static const float one_hot[LABELS] = {0, 0, 1, 0, 0}, many[LABELS] = {1, 0, 1, 0, 1},
                       real[LABELS] = {0.3f, -2.0f, 1.0f, 7.5f, 0.0f}, some[LABELS] = {1, NAN, 0, NAN, 1},
                       none[LABELS] = {NAN, NAN, NAN, NAN, NAN}, mixed[LABELS] = {0.5f, 0, 0.25f, 0, 0.25f};
    static const float pos_weight[LABELS] = {1.0f, 10.0f, 0.5f, 2.0f, 3.0f};
    const problem problems[] = {
        {{VT_PROBLEM_MULTI_LABEL, NULL, 0.0f}, many},       {{VT_PROBLEM_MULTI_LABEL, pos_weight, 0.0f}, many},
        {{VT_PROBLEM_MULTI_LABEL, pos_weight, 0.2f}, many}, {{VT_PROBLEM_SINGLE_LABEL, NULL, 0.0f}, one_hot},
        {{VT_PROBLEM_SINGLE_LABEL, NULL, 0.1f}, one_hot},   {{VT_PROBLEM_REGRESSION, NULL, 0.0f}, real},
        {{VT_PROBLEM_MULTI_LABEL, pos_weight, 0.2f}, some}, {{VT_PROBLEM_REGRESSION, NULL, 0.0f}, some},
        {{VT_PROBLEM_MULTI_LABEL, pos_weight, 0.2f}, none}, {{VT_PROBLEM_REGRESSION, NULL, 0.0f}, none},
        {{VT_PROBLEM_SINGLE_LABEL, NULL, 0.1f}, mixed},     {{VT_PROBLEM_MULTI_LABEL, NULL, 0.0f}, mixed}};
    vt_device *device = open_device(NULL, 2);
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        problem f = problems[i];
        double *x, gradient[LABELS];
        float *logits = random_floats(i, LABELS, 2.0, &x), loss = NAN, dlogits[LABELS], targets[LABELS];
        memcpy(targets, f.targets, sizeof targets);
        memset(dlogits, 0xff, sizeof dlogits);
        ASSERT_OK(device->ops->loss(device, logits, targets, 1, LABELS, &f.options, 0.5f, &loss, dlogits));
        assert_true(fabs(loss - loss_reference(x, &f)) < 1e-6 * (1.0 + fabs((double)loss)));
        for (int j = 0; j < LABELS; j++) gradient[j] = 2.0 * dlogits[j];
        check_gradient(loss_reference, &f, x, gradient, LABELS);
        ASSERT_OK(device->ops->loss(device, logits, targets, 1, LABELS, &f.options, 0.5f, &loss, NULL));
        free(x);
        free(logits);
    }
    vt_device_close(device);
}

static void read_numbers(const json_t *list, int64_t count, float *out) {
    assert_int_equal(json_array_size(list), count);
    for (int64_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(list, (size_t)i);
        out[i] = json_is_null(value) ? NAN : (float)json_number_value(value);
    }
}

static void assert_numbers(const float *actual, const json_t *expected, int64_t count, const char *what) {
    for (int64_t i = 0; i < count; i++) {
        double value = json_number_value(json_array_get(expected, (size_t)i));
        if (!(fabs((double)actual[i] - value) <= 1e-6 * (1.0 + fabs(value))))
            fail_msg("%s %lld is %.9g, PyTorch's is %.9g", what, (long long)i, (double)actual[i], value);
    }
}

static vt_problem_type problem_type_of(const char *loss_kind) {
    if (strcmp(loss_kind, "binary") == 0) return VT_PROBLEM_MULTI_LABEL;
    return strcmp(loss_kind, "soft") == 0 ? VT_PROBLEM_SINGLE_LABEL : VT_PROBLEM_REGRESSION;
}

/* Unknown targets, and targets that are probabilities of the classes. */
static void test_equals_pytorch(void **state) {
    enum { SAMPLES = 6 };
    vt_device *device = open_device(NULL, 1);
    json_t *root, *item;
    size_t c;
    (void)state;
    ASSERT_OK(vt_json_load(golden_path("loss.json"), &root));
    json_array_foreach(json_object_get(root, "cases"), c, item) {
        float logits[SAMPLES * LABELS], targets[SAMPLES * LABELS], pos_weight[LABELS], loss[SAMPLES], dlogits[SAMPLES * LABELS];
        const json_t *weights = json_object_get(item, "pos_weight");
        vt_loss_options options = {.problem_type = problem_type_of(json_string_value(json_object_get(item, "loss_kind")))};
        options.label_smoothing = (float)json_number_value(json_object_get(item, "label_smoothing"));
        if (json_is_array(weights)) {
            read_numbers(weights, LABELS, pos_weight);
            options.pos_weight = pos_weight;
        }
        for (size_t s = 0; s < SAMPLES; s++) {
            read_numbers(json_array_get(json_object_get(item, "logits"), s), LABELS, logits + s * LABELS);
            read_numbers(json_array_get(json_object_get(item, "targets"), s), LABELS, targets + s * LABELS);
        }
        memset(dlogits, 0xff, sizeof dlogits);
        ASSERT_OK(device->ops->loss(device, logits, targets, SAMPLES, LABELS, &options, 1.0f, loss, dlogits));
        assert_numbers(loss, json_object_get(item, "loss"), SAMPLES, "loss");
        for (size_t s = 0; s < SAMPLES; s++)
            assert_numbers(dlogits + s * LABELS, json_array_get(json_object_get(item, "gradient"), s), LABELS, "gradient");
    }
    json_decref(root);
    vt_device_close(device);
}

/* Logits of a hundred and more, and infinite ones, don't overflow into NaN where a loss exists. */
static void test_extremes(void **state) {
    vt_device *device = open_device(NULL, 1);
    const float logits[2] = {1000.0f, -1000.0f}, right[2] = {1.0f, 0.0f}, wrong[2] = {0.0f, 1.0f};
    vt_loss_options options = {.problem_type = VT_PROBLEM_MULTI_LABEL};
    float loss, dlogits[2];
    (void)state;
    for (int type = VT_PROBLEM_MULTI_LABEL; type <= VT_PROBLEM_SINGLE_LABEL; type++) {
        options.problem_type = (vt_problem_type)type;
        ASSERT_OK(device->ops->loss(device, logits, right, 1, 2, &options, 1.0f, &loss, dlogits));
        assert_true(loss == 0.0f && dlogits[0] == 0.0f && dlogits[1] == 0.0f);
        ASSERT_OK(device->ops->loss(device, logits, wrong, 1, 2, &options, 1.0f, &loss, dlogits));
        assert_true(loss >= 1000.0f && loss <= 2000.0f && dlogits[0] > 0.0f && dlogits[1] < 0.0f);
    }
    options.problem_type = VT_PROBLEM_UNSET;
    ASSERT_FAILS(VT_ERROR_USAGE, "problem type", device->ops->loss(device, logits, right, 1, 2, &options, 1.0f, &loss, NULL));
    vt_device_close(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_head), cmocka_unit_test(test_losses),
                                       cmocka_unit_test(test_equals_pytorch), cmocka_unit_test(test_extremes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
