/* Python's list literals, as far as repr() writes them for lists of texts and numbers. What the values mean is for others. */
#include "formats/python_list.h"

#include "base/memory.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_LIMIT = 65536 };

typedef struct vt_python_reader {
    const char *name; /* for sentences */
    const char *text, *next;
    json_t *list;
} vt_python_reader;

static vt_status fail(const vt_python_reader *reader, const char *what) {
    return vt_fail(VT_ERROR_INPUT, "%s: character %zu: %s; expected a list such as ['mass', 'edema'] or [1, 0]", reader->name,
                   (size_t)(reader->next - reader->text) + 1, what);
}

static void skip_blanks(vt_python_reader *reader) {
    while (*reader->next && isspace((unsigned char)*reader->next)) reader->next++;
}

/* Takes over `value`; NULL is a failed allocation. */
static vt_status append(vt_python_reader *reader, json_t *value) {
    if (json_array_size(reader->list) == VALUE_LIMIT) {
        json_decref(value);
        return fail(reader, "more than 65536 values");
    }
    if (json_array_append_new(reader->list, value) == 0) return VT_OK;
    return vt_fail(VT_ERROR_MEMORY, "%s: no memory for the list", reader->name);
}

/* 'text' or "text", in which a backslash stands before quotes and backslashes. */
static vt_status read_text(vt_python_reader *reader) {
    const char quote = *reader->next++;
    vt_text text = {0};
    vt_status status = VT_OK;
    while (*reader->next && *reader->next != quote) {
        if (*reader->next == '\\') {
            reader->next++;
            if (!*reader->next || !strchr("'\"\\", *reader->next)) {
                status = fail(reader, "a backslash before something else than a quote or a backslash");
                goto done;
            }
        }
        VT_TRY_GOTO(vt_text_add_bytes(&text, reader->next, 1));
        reader->next++;
    }
    if (!*reader->next) {
        status = fail(reader, "a quote is never closed");
        goto done;
    }
    reader->next++;
    status = append(reader, json_stringn(text.data ? text.data : "", text.length));
done:
    vt_text_free(&text);
    return status;
}

/* A decimal number; strtod() would also take "inf" and "0x1p3". */
static vt_status read_number(vt_python_reader *reader, const char *word) {
    char *end;
    if (word[strspn(word, "+-.0123456789eE")] != '\0') return fail(reader, "neither a text in quotes nor a number");
    errno = 0;
    long long integer = strtoll(word, &end, 10);
    if (*end == '\0' && errno == 0) return append(reader, json_integer(integer));
    double real = strtod(word, &end);
    if (*end != '\0' || !isfinite(real)) return fail(reader, "neither a text in quotes nor a number");
    return append(reader, json_real(real));
}

/* None, nan, True, False or a number. */
static vt_status read_word(vt_python_reader *reader) {
    char word[40] = {0};
    size_t length = strcspn(reader->next, ",] \t\r\n");
    if (length == 0 || length >= sizeof word) return fail(reader, "no value");
    memcpy(word, reader->next, length);
    if (strcmp(word, "None") == 0 || strcmp(word, "nan") == 0 || strcmp(word, "NaN") == 0)
        VT_TRY(append(reader, json_null()));
    else if (strcmp(word, "True") == 0)
        VT_TRY(append(reader, json_true()));
    else if (strcmp(word, "False") == 0)
        VT_TRY(append(reader, json_false()));
    else
        VT_TRY(read_number(reader, word));
    reader->next += length;
    return VT_OK;
}

static vt_status read_list(vt_python_reader *reader) {
    skip_blanks(reader);
    if (*reader->next != '[') return fail(reader, "no '[' at the start");
    reader->next++;
    skip_blanks(reader);
    while (*reader->next != ']') {
        bool quoted = *reader->next == '\'' || *reader->next == '"';
        VT_TRY(quoted ? read_text(reader) : read_word(reader));
        skip_blanks(reader);
        if (*reader->next == ']') break;
        if (*reader->next != ',') return fail(reader, "no ',' or ']' after a value");
        reader->next++;
        skip_blanks(reader);
    }
    reader->next++;
    skip_blanks(reader);
    return *reader->next ? fail(reader, "text after the list") : VT_OK;
}

vt_status vt_python_list_parse(const char *text, const char *name, json_t **out) {
    vt_python_reader reader = {.name = name, .text = text, .next = text, .list = json_array()};
    *out = NULL;
    if (!reader.list) return vt_fail(VT_ERROR_MEMORY, "%s: no memory for the list", name);
    vt_status status = read_list(&reader);
    if (status == VT_OK)
        *out = reader.list;
    else
        json_decref(reader.list);
    return status;
}
