/* Data sets saved by Hugging Face's datasets: what is read from tests/golden/hf, which tools/golden/hf.py makes, and what of
 * damaged copies is refused. */
#include "raw_data.h"

#include "data/source/source.h"
#include "data/stream/decode.h"
#include "data/stream/stream.h"
#include "formats/arrow.h"
#include <unistd.h>

static vt_source source;
static vt_label_options options;

static vt_status open_path(const char *path) {
    vt_source_free(&source);
    return vt_source_open(path, &options, fresh_console(), &source);
}

static vt_status open_golden(const char *name) {
    static char path[1200];
    snprintf(path, sizeof path, "%s/%s", golden_path("hf"), name);
    return open_path(path);
}

static int forget_source(void **state) {
    (void)state;
    options = (vt_label_options){0};
    vt_source_free(&source);
    return 0;
}

static const vt_item *item_of(const char *file_name) {
    for (size_t i = 0; i < source.count; i++)
        if (strcmp(source.items[i].file_name, file_name) == 0) return &source.items[i];
    fail_msg("no item '%s'", file_name);
    return NULL;
}

/* The labels of an item as digits: 1, 0, ? for unknown. */
static const char *vector_of(const char *file_name) {
    static char text[64];
    const vt_item *item = item_of(file_name);
    memset(text, '0', source.labels.count);
    text[source.labels.count] = '\0';
    for (size_t i = 0; i < item->label_count; i++) text[source.label_ids[item->first_label + i]] = '1';
    for (size_t i = 0; i < item->unknown_count; i++) text[source.unknown_ids[item->first_unknown + i]] = '?';
    return text;
}

/* The pixels of tools/golden/hf.py. */
static void assert_pixels(const vt_image *image, int row, int channels) {
    assert_int_equal(image->height, 4);
    assert_int_equal(image->width, 3);
    assert_int_equal(image->channels, channels);
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 3; x++)
            for (int c = 0; c < channels; c++)
                assert_int_equal(image->pixels[(y * 3 + x) * channels + c], (40 * row + 5 * y + 2 * x + 60 * c) % 256);
}

/* The images of a container: rows first ... of the data set, with the channels of each. */
static void assert_images(size_t container, int first, const int *channels) {
    const vt_container *from = &source.files.containers[container];
    vt_stream *stream;
    vt_stream_member member;
    int more, row = 0;
    assert_int_equal(from->kind, VT_CONTAINER_ARROW);
    ASSERT_OK(vt_stream_open(from, &stream));
    for (;; row++) {
        vt_stream_image found;
        vt_image image = {0};
        ASSERT_OK(vt_stream_next(stream, &member, &more));
        if (!more) break;
        assert_int_equal(member.row, row);
        ASSERT_OK(vt_stream_read(stream, &found));
        if (found.data) {
            assert_int_equal(member.bytes, found.size);
            ASSERT_OK(vt_image_decode(found.data, found.size, "row", &image));
        }
        assert_pixels(found.data ? &image : &found.image, first + row, channels[row]);
        vt_image_free(&image);
        vt_stream_image_free(&found);
    }
    assert_int_equal(row, from->rows);
    assert_int_equal(vt_stream_position(stream), from->bytes);
    ASSERT_OK(vt_stream_next(stream, &member, &more));
    assert_int_equal(more, 0);
    vt_stream_close(stream);
}

/* --- what is read --- */

static void classes_keep_their_order(void **state) {
    (void)state;
    ASSERT_OK(open_golden("classes"));
    assert_int_equal(source.count, 4);
    assert_int_equal(source.labels.count, 3);
    assert_string_equal(source.labels.items[0], "zebra");
    assert_string_equal(source.labels.items[2], "never");
    assert_string_equal(vector_of("t0.png"), "010");
    assert_string_equal(vector_of("t9.png"), "100");
    assert_int_equal(item_of("t3.png")->part, VT_PART_TRAIN);
    assert_int_equal(item_of("t9.png")->part, VT_PART_TEST);
    assert_string_equal(item_of("t1.png")->patient_id, "p1");
    assert_true(source.single_label && source.has_folders && source.patients_known);
    assert_int_equal(source.files.container_count, 3);
    assert_images(0, 0, (int[]){1, 3});
    assert_images(1, 2, (int[]){1, 3});
    assert_images(2, 9, (int[]){1});
    assert_said(
        "saved by Hugging Face's datasets: train, test; 5 rows in 3 Arrow files; images in 'image', one class in 'label' "
        "(3 names), patients in 'patient_id'");
    assert_said("1 image files have no label and are left out, such as 't2.png'");
}

static void vectors_may_be_unknown(void **state) {
    (void)state;
    ASSERT_OK(open_golden("vectors"));
    assert_int_equal(source.count, 3);
    assert_string_equal(vector_of("0"), "01");
    assert_string_equal(vector_of("1"), "?1");
    assert_string_equal(vector_of("2"), "1?");
    assert_true(!source.single_label && !source.has_folders && !source.patients_known);
    assert_images(0, 0, (int[]){3, 3, 3});
    options.uncertain = VT_UNKNOWN_ONE;
    options.missing = VT_UNKNOWN_ZERO;
    ASSERT_OK(open_golden("vectors"));
    assert_string_equal(vector_of("1"), "01");
    assert_string_equal(vector_of("2"), "11");
}

static void vectors_may_be_classes(void **state) {
    (void)state;
    options.single_label = 1;
    ASSERT_OK(open_golden("vectors"));
    assert_true(source.single_label);
    assert_int_equal(source.count, 3);
    assert_string_equal(vector_of("1"), "01");
    assert_string_equal(vector_of("2"), "10");
    options.uncertain = VT_UNKNOWN_ONE;
    ASSERT_FAILS(VT_ERROR_INPUT, "'2' (row 2 of its list) has the labels 'LABEL_0' and 'LABEL_1'", open_golden("vectors"));
}

static void columns_may_be_chosen(void **state) {
    (void)state;
    options.patient_column = "label";
    options.image_column = "image";
    ASSERT_OK(open_golden("classes"));
    assert_string_equal(item_of("t0.png")->patient_id, "1");
    options.patient_column = "";
    ASSERT_OK(open_golden("classes"));
    assert_false(source.patients_known);
    options.label_columns = "label,doctor";
    ASSERT_FAILS(VT_ERROR_USAGE, "columns are 'image', 'label', 'patient_id'", open_golden("classes"));
    options.label_columns = "\"label\", \"patient_id\"";
    ASSERT_FAILS(VT_ERROR_USAGE, "each must be a number, but not so 'label'", open_golden("classes"));
    options.label_columns = "patient_id";
    ASSERT_OK(open_golden("classes"));
    assert_int_equal(source.labels.count, 5);
    options.image_column = "label";
    ASSERT_FAILS(VT_ERROR_INPUT, "column 'label' is of type int; its features expect images", open_golden("classes"));
}

/* --- what is refused --- */

static const char *const FILES[] = {"dataset_dict.json",
                                    "train/dataset_info.json",
                                    "train/state.json",
                                    "train/data-00000-of-00002.arrow",
                                    "train/data-00001-of-00002.arrow",
                                    "test/dataset_info.json",
                                    "test/state.json",
                                    "test/data-00000-of-00001.arrow"};
enum { FILE_COUNT = sizeof FILES / sizeof FILES[0] };

/* A copy of the golden data set in which, in `name`, `before` is `after`; before NULL: the file is absent. */
static const char *copy_damaged(const char *name, const char *before, const char *after) {
    if (vt_path_exists(test_path("bad"))) ASSERT_OK(vt_remove_tree(test_path("bad")));
    for (int i = 0; i < FILE_COUNT; i++) {
        char from[1200];
        uint8_t *data;
        size_t size;
        snprintf(from, sizeof from, "%s/%s", golden_path("hf/classes"), FILES[i]);
        ASSERT_OK(vt_read_file(from, 1 << 20, &data, &size));
        const char *path = raw_path("bad", FILES[i]);
        if (strcmp(FILES[i], name) != 0) {
            write_test_file(path, data, size);
        } else if (before) {
            char changed[4096];
            char *at = strstr((char *)data, before);
            assert_non_null(at);
            snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - (char *)data), (char *)data, after, at + strlen(before));
            write_test_file(path, changed, strlen(changed));
        }
        free(data);
    }
    return test_path("bad");
}

static void damage_is_named(void **state) {
    (void)state;
    static const struct {
        const char *name, *before, *after, *words;
    } cases[] = {
        {"train/data-00001-of-00002.arrow", NULL, NULL, "state.json: names 'data-00001-of-00002.arrow', which is absent"},
        {"train/state.json", "data-00001-of-00002.arrow", "../test/data-00000-of-00001.arrow", "expected the name of an Arrow"},
        {"train/state.json", "data-00001-of-00002.arrow", "..", "expected the name of an Arrow"},
        {"train/state.json", "_data_files", "_files", "has no '_data_files'"},
        {"train/state.json", "{", "[", "state.json"},
        {"test/state.json", NULL, NULL, "state.json"},
        {"dataset_dict.json", "\"test\"", "\"../test\"", "split 1 is '../test'; expected the name of a folder"},
        {"dataset_dict.json", "\"test\"", "7", "expected the name of a folder"},
        {"dataset_dict.json", "\"train\", \"test\"", "\"a\", \"b\"", "no split is called train, validation or test"},
        {"dataset_dict.json", "\"test\"", "\"validation\"", "bad/validation/dataset_info.json"},
        {"test/dataset_info.json", "zebra", "horse", "column 'label' has other features than in the first split"},
        {"train/dataset_info.json", "\"features\"", "\"f\"", "has no 'features'"},
        {"train/dataset_info.json", "\"Image\"", "\"Audio\"", "no column is of images"},
        {"train/dataset_info.json", "\"label\"", "\"l\"", "column 'l' has other features"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *bad = copy_damaged(cases[i].name, cases[i].before, cases[i].after);
        if (open_path(bad) == VT_OK) fail_msg("case %zu is read", i);
        if (!strstr(vt_error_message(), cases[i].words))
            fail_msg("case %zu: '%s' does not contain '%s'", i, vt_error_message(), cases[i].words);
    }
    const char *bad = copy_damaged("", "", "");
    ASSERT_OK(open_path(bad));
    cut_file(raw_path("bad", "train/data-00000-of-00002.arrow"), 900);
    ASSERT_FAILS(VT_ERROR_INPUT, "is cut off after 900 bytes", open_path(bad));
}

static void others_are_told_what_to_run(void **state) {
    (void)state;
    write_text("hub", "data/train-00000-of-00001.parquet", "PAR1");
    ASSERT_FAILS(VT_ERROR_UNSUPPORTED, "save_to_disk", open_path(test_path("hub/")));
    write_text("cache", "x-train.arrow", "");
    ASSERT_FAILS(VT_ERROR_UNSUPPORTED, "not both state.json and dataset_info.json", open_path(test_path("cache")));
    write_text("ours", "dataset_dict.json", "{}");
    write_text("ours", "vitrain_dataset.json", "{}");
    ASSERT_FAILS(VT_ERROR_INPUT, "is prepared already", open_path(test_path("ours")));
}

/* --- paths and pixels of odd kinds --- */

static void rows_may_lack_images(void **state) {
    (void)state;
    /* Row 0 has bytes, row 1 a path that is nowhere, row 2 is null, row 3 has no path, row 4 neither. */
    vt_container container = {.kind = VT_CONTAINER_ARROW, .path = (char *)golden_path("nested.arrow"), .member = "image"};
    static const char *const expected[] = {"PNG", NULL, NULL, "JPEG", NULL};
    vt_stream *stream;
    vt_stream_member member;
    vt_stream_image found;
    int more;
    ASSERT_OK(vt_stream_open(&container, &stream));
    for (int row = 0; row < 5; row++) {
        ASSERT_OK(vt_stream_next(stream, &member, &more));
        ASSERT_OK(vt_stream_read(stream, &found));
        assert_null(found.image.pixels);
        assert_int_equal(found.size, expected[row] ? strlen(expected[row]) : 0);
        if (expected[row]) assert_memory_equal(found.data, expected[row], found.size);
        if (row == 1) assert_string_equal(found.file, "b.png");
        if (row != 1) assert_null(found.file);
        vt_stream_image_free(&found);
    }
    vt_stream_close(stream);
    container.member = "names";
    ASSERT_FAILS(VT_ERROR_INPUT, "has no column 'names' of images", vt_stream_open(&container, &stream));
    container.member = "pixels"; /* two channels */
    ASSERT_OK(vt_stream_open(&container, &stream));
    ASSERT_OK(vt_stream_next(stream, &member, &more));
    ASSERT_OK(vt_stream_read(stream, &found));
    assert_non_null(strstr(found.problem, "row 0 of 'pixels' has another number of channels"));
    assert_true(!found.data && !found.file && !found.image.pixels);
    vt_stream_image_free(&found);
    vt_stream_close(stream);
}

static _Atomic int decoded_rows;

static vt_status count_row(void *context, const vt_decoded *decoded) {
    (void)context;
    assert_int_equal(decoded->image->height, 4);
    decoded_rows++;
    return VT_OK;
}

static vt_status decode_rows(vt_bad_image_policy policy, vt_decode_result *result) {
    const vt_decode_request request = {
        .source = &source, .bad_image = policy, .threads = 2, .sink = count_row, .title = "Testing"};
    decoded_rows = 0;
    return vt_decode_images(&request, fresh_console(), result);
}

/* A row that is no image is a bad image like any other, and the rows behind it are read. */
static void bad_rows_are_named_or_fail(void **state) {
    (void)state;
    vt_decode_result result = {0};
    ASSERT_OK(open_golden("web"));
    ASSERT_FAILS(VT_ERROR_INPUT, "which is no path; save the data set with its images; --on-bad-image skip would pass over it",
                 decode_rows(VT_BAD_IMAGE_FAIL, &result));
    vt_decode_result_free(&result);
    ASSERT_OK(decode_rows(VT_BAD_IMAGE_SKIP, &result));
    assert_int_equal(decoded_rows, 2);
    assert_int_equal(result.bad_names.count, 1);
    assert_string_equal(result.bad_names.items[0], "w1.png");
    assert_non_null(strstr(result.bad_sentences.items[0], "the image of row 1 is 'https://example.org/w1.png'"));
    vt_decode_result_free(&result);
    ASSERT_OK(open_golden("ragged"));
    ASSERT_OK(decode_rows(VT_BAD_IMAGE_SKIP, &result));
    assert_int_equal(decoded_rows, 2);
    assert_int_equal(result.bad_names.count, 2);
    assert_non_null(strstr(result.bad_sentences.items[0], "row 1 of 'pixels' has lists of different lengths"));
    assert_non_null(strstr(result.bad_sentences.items[1], "row 2 of 'pixels' has a number that is no byte"));
    vt_decode_result_free(&result);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(classes_keep_their_order, forget_source),
        cmocka_unit_test_teardown(vectors_may_be_unknown, forget_source),
        cmocka_unit_test_teardown(vectors_may_be_classes, forget_source),
        cmocka_unit_test_teardown(columns_may_be_chosen, forget_source),
        cmocka_unit_test_teardown(damage_is_named, forget_source),
        cmocka_unit_test_teardown(others_are_told_what_to_run, forget_source),
        cmocka_unit_test_teardown(rows_may_lack_images, forget_source),
        cmocka_unit_test_teardown(bad_rows_are_named_or_fail, forget_source),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
