/* MedMNIST's .npz files from end to end: what is recognised, how labels are read, the rows as images, and what is refused. */
#include "raw_data.h"

#include "data/source/source.h"
#include "data/stream/npz_images.h"
#include "data/stream/stream.h"
#include <math.h>
#include <unistd.h>

static vt_source source;
static vt_label_options label_options;

static vt_status open_source(const char *path) {
    vt_source_free(&source);
    return vt_source_open(path, &label_options, fresh_console(), &source);
}

static int close_source(void **state) {
    (void)state;
    vt_source_free(&source);
    label_options = (vt_label_options){0};
    return 0;
}

static void copy_golden(const char *name, const char *to) {
    uint8_t *data;
    size_t size;
    ASSERT_OK(vt_read_file(golden_path(name), 1 << 16, &data, &size));
    write_test_file(to, data, size);
    free(data);
}

/* "A|C?" of an item: its labels, and with a question mark those that are unknown. */
static const char *labels_of(size_t item) {
    static char text[256];
    const vt_item *of = &source.items[item];
    text[0] = '\0';
    for (size_t i = 0; i < of->label_count; i++) {
        strcat(text, *text ? "|" : "");
        strcat(text, source.labels.items[source.label_ids[of->first_label + i]]);
    }
    for (size_t i = 0; i < of->unknown_count; i++) {
        strcat(text, *text ? "|" : "");
        strcat(text, source.labels.items[source.unknown_ids[of->first_unknown + i]]);
        strcat(text, "?");
    }
    return text;
}

/* The golden arrays of images: value i is 7 i modulo 251. */
static void assert_row(const vt_image *image, int64_t row) {
    size_t size = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    for (size_t i = 0; i < size; i++) assert_int_equal(image->pixels[i], ((size_t)row * size + i) * 7 % 251);
}

static void test_classes(void **state) {
    (void)state;
    static const char *const names[] = {"train/000000", "train/000001", "train/000002", "train/000003",
                                        "train/000004", "val/000000",   "val/000001",   "test/000000"};
    static const char *const classes[] = {"LABEL_2", "LABEL_0", "LABEL_1", "LABEL_2",
                                          "LABEL_0", "LABEL_1", "LABEL_0", "LABEL_2"};
    ASSERT_OK(open_source(golden_path("npz_classes.npz")));
    assert_said("MedMNIST's arrays: 8 images, 3 classes, which the file doesn't name");
    assert_int_equal(source.count, 8);
    assert_true(source.single_label && source.has_folders && !source.patients_known);
    assert_int_equal(source.labels.count, 3);
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(source.items[i].file_name, names[i]);
        assert_string_equal(labels_of(i), classes[i]);
        assert_int_equal(source.items[i].part, i < 5 ? VT_PART_TRAIN : i < 7 ? VT_PART_VALIDATION : VT_PART_TEST);
        assert_int_equal(source.items[i].file, i);
    }
    assert_int_equal(source.files.container_count, 3);
    assert_int_equal(source.files.containers[1].first_file, 5);
    assert_int_equal(source.files.containers[1].rows, 2);
    assert_int_equal(source.files.containers[1].bytes, 2 * 6 * 4 * 3);
}

static void test_labels_that_nobody_knows(void **state) {
    (void)state;
    static const char *const ignored[] = {"LABEL_0|LABEL_2?",           "",        "LABEL_1|LABEL_2|LABEL_0?",
                                          "LABEL_0?|LABEL_1?|LABEL_2?", "LABEL_1", "LABEL_0|LABEL_1|LABEL_2"};
    static const char *const settled[] = {"LABEL_0", "", "LABEL_0|LABEL_1|LABEL_2", "", "LABEL_1", "LABEL_0|LABEL_1|LABEL_2"};
    ASSERT_OK(open_source(golden_path("npz_labels.npz")));
    assert_said("6 images, 3 labels per image");
    assert_false(source.single_label);
    for (size_t i = 0; i < 6; i++) assert_string_equal(labels_of(i), ignored[i]);
    label_options.uncertain = VT_UNKNOWN_ONE;
    label_options.missing = VT_UNKNOWN_ZERO;
    ASSERT_OK(open_source(golden_path("npz_labels.npz")));
    for (size_t i = 0; i < 6; i++) assert_string_equal(labels_of(i), settled[i]);
}

static void test_labels_may_be_classes(void **state) {
    (void)state;
    label_options.single_label = 1;
    ASSERT_FAILS(VT_ERROR_INPUT, "'train/000002' (row 2 of its list) has the labels 'LABEL_1' and 'LABEL_2'; expected one",
                 open_source(golden_path("npz_labels.npz")));
    ASSERT_OK(open_source(golden_path("npz_classes.npz")));
    assert_int_equal(source.count, 8);
}

static void test_published_names_keep_their_order(void **state) {
    (void)state;
    int count;
    copy_golden("npz_classes.npz", test_path("pathmnist_64.npz"));
    ASSERT_OK(open_source(test_path("pathmnist_64.npz")));
    assert_said("9 classes, named as published");
    assert_int_equal(source.labels.count, 9);
    assert_string_equal(source.labels.items[5], "smooth muscle");
    assert_string_equal(source.labels.items[6], "normal colon mucosa");
    assert_string_equal(labels_of(0), "debris");
    copy_golden("npz_classes.npz", test_path("breastmnist.npz")); /* has two classes, not three */
    ASSERT_OK(open_source(test_path("breastmnist.npz")));
    assert_string_equal(labels_of(0), "LABEL_2");
    assert_string_equal(vt_medmnist_labels("a/chestmnist_224.npz", &count)[13], "hernia");
    assert_int_equal(count, 14);
    assert_string_equal(vt_medmnist_labels("organsmnist.npz", &count)[10], "spleen");
    assert_null(vt_medmnist_labels("organmnist3d.npz", &count));
    assert_null(vt_medmnist_labels("pathmnistic.npz", &count));
}

static void test_a_folder_stands_for_its_only_file(void **state) {
    (void)state;
    copy_golden("npz_classes.npz", raw_path("folder", "a.npz"));
    ASSERT_OK(open_source(test_path("folder")));
    assert_int_equal(source.count, 8);
    copy_golden("npz_classes.npz", raw_path("folder", "b.npz"));
    ASSERT_FAILS(VT_ERROR_INPUT, "has 2 .npz files in it; name the one", open_source(test_path("folder")));
    ASSERT_FAILS(VT_ERROR_IO, "MedMNIST .npz file", open_source(golden_path("metrics.json")));
    label_options.label_columns = "a,b";
    ASSERT_FAILS(VT_ERROR_USAGE, "has its labels in it", open_source(golden_path("npz_classes.npz")));
}

static void test_rows_are_images(void **state) {
    (void)state;
    vt_stream *stream;
    vt_stream_member member;
    vt_stream_image out;
    int more;
    ASSERT_OK(open_source(golden_path("npz_classes.npz")));
    const vt_container *train = &source.files.containers[0];
    ASSERT_OK(vt_stream_open(train, &stream));
    for (int64_t row = 0; row < 5; row++) {
        ASSERT_OK(vt_stream_next(stream, &member, &more));
        assert_true(more && member.row == row && !member.path);
        if (row % 2) continue; /* passed over */
        ASSERT_OK(vt_stream_read(stream, &out));
        assert_true(!out.data && !out.file && out.image.width == 4 && out.image.height == 6 && out.image.channels == 3);
        assert_row(&out.image, row);
        assert_int_equal(vt_stream_position(stream), (uint64_t)(row + 1) * 6 * 4 * 3);
        vt_stream_image_free(&out);
    }
    ASSERT_OK(vt_stream_next(stream, &member, &more));
    assert_int_equal(more, 0);
    assert_int_equal(vt_stream_position(stream), train->bytes);
    vt_stream_close(stream);
}

static void assert_prepared_rows(const vt_split *split, int64_t rows, int channels) {
    assert_int_equal(vt_split_size(split), rows);
    for (int64_t row = 0; row < rows; row++) {
        vt_image image = {.width = channels == 3 ? 4 : 6, .height = channels == 3 ? 6 : 4, .channels = channels}, resized;
        size_t size = (size_t)(4 * 6 * channels);
        image.pixels = malloc(size);
        assert_non_null(image.pixels);
        for (size_t i = 0; i < size; i++) image.pixels[i] = (uint8_t)(((size_t)row * size + i) * 7 % 251);
        ASSERT_OK(vt_image_resize(&image, 8, 8, VT_RESAMPLE_BILINEAR, &resized));
        assert_memory_equal(vt_split_get(split, row).pixels, resized.pixels, (size_t)(8 * 8 * channels));
        vt_image_free(&image);
        vt_image_free(&resized);
    }
}

static void test_prepared(void **state) {
    (void)state;
    vt_prepare_options options;
    vt_dataset *dataset;
    vt_prepare_options_init(&options);
    options.image_size = 8;
    options.data = golden_path("npz_classes.npz");
    options.out = test_path("classes");
    ASSERT_OK(vt_prepare(&options, fresh_console()));
    ASSERT_OK(vt_dataset_open(options.out, &dataset));
    assert_string_equal(vt_dataset_get_info(dataset)->problem_type, "single_label_classification");
    assert_prepared_rows(vt_dataset_get_split(dataset, "train"), 5, 3);
    assert_prepared_rows(vt_dataset_get_split(dataset, "validation"), 2, 3);
    assert_prepared_rows(vt_dataset_get_split(dataset, "test"), 1, 3);
    vt_dataset_close(dataset);

    options.data = golden_path("npz_labels.npz");
    options.out = test_path("labels");
    options.validation_fraction = 0;
    ASSERT_OK(vt_prepare(&options, fresh_console()));
    ASSERT_OK(vt_dataset_open(options.out, &dataset));
    const vt_split *train = vt_dataset_get_split(dataset, "train");
    assert_prepared_rows(train, 4, 1);
    const float *first = vt_split_get(train, 0).labels, *third = vt_split_get(train, 2).labels;
    assert_true(first[0] == 1 && first[1] == 0 && isnan(first[2]));
    assert_true(isnan(third[0]) && third[1] == 1 && third[2] == 1);
    vt_dataset_close(dataset);
}

/* --- refusals: files made here, of arrays of zeros --- */

static struct archive *begin_npz(const char *path) {
    struct archive *archive = archive_write_new();
    assert_int_equal(archive_write_set_format_zip(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    return archive;
}

/* Adds an array of `values` [size]; shape is such as "(2, 3)". */
static void add_array(struct archive *archive, const char *name, const char *type, const char *shape, const void *values,
                      size_t size) {
    char member[64];
    uint8_t data[4096] = "\x93NUMPY\1";
    int length = snprintf((char *)data + 10, 256, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", type, shape);
    data[8] = (uint8_t)length;
    if (size > 0) memcpy(data + 10 + length, values, size);
    snprintf(member, sizeof member, "%s.npy", name);
    add_member(archive, member, data, 10 + (size_t)length + size);
}

/* A file of train_images and train_labels alone. */
static const char *make_npz(const char *image_type, const char *image_shape, size_t image_bytes, const char *label_type,
                            const char *label_shape, const void *labels, size_t label_bytes) {
    static const uint8_t zeros[2048];
    const char *path = test_path("made.npz");
    struct archive *archive = begin_npz(path);
    add_array(archive, "train_images", image_type, image_shape, zeros, image_bytes);
    add_array(archive, "train_labels", label_type, label_shape, labels, label_bytes);
    end_archive(archive);
    return path;
}

static void test_other_arrays_are_refused(void **state) {
    (void)state;
    static const uint8_t classes[] = {0, 1, 2};
    ASSERT_OK(open_source(make_npz("|u1", "(2, 3, 4, 1)", 24, "|u1", "(2,)", classes, 2)));
    assert_int_equal(source.count, 2);
    ASSERT_FAILS(VT_ERROR_UNSUPPORTED, "shape (2, 4, 4, 4): a three-dimensional set",
                 open_source(make_npz("|u1", "(2, 4, 4, 4)", 128, "|u1", "(2, 1)", classes, 2)));
    ASSERT_FAILS(VT_ERROR_UNSUPPORTED, "values of type float32; expected images",
                 open_source(make_npz("<f4", "(2, 4, 4)", 128, "|u1", "(2, 1)", classes, 2)));
    ASSERT_FAILS(VT_ERROR_UNSUPPORTED, "has the shape (2, 16)",
                 open_source(make_npz("|u1", "(2, 16)", 32, "|u1", "(2, 1)", classes, 2)));
    ASSERT_FAILS(VT_ERROR_INPUT, "sides of images are limited",
                 open_source(make_npz("|u1", "(2, 0, 4)", 0, "|u1", "(2, 1)", classes, 2)));
    ASSERT_FAILS(VT_ERROR_INPUT, "array 'train_labels': has the shape (3, 1); expected (2, 1) for classes",
                 open_source(make_npz("|u1", "(2, 3, 4)", 24, "|u1", "(3, 1)", classes, 3)));
    ASSERT_FAILS(VT_ERROR_INPUT, "holds 24 bytes of values, but its shape asks for 24000000",
                 open_source(make_npz("|u1", "(2000000, 3, 4)", 24, "|u1", "(2, 1)", classes, 2)));
    ASSERT_FAILS(VT_ERROR_INPUT, "has 'train_images'", ({
                     struct archive *archive = begin_npz(test_path("half.npz"));
                     add_array(archive, "train_images", "|u1", "(1, 1, 1)", classes, 1);
                     end_archive(archive);
                     open_source(test_path("half.npz"));
                 }));
}

static void test_values_that_are_no_labels(void **state) {
    (void)state;
    static const float halves[] = {0.5f, 1}, unknown[] = {NAN, 1}, hot[] = {0, 1, 2, 0};
    static const int64_t large[] = {65536, 0}, uncertain[] = {-1, 1};
    ASSERT_FAILS(VT_ERROR_INPUT, "'train_labels': row 0: 0.5 is no class",
                 open_source(make_npz("|u1", "(2, 3, 4)", 24, "<f4", "(2, 1)", halves, sizeof halves)));
    ASSERT_FAILS(VT_ERROR_INPUT, "row 0: 65536 is no class",
                 open_source(make_npz("|u1", "(2, 3, 4)", 24, "<i8", "(2, 1)", large, sizeof large)));
    ASSERT_FAILS(VT_ERROR_INPUT, "'LABEL_0' is 2; expected 0, 1",
                 open_source(make_npz("|u1", "(2, 3, 4)", 24, "<f4", "(2, 2)", hot, sizeof hot)));
    ASSERT_OK(open_source(make_npz("|u1", "(2, 3, 4)", 24, "<f4", "(2, 1)", unknown, sizeof unknown)));
    assert_said("warning: 1 images have no class and are left out");
    assert_int_equal(source.count, 1);
    assert_string_equal(source.items[0].file_name, "train/000001");
    ASSERT_OK(open_source(make_npz("|u1", "(2, 3, 4)", 24, "<i8", "(2, 1)", uncertain, sizeof uncertain)));
    assert_int_equal(source.count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_classes, close_source),
        cmocka_unit_test_teardown(test_labels_that_nobody_knows, close_source),
        cmocka_unit_test_teardown(test_labels_may_be_classes, close_source),
        cmocka_unit_test_teardown(test_published_names_keep_their_order, close_source),
        cmocka_unit_test_teardown(test_a_folder_stands_for_its_only_file, close_source),
        cmocka_unit_test_teardown(test_rows_are_images, close_source),
        cmocka_unit_test_teardown(test_prepared, close_source),
        cmocka_unit_test_teardown(test_other_arrays_are_refused, close_source),
        cmocka_unit_test_teardown(test_values_that_are_no_labels, close_source),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failed;
}
