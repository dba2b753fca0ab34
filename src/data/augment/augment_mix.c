/* Boxes and other samples: timm's random erasing, mixup (Zhang et al. 2018) and cutmix (Yun et al. 2019). */
#include "data/augment/augment_ops.h"

#include <math.h>
#include <string.h>

/* --- erasing --- */

int vt_draw_erase(vt_random *random, int width, int height, vt_range scale, vt_range ratio, vt_box *box) {
    double area = (double)width * height;
    for (int attempt = 0; attempt < 10; attempt++) {
        double target = area * vt_draw_within(random, scale);
        double aspect = exp(vt_draw_within(random, (vt_range){log(ratio.low), log(ratio.high)}));
        double high = rint(sqrt(target * aspect)), wide = rint(sqrt(target / aspect));
        if (wide >= width || high >= height) continue;
        *box = (vt_box){.height = (int)high, .width = (int)wide};
        box->top = (int)vt_random_below(random, (uint64_t)(height - box->height) + 1);
        box->left = (int)vt_random_below(random, (uint64_t)(width - box->width) + 1);
        return 1;
    }
    return 0;
}

static uint8_t draw_level(vt_random *random) {
    double value = 127.5 + 127.5 * vt_random_normal(random);
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : rint(value));
}

void vt_erase(vt_frame *frame, const vt_box *box, vt_erase_mode mode, vt_random *random) {
    int channels = frame->channels == 1 ? 1 : 3;
    uint8_t colour[3] = {128, 128, 128};
    if (mode == VT_ERASE_RAND)
        for (int c = 0; c < channels; c++) colour[c] = draw_level(random);
    for (int y = box->top; y < box->top + box->height; y++) {
        uint8_t *pixel = frame->pixels + ((size_t)y * (size_t)frame->width + (size_t)box->left) * (size_t)channels;
        for (int x = 0; x < box->width; x++, pixel += channels)
            for (int c = 0; c < channels; c++) pixel[c] = mode == VT_ERASE_PIXEL ? draw_level(random) : colour[c];
    }
}

/* --- mixing --- */

/* The logarithm of a Gamma(shape, 1) number (Marsaglia and Tsang 2000), which for small shapes is below any double itself. */
static double draw_log_gamma(vt_random *random, double shape) {
    double boost = 0;
    if (shape < 1) {
        boost = log(1.0 - vt_random_uniform(random)) / shape;
        shape += 1;
    }
    double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        double x = vt_random_normal(random), v = 1.0 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        if (log(1.0 - vt_random_uniform(random)) < 0.5 * x * x + d - d * v + d * log(v)) return boost + log(d * v);
    }
}

double vt_draw_beta(vt_random *random, double alpha) {
    double a = draw_log_gamma(random, alpha), b = draw_log_gamma(random, alpha);
    return 1.0 / (1.0 + exp(b - a));
}

static int within(int value, int high) {
    return value < 0 ? 0 : value < high ? value : high;
}

void vt_mix_place_box(int width, int height, double lambda, int x, int y, vt_mix *mix) {
    double side = sqrt(1.0 - lambda);
    int cut_height = (int)(height * side), cut_width = (int)(width * side);
    mix->box = 1;
    mix->top = within(y - cut_height / 2, height);
    mix->bottom = within(y + (cut_height + 1) / 2, height);
    mix->left = within(x - cut_width / 2, width);
    mix->right = within(x + (cut_width + 1) / 2, width);
    double area = (double)(mix->bottom - mix->top) * (mix->right - mix->left);
    mix->weight = (float)(1.0 - area / ((double)width * height));
}

void vt_mix_average(const uint8_t *partner, size_t count, float weight, uint8_t *out) {
    for (size_t i = 0; i < count; i++) out[i] = (uint8_t)((float)out[i] * weight + (float)partner[i] * (1.0f - weight) + 0.5f);
}

void vt_mix_copy_box(const uint8_t *partner, const vt_mix *mix, int width, int channels, uint8_t *out) {
    size_t stride = (size_t)width * (size_t)channels, first = (size_t)mix->left * (size_t)channels;
    size_t length = (size_t)(mix->right - mix->left) * (size_t)channels;
    for (int y = mix->top; y < mix->bottom; y++)
        memcpy(out + (size_t)y * stride + first, partner + (size_t)y * stride + first, length);
}

void vt_mix_labels(const vt_mix *mix, const float *partner, int count, float *labels) {
    for (int i = 0; i < count; i++) labels[i] = labels[i] * mix->weight + partner[i] * (1.0f - mix->weight);
}
