/* How long-running functions speak to their caller: lines, a progress bar, and a request to stop.
 *
 * The library writes nothing itself. It formats complete lines, made safe to show on a terminal, and hands them to a
 * vt_console; a NULL console is silence, and so is a NULL member of one. */
#ifndef VITRAIN_CONSOLE_H
#define VITRAIN_CONSOLE_H

#include "vitrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum vt_level {
    VT_LEVEL_INFO = 0, /* results and summaries */
    VT_LEVEL_WARNING = 1
} vt_level;

typedef struct vt_console {
    void *user;
    /* One line of text, without a newline. Both are called from the thread that called the library. */
    void (*line)(void *user, vt_level level, const char *text);
    /* The current progress bar as one line of text, redrawn in place; NULL clears it. */
    void (*progress)(void *user, const char *text);
} vt_console;

/* Asks every long-running function to stop at its next safe point: it saves what it must and returns
 * VT_ERROR_INTERRUPTED. Async-signal-safe: made to be called from a SIGINT or SIGTERM handler. */
VT_API void vt_request_stop(void);

/* Forgets an earlier vt_request_stop(). */
VT_API void vt_clear_stop(void);

#ifdef __cplusplus
}
#endif
#endif
