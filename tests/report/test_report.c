/* report.html and the grid of examples, on a small drawn data set: whole, self-contained, nothing unescaped. */
#include "support.h"

#include "vitrain/report.h"
#include "vitrain/sample.h"

#include <math.h>

static vt_dataset *dataset;

static int make_dataset(void **state) {
    (void)state;
    static char raw[512], prepared[512];
    snprintf(raw, sizeof raw, "%s/raw", test_folder());
    snprintf(prepared, sizeof prepared, "%s/data", test_folder());
    vt_sample_options sample;
    vt_prepare_options prepare;
    vt_sample_options_init(&sample);
    sample.out = raw;
    sample.images = 30;
    sample.image_size = 64;
    vt_prepare_options_init(&prepare);
    prepare.data = raw;
    prepare.out = prepared;
    prepare.image_size = 48;
    prepare.validation_fraction = 0.4;
    ASSERT_OK(vt_sample_write(&sample, NULL));
    ASSERT_OK(vt_prepare(&prepare, NULL));
    ASSERT_OK(vt_dataset_open(prepared, &dataset));
    return 0;
}

static int close_dataset(void **state) {
    (void)state;
    vt_dataset_close(dataset);
    remove_test_folder();
    return 0;
}

/* An evaluation of the validation split that is right about every label but the first, which it always misses. */
typedef struct fixture {
    vt_evaluation evaluation;
    char *names[32];
    vt_label_metrics labels[32];
    float scores[30 * 32], targets[30 * 32];
} fixture;

static void fill(fixture *made) {
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    const vt_split *split = vt_dataset_get_split(dataset, "validation");
    memset(made, 0, sizeof *made);
    assert_non_null(split);
    assert_in_range(info->num_labels, 2, 32);
    for (int label = 0; label < info->num_labels; label++) {
        made->names[label] = (char *)info->label_names[label];
        made->labels[label] = (vt_label_metrics){.positives = 3,
                                                 .negatives = 5,
                                                 .roc_auc = 0.75,
                                                 .roc_auc_low = 0.5,
                                                 .roc_auc_high = 1.0,
                                                 .average_precision = 0.5,
                                                 .threshold = 0.5,
                                                 .f1 = 0.5};
    }
    for (int64_t i = 0; i < vt_split_size(split); i++)
        for (int label = 0; label < info->num_labels; label++) {
            float target = vt_split_get(split, i).labels[label];
            made->targets[i * info->num_labels + label] = target;
            made->scores[i * info->num_labels + label] = label == 0 ? 0.1f : 0.2f + 0.6f * target;
        }
    made->evaluation = (vt_evaluation){.split = "validation",
                                       .samples = vt_split_size(split),
                                       .num_labels = info->num_labels,
                                       .label_names = made->names,
                                       .scores = made->scores,
                                       .targets = made->targets,
                                       .loss = 0.25,
                                       .roc_auc = 0.7125,
                                       .roc_auc_micro = 0.7,
                                       .roc_auc_weighted = 0.7,
                                       .roc_auc_findings = 0.6875,
                                       .auc_labels = info->num_labels,
                                       .labels = made->labels};
}

static char *read_text(const char *path) {
    uint8_t *bytes;
    size_t size;
    ASSERT_OK(vt_read_file(path, 1 << 26, &bytes, &size));
    return (char *)bytes;
}

static void test_a_report_holds_figures_pictures_and_notes(void **state) {
    (void)state;
    static fixture made;
    const char *out = test_path("run");
    fill(&made);
    ASSERT_OK(vt_make_folders(out));
    write_test_file(test_path("run/trainer_state.json"), "{\"log_history\":[],\"global_step\":7,\"epoch\":2.0}", 46);
    write_test_file(test_path("run/all_results.json"), "{\"train_runtime\":1.5,\"note\":\"a<b\"}", 34);
    ASSERT_OK(vt_plot_training(out));
    ASSERT_OK(vt_plot_evaluation(&made.evaluation, test_path("run/plots")));
    ASSERT_OK(vt_write_report(out, dataset, &made.evaluation));
    char *page = read_text(test_path("run/report.html"));
    static const char *const held[] = {"<!doctype html>",
                                       "0.713",
                                       "Results on the validation split",
                                       "image/svg+xml;base64,",
                                       "0.500 to 1.000",
                                       "a&#60;b",
                                       "counted as a label",
                                       "without it the macro mean is 0.688",
                                       "split hash",
                                       "</html>"};
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++)
        if (!strstr(page, held[i])) fail_msg("'%s' is not on the page", held[i]);
    assert_null(strstr(page, "http"));
    assert_null(strstr(page, "a<b"));
    free(page);
}

static void test_another_split_than_trained_on_is_noted(void **state) {
    (void)state;
    char text[256];
    const char *hash = vt_dataset_get_info(dataset)->split_hash;
    static const char noted[] = "trained on another split";
    ASSERT_OK(vt_make_folders(test_path("split")));
    for (int other = 0; other < 2; other++) {
        int length =
            snprintf(text, sizeof text,
                     "{\"log_history\": [], \"stateful_callbacks\": {\"vitrain\": {\"identity\": {\"split_hash\": \"%s\"}}}}",
                     other ? "0123456789abcdef" : hash);
        write_test_file(test_path("split/trainer_state.json"), text, (size_t)length);
        ASSERT_OK(vt_write_report(test_path("split"), dataset, NULL));
        char *page = read_text(test_path("split/report.html"));
        assert_int_equal(strstr(page, noted) != NULL, other);
        free(page);
    }
}

static void test_unknown_labels_are_counted_and_marked(void **state) {
    (void)state;
    static fixture made;
    fill(&made);
    ASSERT_OK(vt_write_report(test_path("unknown"), dataset, &made.evaluation));
    char *page = read_text(test_path("unknown/report.html"));
    assert_null(strstr(page, "unknown</th>"));
    free(page);
    made.labels[1].unknown = 2;
    ASSERT_OK(vt_write_report(test_path("unknown"), dataset, &made.evaluation));
    page = read_text(test_path("unknown/report.html"));
    assert_non_null(strstr(page, "<th class=\"n\">unknown</th>"));
    assert_non_null(strstr(page, "<td class=\"n\">3</td><td class=\"n\">5</td><td class=\"n\">2</td>"));
    assert_non_null(strstr(page, "nobody knows whether the label applies"));
    free(page);
}

/* Curves over known labels are those of an evaluation that has nothing else. */
static void test_curves_leave_unknown_labels_out(void **state) {
    (void)state;
    static fixture all, known;
    uint32_t crc[2];
    uint64_t size;
    fill(&all);
    fill(&known);
    const int labels = all.evaluation.num_labels;
    known.evaluation.samples = 0;
    for (int64_t s = 0; s < all.evaluation.samples; s++)
        for (int label = 0; label < labels; label++) {
            float *score = &all.scores[s * labels + label], *target = &all.targets[s * labels + label];
            *score = (float)(s % 4) / 4;
            *target = s % 2 ? (float)(s % 3 == 0) : NAN;
            if (s % 2 == 0) continue;
            known.scores[s / 2 * labels + label] = *score;
            known.targets[s / 2 * labels + label] = *target;
            known.evaluation.samples = s / 2 + 1;
        }
    ASSERT_OK(vt_plot_evaluation(&all.evaluation, test_path("all")));
    ASSERT_OK(vt_plot_evaluation(&known.evaluation, test_path("known")));
    ASSERT_OK(vt_file_crc32(test_path("all/roc_curves.svg"), &crc[0], &size));
    ASSERT_OK(vt_file_crc32(test_path("known/roc_curves.svg"), &crc[1], &size));
    assert_int_equal(crc[0], crc[1]);
}

/* A label that nobody knows is not one that is absent. */
static void test_unknown_labels_are_seen_in_grids(void **state) {
    (void)state;
    static float scores[4 * 3];
    uint32_t crc[2][2];
    uint64_t size;
    for (int policy = 0; policy < 2; policy++) {
        char out[600], grids[600];
        vt_prepare_options options;
        vt_dataset *few;
        snprintf(out, sizeof out, "%s/few-%d", test_folder(), policy);
        snprintf(grids, sizeof grids, "%s/few-grids-%d", test_folder(), policy);
        vt_prepare_options_init(&options);
        options.data = golden_path("npz_labels.npz");
        options.out = out;
        options.image_size = 16;
        options.validation_fraction = 0;
        options.labels.uncertain = options.labels.missing = policy ? VT_UNKNOWN_ZERO : VT_UNKNOWN_IGNORE;
        ASSERT_OK(vt_prepare(&options, NULL));
        ASSERT_OK(vt_dataset_open(out, &few));
        vt_label_metrics metrics[3] = {{.threshold = 0.5}, {.threshold = 0.5}, {.threshold = 0.5}};
        vt_evaluation evaluation = {.samples = 4, .num_labels = 3, .scores = scores, .labels = metrics};
        const vt_split *train = vt_dataset_get_split(few, "train");
        ASSERT_OK(vt_plot_examples(few, train, NULL, 4, 1, grids, "labels"));
        ASSERT_OK(vt_plot_examples(few, train, &evaluation, 4, 1, grids, "predictions"));
        ASSERT_OK(vt_file_crc32(strcat(strcpy(out, grids), "/labels.svg"), &crc[policy][0], &size));
        ASSERT_OK(vt_file_crc32(strcat(grids, "/predictions.svg"), &crc[policy][1], &size));
        vt_dataset_close(few);
    }
    assert_int_not_equal(crc[0][0], crc[1][0]);
    assert_int_not_equal(crc[0][1], crc[1][1]);
}

static void test_a_report_without_training_or_evaluation(void **state) {
    (void)state;
    ASSERT_OK(vt_write_report(test_path("bare"), dataset, NULL));
    char *page = read_text(test_path("bare/report.html"));
    assert_null(strstr(page, "Results on"));
    assert_non_null(strstr(page, "Environment"));
    free(page);
}

static void test_label_names_are_escaped(void **state) {
    (void)state;
    static fixture made;
    fill(&made);
    made.names[0] = "<script>alert(1)</script>";
    ASSERT_OK(vt_write_report(test_path("escaped"), dataset, &made.evaluation));
    char *page = read_text(test_path("escaped/report.html"));
    assert_null(strstr(page, "<script"));
    assert_non_null(strstr(page, "&#60;script&#62;"));
    free(page);
}

static void test_broken_results_are_named(void **state) {
    (void)state;
    ASSERT_OK(vt_make_folders(test_path("broken")));
    write_test_file(test_path("broken/all_results.json"), "{\"train_runtime\":", 17);
    ASSERT_FAILS(VT_ERROR_INPUT, "all_results.json", vt_write_report(test_path("broken"), dataset, NULL));
    assert_false(vt_path_exists(test_path("broken/report.html")));
}

static void test_example_grids(void **state) {
    (void)state;
    static fixture made;
    const vt_split *train = vt_dataset_get_split(dataset, "train"), *validation = vt_dataset_get_split(dataset, "validation");
    fill(&made);
    ASSERT_OK(vt_plot_examples(dataset, train, NULL, 12, 1, test_path("grids"), "examples"));
    ASSERT_OK(vt_plot_examples(dataset, validation, &made.evaluation, 5, 1, test_path("grids"), "predictions"));
    ASSERT_OK(vt_plot_examples(dataset, validation, &made.evaluation, 5, 1, test_path("grids"), "again"));
    ASSERT_OK(vt_plot_examples(dataset, validation, &made.evaluation, 5, 2, test_path("grids"), "other"));
    uint32_t crc[3];
    uint64_t size;
    ASSERT_OK(vt_file_crc32(test_path("grids/predictions.svg"), &crc[0], &size));
    ASSERT_OK(vt_file_crc32(test_path("grids/again.svg"), &crc[1], &size));
    ASSERT_OK(vt_file_crc32(test_path("grids/other.svg"), &crc[2], &size));
    assert_int_equal(crc[0], crc[1]);
    assert_int_not_equal(crc[0], crc[2]);
    assert_true(vt_path_exists(test_path("grids/examples.png")));
}

static void test_an_evaluation_of_another_split_is_refused(void **state) {
    (void)state;
    static fixture made;
    fill(&made);
    made.evaluation.samples--;
    ASSERT_FAILS(VT_ERROR_USAGE, "another split",
                 vt_plot_examples(dataset, vt_dataset_get_split(dataset, "validation"), &made.evaluation, 4, 1,
                                  test_path("refused"), "x"));
    assert_false(vt_path_exists(test_path("refused")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_report_holds_figures_pictures_and_notes),
        cmocka_unit_test(test_another_split_than_trained_on_is_noted),
        cmocka_unit_test(test_unknown_labels_are_counted_and_marked),
        cmocka_unit_test(test_curves_leave_unknown_labels_out),
        cmocka_unit_test(test_unknown_labels_are_seen_in_grids),
        cmocka_unit_test(test_a_report_without_training_or_evaluation),
        cmocka_unit_test(test_label_names_are_escaped),
        cmocka_unit_test(test_broken_results_are_named),
        cmocka_unit_test(test_example_grids),
        cmocka_unit_test(test_an_evaluation_of_another_split_is_refused),
    };
    return cmocka_run_group_tests(tests, make_dataset, close_dataset);
}
