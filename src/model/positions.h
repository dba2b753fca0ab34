/* Position embeddings for another image size. */
#ifndef VT_MODEL_POSITIONS_H
#define VT_MODEL_POSITIONS_H

#include "base/error.h"
#include <stdint.h>

/* A grid of patches. */
typedef struct vt_grid {
    int64_t height, width;
} vt_grid;

/* from [1 + from_grid, hidden] -> to [1 + to_grid, hidden]: the class token's row is copied, the grid interpolated
 * as interpolate_pos_encoding of Hugging Face's ViT does. */
void vt_interpolate_positions(const float *from, vt_grid from_grid, float *to, vt_grid to_grid, int64_t hidden);

#endif
