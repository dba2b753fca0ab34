/* Growing text for output lines of any length. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int make_room(text *line, size_t more) {
    if (line->failed) return 0;
    size_t needed = line->length + more + 1;
    if (needed <= line->capacity) return 1;
    size_t capacity = needed < 256 ? 256 : 2 * needed;
    char *data = realloc(line->data, capacity);
    if (!data) {
        line->failed = 1;
        return 0;
    }
    line->data = data;
    line->capacity = capacity;
    return 1;
}

void text_add(text *line, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length >= 0 && make_room(line, (size_t)length)) {
        vsnprintf(line->data + line->length, (size_t)length + 1, format, again);
        line->length += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

void text_add_csv(text *line, const char *field) {
    if (!strpbrk(field, ",\"\r\n")) {
        text_add(line, "%s", field);
        return;
    }
    text_add(line, "\"");
    for (; *field; field++) text_add(line, *field == '"' ? "\"\"" : "%c", *field);
    text_add(line, "\"");
}

void text_add_printable(text *line, const char *string) {
    size_t room = 4 * strlen(string) + 5;
    if (!make_room(line, room)) return;
    vt_make_printable(string, line->data + line->length, room);
    line->length += strlen(line->data + line->length);
}

/* How many bytes at `string`, at most 4 and all above 0x7f, are whole characters of UTF-8. */
static int utf8_length(const char *string) {
    char bytes[5] = "", shown[32];
    int length = 0;
    for (; length < 4 && (unsigned char)string[length] > 0x7f; length++) bytes[length] = string[length];
    for (; length > 0; bytes[--length] = '\0') {
        vt_make_printable(bytes, shown, sizeof shown);
        if (strcmp(bytes, shown) == 0) break;
    }
    return length;
}

void text_add_json(text *line, const char *string) {
    text_add(line, "\"");
    for (; *string; string++) {
        unsigned char letter = (unsigned char)*string;
        int whole = utf8_length(string);
        if (letter == '"' || letter == '\\')
            text_add(line, "\\%c", letter);
        else if (letter < 0x20)
            text_add(line, "\\u%04x", letter);
        else if (letter > 0x7f && whole == 0)
            text_add(line, "\\udc%02x", letter);
        else
            text_add(line, "%.*s", whole ? whole : 1, string);
        if (whole) string += whole - 1;
    }
    text_add(line, "\"");
}

void text_clear(text *line) {
    line->length = 0;
    if (line->data) line->data[0] = '\0';
}

int text_failed(const text *line) {
    return line->failed;
}

void text_free(text *line) {
    free(line->data);
    *line = (text){0};
}
