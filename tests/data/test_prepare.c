/* vt_prepare() from end to end: what comes out, whatever the threads; what is refused; what a failure leaves. */
#include "raw_data.h"

#include "base/threads.h"
#include "data/prepared/prepared.h"
#include <sys/stat.h>
#include <unistd.h>

#define TRAIN_SHARD "data-00000-of-00001.arrow"

static vt_prepare_options options;

/* Options for `root`; both paths live until the next call but seven. */
static vt_prepare_options *options_for(const char *root, const char *out) {
    vt_prepare_options_init(&options);
    options.data = test_path(root);
    options.out = test_path(out);
    options.image_size = 5;
    options.threads = 3;
    return &options;
}

static vt_status prepare(void) {
    return vt_prepare(&options, fresh_console());
}

static vt_dataset *open_prepared(const char *name) {
    vt_dataset *dataset;
    ASSERT_OK(vt_dataset_open(test_path(name), &dataset));
    return dataset;
}

/* Row of `file_name`, or -1. */
static int64_t find_row(const vt_split *split, const char *file_name) {
    for (int64_t i = 0; i < vt_split_size(split); i++) {
        vt_example example = vt_split_get(split, i);
        if (example.file_name_length == strlen(file_name) && memcmp(example.file_name, file_name, strlen(file_name)) == 0)
            return i;
    }
    return -1;
}

/* Asserts that the pixels are those of make_png(9, channels, shade) resized to 5 x 5, with three channels where `rgb`. */
static void assert_pixels(const uint8_t *pixels, int channels, int shade, bool rgb) {
    size_t bytes;
    uint8_t *png = make_png(9, channels, shade, &bytes);
    vt_image image, resized;
    ASSERT_OK(vt_image_decode(png, bytes, "made", &image));
    ASSERT_OK(vt_image_resize(&image, 5, 5, VT_RESAMPLE_BILINEAR, &resized));
    if (rgb) ASSERT_OK(vt_image_to_rgb(&resized));
    assert_memory_equal(pixels, resized.pixels, (size_t)(5 * 5 * resized.channels));
    vt_image_free(&image);
    vt_image_free(&resized);
    free(png);
}

static void assert_same_file(const char *a, const char *b, const char *name) {
    uint8_t *left, *right;
    size_t left_size, right_size;
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", test_path(a), name);
    ASSERT_OK(vt_read_file(path, 1 << 24, &left, &left_size));
    snprintf(path, sizeof path, "%s/%s", test_path(b), name);
    ASSERT_OK(vt_read_file(path, 1 << 24, &right, &right_size));
    assert_int_equal(left_size, right_size);
    assert_memory_equal(left, right, left_size);
    free(left);
    free(right);
}

static void assert_nothing_beside(const char *out) {
    char path[512];
    snprintf(path, sizeof path, "%s.partial", test_path(out));
    assert_false(vt_path_exists(path));
    snprintf(path, sizeof path, "%s.before", test_path(out));
    assert_false(vt_path_exists(path));
}

static void the_nih_layout_becomes_a_data_set(void **state) {
    (void)state;
    write_nih("nih");
    options_for("nih", "nih-out")->split = VT_SPLIT_OFFICIAL;
    options.validation_fraction = 0.3;
    options.write_metadata = 1;
    ASSERT_OK(prepare());
    assert_said("images of 5 x 5 (bilinear) will take");
    assert_said("7 labels: ['Cardiomegaly', 'Edema', 'Effusion', 'Hernia', 'Mass', 'No Finding', 'Nodule']");
    assert_said("1 images are in neither official list");
    vt_dataset *dataset = open_prepared("nih-out");
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    assert_int_equal(info->num_labels, 7);
    assert_string_equal(info->label_names[2], "Effusion");
    assert_int_equal(info->channels, 1);
    assert_int_equal(info->height, 5);
    assert_int_equal(info->resample, VT_RESAMPLE_BILINEAR);
    assert_int_equal(info->split_policy, VT_SPLIT_OFFICIAL);
    assert_string_equal(info->problem_type, "multi_label_classification");
    assert_true(info->patients_known && info->shared_patients == 0);
    const vt_split *train = vt_dataset_get_split(dataset, "train"), *test = vt_dataset_get_split(dataset, "test");
    const vt_split *validation = vt_dataset_get_split(dataset, "validation");
    assert_int_equal(vt_split_size(train) + vt_split_size(validation), 8);
    assert_int_equal(vt_split_size(test), 3);
    assert_null(vt_dataset_get_split(dataset, "eval"));
    vt_example example = vt_split_get(test, 0);
    assert_memory_equal(example.file_name, "5_0.png", 7);
    assert_memory_equal(example.patient_id, "5", 1);
    assert_memory_equal(example.labels, ((float[]){0, 0, 0, 0, 1, 0, 1}), 7 * sizeof(float));
    assert_pixels(example.pixels, 1, 9, false);
    const vt_split *with = find_row(train, "4_1.png") >= 0 ? train : validation; /* "../../4_1.png" of the archive */
    assert_pixels(vt_split_get(with, find_row(with, "4_1.png")).pixels, 1, 8, false);
    vt_dataset_close(dataset);
    uint8_t *text;
    size_t size;
    ASSERT_OK(vt_read_file(raw_path("nih-out", "metadata.jsonl"), 1 << 20, &text, &size));
    assert_memory_equal(text, "{\"file_name\":\"1_0.png\",\"labels\":[1,0,0,0,0,0,0]}\n", 49);
    free(text);
    assert_nothing_beside("nih-out");
}

static void an_absent_image_leaves_the_others_theirs(void **state) {
    (void)state;
    write_nih("gap");
    ASSERT_OK(vt_remove_tree(test_path("gap/images/1_0.png"))); /* the first of the list */
    options_for("gap", "gap-out")->validation_fraction = 0.0;
    ASSERT_OK(prepare());
    assert_said("warning: 2 listed images are absent, such as '1_0.png', '7_0.png'");
    vt_dataset *dataset = open_prepared("gap-out");
    const vt_split *train = vt_dataset_get_split(dataset, "train");
    assert_int_equal(vt_split_size(train), 12 - 1);
    assert_int_equal(find_row(train, "1_0.png"), -1);
    assert_pixels(vt_split_get(train, find_row(train, "1_1.png")).pixels, 1, 2, false);
    assert_pixels(vt_split_get(train, find_row(train, "6_2.png")).pixels, 1, 12, false);
    vt_dataset_close(dataset);
}

static void threads_change_no_byte(void **state) {
    (void)state;
    static const int counts[] = {1, 2, 7};
    static const char *const files[] = {VT_DATASET_JSON,    "dataset_dict.json",       "train/data-00000-of-00001.arrow",
                                        "train/state.json", "train/dataset_info.json", "validation/data-00000-of-00001.arrow"};
    write_nih("threads");
    options_for("threads", "threads-0")->validation_fraction = 0.2;
    ASSERT_OK(prepare());
    for (int i = 0; i < 3; i++) {
        options_for("threads", "threads-1")->validation_fraction = 0.2;
        options.overwrite = 1;
        options.threads = counts[i];
        ASSERT_OK(prepare());
        for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) assert_same_file("threads-0", "threads-1", files[f]);
    }
}

static void one_colour_image_makes_all_of_them_rgb(void **state) {
    (void)state;
    write_png("mixed", "cat/1.png", 1, 1);
    write_png("mixed", "dog/1.png", 3, 2);
    write_png("mixed", "dog/2.png", 1, 3);
    options_for("mixed", "mixed-out")->validation_fraction = 0.0;
    ASSERT_OK(prepare());
    vt_dataset *dataset = open_prepared("mixed-out");
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    assert_int_equal(info->channels, 3);
    assert_string_equal(info->problem_type, "single_label_classification");
    assert_int_equal(info->split_policy, VT_SPLIT_RANDOM);
    assert_false(info->patients_known);
    const vt_split *train = vt_dataset_get_split(dataset, "train");
    assert_null(vt_dataset_get_split(dataset, "validation"));
    assert_pixels(vt_split_get(train, 0).pixels, 1, 1, true);
    assert_pixels(vt_split_get(train, 1).pixels, 3, 2, true);
    assert_pixels(vt_split_get(train, 2).pixels, 1, 3, true);
    assert_int_equal(vt_split_get(train, 0).patient_id_length, 0);
    vt_dataset_close(dataset);
}

static void a_random_split_says_how_many_patients_it_shares(void **state) {
    (void)state;
    write_nih("random");
    options_for("random", "random-out")->split = VT_SPLIT_RANDOM;
    options.validation_fraction = 0.5;
    ASSERT_OK(prepare());
    assert_said("patients have images in more than one split");
    vt_dataset *dataset = open_prepared("random-out");
    assert_true(vt_dataset_get_info(dataset)->shared_patients > 0);
    vt_dataset_close(dataset);
}

static void the_first_bad_image_is_named_or_all_are_skipped(void **state) {
    (void)state;
    size_t bytes;
    uint8_t *png = make_png(9, 1, 1, &bytes);
    write_nih("bad");
    write_test_file(raw_path("bad", "images/1_1.png"), png, bytes / 2);
    struct archive *archive = begin_archive("bad", "images_001.tar.gz");
    add_png_member(archive, "images/3_1.png", 1, 5);
    add_member(archive, "images/3_2.png", png, bytes - 9);
    add_member(archive, "images/4_0.png", "", 0);
    end_archive(archive);
    for (int threads = 1; threads <= 4; threads++) {
        options_for("bad", "bad-out")->threads = threads;
        ASSERT_FAILS(VT_ERROR_INPUT, "--on-bad-image skip would pass over it", prepare());
        assert_false(vt_path_exists(test_path("bad-out")));
    }
    options_for("bad", "bad-out")->bad_image = VT_BAD_IMAGE_SKIP;
    ASSERT_OK(prepare());
    assert_said("images_001.tar.gz: images/3_2.png");
    assert_said("images_001.tar.gz: images/4_0.png");
    assert_said("3 bad images were skipped");
    vt_dataset *dataset = open_prepared("bad-out");
    int64_t left = vt_split_size(vt_dataset_get_split(dataset, "train"));
    const vt_split *validation = vt_dataset_get_split(dataset, "validation");
    assert_int_equal(left + (validation ? vt_split_size(validation) : 0), 9);
    vt_dataset_close(dataset);
    write_test_file(raw_path("allbad", "cat/1.png"), png, bytes / 2);
    options_for("allbad", "allbad-out")->bad_image = VT_BAD_IMAGE_SKIP;
    ASSERT_FAILS(VT_ERROR_INPUT, "no training image is left", prepare());
    free(png);
}

static void what_is_there_is_not_lost(void **state) {
    (void)state;
    write_nih("keep");
    write_text("precious", "thesis.txt", "years of work");
    options_for("keep", "precious")->overwrite = 1;
    ASSERT_FAILS(VT_ERROR_USAGE, "neither empty nor a prepared data set", prepare());
    assert_true(vt_path_exists(raw_path("precious", "thesis.txt")));
    options_for("keep", "precious/thesis.txt");
    ASSERT_FAILS(VT_ERROR_USAGE, "is a file", prepare());
    ASSERT_OK(vt_make_folders(test_path("empty")));
    options_for("keep", "empty");
    ASSERT_OK(prepare());
    ASSERT_FAILS(VT_ERROR_USAGE, "ask to overwrite", prepare());
    options.overwrite = 1;
    options.labels.keep = "Unicorn";
    ASSERT_FAILS(VT_ERROR_USAGE, "unknown label 'Unicorn'", prepare());
    vt_dataset_close(open_prepared("empty"));
    assert_nothing_beside("empty");
    options.labels.keep = "Effusion";
    ASSERT_OK(prepare());
    vt_dataset *dataset = open_prepared("empty");
    assert_int_equal(vt_dataset_get_info(dataset)->num_labels, 1);
    vt_dataset_close(dataset);
    assert_nothing_beside("empty");
}

/* A run that failed on its last image goes on from the others, once that is mended, at any number of threads. */
static void the_same_command_goes_on_where_it_stopped(void **state) {
    (void)state;
    write_nih("go-on");
    options_for("go-on", "go-on-whole")->validation_fraction = 0.2;
    ASSERT_OK(prepare());
    for (int threads = 1; threads <= 5; threads += 2) {
        write_text("go-on", "images/3_0.png", "broken");
        options_for("go-on", "go-on-out")->validation_fraction = 0.2;
        options.threads = threads;
        options.overwrite = 1;
        ASSERT_FAILS(VT_ERROR_INPUT, "and the same command goes on from there", prepare());
        assert_non_null(strstr(vt_error_message(), "go-on-out.partial"));
        options_for("go-on", "go-on-out")->labels.keep = "Unicorn"; /* what is refused early harms nothing */
        options.overwrite = 1;
        ASSERT_FAILS(VT_ERROR_USAGE, "unknown label 'Unicorn'", prepare());
        write_png("go-on", "images/3_0.png", 1, 4);
        options_for("go-on", "go-on-out")->validation_fraction = 0.2;
        options.overwrite = 1;
        options.threads = threads + 1;
        ASSERT_OK(prepare());
        assert_said("resuming: ");
        assert_nothing_beside("go-on-out");
        assert_same_file("go-on-whole", "go-on-out", VT_DATASET_JSON);
        assert_same_file("go-on-whole", "go-on-out", "train/" TRAIN_SHARD);
    }
}

/* An archive that changed between two runs is read again. */
static void what_changed_between_runs_is_read_again(void **state) {
    (void)state;
    write_nih("changed");
    write_text("changed", "images/3_0.png", "broken");
    options_for("changed", "changed-out")->bad_image = VT_BAD_IMAGE_FAIL;
    options.threads = 1;
    ASSERT_FAILS(VT_ERROR_INPUT, "images/3_0.png", prepare());
    write_png("changed", "images/1_0.png", 1, 77);
    write_png("changed", "images/3_0.png", 1, 4);
    ASSERT_OK(prepare());
    options.out = test_path("changed-whole");
    ASSERT_OK(prepare());
    assert_same_file("changed-whole", "changed-out", "train/" TRAIN_SHARD);
}

static void a_stop_leaves_nothing(void **state) {
    (void)state;
    write_nih("stop");
    options_for("stop", "stop-out");
    vt_request_stop();
    vt_status status = prepare();
    vt_clear_stop();
    assert_int_equal(status, VT_ERROR_INTERRUPTED);
    assert_false(vt_path_exists(test_path("stop-out")));
    assert_nothing_beside("stop-out");
}

static void what_an_interrupted_run_left_is_cleared(void **state) {
    (void)state;
    write_nih("left");
    write_text("left-out.partial", "train/data.arrow", "half");
    options_for("left", "left-out");
    ASSERT_OK(prepare());
    assert_false(vt_path_exists(raw_path("left-out", "train/data.arrow")));
    assert_nothing_beside("left-out");
}

static void folders_of_others_beside_the_result_are_left_alone(void **state) {
    (void)state;
    static const char *const beside[] = {"other-out.partial", "other-out.before"};
    write_nih("other");
    for (int i = 0; i < 2; i++) {
        write_text(beside[i], "thesis.txt", "years of work");
        options_for("other", "other-out");
        ASSERT_FAILS(VT_ERROR_USAGE, "holds 'thesis.txt'", prepare());
        assert_true(vt_path_exists(raw_path(beside[i], "thesis.txt")));
        ASSERT_OK(vt_remove_tree(test_path(beside[i])));
    }
}

static void a_folder_that_cannot_be_written_is_said_so(void **state) {
    (void)state;
    if (geteuid() == 0) {
        print_message("skipped: root may write anywhere\n");
        skip();
    }
    write_nih("locked");
    ASSERT_OK(vt_make_folders(test_path("read-only")));
    assert_int_equal(chmod(test_path("read-only"), 0555), 0);
    options_for("locked", "read-only/out");
    ASSERT_FAILS(VT_ERROR_IO, "read-only/out", prepare());
    assert_int_equal(chmod(test_path("read-only"), 0755), 0);
}

static void a_place_that_is_no_folder_is_said_so(void **state) {
    (void)state;
    write_nih("place");
    write_text("place-file", "a", "");
    options_for("place", "place-file/a/out");
    ASSERT_FAILS(VT_ERROR_IO, "place-file/a", prepare());
    options_for("place", "x")->out = "/proc/vitrain/out";
    ASSERT_FAILS(VT_ERROR_IO, "/proc/vitrain", prepare());
}

static void options_that_make_no_sense_are_refused(void **state) {
    (void)state;
    write_nih("sense");
    options_for("sense", "sense-out")->validation_fraction = 1.0;
    ASSERT_FAILS(VT_ERROR_USAGE, "validation_fraction", prepare());
    options_for("sense", "sense-out")->validation_fraction = -0.1;
    ASSERT_FAILS(VT_ERROR_USAGE, "validation_fraction", prepare());
    options_for("sense", "sense-out")->image_size = 1 << 20;
    ASSERT_FAILS(VT_ERROR_USAGE, "image_size", prepare());
    options_for("sense", "sense-out")->resample = 6;
    ASSERT_FAILS(VT_ERROR_USAGE, "resample", prepare());
    options_for("sense", "sense-out")->intensity = (vt_intensity)2;
    ASSERT_FAILS(VT_ERROR_USAGE, "intensity", prepare());
    options_for("sense", "sense-out")->model = test_path("sense");
    ASSERT_FAILS(VT_ERROR_IO, "preprocessor_config.json", prepare());
    options_for("sense", "sense-out")->data = NULL;
    ASSERT_FAILS(VT_ERROR_USAGE, "data", prepare());
    options_for("sense", "sense-out")->split = VT_SPLIT_FOLDERS;
    ASSERT_FAILS(VT_ERROR_USAGE, "has no train/", prepare());
}

static void the_models_preprocessor_decides(void **state) {
    (void)state;
    write_nih("model");
    write_text("a-model", "preprocessor_config.json", "{\"size\": {\"height\": 6, \"width\": 4}, \"resample\": 3}");
    options_for("model", "model-out")->image_size = 0;
    options.model = test_path("a-model");
    ASSERT_OK(prepare());
    vt_dataset *dataset = open_prepared("model-out");
    assert_int_equal(vt_dataset_get_info(dataset)->height, 6);
    assert_int_equal(vt_dataset_get_info(dataset)->width, 4);
    assert_int_equal(vt_dataset_get_info(dataset)->resample, VT_RESAMPLE_BICUBIC);
    vt_dataset_close(dataset);
}

static void the_real_data_is_read(void **state) {
    (void)state;
    REQUIRE_SHARED(root, "nih");
    options_for("", "real-out")->data = root;
    options.split = VT_SPLIT_OFFICIAL;
    options.image_size = 32;
    ASSERT_OK(prepare());
    assert_said("lists 112,120 images; there are 2 archives (55.9 MB)");
    assert_said(" images, 55.9 MB to read");
    assert_said("warning: 111,970 listed images are absent");
    vt_dataset *dataset = open_prepared("real-out");
    assert_int_equal(vt_dataset_get_info(dataset)->num_labels, 15);
    assert_int_equal(vt_dataset_get_info(dataset)->channels, 1);
    vt_dataset_close(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nih_layout_becomes_a_data_set),
        cmocka_unit_test(an_absent_image_leaves_the_others_theirs),
        cmocka_unit_test(threads_change_no_byte),
        cmocka_unit_test(one_colour_image_makes_all_of_them_rgb),
        cmocka_unit_test(a_random_split_says_how_many_patients_it_shares),
        cmocka_unit_test(the_first_bad_image_is_named_or_all_are_skipped),
        cmocka_unit_test(what_is_there_is_not_lost),
        cmocka_unit_test(the_same_command_goes_on_where_it_stopped),
        cmocka_unit_test(what_changed_between_runs_is_read_again),
        cmocka_unit_test(a_stop_leaves_nothing),
        cmocka_unit_test(what_an_interrupted_run_left_is_cleared),
        cmocka_unit_test(folders_of_others_beside_the_result_are_left_alone),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_said_so),
        cmocka_unit_test(a_place_that_is_no_folder_is_said_so),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(the_models_preprocessor_decides),
        cmocka_unit_test(the_real_data_is_read),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
