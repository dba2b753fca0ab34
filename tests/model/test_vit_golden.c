/* Logits, losses, gradients and updated weights against transformers and PyTorch (tools/golden/vit.py). */
#include "vit_support.h"

typedef struct golden_case {
    const char *name, *checkpoint;
    int pixel_channels;
    vt_problem_type problem_type;
    vt_activation hidden_act;
    int height, width; /* 0: the checkpoint's */
    int steps;         /* whether the file has weights after steps */
} golden_case;

static const golden_case cases[] = {
    {"multi", "vit-base", 3, VT_PROBLEM_MULTI_LABEL, VT_ACTIVATION_GELU, 0, 0, 1},
    {"pos-weight", "vit-base", 3, VT_PROBLEM_MULTI_LABEL, VT_ACTIVATION_GELU, 0, 0, 0},
    {"single", "vit-base", 3, VT_PROBLEM_SINGLE_LABEL, VT_ACTIVATION_GELU, 0, 0, 1},
    {"regression", "vit-base", 3, VT_PROBLEM_REGRESSION, VT_ACTIVATION_GELU, 0, 0, 1},
    {"interpolated", "vit-base", 3, VT_PROBLEM_MULTI_LABEL, VT_ACTIVATION_GELU, 40, 24, 1},
    {"grey-input", "vit-base", 1, VT_PROBLEM_MULTI_LABEL, VT_ACTIVATION_GELU, 0, 0, 0},
    {"bare", "vit-bare", 3, VT_PROBLEM_MULTI_LABEL, VT_ACTIVATION_GELU, 0, 0, 0},
    {"grey-gelu", "vit-grey", 1, VT_PROBLEM_MULTI_LABEL, VT_ACTIVATION_GELU, 0, 0, 0},
    {"grey-gelu_new", "vit-grey", 1, VT_PROBLEM_MULTI_LABEL, VT_ACTIVATION_GELU_TANH, 0, 0, 0},
    {"grey-relu", "vit-grey", 1, VT_PROBLEM_MULTI_LABEL, VT_ACTIVATION_RELU, 0, 0, 0},
    {"grey-silu", "vit-grey", 1, VT_PROBLEM_MULTI_LABEL, VT_ACTIVATION_SILU, 0, 0, 0},
    {"grey-quick_gelu", "vit-grey", 1, VT_PROBLEM_MULTI_LABEL, VT_ACTIVATION_QUICK_GELU, 0, 0, 0},
};
#define CASE_COUNT (sizeof cases / sizeof *cases)

/* One case at work. */
typedef struct bench {
    const golden_case *golden;
    double tolerance; /* relative, of a tensor's norm */
    vt_safetensors *file;
    vt_model *model;
    vt_vit *vit;
    const uint8_t *pixels;
    float *targets, *pos_weight; /* pos_weight: NULL without */
    int64_t batch, labels;
    float *values; /* [value_count] */
} bench;

/* --- reading golden files --- */

static const vt_tensor *find(const bench *b, const char *prefix, const char *name) {
    char full[256];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const vt_tensor *tensor = vt_safetensors_find(b->file, full);
    if (!tensor) fail_msg("vit-%s.safetensors has no '%s'", b->golden->name, full);
    return tensor;
}

static float *read_floats(const bench *b, const char *prefix, const char *name) {
    const vt_tensor *tensor = find(b, prefix, name);
    float *values;
    ASSERT_OK(vt_allocate(&values, (size_t)tensor->count, sizeof *values, name));
    ASSERT_OK(vt_tensor_to_float(tensor, values));
    return values;
}

static vt_model *open_case(const golden_case *golden) {
    vt_model_options options = default_options();
    options.image_height = golden->height;
    options.image_width = golden->width;
    vt_model *model;
    ASSERT_OK(open_with(golden_path(golden->checkpoint), &options, &model));
    model->config.hidden_act = golden->hidden_act;
    if (strcmp(golden->checkpoint, "vit-bare") != 0) return model;
    for (int i = model->parameter_count - 2; i < model->parameter_count; i++) { /* the head that the script sets */
        for (int64_t k = 0; k < model->parameters[i].count; k++) model->values[model->parameters[i].offset + k] = 0.1f;
    }
    return model;
}

static bench set_up(const golden_case *golden, vt_precision precision, double tolerance) {
    bench b = {.golden = golden, .tolerance = tolerance};
    char name[128];
    snprintf(name, sizeof name, "vit-%s.safetensors", golden->name);
    ASSERT_OK(vt_safetensors_open(golden_path(name), &b.file));
    b.model = open_case(golden);
    const vt_tensor *pixels = find(&b, "", "pixels");
    b.pixels = pixels->data;
    b.batch = pixels->shape[0];
    b.labels = b.model->config.num_labels;
    assert_int_equal(pixels->shape[1], b.model->config.image_height);
    assert_int_equal(pixels->shape[2], b.model->config.image_width);
    assert_int_equal(pixels->shape[3], golden->pixel_channels);
    b.targets = read_floats(&b, "", "targets");
    if (vt_safetensors_find(b.file, "pos_weight")) b.pos_weight = read_floats(&b, "", "pos_weight");
    b.vit = place(b.model, precision, b.batch, golden->pixel_channels, 1);
    b.values = flat_buffer(b.model);
    return b;
}

static void tear_down(bench *b) {
    vt_vit_free(b->vit);
    vt_model_close(b->model);
    vt_safetensors_close(b->file);
    free(b->targets);
    free(b->pos_weight);
    free(b->values);
}

/* --- comparing --- */

/* The difference must be small against `scale`, and so must a gradient that is all zeros be exactly that. */
static void compare(const bench *b, const char *what, const float *ours, const float *theirs, int64_t count, double scale) {
    double error = distance(ours, theirs, count);
    if (!(error <= b->tolerance * scale))
        fail_msg("%s: %s: relative error %.3g, allowed %.3g", b->golden->name, what, error / scale, b->tolerance);
}

/* Softmax does not see a shift of all keys, so the gradient of a key bias is zero but for rounding. */
static int is_key_bias(const vt_parameter *parameter) {
    return strstr(parameter->name, ".key.bias") != NULL;
}

/* b->values against the tensors called prefix<parameter>. */
static void compare_parameters(const bench *b, const char *prefix) {
    double query_scale = 0;
    for (int i = 0; i < b->model->parameter_count; i++) {
        const vt_parameter *parameter = &b->model->parameters[i];
        float *theirs = read_floats(b, prefix, parameter->name);
        double scale = norm_of(theirs, parameter->count);
        if (strstr(parameter->name, ".query.bias")) query_scale = scale;
        if (is_key_bias(parameter)) scale = query_scale;
        compare(b, parameter->name, b->values + parameter->offset, theirs, parameter->count, scale);
        free(theirs);
    }
}

static double run_step(bench *b, int64_t step, float *logits) {
    vt_vit_step where = {.seed = 1, .step = (uint64_t)step};
    vt_loss_options options = {.problem_type = b->golden->problem_type, .pos_weight = b->pos_weight};
    float losses[16];
    double loss = 0;
    assert_true(b->batch <= 16);
    ASSERT_OK(vt_vit_zero_gradients(b->vit));
    ASSERT_OK(vt_vit_forward_backward(b->vit, b->pixels, b->targets, b->batch, &where, &options, 1.0f / (float)b->batch, losses,
                                      logits));
    for (int64_t i = 0; i < b->batch; i++) loss += losses[i];
    return loss / (double)b->batch;
}

static void check_gradients(const golden_case *golden, vt_precision precision, double tolerance) {
    bench b = set_up(golden, precision, tolerance);
    float *logits = read_floats(&b, "", "logits"), *expected_loss = read_floats(&b, "", "loss"), ours[64];
    assert_true(b.batch * b.labels <= 64);
    float loss = (float)run_step(&b, 0, ours);
    compare(&b, "logits", ours, logits, b.batch * b.labels, norm_of(logits, b.batch * b.labels));
    compare(&b, "loss", &loss, expected_loss, 1, fabs(*expected_loss));
    ASSERT_OK(vt_vit_get_gradients(b.vit, b.values));
    compare_parameters(&b, "grad.");
    free(logits);
    free(expected_loss);
    tear_down(&b);
}

/* --- six steps of AdamW with clipping at 1, warm-up, cosine and weight decay --- */

static void check_steps(const golden_case *golden, vt_precision precision, double tolerance, double weight_tolerance) {
    bench b = set_up(golden, precision, tolerance);
    float *rates = read_floats(&b, "", "learning_rates"), *losses = read_floats(&b, "", "losses");
    float *norms = read_floats(&b, "", "norms");
    for (int64_t step = 0; step < find(&b, "", "losses")->count; step++) {
        float loss = (float)run_step(&b, step, NULL);
        double norm;
        ASSERT_OK(vt_vit_grad_norm(b.vit, &norm));
        float rounded = (float)norm;
        compare(&b, "loss", &loss, &losses[step], 1, losses[step]);
        compare(&b, "gradient norm", &rounded, &norms[step], 1, norms[step]);
        vt_update update = {.rule = VT_UPDATE_ADAMW,
                            .learning_rate = rates[step],
                            .beta1 = 0.9,
                            .beta2 = 0.999,
                            .epsilon = 1e-8,
                            .weight_decay = 0.05,
                            .gradient_scale = norm > 1 ? 1 / (norm + 1e-6) : 1,
                            .step = step + 1};
        ASSERT_OK(vt_vit_update(b.vit, &update));
    }
    ASSERT_OK(vt_vit_get_parameters(b.vit, b.values));
    for (int i = 0; i < b.model->parameter_count; i++) { /* Adam makes full steps of rounding: no use in comparing those */
        const vt_parameter *parameter = &b.model->parameters[i];
        if (!is_key_bias(parameter)) continue;
        float *theirs = read_floats(&b, "after.", parameter->name);
        memcpy(b.values + parameter->offset, theirs, (size_t)parameter->count * sizeof *theirs);
        free(theirs);
    }
    b.tolerance = weight_tolerance;
    compare_parameters(&b, "after.");
    free(rates);
    free(losses);
    free(norms);
    tear_down(&b);
}

static void test_gradients_fp32(void **state) {
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) check_gradients(&cases[i], VT_PRECISION_FP32, 1e-5);
}

static void test_gradients_bf16(void **state) {
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) check_gradients(&cases[i], VT_PRECISION_BF16, 3e-2);
}

static void test_steps_fp32(void **state) {
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        if (cases[i].steps) check_steps(&cases[i], VT_PRECISION_FP32, 1e-5, 1e-5);
    }
}

static void test_steps_bf16(void **state) {
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        if (cases[i].steps) check_steps(&cases[i], VT_PRECISION_BF16, 3e-2, 3e-2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_fp32),
        cmocka_unit_test(test_gradients_bf16),
        cmocka_unit_test(test_steps_fp32),
        cmocka_unit_test(test_steps_bf16),
    };
    int failed = cmocka_run_group_tests(tests, open_device, close_device);
    vt_text_free(&heard);
    return failed;
}
