/* Which labels of a raw data set become the label vector. */
#ifndef VT_DATA_LABELS_H
#define VT_DATA_LABELS_H

#include "data/source/source.h"

/* Keeps the labels of "A,B", or drops those of "-A,-B" (NULL: keeps all); a label that the data set does not have is
 * VT_ERROR_USAGE. Where every image has exactly one class, the images of a dropped class go with it, and *left_out
 * says how many; elsewhere they stay, perhaps with no label. */
vt_status vt_labels_choose(vt_source *source, const char *option, int64_t *left_out) VT_CHECKED;

/* Says the labels as a list, and how many images have each; where some are unknown, also how many don't and how many are. */
vt_status vt_labels_report(const vt_source *source, const vt_console *console) VT_CHECKED;

#endif
