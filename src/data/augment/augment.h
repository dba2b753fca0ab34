/* What the model sees of a stored image: cropped, turned, recoloured, resized, mixed with another; each a pure function of
 * (seed, epoch, sample). Without any augmentation a stored image is only brought to the model's size. */
#ifndef VT_DATA_AUGMENT_H
#define VT_DATA_AUGMENT_H

#include "base/error.h"
#include "vitrain/dataset.h"
#include <stdint.h>

typedef struct vt_augmentation vt_augmentation; /* immutable once made; used by several threads at once */

/* Parses `text` (NULL or "": none), whose grammar include/vitrain/augment.h tells, for images of `info` */
vt_status vt_augmentation_create(const char *text, const vt_dataset_info *info, vt_augmentation **out) VT_CHECKED;
void vt_augmentation_free(vt_augmentation *augmentation); /* NULL allowed */

/* Bytes of scratch memory, 64-byte aligned, that a thread needs for the calls below. */
size_t vt_augmentation_scratch(const vt_augmentation *augmentation);

/* stored [stored_height, stored_width, channels] -> out [height, width, channels], by everything but mixing. */
void vt_augmentation_apply(const vt_augmentation *augmentation, uint64_t seed, int64_t epoch, int64_t sample,
                           const uint8_t *stored, void *scratch, uint8_t *out);

/* How a sample is mixed with another of the split. */
typedef struct vt_mix {
    int64_t partner;              /* its index within the split; -1: the sample stays alone */
    float weight;                 /* of the sample's own labels, 0 to 1; the partner's have the rest */
    int box;                      /* 1: cutmix, the partner fills the box; 0: mixup, pixels are averaged by weight */
    int top, left, bottom, right; /* of the box */
} vt_mix;

/* `samples`: size of the split. */
void vt_augmentation_mix(const vt_augmentation *augmentation, uint64_t seed, int64_t epoch, int64_t sample, int64_t samples,
                         vt_mix *mix);

/* out and partner [height, width, channels]: both after vt_augmentation_apply(). */
void vt_mix_pixels(const vt_augmentation *augmentation, const vt_mix *mix, const uint8_t *partner, uint8_t *out);
/* labels and partner [count]; a label that is unknown in one of the two is unknown in the mix. */
void vt_mix_labels(const vt_mix *mix, const float *partner, int count, float *labels);

#endif
