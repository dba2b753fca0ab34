/* Bicubic interpolation of position embeddings, as torch.nn.functional.interpolate(mode="bicubic",
 * align_corners=False) computes it: Keys' kernel with a = -0.75, edges repeated, no smoothing when shrinking. */
#include "model/positions.h"

#include <math.h>
#include <string.h>

/* The four source rows (or columns) of a target row, and their weights. */
typedef struct vt_taps {
    int64_t index[4];
    float weight[4];
} vt_taps;

/* Keys 1981, equation 4: |x| <= 1. */
static float cubic_near(float x) {
    const float a = -0.75f;
    return ((a + 2) * x - (a + 3)) * x * x + 1;
}

/* 1 < |x| < 2. */
static float cubic_far(float x) {
    const float a = -0.75f;
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

static vt_taps taps_at(int64_t target, int64_t from_size, int64_t to_size) {
    float scale = (float)from_size / (float)to_size;
    float position = scale * ((float)target + 0.5f) - 0.5f;
    float t = position - floorf(position);
    vt_taps taps = {.weight = {cubic_far(t + 1), cubic_near(t), cubic_near(1 - t), cubic_far(2 - t)}};
    for (int i = 0; i < 4; i++) {
        int64_t index = (int64_t)floorf(position) - 1 + i;
        taps.index[i] = index < 0 ? 0 : index < from_size ? index : from_size - 1;
    }
    return taps;
}

/* out [hidden] = the embedding where rows and columns meet; from [grid, hidden]. */
static void interpolate_one(const float *from, int64_t from_width, const vt_taps *rows, const vt_taps *columns, int64_t hidden,
                            float *out) {
    memset(out, 0, (size_t)hidden * sizeof *out);
    for (int r = 0; r < 4; r++) {
        for (int c = 0; c < 4; c++) {
            const float *source = from + (rows->index[r] * from_width + columns->index[c]) * hidden;
            float weight = rows->weight[r] * columns->weight[c];
            for (int64_t k = 0; k < hidden; k++) out[k] += weight * source[k];
        }
    }
}

void vt_interpolate_positions(const float *from, vt_grid from_grid, float *to, vt_grid to_grid, int64_t hidden) {
    memcpy(to, from, (size_t)hidden * sizeof *to);
    for (int64_t row = 0; row < to_grid.height; row++) {
        vt_taps rows = taps_at(row, from_grid.height, to_grid.height);
        for (int64_t column = 0; column < to_grid.width; column++) {
            vt_taps columns = taps_at(column, from_grid.width, to_grid.width);
            interpolate_one(from + hidden, from_grid.width, &rows, &columns, hidden,
                            to + (1 + row * to_grid.width + column) * hidden);
        }
    }
}
