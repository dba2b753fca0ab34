/* Opening prepared data sets: what is inconsistent, cut or tampered with is refused with one sentence. */
#define _GNU_SOURCE /* memmem */
#include "raw_data.h"

#include "data/prepared/prepared.h"

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

/* Replaces `from` by `to` in a file of the data set. */
static void edit(const char *name, const char *file, const char *from, const char *to) {
    uint8_t *data;
    size_t size;
    char path[1024], text[8192];
    snprintf(path, sizeof path, "%s", raw_path(name, file));
    ASSERT_OK(vt_read_file(path, 4096, &data, &size));
    char *at = strstr((char *)data, from);
    if (!at) fail_msg("'%s' is not in %s", from, path);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - (char *)data), (char *)data, to, at + strlen(from));
    write_test_file(path, text, strlen(text));
    free(data);
}

static void edit_record(const char *name, const char *from, const char *to) {
    edit(name, VT_DATASET_JSON, from, to);
}

static void inconsistent_records_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *words;
    } cases[] = {
        {"\"vitrain prepared data set\"", "\"something\"", "'format'"},
        {"\"version\": 1", "\"version\": 2", "version"},
        {"\"height\": 3", "\"height\": 4", "'stored' is 3 x 3; expected at least the 4 x 3 of 'image'"},
        {"\"stored\": {\n    \"height\": 3", "\"stored\": {\n    \"height\": 4",
         "column 'pixels' is a list of uint8 of length 9; expected a list of uint8 of length 12"},
        {"\"stored\": {", "\"stored\": 3, \"x\": {", "'stored' is missing or wrong"},
        {"\"stored\": {\n    \"height\": 3", "\"stored\": {\n    \"height\": 0", "height"},
        {"\"height\": 3", "\"height\": \"3\"", "height"},
        {"\"height\": 3", "\"height\": 99999999999", "height"},
        {"\"channels\": 1", "\"channels\": 2", "'channels'"},
        {"\"channels\": 1", "\"colours\": 1", "'channels'"},
        {"\"Mass\",", "", "column 'labels' is a list of float32 of length 7"},
        {"\"Mass\"", "\"Edema\"", "a list of different names"},
        {"\"Mass\"", "5", "a list of different names"},
        {"\"bilinear\"", "\"sinc\"", "'resample'"},
        {"\"full\"", "\"loud\"", "'intensity'"},
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

/* The first label that is 1 becomes `label`. */
static void set_a_label(const char *name, float label) {
    uint8_t *data;
    size_t size;
    char path[1024];
    snprintf(path, sizeof path, "%s", raw_path(name, "train/data-00000-of-00001.arrow"));
    ASSERT_OK(vt_read_file(path, 1 << 20, &data, &size));
    const float one = 1.0f;
    uint8_t *at = memmem(data, size, &one, sizeof one);
    assert_non_null(at);
    memcpy(at, &label, sizeof label);
    write_test_file(path, data, size);
    free(data);
}

static void labels_are_finite_or_unknown(void **state) {
    (void)state;
    write_nih("nih");
    prepare("nih", "labels", VT_SPLIT_PATIENT);
    set_a_label("labels", __builtin_inff());
    ASSERT_FAILS(VT_ERROR_INPUT, "an infinite label", open_and_close("labels"));
    prepare("nih", "labels", VT_SPLIT_PATIENT);
    set_a_label("labels", __builtin_nanf(""));
    ASSERT_OK(open_and_close("labels"));
    write_png("classes", "cat/1.png", 1, 1);
    write_png("classes", "cat/2.png", 1, 2);
    write_png("classes", "dog/3.png", 1, 3);
    prepare("classes", "single", VT_SPLIT_RANDOM);
    ASSERT_OK(open_and_close("single"));
    set_a_label("single", __builtin_nanf(""));
    ASSERT_FAILS(VT_ERROR_INPUT, "expected exactly one class", open_and_close("single"));
}

static void data_sets_without_a_stored_size_open(void **state) {
    (void)state;
    vt_dataset *dataset;
    write_nih("nih");
    prepare("nih", "old", VT_SPLIT_PATIENT);
    edit_record("old", "\"stored\"", "\"unknown to its writer\"");
    ASSERT_OK(vt_dataset_open(test_path("old"), &dataset));
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    assert_int_equal(info->stored_height, 3);
    assert_int_equal(info->stored_width, 3);
    vt_dataset_close(dataset);
}

/* --- shards --- */

/* Rows of 9 pixels and 7 labels are 37 bytes, so 80 bytes hold two. */
static void prepare_shards(const char *out, uint64_t shard_bytes, int threads) {
    vt_prepare_options options;
    vt_prepare_options_init(&options);
    options.data = test_path("nih");
    options.out = test_path(out);
    options.image_size = 3;
    options.split = VT_SPLIT_RANDOM;
    options.validation_fraction = 0.3;
    options.shard_bytes = shard_bytes;
    options.overwrite = 1;
    options.threads = threads;
    ASSERT_OK(vt_prepare(&options, NULL));
}

static void shards_hold_the_rows_in_order(void **state) {
    (void)state;
    vt_dataset *one, *many;
    write_nih("nih");
    prepare_shards("one", 0, 1);
    prepare_shards("many", 100, 1); /* three, three and two rows */
    assert_true(vt_path_exists(raw_path("many", "train/data-00000-of-00003.arrow")));
    assert_true(vt_path_exists(raw_path("many", "train/data-00002-of-00003.arrow")));
    ASSERT_OK(vt_dataset_open(test_path("one"), &one));
    ASSERT_OK(vt_dataset_open(test_path("many"), &many));
    const vt_split *whole = vt_dataset_get_split(one, "train"), *cut = vt_dataset_get_split(many, "train");
    assert_int_equal(vt_split_shard_count(whole), 1);
    assert_int_equal(vt_split_shard_count(cut), 3);
    assert_int_equal(vt_split_size(cut), vt_split_size(whole));
    for (int64_t row = 0; row < vt_split_size(whole); row++) {
        vt_example a = vt_split_get(whole, row), b = vt_split_get(cut, row);
        assert_int_equal(a.file_name_length, b.file_name_length);
        assert_memory_equal(a.file_name, b.file_name, a.file_name_length);
        assert_memory_equal(a.labels, b.labels, 7 * sizeof(float));
        assert_memory_equal(a.pixels, b.pixels, 9);
    }
    vt_dataset_close(one);
    vt_dataset_close(many);
    prepare_shards("many", 1, 1); /* no shard without rows */
    ASSERT_OK(vt_dataset_open(test_path("many"), &many));
    assert_int_equal(vt_split_shard_count(vt_dataset_get_split(many, "train")), 8);
    vt_dataset_close(many);
}

static void threads_write_the_same_bytes(void **state) {
    (void)state;
    vt_strings names = {0};
    write_nih("nih");
    prepare_shards("one", 80, 1);
    prepare_shards("three", 80, 3);
    ASSERT_OK(vt_list_folder(test_path("one/train"), &names));
    assert_int_equal(names.count, 6); /* four shards and their description */
    for (size_t i = 0; i < names.count; i++) {
        uint8_t *a, *b;
        size_t a_size, b_size;
        char path[256];
        snprintf(path, sizeof path, "one/train/%s", names.items[i]);
        ASSERT_OK(vt_read_file(test_path(path), 1 << 20, &a, &a_size));
        snprintf(path, sizeof path, "three/train/%s", names.items[i]);
        ASSERT_OK(vt_read_file(test_path(path), 1 << 20, &b, &b_size));
        assert_int_equal(a_size, b_size);
        assert_memory_equal(a, b, a_size);
        free(a);
        free(b);
    }
    vt_strings_free(&names);
}

static void hostile_lists_of_shards_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *words;
    } cases[] = {
        {"data-00001-of-00004.arrow", "../validation/data-00000-of-00002.arrow", "expected 'data-00001-of-00004.arrow'"},
        {"data-00001-of-00004.arrow", "/etc/passwd", "entry 1 of '_data_files' is '/etc/passwd'"},
        {"data-00001-of-00004.arrow", "data-00000-of-00004.arrow", "entry 1 of '_data_files'"},
        {"\"filename\": \"data-00000-of-00004.arrow\"", "\"name\": 3", "is 'no file name'"},
        {",\n    {\n      \"filename\": \"data-00003-of-00004.arrow\"\n    }", "", "expected 'data-00000-of-00003.arrow'"},
        {"\"_data_files\"", "\"files\"", "'_data_files' is missing or wrong"},
        {"{", "[", "state.json"},
    };
    write_nih("nih");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        prepare_shards("listed", 80, 1);
        edit("listed", "train/state.json", cases[i].from, cases[i].to);
        ASSERT_FAILS(VT_ERROR_INPUT, cases[i].words, open_and_close("listed"));
    }
    prepare_shards("listed", 80, 1);
    ASSERT_OK(vt_remove_tree(raw_path("listed", "train/data-00002-of-00004.arrow")));
    ASSERT_FAILS(VT_ERROR_IO, "data-00002-of-00004.arrow", open_and_close("listed"));
    prepare_shards("listed", 80, 1);
    edit_record("listed", "\"train\": 8", "\"train\": 9");
    ASSERT_FAILS(VT_ERROR_INPUT, "train: has 8 rows; expected 9", open_and_close("listed"));
    ASSERT_OK(vt_remove_tree(raw_path("listed", "train/state.json")));
    ASSERT_FAILS(VT_ERROR_IO, "state.json", open_and_close("listed"));
}

static void images_are_stored_larger_than_models_take_them(void **state) {
    (void)state;
    vt_prepare_options options;
    vt_dataset *dataset;
    write_nih("nih");
    vt_prepare_options_init(&options);
    options.data = test_path("nih");
    options.out = test_path("stored");
    options.image_size = 3;
    options.store_size = 5;
    options.threads = 1;
    ASSERT_OK(vt_prepare(&options, NULL));
    ASSERT_OK(vt_dataset_open(test_path("stored"), &dataset));
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    assert_int_equal(info->height, 3);
    assert_int_equal(info->width, 3);
    assert_int_equal(info->stored_height, 5);
    assert_int_equal(info->stored_width, 5);
    vt_dataset_close(dataset);
    options.store_size = 2;
    options.overwrite = 1;
    ASSERT_FAILS(VT_ERROR_USAGE, "expected at least the image size", vt_prepare(&options, NULL));
}

static void what_is_no_prepared_data_set_is_said_so(void **state) {
    (void)state;
    ASSERT_FAILS(VT_ERROR_IO, "not a prepared data set", open_and_close("nowhere"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inconsistent_records_are_refused),
        cmocka_unit_test(a_changed_split_is_noticed),
        cmocka_unit_test(arrow_files_cut_anywhere_are_refused),
        cmocka_unit_test(labels_are_finite_or_unknown),
        cmocka_unit_test(data_sets_without_a_stored_size_open),
        cmocka_unit_test(shards_hold_the_rows_in_order),
        cmocka_unit_test(threads_write_the_same_bytes),
        cmocka_unit_test(hostile_lists_of_shards_are_refused),
        cmocka_unit_test(images_are_stored_larger_than_models_take_them),
        cmocka_unit_test(what_is_no_prepared_data_set_is_said_so),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
