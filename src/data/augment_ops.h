/* The operations of augmentation for given parameters, on uint8 pixels [height, width, channels] with 1 or 3 channels. Where a
 * reference is named, pixels are the same bit for bit. */
#ifndef VT_DATA_AUGMENT_OPS_H
#define VT_DATA_AUGMENT_OPS_H

#include "data/augment.h"
#include <stddef.h>

/* out [count] = weight * out + (1 - weight) * partner, rounded. */
void vt_mix_average(const uint8_t *partner, size_t count, float weight, uint8_t *out);
/* Copies the mix's box from partner to out. */
void vt_mix_box(const uint8_t *partner, const vt_mix *mix, int width, int channels, uint8_t *out);

#endif
