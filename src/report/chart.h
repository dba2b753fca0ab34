/* Charts in matplotlib's manner: lines over two axes, and horizontal bars with error bars.
 *
 * Margins follow from the measured texts, so nothing is cut; ticks are 1, 2 or 5 times a power of ten apart. */
#ifndef VT_REPORT_CHART_H
#define VT_REPORT_CHART_H

#include "report/picture.h"
#include <stdint.h>

typedef struct vt_series {
    const char *label; /* in the legend; NULL: not there */
    const double *x, *y;
    int64_t count;
    vt_colour colour;
    double line_width; /* points; 0: markers alone */
    int dashed;
    int markers; /* a dot at every point */
} vt_series;

typedef enum vt_legend { VT_LEGEND_NONE = 0, VT_LEGEND_INSIDE = 1, VT_LEGEND_RIGHT = 2 } vt_legend;

typedef struct vt_chart {
    const char *title, *x_label, *y_label;
    const vt_series *series;
    int series_count;
    double plot_width, plot_height;      /* of the rectangle between the axes, in points */
    double x_low, x_high, y_low, y_high; /* NAN: from the points, with a margin of 5 % */
    int tight_x;                         /* no margin left and right */
    vt_legend legend;                    /* inside: in the corner that hides the fewest points */
    const char *empty;                   /* what is said in the middle of a chart without points */
} vt_chart;

vt_status vt_chart_write(const vt_chart *chart, const char *folder, const char *name) VT_CHECKED;

typedef struct vt_bar {
    const char *label;
    double value, low, high; /* NAN: no bar, `note` alone */
    const char *note;        /* at the right of the plot */
} vt_bar;

typedef struct vt_bar_chart {
    const char *title, *x_label;
    const vt_bar *bars; /* from the top down */
    int bar_count;
    double plot_width; /* points */
    double x_low, x_high;
    double reference; /* where a dashed line stands; NAN: none */
} vt_bar_chart;

vt_status vt_bar_chart_write(const vt_bar_chart *chart, const char *folder, const char *name) VT_CHECKED;

#endif
