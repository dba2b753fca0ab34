/* What colours become, as Pillow computes it (its Blend.c, Filter.c, ImageOps.py and ImageEnhance.py): most operations are a
 * table per channel. */
#include "data/augment/augment_ops.h"

#include <math.h>
#include <string.h>

enum { LEVELS = 256 };

typedef uint8_t tone_table[LEVELS];

static size_t pixel_count(const vt_frame *frame) {
    return (size_t)frame->width * (size_t)frame->height;
}

static void apply_table(vt_frame *frame, const tone_table table) {
    size_t count = pixel_count(frame) * (size_t)frame->channels;
    for (size_t i = 0; i < count; i++) frame->pixels[i] = table[frame->pixels[i]];
}

/* tables [channels] */
static void apply_tables(vt_frame *frame, tone_table *tables) {
    if (frame->channels == 1) {
        apply_table(frame, tables[0]);
        return;
    }
    uint8_t *pixel = frame->pixels;
    for (size_t i = 0; i < pixel_count(frame); i++, pixel += 3)
        for (int c = 0; c < 3; c++) pixel[c] = tables[c][pixel[c]];
}

/* counts [channels, LEVELS]; two of each are kept in work, so that runs of one value don't wait for themselves. */
static void count_levels(const vt_frame *frame, uint32_t counts[][LEVELS]) {
    uint32_t odd[3][LEVELS] = {{0}};
    size_t channels = (size_t)frame->channels, count = pixel_count(frame);
    const uint8_t *pixel = frame->pixels;
    memset(counts, 0, channels * sizeof *counts);
    for (size_t i = 0; i + 2 <= count; i += 2, pixel += 2 * channels)
        for (size_t c = 0; c < channels; c++) {
            counts[c][pixel[c]]++;
            odd[c][pixel[channels + c]]++;
        }
    if (count % 2)
        for (size_t c = 0; c < channels; c++) counts[c][pixel[c]]++;
    for (size_t c = 0; c < channels; c++)
        for (int level = 0; level < LEVELS; level++) counts[c][level] += odd[c][level];
}

static void keep_all(tone_table table) {
    for (int level = 0; level < LEVELS; level++) table[level] = (uint8_t)level;
}

static uint8_t clip(int value) {
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Pillow's Image.blend() of two values, in single precision. */
static uint8_t blend(int from, int to, float factor) {
    float value = (float)from + factor * (float)(to - from);
    return value <= 0.0f ? 0 : value >= 255.0f ? 255 : (uint8_t)value;
}

/* ITU-R 601 as Pillow's convert("L") has it. */
static uint32_t luminance(unsigned red, unsigned green, unsigned blue) {
    return (red * 19595u + green * 38470u + blue * 7471u + 0x8000u) >> 16;
}

/* --- brightness, contrast, gamma --- */

/* The mean luminance, rounded, of the image after `table`. */
static int mean_after(const vt_frame *frame, const tone_table table) {
    uint64_t sum = 0, count = pixel_count(frame);
    if (frame->channels == 1) {
        for (size_t i = 0; i < count; i++) sum += table[frame->pixels[i]];
    } else {
        const uint8_t *pixel = frame->pixels;
        for (size_t i = 0; i < count; i++, pixel += 3) sum += luminance(table[pixel[0]], table[pixel[1]], table[pixel[2]]);
    }
    return (int)((2 * sum + count) / (2 * count));
}

void vt_tones(vt_frame *frame, double brightness, double contrast, double gamma) {
    tone_table table;
    keep_all(table);
    if (brightness != 1.0)
        for (int level = 0; level < LEVELS; level++) table[level] = blend(0, table[level], (float)brightness);
    if (contrast != 1.0) {
        int mean = mean_after(frame, table);
        for (int level = 0; level < LEVELS; level++) table[level] = blend(mean, table[level], (float)contrast);
    }
    if (gamma != 1.0)
        for (int level = 0; level < LEVELS; level++)
            table[level] = clip((int)((255 + 1 - 1e-3) * pow(table[level] / 255.0, gamma)));
    if (brightness != 1.0 || contrast != 1.0 || gamma != 1.0) apply_table(frame, table);
}

/* --- ImageOps --- */

static void stretch(const uint32_t counts[LEVELS], tone_table table) {
    int low = 0, high = LEVELS - 1;
    while (low < LEVELS - 1 && counts[low] == 0) low++;
    while (high > 0 && counts[high] == 0) high--;
    keep_all(table);
    if (high <= low) return;
    double scale = 255.0 / (high - low), offset = -low * scale;
    for (int level = 0; level < LEVELS; level++) table[level] = clip((int)(level * scale + offset));
}

static void flatten(const uint32_t counts[LEVELS], tone_table table) {
    int64_t total = 0, last = 0, used = 0;
    for (int level = 0; level < LEVELS; level++) {
        if (counts[level] == 0) continue;
        total += last = counts[level];
        used++;
    }
    keep_all(table);
    int64_t step = (total - last) / 255;
    if (used <= 1 || step == 0) return;
    int64_t sum = step / 2;
    for (int level = 0; level < LEVELS; level++) {
        table[level] = sum / step > 255 ? 255 : (uint8_t)(sum / step);
        sum += counts[level];
    }
}

static void by_levels(vt_frame *frame, void (*make)(const uint32_t counts[LEVELS], tone_table table)) {
    uint32_t counts[3][LEVELS];
    tone_table tables[3];
    count_levels(frame, counts);
    for (int c = 0; c < frame->channels; c++) make(counts[c], tables[c]);
    apply_tables(frame, tables);
}

void vt_auto_contrast(vt_frame *frame) {
    by_levels(frame, stretch);
}

void vt_equalize(vt_frame *frame) {
    by_levels(frame, flatten);
}

void vt_invert(vt_frame *frame) {
    vt_solarize(frame, 0);
}

void vt_posterize(vt_frame *frame, int bits) {
    tone_table table;
    for (int level = 0; level < LEVELS; level++) table[level] = (uint8_t)(level & ~((1 << (8 - bits)) - 1));
    apply_table(frame, table);
}

void vt_solarize(vt_frame *frame, int threshold) {
    tone_table table;
    for (int level = 0; level < LEVELS; level++) table[level] = (uint8_t)(level < threshold ? level : 255 - level);
    apply_table(frame, table);
}

void vt_solarize_add(vt_frame *frame, int add) {
    tone_table table;
    for (int level = 0; level < LEVELS; level++) table[level] = level < 128 ? clip(level + add) : (uint8_t)level;
    apply_table(frame, table);
}

/* --- operations on neighbours --- */

void vt_saturate(vt_frame *frame, double factor) {
    if (frame->channels == 1) return;
    uint8_t *pixel = frame->pixels;
    for (size_t i = 0; i < pixel_count(frame); i++, pixel += 3) {
        int grey = (int)luminance(pixel[0], pixel[1], pixel[2]);
        for (int c = 0; c < 3; c++) pixel[c] = blend(grey, pixel[c], (float)factor);
    }
}

void vt_sharpen(vt_frame *frame, double factor) {
    if (frame->width < 3 || frame->height < 3) return; /* Pillow's filter leaves them as they are */
    size_t channels = (size_t)frame->channels, stride = (size_t)frame->width * channels;
    const uint8_t *in = frame->pixels;
    memcpy(frame->spare, in, stride * (size_t)frame->height);
    for (int y = 1; y < frame->height - 1; y++)
        for (size_t x = channels; x < stride - channels; x++) {
            const uint8_t *here = in + (size_t)y * stride + x, *above = here - stride, *below = here + stride;
            const uint8_t *left = here - channels, *right = here + channels;
            int sum = left[0] + right[0] + above[0] + below[0] + 5 * here[0];
            sum += *(above - channels) + above[channels] + *(below - channels) + below[channels];
            /* ImageFilter.SMOOTH divides by 13 and rounds; no sum lies half way between two results. */
            frame->spare[(size_t)y * stride + x] = blend((2 * sum + 13) / 26, here[0], (float)factor);
        }
    uint8_t *before = frame->pixels;
    frame->pixels = frame->spare;
    frame->spare = before;
}
