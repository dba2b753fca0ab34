/* Failure sentences: kept per thread, prefixed, and safe to show on a terminal whatever bytes they quote. */
#include "support.h"

#include <errno.h>

static void sentences_name_the_errno(void **state) {
    (void)state;
    errno = ENOSPC;
    assert_int_equal(vt_fail_errno("%s: cannot write", "out.bin"), VT_ERROR_IO);
    assert_string_equal(vt_error_message(), "out.bin: cannot write: No space left on device");
}

static void prefixes_stand_in_front(void **state) {
    (void)state;
    assert_int_equal(vt_fail(VT_ERROR_INPUT, "row %d is empty", 7), VT_ERROR_INPUT);
    assert_int_equal(vt_fail_prefix(VT_ERROR_INPUT, "%s", "labels.csv"), VT_ERROR_INPUT);
    assert_string_equal(vt_error_message(), "labels.csv: row 7 is empty");
}

static void check_printable(const char *text, const char *expected) {
    assert_int_equal(vt_fail(VT_ERROR_INPUT, "%s", text), VT_ERROR_INPUT);
    assert_string_equal(vt_error_message(), expected);
}

static void hostile_bytes_are_shown_as_codes(void **state) {
    (void)state;
    check_printable("a\x1b[31mred", "a\\x1b[31mred");
    check_printable("two\nlines\ttab\x7f", "two\\x0alines\\x09tab\\x7f");
    check_printable("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\xab\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\xab\x80");
    check_printable("\xc2\x9b", "\\xc2\\x9b");                   /* C1 control: CSI */
    check_printable("\xc0\xaf", "\\xc0\\xaf");                   /* overlong */
    check_printable("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* surrogate */
    check_printable("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
    check_printable("cut \xe2\x82", "cut \\xe2\\x82");
}

static void long_sentences_are_cut(void **state) {
    (void)state;
    char text[10000];
    memset(text, '\x01', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(vt_fail(VT_ERROR_INPUT, "%s", text), VT_ERROR_INPUT);
    assert_in_range(strlen(vt_error_message()), 2000, 2047);
    assert_int_equal(vt_fail_prefix(VT_ERROR_INPUT, "%s", text), VT_ERROR_INPUT);
    assert_in_range(strlen(vt_error_message()), 2000, 2047);
    char small[8];
    vt_make_printable("abc\x01\x02", small, sizeof small);
    assert_string_equal(small, "abc\\x01");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_name_the_errno),
        cmocka_unit_test(prefixes_stand_in_front),
        cmocka_unit_test(hostile_bytes_are_shown_as_codes),
        cmocka_unit_test(long_sentences_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
