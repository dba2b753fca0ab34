/* CSV: what RFC 4180 allows, what spreadsheets add to it, and one sentence with its line for everything else. */
#include "formats/csv.h"
#include "formats/utf8.h"

#include "support.h"

static vt_csv *parse(const char *text) {
    vt_csv *csv = NULL;
    ASSERT_OK(vt_csv_parse(text, strlen(text), "labels.csv", &csv));
    return csv;
}

/* The next row must be `expected`, its fields joined by '|'; NULL: the end. */
static void assert_row(vt_csv *csv, const char *expected) {
    const char *const *fields;
    char joined[512] = "";
    int more = -1;
    ASSERT_OK(vt_csv_next(csv, &fields, &more));
    assert_int_equal(more, expected != NULL);
    for (int i = 0; more && i < vt_csv_column_count(csv); i++) {
        strcat(joined, i > 0 ? "|" : "");
        strcat(joined, fields[i]);
    }
    if (expected) assert_string_equal(joined, expected);
}

static vt_status read_all(const void *text, size_t size) {
    vt_csv *csv;
    const char *const *fields;
    int more = 1;
    vt_status status = vt_csv_parse(text, size, "labels.csv", &csv);
    while (status == VT_OK && more) status = vt_csv_next(csv, &fields, &more);
    vt_csv_close(csv);
    return status;
}

static void test_rows_and_lines(void **state) {
    (void)state;
    vt_csv *csv = parse("Image Index,Finding Labels\na.png,Mass|Nodule\n\nb.png,\n\"c\nd\",x\ne,f");
    assert_int_equal(vt_csv_column_count(csv), 2);
    assert_string_equal(vt_csv_column_name(csv, 1), "Finding Labels");
    assert_row(csv, "a.png|Mass|Nodule");
    assert_int_equal(vt_csv_line(csv), 2);
    assert_row(csv, "b.png|");
    assert_int_equal(vt_csv_line(csv), 4);
    assert_row(csv, "c\nd|x");
    assert_int_equal(vt_csv_line(csv), 5);
    assert_row(csv, "e|f");
    assert_int_equal(vt_csv_line(csv), 7);
    assert_row(csv, NULL);
    assert_row(csv, NULL);
    vt_csv_close(csv);
}

static void test_fields_live_until_close(void **state) {
    (void)state;
    vt_csv *csv = parse("a\n\"x\"\"1\"\ny\n");
    const char *const *fields;
    int more;
    ASSERT_OK(vt_csv_next(csv, &fields, &more));
    const char *first = fields[0];
    ASSERT_OK(vt_csv_next(csv, &fields, &more));
    assert_string_equal(first, "x\"1");
    assert_string_equal(fields[0], "y");
    vt_csv_close(csv);
}

static void test_byte_order_mark_crlf_and_quotes(void **state) {
    (void)state;
    vt_csv *csv = parse("\xef\xbb\xbf\"file, name\",label\r\n\"a,1.png\",\"say \"\"x\"\"\"\r\n\"\",\"\"\r\nb\"c,d\r\n");
    assert_int_equal(vt_csv_find_column(csv, "file, name"), 0);
    assert_row(csv, "a,1.png|say \"x\"");
    assert_row(csv, "|");
    assert_row(csv, "b\"c|d");
    assert_int_equal(vt_csv_line(csv), 4);
    assert_row(csv, NULL);
    vt_csv_close(csv);
}

static void test_required_columns(void **state) {
    (void)state;
    int column;
    vt_csv *csv = parse("Image Index,Labels,x,x\n");
    ASSERT_OK(vt_csv_require_column(csv, "Labels", &column));
    assert_int_equal(column, 1);
    assert_int_equal(vt_csv_find_column(csv, "labels"), -1);
    ASSERT_FAILS(VT_ERROR_INPUT, "labels.csv: has no column 'Finding Labels'; its columns are 'Image Index', 'Labels'",
                 vt_csv_require_column(csv, "Finding Labels", &column));
    ASSERT_FAILS(VT_ERROR_INPUT, "two columns called 'x'", vt_csv_require_column(csv, "x", &column));
    vt_csv_close(csv);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "labels.csv: is empty"},
        {"\xef\xbb\xbf\r\n\n", "labels.csv: is empty"},
        {"a,b\n1\n", "labels.csv:2: the row has 1 field, the header has 2"},
        {"a,b\n1,2\n1,2,3\n", "labels.csv:3: the row has 3 fields, the header has 2"},
        {"a,b\n1,\"2\n3,4\n", "labels.csv:2: a quote is never closed"},
        {"a,\"b\n", "labels.csv:1: a quote is never closed"},
        {"a\n\"x\n\"y\n", "labels.csv:3: text after a closing quote"},
        {"a\rb\r", "labels.csv:1: a carriage return alone"},
        {"a\nb\r", "labels.csv:2: a carriage return alone"},
        {"a\nb\n\xff\n", "labels.csv:3: text that is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ASSERT_FAILS(VT_ERROR_INPUT, cases[i].words, read_all(cases[i].text, strlen(cases[i].text)));
    ASSERT_FAILS(VT_ERROR_INPUT, "labels.csv:2: a NUL byte", read_all("a,b\n1\0,2\n", 9));
    ASSERT_FAILS(VT_ERROR_IO, "absent.csv", vt_csv_open(test_path("absent.csv"), &(vt_csv *){NULL}));

    char *commas = malloc(100000);
    memset(commas, ',', 100000);
    ASSERT_FAILS(VT_ERROR_INPUT, "more than 65536 columns", read_all(commas, 100000));
    free(commas);
}

static void test_utf8(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t valid;
    } cases[] = {
        {"plain ascii of some length", 26},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 14},
        {"12345678\xc0\x80", 8}, /* overlong */
        {"\xe0\x9f\xbf", 0},
        {"\xed\xa0\x80", 0}, /* a surrogate */
        {"\xf4\x90\x80\x80", 0},
        {"a\xf0\x8f\xbf\xbf", 1},
        {"a\xe2\x82", 1}, /* cut */
        {"a\x80", 1},
        {"\xf5\x80\x80\x80", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(vt_utf8_valid_length(cases[i].text, strlen(cases[i].text)), cases[i].valid);
}

static void test_every_cut(void **state) {
    (void)state;
    static const char text[] = "\xef\xbb\xbf"
                               "a,\"b\"\r\n\"x\"\"y\",z\r\n1,2\r\n";
    for (size_t size = 0; size < sizeof text; size++) {
        char *copy = malloc(size + 1); /* its own block, so that the sanitizers see a read past its end */
        memcpy(copy, text, size);
        if (read_all(copy, size) != VT_OK) assert_non_null(strstr(vt_error_message(), "labels.csv"));
        free(copy);
    }
}

static void test_nih_label_file(void **state) {
    (void)state;
    REQUIRE_SHARED(path, "nih/Data_Entry_2017_v2020.csv");
    vt_csv *csv;
    ASSERT_OK(vt_csv_open(path, &csv));
    int image, labels, rows = 0, more = 1;
    ASSERT_OK(vt_csv_require_column(csv, "Image Index", &image));
    ASSERT_OK(vt_csv_require_column(csv, "Finding Labels", &labels));
    for (;; rows++) {
        const char *const *fields;
        ASSERT_OK(vt_csv_next(csv, &fields, &more));
        if (!more) break;
        if (rows == 0) assert_string_equal(fields[image], "00000001_000.png");
    }
    assert_int_equal(rows, 112120);
    vt_csv_close(csv);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_and_lines),
        cmocka_unit_test(test_fields_live_until_close),
        cmocka_unit_test(test_byte_order_mark_crlf_and_quotes),
        cmocka_unit_test(test_required_columns),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_nih_label_file),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
