/* The terminal: lines on standard output, warnings, errors and the progress bar on standard error, signals. */
#ifndef VT_CLI_TERMINAL_H
#define VT_CLI_TERMINAL_H

#include "vitrain/console.h"

enum { EXIT_ERROR = 1, EXIT_USAGE = 2 };

/* Lets SIGINT and SIGTERM ask the library to stop (a second one ends the program at once), and turns a closed pipe into
 * an ordinary write error. */
void terminal_open(void);

/* Says whether everything printed has arrived: the exit code, which becomes EXIT_ERROR with a sentence if not. */
int terminal_close(int exit_code);

/* The console to hand to the library. The bar is drawn if standard error is a terminal; else there is a line of
 * progress every tenth of the way, and every five seconds at most. */
const vt_console *terminal_console(void);

/* One line on standard output: formatted (at most 8 KB) and made safe to show, or a text of any length as it is. */
void say(const char *format, ...) VT_PRINTF(1, 2);
void say_text(const char *text);

/* Whether standard output has failed, so that there is no point in going on. */
int output_failed(void);

/* "vitrain: warning: ..." on standard error. */
void warn(const char *format, ...) VT_PRINTF(1, 2);

/* "vitrain: error: ..." on standard error; returns EXIT_ERROR, or EXIT_USAGE. */
int fail(const char *format, ...) VT_PRINTF(1, 2);
int fail_usage(const char *format, ...) VT_PRINTF(1, 2);

/* Prints the library's sentence for a status other than VT_OK and returns the exit code that goes with it. */
int fail_status(vt_status status);

#endif
