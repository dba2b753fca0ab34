/* vt_check_run(): what is wrong is found, by name, in raw and prepared data sets, and nothing is where nothing is wrong. */
#include "raw_data.h"

#include "base/json.h"
#include "data/source/split.h"
#include "vitrain/check.h"

static vt_check_options options;

static vt_check_options *options_for(const char *root) {
    vt_check_options_init(&options);
    options.data = test_path(root);
    options.threads = 3;
    return &options;
}

/* What a check of `options` found, as JSON; what it said is on the console. */
static json_t *check(int *problems) {
    vt_check *found;
    char *text;
    json_t *root;
    ASSERT_OK(vt_check_run(&options, fresh_console(), &found));
    vt_check_print(found, &test_console);
    ASSERT_OK(vt_check_json(found, &text));
    *problems = vt_check_problems(found);
    vt_check_free(found);
    ASSERT_OK(vt_json_parse(text, strlen(text), "the check", &root));
    free(text);
    return root;
}

/* The value at "a/b/0/c". */
static const json_t *at(const json_t *value, const char *path) {
    char copy[256];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *rest = copy, *key = strsep(&rest, "/"); key; key = strsep(&rest, "/")) {
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(key)) : json_object_get(value, key);
        if (!value) fail_msg("there is no '%s' at '%s'", key, path);
    }
    return value;
}

static void assert_number(const json_t *root, const char *path, int expected) {
    const json_t *value = at(root, path);
    if (!json_is_integer(value) || json_integer_value(value) != expected)
        fail_msg("'%s' is %lld, expected %d", path, json_integer_value(value), expected);
}

static void assert_text(const json_t *root, const char *path, const char *expected) {
    assert_string_equal(json_string_value(at(root, path)), expected);
}

static void assert_size(const json_t *root, const char *path, size_t expected) {
    assert_int_equal(json_array_size(at(root, path)), expected);
}

/* How often a kind of problem was found. */
static int count_of(const json_t *root, const char *kind) {
    size_t i;
    json_t *problem;
    json_array_foreach(json_object_get(root, "problems"), i, problem) {
        if (strcmp(json_string_value(json_object_get(problem, "kind")), kind) == 0)
            return (int)json_integer_value(json_object_get(problem, "count"));
    }
    return 0;
}

static void a_sound_data_set_has_nothing_wrong(void **state) {
    (void)state;
    int problems;
    write_nih("sound");
    options_for("sound")->validation_fraction = 0.3;
    json_t *root = check(&problems);
    assert_int_equal(problems, 0);
    assert_said("nothing is wrong");
    assert_true(json_is_true(at(root, "ok")) && json_is_false(at(root, "prepared")));
    assert_number(root, "decoded", 12);
    assert_text(root, "split/policy", "patient");
    assert_int_equal(json_integer_value(at(root, "images/train")) + json_integer_value(at(root, "images/validation")), 12);
    assert_number(root, "images/test", 0);
    assert_text(root, "labels/5/label", "No Finding");
    assert_int_equal(json_integer_value(at(root, "labels/5/train/positive")) +
                         json_integer_value(at(root, "labels/5/train/negative")),
                     json_integer_value(at(root, "images/train")));
    assert_number(root, "patients/count", 6);
    assert_number(root, "width/median", 9);
    assert_number(root, "sizes/0/images", 12);
    assert_number(root, "kinds/0/depth", 8);
    assert_number(root, "kinds/0/channels", 1);
    assert_size(root, "duplicates", 0);
    assert_number(root, "absent/count", 1); /* 7_0.png */
    assert_text(root, "absent/names/0", "7_0.png");
    assert_number(root, "unlisted/count", 1);
    json_decref(root);
}

static void images_that_cannot_be_decoded_are_named(void **state) {
    (void)state;
    int problems;
    size_t bytes;
    uint8_t *png = make_png(9, 1, 1, &bytes);
    write_nih("bad");
    write_test_file(raw_path("bad", "images/1_1.png"), png, bytes / 2);
    struct archive *archive = begin_archive("bad", "images_001.tar.gz");
    add_png_member(archive, "images/3_1.png", 1, 5);
    add_member(archive, "images/3_2.png", png, bytes - 9);
    add_member(archive, "images/4_0.png", "", 0);
    end_archive(archive);
    free(png);
    options_for("bad");
    json_t *root = check(&problems);
    assert_int_equal(problems, 1);
    assert_int_equal(count_of(root, "corrupt"), 3);
    assert_true(json_is_false(at(root, "ok")));
    assert_text(root, "corrupt/0/file", "1_1.png");
    assert_non_null(strstr(json_string_value(at(root, "corrupt/0/reason")), "cut off"));
    assert_text(root, "corrupt/1/file", "3_2.png");
    assert_text(root, "corrupt/2/file", "4_0.png");
    assert_number(root, "decoded", 9);
    assert_said("wrong: 3 images can't be decoded");
    assert_said("images_001.tar.gz: images/3_2.png");
    json_decref(root);
}

/* Images of two folders: the same in both, twice in one, under two labels, and empty ones, which are no duplicates. */
static void the_same_pixels_are_found_and_told_apart(void **state) {
    (void)state;
    int problems;
    write_png("twice", "train/cat/1.png", 1, 1);
    write_png("twice", "train/cat/2.png", 1, 2);
    write_png("twice", "train/cat/2_again.png", 1, 2);
    write_png("twice", "train/cat/3.png", 1, 3);
    write_png("twice", "train/dog/4.png", 3, 4);
    write_png("twice", "train/dog/3_as_dog.png", 1, 3);
    write_png("twice", "test/cat/1_again.png", 1, 1);
    write_png("twice", "test/dog/5.png", 1, 5);
    options_for("twice");
    json_t *root = check(&problems);
    assert_text(root, "split/policy", "folders");
    assert_int_equal(problems, 2);
    assert_int_equal(count_of(root, "duplicates_across_splits"), 1);
    assert_int_equal(count_of(root, "duplicates_labels_differ"), 1);
    assert_int_equal(count_of(root, "duplicates_across_patients"), 0);
    assert_size(root, "duplicates", 3);
    assert_said("train/cat/3.png");
    assert_said("1 groups of images with the same pixels, each with the same labels and in one split");
    size_t i;
    json_t *group;
    json_array_foreach(at(root, "duplicates"), i, group) {
        const char *first = json_string_value(at(group, "images/0/file"));
        assert_size(group, "images", 2);
        if (strstr(first, "/1")) assert_true(json_is_true(at(group, "across_splits")));
        if (strstr(first, "/2")) assert_true(json_is_false(at(group, "across_splits")));
        if (strstr(first, "/3")) assert_true(json_is_true(at(group, "labels_differ")));
    }
    json_decref(root);
}

static void the_same_bytes_in_another_shape_are_another_image(void **state) {
    (void)state;
    int problems;
    vt_image image = {.width = 6, .height = 2, .channels = 1, .pixels = (uint8_t[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
    for (int i = 0; i < 2; i++) {
        uint8_t *png;
        size_t bytes;
        ASSERT_OK(vt_image_encode_png(&image, &png, &bytes));
        write_test_file(raw_path("shape", i ? "dog/1.png" : "cat/1.png"), png, bytes);
        free(png);
        image.width = 2;
        image.height = 6;
    }
    options_for("shape");
    json_t *root = check(&problems);
    assert_size(root, "duplicates", 0);
    assert_size(root, "sizes", 2);
    assert_number(root, "width/min", 2);
    assert_number(root, "width/max", 6);
    json_decref(root);
}

static void empty_images_are_counted_and_no_duplicates(void **state) {
    (void)state;
    int problems;
    uint8_t grey[16];
    memset(grey, 77, sizeof grey);
    const vt_image image = {.width = 4, .height = 4, .channels = 1, .pixels = grey};
    uint8_t *png;
    size_t bytes;
    ASSERT_OK(vt_image_encode_png(&image, &png, &bytes));
    write_test_file(raw_path("empty", "cat/1.png"), png, bytes);
    write_test_file(raw_path("empty", "dog/1.png"), png, bytes);
    write_png("empty", "dog/2.png", 1, 1);
    free(png);
    options_for("empty");
    json_t *root = check(&problems);
    assert_int_equal(problems, 0);
    assert_number(root, "empty", 2);
    assert_size(root, "duplicates", 0);
    assert_said("perhaps meant: 2 images are empty");
    json_decref(root);
}

static void labels_that_nobody_knows_contradict_none(void **state) {
    (void)state;
    int problems;
    write_text("unknown", "labels.csv",
               "image,Mass,Edema\na.png,1,0\nb.png,,0\nc.png,0,1\nd.png,0,\n"
               "e.png,1,0\nf.png,0,0\n");
    write_png("unknown", "a.png", 1, 1);
    write_png("unknown", "b.png", 1, 1);
    write_png("unknown", "c.png", 1, 2);
    write_png("unknown", "d.png", 1, 3);
    write_png("unknown", "e.png", 1, 4); /* these two do contradict each other */
    write_png("unknown", "f.png", 1, 4);
    options_for("unknown")->validation_fraction = 0.0;
    json_t *root = check(&problems);
    assert_int_equal(problems, 1);
    assert_int_equal(count_of(root, "duplicates_labels_differ"), 1);
    assert_size(root, "duplicates", 2);
    assert_true(json_is_false(at(root, "duplicates/0/labels_differ")));
    assert_true(json_is_true(at(root, "duplicates/1/labels_differ")));
    assert_text(root, "labels/1/label", "Mass");
    assert_number(root, "labels/1/train/unknown", 1);
    assert_number(root, "labels/1/train/positive", 2);
    assert_number(root, "labels/1/train/negative", 3);
    json_decref(root);
}

static void patients_on_both_sides_are_named(void **state) {
    (void)state;
    int problems;
    write_nih("shared");
    write_text("shared", "test_list.txt", "5_0.png\n6_0.png\n6_1.png\n3_2.png\n");
    write_text("shared", "train_val_list.txt", "1_0.png\n1_1.png\n2_0.png\n3_0.png\n3_1.png\n4_0.png\n4_1.png\n6_2.png\n");
    write_png("shared", "images/1_1.png", 1, 9); /* the pixels of 5_0.png */
    options_for("shared")->split = VT_SPLIT_OFFICIAL;
    json_t *root = check(&problems);
    assert_int_equal(count_of(root, "patients_across_splits"), 2);
    assert_int_equal(count_of(root, "patients_across_lists"), 2);
    assert_int_equal(count_of(root, "duplicates_across_patients"), 1);
    assert_int_equal(count_of(root, "duplicates_across_splits"), 1);
    assert_text(root, "patients/across_lists/0/patient", "3");
    assert_text(root, "patients/across_lists/0/in/0", "train");
    assert_text(root, "patients/across_lists/0/in/1", "test");
    assert_said("wrong: 2 patients have images in more than one split");
    assert_said("patient 6:");
    json_decref(root);
    options_for("shared")->split = VT_SPLIT_PATIENT;
    root = check(&problems);
    assert_int_equal(count_of(root, "patients_across_splits"), 0);
    assert_int_equal(count_of(root, "patients_across_lists"), 2);
    assert_int_equal(count_of(root, "duplicates_across_splits"), 1); /* by the lists, if not by the split */
    json_decref(root);
}

static void threads_change_nothing(void **state) {
    (void)state;
    char *expected = NULL;
    write_nih("threads");
    write_png("threads", "images/1_1.png", 1, 9);
    for (int threads = 1; threads <= 8; threads *= 2) {
        vt_check *found;
        char *text;
        options_for("threads")->threads = threads;
        ASSERT_OK(vt_check_run(&options, NULL, &found));
        ASSERT_OK(vt_check_json(found, &text));
        vt_check_free(found);
        if (expected) assert_string_equal(text, expected);
        free(expected);
        expected = text;
    }
    free(expected);
}

static void a_prepared_data_set_is_checked_as_well(void **state) {
    (void)state;
    int problems;
    write_nih("raw");
    write_png("raw", "images/1_1.png", 1, 9); /* the pixels of 5_0.png */
    vt_prepare_options prepare;
    vt_prepare_options_init(&prepare);
    prepare.data = test_path("raw");
    prepare.out = test_path("prepared");
    prepare.image_size = 7;
    prepare.split = VT_SPLIT_OFFICIAL;
    prepare.validation_fraction = 0.3;
    ASSERT_OK(vt_prepare(&prepare, NULL));
    options_for("prepared");
    json_t *root = check(&problems);
    assert_true(json_is_true(at(root, "prepared")));
    assert_text(root, "split/policy", "official");
    assert_number(root, "decoded", 11);
    assert_number(root, "images/test", 3);
    assert_number(root, "width/max", 7);
    assert_int_equal(problems, 3);
    assert_int_equal(count_of(root, "duplicates_across_splits"), 1);
    assert_int_equal(count_of(root, "duplicates_across_patients"), 1);
    assert_int_equal(count_of(root, "duplicates_labels_differ"), 1);
    assert_text(root, "duplicates/0/images/0/file", "1_1.png");
    assert_text(root, "duplicates/0/images/1/patient", "5");
    assert_number(root, "patients/count", 6);
    json_decref(root);
}

static void what_is_no_data_set_is_refused(void **state) {
    (void)state;
    vt_check *found;
    write_text("nothing", "readme.txt", "no images");
    options_for("nothing");
    ASSERT_FAILS(VT_ERROR_INPUT, "not recognised", vt_check_run(&options, NULL, &found));
    assert_null(found);
    options_for("absent");
    ASSERT_FAILS(VT_ERROR_IO, "no such", vt_check_run(&options, NULL, &found));
    options.data = NULL;
    ASSERT_FAILS(VT_ERROR_USAGE, "data", vt_check_run(&options, NULL, &found));
}

static void a_stop_is_heeded(void **state) {
    (void)state;
    vt_check *found;
    write_nih("stop");
    options_for("stop");
    vt_request_stop();
    vt_status status = vt_check_run(&options, NULL, &found);
    vt_clear_stop();
    assert_int_equal(status, VT_ERROR_INTERRUPTED);
    assert_null(found);
}

static void the_real_data_is_read(void **state) {
    (void)state;
    int problems;
    REQUIRE_SHARED(root, "nih");
    options_for("")->data = root;
    json_t *found = check(&problems);
    assert_int_equal(problems, 0);
    assert_number(found, "decoded", 150);
    assert_number(found, "absent/count", 111970);
    assert_number(found, "width/median", 1024);
    json_decref(found);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_data_set_has_nothing_wrong),
        cmocka_unit_test(images_that_cannot_be_decoded_are_named),
        cmocka_unit_test(the_same_pixels_are_found_and_told_apart),
        cmocka_unit_test(the_same_bytes_in_another_shape_are_another_image),
        cmocka_unit_test(empty_images_are_counted_and_no_duplicates),
        cmocka_unit_test(labels_that_nobody_knows_contradict_none),
        cmocka_unit_test(patients_on_both_sides_are_named),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(a_prepared_data_set_is_checked_as_well),
        cmocka_unit_test(what_is_no_data_set_is_refused),
        cmocka_unit_test(a_stop_is_heeded),
        cmocka_unit_test(the_real_data_is_read),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
