/* JSON: errors name file, line and column; hostile nesting is a sentence; numbers are written as Python writes them. */
#include "support.h"

#include "base/json.h"
#include "base/memory.h"

#include <math.h>

static json_t *parse(const char *text) {
    json_t *value;
    ASSERT_OK(vt_json_parse(text, strlen(text), "config.json", &value));
    return value;
}

static void broken_texts_are_placed(void **state) {
    (void)state;
    json_t *value;
    static const char *const broken[][2] = {
        {"{\n  \"a\": 1,\n  \"b\": oops\n}", "config.json:3:"},
        {"", "config.json:1:"},
        {"{\"a\": 1", "config.json:1:"},
        {"{\"a\": 1} x", "config.json:1:"},
        {"{\"a\": 1, \"a\": 2}", "config.json:1:"},
        {"[1, 2]", "config.json: expected a JSON object"},
        {"{\"a\": 1e999}", "config.json:1:"},
        {"{\"a\": 99999999999999999999999}", "config.json:1:"},
        {"{\"a\": NaN}", "config.json:1:"},
        {"{\"a\": \"\xff\"}", "config.json:1:"},
        {"{\"a\": \"\\u0000\"}", "config.json:1:"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        ASSERT_FAILS(VT_ERROR_INPUT, broken[i][1], vt_json_parse(broken[i][0], strlen(broken[i][0]), "config.json", &value));
        assert_null(value);
    }
}

static void a_million_brackets_are_a_sentence(void **state) {
    (void)state;
    enum { DEPTH = 1000000 };
    char *text;
    json_t *value;
    ASSERT_OK(vt_allocate(&text, DEPTH, 1, "test data"));
    memset(text, '[', DEPTH);
    write_test_file(test_path("deep.json"), text, DEPTH);
    ASSERT_FAILS(VT_ERROR_INPUT, "deep.json:1:", vt_json_load(test_path("deep.json"), &value));
    for (size_t i = 0; i + 5 <= DEPTH; i += 5) memcpy(text + i, "{\"a\":", 5);
    ASSERT_FAILS(VT_ERROR_INPUT, "deep:1:", vt_json_parse(text, DEPTH, "deep", &value));
    free(text);
}

/* A few megabytes of empty objects would take hundreds of megabytes of memory. */
static void millions_of_values_are_a_sentence(void **state) {
    (void)state;
    static const char *const items[] = {"{},", "[],", "0,"};
    enum { COUNT = 4000001 };
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        size_t length = strlen(items[i]), used = 0;
        char *text = malloc(COUNT * length + 16);
        assert_non_null(text);
        used += (size_t)sprintf(text, "{\"a\": [");
        for (int item = 0; item < COUNT; item++, used += length) memcpy(text + used, items[i], length);
        memcpy(text + used - 1, "]}", 2);
        json_t *value;
        ASSERT_FAILS(VT_ERROR_INPUT, "many.json: holds ", vt_json_parse(text, used + 1, "many.json", &value));
        assert_null(value);
        free(text);
    }
}

static void members_have_types_and_ranges(void **state) {
    (void)state;
    json_t *object =
        parse("{\"hidden_size\": \"abc\", \"layers\": 12, \"epsilon\": 1e-12, \"bias\": true, \"name\": \"vit\", "
              "\"nothing\": null, \"many\": [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26]}");
    int64_t integer = 7;
    double number = 7;
    bool boolean = true;
    const char *string = "kept";
    ASSERT_FAILS(VT_ERROR_INPUT, "c.json: 'hidden_size' is \"abc\", expected an integer from 1 to 65536",
                 vt_json_get_int(object, "c.json", "hidden_size", 1, 65536, &integer));
    ASSERT_FAILS(VT_ERROR_INPUT, "'layers' is 12, expected an integer from 1 to 11",
                 vt_json_get_int(object, "c.json", "layers", 1, 11, &integer));
    ASSERT_FAILS(VT_ERROR_INPUT, "'epsilon' is 1e-12, expected", vt_json_get_int(object, "c.json", "epsilon", 0, 9, &integer));
    ASSERT_OK(vt_json_get_int(object, "c.json", "absent", 1, 2, &integer));
    ASSERT_OK(vt_json_get_int(object, "c.json", "nothing", 1, 2, &integer));
    assert_int_equal(integer, 7);
    ASSERT_OK(vt_json_get_int(object, "c.json", "layers", 1, 12, &integer));
    assert_int_equal(integer, 12);
    ASSERT_FAILS(VT_ERROR_INPUT, "expected a number", vt_json_get_number(object, "c.json", "name", &number));
    ASSERT_OK(vt_json_get_number(object, "c.json", "layers", &number));
    assert_true(number == 12);
    ASSERT_OK(vt_json_get_number(object, "c.json", "epsilon", &number));
    assert_true(number == 1e-12);
    ASSERT_FAILS(VT_ERROR_INPUT, "expected true or false", vt_json_get_bool(object, "c.json", "layers", &boolean));
    ASSERT_OK(vt_json_get_bool(object, "c.json", "absent", &boolean));
    assert_true(boolean);
    ASSERT_OK(vt_json_get_bool(object, "c.json", "bias", &boolean));
    assert_true(boolean);
    ASSERT_FAILS(VT_ERROR_INPUT, "..., expected a string", vt_json_get_string(object, "c.json", "many", &string));
    ASSERT_OK(vt_json_get_string(object, "c.json", "nothing", &string));
    assert_string_equal(string, "kept");
    ASSERT_OK(vt_json_get_string(object, "c.json", "name", &string));
    assert_string_equal(string, "vit");
    json_decref(object);
}

static void files_look_as_python_writes_them(void **state) {
    (void)state;
    static const char *const text = "{\n"
                                    "  \"learning_rate\": 0.0002,\n"
                                    "  \"a_third\": 0.3333333333333333,\n"
                                    "  \"epsilon\": 1e-12,\n"
                                    "  \"epochs\": 3.0,\n"
                                    "  \"exact\": 0.30000000000000004,\n"
                                    "  \"loss\": null,\n"
                                    "  \"steps\": -9223372036854775808,\n"
                                    "  \"log\": [\n"
                                    "    {\n"
                                    "      \"name\": \"Pleural \\\"\xc3\xa9\\\"\"\n"
                                    "    },\n"
                                    "    [],\n"
                                    "    {}\n"
                                    "  ]\n"
                                    "}\n";
    json_t *value = parse(text), *again;
    ASSERT_OK(vt_json_save(test_path("state.json"), value));
    uint8_t *written;
    size_t size;
    ASSERT_OK(vt_read_file(test_path("state.json"), 4096, &written, &size));
    assert_string_equal((char *)written, text);
    free(written);
    ASSERT_OK(vt_json_load(test_path("state.json"), &again));
    assert_true(json_equal(value, again));
    json_decref(value);
    json_decref(again);
    ASSERT_FAILS(VT_ERROR_MEMORY, "JSON", vt_json_save(test_path("state.json"), NULL));
}

static void numbers_read_back_as_they_were(void **state) {
    (void)state;
    static const double values[] = {0.1, 1.0 / 3, 1e300, 5e-324, 1.7976931348623157e308, -0.0, 123456789.125, 1e22, 1e15};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        json_t *object = json_object(), *again;
        assert_int_equal(json_object_set_new(object, "x", vt_json_number(values[i])), 0);
        ASSERT_OK(vt_json_save(test_path("number.json"), object));
        ASSERT_OK(vt_json_load(test_path("number.json"), &again));
        assert_true(json_is_real(json_object_get(again, "x")));
        double read = json_real_value(json_object_get(again, "x"));
        assert_memory_equal(&read, &values[i], sizeof read);
        json_decref(object);
        json_decref(again);
    }
    json_t *null = vt_json_number(NAN);
    assert_true(json_is_null(null));
    json_decref(null);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_texts_are_placed),        cmocka_unit_test(a_million_brackets_are_a_sentence),
        cmocka_unit_test(members_have_types_and_ranges),  cmocka_unit_test(files_look_as_python_writes_them),
        cmocka_unit_test(numbers_read_back_as_they_were), cmocka_unit_test(millions_of_values_are_a_sentence),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failed;
}
