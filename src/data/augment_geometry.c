/* Where pixels go: cropping, mirroring, and affine maps as Pillow computes them (its Geometry.c), in double precision. */
#include "data/augment_ops.h"

#include <math.h>
#include <string.h>

double vt_draw_within(vt_random *random, vt_range range) {
    return range.low + (range.high - range.low) * vt_random_uniform(random);
}

vt_box vt_draw_crop(vt_random *random, int width, int height, vt_range scale, vt_range ratio) {
    double area = (double)width * height, log_low = log(ratio.low), log_high = log(ratio.high);
    for (int attempt = 0; attempt < 10; attempt++) {
        double target = area * vt_draw_within(random, scale);
        double aspect = exp(vt_draw_within(random, (vt_range){log_low, log_high}));
        double wide = rint(sqrt(target * aspect)), high = rint(sqrt(target / aspect));
        if (wide < 1 || wide > width || high < 1 || high > height) continue;
        vt_box box = {.height = (int)high, .width = (int)wide};
        box.top = (int)vt_random_below(random, (uint64_t)(height - box.height) + 1);
        box.left = (int)vt_random_below(random, (uint64_t)(width - box.width) + 1);
        return box;
    }
    vt_box whole = {.height = height, .width = width};
    double own = (double)width / height;
    if (own < ratio.low) whole.height = (int)rint(width / ratio.low);
    if (own > ratio.high) whole.width = (int)rint(height * ratio.high);
    if (whole.height < 1) whole.height = 1;
    if (whole.width < 1) whole.width = 1;
    whole.top = (height - whole.height) / 2;
    whole.left = (width - whole.width) / 2;
    return whole;
}

void vt_flip(vt_frame *frame) {
    int width = frame->width, channels = frame->channels;
    for (int y = 0; y < frame->height; y++) {
        uint8_t *row = frame->pixels + (size_t)y * (size_t)width * (size_t)channels;
        if (channels == 1) {
            for (int x = 0; x < width / 2; x++) {
                uint8_t left = row[x];
                row[x] = row[width - 1 - x];
                row[width - 1 - x] = left;
            }
        } else {
            for (int x = 0; x < width / 2; x++) {
                uint8_t left[3], *right = row + 3 * (width - 1 - x);
                memcpy(left, row + 3 * x, 3);
                memcpy(row + 3 * x, right, 3);
                memcpy(right, left, 3);
            }
        }
    }
}

/* --- affine maps --- */

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

void vt_affine(vt_frame *frame, const double matrix[6], vt_resample filter, uint8_t fill) {
    const int channels = frame->channels, width = frame->width, height = frame->height;
    uint8_t *out = frame->spare;
    for (int y = 0; y < height; y++) {
        double down_x = matrix[1] * (y + 0.5), down_y = matrix[4] * (y + 0.5);
        for (int x = 0; x < width; x++, out += channels) {
            double from_x = matrix[0] * (x + 0.5) + down_x + matrix[2], from_y = matrix[3] * (x + 0.5) + down_y + matrix[5];
            int inside = from_x >= 0.0 && from_x < width && from_y >= 0.0 && from_y < height;
            for (int channel = 0; channel < channels; channel++)
                out[channel] = !inside                          ? fill
                               : filter == VT_RESAMPLE_BILINEAR ? bilinear_at(frame, from_x, from_y, channel)
                                                                : bicubic_at(frame, from_x, from_y, channel);
        }
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
