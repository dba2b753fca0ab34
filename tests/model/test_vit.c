/* What must hold for a placed model whatever the numbers: micro-batches add up, the same bits come back, dropout is
 * a function of the step, gradients are those of the loss, and moments travel. */
#include "vit_support.h"

#include "base/random.h"
#include "model/vit_state.h"
#include <omp.h>

enum { BATCH = 8, SIDE = 32, CHANNELS = 3, LABELS = 5 };

static uint8_t pixels[BATCH * SIDE * SIDE * CHANNELS];
static float targets[BATCH * LABELS];
static const vt_loss_options multi_label = {.problem_type = VT_PROBLEM_MULTI_LABEL};
static const vt_vit_step first_step = {.seed = 7};

static void draw_batch(void) {
    vt_random random = vt_random_stream(11, VT_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)vt_random_below(&random, 256);
    for (int i = 0; i < BATCH * LABELS; i++) targets[i] = vt_random_uniform(&random) < 0.4;
}

static vt_model *open_golden(double dropout) {
    vt_model_options options = default_options();
    options.hidden_dropout_prob = dropout;
    options.attention_probs_dropout_prob = dropout;
    vt_model *model;
    ASSERT_OK(open_with(golden_path("vit-base"), &options, &model));
    return model;
}

/* Adds the gradients of the mean loss over the whole batch, in micro-batches; returns that loss. */
static double accumulate(vt_vit *vit, int64_t micro_batch, uint64_t step_index) {
    double sum = 0;
    for (int64_t first = 0; first < BATCH; first += micro_batch) {
        vt_vit_step step = {.seed = 7, .step = step_index, .first_sample = first};
        float losses[BATCH];
        ASSERT_OK(vt_vit_forward_backward(vit, pixels + first * SIDE * SIDE * CHANNELS, targets + first * LABELS, micro_batch,
                                          &step, &multi_label, 1.0f / BATCH, losses, NULL));
        for (int64_t i = 0; i < micro_batch; i++) sum += losses[i];
    }
    return sum / BATCH;
}

static float *gradients_of(const vt_model *model, vt_precision precision, int64_t micro_batch) {
    vt_vit *vit = place(model, precision, micro_batch, CHANNELS, 1);
    float *gradients = flat_buffer(model);
    accumulate(vit, micro_batch, 0);
    ASSERT_OK(vt_vit_get_gradients(vit, gradients));
    vt_vit_free(vit);
    return gradients;
}

static void test_micro_batches_add_up(void **state) {
    (void)state;
    vt_model *model = open_golden(0.1); /* masks belong to samples, so they do not change either */
    float *whole = gradients_of(model, VT_PRECISION_FP32, 8);
    for (int64_t micro_batch = 1; micro_batch < 8; micro_batch *= 2) {
        float *parts = gradients_of(model, VT_PRECISION_FP32, micro_batch);
        assert_true(distance(whole, parts, model->value_count) < 2e-6 * norm_of(whole, model->value_count));
        free(parts);
    }
    free(whole);
    vt_model_close(model);
}

static void test_same_bits_again_and_for_any_thread_count(void **state) {
    (void)state;
    vt_model *model = open_golden(0.1);
    vt_device *usual = device;
    int threads = omp_get_max_threads();
    for (int precision = VT_PRECISION_FP32; precision <= VT_PRECISION_BF16; precision++) {
        float *once = gradients_of(model, (vt_precision)precision, 8);
        for (int count = 1; count <= 3; count++) {
            omp_set_num_threads(count);
            ASSERT_OK(vt_device_open("cpu", &device));
            float *again = gradients_of(model, (vt_precision)precision, 8);
            assert_memory_equal(once, again, (size_t)model->value_count * sizeof(float));
            free(again);
            vt_device_close(device);
            device = usual;
            omp_set_num_threads(threads);
        }
        free(once);
    }
    vt_model_close(model);
}

static void compare_logits(const float *ours, const float *theirs, int64_t count, vt_precision precision) {
    double tolerance = precision == VT_PRECISION_FP32 ? 2e-6 : 2e-2; /* a matrix library may fuse them differently */
    assert_true(distance(ours, theirs, count) <= tolerance * norm_of(theirs, count));
}

static void check_inference(const vt_model *plain, const vt_model *dropping, vt_precision precision) {
    vt_vit *training = place(plain, precision, BATCH, CHANNELS, 1);
    vt_vit *inference = place(dropping, precision, BATCH, CHANNELS, 0);
    vt_vit *both = place(dropping, precision, BATCH, CHANNELS, 1);
    float expected[BATCH * LABELS], logits[BATCH * LABELS], again[BATCH * LABELS];
    ASSERT_OK(vt_vit_forward(training, pixels, BATCH, &first_step, expected));
    ASSERT_OK(vt_vit_forward(inference, pixels, BATCH, NULL, logits));
    compare_logits(logits, expected, BATCH * LABELS, precision);
    ASSERT_OK(vt_vit_forward(inference, pixels + 3 * SIDE * SIDE * CHANNELS, 2, NULL, logits));
    compare_logits(logits, expected + 3 * LABELS, 2 * LABELS, precision);
    ASSERT_OK(vt_vit_forward(both, pixels, BATCH, NULL, logits));
    compare_logits(logits, expected, BATCH * LABELS, precision);
    accumulate(both, BATCH, 0); /* evaluation in the middle of training */
    ASSERT_OK(vt_vit_forward(both, pixels, BATCH, NULL, again));
    assert_memory_equal(again, logits, sizeof logits);
    vt_vit_free(training);
    vt_vit_free(inference);
    vt_vit_free(both);
}

static vt_model *open_tiny(double dropout) {
    static const char *const labels[LABELS] = {"a", "b", "c", "d", "e"};
    vt_model_options options = default_options();
    options.image_height = options.image_width = SIDE;
    options.num_labels = LABELS;
    options.label_names = labels;
    options.hidden_dropout_prob = options.attention_probs_dropout_prob = dropout;
    vt_model *model;
    ASSERT_OK(open_with("vit-tiny-patch16-224", &options, &model));
    return model;
}

static void test_inference_equals_training_without_dropout(void **state) {
    (void)state;
    vt_model *plain = open_golden(0), *dropping = open_golden(0.3);
    vt_model *plain_tiny = open_tiny(0), *dropping_tiny = open_tiny(0.3);
    for (int precision = VT_PRECISION_FP32; precision <= VT_PRECISION_BF16; precision++) {
        check_inference(plain, dropping, (vt_precision)precision);
        check_inference(plain_tiny, dropping_tiny, (vt_precision)precision);
    }
    vt_model_close(plain);
    vt_model_close(dropping);
    vt_model_close(plain_tiny);
    vt_model_close(dropping_tiny);
}

static void test_dropout_is_a_function_of_seed_and_step(void **state) {
    (void)state;
    vt_model *model = open_golden(0.3);
    vt_vit *vit = place(model, VT_PRECISION_FP32, BATCH, CHANNELS, 1);
    const vt_vit_step steps[] = {{.seed = 7}, {.seed = 7}, {.seed = 8}, {.seed = 7, .step = 1}, {.seed = 7, .first_sample = 1}};
    float first[BATCH * LABELS], logits[BATCH * LABELS];
    ASSERT_OK(vt_vit_forward(vit, pixels, BATCH, &steps[0], first));
    ASSERT_OK(vt_vit_forward(vit, pixels, BATCH, &steps[1], logits));
    assert_memory_equal(logits, first, sizeof first);
    for (int i = 2; i < 5; i++) {
        ASSERT_OK(vt_vit_forward(vit, pixels, BATCH, &steps[i], logits));
        assert_true(distance(logits, first, BATCH * LABELS) > 0.01);
    }
    vt_vit_free(vit);
    vt_model_close(model);
}

static void test_dropout_sites_share_no_mask(void **state) {
    (void)state;
    vt_model *model = open_golden(0.3);
    vt_vit *vit = place(model, VT_PRECISION_FP32, 1, CHANNELS, 1);
    int layers = model->config.num_hidden_layers, seen[16] = {0};
    for (int layer = 0; layer < layers; layer++) {
        for (int site = layer ? VT_SITE_ATTENTION_PROBS : VT_SITE_EMBEDDINGS; site <= VT_SITE_MLP_OUTPUT; site++) {
            vt_dropout dropout = vt_vit_dropout(vit, &first_step, layer, site);
            assert_true(dropout.site < 16);
            assert_int_equal(seen[dropout.site]++, 0);
        }
    }
    assert_true(vt_vit_dropout(vit, NULL, 0, VT_SITE_EMBEDDINGS).probability == 0);
    vt_vit_free(vit);
    vt_model_close(model);
}

/* The loss at parameters + distance * direction, where direction is the gradient of one parameter. */
static double loss_along(vt_vit *vit, const vt_model *model, const vt_parameter *parameter, const float *gradients,
                         double reach, float *scratch) {
    memcpy(scratch, model->values, (size_t)model->value_count * sizeof *scratch);
    for (int64_t k = parameter->offset; k < parameter->offset + parameter->count; k++)
        scratch[k] += (float)(reach * gradients[k]);
    ASSERT_OK(vt_vit_set_parameters(vit, scratch));
    return accumulate(vit, BATCH, 0);
}

static void test_gradients_are_the_slope_of_the_loss(void **state) {
    (void)state;
    vt_model *model = open_golden(0.2);
    vt_vit *vit = place(model, VT_PRECISION_FP32, BATCH, CHANNELS, 1);
    float *gradients = flat_buffer(model), *scratch = flat_buffer(model);
    accumulate(vit, BATCH, 0);
    ASSERT_OK(vt_vit_get_gradients(vit, gradients));
    for (int i = 0; i < model->parameter_count; i++) {
        const vt_parameter *parameter = &model->parameters[i];
        double slope = norm_of(gradients + parameter->offset, parameter->count);
        if (strstr(parameter->name, ".key.bias")) { /* softmax does not see a shift of all keys */
            assert_true(slope < 1e-6);
            continue;
        }
        double step = 0.01 / slope; /* along the gradient of length slope: moves the parameter by 0.01 */
        double rise = loss_along(vit, model, parameter, gradients, step, scratch) -
                      loss_along(vit, model, parameter, gradients, -step, scratch);
        double measured = rise / 0.02;
        if (fabs(measured - slope) > 0.01 * slope + 2e-5)
            fail_msg("%s: slope %.6g, gradient %.6g", parameter->name, measured, slope);
    }
    free(gradients);
    free(scratch);
    vt_vit_free(vit);
    vt_model_close(model);
}

/* --- updates --- */

static void take_steps(vt_vit *vit, vt_update_rule rule, int from, int to) {
    for (int step = from; step <= to; step++) {
        vt_update update = {.rule = rule,
                            .learning_rate = 0.01,
                            .beta1 = 0.9,
                            .beta2 = 0.999,
                            .epsilon = 1e-8,
                            .weight_decay = 0.1,
                            .momentum = 0.9,
                            .gradient_scale = 1,
                            .step = step};
        ASSERT_OK(vt_vit_zero_gradients(vit));
        accumulate(vit, BATCH, (uint64_t)step);
        ASSERT_OK(vt_vit_update(vit, &update));
    }
}

static vt_vit *place_for(const vt_model *model, vt_update_rule update) {
    vt_vit_options options = {
        .precision = VT_PRECISION_BF16, .max_batch = BATCH, .pixel_channels = CHANNELS, .train = 1, .update = update};
    vt_vit *vit;
    ASSERT_OK(vt_vit_create(device, model, &options, &vit));
    return vit;
}

static void test_resumed_from_parameters_and_moments(void **state) {
    (void)state;
    vt_model *model = open_golden(0.1);
    float *parameters = flat_buffer(model), *moment1 = flat_buffer(model), *moment2 = flat_buffer(model);
    float *expected = flat_buffer(model);
    for (int rule = VT_UPDATE_ADAMW; rule <= VT_UPDATE_LAMB; rule++) {
        vt_vit *through = place_for(model, (vt_update_rule)rule), *resumed = place_for(model, (vt_update_rule)rule);
        double before = accumulate(through, BATCH, 0);
        take_steps(through, (vt_update_rule)rule, 1, 2);
        ASSERT_OK(vt_vit_get_parameters(through, parameters));
        ASSERT_OK(vt_vit_get_moments(through, moment1, moment2));
        take_steps(through, (vt_update_rule)rule, 3, 5);
        ASSERT_OK(vt_vit_get_parameters(through, expected));
        assert_true(accumulate(through, BATCH, 0) < before);
        ASSERT_OK(vt_vit_set_parameters(resumed, parameters));
        ASSERT_OK(vt_vit_set_moments(resumed, moment1, moment2));
        take_steps(resumed, (vt_update_rule)rule, 3, 5);
        ASSERT_OK(vt_vit_get_parameters(resumed, parameters));
        assert_memory_equal(parameters, expected, (size_t)model->value_count * sizeof(float));
        vt_vit_free(through);
        vt_vit_free(resumed);
    }
    free(parameters);
    free(moment1);
    free(moment2);
    free(expected);
    vt_model_close(model);
}

/* The first model on a device has the scratch for the later ones. */
static uint64_t without_scratch(const vt_vit *vit) {
    vt_memory_plan plan = vt_vit_memory(vit);
    return plan.total - plan.scratch;
}

/* Keeping the layers' inputs alone saves memory and changes no bit, with every kind of dropout too. */
static void test_recomputing_gives_the_same_bits(void **state) {
    (void)state;
    for (int precision = VT_PRECISION_FP32; precision <= VT_PRECISION_BF16; precision++) {
        vt_model *model = open_golden(0.1);
        vt_vit_options options = {
            .precision = (vt_precision)precision, .max_batch = BATCH, .pixel_channels = CHANNELS, .train = 1};
        float *expected = flat_buffer(model), *gradients = flat_buffer(model);
        vt_vit *keeping, *recomputing;
        ASSERT_OK(vt_vit_create(device, model, &options, &keeping));
        options.recompute = 1;
        ASSERT_OK(vt_vit_create(device, model, &options, &recomputing));
        assert_true(without_scratch(recomputing) < without_scratch(keeping));
        for (uint64_t step = 0; step < 2; step++) {
            double loss = accumulate(keeping, 2, step), again = accumulate(recomputing, 2, step);
            assert_true(loss == again);
        }
        ASSERT_OK(vt_vit_get_gradients(keeping, expected));
        ASSERT_OK(vt_vit_get_gradients(recomputing, gradients));
        assert_memory_equal(gradients, expected, (size_t)model->value_count * sizeof(float));
        vt_vit_free(keeping);
        vt_vit_free(recomputing);
        free(expected);
        free(gradients);
        vt_model_close(model);
    }
}

/* On buffers of the host's, training goes on in place, and a model that shares the weights sees every update. */
static void test_shared_and_host_memory(void **state) {
    (void)state;
    vt_model *model = open_golden(0), *same = open_golden(0);
    float *moment1 = flat_buffer(model), *moment2 = flat_buffer(model), *expected = flat_buffer(model);
    float logits[BATCH * LABELS], again[BATCH * LABELS];
    vt_vit_options options = {.precision = VT_PRECISION_BF16, .max_batch = BATCH, .pixel_channels = CHANNELS, .train = 1};
    vt_vit *copied, *in_place, *twin;
    ASSERT_OK(vt_vit_create(device, same, &options, &copied));
    options.host = (vt_host_buffers){model->values, moment1, moment2};
    ASSERT_OK(vt_vit_create(device, model, &options, &in_place));
    options = (vt_vit_options){.precision = VT_PRECISION_BF16, .max_batch = 2, .pixel_channels = CHANNELS, .owner = in_place};
    ASSERT_OK(vt_vit_create(device, model, &options, &twin));
    assert_int_equal(without_scratch(copied), without_scratch(in_place));
    assert_true(without_scratch(twin) < (uint64_t)model->value_count * sizeof(float));
    take_steps(copied, VT_UPDATE_ADAMW, 1, 2);
    take_steps(in_place, VT_UPDATE_ADAMW, 1, 2);
    ASSERT_OK(vt_vit_get_parameters(copied, expected));
    assert_memory_equal(model->values, expected, (size_t)model->value_count * sizeof(float));
    ASSERT_OK(vt_vit_forward(in_place, pixels, 2, NULL, logits));
    ASSERT_OK(vt_vit_forward(twin, pixels, 2, NULL, again));
    compare_logits(again, logits, 2 * LABELS, VT_PRECISION_BF16);
    ASSERT_FAILS(VT_ERROR_USAGE, "the model's weights are another's", vt_vit_set_parameters(twin, expected));
    options.train = 1;
    ASSERT_FAILS(VT_ERROR_USAGE, "can't be trained", vt_vit_create(device, model, &options, &twin));
    vt_vit_free(twin);
    vt_vit_free(in_place);
    vt_vit_free(copied);
    free(moment1);
    free(moment2);
    free(expected);
    vt_model_close(model);
    vt_model_close(same);
}

/* --- limits --- */

static void test_memory_is_planned(void **state) {
    (void)state;
    vt_model *model = open_golden(0);
    vt_vit *small = place(model, VT_PRECISION_FP32, 1, CHANNELS, 0), *large = place(model, VT_PRECISION_FP32, 1, CHANNELS, 1);
    vt_vit *half = place(model, VT_PRECISION_BF16, BATCH, CHANNELS, 1),
           *full = place(model, VT_PRECISION_FP32, BATCH, CHANNELS, 1);
    uint64_t parameters = (uint64_t)model->value_count * sizeof(float);
    assert_true(without_scratch(small) > 2 * parameters);
    assert_true(without_scratch(large) > without_scratch(small) + 4 * parameters);
    assert_true(without_scratch(full) > without_scratch(large));
    assert_true(without_scratch(half) < without_scratch(full));
    vt_vit_free(small);
    vt_vit_free(large);
    vt_vit_free(half);
    vt_vit_free(full);
    vt_model_close(model);
}

static void test_misuse_is_said(void **state) {
    (void)state;
    vt_model *model = open_golden(0), *grey = open_model(golden_path("vit-grey"));
    vt_vit_options options = {.max_batch = 2, .pixel_channels = 3};
    float logits[BATCH * LABELS], losses[BATCH];
    vt_vit *vit;
    ASSERT_FAILS(VT_ERROR_USAGE, "the images have 3 channels, the model takes 1", vt_vit_create(device, grey, &options, &vit));
    options.max_batch = 0;
    ASSERT_FAILS(VT_ERROR_USAGE, "the batch size is 0", vt_vit_create(device, model, &options, &vit));
    options.max_batch = 2;
    ASSERT_OK(vt_vit_create(device, model, &options, &vit));
    ASSERT_FAILS(VT_ERROR_USAGE, "3 images was given, the model was placed for 1 to 2",
                 vt_vit_forward(vit, pixels, 3, NULL, logits));
    ASSERT_FAILS(VT_ERROR_USAGE, "placed for inference", vt_vit_forward(vit, pixels, 2, &first_step, logits));
    ASSERT_FAILS(VT_ERROR_USAGE, "placed for inference",
                 vt_vit_forward_backward(vit, pixels, targets, 2, &first_step, &multi_label, 1, losses, NULL));
    ASSERT_FAILS(VT_ERROR_USAGE, "placed for inference", vt_vit_zero_gradients(vit));
    vt_vit_free(vit);
    options.train = 1;
    options.update = VT_UPDATE_SGD;
    ASSERT_OK(vt_vit_create(device, model, &options, &vit));
    ASSERT_FAILS(VT_ERROR_USAGE, "placed for SGD", vt_vit_update(vit, &(vt_update){.rule = VT_UPDATE_LAMB, .step = 1}));
    vt_vit_free(vit);
    vt_model_close(model);
    vt_model_close(grey);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_micro_batches_add_up),
        cmocka_unit_test(test_same_bits_again_and_for_any_thread_count),
        cmocka_unit_test(test_inference_equals_training_without_dropout),
        cmocka_unit_test(test_dropout_is_a_function_of_seed_and_step),
        cmocka_unit_test(test_dropout_sites_share_no_mask),
        cmocka_unit_test(test_gradients_are_the_slope_of_the_loss),
        cmocka_unit_test(test_resumed_from_parameters_and_moments),
        cmocka_unit_test(test_recomputing_gives_the_same_bits),
        cmocka_unit_test(test_shared_and_host_memory),
        cmocka_unit_test(test_memory_is_planned),
        cmocka_unit_test(test_misuse_is_said),
    };
    draw_batch();
    int failed = cmocka_run_group_tests(tests, open_device, close_device);
    vt_text_free(&heard);
    remove_test_folder();
    return failed;
}
