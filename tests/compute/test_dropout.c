/* Dropout: how much is dropped, that a mask depends on its place alone, and that forward and backward drop the same. */
#include "compute_support.h"

static const vt_dropout base = {.probability = 0.1f, .seed = 42, .step = 3, .site = 5, .first_sample = 0};

/* y = dropped ones [samples, per_sample] */
static float *mask_of(vt_device *device, vt_dropout dropout, int64_t samples, int64_t per_sample) {
    int64_t count = samples * per_sample;
    float *ones = get_memory((size_t)count * sizeof(float)), *y = poisoned((size_t)count * sizeof(float));
    for (int64_t i = 0; i < count; i++) ones[i] = 1.0f;
    ASSERT_OK(device->ops->dropout(device, VT_PRECISION_FP32, ones, NULL, samples, per_sample, &dropout, y));
    free(ones);
    return y;
}

static void body(vt_device *device, vt_precision precision) {
    const int64_t samples = 3, per_sample = 20011, count = samples * per_sample;
    size_t bytes = (size_t)count * vt_act_size(precision);
    double *x, *residual, kept = 0.0;
    act *x_data = random_act(precision, 1, count, 1.0, &x), *residual_data = random_act(precision, 2, count, 1.0, &residual);
    act *y = poisoned_act(precision, count);
    float *mask = mask_of(device, base, samples, per_sample);
    ASSERT_OK(device->ops->dropout(device, precision, x_data, residual_data, samples, per_sample, &base, y));
    for (int64_t i = 0; i < count; i++) {
        assert_true(mask[i] == 0.0f || mask[i] == (float)(1.0 / 0.9));
        kept += mask[i] != 0.0f;
        residual[i] += mask[i] * x[i];
    }
    /* 60,033 draws at 0.1: standard deviation 73 */
    assert_true(fabs(kept - 0.9 * (double)count) < 5 * 74);
    ASSERT_CLOSE(precision, y, residual, count, precision == VT_PRECISION_BF16 ? 4e-3 : 1e-6);
    same_for_all_threads(y, bytes);
    same_for_all_threads(mask, (size_t)count * sizeof(float));
    ASSERT_OK(device->ops->dropout(device, precision, x_data, residual_data, samples, per_sample, &base, residual_data));
    assert_memory_equal(residual_data, y, bytes);
    memset(y, 0xff, bytes);
    ASSERT_OK(device->ops->dropout(device, precision, x_data, NULL, samples, per_sample, &base, y));
    ASSERT_OK(device->ops->dropout(device, precision, x_data, NULL, samples, per_sample, &base, x_data));
    assert_memory_equal(x_data, y, bytes);
    void *all[] = {x, residual, x_data, residual_data, y, mask};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void test_dropout(void **state) {
    (void)state;
    on_every_device(body);
}

static void test_same_on_every_set(void **state) {
    vt_device *fast = open_device(NULL, 2), *portable = open_device("portable", 1);
    float *a = mask_of(fast, base, 2, 1000), *b = mask_of(portable, base, 2, 1000);
    (void)state;
    assert_memory_equal(a, b, 2000 * sizeof(float));
    free(a);
    free(b);
    vt_device_close(fast);
    vt_device_close(portable);
}

static void test_place_decides(void **state) {
    vt_device *device = open_device(NULL, 2);
    vt_dropout later = base, other[4] = {base, base, base, base};
    float *all = mask_of(device, base, 4, 777), *part;
    (void)state;
    later.first_sample = 2; /* samples 2 and 3 in a micro-batch of their own */
    part = mask_of(device, later, 2, 777);
    assert_memory_equal(part, all + 2 * 777, 2 * 777 * sizeof(float));
    free(part);
    other[0].seed++, other[1].step++, other[2].site++, other[3].first_sample += 4;
    for (int i = 0; i < 4; i++) {
        int same = 0;
        part = mask_of(device, other[i], 4, 777);
        for (int j = 0; j < 4 * 777; j++) same += part[j] == all[j];
        assert_in_range(same, 2400, 2700); /* 0.82 of 3,108 by chance */
        free(part);
    }
    free(all);
    vt_device_close(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dropout), cmocka_unit_test(test_same_on_every_set),
                                       cmocka_unit_test(test_place_decides)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
