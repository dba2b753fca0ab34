/* Failing with a sentence: vt_fail() sets this thread's message, VT_TRY() passes a failure on. */
#ifndef VT_BASE_ERROR_H
#define VT_BASE_ERROR_H

#include "vitrain/status.h"
#include <stddef.h>

/* Sets vt_error_message() and returns `code`. The sentence starts with the file (and place) it is about and says
 * what would be right: vt_fail(VT_ERROR_INPUT, "%s:%d: ...", path, line). Bytes that are not printable ASCII or valid
 * UTF-8 are shown as \xNN, so that a hostile file can't write to the user's terminal. */
vt_status vt_fail(vt_status code, const char *format, ...) VT_PRINTF(2, 3);

/* As vt_fail(VT_ERROR_IO, ...), with ": " and the text of the current errno appended. */
vt_status vt_fail_errno(const char *format, ...) VT_PRINTF(1, 2);

/* Puts "<formatted>: " in front of the current message and returns `code`. */
vt_status vt_fail_prefix(vt_status code, const char *format, ...) VT_PRINTF(2, 3);

/* "cannot allocate N bytes for <what>" */
vt_status vt_fail_memory(const char *what, size_t bytes);

/* A failure is never VT_OK: across files the static analyser can't see that, and would follow paths that don't exist. */
#ifdef __clang_analyzer__
#define vt_fail(code, ...)        ((void)vt_fail(code, __VA_ARGS__), (code))
#define vt_fail_errno(...)        ((void)vt_fail_errno(__VA_ARGS__), VT_ERROR_IO)
#define vt_fail_prefix(code, ...) ((void)vt_fail_prefix(code, __VA_ARGS__), (code))
#define vt_fail_memory(what, ...) ((void)vt_fail_memory(what, __VA_ARGS__), VT_ERROR_MEMORY)
#endif

#define VT_TRY(expression)                                                                                                     \
    do {                                                                                                                       \
        vt_status vt_try_ = (expression);                                                                                      \
        if (vt_try_ != VT_OK) return vt_try_;                                                                                  \
    } while (0)

/* For functions with one exit: stores the status in a variable called `status` and jumps to `done`. */
#define VT_TRY_GOTO(expression)                                                                                                \
    do {                                                                                                                       \
        status = (expression);                                                                                                 \
        if (status != VT_OK) goto done;                                                                                        \
    } while (0)

#endif
