/* JSON: parsing by jansson, with the place of an error in its sentence; writing as Python's json.dump(indent=2) does, with
 * the shortest digits that read back as the same number. */
#include "base/json.h"
#include "base/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t SIZE_LIMIT = (size_t)64 << 20;

/* In memory an empty object takes eighty times its text, other values up to fifty times; counted ahead, they stay below
 * half a gigabyte. A log of 100,000 entries, the largest thing expected, holds a million values. */
enum { CONTAINER_LIMIT = 1000000, VALUE_LIMIT = 4000000 };

/* Counts brackets and commas, those in strings too. */
static vt_status check_value_count(const char *text, size_t length, const char *name) {
    size_t containers = 0, commas = 0;
    for (size_t i = 0; i < length; i++) {
        containers += text[i] == '{' || text[i] == '[';
        commas += text[i] == ',';
    }
    if (containers <= CONTAINER_LIMIT && containers + commas <= VALUE_LIMIT) return VT_OK;
    return vt_fail(VT_ERROR_INPUT, "%s: holds %zu objects and lists and %zu values; expected at most %d and %d", name,
                   containers, containers + commas, CONTAINER_LIMIT, VALUE_LIMIT);
}

vt_status vt_json_parse_list(const char *text, size_t length, const char *name, json_t **out) {
    json_error_t error;
    *out = NULL;
    VT_TRY(check_value_count(text, length, name));
    *out = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (*out) return VT_OK;
    return vt_fail(VT_ERROR_INPUT, "%s:%d:%d: not valid JSON: %s", name, error.line, error.column, error.text);
}

vt_status vt_json_parse(const char *text, size_t length, const char *name, json_t **out) {
    VT_TRY(vt_json_parse_list(text, length, name, out));
    if (json_is_object(*out)) return VT_OK;
    json_decref(*out);
    *out = NULL;
    return vt_fail(VT_ERROR_INPUT, "%s: expected a JSON object, {...}", name);
}

vt_status vt_json_load(const char *path, json_t **out) {
    uint8_t *data;
    size_t size;
    *out = NULL;
    VT_TRY(vt_read_file(path, SIZE_LIMIT, &data, &size));
    vt_status status = vt_json_parse((const char *)data, size, path, out);
    free(data);
    return status;
}

/* --- writing --- */

static vt_status write_real(vt_writer *writer, double value) {
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value) break;
    }
    char *comma = strchr(digits, ','); /* of the process's locale */
    if (comma) *comma = '.';
    return vt_writer_print(writer, "%s%s", digits, strpbrk(digits, ".e") ? "" : ".0");
}

/* A string, number or word. */
static vt_status write_scalar(vt_writer *writer, const json_t *value) {
    if (json_is_real(value)) return write_real(writer, json_real_value(value));
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    if (!text) return vt_fail_memory("JSON text", 0);
    vt_status status = vt_writer_write(writer, text, strlen(text));
    free(text);
    return status;
}

static vt_status write_key(vt_writer *writer, const char *key) {
    json_t *name = json_string(key);
    if (!name) return vt_fail_memory("a JSON key", strlen(key));
    vt_status status = write_scalar(writer, name);
    json_decref(name);
    VT_TRY(status);
    return vt_writer_print(writer, ": ");
}

static vt_status write_value(vt_writer *writer, const json_t *value, int indent);

/* Between two members, or after the last: a comma if need be, and a fresh line. */
static vt_status write_line_end(vt_writer *writer, const char *comma, int indent) {
    return vt_writer_print(writer, "%s\n%*s", comma, 2 * indent, "");
}

static vt_status write_object(vt_writer *writer, json_t *object, int indent) {
    const char *key, *before = "{";
    json_t *member;
    json_object_foreach(object, key, member) {
        VT_TRY(write_line_end(writer, before, indent + 1));
        VT_TRY(write_key(writer, key));
        VT_TRY(write_value(writer, member, indent + 1));
        before = ",";
    }
    VT_TRY(write_line_end(writer, "", indent));
    return vt_writer_print(writer, "}");
}

static vt_status write_array(vt_writer *writer, const json_t *array, int indent) {
    for (size_t i = 0; i < json_array_size(array); i++) {
        VT_TRY(write_line_end(writer, i ? "," : "[", indent + 1));
        VT_TRY(write_value(writer, json_array_get(array, i), indent + 1));
    }
    VT_TRY(write_line_end(writer, "", indent));
    return vt_writer_print(writer, "]");
}

static vt_status write_value(vt_writer *writer, const json_t *value, int indent) {
    if (json_is_object(value) && json_object_size(value)) return write_object(writer, (json_t *)value, indent);
    if (json_is_array(value) && json_array_size(value)) return write_array(writer, value, indent);
    return write_scalar(writer, value);
}

vt_status vt_json_save(const char *path, const json_t *value) {
    vt_writer *writer;
    if (!value) return vt_fail_memory("JSON text", 0);
    VT_TRY(vt_writer_open(path, &writer));
    vt_status status = write_value(writer, value, 0);
    if (status == VT_OK) status = vt_writer_print(writer, "\n");
    if (status == VT_OK) return vt_writer_commit(writer);
    vt_writer_discard(writer);
    return status;
}

/* --- typed members --- */

/* The member, or NULL if it is absent or null. */
static const json_t *member_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return value && !json_is_null(value) ? value : NULL;
}

static vt_status wrong_type(const char *name, const char *key, const json_t *value, const char *expected) {
    enum { SHOWN = 60 };
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
    size_t length = text ? strlen(text) : 0;
    vt_status status = vt_fail(VT_ERROR_INPUT, "%s: '%s' is %.*s%s, expected %s", name, key, SHOWN, text ? text : "?",
                               length > SHOWN ? "..." : "", expected);
    free(text);
    return status;
}

vt_status vt_json_get_int(const json_t *object, const char *name, const char *key, int64_t low, int64_t high, int64_t *out) {
    const json_t *value = member_of(object, key);
    if (!value) return VT_OK;
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < low || number > high) {
        char expected[80];
        snprintf(expected, sizeof expected, "an integer from %lld to %lld", (long long)low, (long long)high);
        return wrong_type(name, key, value, expected);
    }
    *out = number;
    return VT_OK;
}

vt_status vt_json_get_number(const json_t *object, const char *name, const char *key, double *out) {
    const json_t *value = member_of(object, key);
    if (!value) return VT_OK;
    if (!json_is_number(value)) return wrong_type(name, key, value, "a number");
    *out = json_number_value(value);
    return VT_OK;
}

vt_status vt_json_get_bool(const json_t *object, const char *name, const char *key, bool *out) {
    const json_t *value = member_of(object, key);
    if (!value) return VT_OK;
    if (!json_is_boolean(value)) return wrong_type(name, key, value, "true or false");
    *out = json_is_true(value);
    return VT_OK;
}

vt_status vt_json_get_string(const json_t *object, const char *name, const char *key, const char **out) {
    const json_t *value = member_of(object, key);
    if (!value) return VT_OK;
    if (!json_is_string(value)) return wrong_type(name, key, value, "a string");
    *out = json_string_value(value);
    return VT_OK;
}

json_t *vt_json_number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}
