/* Status codes and the message that goes with them.
 *
 * Every function of this library that can fail returns a vt_status. When it is not VT_OK, one complete
 * sentence for the user waits in vt_error_message(): what was wrong, in which file, at which line, row or
 * byte, and what would be right. The library never exits, aborts or prints. */
#ifndef VITRAIN_STATUS_H
#define VITRAIN_STATUS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VT_API                                  __attribute__((visibility("default")))
#define VT_CHECKED                              __attribute__((warn_unused_result))
#define VT_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#else
#define VT_API
#define VT_CHECKED
#define VT_PRINTF(format_index, first_argument)
#endif

typedef enum vt_status {
    VT_OK = 0,
    VT_ERROR_USAGE = 1,       /* an argument or a combination of arguments makes no sense */
    VT_ERROR_INPUT = 2,       /* a file is malformed, or disagrees with another */
    VT_ERROR_IO = 3,          /* the operating system refused: missing file, permission, full disk */
    VT_ERROR_MEMORY = 4,      /* an allocation failed */
    VT_ERROR_UNSUPPORTED = 5, /* a valid request that this build or this machine can't serve */
    VT_ERROR_INTERRUPTED = 6  /* vt_request_stop() was honoured; state is saved and whole */
} vt_status;

/* The sentence of this thread's last failure; "" if none. Valid until this thread's next failure. */
VT_API const char *vt_error_message(void);

/* out [size] = `text`, cut to fit, with the bytes that could disturb a terminal shown as \xNN: what vt_error_message() and
 * the lines of a vt_console have been through. Four times the text's length and five bytes more always suffice. */
VT_API void vt_make_printable(const char *text, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
