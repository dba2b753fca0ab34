/* A list as Python writes it, and so pandas into a CSV cell: ['cardiomegaly', "Barrett's", 1, 0.5, None, nan, True]. At most
 * 65536 values. */
#ifndef VT_FORMATS_PYTHON_LIST_H
#define VT_FORMATS_PYTHON_LIST_H

#include "base/json.h"

/* *out = the list as JSON: texts, integers, reals, booleans, and null for None and nan. Lists within the list are refused.
 * `name` is what sentences call the text, which must be UTF-8. *out is freed with json_decref(). */
vt_status vt_python_list_parse(const char *text, const char *name, json_t **out) VT_CHECKED;

#endif
