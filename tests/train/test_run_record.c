/* What a run records of its data: read from its folder and its checkpoints, empty for other models, refused when broken. */
#include "train_support.h"

#include "train/trainer_state.h"

static vt_dataset *dataset;

static int train_once(void **state) {
    if (open_device(state) != 0) return -1;
    dataset = open_dataset(make_dataset("data", 12, 5, 1));
    vt_training_arguments arguments = arguments_for(test_path("weighted"));
    arguments.max_steps = 1;
    strcpy(arguments.pos_weight, "auto");
    arguments.label_smoothing_factor = 0.25;
    if (train_fresh(dataset, &arguments, NULL, NULL) != VT_OK) return -1;
    snprintf(arguments.output_dir, sizeof arguments.output_dir, "%s", test_path("plain"));
    strcpy(arguments.pos_weight, "none");
    arguments.label_smoothing_factor = 0;
    return train_fresh(dataset, &arguments, NULL, NULL) == VT_OK ? 0 : -1;
}

static int close_data(void **state) {
    vt_dataset_close(dataset);
    return close_device(state);
}

static void the_record_names_split_and_weights(void **state) {
    (void)state;
    static const char *const folders[] = {"weighted", "weighted/checkpoint-1"};
    vt_training_arguments arguments = arguments_for("out");
    vt_run_record record;
    float *expected;
    strcpy(arguments.pos_weight, "auto");
    ASSERT_OK(vt_training_pos_weight(&arguments, dataset, &expected));
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(vt_run_record_read(test_path(folders[i]), 4, &record));
        assert_string_equal(record.split_hash, vt_dataset_get_info(dataset)->split_hash);
        assert_non_null(record.pos_weight);
        assert_memory_equal(record.pos_weight, expected, 4 * sizeof(float));
        assert_true(record.label_smoothing_factor == 0.25);
        free(record.pos_weight);
    }
    free(expected);
    ASSERT_OK(vt_run_record_read(test_path("plain"), 4, &record));
    assert_null(record.pos_weight);
    assert_true(record.label_smoothing_factor == 0);
    assert_string_equal(record.split_hash, vt_dataset_get_info(dataset)->split_hash);
}

static void other_models_have_no_record(void **state) {
    (void)state;
    vt_run_record record;
    ASSERT_OK(vt_run_record_read(golden_path("vit-base"), 4, &record));
    assert_true(!record.split_hash[0] && !record.pos_weight);
    ASSERT_OK(vt_make_folders(test_path("foreign")));
    static const char foreign[] = "{\"global_step\": 3, \"stateful_callbacks\": {\"TrainerControl\": {}}}";
    write_test_file(test_path("foreign/trainer_state.json"), foreign, sizeof foreign - 1);
    ASSERT_OK(vt_run_record_read(test_path("foreign"), 4, &record));
    assert_true(!record.split_hash[0] && !record.pos_weight);
}

static void broken_records_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *weights, *words;
    } broken[] = {{"[1, 2, 3]", "not a list of 4 numbers"},
                  {"3", "not a list of 4 numbers"},
                  {"[1, 2, -3, 4]", "entry 2 of its 'pos_weight'"},
                  {"[1, 2, 3, \"x\"]", "entry 3 of its 'pos_weight'"}};
    vt_run_record record;
    char text[256];
    ASSERT_FAILS(VT_ERROR_INPUT, "not a list of 3 numbers", vt_run_record_read(test_path("weighted"), 3, &record));
    ASSERT_OK(vt_make_folders(test_path("broken")));
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        int length =
            snprintf(text, sizeof text,
                     "{\"stateful_callbacks\": {\"vitrain\": {\"identity\": {\"split_hash\": \"ab\", \"pos_weight\": %s}}}}",
                     broken[i].weights);
        write_test_file(test_path("broken/trainer_state.json"), text, (size_t)length);
        ASSERT_FAILS(VT_ERROR_INPUT, broken[i].words, vt_run_record_read(test_path("broken"), 4, &record));
        assert_true(!record.split_hash[0] && !record.pos_weight);
    }
}

static void a_broken_smoothing_is_refused(void **state) {
    (void)state;
    static const char *const factors[] = {"1.5", "-0.1", "\"x\""};
    static const char run[] = "{\"stateful_callbacks\": {\"vitrain\": {\"identity\": {\"split_hash\": \"ab\"}}}}";
    vt_run_record record;
    char text[64];
    ASSERT_OK(vt_make_folders(test_path("smoothed")));
    write_test_file(test_path("smoothed/trainer_state.json"), run, sizeof run - 1);
    ASSERT_OK(vt_run_record_read(test_path("smoothed"), 4, &record));
    assert_true(record.label_smoothing_factor == 0);
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        int length = snprintf(text, sizeof text, "{\"label_smoothing_factor\": %s}", factors[i]);
        write_test_file(test_path("smoothed/training_args.json"), text, (size_t)length);
        ASSERT_FAILS(VT_ERROR_INPUT, "'label_smoothing_factor' is ", vt_run_record_read(test_path("smoothed"), 4, &record));
    }
}

static void the_newest_valid_checkpoint_is_found(void **state) {
    (void)state;
    char path[VT_PATH_MAX];
    ASSERT_OK(vt_checkpoint_newest(test_path("plain"), NULL, path));
    assert_string_equal(path, test_path("plain/checkpoint-1"));
    ASSERT_OK(vt_make_folders(test_path("plain/checkpoint-7")));
    forget();
    ASSERT_OK(vt_checkpoint_newest(test_path("plain"), &listener, path));
    assert_string_equal(path, test_path("plain/checkpoint-1"));
    assert_heard("checkpoint-7 is damaged and passed over");
    ASSERT_OK(vt_checkpoint_newest(test_path("nowhere"), NULL, path));
    assert_string_equal(path, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_record_names_split_and_weights),   cmocka_unit_test(other_models_have_no_record),
        cmocka_unit_test(broken_records_are_refused),           cmocka_unit_test(a_broken_smoothing_is_refused),
        cmocka_unit_test(the_newest_valid_checkpoint_is_found),
    };
    int failed = cmocka_run_group_tests(tests, train_once, close_data);
    forget();
    remove_test_folder();
    return failed;
}
