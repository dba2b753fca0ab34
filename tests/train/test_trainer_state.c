/* trainer_state.json: there and back without losing a bit, Hugging Face's keys, hostile files, log lines. */
#include "support.h"

#include "train/trainer_state.h"
#include <math.h>

static void comes_back_exactly(void **state) {
    (void)state;
    vt_training_arguments arguments;
    vt_trainer_state written, read;
    vt_training_arguments_init(&arguments, NULL);
    ASSERT_OK(vt_trainer_state_init(&written));
    ASSERT_OK(vt_trainer_state_init(&read));
    written.global_step = 7;
    written.max_steps = 20;
    written.num_train_epochs = 3;
    written.epoch = 1.0 / 3;
    written.total_flos = 1.25e15;
    written.best_metric = 0.1 + 0.2;
    written.best_global_step = 5;
    strcpy(written.best_model_checkpoint, "out/checkpoint-5");
    written.last_logged_step = 6;
    written.last_evaluated_step = 5;
    written.loss_since_log = 0.7 / 3;
    written.loss_sum = M_PI;
    json_object_set_new(written.identity, "split_hash", json_string("abc"));
    ASSERT_OK(vt_trainer_state_log(&written, json_pack("{s:f, s:o}", "loss", 2.0 / 3, "roc_auc", vt_json_number(NAN))));
    ASSERT_OK(vt_trainer_state_save(&written, &arguments, test_path("trainer_state.json")));
    ASSERT_OK(vt_trainer_state_load(&read, test_path("trainer_state.json")));
    assert_true(json_equal(written.log_history, read.log_history));
    assert_true(json_equal(written.identity, read.identity));
    json_decref(read.log_history);
    json_decref(read.identity);
    read.log_history = json_incref(written.log_history);
    read.identity = json_incref(written.identity);
    assert_int_equal(read.global_step, 7);
    assert_int_equal(read.max_steps, 20);
    assert_int_equal(read.num_train_epochs, 3);
    assert_int_equal(read.best_global_step, 5);
    assert_int_equal(read.last_logged_step, 6);
    assert_int_equal(read.last_evaluated_step, 5);
    assert_true(read.epoch == written.epoch && read.total_flos == written.total_flos);
    assert_true(read.best_metric == written.best_metric);
    assert_true(read.loss_since_log == written.loss_since_log && read.loss_sum == written.loss_sum);
    assert_string_equal(read.best_model_checkpoint, "out/checkpoint-5");
    vt_trainer_state_free(&written);
    vt_trainer_state_free(&read);
}

static void refuses_what_it_cannot_go_on_from(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"[]", "expected a JSON object"},
        {"{}", "'log_history' is missing"},
        {"{\"log_history\": 3}", "'log_history' is missing or not a list"},
        {"{\"log_history\": [1]}", "entry 0 of 'log_history' is not an object"},
        {"{\"log_history\": [], \"global_step\": -1}", "'global_step' is -1"},
        {"{\"log_history\": [], \"global_step\": 1e300}", "'global_step' is "},
        {"{\"log_history\": [], \"epoch\": \"x\"}", "'epoch' is \"x\", expected a number"},
        {"{\"log_history\": [], \"best_model_checkpoint\": 1}", "expected a string"},
        {"{\"log_history\": [], \"global_step\": 1}", "can't be resumed from it"},
        {"{\"log_history\": [], \"stateful_callbacks\": {\"vitrain\": {\"identity\": {}, \"loss_sum\": []}}}",
         "'loss_sum' is []"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vt_trainer_state read;
        ASSERT_OK(vt_trainer_state_init(&read));
        write_test_file(test_path("bad.json"), cases[i][0], strlen(cases[i][0]));
        ASSERT_FAILS(VT_ERROR_INPUT, cases[i][1], vt_trainer_state_load(&read, test_path("bad.json")));
        assert_non_null(strstr(vt_error_message(), "bad.json"));
        vt_trainer_state_free(&read);
    }
}

static void names_what_differs(void **state) {
    (void)state;
    json_t *saved = json_pack("{s:s, s:[f, f]}", "split_hash", "abc", "pos_weight", 1.0, 2.0);
    json_t *now = json_pack("{s:s, s:[f, f]}", "split_hash", "abc", "pos_weight", 1.0, 2.5);
    ASSERT_OK(vt_check_identity(saved, saved, "c"));
    ASSERT_FAILS(VT_ERROR_USAGE, "c: was written by a run whose pos_weight was [1.0,2.0], but this one has [1.0,2.5]",
                 vt_check_identity(saved, now, "c"));
    json_object_del(saved, "pos_weight");
    ASSERT_FAILS(VT_ERROR_USAGE, "pos_weight was nothing", vt_check_identity(saved, now, "c"));
    json_decref(saved);
    json_decref(now);
}

static void log_lines_look_like_hugging_face(void **state) {
    (void)state;
    vt_trainer_state log;
    char *text;
    ASSERT_OK(vt_trainer_state_init(&log));
    log.global_step = 10;
    log.epoch = 1.23456;
    ASSERT_OK(vt_trainer_state_log(
        &log, json_pack("{s:f, s:f, s:f, s:n}", "loss", 0.325312, "grad_norm", 1.0, "learning_rate", 1.9e-5, "eval_roc_auc")));
    ASSERT_OK(vt_log_text(json_array_get(log.log_history, 0), &text));
    assert_string_equal(text,
                        "{'loss': 0.3253, 'grad_norm': 1, 'learning_rate': 1.9e-05, 'eval_roc_auc': nan, 'epoch': 1.235}");
    free(text);
    vt_trainer_state_free(&log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_exactly),
        cmocka_unit_test(refuses_what_it_cannot_go_on_from),
        cmocka_unit_test(names_what_differs),
        cmocka_unit_test(log_lines_look_like_hugging_face),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failed;
}
