/* What the columns of a data set saved by Hugging Face's `datasets` are, by the features in its dataset_info.json. */
#ifndef VT_DATA_HF_COLUMNS_H
#define VT_DATA_HF_COLUMNS_H

#include "base/json.h"
#include "base/memory.h"
#include "vitrain/dataset.h"

typedef enum vt_hf_labels {
    VT_HF_CLASS,   /* ClassLabel: the number of a class */
    VT_HF_CLASSES, /* a list of ClassLabel */
    VT_HF_VALUE,   /* a text, a number, or a list of either: what label_cell.h makes of it */
    VT_HF_FINDINGS /* columns of numbers that are one label each */
} vt_hf_labels;

typedef struct vt_hf_columns {
    const json_t *features; /* owns the strings; must outlive this */
    const char *image;
    const char *patient; /* NULL: there is none */
    vt_hf_labels kind;
    vt_strings labels;     /* several of FINDINGS, else one */
    const json_t *classes; /* names of CLASS and CLASSES */
} vt_hf_columns;

/* Chooses the columns by the options, or else by their features and by names that are in use. `path` is the file that the
 * features come from. *columns is to be freed, also after a failure. */
vt_status vt_hf_columns_choose(const json_t *features, const char *path, const vt_label_options *options,
                               vt_hf_columns *columns) VT_CHECKED;
void vt_hf_columns_free(vt_hf_columns *columns);

/* Whether other features, such as those of another split, have the same columns. */
vt_status vt_hf_columns_check(const vt_hf_columns *columns, const json_t *features, const char *path) VT_CHECKED;

/* "images in 'image', classes in 'label' (10 names), patients in 'patient_id'"; freed with free(). */
vt_status vt_hf_columns_describe(const vt_hf_columns *columns, char **out) VT_CHECKED;

#endif
