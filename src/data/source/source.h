/* Raw data sets: which images there are, and what is known of each, before anything is decoded.
 *
 * The layouts that are recognised stand in a table in source.c, and each has a source_*.c of its own. */
#ifndef VT_DATA_SOURCE_H
#define VT_DATA_SOURCE_H

#include "data/source/files.h"
#include "vitrain/dataset.h"

/* A part of a data set; the numbers index arrays of VT_PART_COUNT. */
typedef enum vt_part {
    VT_PART_NONE = -1,
    VT_PART_TRAIN = 0,
    VT_PART_VALIDATION = 1,
    VT_PART_TEST = 2,
    VT_PART_COUNT = 3
} vt_part;

/* "train", "validation", "test". */
const char *vt_part_name(vt_part part);

/* The part that a folder called `name` stands for, as Hugging Face's imagefolder has it ("train", "val", "dev", ...). */
vt_part vt_part_of_folder(const char *name, size_t length);

/* The first such word in a longer name, between '-', '_', '.', blanks and digits: "train_images", "my-train2". */
vt_part vt_part_in_name(const char *name, size_t length);

/* A listed image. */
typedef struct vt_item {
    char *file_name;
    char *patient_id;   /* NULL when unknown */
    size_t first_label; /* into the source's label_ids: labels that are 1 */
    size_t label_count;
    size_t first_unknown; /* into the source's unknown_ids: labels that nobody knows; all others are 0 */
    size_t unknown_count;
    int64_t line; /* in its label file; 0 for class folders */
    vt_part part; /* by the official lists or the data set's own folders */
    int64_t file; /* into the source's files, or one of those below */
} vt_item;

/* An item that is no file: absent, or perhaps in an archive, which only reading it tells. */
enum { VT_FILE_ABSENT = -1, VT_FILE_ARCHIVED = -2 };

enum { VT_ABSENT_LIMIT = 1000 };

typedef struct vt_source {
    const char *root;
    const vt_label_options *options;
    vt_files files;
    vt_item *items; /* in the order of the label file; class folders: sorted */
    size_t count, capacity;
    vt_map *by_name;
    vt_strings absent;    /* listed images that are not there: the first VT_ABSENT_LIMIT of absent_count */
    int64_t absent_count; /* archived ones are counted by vt_source_settle() */
    vt_strings labels;    /* sorted; LABEL_0, LABEL_1, ... where the data set has numbers */
    vt_map *by_label;
    int32_t *label_ids; /* of all items; each item's are ascending */
    size_t label_id_count, label_id_capacity;
    int32_t *unknown_ids; /* likewise */
    size_t unknown_id_count, unknown_id_capacity;
    int64_t uncertain_values, missing_values; /* how many vt_source_add_value() was given */
    int numeric_labels;                       /* keep the labels in the order in which they came: LABEL_10 after LABEL_9 */
    int single_label; /* every image has exactly one class; items without one are left out when the source is opened */
    int patients_known;
    int has_folders;                       /* parts come from the data set's own folders */
    int has_train_val_list, has_test_list; /* parts come from the official lists */
} vt_source;

/* Recognises the layout below `root`, reads labels and lists, and finds the images; listed images that are absent are
 * left out. Archives are not opened: images that no file is are taken to be in them, if there are any. What was found, and what
 * did not match, is said on the console. `root` and `labels` must outlive the source.
 * *source is to be freed with vt_source_free(), also after a failure. */
vt_status vt_source_open(const char *root, const vt_label_options *labels, const vt_console *console,
                         vt_source *source) VT_CHECKED;
void vt_source_free(vt_source *source);

/* After the archives were read: makes the items absent that are not `found` [items], and says which those are, and of how many
 * images of archives (`unlisted` are some of their names) there is no item. If none is there, that is VT_ERROR_INPUT. */
vt_status vt_source_settle(vt_source *source, const uint8_t *found, const vt_strings *unlisted, int64_t unlisted_count,
                           const vt_console *console) VT_CHECKED;

/* Removes the items that are absent. */
void vt_source_drop_absent(vt_source *source);

/* --- for the layouts --- */

/* Whether `root` looks like this layout. */
bool vt_source_is_hf(const char *root);
bool vt_source_is_nih(const char *root);
bool vt_source_is_metadata(const char *root);
bool vt_source_is_table(const char *root);
bool vt_source_is_classes(const char *root);
bool vt_source_is_npz(const char *root);
bool vt_source_is_parquet(const char *root); /* and caches of `datasets`: reading them says what to run */

vt_status vt_source_read_hf(vt_source *source, const vt_console *console) VT_CHECKED;
vt_status vt_source_read_nih(vt_source *source, const vt_console *console) VT_CHECKED;
vt_status vt_source_read_metadata(vt_source *source, const vt_console *console) VT_CHECKED;
vt_status vt_source_read_table(vt_source *source, const vt_console *console) VT_CHECKED;
vt_status vt_source_read_classes(vt_source *source, const vt_console *console) VT_CHECKED;
vt_status vt_source_read_npz(vt_source *source, const vt_console *console) VT_CHECKED;
vt_status vt_source_read_parquet(vt_source *source, const vt_console *console) VT_CHECKED;

/* Adds an item; one of the same name is VT_ERROR_INPUT. `place` is the label file, for sentences. */
vt_status vt_source_add(vt_source *source, const char *file_name, const char *place, int64_t line) VT_CHECKED;

/* Likewise, but an image may have several rows, which the layout then merges: by_name has the first. */
vt_status vt_source_add_row(vt_source *source, const char *file_name, const char *place, int64_t line) VT_CHECKED;

/* Adds a label to the last item; one that it has already changes nothing. */
vt_status vt_source_add_label(vt_source *source, const char *label, size_t length) VT_CHECKED;

/* Notes that nobody knows whether the last item has a label; a label of its own wins. */
vt_status vt_source_add_unknown(vt_source *source, const char *label, size_t length) VT_CHECKED;

/* Adds what the data set says of a label of the last item: 1 or 0, or -1 (uncertain) or NaN (missing), which become what the
 * options say. Any other value is VT_ERROR_INPUT. From then on the source has the label, whatever the value. */
vt_status vt_source_add_value(vt_source *source, const char *label, size_t length, double value, const char *place,
                              int64_t line) VT_CHECKED;

/* Brings the labels into their order and the items' ids with them: ascending, each once, none both known and unknown. */
vt_status vt_source_sort_labels(vt_source *source) VT_CHECKED;

/* Adds the labels of "A|B|C"; an empty one is VT_ERROR_INPUT. */
vt_status vt_source_add_label_text(vt_source *source, const char *text, const char *place, int64_t line) VT_CHECKED;

/* Sets the patient of the last item, blanks around it left out; an empty one is VT_ERROR_INPUT. */
vt_status vt_source_set_patient(vt_source *source, const char *patient, const char *place, int64_t line) VT_CHECKED;

#endif
