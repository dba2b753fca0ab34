/* Options that say how labels are read from a raw data set: rows for the tables of those commands that read one. */
#ifndef VT_CLI_LABEL_OPTIONS_H
#define VT_CLI_LABEL_OPTIONS_H

#include "options.h"
#include "vitrain/dataset.h"

/* In the order of vt_unknown_policy. */
static const char *const uncertain_policies[] = {"ignore", "zero", "one", NULL};
static const char *const missing_policies[] = {"ignore", "zero", NULL};

/* labels_: a vt_label_options; uncertain_, missing_: ints, to be stored in it as vt_unknown_policy. */
#define LABEL_OPTIONS(labels_, uncertain_, missing_)                                                                           \
    OPTION("labels", "A,B", "keep only these labels; \"-A,-B\" drops these", OPTION_TEXT, &(labels_).keep, .initial = "all"),  \
        OPTION("table", "CSV", "table with a row per image and its labels; \"A,B\" of several", OPTION_TEXT, &(labels_).table, \
               .initial = "found in the data set"),                                                                            \
        OPTION("image-column", "NAME", "column of the table that names the image", OPTION_TEXT, &(labels_).image_column,       \
               .initial = "recognised by name"),                                                                               \
        OPTION("patient-column", "NAME", "column of the table that names the patient; \"\": none", OPTION_TEXT,                \
               &(labels_).patient_column, .initial = "recognised by name"),                                                    \
        OPTION("label-columns", "A,B", "columns of the table that are labels, or one of classes or lists", OPTION_TEXT,        \
               &(labels_).label_columns, .initial = "recognised by name or values"),                                           \
        OPTION("uncertain", "WHAT", "labels that are -1: left out of loss and figures, or taken as 0 or 1", OPTION_CHOICE,     \
               &(uncertain_), .choices = uncertain_policies),                                                                  \
        OPTION("missing", "WHAT", "labels that are empty or NaN: left out of loss and figures, or taken as 0", OPTION_CHOICE,  \
               &(missing_), .choices = missing_policies),                                                                      \
        OPTION("single-label", NULL, "labels are classes: an image has exactly one; those without one are left out",           \
               OPTION_FLAG, &(labels_).single_label)

#endif
