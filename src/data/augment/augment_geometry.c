/* Which part of an image is seen, and which way round. */
#include "data/augment/augment_ops.h"

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
