/* Lists of names in options: blanks, quotes, and what is refused. */
#include "support.h"

#include "data/source/name_list.h"

/* The names of a list, each in brackets. */
static const char *names_of(const char *list) {
    static char text[256];
    vt_strings names = {0};
    text[0] = '\0';
    ASSERT_OK(vt_name_list_split(list, "labels", &names));
    for (size_t i = 0; i < names.count; i++) {
        strcat(text, "[");
        strcat(text, names.items[i]);
        strcat(text, "]");
    }
    vt_strings_free(&names);
    return text;
}

static void commas_part_names(void **state) {
    (void)state;
    assert_string_equal(names_of("A"), "[A]");
    assert_string_equal(names_of(" A , No Finding,C "), "[A][No Finding][C]");
    assert_string_equal(names_of("-A, -B"), "[-A][-B]");
    assert_string_equal(names_of("A,,B,"), "[A][][B][]");
    assert_string_equal(names_of(""), "[]");
    assert_string_equal(names_of("5\" scar,B"), "[5\" scar][B]");
}

static void quotes_keep_commas(void **state) {
    (void)state;
    assert_string_equal(names_of("\"normal, benign\",other"), "[normal, benign][other]");
    assert_string_equal(names_of("A, \" B \" ,C"), "[A][ B ][C]");
    assert_string_equal(names_of("-\"normal, benign\",-other"), "[-normal, benign][-other]");
    assert_string_equal(names_of("\"-normal, benign\""), "[-normal, benign]");
    assert_string_equal(names_of("\"a \"\"b\"\", c\""), "[a \"b\", c]");
    assert_string_equal(names_of("\"\"\"\",\"\""), "[\"][]");
}

static void unclosed_quotes_are_refused(void **state) {
    (void)state;
    static const char *const lists[] = {"\"A, B", "A,\"B\"\"", "\"A\"B,C", "-\"A", "\""};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        vt_strings names = {0};
        ASSERT_FAILS(VT_ERROR_USAGE, "labels: ", vt_name_list_split(lists[i], "labels", &names));
        ASSERT_FAILS(VT_ERROR_USAGE, "one with a comma in quotes", vt_name_list_split(lists[i], "labels", &names));
        vt_strings_free(&names);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_part_names),
        cmocka_unit_test(quotes_keep_commas),
        cmocka_unit_test(unclosed_quotes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
