/* Lists as Python writes them: what is read, and what is refused with its place. */
#include "support.h"

#include "formats/python_list.h"

static void check(const char *text, const char *expected) {
    json_t *list;
    ASSERT_OK(vt_python_list_parse(text, "cell", &list));
    char *json = json_dumps(list, JSON_COMPACT);
    assert_string_equal(json, expected);
    free(json);
    json_decref(list);
}

static void lists_are_read(void **state) {
    (void)state;
    check("[]", "[]");
    check(" [ ] ", "[]");
    check("['cardiomegaly', 'normal']", "[\"cardiomegaly\",\"normal\"]");
    check("[\"Barrett's\",'a \"b\"']", "[\"Barrett's\",\"a \\\"b\\\"\"]");
    check("['it\\'s', 'back\\\\slash', '']", "[\"it's\",\"back\\\\slash\",\"\"]");
    check("['\xc3\xa9 [x], y']", "[\"\xc3\xa9 [x], y\"]");
    check("[1, -1, +2, 0.5, 1e3, 0.]", "[1,-1,2,0.5,1000.0,0.0]");
    check("[None, nan, NaN, True, False]", "[null,null,null,true,false]");
    check("[1,\n 0,]", "[1,0]");
}

static void broken_lists_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "cell: character 1: no '['"},
        {"a", "character 1: no '['"},
        {"[", "character 2: no value"},
        {"[,]", "character 2: no value"},
        {"['a'", "character 5: no ',' or ']' after a value"},
        {"['a' 'b']", "character 6: no ',' or ']'"},
        {"['a", "character 4: a quote is never closed"},
        {"['a\\", "a backslash before something else"},
        {"['a\\x41']", "a backslash before something else"},
        {"[cat]", "character 2: neither a text in quotes nor a number; expected a list such as ['mass', 'edema']"},
        {"[inf]", "neither a text"},
        {"[0x10]", "neither a text"},
        {"[1e999]", "neither a text"},
        {"[--1]", "neither a text"},
        {"[[1]]", "neither a text"},
        {"[1] x", "character 5: text after the list"},
        {"[11111111111111111111111111111111111111111111]", "no value"},
    };
    json_t *list;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ASSERT_FAILS(VT_ERROR_INPUT, cases[i].words, vt_python_list_parse(cases[i].text, "cell", &list));
        assert_null(list);
    }
}

static void long_lists_are_refused(void **state) {
    (void)state;
    enum { COUNT = 65537 };
    json_t *list;
    char *text = malloc(2 * COUNT + 2);
    assert_non_null(text);
    for (size_t i = 0; i < COUNT; i++) memcpy(text + 2 * i, i ? ",0" : "[0", 2);
    memcpy(text + 2 * COUNT, "]", 2);
    ASSERT_FAILS(VT_ERROR_INPUT, "more than 65536 values", vt_python_list_parse(text, "cell", &list));
    memcpy(text + 2 * (COUNT - 1), "]", 2);
    ASSERT_OK(vt_python_list_parse(text, "cell", &list));
    json_decref(list);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(broken_lists_are_refused),
        cmocka_unit_test(long_lists_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
