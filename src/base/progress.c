/* Saying things on a console: whole lines, safe to show on a terminal, and a progress bar. */
#include "base/progress.h"
#include "base/error.h"
#include "base/threads.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 8192, BAR_WIDTH = 10, SCREEN_WIDTH = 79 };
static const double REDRAW_SECONDS = 0.1;

static VT_PRINTF(3, 0) void say(const vt_console *console, vt_level level, const char *format, va_list arguments) {
    char text[LINE_SIZE], line[LINE_SIZE];
    vsnprintf(text, sizeof text, format, arguments);
    vt_make_printable(text, line, sizeof line);
    console->line(console->user, level, line);
}

void vt_say(const vt_console *console, const char *format, ...) {
    if (!console || !console->line) return;
    va_list arguments;
    va_start(arguments, format);
    say(console, VT_LEVEL_INFO, format, arguments);
    va_end(arguments);
}

void vt_warn(const vt_console *console, const char *format, ...) {
    if (!console || !console->line) return;
    va_list arguments;
    va_start(arguments, format);
    say(console, VT_LEVEL_WARNING, format, arguments);
    va_end(arguments);
}

/* text = "|####------|", shorter where `rest` characters beside it leave less room, "" where they leave none. */
static void draw_bar(double fraction, int rest, char text[BAR_WIDTH + 3]) {
    int width = SCREEN_WIDTH - rest - 2;
    width = width > BAR_WIDTH ? BAR_WIDTH : width;
    text[0] = '\0';
    if (width < 1) return;
    for (int i = 0; i < width; i++) text[i + 1] = i < (int)(fraction * width) ? '#' : '-';
    text[0] = text[width + 1] = '|';
    text[width + 2] = '\0';
}

static void draw(vt_progress *progress, double now) {
    char line[512], shown[512], before[128], after[256], bar[BAR_WIDTH + 3], elapsed[32], left[32] = "?", speed[64] = "";
    int64_t total = progress->total > 0 ? progress->total : 1;
    double fraction = (double)progress->done / (double)total, seconds = now - progress->started;
    fraction = fraction < 0 ? 0 : fraction > 1 ? 1 : fraction;
    double rate = seconds > 0 ? (double)(progress->done - progress->first) / seconds : 0;
    vt_format_duration(seconds, elapsed);
    if (rate > 0) vt_format_duration((double)(progress->total - progress->done) / rate, left);
    if (progress->unit) snprintf(speed, sizeof speed, ", %.*f %s/s", rate >= 10 ? 1 : 2, rate, progress->unit);
    snprintf(before, sizeof before, "%s%s%3d%%", progress->label ? progress->label : "", progress->label ? ": " : "",
             (int)(fraction * 100));
    snprintf(after, sizeof after, " %lld/%lld [%s<%s%s%s%s]", (long long)progress->done, (long long)progress->total, elapsed,
             left, speed, progress->suffix[0] ? ", " : "", progress->suffix);
    draw_bar(fraction, (int)(strlen(before) + strlen(after)), bar);
    snprintf(line, sizeof line, "%s%s%s", before, bar, after);
    vt_make_printable(line, shown, sizeof shown);
    progress->console->progress(progress->console->user, shown);
    progress->drawn = now;
}

void vt_progress_begin(vt_progress *progress, const vt_console *console, const char *label, const char *unit, int64_t first,
                       int64_t total) {
    *progress = (vt_progress){.console = console && console->progress ? console : NULL,
                              .label = label,
                              .unit = unit,
                              .total = total,
                              .done = first,
                              .first = first,
                              .started = vt_now()};
    if (progress->console) draw(progress, progress->started);
}

void vt_progress_update(vt_progress *progress, int64_t done, const char *suffix) {
    progress->done = done;
    if (suffix) snprintf(progress->suffix, sizeof progress->suffix, "%s", suffix);
    if (!progress->console) return;
    double now = vt_now();
    if (now - progress->drawn >= REDRAW_SECONDS) draw(progress, now);
}

void vt_progress_end(vt_progress *progress) {
    if (progress->console) progress->console->progress(progress->console->user, NULL);
}

void vt_format_duration(double seconds, char text[32]) {
    if (!(seconds > 0)) seconds = 0;
    if (seconds > 3.6e9) seconds = 3.6e9; /* a million hours: also keeps infinity printable */
    long long whole = (long long)(seconds + 0.5);
    if (whole >= 3600)
        snprintf(text, 32, "%lld:%02d:%02d", whole / 3600, (int)(whole / 60 % 60), (int)(whole % 60));
    else
        snprintf(text, 32, "%02d:%02d", (int)(whole / 60), (int)(whole % 60));
}

void vt_format_count(int64_t value, char text[32]) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)value), out = 0;
    for (int i = 0; i < length; i++) {
        text[out++] = digits[i];
        int left = length - 1 - i;
        if (left > 0 && left % 3 == 0 && digits[i] != '-') text[out++] = ',';
    }
    text[out] = '\0';
}

void vt_format_bytes(uint64_t bytes, char text[32]) {
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        snprintf(text, 32, "%d bytes", (int)bytes);
        return;
    }
    double value = (double)bytes / 1e3;
    size_t unit = 0;
    while (value >= 999.95 && unit + 1 < sizeof units / sizeof units[0]) value /= 1e3, unit++;
    snprintf(text, 32, "%.1f %s", value, units[unit]);
}
