/* Tables of labels: which CSV files of a raw data set list its images, and what their columns are. Columns are recognised by
 * names that are in use, in any case and with ' ', '_' and '-' left out, and labels by their values; options come first. */
#ifndef VT_DATA_TABLE_H
#define VT_DATA_TABLE_H

#include "data/source/source.h"

/* What is among a column's values, besides those that are missing. */
typedef enum vt_column_contents {
    VT_COLUMN_HAS_VALUES = 1,
    VT_COLUMN_HAS_OTHER_THAN_LABELS = 2,
    VT_COLUMN_HAS_OTHER_THAN_PARTS = 4
} vt_column_contents;

typedef struct vt_table {
    char *path;
    vt_part part; /* of its images, by its name, such as train.csv; else NONE */
    bool exact;   /* its name is that of a part and nothing else */
    int image;    /* columns; -1: there is none */
    int patient;
    int split;   /* holds names of parts alone */
    int classes; /* holds the labels of an image, or its class */
    int64_t rows;
    size_t first_item;        /* the source's item of its first row, before the rows of images are merged */
    int *labels;              /* [vt_tables.labels] column of each label; -1: this table lacks it */
    vt_strings columns;       /* names */
    uint8_t *contents;        /* [columns] vt_column_contents */
    bool patients_from_paths; /* no patient column, but every image lies in a folder such as patient00001 */
} vt_table;

typedef struct vt_tables {
    vt_table *items;
    size_t count, capacity;
    vt_strings labels;   /* columns that are one label each; none where a column of classes has them all */
    vt_strings passed;   /* paths of CSV files that are no tables of labels, or were not chosen */
    vt_strings problems; /* of CSV files that could not be read: sentences */
} vt_tables;

/* Finds and surveys the tables of `root`, or those that options->table names. Without that option none may be found, and
 * unreadable files are only problems. *tables is to be freed, also after a failure. */
vt_status vt_tables_find(const char *root, const vt_label_options *options, vt_tables *tables) VT_CHECKED;
void vt_tables_free(vt_tables *tables);

/* Whether `cell`, but for blanks around, is a label's value: 1, 0, -1 (also 1.0 ...), true, false, or missing: NaN. */
bool vt_table_label_value(const char *cell, double *value);

/* The part that a cell of a split column names, in any case, or NONE. */
vt_part vt_table_part(const char *cell);

/* Whether a path has a folder such as "patient00001", as CheXpert's have: *length bytes at *folder. */
bool vt_table_patient_folder(const char *path, const char **folder, size_t *length);

/* Makes one item of the rows that an image has: a label is 1 where any of them says so, else 0 where any does, else unknown.
 * Their patients and parts must be the same. *classes, whether every row has one class, becomes false if an image has several.
 */
vt_status vt_table_merge_rows(vt_source *source, const vt_tables *tables, bool *classes, const vt_console *console) VT_CHECKED;

#endif
