/* Arrow columns of other types, nested and with nulls, as pyarrow writes them; tools/golden/arrow_nested.py has the values. */
#include "formats/arrow.h"

#include "support.h"

#include <math.h>

static vt_arrow_reader *open_nested(void) {
    vt_arrow_reader *reader;
    ASSERT_OK(vt_arrow_reader_open_nested(golden_path("nested.arrow"), &reader));
    assert_int_equal(vt_arrow_reader_rows(reader), 5);
    return reader;
}

static vt_arrow_cell cell_of(const vt_arrow_reader *reader, const char *column, int64_t row) {
    int field = vt_arrow_reader_find_field(reader, column);
    if (field < 0) fail_msg("no column '%s'", column);
    assert_string_equal(vt_arrow_reader_type(reader, field)->name, column);
    return vt_arrow_reader_cell(reader, field, row);
}

static void assert_bytes(vt_arrow_cell cell, const char *expected, size_t size) {
    vt_arrow_value value = vt_arrow_cell_bytes(cell);
    assert_false(vt_arrow_cell_is_null(cell));
    assert_int_equal(value.size, size);
    assert_memory_equal(value.data, expected, size);
}

static void assert_text(vt_arrow_cell cell, const char *expected) {
    assert_bytes(cell, expected, strlen(expected));
}

/* A NaN stands for a null. */
static void assert_numbers(const vt_arrow_reader *reader, const char *column, const double expected[5]) {
    for (int64_t row = 0; row < 5; row++) {
        double found = vt_arrow_cell_number(cell_of(reader, column, row));
        if (isnan(expected[row]) ? !isnan(found) : found != expected[row])
            fail_msg("%s[%d] is %g, expected %g", column, (int)row, found, expected[row]);
    }
}

static void test_numbers(void **state) {
    (void)state;
    vt_arrow_reader *reader = open_nested();
    assert_numbers(reader, "i8", (double[]){-1, NAN, 127, -128, 5});
    assert_numbers(reader, "u16", (double[]){0, 65535, NAN, 1, 2});
    assert_numbers(reader, "f16", (double[]){0.5, -2, 65504, 5.9604644775390625e-8, 1});
    assert_numbers(reader, "f32", (double[]){0.25, NAN, NAN, -1, 1});
    assert_numbers(reader, "f64", (double[]){0.1, 1, NAN, -1e300, 2});
    assert_numbers(reader, "bool", (double[]){1, 0, NAN, 1, 1});
    assert_true(vt_arrow_cell_is_null(cell_of(reader, "f32", 1)));
    assert_false(vt_arrow_cell_is_null(cell_of(reader, "f32", 2))); /* a NaN of its own */
    static const int64_t i64[] = {INT64_MIN, INT64_MAX, 0, 0, 1}, u64[] = {INT64_MAX, 0, 1, 2, 0};
    for (int64_t row = 0; row < 5; row++) {
        assert_int_equal(vt_arrow_cell_is_null(cell_of(reader, "i64", row)), row == 3);
        if (row != 3) assert_true(vt_arrow_cell_integer(cell_of(reader, "i64", row)) == i64[row]);
        if (row != 4) assert_true(vt_arrow_cell_integer(cell_of(reader, "u64", row)) == u64[row]);
        assert_true(vt_arrow_cell_is_null(cell_of(reader, "nothing", row)));
        assert_int_equal(vt_arrow_cell_is_null(cell_of(reader, "decimal", row)), 1);
        assert_int_equal(vt_arrow_cell_is_null(cell_of(reader, "date", row)), 0);
    }
    vt_arrow_reader_close(reader);
}

static void test_texts_and_binaries(void **state) {
    (void)state;
    vt_arrow_reader *reader = open_nested();
    assert_text(cell_of(reader, "text", 0), "");
    assert_true(vt_arrow_cell_is_null(cell_of(reader, "text", 2)));
    assert_text(cell_of(reader, "text", 3), "Bl\xc3\xa4tter");
    assert_text(cell_of(reader, "large_text", 2), "yy");
    assert_text(cell_of(reader, "large_text", 4), "z");
    assert_bytes(cell_of(reader, "large_binary", 0), "\0\xff", 2);
    assert_true(vt_arrow_cell_is_null(cell_of(reader, "large_binary", 2)));
    assert_text(cell_of(reader, "large_binary", 4), "c");
    vt_arrow_reader_close(reader);
}

static void test_structs(void **state) {
    (void)state;
    vt_arrow_reader *reader = open_nested();
    const vt_arrow_type *type = cell_of(reader, "image", 0).type;
    int bytes = vt_arrow_type_find(type, "bytes"), path = vt_arrow_type_find(type, "path");
    assert_int_equal(bytes, 0);
    assert_int_equal(path, 1);
    assert_int_equal(vt_arrow_type_find(type, "other"), -1);
    assert_int_equal(vt_arrow_type_child(type, path)->layout, VT_ARROW_TEXT);
    assert_text(vt_arrow_cell_member(cell_of(reader, "image", 0), bytes), "PNG");
    assert_text(vt_arrow_cell_member(cell_of(reader, "image", 1), path), "b.png");
    assert_true(vt_arrow_cell_is_null(vt_arrow_cell_member(cell_of(reader, "image", 1), bytes)));
    assert_true(vt_arrow_cell_is_null(cell_of(reader, "image", 2)));
    assert_text(vt_arrow_cell_member(cell_of(reader, "image", 3), bytes), "JPEG");
    assert_true(vt_arrow_cell_is_null(vt_arrow_cell_member(cell_of(reader, "image", 3), path)));
    vt_arrow_reader_close(reader);
}

static void test_lists(void **state) {
    (void)state;
    vt_arrow_reader *reader = open_nested();
    static const int64_t lengths[] = {2, 0, -1, 2, 1};
    for (int64_t row = 0; row < 5; row++) {
        vt_arrow_cell list = cell_of(reader, "numbers", row);
        assert_int_equal(vt_arrow_cell_is_null(list), lengths[row] < 0);
        if (lengths[row] >= 0) assert_int_equal(vt_arrow_cell_length(list), lengths[row]);
    }
    assert_int_equal(vt_arrow_cell_integer(vt_arrow_cell_item(cell_of(reader, "numbers", 0), 1)), 2);
    assert_int_equal(vt_arrow_cell_integer(vt_arrow_cell_item(cell_of(reader, "numbers", 3), 0)), 3);
    assert_true(vt_arrow_cell_is_null(vt_arrow_cell_item(cell_of(reader, "numbers", 3), 1)));
    assert_text(vt_arrow_cell_item(cell_of(reader, "names", 0), 1), "b");
    assert_text(vt_arrow_cell_item(cell_of(reader, "names", 4), 0), "d");
    assert_true(vt_arrow_cell_is_null(vt_arrow_cell_item(cell_of(reader, "names", 4), 1)));
    vt_arrow_cell line = vt_arrow_cell_item(cell_of(reader, "pixels", 3), 1), pixel = vt_arrow_cell_item(line, 1);
    assert_int_equal(vt_arrow_cell_integer(vt_arrow_cell_item(pixel, 0)), 7);
    assert_int_equal(vt_arrow_cell_length(cell_of(reader, "pixels", 4)), 1);
    assert_int_equal(vt_arrow_cell_length(cell_of(reader, "fixed", 3)), 2);
    assert_true(vt_arrow_cell_is_null(cell_of(reader, "fixed", 1)));
    assert_true(isnan(vt_arrow_cell_number(vt_arrow_cell_item(cell_of(reader, "fixed", 2), 0))));
    assert_true(vt_arrow_cell_number(vt_arrow_cell_item(cell_of(reader, "fixed", 2), 1)) == 1.0);
    assert_true(vt_arrow_cell_number(vt_arrow_cell_item(cell_of(reader, "fixed", 4), 0)) == 1.0);
    vt_arrow_reader_close(reader);
}

static void test_released_pages_come_back(void **state) {
    (void)state;
    vt_arrow_reader *reader = open_nested();
    for (int64_t row = 0; row < 2; row++)
        vt_arrow_reader_release(reader, (vt_arrow_value){vt_arrow_cell_bytes(cell_of(reader, "text", 0)).data, 1 << 14});
    assert_text(cell_of(reader, "text", 3), "Bl\xc3\xa4tter");
    vt_arrow_reader_close(reader);
}

static void test_the_plain_reader_stays_strict(void **state) {
    (void)state;
    vt_arrow_reader *reader;
    ASSERT_FAILS(VT_ERROR_UNSUPPORTED, "column 'i8' is of type int",
                 vt_arrow_reader_open(golden_path("nested.arrow"), &reader));
    ASSERT_OK(vt_arrow_reader_open_nested(golden_path("formats_v5.arrow"), &reader));
    assert_int_equal(vt_arrow_reader_field(reader, 0)->kind, VT_ARROW_NESTED);
    assert_text(vt_arrow_reader_cell(reader, 0, 1), "r1");
    vt_arrow_reader_close(reader);
}

static void test_other_kinds_are_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *name, *words;
    } cases[] = {{"nested_union.arrow", "column 'u' is of type union; numbers, texts"},
                 {"nested_lz4.arrow", "compressed with lz4"},
                 {"formats_dictionary.arrow", "column 'd' is of type dictionary"}};
    vt_arrow_reader *reader;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ASSERT_FAILS(VT_ERROR_UNSUPPORTED, cases[i].words, vt_arrow_reader_open_nested(golden_path(cases[i].name), &reader));
}

/* --- damage --- */

static unsigned touch(vt_arrow_cell cell) {
    unsigned sum = 0;
    if (vt_arrow_cell_is_null(cell)) return 1;
    switch (cell.type->layout) {
    case VT_ARROW_NULL:
    case VT_ARROW_OTHER:
        return 0;
    case VT_ARROW_BOOL:
    case VT_ARROW_INT:
    case VT_ARROW_UNSIGNED:
        return (unsigned)vt_arrow_cell_integer(cell);
    case VT_ARROW_FLOAT:
        return vt_arrow_cell_number(cell) > 0.0;
    case VT_ARROW_TEXT:
    case VT_ARROW_BINARY: {
        vt_arrow_value value = vt_arrow_cell_bytes(cell);
        for (size_t i = 0; i < value.size; i++) sum += ((const uint8_t *)value.data)[i];
        return sum;
    }
    case VT_ARROW_LIST:
    case VT_ARROW_FIXED_LIST:
        for (int64_t i = 0; i < vt_arrow_cell_length(cell); i++) sum += touch(vt_arrow_cell_item(cell, i));
        return sum;
    case VT_ARROW_STRUCT:
        for (int i = 0; i < cell.type->child_count; i++) sum += touch(vt_arrow_cell_member(cell, i));
        return sum;
    }
    return sum;
}

/* Parses a copy in a block of its own, so that the sanitizers see a read past its end. */
static vt_status parse_copy(const uint8_t *data, size_t size) {
    uint8_t *copy = NULL;
    assert_int_equal(posix_memalign((void **)&copy, 64, size + (size == 0)), 0);
    memcpy(copy, data, size);
    vt_arrow_reader *reader;
    vt_status status = vt_arrow_reader_parse_nested(copy, size, "x.arrow", &reader);
    if (status == VT_OK) {
        volatile unsigned sum = 0;
        for (int64_t r = 0; r < vt_arrow_reader_rows(reader) && r < 100; r++)
            for (int f = 0; f < vt_arrow_reader_field_count(reader); f++) sum += touch(vt_arrow_reader_cell(reader, f, r));
        vt_arrow_reader_close(reader);
    }
    free(copy);
    return status;
}

static void test_cut_and_changed(void **state) {
    (void)state;
    uint8_t *data;
    size_t whole;
    ASSERT_OK(vt_read_file(golden_path("nested.arrow"), 1 << 20, &data, &whole));
    ASSERT_OK(parse_copy(data, whole));
    for (size_t size = 0; size < whole; size += 3)
        ASSERT_FAILS(VT_ERROR_INPUT, "x.arrow: is cut off after", parse_copy(data, size));
    for (size_t i = 0; i < whole; i++) {
        static const uint8_t masks[] = {0xff, 0x80, 0x01};
        uint8_t was = data[i];
        data[i] = was ^ masks[i % 3];
        if (parse_copy(data, whole) != VT_OK) assert_non_null(strstr(vt_error_message(), "x.arrow: "));
        data[i] = was;
    }
    free(data);
}

/* The file with the first `from` [size] replaced by `to` must fail with `words`. */
static void assert_patched(const char *file, const char *words, const void *from, const void *to, size_t size) {
    uint8_t *data;
    size_t whole, at = 0;
    ASSERT_OK(vt_read_file(golden_path(file), 1 << 20, &data, &whole));
    while (at + size <= whole && memcmp(data + at, from, size) != 0) at++;
    assert_true(at + size <= whole);
    memcpy(data + at, to, size);
    ASSERT_FAILS(VT_ERROR_INPUT, words, parse_copy(data, whole));
    free(data);
}

static void test_lies(void **state) {
    (void)state;
    /* The first batch's nodes begin with i8 {3,1} i64 {3,0} u16 {3,1}; numbers' offsets are 0, 2, 2, 2. */
    static const int64_t nodes[] = {3, 1, 3, 0, 3, 1};
    static const int32_t offsets[] = {0, 2, 2, 2};
    assert_patched("nested.arrow", "column 'i8' in the batch at byte", nodes, (int64_t[]){3, 2, 3, 0, 3, 1}, sizeof nodes);
    assert_patched("nested.arrow", "has 1 nulls, expected -1", nodes, (int64_t[]){3, -1, 3, 0, 3, 1}, sizeof nodes);
    assert_patched("nested.arrow", "has 4 values, expected 3", nodes, (int64_t[]){4, 1, 3, 0, 3, 1}, sizeof nodes);
    assert_patched("nested.arrow", "column 'numbers' in the batch at byte", offsets, (int32_t[]){0, 3, 2, 2}, sizeof offsets);
    assert_patched("nested.arrow", "offset 3 is 9, expected one from 2 to 2", offsets, (int32_t[]){0, 2, 2, 9}, sizeof offsets);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_texts_and_binaries),
        cmocka_unit_test(test_structs),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_released_pages_come_back),
        cmocka_unit_test(test_the_plain_reader_stays_strict),
        cmocka_unit_test(test_other_kinds_are_refused_by_name),
        cmocka_unit_test(test_cut_and_changed),
        cmocka_unit_test(test_lies),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
