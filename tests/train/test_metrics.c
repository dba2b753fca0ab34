/* Figures about ranked scores equal scikit-learn's, with and without ties or unknown targets, and are n/a for one class. */
#include "support.h"

#include "base/json.h"
#include "base/memory.h"
#include "train/metrics.h"
#include <math.h>

static void assert_number(double actual, const json_t *expected, const char *what) {
    if (json_is_null(expected)) {
        if (!isnan(actual)) fail_msg("%s: %.17g, expected none", what, actual);
    } else if (!(fabs(actual - json_number_value(expected)) < 1e-12)) {
        fail_msg("%s: %.17g, expected %.17g", what, actual, json_number_value(expected));
    }
}

static vt_ranking rank(const json_t *label) {
    const json_t *scores = json_object_get(label, "scores"), *targets = json_object_get(label, "targets");
    size_t count = json_array_size(scores);
    float *values;
    vt_ranking ranking;
    ASSERT_OK(vt_allocate(&values, 2 * count, sizeof *values, "scores"));
    for (size_t i = 0; i < count; i++) {
        values[2 * i] = (float)json_number_value(json_array_get(scores, i));
        const json_t *target = json_array_get(targets, i);
        values[2 * i + 1] = json_is_null(target) ? NAN : (float)json_integer_value(target);
    }
    ASSERT_OK(vt_ranking_create(values, values + 1, count, 2, &ranking));
    free(values);
    return ranking;
}

static void equals_scikit_learn(void **state) {
    (void)state;
    json_t *root, *item, *label;
    size_t c, i;
    ASSERT_OK(vt_json_load(golden_path("metrics.json"), &root));
    json_array_foreach(json_object_get(root, "cases"), c, item) {
        json_array_foreach(json_object_get(item, "labels"), i, label) {
            vt_ranking ranking = rank(label);
            double low, high, threshold = vt_best_f1_threshold(&ranking);
            vt_roc_auc_interval(&ranking, &low, &high);
            assert_int_equal(ranking.positives, json_integer_value(json_object_get(label, "positives")));
            assert_int_equal(ranking.negatives, json_integer_value(json_object_get(label, "negatives")));
            assert_number(vt_roc_auc(&ranking), json_object_get(label, "roc_auc"), "ROC-AUC");
            assert_number(low, json_object_get(label, "low"), "lower end");
            assert_number(high, json_object_get(label, "high"), "upper end");
            assert_number(vt_average_precision(&ranking), json_object_get(label, "average_precision"), "average precision");
            assert_number(threshold, json_object_get(label, "threshold"), "threshold");
            if (!isnan(threshold)) assert_number(vt_f1(&ranking, threshold), json_object_get(label, "f1"), "F1");
            vt_ranking_free(&ranking);
        }
    }
    json_decref(root);
}

static void nothing_called_positive_has_f1_zero(void **state) {
    (void)state;
    const float scores[] = {0.1f, 0.2f}, targets[] = {0, 1}, none[] = {0, 0};
    vt_ranking ranking;
    ASSERT_OK(vt_ranking_create(scores, targets, 2, 1, &ranking));
    assert_true(vt_f1(&ranking, 0.5) == 0);
    assert_true(vt_f1(&ranking, 0.2f) == 1);
    vt_ranking_free(&ranking);
    ASSERT_OK(vt_ranking_create(scores, none, 2, 1, &ranking));
    assert_true(vt_f1(&ranking, 0.5) == 0);
    vt_ranking_free(&ranking);
}

static void nothing_known_has_no_figure(void **state) {
    (void)state;
    const float scores[] = {0.1f, 0.2f}, targets[] = {NAN, NAN};
    vt_ranking ranking;
    double low, high;
    ASSERT_OK(vt_ranking_create(scores, targets, 2, 1, &ranking));
    vt_roc_auc_interval(&ranking, &low, &high);
    assert_true(isnan(vt_roc_auc(&ranking)) && isnan(low) && isnan(high) && isnan(vt_average_precision(&ranking)));
    assert_true(isnan(vt_best_f1_threshold(&ranking)) && isnan(vt_f1(&ranking, 0.5)));
    vt_ranking_free(&ranking);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_scikit_learn),
                                       cmocka_unit_test(nothing_called_positive_has_f1_zero),
                                       cmocka_unit_test(nothing_known_has_no_figure)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
