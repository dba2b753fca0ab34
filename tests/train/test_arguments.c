/* Training arguments: Hugging Face's names and defaults, refusals in sentences, JSON there and back. */
#include "support.h"

#include "train/arguments.h"

static vt_training_arguments defaults(void) {
    vt_training_arguments arguments;
    vt_training_arguments_init(&arguments, NULL);
    strcpy(arguments.output_dir, "out");
    return arguments;
}

static void defaults_are_those_of_hugging_face(void **state) {
    (void)state;
    vt_training_arguments arguments = defaults();
    assert_int_equal(arguments.per_device_train_batch_size, 8);
    assert_int_equal(arguments.gradient_accumulation_steps, 1);
    assert_true(arguments.learning_rate == 5e-5);
    assert_true(arguments.adam_beta1 == 0.9 && arguments.adam_beta2 == 0.999 && arguments.adam_epsilon == 1e-8);
    assert_true(arguments.max_grad_norm == 1 && arguments.num_train_epochs == 3);
    assert_int_equal(arguments.max_steps, -1);
    assert_int_equal(arguments.logging_steps, 500);
    assert_int_equal(arguments.save_steps, 500);
    assert_int_equal(arguments.save_strategy, VT_STRATEGY_STEPS);
    assert_int_equal(arguments.eval_strategy, VT_STRATEGY_NO);
    assert_int_equal(arguments.seed, 42);
    assert_int_equal(arguments.greater_is_better, -1);
    assert_int_equal(arguments.dataloader_num_workers, -1); /* there 0: the caller of a loader of ours would wait needlessly */
    assert_int_equal(arguments.sampler, VT_SAMPLER_RANDOM);
    assert_string_equal(arguments.pos_weight, "none");
    assert_string_equal(arguments.eval_split, "validation");
    ASSERT_OK(vt_training_arguments_check(&arguments));
}

static void dashes_and_aliases_are_understood(void **state) {
    (void)state;
    vt_training_arguments arguments = defaults();
    ASSERT_OK(vt_training_arguments_set(&arguments, "learning-rate", "2e-4"));
    ASSERT_OK(vt_training_arguments_set(&arguments, "lr_scheduler-type", "cosine"));
    ASSERT_OK(vt_training_arguments_set(&arguments, "evaluation_strategy", "epoch"));
    ASSERT_OK(vt_training_arguments_set(&arguments, "optim", "sgd"));
    assert_int_equal(arguments.optim, VT_OPTIMIZER_SGD);
    ASSERT_OK(vt_training_arguments_set(&arguments, "optim", "adamw_torch_fused"));
    ASSERT_OK(vt_training_arguments_set(&arguments, "bf16", NULL));
    ASSERT_OK(vt_training_arguments_set(&arguments, "load_best_model_at_end", "True"));
    ASSERT_OK(vt_training_arguments_set(&arguments, "overwrite_output_dir", NULL));
    assert_true(arguments.learning_rate == 2e-4);
    assert_int_equal(arguments.lr_scheduler_type, VT_SCHEDULER_COSINE);
    assert_int_equal(arguments.eval_strategy, VT_STRATEGY_EPOCH);
    assert_int_equal(arguments.optim, VT_OPTIMIZER_ADAMW);
    assert_int_equal(arguments.precision, VT_PRECISION_BF16);
    assert_true(arguments.load_best_model_at_end && arguments.overwrite_output_dir);
    ASSERT_OK(vt_training_arguments_set(&arguments, "bf16", "false"));
    assert_int_equal(arguments.precision, VT_PRECISION_FP32);
}

/* transformers 5 has one option for steps and shares of warm-up. */
static void warm_up_below_one_step_is_a_share(void **state) {
    (void)state;
    vt_training_arguments arguments = defaults();
    ASSERT_OK(vt_training_arguments_set(&arguments, "warmup-steps", "7"));
    ASSERT_OK(vt_training_arguments_set(&arguments, "warmup-steps", "0.25"));
    assert_true(arguments.warmup_ratio == 0.25 && arguments.warmup_steps == 0);
    ASSERT_OK(vt_training_arguments_set(&arguments, "warmup_steps", "0"));
    ASSERT_OK(vt_training_arguments_set(&arguments, "warmup_steps", "1"));
    assert_int_equal(arguments.warmup_steps, 1);
    ASSERT_FAILS(VT_ERROR_USAGE, "an integer of at least 0", vt_training_arguments_set(&arguments, "warmup_steps", "1.5"));
    ASSERT_FAILS(VT_ERROR_USAGE, "an integer of at least 0", vt_training_arguments_set(&arguments, "warmup_steps", "-0.5"));
    ASSERT_FAILS(VT_ERROR_USAGE, "an integer of at least 0", vt_training_arguments_set(&arguments, "warmup_steps", "0.5x"));
    ASSERT_FAILS(VT_ERROR_USAGE, "an integer of at least 0", vt_training_arguments_set(&arguments, "warmup_steps", "nan"));
}

static void resume_is_a_flag_or_a_path(void **state) {
    (void)state;
    vt_training_arguments arguments = defaults();
    ASSERT_OK(vt_training_arguments_set(&arguments, "resume-from-checkpoint", NULL));
    assert_true(arguments.resume && !arguments.resume_from_checkpoint[0]);
    ASSERT_OK(vt_training_arguments_set(&arguments, "resume-from-checkpoint", "false"));
    assert_false(arguments.resume);
    ASSERT_OK(vt_training_arguments_set(&arguments, "resume-from-checkpoint", "out/checkpoint-3"));
    assert_true(arguments.resume);
    assert_string_equal(arguments.resume_from_checkpoint, "out/checkpoint-3");
}

static void refuses_in_sentences(void **state) {
    (void)state;
    static const struct {
        const char *name, *value, *words;
    } cases[] = {
        {"learnin_rate", "1", "the nearest one is 'learning_rate'"},
        {"learning_rate", "fast", "'fast' is not valid, expected a number from 0"},
        {"learning_rate", "-1", "learning_rate"},
        {"learning_rate", "nan", "learning_rate"},
        {"learning_rate", "1e-4x", "learning_rate"},
        {"learning_rate", NULL, "needs a value"},
        {"per_device_train_batch_size", "0", "an integer from 1 to 2147483647"},
        {"per_device_train_batch_size", "99999999999999999999", "an integer"},
        {"per_device_train_batch_size", "1.5", "an integer"},
        {"adam_beta1", "1", "below 1"},
        {"lr_scheduler_type", "cosinus", "one of linear, cosine, cosine_with_restarts"},
        {"save_strategy", "best", "one of no, steps, epoch"},
        {"dataloader_drop_last", "maybe", "true or false"},
        {"optim", "adafactor", "one of adamw, sgd, lamb"},
        {"save_steps", "0", "at least 1"},
        {"metric_for_best_model", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "63 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vt_training_arguments arguments = defaults();
        ASSERT_FAILS(VT_ERROR_USAGE, cases[i].words, vt_training_arguments_set(&arguments, cases[i].name, cases[i].value));
    }
}

static void checks_what_must_agree(void **state) {
    (void)state;
    vt_training_arguments arguments = defaults();
    arguments.load_best_model_at_end = 1;
    ASSERT_FAILS(VT_ERROR_USAGE, "set eval_strategy", vt_training_arguments_check(&arguments));
    arguments.eval_strategy = VT_STRATEGY_EPOCH;
    ASSERT_FAILS(VT_ERROR_USAGE, "they are epoch and steps", vt_training_arguments_check(&arguments));
    arguments.eval_strategy = VT_STRATEGY_STEPS;
    arguments.eval_steps = 200;
    ASSERT_FAILS(VT_ERROR_USAGE, "500 and 200", vt_training_arguments_check(&arguments));
    arguments.eval_steps = 250;
    ASSERT_OK(vt_training_arguments_check(&arguments));
    arguments.eval_steps = 0; /* as logging_steps, 500 */
    ASSERT_OK(vt_training_arguments_check(&arguments));
    arguments.max_steps = 0;
    ASSERT_FAILS(VT_ERROR_USAGE, "max_steps is 0", vt_training_arguments_check(&arguments));
    arguments = defaults();
    arguments.lr_scheduler_type = VT_SCHEDULER_POLYNOMIAL;
    arguments.learning_rate = 1e-8;
    ASSERT_FAILS(VT_ERROR_USAGE, "must be smaller", vt_training_arguments_check(&arguments));
    arguments = defaults();
    arguments.per_device_eval_batch_size = 0;
    ASSERT_FAILS(VT_ERROR_USAGE, "per_device_eval_batch_size", vt_training_arguments_check(&arguments));
    arguments = defaults();
    arguments.optim = 17;
    ASSERT_FAILS(VT_ERROR_USAGE, "optim", vt_training_arguments_check(&arguments));
    arguments = defaults();
    arguments.output_dir[0] = '\0';
    ASSERT_FAILS(VT_ERROR_USAGE, "output_dir is missing", vt_training_arguments_check(&arguments));
}

static void json_gives_back_every_argument(void **state) {
    (void)state;
    vt_training_arguments arguments = defaults(), back;
    json_t *object;
    static const char *const values[][2] = {
        {"learning_rate", "0.00012345678901234"},
        {"lr_scheduler_type", "polynomial"},
        {"seed", "123456789012"},
        {"eval_strategy", "steps"},
        {"eval_steps", "7"},
        {"save_total_limit", "2"},
        {"optim", "lamb"},
        {"precision", "bf16"},
        {"greater_is_better", "false"},
        {"resume_from_checkpoint", NULL},
        {"pos_weight", "auto"},
        {"dataloader_drop_last", NULL},
        {"metric_for_best_model", "roc_auc"},
        {"max_steps", "12"},
        {"logging_dir", "logs"},
        {"dataloader_num_workers", "0"},
        {"sampler", "balanced"},
        {"augment", "flip=0.5"},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        ASSERT_OK(vt_training_arguments_set(&arguments, values[i][0], values[i][1]));
    ASSERT_OK(vt_training_arguments_to_json(&arguments, &object));
    assert_string_equal(json_string_value(json_object_get(object, "lr_scheduler_type")), "polynomial");
    assert_string_equal(json_string_value(json_object_get(object, "optim")), "lamb");
    assert_string_equal(json_string_value(json_object_get(object, "sampler")), "balanced");
    assert_true(json_is_true(json_object_get(object, "dataloader_drop_last")));
    vt_training_arguments_init(&back, NULL);
    ASSERT_OK(vt_training_arguments_from_json(&back, object, "training_args.json"));
    assert_memory_equal(&arguments, &back, sizeof back);
    json_object_set_new(object, "seed", json_string("x"));
    ASSERT_FAILS(VT_ERROR_INPUT, "training_args.json: argument seed",
                 vt_training_arguments_from_json(&back, object, "training_args.json"));
    json_object_set_new(object, "seed", json_array());
    ASSERT_FAILS(VT_ERROR_INPUT, "expected one value", vt_training_arguments_from_json(&back, object, "training_args.json"));
    json_decref(object);
}

static void resuming_allows_what_leaves_the_weights_alone(void **state) {
    (void)state;
    vt_training_arguments saved = defaults(), now = defaults();
    now.save_steps = 3;
    now.logging_steps = 1;
    now.save_total_limit = 2;
    now.dataloader_num_workers = 4;
    now.per_device_eval_batch_size = 64;
    ASSERT_OK(vt_training_arguments_check_resume(&saved, &now, "c"));
    now.learning_rate = 1e-3;
    ASSERT_FAILS(VT_ERROR_USAGE, "c: was written with learning_rate 5e-05, but this run has 0.001",
                 vt_training_arguments_check_resume(&saved, &now, "c"));
    now = defaults();
    now.gradient_accumulation_steps = 2;
    ASSERT_FAILS(VT_ERROR_USAGE, "gradient_accumulation_steps", vt_training_arguments_check_resume(&saved, &now, "c"));
    now = defaults();
    ASSERT_OK(vt_training_arguments_set(&now, "sampler", "balanced"));
    ASSERT_FAILS(VT_ERROR_USAGE, "c: was written with sampler random, but this run has balanced",
                 vt_training_arguments_check_resume(&saved, &now, "c"));
    now = defaults();
    strcpy(now.augment, "flip=0.5");
    ASSERT_FAILS(VT_ERROR_USAGE, "c: was written with augment none, but this run has flip=0.5",
                 vt_training_arguments_check_resume(&saved, &now, "c"));
}

static void every_argument_is_described(void **state) {
    (void)state;
    vt_argument_help help;
    int count = 0;
    while (vt_training_argument_describe(count, &help)) {
        vt_training_arguments arguments = defaults();
        assert_true(help.name[0] && help.help[0] && help.values[0]);
        if (help.initial[0]) ASSERT_OK(vt_training_arguments_set(&arguments, help.name, help.initial));
        count++;
    }
    assert_int_equal(count, 44);
    assert_false(vt_training_argument_describe(-1, &help));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_hugging_face),
        cmocka_unit_test(dashes_and_aliases_are_understood),
        cmocka_unit_test(warm_up_below_one_step_is_a_share),
        cmocka_unit_test(resume_is_a_flag_or_a_path),
        cmocka_unit_test(refuses_in_sentences),
        cmocka_unit_test(checks_what_must_agree),
        cmocka_unit_test(json_gives_back_every_argument),
        cmocka_unit_test(resuming_allows_what_leaves_the_weights_alone),
        cmocka_unit_test(every_argument_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
