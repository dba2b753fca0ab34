/* A line of augmentation as numbers; include/vitrain/augment.h tells its words. */
#ifndef VT_DATA_AUGMENT_SETTINGS_H
#define VT_DATA_AUGMENT_SETTINGS_H

#include "data/augment/augment_ops.h"

typedef struct vt_augment_settings {
    vt_range crop, crop_ratio; /* crop.high 0: off */
    double flip;
    double rotate; /* degrees */
    double shift;
    vt_rand_augment rand;
    vt_range brightness, contrast, gamma; /* 1 to 1: off */
    double erase;
    vt_range erase_scale, erase_ratio;
    int erase_mode;       /* a vt_erase_mode */
    double mixup, cutmix; /* 0: off */
    double mixup_prob, mixup_switch_prob;
} vt_augment_settings;

/* `text` NULL or "": everything off. */
vt_status vt_augment_parse(const char *text, vt_augment_settings *out) VT_CHECKED;

#endif
