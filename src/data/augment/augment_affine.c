/* Affine maps as Pillow computes them (its Geometry.c), in double precision: the pixels at the edges one by one, those inside
 * by a kernel where there is one. */
#include "data/augment/augment_kernels.h"
#include "data/augment/augment_ops.h"

#include <math.h>
#include <string.h>

static int clamp(int value, int size) {
    return value < 0 ? 0 : value < size ? value : size - 1;
}

static int floor_of(double value) {
    return value < 0.0 ? (int)floor(value) : (int)value;
}

/* One channel of the pixel at (x, y), x and y from the corner of the first pixel, by bilinear interpolation. */
static uint8_t bilinear_at(const vt_frame *frame, double x, double y, int channel) {
    const int channels = frame->channels;
    int left = floor_of(x -= 0.5), top = floor_of(y -= 0.5);
    double dx = x - left, dy = y - top;
    const uint8_t *pixels = frame->pixels + channel;
    size_t stride = (size_t)frame->width * (size_t)channels;
    size_t first = (size_t)clamp(left, frame->width) * (size_t)channels;
    size_t second = (size_t)clamp(left + 1, frame->width) * (size_t)channels;
    const uint8_t *row = pixels + (size_t)clamp(top, frame->height) * stride;
    double above = row[first] + (row[second] - row[first]) * dx;
    row = pixels + (size_t)clamp(top + 1, frame->height) * stride;
    double below = row[first] + (row[second] - row[first]) * dx;
    return (uint8_t)(above + (below - above) * dy);
}

/* Pillow's cubic, a = -1, through four values. */
static double cubic(double v1, double v2, double v3, double v4, double d) {
    double p2 = -v1 + v3, p3 = 2 * (v1 - v2) + v3 - v4, p4 = -v1 + v2 - v3 + v4;
    return v2 + d * (p2 + d * (p3 + d * p4));
}

static uint8_t bicubic_at(const vt_frame *frame, double x, double y, int channel) {
    const int channels = frame->channels;
    int left = floor_of(x -= 0.5), top = floor_of(y -= 0.5);
    double dx = x - left, dy = y - top, rows[4];
    const uint8_t *pixels = frame->pixels + channel;
    size_t stride = (size_t)frame->width * (size_t)channels, columns[4];
    for (int i = 0; i < 4; i++) columns[i] = (size_t)clamp(left - 1 + i, frame->width) * (size_t)channels;
    for (int i = 0; i < 4; i++) {
        const uint8_t *row = pixels + (size_t)clamp(top - 1 + i, frame->height) * stride;
        rows[i] = cubic(row[columns[0]], row[columns[1]], row[columns[2]], row[columns[3]], dx);
    }
    double value = cubic(rows[0], rows[1], rows[2], rows[3], dy);
    return value <= 0.0 ? 0 : value >= 255.0 ? 255 : (uint8_t)value;
}

/* How a row's inner pixels are made; NULL: as all others. */
typedef int (*affine_span)(const vt_affine_row *row, int begin, int end, uint8_t *out);

static affine_span choose_span(vt_resample filter) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return filter == VT_RESAMPLE_BILINEAR ? vt_bilinear_span_avx2 : vt_bicubic_span_avx2;
#endif
    (void)filter;
    return NULL;
}

static double place_x(const vt_affine_row *row, int x) {
    return row->slope_x * (x + 0.5) + row->row_x + row->shift_x;
}

static double place_y(const vt_affine_row *row, int x) {
    return row->slope_y * (x + 0.5) + row->row_y + row->shift_y;
}

/* Whether pixel x of a row can be one of a span's; the last rows of the input are left out for the bytes read behind. */
static int is_inside(const vt_frame *frame, const vt_affine_row *row, int x) {
    double from_x = place_x(row, x) - 0.5, from_y = place_y(row, x) - 0.5;
    return from_x >= 1 && from_x < frame->width - 2 && from_y >= 1 && from_y < frame->height - 3;
}

/* Pixels begin ... end - 1 of a row, wherever they lie. */
static void map_pixels(const vt_frame *frame, const vt_affine_row *row, int begin, int end, vt_resample filter, uint8_t fill,
                       uint8_t *out) {
    const int channels = frame->channels;
    for (int x = begin; x < end; x++) {
        double from_x = place_x(row, x), from_y = place_y(row, x);
        int outside = !(from_x >= 0.0 && from_x < frame->width && from_y >= 0.0 && from_y < frame->height);
        uint8_t *pixel = out + (size_t)x * (size_t)channels;
        if (outside)
            memset(pixel, fill, (size_t)channels);
        else if (filter == VT_RESAMPLE_BILINEAR)
            for (int c = 0; c < channels; c++) pixel[c] = bilinear_at(frame, from_x, from_y, c);
        else
            for (int c = 0; c < channels; c++) pixel[c] = bicubic_at(frame, from_x, from_y, c);
    }
}

/* Places move one way along a row, so that those inside are neighbours. */
void vt_affine(vt_frame *frame, const double matrix[6], vt_resample filter, uint8_t fill) {
    const affine_span span = frame->width >= 16 ? choose_span(filter) : NULL;
    const int width = frame->width;
    vt_affine_row row = {.in = frame->pixels,
                         .width = width,
                         .channels = frame->channels,
                         .slope_x = matrix[0],
                         .shift_x = matrix[2],
                         .slope_y = matrix[3],
                         .shift_y = matrix[5]};
    uint8_t *out = frame->spare;
    for (int y = 0; y < frame->height; y++, out += (size_t)width * (size_t)frame->channels) {
        row.row_x = matrix[1] * (y + 0.5);
        row.row_y = matrix[4] * (y + 0.5);
        int begin = span ? 0 : width, end = width;
        while (begin < end && !is_inside(frame, &row, begin)) begin++;
        while (begin < end && !is_inside(frame, &row, end - 1)) end--;
        map_pixels(frame, &row, 0, begin, filter, fill, out);
        if (span) begin = span(&row, begin, end, out);
        map_pixels(frame, &row, begin, width, filter, fill, out);
    }
    uint8_t *before = frame->pixels;
    frame->pixels = frame->spare;
    frame->spare = before;
}

void vt_affine_turn(int width, int height, double degrees, int right, int down, double matrix[6]) {
    double angle = degrees * (M_PI / 180.0), cosine = cos(angle), sine = sin(angle);
    double centre_x = width * 0.5, centre_y = height * 0.5;
    matrix[0] = matrix[4] = cosine;
    matrix[1] = sine;
    matrix[3] = -sine;
    matrix[2] = matrix[0] * (-centre_x - right) + matrix[1] * (-centre_y - down) + centre_x;
    matrix[5] = matrix[3] * (-centre_x - right) + matrix[4] * (-centre_y - down) + centre_y;
}
