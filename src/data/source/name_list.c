/* Splits lists of names at their commas, but for those in quotes. */
#include "data/source/name_list.h"

#include <string.h>

/* Adds the name whose opening quote is at `quote`; *rest = what stands behind it and its blanks, NULL: it is not closed. */
static vt_status add_quoted(const char *start, const char *quote, vt_strings *names, const char **rest) {
    vt_text name = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_text_add(&name, "%.*s", (int)(quote - start), start));
    const char *end = strchr(quote + 1, '"');
    for (; end && end[1] == '"'; end = strchr(quote + 1, '"')) {
        VT_TRY_GOTO(vt_text_add_bytes(&name, quote + 1, (size_t)(end - quote)));
        quote = end + 1;
    }
    *rest = end ? end + 1 + strspn(end + 1, " ") : NULL;
    if (!end) goto done;
    VT_TRY_GOTO(vt_text_add_bytes(&name, quote + 1, (size_t)(end - quote) - 1));
    status = vt_strings_add(names, name.data, name.length);
done:
    vt_text_free(&name);
    return status;
}

static vt_status add_bare(const char *start, vt_strings *names, const char **rest) {
    size_t length = strcspn(start, ",");
    *rest = start + length;
    while (length > 0 && start[length - 1] == ' ') length--;
    return vt_strings_add(names, start, length);
}

vt_status vt_name_list_split(const char *list, const char *option, vt_strings *names) {
    for (const char *next = list; next;) {
        const char *start = next + strspn(next, " "), *quote = start + (*start == '-');
        VT_TRY(*quote == '"' ? add_quoted(start, quote, names, &next) : add_bare(start, names, &next));
        if (!next || (*next != ',' && *next != '\0'))
            return vt_fail(VT_ERROR_USAGE, "%s: %s: expected names apart by commas; one with a comma in quotes: \"A, B\",C",
                           option, list);
        next = *next == ',' ? next + 1 : NULL;
    }
    return VT_OK;
}
