/* The weight of positives in binary cross-entropy, per label. */
#ifndef VT_TRAIN_POS_WEIGHT_H
#define VT_TRAIN_POS_WEIGHT_H

#include "base/error.h"
#include "vitrain/dataset.h"

/* `source` is "none" (*out = NULL), "auto" (known negatives / positives of `split`) or a JSON file: a list in the order of the
 * labels, or an object {label: weight} whose missing labels weigh 1. *out [num_labels] is freed with free(). */
vt_status vt_pos_weight_make(const char *source, const vt_dataset_info *info, const vt_split *split, const vt_console *console,
                             float **out) VT_CHECKED;

#endif
