/* Soft shapes on the planes of a phantom. Nothing here knows anatomy. */
#include "data/sample/sample_canvas.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>

vt_status vt_canvas_create(int side, vt_canvas *out) {
    *out = (vt_canvas){.side = side};
    size_t area = (size_t)side * (size_t)side;
    VT_TRY(vt_allocate(&out->air, 3 * area, sizeof(float), "a drawing"));
    out->fill = out->air + area;
    out->dense = out->fill + area;
    return VT_OK;
}

void vt_canvas_free(vt_canvas *canvas) {
    free(canvas->air);
    *canvas = (vt_canvas){0};
}

int vt_canvas_pixel(const vt_canvas *canvas, double position) {
    double pixel = (position + 1.0) * 0.5 * canvas->side;
    return pixel < 0 ? 0 : pixel > canvas->side ? canvas->side : (int)pixel;
}

static double lattice(uint32_t seed, int32_t x, int32_t y) {
    uint32_t h = seed ^ (uint32_t)x * 0x9e3779b1u ^ (uint32_t)y * 0x85ebca77u;
    h = (h ^ (h >> 15)) * 0x2c1b3c6du;
    h = (h ^ (h >> 12)) * 0x297a2d39u;
    return (double)(h >> 8) * 0x1p-24;
}

static double one_octave(uint32_t seed, double x, double y) {
    double left = floor(x), top = floor(y);
    double u = vt_smooth_step(0, 1, x - left), v = vt_smooth_step(0, 1, y - top);
    int32_t i = (int32_t)left, j = (int32_t)top;
    double above = lattice(seed, i, j) * (1 - u) + lattice(seed, i + 1, j) * u;
    double below = lattice(seed, i, j + 1) * (1 - u) + lattice(seed, i + 1, j + 1) * u;
    return above * (1 - v) + below * v;
}

double vt_noise(uint32_t seed, double x, double y) {
    return 0.55 * one_octave(seed, x, y) + 0.3 * one_octave(seed + 1, 2 * x, 2 * y) + 0.15 * one_octave(seed + 2, 4 * x, 4 * y);
}

typedef struct pixel_box {
    int x0, x1, y0, y1; /* pixels, ends excluded */
} pixel_box;

static pixel_box box_around(const vt_canvas *canvas, double x0, double y0, double x1, double y1) {
    return (pixel_box){vt_canvas_pixel(canvas, x0), vt_canvas_pixel(canvas, x1 + 2.0 / canvas->side),
                       vt_canvas_pixel(canvas, y0), vt_canvas_pixel(canvas, y1 + 2.0 / canvas->side)};
}

static pixel_box blob_box(const vt_canvas *canvas, const vt_blob *blob) {
    double reach = 1 + 0.5 * blob->softness + 0.5 * blob->raggedness;
    return box_around(canvas, blob->x - reach * blob->radius_x, blob->y - reach * blob->radius_y,
                      blob->x + reach * blob->radius_x, blob->y + reach * blob->radius_y);
}

/* How much of a blob is at (x, y), 0 to 1. */
static double blob_share(const vt_blob *blob, double x, double y) {
    double u = (x - blob->x) / blob->radius_x, v = (y - blob->y) / blob->radius_y;
    double reach = 1 + 0.5 * blob->softness + 0.5 * blob->raggedness, distance2 = u * u + v * v;
    if (distance2 >= reach * reach) return 0;
    double distance = sqrt(distance2), cotton = 1;
    if (blob->raggedness > 0 || blob->mottling > 0) {
        double noise = vt_noise(blob->seed, x / blob->grain, y / blob->grain);
        distance += blob->raggedness * (noise - 0.5);
        cotton = 1 - blob->mottling + blob->mottling * vt_smooth_step(0.35, 0.65, noise);
    }
    return cotton * vt_smooth_step(1 + 0.5 * blob->softness, 1 - 0.5 * blob->softness, distance);
}

void vt_canvas_fill_blob(const vt_canvas *canvas, const vt_blob *blob, double amount) {
    pixel_box box = blob_box(canvas, blob);
    for (int j = box.y0; j < box.y1; j++)
        for (int i = box.x0; i < box.x1; i++) {
            size_t at = (size_t)j * (size_t)canvas->side + (size_t)i;
            if (canvas->air[at] <= 0) continue;
            double share = blob_share(blob, vt_canvas_position(canvas, i), vt_canvas_position(canvas, j));
            canvas->fill[at] = (float)(1 - (1 - canvas->fill[at]) * (1 - amount * share));
        }
}

void vt_canvas_add_blob(const vt_canvas *canvas, const vt_blob *blob, double amount) {
    pixel_box box = blob_box(canvas, blob);
    for (int j = box.y0; j < box.y1; j++)
        for (int i = box.x0; i < box.x1; i++)
            canvas->dense[(size_t)j * (size_t)canvas->side + (size_t)i] +=
                (float)(amount * blob_share(blob, vt_canvas_position(canvas, i), vt_canvas_position(canvas, j)));
}

void vt_canvas_line(const vt_canvas *canvas, double x0, double y0, double x1, double y1, double half_width0, double half_width1,
                    double amount) {
    double most = fmax(half_width0, half_width1), dx = x1 - x0, dy = y1 - y0, length2 = dx * dx + dy * dy;
    if (length2 <= 0) return;
    pixel_box box = box_around(canvas, fmin(x0, x1) - most, fmin(y0, y1) - most, fmax(x0, x1) + most, fmax(y0, y1) + most);
    for (int j = box.y0; j < box.y1; j++)
        for (int i = box.x0; i < box.x1; i++) {
            double px = vt_canvas_position(canvas, i) - x0, py = vt_canvas_position(canvas, j) - y0;
            double along = (px * dx + py * dy) / length2;
            along = along < 0 ? 0 : along > 1 ? 1 : along;
            double half_width = half_width0 + along * (half_width1 - half_width0);
            double ex = px - along * dx, ey = py - along * dy, off2 = (ex * ex + ey * ey) / (half_width * half_width);
            if (off2 >= 1) continue;
            size_t at = (size_t)j * (size_t)canvas->side + (size_t)i;
            double fill = canvas->fill[at] + amount * (1 - off2) * (1 - off2);
            canvas->fill[at] = (float)(fill < 0 ? 0 : fill > 1 ? 1 : fill);
        }
}

void vt_canvas_bar(const vt_canvas *canvas, vt_curve curve, const void *context, double x0, double x1, double half_width,
                   double amount) {
    const double fade = 0.04; /* at both ends */
    for (int i = vt_canvas_pixel(canvas, x0); i < vt_canvas_pixel(canvas, x1); i++) {
        double x = vt_canvas_position(canvas, i), middle = curve(context, x), step = 0.002;
        double slope = (curve(context, x + step) - middle) / step;
        double half_height = half_width * sqrt(1 + slope * slope);
        double strength = amount * vt_smooth_step(x0, x0 + fade, x) * vt_smooth_step(x1, x1 - fade, x);
        for (int j = vt_canvas_pixel(canvas, middle - half_height); j < vt_canvas_pixel(canvas, middle + half_height); j++) {
            double off = fabs(vt_canvas_position(canvas, j) - middle) / half_height;
            double profile = (0.6 + 0.4 * off * off * off) * vt_smooth_step(1.0, 0.75, off);
            canvas->dense[(size_t)j * (size_t)canvas->side + (size_t)i] += (float)(strength * profile);
        }
    }
}
