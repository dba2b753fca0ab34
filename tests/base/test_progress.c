/* Lines and bars arrive on the console whole, and safe to show; durations, counts and sizes read as people write them. */
#include "support.h"

#include "base/progress.h"

static struct {
    char line[256], bar[256];
    vt_level level;
    int lines, bars, cleared;
} seen;

static void on_line(void *user, vt_level level, const char *text) {
    assert_ptr_equal(user, &seen);
    seen.level = level;
    seen.lines++;
    snprintf(seen.line, sizeof seen.line, "%s", text);
}

static void on_progress(void *user, const char *text) {
    assert_ptr_equal(user, &seen);
    if (!text) {
        seen.cleared++;
        return;
    }
    seen.bars++;
    snprintf(seen.bar, sizeof seen.bar, "%s", text);
}

static const vt_console console = {&seen, on_line, on_progress};

static void lines_are_formatted_and_made_safe(void **state) {
    (void)state;
    memset(&seen, 0, sizeof seen);
    vt_say(&console, "%d labels: %s", 14, "\x1b[2J");
    assert_string_equal(seen.line, "14 labels: \\x1b[2J");
    assert_int_equal(seen.level, VT_LEVEL_INFO);
    vt_warn(&console, "one more");
    assert_string_equal(seen.line, "one more");
    assert_int_equal(seen.level, VT_LEVEL_WARNING);
    vt_say(NULL, "into the void");
    vt_warn(&(vt_console){0}, "into the void");
    assert_int_equal(seen.lines, 2);
}

static void bars_show_where_they_are(void **state) {
    (void)state;
    memset(&seen, 0, sizeof seen);
    vt_progress progress;
    vt_progress_begin(&progress, &console, "Preparing", "images", 0, 1000);
    assert_non_null(strstr(seen.bar, "Preparing:   0%|----------| 0/1000 [00:00<?, "));
    progress.drawn -= 1; /* as if a second had passed */
    progress.started -= 21;
    vt_progress_update(&progress, 420, "loss=0.31");
    assert_non_null(strstr(seen.bar, "Preparing:  42%|####------| 420/1000 [00:21<00:29, 20.0 images/s, loss=0.31]"));
    int bars = seen.bars;
    vt_progress_update(&progress, 421, NULL); /* too soon to be drawn again, unless this machine slept */
    assert_true(seen.bars <= bars + 1);
    progress.drawn -= 1;
    vt_progress_update(&progress, 1000, NULL);
    assert_non_null(strstr(seen.bar, "100%|##########| 1000/1000"));
    assert_non_null(strstr(seen.bar, "loss=0.31]"));
    assert_int_equal(seen.cleared, 0);
    vt_progress_end(&progress);
    assert_int_equal(seen.cleared, 1);

    /* As a long training run has it: everything in 79 characters, at the bar's cost. */
    vt_progress_begin(&progress, &console, "Training", NULL, 0, 8124);
    progress.drawn -= 1;
    progress.started -= 21;
    vt_progress_update(&progress, 523, "95.4 images/s, loss=0.532, lr=0.00012");
    assert_string_equal(seen.bar, "Training:   6%|-| 523/8124 [00:21<05:05, 95.4 images/s, loss=0.532, lr=0.00012]");
    progress.drawn -= 1;
    vt_progress_update(&progress, 523, "95.4 images/s, loss=0.532, lr=0.00012, and what has no room at all");
    assert_non_null(strstr(seen.bar, "Training:   6% 523/8124 ["));
    vt_progress_begin(&progress, NULL, "Silent", "images", 0, 0);
    vt_progress_update(&progress, 1, "x");
    vt_progress_end(&progress);
    vt_progress_begin(&progress, &console, NULL, "images", 0, 0);
    assert_non_null(strstr(seen.bar, "  0%|----------| 0/0 ["));
}

static void figures_read_well(void **state) {
    (void)state;
    char text[32];
    static const struct {
        double seconds;
        const char *expected;
    } durations[] = {{0, "00:00"},      {125, "02:05"},        {59.6, "01:00"}, {3599.4, "59:59"},
                     {3725, "1:02:05"}, {360000, "100:00:00"}, {-3, "00:00"}};
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        vt_format_duration(durations[i].seconds, text);
        assert_string_equal(text, durations[i].expected);
    }
    static const struct {
        int64_t value;
        const char *expected;
    } counts[] = {{0, "0"},
                  {999, "999"},
                  {1000, "1,000"},
                  {1234567, "1,234,567"},
                  {-123, "-123"},
                  {-1234, "-1,234"},
                  {INT64_MIN, "-9,223,372,036,854,775,808"}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        vt_format_count(counts[i].value, text);
        assert_string_equal(text, counts[i].expected);
    }
    static const struct {
        uint64_t bytes;
        const char *expected;
    } sizes[] = {{0, "0 bytes"},     {999, "999 bytes"},      {1000, "1.0 kB"},
                 {999999, "1.0 MB"}, {3400000000u, "3.4 GB"}, {UINT64_MAX, "18.4 EB"}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        vt_format_bytes(sizes[i].bytes, text);
        assert_string_equal(text, sizes[i].expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_formatted_and_made_safe),
        cmocka_unit_test(bars_show_where_they_are),
        cmocka_unit_test(figures_read_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
