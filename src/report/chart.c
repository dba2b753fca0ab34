/* Axes, ticks, lines, legends and bars. Everything is measured first (layout), then painted from the layout alone. */
#include "report/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define AXIS_WIDTH  0.8
#define TICK_LENGTH 3.5
#define PAD         4.0
#define EDGE        8.0 /* white around everything */
#define MAX_TICKS   32

/* --- ticks --- */

typedef struct ticks {
    double low, high; /* of the axis, in data units */
    double step;
    int count;
    double at[MAX_TICKS];
    char text[MAX_TICKS][24];
    char offset[16]; /* "1e-4": labels are multiples of it; "" if there is none */
} ticks;

/* 1, 2 or 5 times a power of ten: the smallest that is at least `least`, or hardly less. */
static double nice_step(double least) {
    double power = pow(10.0, floor(log10(least)));
    for (int i = 0; i < 3; i++) {
        double step = power * (i == 0 ? 1.0 : i == 1 ? 2.0 : 5.0);
        if (step >= 0.85 * least) return step;
    }
    return 10.0 * power;
}

static void make_ticks(ticks *axis, double low, double high, double length, double spacing) {
    axis->low = low;
    axis->high = high;
    axis->count = 0;
    axis->step = nice_step((high - low) / fmax(1.0, length / spacing));
    double largest = fmax(fabs(low), fabs(high));
    int exponent = largest > 0 ? (int)floor(log10(largest) + 1e-9) : 0;
    if (exponent > -4 && exponent < 5) exponent = 0;
    axis->offset[0] = '\0';
    if (exponent != 0) snprintf(axis->offset, sizeof axis->offset, "1e%d", exponent);
    double unit = pow(10.0, exponent);
    int decimals = (int)-floor(log10(axis->step / unit) + 1e-9);
    if (decimals < 0) decimals = 0;
    int64_t first = (int64_t)ceil(low / axis->step - 1e-6), last = (int64_t)floor(high / axis->step + 1e-6);
    for (int64_t i = first; i <= last && axis->count < MAX_TICKS; i++) {
        axis->at[axis->count] = (double)i * axis->step;
        snprintf(axis->text[axis->count], sizeof axis->text[0], "%.*f", decimals, i == 0 ? 0.0 : (double)i * axis->step / unit);
        axis->count++;
    }
}

static double widest_tick(cairo_t *cairo, const ticks *axis) {
    double width = 0;
    for (int i = 0; i < axis->count; i++)
        width = fmax(width, vt_text_width(cairo, axis->text[i], VT_TEXT_SIZE, VT_WEIGHT_NORMAL));
    return width;
}

/* --- the rectangle between the axes --- */

typedef struct plot_area {
    double left, top, width, height; /* points */
    ticks x, y;
} plot_area;

static double to_x(const plot_area *area, double value) {
    return area->left + (value - area->x.low) / (area->x.high - area->x.low) * area->width;
}

static double to_y(const plot_area *area, double value) {
    return area->top + area->height - (value - area->y.low) / (area->y.high - area->y.low) * area->height;
}

static void line(cairo_t *cairo, double x0, double y0, double x1, double y1) {
    cairo_move_to(cairo, x0, y0);
    cairo_line_to(cairo, x1, y1);
    cairo_stroke(cairo);
}

static void draw_grid(cairo_t *cairo, const plot_area *area, int horizontal) {
    cairo_set_line_width(cairo, AXIS_WIDTH);
    vt_set_colour(cairo, (vt_colour){0.69, 0.69, 0.69}, 0.5);
    for (int i = 0; i < area->x.count; i++) {
        double x = to_x(area, area->x.at[i]);
        line(cairo, x, area->top, x, area->top + area->height);
    }
    for (int i = 0; horizontal && i < area->y.count; i++) {
        double y = to_y(area, area->y.at[i]);
        line(cairo, area->left, y, area->left + area->width, y);
    }
}

static void draw_frame(cairo_t *cairo, const plot_area *area, int y_labels) {
    double bottom = area->top + area->height;
    cairo_set_line_width(cairo, AXIS_WIDTH);
    vt_set_colour(cairo, VT_BLACK, 1.0);
    cairo_rectangle(cairo, area->left, area->top, area->width, area->height);
    cairo_stroke(cairo);
    for (int i = 0; i < area->x.count; i++) {
        double x = to_x(area, area->x.at[i]);
        vt_set_colour(cairo, VT_BLACK, 1.0);
        line(cairo, x, bottom, x, bottom + TICK_LENGTH);
        vt_text_draw(cairo, area->x.text[i], VT_TEXT_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, x,
                     bottom + TICK_LENGTH + 3.0 + VT_TEXT_SIZE * 0.8, VT_ALIGN_CENTRE);
    }
    if (area->x.offset[0])
        vt_text_draw(cairo, area->x.offset, VT_TEXT_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, area->left + area->width,
                     bottom + TICK_LENGTH + 5.0 + VT_TEXT_SIZE * 1.9, VT_ALIGN_RIGHT);
    for (int i = 0; y_labels && i < area->y.count; i++) {
        double y = to_y(area, area->y.at[i]);
        vt_set_colour(cairo, VT_BLACK, 1.0);
        line(cairo, area->left - TICK_LENGTH, y, area->left, y);
        vt_text_draw(cairo, area->y.text[i], VT_TEXT_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, area->left - TICK_LENGTH - 3.0,
                     y + VT_TEXT_SIZE * 0.36, VT_ALIGN_RIGHT);
    }
    if (y_labels && area->y.offset[0])
        vt_text_draw(cairo, area->y.offset, VT_TEXT_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, area->left, area->top - 3.0,
                     VT_ALIGN_LEFT);
}

static void draw_x_label(cairo_t *cairo, const plot_area *area, const char *text) {
    vt_text_draw(cairo, text, VT_TEXT_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, area->left + area->width / 2.0,
                 area->top + area->height + TICK_LENGTH + 5.0 + VT_TEXT_SIZE * 1.9, VT_ALIGN_CENTRE);
}

/* Below the axis: ticks, their labels, the axis label. */
#define BELOW_AXIS (TICK_LENGTH + 5.0 + VT_TEXT_SIZE * 2.0 + EDGE)

/* --- line charts --- */

typedef struct line_layout {
    const vt_chart *chart;
    plot_area area;
    double width, height; /* of the picture */
    double legend_width, legend_height;
    double legend_left, legend_top;
} line_layout;

static int is_visible(const vt_series *series, int64_t i) {
    return isfinite(series->x[i]) && isfinite(series->y[i]);
}

static int64_t point_count(const vt_chart *chart) {
    int64_t count = 0;
    for (int s = 0; s < chart->series_count; s++)
        for (int64_t i = 0; i < chart->series[s].count; i++) count += is_visible(&chart->series[s], i);
    return count;
}

static void find_range(const vt_chart *chart, int vertical, double margin, double *low, double *high) {
    double given_low = *low, given_high = *high;
    *low = INFINITY;
    *high = -INFINITY;
    for (int s = 0; s < chart->series_count; s++) {
        const vt_series *series = &chart->series[s];
        for (int64_t i = 0; i < series->count; i++) {
            if (!is_visible(series, i)) continue;
            double value = vertical ? series->y[i] : series->x[i];
            *low = fmin(*low, value);
            *high = fmax(*high, value);
        }
    }
    if (*low > *high) {
        *low = 0;
        *high = 1;
    }
    double extent = *high - *low;
    if (extent <= 1e-9 * fmax(fabs(*low), fabs(*high)) || extent == 0)
        extent = *high != 0 ? fabs(*high) * 0.2 : 1.0;
    else if (margin == 0)
        extent = 0;
    double by = margin > 0 ? margin * extent : 0.5 * extent;
    *low = isnan(given_low) ? *low - by : given_low;
    *high = isnan(given_high) ? *high + by : given_high;
}

#define LEGEND_ROW    12.0
#define LEGEND_HANDLE 20.0
#define LEGEND_PAD    5.0

static void measure_legend(cairo_t *cairo, line_layout *layout) {
    const vt_chart *chart = layout->chart;
    double width = 0;
    int rows = 0;
    for (int s = 0; s < chart->series_count; s++) {
        if (!chart->series[s].label) continue;
        width = fmax(width, vt_text_width(cairo, chart->series[s].label, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL));
        rows++;
    }
    if (rows == 0 || chart->legend == VT_LEGEND_NONE) return;
    layout->legend_width = width + LEGEND_HANDLE + 3 * LEGEND_PAD;
    layout->legend_height = rows * LEGEND_ROW + 2 * LEGEND_PAD - 2.0;
}

/* How much of the lines a box would hide: points of the paths, sampled every few points of length. */
static double hidden_by(const line_layout *layout, double left, double top) {
    const plot_area *area = &layout->area;
    double right = left + layout->legend_width, bottom = top + layout->legend_height, hidden = 0;
    for (int s = 0; s < layout->chart->series_count; s++) {
        const vt_series *series = &layout->chart->series[s];
        for (int64_t i = 0; i < series->count; i++) {
            int64_t before = i > 0 ? i - 1 : 0;
            if (!is_visible(series, i) || !is_visible(series, before)) continue;
            double x0 = to_x(area, series->x[before]), y0 = to_y(area, series->y[before]);
            double x1 = to_x(area, series->x[i]), y1 = to_y(area, series->y[i]);
            int parts = (int)fmin(100.0, 1.0 + hypot(x1 - x0, y1 - y0) / 4.0);
            for (int k = 1; k <= parts; k++) {
                double x = x0 + (x1 - x0) * k / parts, y = y0 + (y1 - y0) * k / parts;
                hidden += (x > left - 2 && x < right + 2 && y > top - 2 && y < bottom + 2);
            }
        }
    }
    return hidden;
}

static void place_legend(line_layout *layout) {
    const plot_area *area = &layout->area;
    if (layout->chart->legend == VT_LEGEND_RIGHT) {
        layout->legend_left = area->left + area->width + 8.0;
        layout->legend_top = area->top;
        return;
    }
    double least = INFINITY;
    for (int place = 0; place < 6; place++) { /* right, left; each at the top, the bottom and the middle */
        double left = place % 2 == 0 ? area->left + area->width - layout->legend_width - 6.0 : area->left + 6.0;
        double room = area->height - layout->legend_height - 12.0;
        double top = area->top + 6.0 + room * (place / 2 == 0 ? 0.0 : place / 2 == 1 ? 1.0 : 0.5);
        double hidden = hidden_by(layout, left, top);
        if (hidden < least) {
            least = hidden;
            layout->legend_left = left;
            layout->legend_top = top;
        }
    }
}

static void lay_out_lines(const vt_chart *chart, line_layout *layout) {
    cairo_t *cairo = vt_measuring_context();
    plot_area *area = &layout->area;
    *layout = (line_layout){.chart = chart};
    double x_low = chart->x_low, x_high = chart->x_high, y_low = chart->y_low, y_high = chart->y_high;
    find_range(chart, 0, chart->tight_x ? 0.0 : 0.05, &x_low, &x_high);
    find_range(chart, 1, 0.05, &y_low, &y_high);
    make_ticks(&area->x, x_low, x_high, chart->plot_width, 60.0);
    make_ticks(&area->y, y_low, y_high, chart->plot_height, 36.0);
    area->width = chart->plot_width;
    area->height = chart->plot_height;
    area->left = EDGE + VT_TEXT_SIZE + PAD + widest_tick(cairo, &area->y) + 3.0 + TICK_LENGTH;
    area->top = EDGE + VT_TITLE_SIZE + 6.0 + (area->y.offset[0] ? 8.0 : 0.0);
    measure_legend(cairo, layout);
    double right = EDGE + widest_tick(cairo, &area->x) / 2.0;
    if (chart->legend == VT_LEGEND_RIGHT) right = fmax(right, layout->legend_width + 8.0 + EDGE);
    layout->width = area->left + area->width + right;
    layout->height = area->top + fmax(area->height + BELOW_AXIS, layout->legend_height + EDGE);
    if (layout->legend_width > 0) place_legend(layout);
    cairo_destroy(cairo);
}

static void set_line(cairo_t *cairo, const vt_series *series) {
    static const double dashes[2] = {3.7, 1.6}; /* times the width, as matplotlib's "--" */
    double pattern[2] = {dashes[0] * series->line_width, dashes[1] * series->line_width};
    cairo_set_line_width(cairo, series->line_width);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_dash(cairo, pattern, series->dashed ? 2 : 0, 0.0);
    vt_set_colour(cairo, series->colour, 1.0);
}

/* The line through the points that lie far enough from the one before to be told apart on paper. */
static void draw_series(cairo_t *cairo, const plot_area *area, const vt_series *series) {
    double last_x = 0, last_y = 0;
    int started = 0;
    set_line(cairo, series);
    for (int64_t i = 0; series->line_width > 0 && i < series->count; i++) {
        if (!is_visible(series, i)) {
            started = 0;
            continue;
        }
        double x = to_x(area, series->x[i]), y = to_y(area, series->y[i]);
        if (started && i + 1 < series->count && hypot(x - last_x, y - last_y) < 0.2) continue;
        if (started)
            cairo_line_to(cairo, x, y);
        else
            cairo_move_to(cairo, x, y);
        started = 1;
        last_x = x;
        last_y = y;
    }
    cairo_stroke(cairo);
    cairo_set_dash(cairo, NULL, 0, 0.0);
    for (int64_t i = 0; i < series->count; i++) {
        if (!is_visible(series, i) || !(series->markers || series->count == 1)) continue;
        cairo_arc(cairo, to_x(area, series->x[i]), to_y(area, series->y[i]), 2.6, 0.0, 2.0 * M_PI);
        cairo_fill(cairo);
    }
}

static void rounded_box(cairo_t *cairo, double x, double y, double width, double height, double radius) {
    cairo_new_sub_path(cairo);
    cairo_arc(cairo, x + width - radius, y + radius, radius, -M_PI / 2, 0);
    cairo_arc(cairo, x + width - radius, y + height - radius, radius, 0, M_PI / 2);
    cairo_arc(cairo, x + radius, y + height - radius, radius, M_PI / 2, M_PI);
    cairo_arc(cairo, x + radius, y + radius, radius, M_PI, 1.5 * M_PI);
    cairo_close_path(cairo);
}

static void draw_legend(cairo_t *cairo, const line_layout *layout) {
    double left = layout->legend_left, y = layout->legend_top + LEGEND_PAD + LEGEND_ROW / 2.0 - 1.0;
    rounded_box(cairo, left, layout->legend_top, layout->legend_width, layout->legend_height, 2.0);
    vt_set_colour(cairo, VT_WHITE, 0.85);
    cairo_fill_preserve(cairo);
    vt_set_colour(cairo, (vt_colour){0.8, 0.8, 0.8}, 0.85);
    cairo_set_line_width(cairo, 0.8);
    cairo_stroke(cairo);
    for (int s = 0; s < layout->chart->series_count; s++) {
        const vt_series *series = &layout->chart->series[s];
        if (!series->label) continue;
        set_line(cairo, series);
        if (series->line_width > 0) line(cairo, left + LEGEND_PAD, y, left + LEGEND_PAD + LEGEND_HANDLE, y);
        cairo_set_dash(cairo, NULL, 0, 0.0);
        if (series->markers || series->count == 1) {
            cairo_arc(cairo, left + LEGEND_PAD + LEGEND_HANDLE / 2.0, y, 2.6, 0.0, 2.0 * M_PI);
            cairo_fill(cairo);
        }
        vt_text_draw(cairo, series->label, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, left + 2 * LEGEND_PAD + LEGEND_HANDLE,
                     y + VT_LEGEND_SIZE * 0.36, VT_ALIGN_LEFT);
        y += LEGEND_ROW;
    }
}

static vt_status paint_lines(cairo_t *cairo, void *context) {
    const line_layout *layout = context;
    const vt_chart *chart = layout->chart;
    const plot_area *area = &layout->area;
    double middle = area->left + area->width / 2.0;
    draw_grid(cairo, area, 1);
    cairo_save(cairo);
    cairo_rectangle(cairo, area->left, area->top - 2.0, area->width + 2.0, area->height + 4.0);
    cairo_clip(cairo);
    for (int s = 0; s < chart->series_count; s++) draw_series(cairo, area, &chart->series[s]);
    cairo_restore(cairo);
    draw_frame(cairo, area, 1);
    vt_text_draw(cairo, chart->title, VT_TITLE_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, middle, EDGE + VT_TITLE_SIZE * 0.8,
                 VT_ALIGN_CENTRE);
    draw_x_label(cairo, area, chart->x_label);
    cairo_save(cairo);
    cairo_translate(cairo, EDGE + VT_TEXT_SIZE * 0.8, area->top + area->height / 2.0);
    cairo_rotate(cairo, -M_PI / 2);
    vt_text_draw(cairo, chart->y_label, VT_TEXT_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, 0.0, 0.0, VT_ALIGN_CENTRE);
    cairo_restore(cairo);
    if (point_count(chart) == 0)
        vt_text_draw(cairo, chart->empty, VT_TEXT_SIZE, VT_WEIGHT_NORMAL, VT_GREY, middle, area->top + area->height / 2.0,
                     VT_ALIGN_CENTRE);
    else if (layout->legend_width > 0)
        draw_legend(cairo, layout);
    return VT_OK;
}

vt_status vt_chart_write(const vt_chart *chart, const char *folder, const char *name) {
    line_layout layout;
    lay_out_lines(chart, &layout);
    return vt_picture_write(folder, name, layout.width, layout.height, paint_lines, &layout);
}

/* --- bars --- */

#define BAR_PITCH 19.0

typedef struct bar_layout {
    const vt_bar_chart *chart;
    plot_area area;
    double width, height;
} bar_layout;

static void lay_out_bars(const vt_bar_chart *chart, bar_layout *layout) {
    cairo_t *cairo = vt_measuring_context();
    plot_area *area = &layout->area;
    double labels = 0, notes = 0;
    *layout = (bar_layout){.chart = chart};
    for (int i = 0; i < chart->bar_count; i++) {
        labels = fmax(labels, vt_text_width(cairo, chart->bars[i].label, VT_TEXT_SIZE, VT_WEIGHT_NORMAL));
        notes = fmax(notes, vt_text_width(cairo, chart->bars[i].note, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL));
    }
    make_ticks(&area->x, chart->x_low, chart->x_high, chart->plot_width, 60.0);
    area->width = chart->plot_width;
    area->height = chart->bar_count * BAR_PITCH + 8.0;
    area->left = EDGE + labels + PAD + TICK_LENGTH;
    area->top = EDGE + VT_TITLE_SIZE + 6.0;
    layout->width = fmax(area->left + area->width + 6.0 + notes,
                         EDGE + vt_text_width(cairo, chart->title, VT_TITLE_SIZE, VT_WEIGHT_NORMAL)) +
                    EDGE;
    layout->height = area->top + area->height + BELOW_AXIS;
    cairo_destroy(cairo);
}

static void draw_error_bar(cairo_t *cairo, double low, double high, double y) {
    cairo_set_line_width(cairo, 1.2);
    vt_set_colour(cairo, (vt_colour){0.15, 0.15, 0.15}, 1.0);
    line(cairo, low, y, high, y);
    line(cairo, low, y - 3.0, low, y + 3.0);
    line(cairo, high, y - 3.0, high, y + 3.0);
}

static vt_status paint_bars(cairo_t *cairo, void *context) {
    const bar_layout *layout = context;
    const vt_bar_chart *chart = layout->chart;
    const plot_area *area = &layout->area;
    draw_grid(cairo, area, 0);
    for (int i = 0; i < chart->bar_count; i++) {
        const vt_bar *bar = &chart->bars[i];
        double y = area->top + 4.0 + (i + 0.5) * BAR_PITCH;
        if (isfinite(bar->value)) {
            vt_set_colour(cairo, vt_cycle_colour(0), 0.85);
            cairo_rectangle(cairo, area->left, y - 6.5, to_x(area, bar->value) - area->left, 13.0);
            cairo_fill(cairo);
            if (isfinite(bar->low) && isfinite(bar->high))
                draw_error_bar(cairo, to_x(area, bar->low), to_x(area, bar->high), y);
        }
        cairo_set_line_width(cairo, AXIS_WIDTH);
        vt_set_colour(cairo, VT_BLACK, 1.0);
        line(cairo, area->left - TICK_LENGTH, y, area->left, y);
        vt_text_draw(cairo, bar->label, VT_TEXT_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, area->left - TICK_LENGTH - 3.0,
                     y + VT_TEXT_SIZE * 0.36, VT_ALIGN_RIGHT);
        vt_text_draw(cairo, bar->note, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, area->left + area->width + 6.0,
                     y + VT_LEGEND_SIZE * 0.36, VT_ALIGN_LEFT);
    }
    if (!isnan(chart->reference)) {
        static const double dash[2] = {4.0, 2.0};
        double x = to_x(area, chart->reference);
        cairo_set_dash(cairo, dash, 2, 0.0);
        cairo_set_line_width(cairo, 1.0);
        vt_set_colour(cairo, VT_GREY, 1.0);
        line(cairo, x, area->top, x, area->top + area->height);
        cairo_set_dash(cairo, NULL, 0, 0.0);
    }
    draw_frame(cairo, area, 0);
    vt_text_draw(cairo, chart->title, VT_TITLE_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, layout->width / 2.0,
                 EDGE + VT_TITLE_SIZE * 0.8, VT_ALIGN_CENTRE);
    draw_x_label(cairo, area, chart->x_label);
    return VT_OK;
}

vt_status vt_bar_chart_write(const vt_bar_chart *chart, const char *folder, const char *name) {
    bar_layout layout;
    lay_out_bars(chart, &layout);
    return vt_picture_write(folder, name, layout.width, layout.height, paint_bars, &layout);
}
