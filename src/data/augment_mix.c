/* Mixing a sample with another: pixels averaged (mixup) or a box of them replaced (cutmix), and their labels. */
#include "data/augment.h"
#include "data/augment_ops.h"

#include <string.h>

void vt_mix_average(const uint8_t *partner, size_t count, float weight, uint8_t *out) {
    for (size_t i = 0; i < count; i++) out[i] = (uint8_t)((float)out[i] * weight + (float)partner[i] * (1.0f - weight) + 0.5f);
}

void vt_mix_box(const uint8_t *partner, const vt_mix *mix, int width, int channels, uint8_t *out) {
    size_t stride = (size_t)width * (size_t)channels, first = (size_t)mix->left * (size_t)channels;
    size_t length = (size_t)(mix->right - mix->left) * (size_t)channels;
    for (int y = mix->top; y < mix->bottom; y++)
        memcpy(out + (size_t)y * stride + first, partner + (size_t)y * stride + first, length);
}

void vt_mix_labels(const vt_mix *mix, const float *partner, int count, float *labels) {
    for (int i = 0; i < count; i++) labels[i] = labels[i] * mix->weight + partner[i] * (1.0f - mix->weight);
}
