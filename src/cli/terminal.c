/* Speaking to the user. Results go to standard output and everything else to standard error, so that either can be
 * redirected. */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 8192 };

static struct {
    int draws_bar;   /* standard error is a terminal */
    int bar_width;   /* characters of the bar on the screen; 0: none */
    int last_tenth;  /* of the progress last printed as a line */
    time_t printed;  /* when that was, or the bar began; 0: there is no bar */
    int write_error; /* errno of the first failed write to standard output */
} terminal;

static volatile sig_atomic_t stopped_by; /* the signal; 0: none */

static void request_stop(int signal_number) {
    if (stopped_by) _exit(128 + signal_number);
    stopped_by = signal_number;
    vt_request_stop();
}

/* Standard streams that are closed would lend their numbers to the next files opened, and what is said would be written
 * into those. Opened for reading, they fail every write instead. */
static void reserve_standard_streams(void) {
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0) _exit(EXIT_ERROR);
}

void terminal_open(void) {
    reserve_standard_streams();
    struct sigaction action = {.sa_handler = request_stop, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file over the limit on its size is a write error, too */
    setvbuf(stdout, NULL, _IOLBF, 0);
    terminal.draws_bar = isatty(STDERR_FILENO);
}

int terminal_close(int exit_code) {
    if (fflush(stdout) != 0 && !terminal.write_error) terminal.write_error = errno;
    if (!terminal.write_error && !ferror(stdout)) return exit_code;
    int failed = fail("cannot write to standard output: %s", strerror(terminal.write_error ? terminal.write_error : EIO));
    return exit_code ? exit_code : failed;
}

static void clear_bar(void) {
    if (terminal.bar_width > 0) fprintf(stderr, "\r%*s\r", terminal.bar_width, "");
    terminal.bar_width = 0;
}

void say_text(const char *text) {
    clear_bar();
    errno = 0;
    if ((fputs(text, stdout) == EOF || fputc('\n', stdout) == EOF) && !terminal.write_error)
        terminal.write_error = errno ? errno : EIO;
}

int output_failed(void) {
    return terminal.write_error != 0;
}

/* line [LINE_SIZE] = one line that is safe to show: names of files and labels may hold anything. */
static VT_PRINTF(2, 0) void format_line(char *line, const char *format, va_list arguments) {
    char text[LINE_SIZE];
    vsnprintf(text, sizeof text, format, arguments);
    vt_make_printable(text, line, LINE_SIZE);
}

static VT_PRINTF(2, 0) void print_notice(const char *kind, const char *format, va_list arguments) {
    char line[LINE_SIZE];
    format_line(line, format, arguments);
    clear_bar();
    fflush(stdout);
    fprintf(stderr, "vitrain: %s: %s\n", kind, line);
}

/* --- the library's console --- */

static void console_line(void *user, vt_level level, const char *text) {
    (void)user;
    if (level == VT_LEVEL_WARNING)
        warn("%s", text);
    else
        say_text(text);
}

/* The bar names its percentage first: "Preparing:  42%|####------| ...". */
static int tenth_of(const char *bar) {
    const char *percent = strchr(bar, '%'), *digits = percent;
    while (digits && digits > bar && digits[-1] >= '0' && digits[-1] <= '9') digits--;
    return percent ? atoi(digits) / 10 : 0;
}

/* Draws the bar over the one before, in one line of the terminal; NULL removes it. */
static void draw_bar(const char *text) {
    struct winsize size;
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
    int length = text ? (int)strnlen(text, (size_t)columns) : 0;
    int blank = terminal.bar_width > length ? terminal.bar_width - length : 0;
    if (text)
        fprintf(stderr, "\r%.*s%*s", length, text, blank, "");
    else
        clear_bar();
    terminal.bar_width = length;
}

static void console_progress(void *user, const char *text) {
    (void)user;
    if (terminal.draws_bar) {
        draw_bar(text);
        return;
    }
    enum { SECONDS_BETWEEN_LINES = 5 };
    time_t now = time(NULL);
    int tenth = text ? tenth_of(text) : 0;
    if (text && terminal.printed && (tenth == terminal.last_tenth || now - terminal.printed < SECONDS_BETWEEN_LINES)) return;
    if (text && terminal.printed) fprintf(stderr, "%s\n", text);
    terminal.last_tenth = tenth;
    terminal.printed = text ? now : 0;
}

const vt_console *terminal_console(void) {
    static const vt_console console = {.line = console_line, .progress = console_progress};
    return &console;
}

/* --- the program's own sentences --- */

void say(const char *format, ...) {
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    format_line(line, format, arguments);
    va_end(arguments);
    say_text(line);
}

void warn(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_notice("warning", format, arguments);
    va_end(arguments);
}

int fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_notice("error", format, arguments);
    va_end(arguments);
    return EXIT_ERROR;
}

int fail_usage(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_notice("error", format, arguments);
    va_end(arguments);
    return EXIT_USAGE;
}

int fail_status(vt_status status) {
    if (status == VT_ERROR_USAGE) return fail_usage("%s", vt_error_message());
    if (status != VT_ERROR_INTERRUPTED) return fail("%s", vt_error_message());
    clear_bar();
    fflush(stdout);
    fprintf(stderr, "vitrain: stopped: %s\n", vt_error_message());
    return 128 + (stopped_by ? stopped_by : SIGTERM);
}
