/* Evaluation: figures from logits, one-class labels, thresholds, refusals, and what is printed and saved. */
#include "train_support.h"

#include "train/evaluation.h"
#include "train/metrics.h"
#include <math.h>

static vt_dataset *dataset;
static vt_model *model;

static int setup(void **state) {
    if (open_device(state) != 0) return -1;
    dataset = open_dataset(make_dataset("data", 16, 19, 1));
    model = open_model_for(dataset, 0);
    return 0;
}

static int teardown(void **state) {
    vt_model_close(model);
    vt_dataset_close(dataset);
    return close_device(state);
}

static vt_evaluate_options options_of(int batch_size) {
    vt_evaluate_options options;
    vt_evaluate_options_init(&options, device);
    options.batch_size = batch_size;
    options.precision = VT_PRECISION_FP32;
    return options;
}

static vt_evaluation *evaluate(const char *split, const vt_evaluate_options *options) {
    vt_evaluation *evaluation;
    ASSERT_OK(vt_evaluate(device, model, dataset, vt_dataset_get_split(dataset, split), options, NULL, &evaluation));
    return evaluation;
}

static void figures_follow_from_logits_and_labels(void **state) {
    (void)state;
    vt_evaluate_options options = options_of(8);
    vt_evaluation *evaluation = evaluate("validation", &options);
    const int labels = evaluation->num_labels;
    assert_int_equal(evaluation->samples, 19);
    assert_int_equal(evaluation->batches, 3);
    assert_int_equal(labels, 4);
    assert_int_equal(evaluation->score, VT_SCORE_SIGMOID);
    double loss = 0, macro = 0, right = 0;
    int counted = 0;
    for (int64_t i = 0; i < 19 * labels; i++) {
        double x = (double)evaluation->logits[i], y = (double)evaluation->targets[i];
        loss += (log1p(exp(-fabs(x))) + fmax(x, 0) - x * y) / labels / 19;
        assert_true(fabs((double)evaluation->scores[i] - 1 / (1 + exp(-x))) < 1e-7);
        right += (x > 0) == (y > 0.5);
    }
    for (int l = 0; l < labels; l++) {
        const vt_label_metrics *metrics = &evaluation->labels[l];
        vt_ranking ranking;
        ASSERT_OK(vt_ranking_create(evaluation->scores + l, evaluation->targets + l, 19, (size_t)labels, &ranking));
        assert_int_equal(metrics->positives + metrics->negatives, 19);
        assert_true(metrics->roc_auc == vt_roc_auc(&ranking));
        assert_true(metrics->threshold == vt_best_f1_threshold(&ranking)); /* validation's own */
        assert_true(metrics->f1 == vt_f1(&ranking, metrics->threshold));
        macro += metrics->roc_auc;
        counted++;
        vt_ranking_free(&ranking);
    }
    assert_int_equal(evaluation->auc_labels, counted);
    assert_true(fabs(evaluation->loss - loss) < 1e-6);
    assert_true(fabs(evaluation->roc_auc - macro / counted) < 1e-12);
    assert_true(fabs(evaluation->accuracy - right / 19 / labels) < 1e-12);
    assert_string_equal(evaluation->label_names[2], "No Finding");
    assert_true(fabs(evaluation->roc_auc_findings - (macro - evaluation->labels[2].roc_auc) / 3) < 1e-12);
    vt_evaluation_free(evaluation);
}

static void batches_and_workers_change_nothing_that_counts(void **state) {
    (void)state;
    vt_evaluate_options options = options_of(8), threaded = options_of(8), single = options_of(1);
    threaded.num_workers = 2;
    vt_evaluation *a = evaluate("validation", &options), *b = evaluate("validation", &threaded);
    vt_evaluation *c = evaluate("validation", &single);
    assert_memory_equal(a->logits, b->logits, 19 * 4 * sizeof(float));
    assert_true(a->loss == b->loss);
    for (int i = 0; i < 19 * 4; i++) assert_true(fabsf(a->logits[i] - c->logits[i]) < 1e-5f);
    vt_evaluation_free(a);
    vt_evaluation_free(b);
    vt_evaluation_free(c);
}

static void thresholds_come_from_another_split(void **state) {
    (void)state;
    vt_evaluate_options options = options_of(8);
    vt_evaluation *validation = evaluate("validation", &options);
    options.thresholds_from = validation;
    vt_evaluation *train = evaluate("train", &options), *without;
    options.thresholds_from = NULL;
    without = evaluate("train", &options);
    assert_true(isnan(without->labels[0].threshold) && isnan(without->labels[0].f1));
    vt_evaluation_free(without);
    for (int l = 0; l < 4; l++) {
        vt_ranking ranking;
        ASSERT_OK(vt_ranking_create(validation->scores + l, validation->targets + l, 19, 4, &ranking));
        assert_true(train->labels[l].threshold == vt_best_f1_threshold(&ranking));
        vt_ranking_free(&ranking);
        assert_true(train->labels[l].f1 >= 0 && train->labels[l].f1 <= 1);
    }
    vt_evaluation_free(train);
    vt_evaluation_free(validation);
}

/* Five validation images: none is labelled Hernia. */
static void a_label_with_one_class_is_left_out(void **state) {
    (void)state;
    vt_dataset *small = open_dataset(make_dataset("small", 12, 5, 1));
    vt_evaluate_options options = options_of(8);
    vt_evaluation *evaluation;
    ASSERT_OK(vt_evaluate(device, model, small, vt_dataset_get_split(small, "validation"), &options, NULL, &evaluation));
    const vt_label_metrics *hernia = &evaluation->labels[1];
    assert_int_equal(hernia->positives, 0);
    assert_true(isnan(hernia->roc_auc) && isnan(hernia->roc_auc_low) && isnan(hernia->average_precision));
    assert_int_equal(evaluation->auc_labels, 3);
    double sum = evaluation->labels[0].roc_auc + evaluation->labels[2].roc_auc + evaluation->labels[3].roc_auc;
    assert_true(fabs(evaluation->roc_auc - sum / 3) < 1e-12);
    forget();
    vt_evaluation_print(evaluation, &listener);
    assert_heard("{'eval_loss': ");
    assert_heard("'eval_samples_per_second': ");
    assert_heard("1 of 4 labels lack positives or negatives in 'validation'");
    assert_heard("n/a");
    assert_heard("ROC-AUC by sigmoid: macro ");
    vt_evaluation_free(evaluation);
    vt_dataset_close(small);
}

static void softmax_over_multi_label_logits_is_named(void **state) {
    (void)state;
    vt_evaluate_options options = options_of(8);
    options.score = VT_SCORE_SOFTMAX;
    vt_evaluation *evaluation = evaluate("validation", &options);
    for (int64_t s = 0; s < 19; s++) {
        float sum = 0;
        for (int l = 0; l < 4; l++) sum += evaluation->scores[s * 4 + l];
        assert_true(fabsf(sum - 1) < 1e-6f);
    }
    forget();
    vt_evaluation_print(evaluation, &listener);
    assert_heard("ROC-AUC by softmax over multi-label logits (the walk-through's figure");
    vt_evaluation_free(evaluation);
}

/* A loop of one's own in transformers may leave problem_type out of config.json: the data set has one. */
static void the_data_set_says_what_the_model_does_not(void **state) {
    (void)state;
    vt_evaluate_options options;
    vt_evaluation *named, *unnamed;
    const vt_split *split = vt_dataset_get_split(dataset, "validation");
    vt_problem_type before = model->config.problem_type;
    vt_evaluate_options_init(&options, device);
    options.precision = VT_PRECISION_FP32;
    ASSERT_OK(vt_evaluate(device, model, dataset, split, &options, NULL, &named));
    model->config.problem_type = VT_PROBLEM_UNSET;
    ASSERT_OK(vt_evaluate(device, model, dataset, split, &options, NULL, &unnamed));
    model->config.problem_type = before;
    assert_int_equal(named->problem_type, VT_PROBLEM_MULTI_LABEL);
    assert_int_equal(unnamed->problem_type, named->problem_type);
    assert_int_equal(unnamed->score, named->score);
    assert_true(unnamed->loss == named->loss && unnamed->accuracy == named->accuracy);
    vt_evaluation_free(named);
    vt_evaluation_free(unnamed);
}

static void positives_weigh_more_in_the_loss(void **state) {
    (void)state;
    const float weights[] = {3, 3, 3, 3};
    vt_evaluate_options options = options_of(8);
    vt_evaluation *plain = evaluate("validation", &options);
    options.pos_weight = weights;
    vt_evaluation *weighted = evaluate("validation", &options);
    assert_true(weighted->loss > plain->loss);
    assert_true(weighted->roc_auc == plain->roc_auc);
    vt_evaluation_free(plain);
    vt_evaluation_free(weighted);
}

/* As transformers does: the loss is that of training, whose targets are y (1 - e) + e / 2. */
static void labels_are_smoothed_in_the_loss(void **state) {
    (void)state;
    const double factor = 0.2;
    vt_evaluate_options options = options_of(8);
    options.label_smoothing_factor = factor;
    vt_evaluation *evaluation = evaluate("validation", &options);
    double loss = 0;
    int64_t pairs = evaluation->samples * evaluation->num_labels;
    for (int64_t i = 0; i < pairs; i++) {
        double x = (double)evaluation->logits[i], y = (double)evaluation->targets[i] * (1 - factor) + factor / 2;
        loss += (log1p(exp(-fabs(x))) + fmax(x, 0) - x * y) / (double)pairs;
    }
    assert_true(fabs(evaluation->loss - loss) < 1e-6);
    vt_evaluation_free(evaluation);
}

/* Every third pair of the validation split is forgotten, and the first image altogether. */
static void unknown_labels_count_in_no_figure(void **state) {
    (void)state;
    vt_evaluate_options options = options_of(8);
    vt_dataset *masked = open_dataset(make_masked_dataset("masked", 12, 19));
    vt_evaluation *evaluation;
    const vt_split *split = vt_dataset_get_split(masked, "validation");
    ASSERT_OK(vt_evaluate(device, model, masked, split, &options, NULL, &evaluation));
    double loss = 0, macro = 0, right = 0;
    int64_t known = 0;
    int counted = 0;
    assert_int_equal(evaluation->num_labels, 4);
    for (int64_t s = 0; s < evaluation->samples; s++) {
        double sum = 0;
        int of_sample = 0;
        for (int l = 0; l < 4; l++) {
            double x = (double)evaluation->logits[s * 4 + l], y = (double)evaluation->targets[s * 4 + l];
            assert_int_equal(isnan(y), is_masked(s, l));
            if (isnan(y)) continue;
            sum += log1p(exp(-fabs(x))) + fmax(x, 0) - x * y;
            right += (x > 0) == (y > 0.5);
            of_sample++;
        }
        loss += of_sample ? sum / of_sample / (double)evaluation->samples : 0;
        known += of_sample;
    }
    assert_true(fabs(evaluation->loss - loss) < 1e-6);
    assert_true(fabs(evaluation->accuracy - right / (double)known) < 1e-12);
    for (int l = 0; l < 4; l++) {
        const vt_label_metrics *metrics = &evaluation->labels[l];
        assert_true(metrics->unknown > 0);
        assert_int_equal(metrics->positives + metrics->negatives + metrics->unknown, evaluation->samples);
        if (isnan(metrics->roc_auc)) continue;
        macro += metrics->roc_auc;
        counted++;
    }
    assert_true(evaluation->auc_labels == counted && fabs(evaluation->roc_auc - macro / counted) < 1e-12);
    forget();
    vt_evaluation_print(evaluation, &listener);
    assert_heard("positives negatives   unknown");
    json_t *root;
    ASSERT_OK(vt_evaluation_save(evaluation, test_path("masked-results"), "eval"));
    ASSERT_OK(vt_json_load(test_path("masked-results/eval_results.json"), &root));
    const json_t *first = json_object_get(json_object_get(root, "eval_labels"), evaluation->label_names[0]);
    assert_int_equal(json_integer_value(json_object_get(first, "unknown")), evaluation->labels[0].unknown);
    json_decref(root);
    vt_evaluation_free(evaluation);
    vt_dataset_close(masked);
}

static void training_takes_unknown_labels(void **state) {
    (void)state;
    vt_dataset *masked = open_dataset(make_masked_dataset("masked-train", 24, 5));
    const vt_split *train = vt_dataset_get_split(masked, "train");
    vt_training_arguments arguments = arguments_for(test_path("masked-run"));
    float *weights;
    strcpy(arguments.pos_weight, "auto");
    ASSERT_OK(vt_training_pos_weight(&arguments, masked, &weights));
    for (int label = 0; label < 4; label++) {
        int counts[2] = {0};
        for (int64_t i = 0; i < vt_split_size(train); i++) {
            float value = vt_split_get(train, i).labels[label];
            if (!isnan(value)) counts[value > 0.5f]++;
        }
        float expected = counts[1] ? (float)((double)counts[0] / counts[1]) : 1;
        assert_true(counts[0] + counts[1] < 24 && weights[label] == expected);
    }
    free(weights);
    arguments.max_steps = 3;
    arguments.save_strategy = VT_STRATEGY_NO;
    vt_train_result result;
    ASSERT_OK(train_fresh(masked, &arguments, NULL, &result));
    assert_true(result.train_loss > 0 && result.train_loss < 10);
    vt_dataset_close(masked);
}

static void results_are_saved_and_merged(void **state) {
    (void)state;
    vt_evaluate_options options = options_of(8);
    vt_evaluation *evaluation = evaluate("train", &options);
    const char *folder = test_path("results");
    json_t *root;
    ASSERT_OK(vt_make_folders(folder));
    write_test_file(path_in(folder, "all_results.json"), "{\"train_loss\": 0.5, \"eval_loss\": 9.0}", 37);
    ASSERT_OK(vt_evaluation_save(evaluation, folder, "eval"));
    ASSERT_OK(vt_json_load(path_in(folder, "all_results.json"), &root));
    assert_true(json_number_value(json_object_get(root, "train_loss")) == 0.5);
    assert_true(json_number_value(json_object_get(root, "eval_loss")) == evaluation->loss);
    json_decref(root);
    ASSERT_OK(vt_json_load(path_in(folder, "eval_results.json"), &root));
    const json_t *labels = json_object_get(root, "eval_labels");
    assert_int_equal(json_object_size(labels), 4);
    assert_true(json_is_null(json_object_get(json_object_get(labels, "Nodule"), "f1")));
    json_decref(root);
    vt_evaluation_free(evaluation);
}

static void metrics_are_found_by_both_names(void **state) {
    (void)state;
    vt_evaluation evaluation = {.loss = 1, .roc_auc = 2, .accuracy = 3};
    double value;
    ASSERT_OK(vt_evaluation_metric(&evaluation, "eval_roc_auc", &value));
    assert_true(value == 2);
    ASSERT_OK(vt_evaluation_metric(&evaluation, "loss", &value));
    assert_true(value == 1);
    ASSERT_FAILS(VT_ERROR_USAGE, "'eval_auc' is not measured; known are loss, roc_auc,",
                 vt_evaluation_metric(&evaluation, "eval_auc", &value));
}

static void refuses_data_that_does_not_fit(void **state) {
    (void)state;
    vt_evaluate_options options = options_of(8);
    vt_evaluation *evaluation;
    const vt_split *split = vt_dataset_get_split(dataset, "validation");
    vt_dataset_info info = *vt_dataset_get_info(dataset);
    const char *const names[] = {"Effusion", "Hernia", "No Finding", "Mass"};
    options.batch_size = 0;
    ASSERT_FAILS(VT_ERROR_USAGE, "batch size is 0", vt_evaluate(device, model, dataset, split, &options, NULL, &evaluation));
    info.label_names = names;
    ASSERT_FAILS(VT_ERROR_INPUT, "label 3 is 'Nodule' in the model, but 'Mass' in the data set",
                 vt_check_compatible(model, &info));
    info.num_labels = 3;
    ASSERT_FAILS(VT_ERROR_INPUT, "predicts 4 labels, but the data set has 3", vt_check_compatible(model, &info));
    info = *vt_dataset_get_info(dataset);
    info.height = info.width = 48;
    ASSERT_FAILS(VT_ERROR_INPUT, "images of 32 x 32, but the data set has 48 x 48", vt_check_compatible(model, &info));
}

static void broken_weights_are_named(void **state) {
    (void)state;
    vt_evaluate_options options = options_of(8);
    vt_evaluation *evaluation;
    vt_model *broken = open_model_for(dataset, 0);
    int bias = vt_model_find(broken, "classifier.bias");
    assert_true(bias >= 0);
    broken->values[broken->parameters[bias].offset] = NAN;
    ASSERT_FAILS(
        VT_ERROR_INPUT, "is not a finite number",
        vt_evaluate(device, broken, dataset, vt_dataset_get_split(dataset, "validation"), &options, NULL, &evaluation));
    vt_model_close(broken);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_follow_from_logits_and_labels),
        cmocka_unit_test(batches_and_workers_change_nothing_that_counts),
        cmocka_unit_test(thresholds_come_from_another_split),
        cmocka_unit_test(a_label_with_one_class_is_left_out),
        cmocka_unit_test(softmax_over_multi_label_logits_is_named),
        cmocka_unit_test(positives_weigh_more_in_the_loss),
        cmocka_unit_test(the_data_set_says_what_the_model_does_not),
        cmocka_unit_test(labels_are_smoothed_in_the_loss),
        cmocka_unit_test(unknown_labels_count_in_no_figure),
        cmocka_unit_test(training_takes_unknown_labels),
        cmocka_unit_test(results_are_saved_and_merged),
        cmocka_unit_test(metrics_are_found_by_both_names),
        cmocka_unit_test(refuses_data_that_does_not_fit),
        cmocka_unit_test(broken_weights_are_named),
    };
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    forget();
    remove_test_folder();
    return failed;
}
