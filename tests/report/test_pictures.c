/* The pictures: that they are written, whole, in both formats, the same bytes every time, and refuse what they must. */
#include "support.h"

#include "base/json.h"
#include "report/chart.h"
#include "vitrain/report.h"

#include <math.h>

static const char *const names[15] = {"Atelectasis",        "Cardiomegaly", "Consolidation", "Edema", "Effusion",   "Emphysema",
                                      "Fibrosis",           "Hernia",       "Infiltration",  "Mass",  "No Finding", "Nodule",
                                      "Pleural_Thickening", "Pneumonia",    "Pneumothorax"};

/* An evaluation of 400 samples and 15 labels whose scores separate more the higher the label's index; the label
 * "Hernia" has no positives. */
typedef struct fixture {
    vt_evaluation evaluation;
    float scores[400 * 15], targets[400 * 15];
    vt_label_metrics labels[15];
} fixture;

static fixture *make_fixture(void) {
    fixture *made = calloc(1, sizeof *made);
    assert_non_null(made);
    uint32_t state = 1;
    for (int i = 0; i < 400; i++)
        for (int label = 0; label < 15; label++) {
            state = state * 1664525u + 1013904223u;
            float noise = (float)(state >> 8) / 16777216.0f;
            float target = label != 7 && (i + label) % (label + 5) == 0 ? 1.0f : 0.0f;
            made->targets[i * 15 + label] = target;
            made->scores[i * 15 + label] = 0.15f * noise * 4.0f + 0.025f * target * (float)label;
        }
    for (int label = 0; label < 15; label++) {
        double auc = label == 7 ? NAN : 0.52 + 0.03 * label;
        made->labels[label] = (vt_label_metrics){.positives = label == 7 ? 0 : 20,
                                                 .negatives = 380,
                                                 .roc_auc = auc,
                                                 .roc_auc_low = auc - 0.08,
                                                 .roc_auc_high = fmin(1.0, auc + 0.08),
                                                 .average_precision = 0.3,
                                                 .threshold = 0.4,
                                                 .f1 = 0.35};
    }
    made->evaluation = (vt_evaluation){.split = "validation",
                                       .samples = 400,
                                       .num_labels = 15,
                                       .label_names = (char **)names,
                                       .scores = made->scores,
                                       .targets = made->targets,
                                       .labels = made->labels,
                                       .roc_auc = 0.735,
                                       .roc_auc_micro = 0.7,
                                       .roc_auc_weighted = 0.72,
                                       .roc_auc_findings = 0.74,
                                       .auc_labels = 14};
    return made;
}

static void assert_same_file(const char *a, const char *b) {
    uint8_t *left, *right;
    size_t left_size, right_size;
    ASSERT_OK(vt_read_file(a, 1 << 26, &left, &left_size));
    ASSERT_OK(vt_read_file(b, 1 << 26, &right, &right_size));
    assert_int_equal(left_size, right_size);
    assert_memory_equal(left, right, left_size);
    free(left);
    free(right);
}

static void assert_picture(const char *folder, const char *name) {
    char path[600];
    uint8_t *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/%s.png", folder, name);
    ASSERT_OK(vt_read_file(path, 1 << 26, &bytes, &size));
    assert_true(size > 2000);
    assert_memory_equal(bytes, "\x89PNG\r\n\x1a\n", 8);
    assert_memory_equal(bytes + size - 8, "IEND", 4);
    free(bytes);
    snprintf(path, sizeof path, "%s/%s.svg", folder, name);
    ASSERT_OK(vt_read_file(path, 1 << 26, &bytes, &size));
    assert_non_null(strstr((char *)bytes, "<svg"));
    assert_non_null(strstr((char *)bytes, "</svg>"));
    free(bytes);
}

static void test_evaluation_pictures_are_the_same_bytes_every_time(void **state) {
    (void)state;
    fixture *made = make_fixture();
    ASSERT_OK(vt_plot_evaluation(&made->evaluation, test_path("once")));
    ASSERT_OK(vt_plot_evaluation(&made->evaluation, test_path("twice")));
    assert_picture(test_path("once"), "roc_curves");
    assert_picture(test_path("once"), "label_auc");
    assert_same_file(test_path("once/roc_curves.png"), test_path("twice/roc_curves.png"));
    assert_same_file(test_path("once/roc_curves.svg"), test_path("twice/roc_curves.svg"));
    assert_same_file(test_path("once/label_auc.png"), test_path("twice/label_auc.png"));
    assert_same_file(test_path("once/label_auc.svg"), test_path("twice/label_auc.svg"));
    free(made);
}

static void test_no_label_has_both_classes(void **state) {
    (void)state;
    fixture *made = make_fixture();
    for (int label = 0; label < 15; label++) {
        made->labels[label].positives = 0;
        made->labels[label].roc_auc = made->labels[label].roc_auc_low = made->labels[label].roc_auc_high = NAN;
    }
    made->evaluation.roc_auc = NAN;
    ASSERT_OK(vt_plot_evaluation(&made->evaluation, test_path("none")));
    assert_picture(test_path("none"), "roc_curves");
    free(made);
}

/* Thousands of labels, and names as long as a page: pictures keep a size that can be looked at. */
static void test_many_labels_with_long_names(void **state) {
    (void)state;
    enum { LABELS = 2000, SAMPLES = 4 };
    static float scores[SAMPLES * LABELS], targets[SAMPLES * LABELS];
    static vt_label_metrics labels[LABELS];
    static char *same_names[LABELS], long_name[5000];
    memset(long_name, 'W', sizeof long_name - 1);
    for (int i = 0; i < SAMPLES * LABELS; i++) {
        scores[i] = (float)(i * 7919 % 1000) / 1000;
        targets[i] = i / LABELS % 2 == 0;
    }
    for (int label = 0; label < LABELS; label++) {
        double auc = label % 3 ? label / (double)LABELS : NAN;
        labels[label] = (vt_label_metrics){.positives = 2, .negatives = isnan(auc) ? 0 : 2, .roc_auc = auc, .roc_auc_low = NAN};
        same_names[label] = long_name;
    }
    vt_evaluation evaluation = {.split = "validation",
                                .samples = SAMPLES,
                                .num_labels = LABELS,
                                .label_names = same_names,
                                .scores = scores,
                                .targets = targets,
                                .labels = labels,
                                .roc_auc = 0.5};
    ASSERT_OK(vt_plot_evaluation(&evaluation, test_path("many")));
    static const char *const pictures[] = {"many/roc_curves.png", "many/label_auc.png"};
    for (int i = 0; i < 2; i++) {
        uint8_t *bytes;
        size_t size;
        ASSERT_OK(vt_read_file(test_path(pictures[i]), 1 << 26, &bytes, &size));
        assert_true(bytes[16] == 0 && bytes[17] == 0 && bytes[18] < 8); /* width and height below 2048 pixels */
        assert_true(bytes[20] == 0 && bytes[21] == 0 && bytes[22] < 8);
        free(bytes);
    }
}

static void test_label_names_that_are_not_utf8(void **state) {
    (void)state;
    char *strange[15];
    fixture *made = make_fixture();
    for (int label = 0; label < 15; label++)
        strange[label] = (char *)(label % 2 ? "\xff\xfe\x1b[31m" : "\xc3\xa9t\xc3\xa9 <&>");
    made->evaluation.label_names = strange;
    ASSERT_OK(vt_plot_evaluation(&made->evaluation, test_path("strange")));
    assert_picture(test_path("strange"), "label_auc");
    free(made);
}

static void write_history(const char *path, int with_eval) {
    json_t *history = json_array();
    for (int step = 1; step <= 60; step++) {
        double epoch = step / 20.0;
        json_array_append_new(history,
                              json_pack("{s:f,s:f,s:f,s:i}", "epoch", epoch, "loss", 0.18 + 0.5 * exp(-step / 12.0),
                                        "learning_rate", 2e-4 * 0.5 * (1 + cos(3.14159265 * step / 60.0)), "step", step));
        if (with_eval && step % 20 == 0)
            json_array_append_new(history, json_pack("{s:f,s:f,s:f,s:i}", "epoch", epoch, "eval_loss",
                                                     0.2 + 0.5 * exp(-step / 12.0), "eval_roc_auc", 0.7, "step", step));
    }
    json_t *state = json_pack("{s:o}", "log_history", history);
    ASSERT_OK(vt_json_save(path, state));
    json_decref(state);
}

static void test_training_curves(void **state) {
    (void)state;
    ASSERT_OK(vt_make_folders(test_path("run")));
    write_history(test_path("run/trainer_state.json"), 1);
    ASSERT_OK(vt_plot_training(test_path("run")));
    assert_picture(test_path("run/plots"), "loss");
    assert_picture(test_path("run/plots"), "learning_rate");
}

static void test_a_history_without_entries_still_gives_a_picture(void **state) {
    (void)state;
    ASSERT_OK(vt_make_folders(test_path("short")));
    write_test_file(test_path("short/trainer_state.json"), "{\"log_history\": []}", 19);
    ASSERT_OK(vt_plot_training(test_path("short")));
    assert_picture(test_path("short/plots"), "loss");
}

static void test_broken_histories_are_named(void **state) {
    (void)state;
    const char *path = test_path("broken/trainer_state.json");
    ASSERT_FAILS(VT_ERROR_IO, "trainer_state.json", vt_plot_training(test_path("broken")));
    ASSERT_OK(vt_make_folders(test_path("broken")));
    write_test_file(path, "{}", 2);
    ASSERT_FAILS(VT_ERROR_INPUT, "log_history", vt_plot_training(test_path("broken")));
    write_test_file(path, "{\"log_history\": [3]}", 20);
    ASSERT_FAILS(VT_ERROR_INPUT, "entry 0", vt_plot_training(test_path("broken")));
    write_test_file(path, "{\"log_history\": [{\"epoch\": \"x\"}]}", 33);
    ASSERT_FAILS(VT_ERROR_INPUT, "epoch", vt_plot_training(test_path("broken")));
}

static void test_a_file_where_the_folder_should_be(void **state) {
    (void)state;
    fixture *made = make_fixture();
    write_test_file(test_path("file"), "x", 1);
    ASSERT_FAILS(VT_ERROR_IO, "file", vt_plot_evaluation(&made->evaluation, test_path("file")));
    free(made);
}

static void test_text_is_cut_to_its_room(void **state) {
    (void)state;
    cairo_t *cairo = vt_measuring_context();
    char out[64];
    vt_text_fit(cairo, "Edema", 8.0, VT_WEIGHT_NORMAL, 100.0, out, sizeof out);
    assert_string_equal(out, "Edema");
    vt_text_fit(cairo, "Pleural_Thickening_and_more", 8.0, VT_WEIGHT_NORMAL, 60.0, out, sizeof out);
    assert_true(vt_has_suffix(out, "..."));
    assert_true(vt_text_width(cairo, out, 8.0, VT_WEIGHT_NORMAL) <= 60.0);
    cairo_destroy(cairo);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evaluation_pictures_are_the_same_bytes_every_time),
        cmocka_unit_test(test_no_label_has_both_classes),
        cmocka_unit_test(test_many_labels_with_long_names),
        cmocka_unit_test(test_label_names_that_are_not_utf8),
        cmocka_unit_test(test_training_curves),
        cmocka_unit_test(test_a_history_without_entries_still_gives_a_picture),
        cmocka_unit_test(test_broken_histories_are_named),
        cmocka_unit_test(test_a_file_where_the_folder_should_be),
        cmocka_unit_test(test_text_is_cut_to_its_room),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failed;
}
