/* Learning rates equal those of transformers.get_scheduler() at every step. */
#include "support.h"

#include "base/json.h"
#include "train/schedule.h"
#include <math.h>

static void set_from_json(vt_training_arguments *arguments, const json_t *object, const char *key, const char *name) {
    const json_t *value = json_object_get(object, key);
    char text[64];
    if (!value) return;
    if (json_is_string(value))
        snprintf(text, sizeof text, "%s", json_string_value(value));
    else
        snprintf(text, sizeof text, "%.17g", json_number_value(value));
    ASSERT_OK(vt_training_arguments_set(arguments, name, text));
}

static void equals_transformers(void **state) {
    (void)state;
    json_t *root, *item;
    size_t i, compared = 0;
    ASSERT_OK(vt_json_load(golden_path("schedule.json"), &root));
    json_array_foreach(json_object_get(root, "cases"), i, item) {
        const json_t *kwargs = json_object_get(item, "kwargs"), *rates = json_object_get(item, "rates");
        int64_t total = json_integer_value(json_object_get(item, "total"));
        vt_training_arguments arguments;
        vt_training_arguments_init(&arguments, NULL);
        set_from_json(&arguments, root, "learning_rate", "learning_rate");
        set_from_json(&arguments, item, "lr_scheduler_type", "lr_scheduler_type");
        set_from_json(&arguments, item, "ratio", "warmup_ratio");
        set_from_json(&arguments, kwargs, "num_cycles", "lr_scheduler_num_cycles");
        set_from_json(&arguments, kwargs, "power", "lr_scheduler_power");
        set_from_json(&arguments, kwargs, "lr_end", "lr_scheduler_lr_end");
        for (int64_t step = 0; step < total; step++, compared++) {
            double expected = json_number_value(json_array_get(rates, (size_t)step));
            double actual = vt_learning_rate(&arguments, step, total);
            if (fabs(actual - expected) > 1e-15)
                fail_msg("case %zu step %lld: %.17g, expected %.17g", i, (long long)step, actual, expected);
        }
    }
    assert_true(compared > 300);
    json_decref(root);
}

static void warmup_steps_win_over_the_ratio(void **state) {
    (void)state;
    vt_training_arguments arguments;
    vt_training_arguments_init(&arguments, NULL);
    arguments.warmup_ratio = 0.25;
    assert_int_equal(vt_warmup_steps(&arguments, 81), 21);
    arguments.warmup_steps = 5;
    assert_int_equal(vt_warmup_steps(&arguments, 81), 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_transformers),
                                       cmocka_unit_test(warmup_steps_win_over_the_ratio)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
