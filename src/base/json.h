/* JSON by jansson, with sentences instead of codes. Depth is limited (jansson: 2048), so are the size of a file and the
 * number of its values. */
#ifndef VT_BASE_JSON_H
#define VT_BASE_JSON_H

#include "base/error.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parses a file / a text whose root must be an object, in which no key stands twice. `name` is what error sentences
 * call the text. */
vt_status vt_json_load(const char *path, json_t **out) VT_CHECKED;
vt_status vt_json_parse(const char *text, size_t length, const char *name, json_t **out) VT_CHECKED;
/* The same for a text whose root may also be a list. */
vt_status vt_json_parse_list(const char *text, size_t length, const char *name, json_t **out) VT_CHECKED;

/* Writes `value` atomically, indented by two, keys in insertion order, NaN and infinities refused. */
vt_status vt_json_save(const char *path, const json_t *value) VT_CHECKED;

/* Typed members of an object. An absent (or null) key leaves *out as it was and is VT_OK; one of another type or
 * out of range is VT_ERROR_INPUT: "<name>: 'hidden_size' is \"abc\", expected an integer from 1 to 65536". */
vt_status vt_json_get_int(const json_t *object, const char *name, const char *key, int64_t low, int64_t high,
                          int64_t *out) VT_CHECKED;
vt_status vt_json_get_number(const json_t *object, const char *name, const char *key, double *out) VT_CHECKED;
vt_status vt_json_get_bool(const json_t *object, const char *name, const char *key, bool *out) VT_CHECKED;
/* *out points into the object. */
vt_status vt_json_get_string(const json_t *object, const char *name, const char *key, const char **out) VT_CHECKED;

/* A number for JSON that has no NaN: json_null() for NaN and infinities, else json_real(). */
json_t *vt_json_number(double value);

#endif
