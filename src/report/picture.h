/* A picture: painted once as PNG (150 dpi) and once as SVG, both written atomically. Coordinates are points (1/72 inch)
 * from the top left corner. */
#ifndef VT_REPORT_PICTURE_H
#define VT_REPORT_PICTURE_H

#include "base/error.h"
#include "data/image/image.h"
#include <cairo.h>

#define VT_PIXELS_PER_POINT (150.0 / 72.0) /* of the PNG */

/* Type sizes in points. */
#define VT_TITLE_SIZE  12.0
#define VT_TEXT_SIZE   10.0
#define VT_LEGEND_SIZE 8.0

typedef struct vt_colour {
    double red, green, blue;
} vt_colour;

/* The ten colours of matplotlib's "tab10" cycle; any index >= 0 is taken modulo ten. */
#define VT_CYCLE_COLOURS 10
vt_colour vt_cycle_colour(int index);

/* Paints the whole picture on a white ground; must paint the same whenever it is called. */
typedef vt_status (*vt_painter)(cairo_t *cairo, void *context);

/* Writes folder/name.png and folder/name.svg of width x height points; the folder is created if absent. */
vt_status vt_picture_write(const char *folder, const char *name, double width, double height, vt_painter paint,
                           void *context) VT_CHECKED;

/* The same as one PNG at `path`. */
vt_status vt_picture_write_png(const char *path, double width, double height, vt_painter paint, void *context) VT_CHECKED;

/* Draws an image of three channels into a rectangle. */
vt_status vt_image_draw(cairo_t *cairo, const vt_image *image, double x, double y, double width, double height) VT_CHECKED;

typedef enum vt_align { VT_ALIGN_LEFT = 0, VT_ALIGN_CENTRE = 1, VT_ALIGN_RIGHT = 2 } vt_align;
typedef enum vt_weight { VT_WEIGHT_NORMAL = 0, VT_WEIGHT_BOLD = 1 } vt_weight;

/* A context for measuring text before the size of the picture is known: freed with cairo_destroy(). */
cairo_t *vt_measuring_context(void);

double vt_text_width(cairo_t *cairo, const char *text, double size, vt_weight weight);

/* Writes one line of text whose baseline is at y; x is its left end, centre or right end. */
void vt_text_draw(cairo_t *cairo, const char *text, double size, vt_weight weight, vt_colour colour, double x, double y,
                  vt_align align);

/* Copies text into out [size], cut with "..." where it would be wider than `width` points. */
void vt_text_fit(cairo_t *cairo, const char *text, double type_size, vt_weight weight, double width, char *out, size_t size);

void vt_set_colour(cairo_t *cairo, vt_colour colour, double alpha);

#define VT_BLACK ((vt_colour){0.0, 0.0, 0.0})
#define VT_WHITE ((vt_colour){1.0, 1.0, 1.0})
#define VT_GREY  ((vt_colour){0.45, 0.45, 0.45})

#endif
