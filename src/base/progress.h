/* Saying things on a console: formatted lines, and a progress bar with rate and time left.
 *
 * A bar reads ` 42%|####------| 420/1000 [00:12<00:17, 34.1 images/s, loss=0.31]`; it is redrawn at most ten times a
 * second. Beside much text it is shorter, so that the line fits a terminal of 80 columns. The monotonic clock is used for
 * the rate. */
#ifndef VT_BASE_PROGRESS_H
#define VT_BASE_PROGRESS_H

#include "vitrain/console.h"
#include <stdint.h>

/* No-ops for a NULL console. */
void vt_say(const vt_console *console, const char *format, ...) VT_PRINTF(2, 3);
void vt_warn(const vt_console *console, const char *format, ...) VT_PRINTF(2, 3);

typedef struct vt_progress {
    const vt_console *console;
    const char *label, *unit;
    int64_t total, done, first;
    double started, drawn;
    char suffix[96];
} vt_progress;

/* Starts a bar at `first` of `total`, such as ("Preparing", "images"); unit NULL: no rate, for the suffix has a better one.
 * Strings must outlive the bar. */
void vt_progress_begin(vt_progress *progress, const vt_console *console, const char *label, const char *unit, int64_t first,
                       int64_t total);
/* Moves it to `done`, with more text after the rate (NULL: as before). */
void vt_progress_update(vt_progress *progress, int64_t done, const char *suffix);
/* Clears the bar from the screen. */
void vt_progress_end(vt_progress *progress);

/* "02:05", "1:02:05" */
void vt_format_duration(double seconds, char text[32]);
/* "1,234,567" */
void vt_format_count(int64_t value, char text[32]);
/* "3.4 GB" (decimal) */
void vt_format_bytes(uint64_t bytes, char text[32]);

#endif
