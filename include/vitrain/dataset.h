/* Prepared data sets: made once from images and labels, then mapped into memory for training.
 *
 * A prepared data set is a folder that `datasets.load_from_disk` opens: dataset_dict.json and, per split,
 * data-*.arrow (IPC stream), dataset_info.json and state.json; beside them vitrain_dataset.json with what
 * Vitrain needs to know (labels, image size, how it was split). Images are decoded and resized already:
 * uint8 pixels, one channel if every image is grey, else three. */
#ifndef VITRAIN_DATASET_H
#define VITRAIN_DATASET_H

#include "vitrain/console.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Resampling filters, numbered as in Pillow and in preprocessor_config.json ("resample"). */
typedef enum vt_resample {
    VT_RESAMPLE_NEAREST = 0,
    VT_RESAMPLE_LANCZOS = 1,
    VT_RESAMPLE_BILINEAR = 2,
    VT_RESAMPLE_BICUBIC = 3,
    VT_RESAMPLE_BOX = 4,
    VT_RESAMPLE_HAMMING = 5
} vt_resample;

/* "bilinear" and so on; NULL for a number that names no filter. */
VT_API const char *vt_resample_name(vt_resample resample);

typedef enum vt_split_policy {
    VT_SPLIT_AUTO = 0,     /* folders if the layout has them, else patient if patients are known, else random */
    VT_SPLIT_PATIENT = 1,  /* train and validation; all images of a patient on one side. Patients must be known */
    VT_SPLIT_OFFICIAL = 2, /* train_val_list.txt and test_list.txt; validation cut from train_val by patient */
    VT_SPLIT_RANDOM = 3,   /* by image, as the walk-through does */
    VT_SPLIT_FOLDERS = 4   /* the data set's own train/, validation/, test/; validation is cut from train where it has none */
} vt_split_policy;

/* "patient" and so on; NULL for a number that names no policy. */
VT_API const char *vt_split_policy_name(vt_split_policy policy);

typedef enum vt_bad_image_policy { VT_BAD_IMAGE_FAIL = 0, VT_BAD_IMAGE_SKIP = 1 } vt_bad_image_policy;

/* What a label that is neither 0 nor 1 becomes. Ignored labels are NaN in the label vector: they count neither in the loss
 * nor in any figure. */
typedef enum vt_unknown_policy { VT_UNKNOWN_IGNORE = 0, VT_UNKNOWN_ZERO = 1, VT_UNKNOWN_ONE = 2 } vt_unknown_policy;

/* How labels are read from a raw data set; all zero is the default. In lists, names with commas stand in quotes, as in CSV. */
typedef struct vt_label_options {
    const char *keep;  /* "A,B": keep only these labels; "-A,-B": drop these; NULL: all */
    const char *table; /* CSV with a row per image and the labels in columns, or "A,B" of several such files, each in the data
                          set or anywhere; NULL: found in the data set, if it has one */
    const char *image_column;    /* of the table: path or name of the image; NULL: recognised by name */
    const char *patient_column;  /* of the table; NULL: recognised by name, if there is one; "": none */
    const char *label_columns;   /* "A,B": columns of the table that are labels, one per column, or the one column that holds
                                    classes or lists of labels; NULL: recognised by name or by their values */
    vt_unknown_policy uncertain; /* of labels that are -1 */
    vt_unknown_policy missing;   /* of labels that are empty or NaN; VT_UNKNOWN_IGNORE or VT_UNKNOWN_ZERO */
    int single_label;            /* labels in columns, N-hot vectors or lists are classes: an image has exactly one of them;
                                    those with none are left out */
} vt_label_options;

/* How grey values of more than 8 bits become 8. */
typedef enum vt_intensity {
    VT_INTENSITY_FULL = 0,   /* the file's whole range: 0 ... 65535 -> 0 ... 255 */
    VT_INTENSITY_STRETCH = 1 /* each image's own smallest and largest value -> 0 and 255 */
} vt_intensity;

/* "full" and so on; NULL for a number that names no such way. */
VT_API const char *vt_intensity_name(vt_intensity intensity);

/* The formats that images are read in, as a sentence's part: they depend on the libraries that were there at build time. */
VT_API const char *vt_image_formats(void);

typedef struct vt_prepare_options {
    const char *data;  /* raw data set: NIH layout, folder with metadata or a table of labels, folder per class, folder saved by
                          Hugging Face's datasets, or a MedMNIST .npz file */
    const char *out;   /* prepared data set to write; replaced only if `overwrite` */
    const char *model; /* model folder whose preprocessor_config.json decides size and resampling; or NULL */
    int image_size;    /* 0: from the model, else 224 */
    int store_size;    /* width and height of the stored images, at least image_size, so that training can crop; 0:
                          image_size */
    int resample;      /* a vt_resample; -1: from the model, else bilinear */
    vt_split_policy split;      /* default VT_SPLIT_AUTO */
    double validation_fraction; /* share of images for validation, 0 allowed; default 0.05 */
    uint64_t seed;              /* of the split; default 42 */
    vt_label_options labels;
    vt_intensity intensity;        /* default VT_INTENSITY_FULL */
    vt_bad_image_policy bad_image; /* default VT_BAD_IMAGE_FAIL */
    uint64_t shard_bytes;          /* a split's Arrow files are about this large; 0: 500 MB */
    int write_metadata;            /* also write metadata.jsonl (file_name, N-hot labels) into `out` */
    int overwrite;                 /* replace an existing prepared data set */
    int threads;                   /* decoding threads; 0: all cores */
} vt_prepare_options;

VT_API void vt_prepare_options_init(vt_prepare_options *options);

/* Reads, decodes, resizes, splits and writes. What it found (layout, labels, counts, missing and bad files,
 * patients on both sides) is said on the console. On any failure `out` is left as it was. */
VT_API vt_status vt_prepare(const vt_prepare_options *options, const vt_console *console) VT_CHECKED;

typedef struct vt_dataset vt_dataset; /* a prepared data set, mapped read-only */
typedef struct vt_split vt_split;     /* one split of it; owned by the data set */

typedef struct vt_dataset_info {
    int num_labels;
    const char *const *label_names;  /* [num_labels], in the order of the label vectors */
    int height, width;               /* for which it was prepared: what a model takes */
    int stored_height, stored_width; /* of `pixels`; at least height and width */
    int channels;                    /* of `pixels`: 1 or 3 */
    vt_resample resample;
    vt_intensity intensity;
    vt_split_policy split_policy;
    double validation_fraction;
    uint64_t split_seed;
    const char *split_hash;   /* hex; over (file name, patient, split) of every image */
    const char *problem_type; /* "multi_label_classification" or "single_label_classification" */
    int patients_known;       /* 0 when the raw data set named none */
    int64_t shared_patients;  /* how many patients stand in more than one split */
} vt_dataset_info;

/* One image. All pointers lead into the mapped file and live as long as the data set. */
typedef struct vt_example {
    const char *file_name; /* not NUL-terminated */
    size_t file_name_length;
    const char *patient_id; /* not NUL-terminated; length 0 when unknown */
    size_t patient_id_length;
    const float *labels;   /* [num_labels]: 0, 1 or NaN for unknown */
    const uint8_t *pixels; /* [stored_height, stored_width, channels] */
} vt_example;

/* Maps a prepared data set and validates it whole: after VT_OK every example can be read without a check.
 * *out is owned by the caller: vt_dataset_close(). */
VT_API vt_status vt_dataset_open(const char *path, vt_dataset **out) VT_CHECKED;
VT_API void vt_dataset_close(vt_dataset *dataset); /* NULL allowed */

/* Owned by the data set, as are all its strings. */
VT_API const vt_dataset_info *vt_dataset_get_info(const vt_dataset *dataset);

/* The split called `name` ("train", "validation", "test"), or NULL if there is none. */
VT_API const vt_split *vt_dataset_get_split(const vt_dataset *dataset, const char *name);

VT_API int64_t vt_split_size(const vt_split *split);
VT_API const char *vt_split_name(const vt_split *split);
VT_API int64_t vt_split_shard_count(const vt_split *split); /* Arrow files that its rows stand in */

/* Example `index` in 0 ... vt_split_size() - 1. */
VT_API vt_example vt_split_get(const vt_split *split, int64_t index);

/* How training chooses the images of an epoch. */
typedef enum vt_sampler {
    VT_SAMPLER_RANDOM = 0,  /* each once, shuffled */
    VT_SAMPLER_BALANCED = 1 /* as many draws as there are images, with replacement; images of rare labels come more often */
} vt_sampler;

#ifdef __cplusplus
}
#endif
#endif
