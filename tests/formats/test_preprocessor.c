/* preprocessor_config.json: today's files, older feature extractors' files, and what is refused. */
#include "formats/preprocessor.h"

#include "support.h"

static vt_status load(const char *json, vt_preprocessor *preprocessor) {
    write_test_file(test_path("preprocessor_config.json"), json, strlen(json));
    int found = -1;
    vt_status status = vt_preprocessor_load(test_folder(), preprocessor, &found);
    if (status == VT_OK) assert_int_equal(found, 1);
    return status;
}

static void test_absent_file_gives_defaults(void **state) {
    (void)state;
    vt_preprocessor p = {0};
    int found = -1;
    ASSERT_OK(vt_preprocessor_load(test_path("no such folder"), &p, &found));
    assert_int_equal(found, 0);
    assert_int_equal(p.height, 224);
    assert_int_equal(p.resample, VT_RESAMPLE_BILINEAR);
    assert_true(p.rescale_factor == 1.0 / 255.0);
    assert_true(p.image_mean[2] == 0.5f && p.image_std[0] == 0.5f);
    ASSERT_OK(vt_preprocessor_load(test_path("no such folder"), &p, NULL));
}

static void test_round_trip(void **state) {
    (void)state;
    vt_preprocessor p, q;
    vt_preprocessor_init(&p);
    p.height = 384;
    p.width = 200;
    p.resample = VT_RESAMPLE_LANCZOS;
    p.intensity = VT_INTENSITY_STRETCH;
    p.rescale_factor = 1.0 / 127.5;
    p.image_mean[0] = 0.485f;
    p.image_std[2] = 1.0f / 3.0f;
    ASSERT_OK(vt_preprocessor_save(test_folder(), &p));
    ASSERT_OK(vt_preprocessor_load(test_folder(), &q, NULL));
    assert_int_equal(q.height, 384);
    assert_int_equal(q.width, 200);
    assert_int_equal(q.resample, VT_RESAMPLE_LANCZOS);
    assert_int_equal(q.intensity, VT_INTENSITY_STRETCH);
    assert_true(q.rescale_factor == p.rescale_factor);
    assert_memory_equal(q.image_mean, p.image_mean, sizeof p.image_mean);
    assert_memory_equal(q.image_std, p.image_std, sizeof p.image_std);

    uint8_t *text;
    size_t size;
    ASSERT_OK(vt_read_file(test_path("preprocessor_config.json"), 1 << 20, &text, &size));
    assert_non_null(strstr((char *)text, "ViTImageProcessor"));
    assert_null(strstr((char *)text, "0.48500001")); /* written as short as it was meant */
    free(text);
}

static void test_older_feature_extractor(void **state) {
    (void)state;
    vt_preprocessor p;
    ASSERT_OK(load("{\"do_normalize\": true, \"do_resize\": true, \"image_mean\": [0.1, 0.2, 0.3],"
                   " \"feature_extractor_type\": \"ViTFeatureExtractor\", \"size\": 384}",
                   &p));
    assert_int_equal(p.height, 384);
    assert_int_equal(p.width, 384);
    assert_int_equal(p.resample, VT_RESAMPLE_BILINEAR);
    assert_true(p.image_mean[1] == 0.2f && p.image_std[1] == 0.5f);
}

static void test_switched_off_steps(void **state) {
    (void)state;
    vt_preprocessor p;
    ASSERT_OK(load("{\"do_normalize\": false, \"image_mean\": [0.1, 0.2, 0.3], \"do_rescale\": false, \"size\": null}", &p));
    assert_int_equal(p.height, 224);
    assert_true(p.rescale_factor == 1.0);
    for (int c = 0; c < 3; c++) assert_true(p.image_mean[c] == 0.0f && p.image_std[c] == 1.0f);
    ASSERT_OK(load("{\"image_mean\": 0.25, \"image_std\": [0.75]}", &p));
    for (int c = 0; c < 3; c++) assert_true(p.image_mean[c] == 0.25f && p.image_std[c] == 0.75f);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *json, *words;
        vt_status code;
    } cases[] = {
        {"{\"size\": {\"shortest_edge\": 256}}", "shortest_edge", VT_ERROR_UNSUPPORTED},
        {"{\"size\": {}}", "'height' and 'width'", VT_ERROR_UNSUPPORTED},
        {"{\"do_center_crop\": true}", "centre crop", VT_ERROR_UNSUPPORTED},
        {"{\"size\": 0}", "'size'", VT_ERROR_INPUT},
        {"{\"size\": \"224\"}", "'size'", VT_ERROR_INPUT},
        {"{\"size\": {\"height\": 9223372036854775807, \"width\": 1}}", "'height'", VT_ERROR_INPUT},
        {"{\"resample\": 6}", "'resample'", VT_ERROR_INPUT},
        {"{\"vitrain_intensity\": \"loud\"}", "'vitrain_intensity' is 'loud'", VT_ERROR_INPUT},
        {"{\"resample\": \"bicubic\"}", "'resample'", VT_ERROR_INPUT},
        {"{\"image_mean\": [0.5, 0.5]}", "'image_mean' has 2 values", VT_ERROR_INPUT},
        {"{\"image_mean\": [0.5, 0.5, \"x\"]}", "'image_mean'", VT_ERROR_INPUT},
        {"{\"image_mean\": 1e300}", "'image_mean'", VT_ERROR_INPUT},
        {"{\"image_std\": [0.5, 0.0, 0.5]}", "'image_std'", VT_ERROR_INPUT},
        {"{\"rescale_factor\": 0}", "'rescale_factor'", VT_ERROR_INPUT},
        {"{\"do_normalize\": 3}", "'do_normalize'", VT_ERROR_INPUT},
        {"[]", "preprocessor_config.json", VT_ERROR_INPUT},
        {"{\"size\": 224", "preprocessor_config.json", VT_ERROR_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vt_preprocessor p = {.height = -1};
        ASSERT_FAILS(cases[i].code, cases[i].words, load(cases[i].json, &p));
        assert_int_equal(p.height, -1); /* a failure leaves the result alone */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_file_gives_defaults),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_older_feature_extractor),
        cmocka_unit_test(test_switched_off_steps),
        cmocka_unit_test(test_refusals),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
