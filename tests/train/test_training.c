/* Training: what a run writes, accumulation, refusals, the best model. */
#include "train_support.h"

#include <math.h>

static vt_dataset *dataset;

static int make_data(void **state) {
    dataset = open_dataset(make_dataset("data", 22, 9, 1));
    return open_device(state);
}

static int close_data(void **state) {
    vt_dataset_close(dataset);
    return close_device(state);
}

static void a_run_writes_what_hugging_face_writes(void **state) {
    (void)state;
    vt_training_arguments arguments = arguments_for(test_path("run"));
    vt_train_result result;
    json_t *root;
    arguments.gradient_accumulation_steps = 2;
    arguments.num_train_epochs = 2;
    arguments.eval_strategy = VT_STRATEGY_EPOCH;
    arguments.save_strategy = VT_STRATEGY_EPOCH;
    forget();
    ASSERT_OK(train_fresh(dataset, &arguments, &listener, &result));
    assert_int_equal(result.global_step, 12);
    assert_true(result.epoch == 2);
    assert_heard("***** Running training *****");
    assert_heard("  Num examples = 22");
    assert_heard("  Total optimization steps = 12");
    assert_heard("{'loss': ");
    assert_heard("'learning_rate': 0.001");
    assert_heard("{'eval_loss': ");
    assert_heard("{'train_runtime': ");
    static const char *const files[] = {"config.json",
                                        "model.safetensors",
                                        "preprocessor_config.json",
                                        "trainer_state.json",
                                        "training_args.json",
                                        "train_results.json",
                                        "eval_results.json",
                                        "all_results.json",
                                        "checkpoint-6/manifest.json",
                                        "checkpoint-12/optimizer.safetensors",
                                        "runs"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!vt_path_exists(path_in(arguments.output_dir, files[i]))) fail_msg("%s is missing", files[i]);
    ASSERT_OK(vt_json_load(path_in(arguments.output_dir, "all_results.json"), &root));
    assert_true(json_is_real(json_object_get(root, "train_loss")) && json_is_real(json_object_get(root, "eval_loss")));
    json_decref(root);
    json_t *log = log_of(arguments.output_dir);
    assert_int_equal(json_array_size(log), 12 + 2 + 1);
    const json_t *first = json_array_get(log, 0), *last = json_array_get(log, 14);
    assert_true(json_number_value(json_object_get(first, "epoch")) == 2.0 / 11);
    assert_true(json_number_value(json_object_get(first, "learning_rate")) == 1e-3);
    double sum = 0;
    for (size_t i = 0; i < 15; i++) sum += json_number_value(json_object_get(json_array_get(log, i), "loss"));
    assert_true(fabs(sum / 12 - json_number_value(json_object_get(last, "train_loss"))) < 1e-12);
    assert_true(fabs(sum / 12 - result.train_loss) < 1e-12);
    json_decref(log);
}

/* The keys that transformers 5.23 leaves at the end of a run, and how long it waited for data. */
static void a_run_ends_with_hugging_faces_keys(void **state) {
    (void)state;
    static const char *const results[] = {
        "epoch", "train_loss", "train_runtime", "train_samples_per_second", "train_steps_per_second", "train_data_wait_share"};
    json_t *root, *own;
    ASSERT_OK(vt_json_load(path_in(test_path("run"), "train_results.json"), &own));
    ASSERT_OK(vt_json_load(path_in(test_path("run"), "trainer_state.json"), &root));
    const json_t *history = json_object_get(root, "log_history"), *last = json_array_get(history, json_array_size(history) - 1);
    assert_int_equal(json_object_size(own), 6);
    assert_int_equal(json_object_size(last), 6 + 2);
    for (int i = 0; i < 6; i++) {
        assert_true(json_is_real(json_object_get(own, results[i])));
        assert_true(json_equal(json_object_get(own, results[i]), json_object_get(last, results[i])));
    }
    assert_int_equal(json_integer_value(json_object_get(last, "step")), 12);
    double share = json_number_value(json_object_get(json_array_get(history, 0), "data_wait_share"));
    assert_true(share >= 0 && share <= 1);
    assert_true(json_equal(json_object_get(last, "total_flos"), json_object_get(root, "total_flos")));
    json_decref(root);
    json_decref(own);
}

/* What vt_evaluate() says of the final weights, so that nobody has to ask again; nothing where the run does not evaluate. */
static void a_run_hands_over_its_last_evaluation(void **state) {
    (void)state;
    static const vt_strategy strategies[] = {VT_STRATEGY_NO, VT_STRATEGY_STEPS, VT_STRATEGY_STEPS};
    static const char *const names[] = {"hands-none", "hands-last", "hands-best"};
    for (int i = 0; i < 3; i++) {
        vt_training_arguments arguments = arguments_for(test_path(names[i]));
        vt_model *model = open_model_for(dataset, 0);
        vt_evaluate_options options;
        vt_train_result result;
        vt_evaluation *again;
        arguments.max_steps = 6;
        arguments.learning_rate = 2e-2;
        arguments.eval_strategy = strategies[i];
        arguments.eval_steps = arguments.save_steps = 2;
        arguments.load_best_model_at_end = i == 2;
        arguments.label_smoothing_factor = 0.1 * i;
        ASSERT_OK(vt_train(device, model, dataset, &arguments, NULL, &result));
        assert_true((result.evaluation != NULL) == (i > 0));
        vt_evaluate_options_init(&options, NULL);
        options.label_smoothing_factor = arguments.label_smoothing_factor;
        ASSERT_OK(vt_evaluate(device, model, dataset, vt_dataset_get_split(dataset, "validation"), &options, NULL, &again));
        if (i > 0) assert_memory_equal(result.evaluation->logits, again->logits, 9 * 4 * sizeof(float));
        if (i > 0) assert_true(result.evaluation->loss == again->loss);
        vt_evaluation_free(again);
        vt_evaluation_free(result.evaluation);
        vt_model_close(model);
    }
}

/* Weights after a run with this micro-batch and accumulation, without dropout. */
static vt_model *train_with(const char *name, int batch, int accumulation, int workers, int recompute) {
    vt_training_arguments arguments = arguments_for(test_path(name));
    vt_train_result result;
    vt_model *model = open_model_for(dataset, 0.1);
    arguments.per_device_train_batch_size = batch;
    arguments.gradient_accumulation_steps = accumulation;
    arguments.num_train_epochs = 1;
    arguments.save_strategy = VT_STRATEGY_NO;
    arguments.dataloader_num_workers = workers;
    arguments.gradient_checkpointing = recompute;
    ASSERT_OK(vt_train(device, model, dataset, &arguments, NULL, &result));
    return model;
}

static double relative_distance(const vt_model *a, const vt_model *b) {
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < a->value_count; i++) {
        difference += pow((double)a->values[i] - (double)b->values[i], 2);
        norm += pow((double)a->values[i], 2);
    }
    return sqrt(difference / norm);
}

/* 22 images in steps of 8: the last step has 6, which no micro-batch divides alike. */
static void accumulation_does_not_change_the_loss(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int batch, accumulation;
    } cuts[] = {{"one-by-eight", 1, 8}, {"four-by-two", 4, 2}, {"two-by-four", 2, 4}};
    vt_model *whole = train_with("eight-by-one", 8, 1, 0, 0);
    json_t *expected = log_of(test_path("eight-by-one")), *entry;
    for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
        size_t i;
        vt_model *cut = train_with(cuts[c].name, cuts[c].batch, cuts[c].accumulation, 0, 0);
        json_t *log = log_of(test_path(cuts[c].name));
        assert_int_equal(json_array_size(log), json_array_size(expected));
        assert_int_equal(json_array_size(log), 4);
        json_array_foreach(log, i, entry) {
            static const char *const keys[] = {"loss", "grad_norm", "train_loss"};
            for (int k = 0; k < 3; k++) {
                double a = json_number_value(json_object_get(entry, keys[k]));
                double b = json_number_value(json_object_get(json_array_get(expected, i), keys[k]));
                if (!(fabs(a - b) <= 2e-5 * (fabs(b) + 1e-9)))
                    fail_msg("%s %s: %.9g, expected %.9g", cuts[c].name, keys[k], a, b);
            }
        }
        double distance = relative_distance(whole, cut);
        if (!(distance < 1e-4)) fail_msg("%s: weights differ by %g", cuts[c].name, distance);
        json_decref(log);
        vt_model_close(cut);
    }
    json_decref(expected);
    vt_model_close(whole);
}

/* Six images are one step, whether it has room for six or for eight. */
static void a_short_step_is_a_mean_over_its_own_samples(void **state) {
    (void)state;
    vt_dataset *six = open_dataset(make_dataset("six", 6, 3, 1));
    static const struct {
        const char *name;
        int batch, accumulation;
    } cuts[] = {{"six-exactly", 6, 1}, {"six-of-eight", 8, 1}, {"six-of-thrice-four", 4, 3}};
    double norms[3], losses[3];
    for (int c = 0; c < 3; c++) {
        vt_training_arguments arguments = arguments_for(test_path(cuts[c].name));
        arguments.per_device_train_batch_size = cuts[c].batch;
        arguments.gradient_accumulation_steps = cuts[c].accumulation;
        arguments.max_steps = 1;
        arguments.save_strategy = VT_STRATEGY_NO;
        ASSERT_OK(train_fresh(six, &arguments, NULL, NULL));
        json_t *log = log_of(arguments.output_dir);
        norms[c] = json_number_value(json_object_get(json_array_get(log, 0), "grad_norm"));
        losses[c] = json_number_value(json_object_get(json_array_get(log, 0), "loss"));
        json_decref(log);
    }
    assert_true(norms[0] > 0 && norms[0] == norms[1] && losses[0] == losses[1]);
    assert_true(fabs(norms[2] - norms[0]) < 1e-5 * norms[0] && fabs(losses[2] - losses[0]) < 1e-6);
    vt_dataset_close(six);
}

/* One step of plain SGD at rate 1 moves the weights by exactly the (clipped) gradient. */
static void the_gradient_is_clipped_to_its_norm(void **state) {
    (void)state;
    static const double limits[] = {0, 1e-3, 1e3};
    for (int i = 0; i < 3; i++) {
        vt_training_arguments arguments = arguments_for(test_path("clipped"));
        vt_train_result result;
        vt_model *before = open_model_for(dataset, 0.1), *after = open_model_for(dataset, 0.1);
        arguments.optim = VT_OPTIMIZER_SGD;
        arguments.learning_rate = 1;
        arguments.max_grad_norm = limits[i];
        arguments.max_steps = 1;
        arguments.save_strategy = VT_STRATEGY_NO;
        ASSERT_OK(vt_train(device, after, dataset, &arguments, NULL, &result));
        json_t *log = log_of(arguments.output_dir);
        double norm = json_number_value(json_object_get(json_array_get(log, 0), "grad_norm")), moved = 0;
        for (int64_t v = 0; v < before->value_count; v++) moved += pow((double)after->values[v] - (double)before->values[v], 2);
        double expected = limits[i] > 0 && limits[i] < norm ? limits[i] : norm;
        if (!(fabs(sqrt(moved) - expected) < 2e-3 * expected)) fail_msg("moved by %g, expected %g", sqrt(moved), expected);
        json_decref(log);
        vt_model_close(before);
        vt_model_close(after);
    }
}

static void neither_workers_nor_recomputing_change_a_bit(void **state) {
    (void)state;
    vt_model_close(train_with("no-worker", 2, 2, 0, 0));
    vt_model_close(train_with("three-workers", 2, 2, 3, 1));
    assert_same_run(test_path("no-worker"), test_path("three-workers"));
}

static void the_best_model_is_loaded_and_kept(void **state) {
    (void)state;
    vt_training_arguments arguments = arguments_for(test_path("best"));
    vt_train_result result;
    char name[64];
    json_t *root;
    arguments.greater_is_better = 1; /* the highest loss: that is an early step, not the last */
    arguments.num_train_epochs = 1;
    arguments.eval_strategy = arguments.save_strategy = VT_STRATEGY_STEPS;
    arguments.eval_steps = arguments.save_steps = 1;
    arguments.save_total_limit = 1;
    arguments.load_best_model_at_end = 1;
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, &result));
    json_t *log = log_of(arguments.output_dir), *entry;
    double best = -INFINITY;
    long long best_step = 0;
    size_t i;
    json_array_foreach(log, i, entry) {
        const json_t *loss = json_object_get(entry, "eval_loss");
        if (!loss || json_number_value(loss) <= best) continue;
        best = json_number_value(loss);
        best_step = (long long)json_integer_value(json_object_get(entry, "step"));
    }
    assert_true(best_step > 0 && best_step < 11);
    assert_true(result.best_metric == best);
    snprintf(name, sizeof name, "checkpoint-%lld", best_step);
    assert_string_equal(result.best_model_checkpoint, path_in(arguments.output_dir, name));
    assert_true(vt_is_folder(result.best_model_checkpoint));
    assert_true(vt_is_folder(path_in(arguments.output_dir, "checkpoint-11")));
    assert_same_file(path_in(result.best_model_checkpoint, "model.safetensors"),
                     path_in(arguments.output_dir, "model.safetensors"));
    ASSERT_OK(vt_json_load(path_in(arguments.output_dir, "eval_results.json"), &root));
    assert_true(json_number_value(json_object_get(root, "eval_loss")) == best);
    json_decref(root);
    json_decref(log);
}

static void pos_weights_come_from_a_file_or_the_split(void **state) {
    (void)state;
    vt_training_arguments arguments = arguments_for(test_path("weighted"));
    static const struct {
        const char *text, *words;
    } bad[] = {{"[1, 2]", "has 2 weights"},
               {"{\"Mass\": 2}", "'Mass' is not a label"},
               {"{\"Hernia\": -1}", "'Hernia' is not a number"},
               {"{\"Hernia\": 1,}", "not valid JSON"}};
    arguments.max_steps = 1;
    arguments.save_strategy = VT_STRATEGY_NO;
    strcpy(arguments.pos_weight, test_path("weights.json"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_test_file(arguments.pos_weight, bad[i].text, strlen(bad[i].text));
        ASSERT_FAILS(VT_ERROR_INPUT, bad[i].words, train_fresh(dataset, &arguments, NULL, NULL));
    }
    vt_train_result plain, listed, named, counted;
    write_test_file(arguments.pos_weight, "[1, 1, 1, 1]", 12);
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, &plain));
    write_test_file(arguments.pos_weight, "[1, 5, 1, 1]", 12);
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, &listed));
    write_test_file(arguments.pos_weight, "{\"Hernia\": 5}", 13);
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, &named));
    strcpy(arguments.pos_weight, "auto");
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, &counted));
    assert_true(listed.train_loss == named.train_loss);
    assert_true(counted.train_loss != plain.train_loss);
}

static void refuses_before_it_writes(void **state) {
    (void)state;
    vt_training_arguments arguments = arguments_for(test_path("refused"));
    vt_train_result result;
    arguments.eval_strategy = VT_STRATEGY_EPOCH;
    strcpy(arguments.eval_split, "test");
    ASSERT_FAILS(VT_ERROR_USAGE, "'test' split does not exist", train_fresh(dataset, &arguments, NULL, NULL));
    strcpy(arguments.eval_split, "validation");
    strcpy(arguments.metric_for_best_model, "eval_f1");
    ASSERT_FAILS(VT_ERROR_USAGE, "known are loss, roc_auc", train_fresh(dataset, &arguments, NULL, NULL));
    arguments = arguments_for(test_path("refused"));
    vt_model_options options;
    vt_model *model;
    vt_model_options_init(&options);
    ASSERT_OK(vt_model_open(golden_path("vit-base"), &options, NULL, &model));
    ASSERT_FAILS(VT_ERROR_INPUT, "the model predicts 5 labels, but the data set has 4",
                 vt_train(device, model, dataset, &arguments, NULL, &result));
    vt_model_close(model);
    assert_false(vt_path_exists(test_path("refused")));
}

static void an_earlier_run_is_in_the_way(void **state) {
    (void)state;
    vt_training_arguments arguments = arguments_for(test_path("twice"));
    arguments.max_steps = 2;
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, NULL));
    ASSERT_FAILS(VT_ERROR_USAGE, "holds 1 checkpoint of an earlier run", train_fresh(dataset, &arguments, NULL, NULL));
    arguments.overwrite_output_dir = 1;
    arguments.max_steps = 1;
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, NULL));
    assert_false(vt_path_exists(path_in(arguments.output_dir, "checkpoint-2")));
    assert_true(vt_path_exists(path_in(arguments.output_dir, "checkpoint-1")));
}

static void divergence_stops_the_run(void **state) {
    (void)state;
    vt_training_arguments arguments = arguments_for(test_path("diverged"));
    arguments.optim = VT_OPTIMIZER_SGD;
    arguments.learning_rate = 1e6;
    arguments.max_grad_norm = 0;
    arguments.save_strategy = VT_STRATEGY_NO;
    ASSERT_FAILS(VT_ERROR_INPUT, "training diverged: the ", train_fresh(dataset, &arguments, NULL, NULL));
    assert_non_null(strstr(vt_error_message(), "of optimizer step "));
}

static void it_learns(void **state) {
    (void)state;
    static const vt_optimizer_type optimizers[] = {VT_OPTIMIZER_ADAMW, VT_OPTIMIZER_SGD, VT_OPTIMIZER_LAMB};
    static const double rates[] = {2e-3, 0.1, 1e-2};
    for (int i = 0; i < 3; i++) {
        vt_training_arguments arguments = arguments_for(test_path("learned"));
        arguments.optim = optimizers[i];
        arguments.learning_rate = rates[i];
        arguments.num_train_epochs = 12;
        arguments.save_strategy = VT_STRATEGY_NO;
        ASSERT_OK(train_fresh(dataset, &arguments, NULL, NULL));
        json_t *log = log_of(arguments.output_dir);
        double first = 0, last = 0;
        for (size_t s = 0; s < 10; s++) {
            first += json_number_value(json_object_get(json_array_get(log, s), "loss"));
            last += json_number_value(json_object_get(json_array_get(log, json_array_size(log) - 2 - s), "loss"));
        }
        if (!(last < 0.7 * first)) fail_msg("optimizer %d: loss went from %g to %g", i, first / 10, last / 10);
        json_decref(log);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_writes_what_hugging_face_writes),
        cmocka_unit_test(a_run_ends_with_hugging_faces_keys),
        cmocka_unit_test(a_run_hands_over_its_last_evaluation),
        cmocka_unit_test(accumulation_does_not_change_the_loss),
        cmocka_unit_test(a_short_step_is_a_mean_over_its_own_samples),
        cmocka_unit_test(the_gradient_is_clipped_to_its_norm),
        cmocka_unit_test(neither_workers_nor_recomputing_change_a_bit),
        cmocka_unit_test(the_best_model_is_loaded_and_kept),
        cmocka_unit_test(pos_weights_come_from_a_file_or_the_split),
        cmocka_unit_test(refuses_before_it_writes),
        cmocka_unit_test(an_earlier_run_is_in_the_way),
        cmocka_unit_test(divergence_stops_the_run),
        cmocka_unit_test(it_learns),
    };
    int failed = cmocka_run_group_tests(tests, make_data, close_data);
    forget();
    remove_test_folder();
    return failed;
}
