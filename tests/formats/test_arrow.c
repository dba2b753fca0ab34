/* Arrow streams: round trips, files of pyarrow's own making, and streams cut, bent and lying about themselves. */
#include "formats/arrow.h"

#include "support.h"

static const vt_arrow_field FIELDS[] = {
    {"file_name", VT_ARROW_STRING, 0}, {"labels", VT_ARROW_FLOAT_LIST, 2}, {"pixels", VT_ARROW_BYTE_LIST, 6}};

/* Row r of every file here: file_name "r<r>" repeated r % 3 times, labels {r, -r}, pixels (r + 0 ... 5) % 256. */
typedef struct row {
    char name[64];
    float labels[2];
    uint8_t pixels[6];
} row;

static row make_row(int64_t r) {
    row made = {.labels = {(float)r, (float)-r}};
    for (int64_t i = 0; i < r % 3; i++) sprintf(made.name + strlen(made.name), "r%lld", (long long)r);
    for (int i = 0; i < 6; i++) made.pixels[i] = (uint8_t)(r + i);
    return made;
}

static void write_rows(const char *path, int64_t rows, int batch_rows) {
    static const char *const keys[] = {"huggingface", "note"}, *const values[] = {"{}", "drei Bl\xc3\xa4tter"};
    vt_arrow_writer *writer;
    uint64_t bytes = 0, size = 0;
    ASSERT_OK(vt_arrow_writer_open(path, FIELDS, 3, keys, values, 2, batch_rows, &writer));
    for (int64_t r = 0; r < rows; r++) {
        row made = make_row(r);
        vt_arrow_value of[3] = {{made.name, strlen(made.name)}, {made.labels, 8}, {made.pixels, 6}};
        ASSERT_OK(vt_arrow_writer_add(writer, of));
    }
    ASSERT_OK(vt_arrow_writer_commit(writer, &bytes));
    ASSERT_OK(vt_file_size(path, &size));
    assert_int_equal(bytes, size);
}

static void assert_rows(const vt_arrow_reader *reader, int64_t first, int64_t rows) {
    assert_int_equal(vt_arrow_reader_rows(reader), rows);
    assert_int_equal(vt_arrow_reader_field_count(reader), 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(vt_arrow_reader_field(reader, i)->name, FIELDS[i].name);
        assert_int_equal(vt_arrow_reader_field(reader, i)->kind, FIELDS[i].kind);
        assert_int_equal(vt_arrow_reader_field(reader, i)->list_size, FIELDS[i].list_size);
    }
    for (int64_t r = 0; r < rows; r++) {
        row made = make_row(first + r);
        vt_arrow_value name = vt_arrow_reader_get(reader, 0, r), labels = vt_arrow_reader_get(reader, 1, r);
        vt_arrow_value pixels = vt_arrow_reader_get(reader, 2, r);
        assert_int_equal(name.size, strlen(made.name));
        assert_memory_equal(name.data, made.name, name.size);
        assert_int_equal(labels.size, 8);
        assert_memory_equal(labels.data, made.labels, 8);
        assert_int_equal(pixels.size, 6);
        assert_memory_equal(pixels.data, made.pixels, 6);
    }
}

static void test_round_trip(void **state) {
    (void)state;
    static const struct {
        int64_t rows;
        int batch_rows;
    } cases[] = {{0, 4}, {1, 4}, {4, 4}, {5, 4}, {1000, 7}, {100, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *path = test_path("rows.arrow");
        write_rows(path, cases[i].rows, cases[i].batch_rows);
        vt_arrow_reader *reader;
        ASSERT_OK(vt_arrow_reader_open(path, &reader));
        assert_rows(reader, 0, cases[i].rows);
        assert_int_equal(vt_arrow_reader_find_field(reader, "pixels"), 2);
        assert_int_equal(vt_arrow_reader_find_field(reader, "absent"), -1);
        assert_string_equal(vt_arrow_reader_metadata(reader, "note"), "drei Bl\xc3\xa4tter");
        assert_null(vt_arrow_reader_metadata(reader, "absent"));
        vt_arrow_reader_close(reader);
    }
}

static void test_buffers_are_aligned(void **state) {
    (void)state;
    const char *path = test_path("aligned.arrow");
    write_rows(path, 20, 7);
    vt_arrow_reader *reader;
    ASSERT_OK(vt_arrow_reader_open(path, &reader));
    for (int64_t r = 0; r < 20; r += 7)
        for (int field = 1; field < 3; field++) assert_int_equal((uintptr_t)vt_arrow_reader_get(reader, field, r).data % 64, 0);
    vt_arrow_reader_close(reader);
}

static void test_files_of_pyarrow(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t rows;
    } cases[] = {{"formats_v5.arrow", 7}, {"formats_v4.arrow", 7}, {"formats_slice.arrow", 7}, {"formats_empty.arrow", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vt_arrow_reader *reader;
        ASSERT_OK(vt_arrow_reader_open(golden_path(cases[i].name), &reader));
        assert_rows(reader, strstr(cases[i].name, "slice") ? 2 : 0, cases[i].rows);
        assert_string_equal(vt_arrow_reader_metadata(reader, "made_by"), "pyarrow");
        vt_arrow_reader_close(reader);
    }
}

static void test_other_kinds_are_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *name, *words;
        vt_status code;
    } cases[] = {
        {"formats_zstd.arrow", "compressed with zstd", VT_ERROR_UNSUPPORTED},
        {"formats_null.arrow", "'file_name' in the batch at byte", VT_ERROR_INPUT},
        {"formats_int64.arrow", "column 'n' is of type int", VT_ERROR_UNSUPPORTED},
        {"formats_list.arrow", "column 'l' is of type list", VT_ERROR_UNSUPPORTED},
        {"formats_doubles.arrow", "column 'd' is of type fixed-size list of other items", VT_ERROR_UNSUPPORTED},
        {"formats_dictionary.arrow", "column 'd' is of type dictionary", VT_ERROR_UNSUPPORTED},
        {"formats_file.arrow", "this is an Arrow file", VT_ERROR_INPUT},
    };
    vt_arrow_reader *reader;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ASSERT_FAILS(cases[i].code, cases[i].words, vt_arrow_reader_open(golden_path(cases[i].name), &reader));
    ASSERT_FAILS(VT_ERROR_IO, "absent.arrow", vt_arrow_reader_open(test_path("absent.arrow"), &reader));
}

/* --- damage --- */

/* Parses a copy in a block of its own, so that the sanitizers see a read past its end. */
static vt_status parse_copy(const uint8_t *data, size_t size) {
    uint8_t *copy = NULL;
    assert_int_equal(posix_memalign((void **)&copy, 64, size + (size == 0)), 0);
    memcpy(copy, data, size);
    vt_arrow_reader *reader;
    vt_status status = vt_arrow_reader_parse(copy, size, "x.arrow", &reader);
    if (status == VT_OK) {
        volatile uint8_t sum = 0;
        for (int64_t r = 0; r < vt_arrow_reader_rows(reader); r++)
            for (int f = 0; f < vt_arrow_reader_field_count(reader); f++) {
                vt_arrow_value value = vt_arrow_reader_get(reader, f, r);
                for (size_t i = 0; i < value.size; i++) sum = (uint8_t)(sum + ((const uint8_t *)value.data)[i]);
            }
        vt_arrow_reader_close(reader);
    }
    free(copy);
    return status;
}

static void test_cut_at_every_byte(void **state) {
    (void)state;
    const char *ours = test_path("cut.arrow"), *paths[2] = {ours, golden_path("formats_v5.arrow")};
    write_rows(ours, 5, 3);
    for (int i = 0; i < 2; i++) {
        uint8_t *data;
        size_t whole;
        ASSERT_OK(vt_read_file(paths[i], 1 << 20, &data, &whole));
        for (size_t size = 0; size < whole; size++)
            ASSERT_FAILS(VT_ERROR_INPUT, "x.arrow: is cut off after", parse_copy(data, size));
        ASSERT_OK(parse_copy(data, whole));
        data[whole] = 0; /* the NUL past the end becomes a byte too many */
        ASSERT_FAILS(VT_ERROR_INPUT, "1 bytes follow the end", parse_copy(data, whole + 1));
        free(data);
    }
}

static void test_every_byte_changed(void **state) {
    (void)state;
    uint8_t *data;
    size_t size;
    ASSERT_OK(vt_read_file(golden_path("formats_v5.arrow"), 1 << 20, &data, &size));
    for (size_t i = 0; i < size; i++) {
        uint8_t was = data[i];
        static const uint8_t masks[] = {0xff, 0x80, 0x01};
        for (size_t m = 0; m < sizeof masks; m++) {
            data[i] = was ^ masks[m];
            if (parse_copy(data, size) != VT_OK) assert_non_null(strstr(vt_error_message(), "x.arrow: "));
        }
        data[i] = was;
    }
    free(data);
}

/* Where `bytes` stand in data [whole]. */
static uint8_t *find_bytes(uint8_t *data, size_t whole, const void *bytes, size_t size) {
    for (size_t i = 0; i + size <= whole; i++)
        if (memcmp(data + i, bytes, size) == 0) return data + i;
    fail_msg("the bytes to be changed are not there");
    return NULL;
}

/* The file's one batch with the first `from` replaced by `to` must fail with `words`. */
static void assert_patched(const char *words, const void *from, const void *to, size_t size) {
    const char *path = test_path("patched.arrow");
    write_rows(path, 5, 5);
    uint8_t *data;
    size_t whole;
    ASSERT_OK(vt_read_file(path, 1 << 20, &data, &whole));
    memcpy(find_bytes(data, whole, from, size), to, size);
    ASSERT_FAILS(VT_ERROR_INPUT, words, parse_copy(data, whole));
    free(data);
}

static void test_lies_about_buffers(void **state) {
    (void)state;
    /* Buffers of five rows: file_name {0,0} {0,24} {64,8}, labels {128,0} {128,0} {128,40}, pixels {192,0} {192,0} {192,30} */
    static const int64_t labels[2] = {128, 40}, pixels[2] = {192, 30}, names[2] = {64, 8}, ends[2] = {0, 24};
    assert_patched("a buffer of 40 bytes at 256", labels, (int64_t[]){256, 40}, 16);
    assert_patched("a buffer of 40 bytes at -128", labels, (int64_t[]){-128, 40}, 16);
    assert_patched("a buffer of 40 bytes at 132", labels, (int64_t[]){132, 40}, 16);
    assert_patched("a buffer of 9223372036854775807 bytes", labels, (int64_t[]){128, INT64_MAX}, 16);
    assert_patched("a buffer of -1 bytes", labels, (int64_t[]){128, -1}, 16);
    assert_patched("39 bytes of values are too few for 5 rows", labels, (int64_t[]){128, 39}, 16);
    assert_patched("29 bytes of values are too few", pixels, (int64_t[]){192, 29}, 16);
    assert_patched("23 bytes of offsets are too few", ends, (int64_t[]){0, 23}, 16);
    assert_patched("offset 5 is 8, expected one from 6 to 7", names, (int64_t[]){64, 7}, 16);
}

static void test_lies_about_lengths(void **state) {
    (void)state;
    /* Nodes of five rows: {5,0} {5,0} {10,0} {5,0} {30,0} */
    static const int64_t nodes[10] = {5, 0, 5, 0, 10, 0, 5, 0, 30, 0};
    int64_t bent[10];
#define BENT(index, value) (memcpy(bent, nodes, sizeof bent), bent[index] = (value), bent)
    assert_patched("'file_name' in the batch at byte 640 has 4 values, expected 5", nodes, BENT(0, 4), sizeof nodes);
    assert_patched("'file_name' in the batch at byte 640 has 6 values, expected 5", nodes, BENT(0, 6), sizeof nodes);
    assert_patched("'labels' in the batch at byte 640 has 9 values, expected 10", nodes, BENT(4, 9), sizeof nodes);
    assert_patched("'pixels' in the batch at byte 640 has nulls", nodes, BENT(7, 1), sizeof nodes);
    assert_patched("'pixels' in the batch at byte 640 has nulls", nodes, BENT(9, -1), sizeof nodes);
#undef BENT
}

static void test_damaged_metadata(void **state) {
    (void)state;
    static const int32_t five_nodes[3] = {5, 5, 0}, nine_buffers[3] = {9, 0, 0}; /* count, then the first pair begins */
    assert_patched("the metadata of the message at byte 640 is damaged", five_nodes, (int32_t[]){4, 5, 0}, 12);
    assert_patched("the metadata of the message at byte 640 is damaged", five_nodes, (int32_t[]){6, 5, 0}, 12);
    assert_patched("the metadata of the message at byte 640 is damaged", five_nodes, (int32_t[]){-1, 5, 0}, 12);
    assert_patched("the metadata of the message at byte 640 is damaged", nine_buffers, (int32_t[]){8, 0, 0}, 12);
    assert_patched("the metadata of the message at byte 0 is damaged", "pixels", "pix\0ls", 6);
    assert_patched("no Arrow message at byte 640", "\xff\xff\xff\xff\x78\x01\0\0", "\x10\0\0\0\x78\x01\0\0", 8);
}

static void test_lies_about_strings(void **state) {
    (void)state;
    /* Names of five rows: "", "r1", "r2r2", "", "r4" */
    static const int32_t begins[6] = {0, 0, 2, 6, 6, 8};
    assert_patched("offset 3 is 1, expected one from 2 to 8", begins, (int32_t[]){0, 0, 2, 1, 6, 8}, sizeof begins);
    assert_patched("offset 0 is -4, expected one from 0 to 8", begins, (int32_t[]){-4, 0, 2, 6, 6, 8}, sizeof begins);
    assert_patched("offset 5 is 2147483647", begins, (int32_t[]){0, 0, 2, 6, 6, INT32_MAX}, sizeof begins);
    assert_patched("string 2 is not UTF-8", "r1r2r2r4", "r1r2r\xffr4", 8);
    assert_patched("string 2 is not UTF-8", "r1r2r2r4",
                   "r\xc3\xa4"
                   "2r2r4",
                   8); /* a character across two strings */
}

static void test_strings_may_begin_past_zero(void **state) {
    (void)state;
    const char *path = test_path("past.arrow");
    write_rows(path, 5, 5);
    uint8_t *data;
    size_t size;
    ASSERT_OK(vt_read_file(path, 1 << 20, &data, &size));
    static const int32_t begins[6] = {0, 0, 2, 6, 6, 8}, past[6] = {2, 2, 2, 6, 6, 8};
    memcpy(find_bytes(data, size, begins, sizeof begins), past, sizeof past);
    uint8_t *copy = NULL;
    assert_int_equal(posix_memalign((void **)&copy, 64, size), 0);
    memcpy(copy, data, size);
    vt_arrow_reader *reader;
    ASSERT_OK(vt_arrow_reader_parse(copy, size, "x.arrow", &reader));
    assert_int_equal(vt_arrow_reader_get(reader, 0, 1).size, 0);
    assert_memory_equal(vt_arrow_reader_get(reader, 0, 2).data, "r2r2", 4);
    vt_arrow_reader_close(reader);
    free(copy);
    free(data);
}

/* --- the writer --- */

static void test_writer_refusals(void **state) {
    (void)state;
    vt_arrow_writer *writer;
    const char *path = test_path("refused.arrow");
    static const vt_arrow_field empty_lists = {"x", VT_ARROW_BYTE_LIST, 0};
    ASSERT_FAILS(VT_ERROR_USAGE, "lists of 0 items", vt_arrow_writer_open(path, &empty_lists, 1, NULL, NULL, 0, 4, &writer));
    ASSERT_FAILS(VT_ERROR_USAGE, "at least one column", vt_arrow_writer_open(path, FIELDS, 0, NULL, NULL, 0, 4, &writer));
    ASSERT_FAILS(VT_ERROR_IO, "no/such", vt_arrow_writer_open("/no/such/folder/x", FIELDS, 3, NULL, NULL, 0, 4, &writer));

    ASSERT_OK(vt_arrow_writer_open(path, FIELDS, 3, NULL, NULL, 0, 4, &writer));
    float labels[2] = {0};
    uint8_t pixels[6] = {0};
    vt_arrow_value values[3] = {{"a", 1}, {labels, 4}, {pixels, 6}};
    ASSERT_FAILS(VT_ERROR_USAGE, "row 0: 'labels' has 4 bytes, expected 8", vt_arrow_writer_add(writer, values));
    values[0] = (vt_arrow_value){"\xff.png", 5};
    values[1].size = 8;
    ASSERT_FAILS(VT_ERROR_INPUT, "row 0: 'file_name' is '\\xff.png', which is not UTF-8", vt_arrow_writer_add(writer, values));
    values[0] = (vt_arrow_value){NULL, 0};
    ASSERT_OK(vt_arrow_writer_add(writer, values)); /* a refused row leaves no trace */
    vt_arrow_writer_discard(writer);
    assert_false(vt_path_exists(path));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_buffers_are_aligned),
        cmocka_unit_test(test_files_of_pyarrow),
        cmocka_unit_test(test_other_kinds_are_refused_by_name),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_lies_about_buffers),
        cmocka_unit_test(test_lies_about_lengths),
        cmocka_unit_test(test_damaged_metadata),
        cmocka_unit_test(test_lies_about_strings),
        cmocka_unit_test(test_strings_may_begin_past_zero),
        cmocka_unit_test(test_writer_refusals),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
