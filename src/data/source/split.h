/* Who trains and who validates: splits that are a function of the seed and of names alone.
 *
 * Every patient (or image) has a place in a random order that depends on (seed, its name) and nothing else, so neither
 * the order of lists nor of files changes a split, and images added later move few others. */
#ifndef VT_DATA_SPLIT_H
#define VT_DATA_SPLIT_H

#include "data/source/source.h"
#include "vitrain/dataset.h"

typedef struct vt_split_request {
    vt_split_policy policy;
    double validation_fraction; /* of the images; with official and folders: of the training part's images */
    uint64_t seed;
    bool allow_shared_patients; /* official: count patients on both sides instead of refusing them */
} vt_split_request;

typedef struct vt_split_plan {
    vt_split_policy policy; /* never VT_SPLIT_AUTO */
    vt_part *parts;         /* [source.count]; NONE: in no split */
    int64_t counts[VT_PART_COUNT];
    int64_t unlisted;        /* images left out because neither official list has them */
    int64_t shared_patients; /* in more than one part */
} vt_split_plan;

/* Splits `source`. Patient and official splits in which a patient stands on both sides are refused. */
vt_status vt_split_plan_make(const vt_source *source, const vt_split_request *request, vt_split_plan *plan) VT_CHECKED;
void vt_split_plan_free(vt_split_plan *plan);

/* An image and where it went; not NUL-terminated. */
typedef struct vt_split_row {
    const char *file_name, *patient_id;
    size_t file_name_length, patient_id_length;
    vt_part part;
} vt_split_row;

enum { VT_SPLIT_HASH_SIZE = 17 };

/* hash = FNV-1a (64 bits, hex) over "file name \0 patient \0 split \n" of every row, sorted by file name; it sorts `rows`.
 * *shared_patients: how many stand in more than one part. A file name that stands twice is VT_ERROR_INPUT. */
vt_status vt_split_digest(vt_split_row *rows, int64_t count, char hash[VT_SPLIT_HASH_SIZE],
                          int64_t *shared_patients) VT_CHECKED;

/* The digest of a plan as it stands. */
vt_status vt_split_plan_digest(const vt_source *source, const vt_split_plan *plan, char hash[VT_SPLIT_HASH_SIZE],
                               int64_t *shared_patients) VT_CHECKED;

#endif
