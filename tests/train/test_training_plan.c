/* Steps, epochs and samples per step, as Hugging Face's Trainer counts them. */
#include "support.h"

#include "train/training_plan.h"

static vt_training_arguments arguments_of(int batch, int accumulation, double epochs) {
    vt_training_arguments arguments;
    vt_training_arguments_init(&arguments, NULL);
    arguments.per_device_train_batch_size = batch;
    arguments.gradient_accumulation_steps = accumulation;
    arguments.num_train_epochs = epochs;
    return arguments;
}

static void an_incomplete_accumulation_is_a_step(void **state) {
    (void)state;
    vt_training_arguments arguments = arguments_of(2, 2, 2);
    vt_training_plan plan;
    ASSERT_OK(vt_training_plan_make(&arguments, 11, &plan));
    assert_int_equal(plan.batches_per_epoch, 6);
    assert_int_equal(plan.steps_per_epoch, 3);
    assert_int_equal(plan.max_steps, 6);
    assert_int_equal(plan.epochs, 2);
    const int64_t samples[] = {4, 4, 3, 4, 4, 3};
    for (int step = 0; step < 6; step++) assert_int_equal(vt_samples_in_step(&plan, step), samples[step]);
    assert_true(vt_epoch_after(&plan, 1) == 2.0 / 6);
    assert_true(vt_epoch_after(&plan, 3) == 1);
    assert_true(vt_epoch_after(&plan, 5) == 1 + 4.0 / 6);
}

static void dropping_the_last_batch(void **state) {
    (void)state;
    vt_training_arguments arguments = arguments_of(2, 2, 1);
    vt_training_plan plan;
    arguments.dataloader_drop_last = 1;
    ASSERT_OK(vt_training_plan_make(&arguments, 11, &plan));
    assert_int_equal(plan.samples, 10);
    assert_int_equal(plan.steps_per_epoch, 3);
    assert_int_equal(vt_samples_in_step(&plan, 2), 2);
    ASSERT_FAILS(VT_ERROR_USAGE, "fewer than one batch", vt_training_plan_make(&arguments, 1, &plan));
    ASSERT_FAILS(VT_ERROR_INPUT, "no images", vt_training_plan_make(&arguments, 0, &plan));
}

static void max_steps_and_fractions_of_epochs(void **state) {
    (void)state;
    vt_training_arguments arguments = arguments_of(4, 1, 1.5);
    vt_training_plan plan;
    ASSERT_OK(vt_training_plan_make(&arguments, 20, &plan));
    assert_int_equal(plan.max_steps, 8); /* ceil(1.5 * 5) */
    assert_int_equal(plan.epochs, 2);
    arguments.max_steps = 11;
    ASSERT_OK(vt_training_plan_make(&arguments, 20, &plan));
    assert_int_equal(plan.max_steps, 11);
    assert_int_equal(plan.epochs, 3);
    arguments.max_steps = -1;
    arguments.num_train_epochs = 0;
    ASSERT_FAILS(VT_ERROR_USAGE, "num_train_epochs 0", vt_training_plan_make(&arguments, 20, &plan));
    arguments.num_train_epochs = 1e9;
    ASSERT_FAILS(VT_ERROR_USAGE, "expected from 1 to 1e15", vt_training_plan_make(&arguments, (int64_t)1 << 40, &plan));
}

static void when_things_are_due(void **state) {
    (void)state;
    vt_training_arguments arguments = arguments_of(4, 1, 1.4);
    vt_training_plan plan;
    ASSERT_OK(vt_training_plan_make(&arguments, 20, &plan)); /* 7 steps, 5 per epoch */
    assert_true(vt_is_due(&plan, VT_STRATEGY_STEPS, 3, 6));
    assert_false(vt_is_due(&plan, VT_STRATEGY_STEPS, 3, 7));
    assert_true(vt_is_due(&plan, VT_STRATEGY_EPOCH, 3, 5));
    assert_false(vt_is_due(&plan, VT_STRATEGY_EPOCH, 3, 6));
    assert_true(vt_is_due(&plan, VT_STRATEGY_EPOCH, 3, 7));
    assert_false(vt_is_due(&plan, VT_STRATEGY_NO, 1, 5));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_incomplete_accumulation_is_a_step),
        cmocka_unit_test(dropping_the_last_batch),
        cmocka_unit_test(max_steps_and_fractions_of_epochs),
        cmocka_unit_test(when_things_are_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
