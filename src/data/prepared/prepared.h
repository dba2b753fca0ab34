/* The folder of a prepared data set: what its writer and its reader agree on. */
#ifndef VT_DATA_PREPARED_H
#define VT_DATA_PREPARED_H

#include "data/prepare/spool.h"
#include "data/source/split.h"

#define VT_DATASET_JSON   "vitrain_dataset.json"
#define VT_DATASET_FORMAT "vitrain prepared data set"

enum { VT_DATASET_VERSION = 1, VT_IMAGE_SIDE_LIMIT = 16384, VT_LABEL_LIMIT = 65536, VT_SHARD_LIMIT = 99999 };

/* A split's rows stand in one or more shards, named as Hugging Face's save_to_disk names them and listed in state.json. */
enum { VT_SHARD_NAME_SIZE = 64 };
void vt_shard_name(int64_t index, int64_t count, char name[VT_SHARD_NAME_SIZE]);

/* Everything that goes into a prepared data set. */
typedef struct vt_prepared {
    const vt_source *source;
    const vt_split_plan *plan; /* every item with a part is in the spool */
    const vt_split_request *request;
    const vt_spool *spool;
    vt_resample resample;
    vt_intensity intensity;
    int image_height, image_width; /* what a model takes; the spool's images, which are stored, are at least as large */
    uint64_t shard_bytes;          /* a split's Arrow files are about this large; 0: 500 MB */
    int threads;                   /* that write, at least 1; they change no byte */
    int write_metadata;
} vt_prepared;

/* 3 if any image of the plan has three channels, else 1. */
int vt_prepared_channels(const vt_prepared *prepared);

/* Writes the folder's files; rows stand in the order of the source's items. `folder` must exist. The console is called from
 * the caller's thread alone. */
vt_status vt_prepared_write(const char *folder, const vt_prepared *prepared, const vt_console *console) VT_CHECKED;

/* Asks for an example's pixels to be read from the disk while the caller goes on; otherwise they are read when touched. */
void vt_split_prefetch(const vt_split *split, int64_t index);

/* Whether `folder` is, or was meant to be, a prepared data set. */
bool vt_is_prepared(const char *folder);

#endif
