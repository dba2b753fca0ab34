/* From samples of more than 8 bits to bytes, as a vt_intensity says: what all formats of such depths share. */
#include "data/image/image_formats.h"

static void find_range(const uint16_t *samples, size_t count, uint16_t *lowest, uint16_t *highest) {
    uint16_t low = UINT16_MAX, high = 0;
    for (size_t i = 0; i < count; i++) {
        low = samples[i] < low ? samples[i] : low;
        high = samples[i] > high ? samples[i] : high;
    }
    *lowest = low;
    *highest = high;
}

void vt_samples_to_bytes(const uint16_t *samples, size_t count, uint16_t white, vt_intensity intensity, uint8_t *bytes,
                         bool *dim) {
    uint16_t lowest, highest, black = 0;
    find_range(samples, count, &lowest, &highest);
    *dim = highest > 0 && highest < white / 8;
    if (intensity == VT_INTENSITY_STRETCH) {
        black = lowest;
        white = highest;
    }
    /* Exact halves go up, whatever the factor's own rounding: other values are farther from a half than this. */
    const double factor = white > black ? 255.0 / (white - black) : 0.0, half = 0.5 + 1e-9;
    for (size_t i = 0; i < count; i++) {
        int sample = samples[i] < white ? samples[i] : white;
        bytes[i] = (uint8_t)(int)((sample - black) * factor + half);
    }
}
