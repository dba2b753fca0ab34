/* Prediction for files: what a data set's own evaluation says, in order, with bad files named. */
#include "train_support.h"

#include <math.h>
#include <unistd.h>

static vt_dataset *dataset;
static vt_model *model;

static int setup(void **state) {
    if (open_device(state) != 0) return -1;
    dataset = open_dataset(make_dataset("data", 4, 11, 1));
    model = open_model_for(dataset, 0);
    return 0;
}

static int teardown(void **state) {
    vt_model_close(model);
    vt_dataset_close(dataset);
    return close_device(state);
}

typedef struct predictions {
    int count, stop_at;
    char files[32][600];
    float values[32][4];
} predictions;

static vt_status collect(void *user, const char *file, const float *probabilities, int num_labels) {
    predictions *all = user;
    assert_int_equal(num_labels, 4);
    if (all->count == all->stop_at) return vt_fail(VT_ERROR_IO, "no more");
    snprintf(all->files[all->count], sizeof all->files[0], "%s", file);
    memcpy(all->values[all->count++], probabilities, 4 * sizeof(float));
    return VT_OK;
}

static vt_status predict(const char *const *files, int64_t count, vt_bad_image_policy policy, predictions *out) {
    *out = (predictions){.stop_at = 32};
    forget();
    return vt_predict_files(device, model, files, count, 4, VT_PRECISION_FP32, policy, &listener, collect, out);
}

static void files_predict_as_the_prepared_data_set(void **state) {
    (void)state;
    const char *folder = test_path("data-raw/validation");
    predictions all;
    vt_evaluate_options options;
    vt_evaluation *evaluation;
    vt_evaluate_options_init(&options, device);
    options.precision = VT_PRECISION_FP32;
    ASSERT_OK(vt_evaluate(device, model, dataset, vt_dataset_get_split(dataset, "validation"), &options, NULL, &evaluation));
    ASSERT_OK(predict(&folder, 1, VT_BAD_IMAGE_FAIL, &all));
    assert_int_equal(all.count, 11);
    for (int i = 0; i < 11; i++) {
        char name[32];
        snprintf(name, sizeof name, "/%04d.png", i + 4);
        assert_non_null(strstr(all.files[i], name));
        for (int l = 0; l < 4; l++) assert_true(fabsf(all.values[i][l] - evaluation->scores[i * 4 + l]) < 1e-6f);
    }
    vt_evaluation_free(evaluation);
}

static void pixels_predict_as_the_prepared_data_set(void **state) {
    (void)state;
    const vt_split *split = vt_dataset_get_split(dataset, "validation");
    uint8_t pixels[11 * IMAGE_SIDE * IMAGE_SIDE];
    float logits[11 * 4];
    vt_evaluate_options options;
    vt_evaluation *evaluation;
    for (int i = 0; i < 11; i++)
        memcpy(pixels + i * IMAGE_SIDE * IMAGE_SIDE, vt_split_get(split, i).pixels, IMAGE_SIDE * IMAGE_SIDE);
    vt_evaluate_options_init(&options, device);
    options.precision = VT_PRECISION_FP32;
    ASSERT_OK(vt_evaluate(device, model, dataset, split, &options, NULL, &evaluation));
    ASSERT_OK(vt_predict_pixels(device, model, pixels, 11, 1, VT_PRECISION_FP32, logits));
    for (int i = 0; i < 11 * 4; i++) assert_true(fabsf(logits[i] - evaluation->logits[i]) < 1e-5f);
    ASSERT_FAILS(VT_ERROR_USAGE, "2 channels", vt_predict_pixels(device, model, pixels, 1, 2, VT_PRECISION_FP32, logits));
    vt_evaluation_free(evaluation);
}

/* config.json need not name a problem type; Hugging Face's pipeline then takes labels to exclude each other. */
static void scores_without_a_problem_type_sum_to_one(void **state) {
    (void)state;
    const char *file = test_path("data-raw/train/0001.png");
    predictions sigmoid, softmax;
    vt_problem_type before = model->config.problem_type;
    ASSERT_OK(predict(&file, 1, VT_BAD_IMAGE_FAIL, &sigmoid));
    model->config.problem_type = VT_PROBLEM_UNSET;
    ASSERT_OK(predict(&file, 1, VT_BAD_IMAGE_FAIL, &softmax));
    model->config.problem_type = before;
    float sum = 0, odds = 0;
    for (int l = 0; l < 4; l++) odds += sigmoid.values[0][l] / (1 - sigmoid.values[0][l]); /* e^logit */
    for (int l = 0; l < 4; l++) {
        sum += softmax.values[0][l];
        float expected = sigmoid.values[0][l] / (1 - sigmoid.values[0][l]) / odds;
        assert_true(fabsf(softmax.values[0][l] - expected) < 1e-5f);
    }
    assert_true(fabsf(sum - 1) < 1e-5f);
}

static void bad_files_fail_or_are_skipped(void **state) {
    (void)state;
    char good[600], bad[600], absent[600];
    snprintf(good, sizeof good, "%s", test_path("data-raw/train/0001.png"));
    snprintf(bad, sizeof bad, "%s", test_path("bad.png"));
    snprintf(absent, sizeof absent, "%s", test_path("absent.png"));
    write_test_file(bad, "\x89PNG\r\n\x1a\n", 8);
    const char *const files[] = {good, bad, absent, good, good};
    predictions all;
    ASSERT_FAILS(VT_ERROR_INPUT, "bad.png", predict(files, 5, VT_BAD_IMAGE_FAIL, &all));
    ASSERT_OK(predict(files, 5, VT_BAD_IMAGE_SKIP, &all));
    assert_int_equal(all.count, 3);
    assert_heard("warning: skipped: ");
    assert_heard("absent.png");
    assert_memory_equal(all.values[0], all.values[1], sizeof all.values[0]);
    ASSERT_OK(vt_make_folders(test_path("empty")));
    const char *empty = test_path("empty");
    ASSERT_FAILS(VT_ERROR_INPUT, "has no images in it", predict(&empty, 1, VT_BAD_IMAGE_SKIP, &all));
}

/* Links to folders above would make the walk endless, two of them exponential. */
static void links_among_folders_end(void **state) {
    (void)state;
    predictions all;
    char one[600], two[600], before[600];
    snprintf(one, sizeof one, "%s", test_path("linked/up"));
    snprintf(two, sizeof two, "%s", test_path("linked/up_again"));
    snprintf(before, sizeof before, "%s", test_path("data-raw/train/0001.png"));
    const char *folder = test_path("linked");
    ASSERT_OK(vt_make_folders(folder));
    assert_int_equal(symlink(".", one), 0);
    assert_int_equal(symlink(".", two), 0);
    assert_int_equal(symlink(before, test_path("linked/a.png")), 0);
    ASSERT_OK(predict(&folder, 1, VT_BAD_IMAGE_FAIL, &all));
    assert_int_equal(all.count, 1);
}

static void standard_input_is_one_image(void **state) {
    (void)state;
    const char *const files[] = {"-", test_path("data-raw/train/0001.png")};
    predictions all;
    assert_non_null(freopen(files[1], "rb", stdin));
    ASSERT_OK(predict(files, 2, VT_BAD_IMAGE_FAIL, &all));
    assert_int_equal(all.count, 2);
    assert_string_equal(all.files[0], "-");
    assert_memory_equal(all.values[0], all.values[1], sizeof all.values[0]);
    const char *const twice[] = {"-", "-"};
    ASSERT_FAILS(VT_ERROR_USAGE, "named twice", predict(twice, 2, VT_BAD_IMAGE_FAIL, &all));
}

static void the_sink_may_stop_it(void **state) {
    (void)state;
    const char *folder = test_path("data-raw/train");
    predictions all = {.stop_at = 2};
    ASSERT_FAILS(VT_ERROR_IO, "no more",
                 vt_predict_files(device, model, &folder, 1, 4, VT_PRECISION_FP32, VT_BAD_IMAGE_FAIL, NULL, collect, &all));
    assert_int_equal(all.count, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_predict_as_the_prepared_data_set),
        cmocka_unit_test(pixels_predict_as_the_prepared_data_set),
        cmocka_unit_test(scores_without_a_problem_type_sum_to_one),
        cmocka_unit_test(bad_files_fail_or_are_skipped),
        cmocka_unit_test(links_among_folders_end),
        cmocka_unit_test(standard_input_is_one_image),
        cmocka_unit_test(the_sink_may_stop_it),
    };
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    forget();
    remove_test_folder();
    return failed;
}
