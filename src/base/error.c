/* This thread's last failure as one sentence, safe to show on a terminal. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_SIZE = 2048 };

static _Thread_local char message[MESSAGE_SIZE];

const char *vt_error_message(void) {
    return message;
}

/* Length of the valid UTF-8 sequence of a printable character at `s`, or 0. */
static size_t printable_length(const unsigned char *s) {
    if (s[0] >= 0x20 && s[0] < 0x7f) return 1;
    size_t length = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (length == 2 && s[0] == 0xc2 && s[1] < 0xa0) return 0; /* C1 control characters */
    if (length == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0))) return 0;
    if (length == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))) return 0;
    return length;
}

void vt_make_printable(const char *text, char *out, size_t size) {
    const unsigned char *s = (const unsigned char *)text;
    size_t used = 0;
    while (*s && used + 5 <= size) {
        size_t length = printable_length(s);
        if (length) {
            memcpy(out + used, s, length);
            used += length;
            s += length;
        } else {
            used += (size_t)snprintf(out + used, 5, "\\x%02x", *s);
            s++;
        }
    }
    if (size) out[used] = '\0';
}

static void store(const char *text) {
    vt_make_printable(text, message, sizeof message);
}

/* The names below stand in parentheses so that the macros of error.h, made for the static analyser, leave them alone. */
vt_status(vt_fail)(vt_status code, const char *format, ...) {
    char text[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    store(text);
    return code;
}

vt_status(vt_fail_errno)(const char *format, ...) {
    int number = errno;
    char text[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof text)
        snprintf(text + length, sizeof text - (size_t)length, ": %s", strerror(number));
    store(text);
    return VT_ERROR_IO;
}

vt_status(vt_fail_prefix)(vt_status code, const char *format, ...) {
    char text[2 * MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, MESSAGE_SIZE, format, arguments);
    va_end(arguments);
    if (length < 0) length = 0;
    if (length >= MESSAGE_SIZE) length = MESSAGE_SIZE - 1;
    snprintf(text + length, sizeof text - (size_t)length, ": %s", message);
    store(text);
    return code;
}

vt_status(vt_fail_memory)(const char *what, size_t bytes) {
    return vt_fail(VT_ERROR_MEMORY, "cannot allocate %zu bytes for %s", bytes, what);
}
