/* What label files say of one image, in any of the shapes in which people write labels: "A|B|C", a list of names, an N-hot list
 * of numbers, or one class by name or number. The first image decides which; another shape after it is an error. */
#ifndef VT_DATA_LABEL_CELL_H
#define VT_DATA_LABEL_CELL_H

#include "base/json.h"
#include "data/source/source.h"

typedef enum vt_label_shape {
    VT_LABELS_UNDECIDED,
    VT_LABELS_TEXT,
    VT_LABELS_NAMES,
    VT_LABELS_N_HOT,
    VT_LABELS_CLASS_NUMBER
} vt_label_shape;

/* Zero-initialised but for source and path. */
typedef struct vt_label_reader {
    vt_source *source;
    const char *path; /* of the label file, for sentences */
    vt_label_shape shape;
    size_t n_hot_length;
    bool several;       /* some image has, or may have, more than one label */
    int64_t unlabelled; /* rows that vt_label_reader_passes_over() let go */
} vt_label_reader;

/* Whether a cell stands for a value that is missing: empty, "nan", "null", "None", "NA" or "N/A". */
bool vt_is_missing(const char *cell);

/* Whether a row without any labels is to be passed over, which is counted: unless missing labels are taken as 0. */
bool vt_label_reader_passes_over(vt_label_reader *reader);

/* Adds what a cell of a CSV file says to the source's last item: "[...]" is a list, in JSON or as Python writes it; a whole
 * number is a class, -1 none, unless texts came before; a missing one adds nothing. */
vt_status vt_label_reader_add_cell(vt_label_reader *reader, const char *cell, int64_t line) VT_CHECKED;

/* Likewise what a value in JSON says. */
vt_status vt_label_reader_add_json(vt_label_reader *reader, const json_t *labels, int64_t line) VT_CHECKED;

#endif
