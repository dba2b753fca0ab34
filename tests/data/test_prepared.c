/* Opening prepared data sets: what is inconsistent, cut or tampered with is refused with one sentence. */
#define _GNU_SOURCE /* memmem */
#include "raw_data.h"

#include "data/prepared.h"

static void prepare(const char *root, const char *out, vt_split_policy policy) {
    vt_prepare_options options;
    vt_prepare_options_init(&options);
    options.data = test_path(root);
    options.out = test_path(out);
    options.image_size = 3;
    options.split = policy;
    options.validation_fraction = 0.3;
    options.overwrite = 1;
    options.threads = 1;
    ASSERT_OK(vt_prepare(&options, NULL));
}

static vt_status open_and_close(const char *name) {
    vt_dataset *dataset;
    vt_status status = vt_dataset_open(test_path(name), &dataset);
    if (status == VT_OK) vt_dataset_close(dataset);
    return status;
}

/* Replaces `from` by `to` in vitrain_dataset.json. */
static void edit_record(const char *name, const char *from, const char *to) {
    uint8_t *data;
    size_t size;
    char path[1024], text[8192];
    snprintf(path, sizeof path, "%s", raw_path(name, VT_DATASET_JSON));
    ASSERT_OK(vt_read_file(path, 4096, &data, &size));
    char *at = strstr((char *)data, from);
    if (!at) fail_msg("'%s' is not in %s", from, path);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - (char *)data), (char *)data, to, at + strlen(from));
    write_test_file(path, text, strlen(text));
    free(data);
}

static void inconsistent_records_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *words;
    } cases[] = {
        {"\"vitrain prepared data set\"", "\"something\"", "'format'"},
        {"\"version\": 1", "\"version\": 2", "version"},
        {"\"height\": 3", "\"height\": 4",
         "column 'pixels' is a list of uint8 of length 9; expected a list of uint8 of length 12"},
        {"\"height\": 3", "\"height\": \"3\"", "height"},
        {"\"height\": 3", "\"height\": 99999999999", "height"},
        {"\"channels\": 1", "\"channels\": 2", "'channels'"},
        {"\"channels\": 1", "\"colours\": 1", "'channels'"},
        {"\"Mass\",", "", "column 'labels' is a list of float32 of length 7"},
        {"\"Mass\"", "\"Edema\"", "a list of different names"},
        {"\"Mass\"", "5", "a list of different names"},
        {"\"bilinear\"", "\"sinc\"", "'resample'"},
        {"\"multi_label_classification\"", "\"single_label_classification\"", "expected exactly one class"},
        {"\"multi_label_classification\"", "\"ranking\"", "'problem_type'"},
        {"\"policy\": \"patient\"", "\"policy\": \"auto\"", "'policy'"},
        {"\"shared_patients\": 0", "\"shared_patients\": 1", "'shared_patients' is 1, but 0"},
        {"\"hash\": \"", "\"hash\": \"0", "the split's hash is 0"},
        {"\"validation\": 4", "\"validation\": 5", "has 4 rows; expected 5"},
        {"\"validation\": 4", "\"dev\": 4", "'splits'"},
        {"\"splits\": {", "\"splits\": {}, \"x\": {", "'splits'"},
        {"\"format\"", "\"format", "vitrain_dataset.json"},
    };
    write_nih("nih");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        prepare("nih", "edited", VT_SPLIT_PATIENT);
        ASSERT_OK(open_and_close("edited"));
        edit_record("edited", cases[i].from, cases[i].to);
        ASSERT_FAILS(VT_ERROR_INPUT, cases[i].words, open_and_close("edited"));
    }
}

static void a_changed_split_is_noticed(void **state) {
    (void)state;
    write_nih("nih");
    prepare("nih", "leak", VT_SPLIT_RANDOM);
    vt_dataset *dataset;
    ASSERT_OK(vt_dataset_open(test_path("leak"), &dataset));
    assert_true(vt_dataset_get_info(dataset)->shared_patients > 0);
    vt_dataset_close(dataset);
    edit_record("leak", "\"random\"", "\"patient\"");
    ASSERT_FAILS(VT_ERROR_INPUT, "in more than one split, though it was split by 'patient'", open_and_close("leak"));
    prepare("nih", "other", VT_SPLIT_RANDOM);
    char from[1024];
    snprintf(from, sizeof from, "%s", raw_path("other", "train/data-00000-of-00001.arrow"));
    uint8_t *data;
    size_t size;
    ASSERT_OK(vt_read_file(from, 1 << 20, &data, &size));
    uint8_t *name = memmem(data, size, "4_0.png", 7);
    assert_non_null(name);
    name[0] = '8';
    write_test_file(from, data, size);
    free(data);
    ASSERT_FAILS(VT_ERROR_INPUT, "they were changed after they were prepared", open_and_close("other"));
}

static void arrow_files_cut_anywhere_are_refused(void **state) {
    (void)state;
    write_nih("nih");
    prepare("nih", "cut", VT_SPLIT_PATIENT);
    uint8_t *data;
    size_t size;
    char path[1024];
    snprintf(path, sizeof path, "%s", raw_path("cut", "train/data-00000-of-00001.arrow"));
    ASSERT_OK(vt_read_file(path, 1 << 20, &data, &size));
    for (size_t length = 0; length + 8 < size; length += length < 64 ? 1 : 29) { /* the last 8 bytes are only a marker */
        write_test_file(path, data, length);
        ASSERT_FAILS(VT_ERROR_INPUT, "train/", open_and_close("cut"));
    }
    for (size_t at = 0; at < size; at += 7) { /* damaged ones may open or not, but never crash */
        data[at] ^= 0xff;
        write_test_file(path, data, size);
        vt_status status = open_and_close("cut");
        assert_true(status == VT_OK || status == VT_ERROR_INPUT || status == VT_ERROR_UNSUPPORTED);
        data[at] ^= 0xff;
    }
    free(data);
    ASSERT_OK(vt_remove_tree(path));
    ASSERT_FAILS(VT_ERROR_IO, "train/", open_and_close("cut"));
}

static void labels_must_be_finite(void **state) {
    (void)state;
    write_nih("nih");
    prepare("nih", "nan", VT_SPLIT_PATIENT);
    uint8_t *data;
    size_t size;
    char path[1024];
    snprintf(path, sizeof path, "%s", raw_path("nan", "train/data-00000-of-00001.arrow"));
    ASSERT_OK(vt_read_file(path, 1 << 20, &data, &size));
    const float one = 1.0f, nan = __builtin_nanf("");
    uint8_t *at = memmem(data, size, &one, sizeof one);
    assert_non_null(at);
    memcpy(at, &nan, sizeof nan);
    write_test_file(path, data, size);
    free(data);
    ASSERT_FAILS(VT_ERROR_INPUT, "not a finite number", open_and_close("nan"));
}

static void what_is_no_prepared_data_set_is_said_so(void **state) {
    (void)state;
    ASSERT_FAILS(VT_ERROR_IO, "not a prepared data set", open_and_close("nowhere"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inconsistent_records_are_refused),        cmocka_unit_test(a_changed_split_is_noticed),
        cmocka_unit_test(arrow_files_cut_anywhere_are_refused),    cmocka_unit_test(labels_must_be_finite),
        cmocka_unit_test(what_is_no_prepared_data_set_is_said_so),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
