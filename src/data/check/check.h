/* What is known of a data set once every image of it has been looked at. check.c fills it, check_findings.c judges it,
 * check_report.c and check_json.c tell it. */
#ifndef VT_DATA_CHECK_H
#define VT_DATA_CHECK_H

#include "data/source/split.h"
#include "data/stream/decode.h"
#include "vitrain/check.h"

/* An image that is there. */
typedef struct vt_checked {
    const char *name;   /* owned by the check's source or by its names */
    int64_t patient;    /* into patients; -1: unknown */
    vt_part part;       /* by the split */
    vt_part given;      /* by the official lists or the data set's own folders */
    size_t first_label; /* into label_ids: label_count that are 1, then unknown_count that nobody knows, each ascending */
    size_t label_count, unknown_count;
    uint64_t pixels[2];   /* hash of size, channels and pixels */
    int width, height;    /* upright */
    vt_image_facts facts; /* as in its file */
    bool decoded;
    bool blank; /* all pixels are equal */
} vt_checked;

/* Images with the same pixels. */
typedef struct vt_duplicates {
    size_t first, count; /* into by_pixels */
    size_t first_image;  /* into images */
    bool across_splits, across_patients, labels_differ;
} vt_duplicates;

/* How many images have something of which there are two numbers: width and height, or depth and channels. */
typedef struct vt_pair_count {
    int a, b;
    int64_t images;
} vt_pair_count;

typedef struct vt_label_count {
    int64_t positive, negative, unknown;
} vt_label_count;

typedef enum vt_problem {
    VT_PROBLEM_CORRUPT,
    VT_PROBLEM_PATIENTS_ACROSS_SPLITS,
    VT_PROBLEM_PATIENTS_ACROSS_LISTS,
    VT_PROBLEM_DUPLICATES_ACROSS_SPLITS,
    VT_PROBLEM_DUPLICATES_ACROSS_PATIENTS,
    VT_PROBLEM_DUPLICATES_LABELS_DIFFER,
    VT_PROBLEM_COUNT
} vt_problem;

struct vt_check {
    char *data;
    bool prepared;
    vt_source source;    /* of a raw data set */
    vt_dataset *dataset; /* or of a prepared one */
    vt_decode_result pass;
    vt_strings names;        /* of a prepared one's images */
    vt_strings unlisted;     /* images that no list mentions: the first VT_UNLISTED_LIMIT of unlisted_count */
    vt_strings said, warned; /* lines and warnings while the data set was opened and read */
    vt_checked *images;      /* [count] in the order of the label file, or of a prepared one's rows */
    size_t count;
    int64_t unlisted_count;
    int32_t *label_ids;
    size_t label_id_count, label_id_capacity;
    const char *const *label_names; /* [num_labels] */
    size_t num_labels;
    vt_strings patients;
    vt_map *patient_ids;
    vt_split_policy policy;
    uint64_t seed;
    /* --- found in it by vt_check_judge() --- */
    int64_t decoded, blank, dim;
    int64_t parts[VT_PART_COUNT]; /* decoded images */
    vt_label_count *label_counts; /* [num_labels, VT_PART_COUNT]; decoded images */
    uint8_t *patient_parts;       /* [patients]: bit 1 << part, by the split */
    uint8_t *patient_given;       /* likewise by lists or folders */
    size_t *by_pixels;            /* decoded images that are not blank, the same pixels beside each other */
    vt_duplicates *duplicates;    /* in the order of their first images */
    size_t duplicates_count, duplicates_capacity;
    vt_pair_count *sizes, *kinds; /* the most frequent first */
    size_t size_count, kind_count;
    int low_width, median_width, high_width; /* of decoded images */
    int low_height, median_height, high_height;
    int64_t problems[VT_PROBLEM_COUNT];
};

/* From the images to what is found in them. */
vt_status vt_check_judge(vt_check *check) VT_CHECKED;

/* Whether these parts, each a bit 1 << part, are several. */
static inline bool vt_several_parts(unsigned parts) {
    return (parts & (parts - 1)) != 0;
}

/* "images can't be decoded": what follows the number. */
const char *vt_problem_text(vt_problem problem);
/* "corrupt": the same for programs. */
const char *vt_problem_name(vt_problem problem);

#endif
