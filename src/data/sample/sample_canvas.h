/* What a phantom is drawn on and with: three planes that add up to an X-ray's brightness, and soft shapes.
 *
 * Coordinates are those of the chest: x from -1 (the patient's right, left in the picture) to 1, y from -1 (neck) to 1. */
#ifndef VT_DATA_SAMPLE_CANVAS_H
#define VT_DATA_SAMPLE_CANVAS_H

#include "base/error.h"
#include <stdint.h>

typedef struct vt_canvas {
    int side;
    float *air;   /* [side, side]: share of the ray that runs through lung, 0 to 1 */
    float *fill;  /* [side, side]: share of that air which something dense has replaced, 0 to 1 */
    float *dense; /* [side, side]: attenuation by everything else */
} vt_canvas;

vt_status vt_canvas_create(int side, vt_canvas *out) VT_CHECKED;
void vt_canvas_free(vt_canvas *canvas);

/* Chest coordinate of a column's or row's centre, and the other way round. */
static inline double vt_canvas_position(const vt_canvas *canvas, int pixel) {
    return (pixel + 0.5) * 2.0 / canvas->side - 1.0;
}
int vt_canvas_pixel(const vt_canvas *canvas, double position); /* clipped to 0 ... side */

/* 0 below `low`, 1 above `high`, smooth between. */
static inline double vt_smooth_step(double low, double high, double value) {
    double t = (value - low) / (high - low);
    return t <= 0 ? 0 : t >= 1 ? 1 : t * t * (3 - 2 * t);
}

/* Smooth noise of three octaves, from 0 to 1, with features of about size 1 in (x, y). */
double vt_noise(uint32_t seed, double x, double y);

/* An ellipse with a soft and, if wanted, ragged edge. */
typedef struct vt_blob {
    double x, y, radius_x, radius_y;
    double softness;   /* width of the edge as a share of the radius */
    double raggedness; /* how far noise moves the edge, as a share of the radius */
    double mottling;   /* 0: even; 1: as uneven as cotton wool */
    double grain;      /* size of ragged and mottled features */
    uint32_t seed;
} vt_blob;

/* Replaces the air inside by `amount` (0 to 1). */
void vt_canvas_fill_blob(const vt_canvas *canvas, const vt_blob *blob, double amount);
/* Adds `amount` to the dense plane inside. */
void vt_canvas_add_blob(const vt_canvas *canvas, const vt_blob *blob, double amount);

/* A soft line from (x0, y0) to (x1, y1): replaces `amount` of the air (or gives it back, if negative); half-widths at
 * both ends. */
void vt_canvas_line(const vt_canvas *canvas, double x0, double y0, double x1, double y1, double half_width0, double half_width1,
                    double amount);

/* Adds a bar along y = curve(x) to the dense plane, for x0 <= x <= x1, with brighter edges as a rib has. */
typedef double (*vt_curve)(const void *context, double x);
void vt_canvas_bar(const vt_canvas *canvas, vt_curve curve, const void *context, double x0, double x1, double half_width,
                   double amount);

#endif
