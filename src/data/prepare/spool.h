/* Resized images on the disk while a data set is being prepared, so that a run that was interrupted by anything goes on where
 * it stopped.
 *
 * A folder holds pixels.spool, the pixels in any order, and pixels.journal: checksummed records of what the spool holds. A
 * record is written only after the pixels that it speaks of have been synced; a torn end is cut off. What was made of a file
 * that has changed since is forgotten, and everything is where the list of items, or what is made of them, differs. */
#ifndef VT_DATA_SPOOL_H
#define VT_DATA_SPOOL_H

#include "data/stream/decode.h"
#include <pthread.h>
#include <stdatomic.h>

#define VT_SPOOL_PIXELS  "pixels.spool"
#define VT_SPOOL_JOURNAL "pixels.journal"

/* What the pixels depend on beside their files. */
typedef struct vt_spool_format {
    int height, width;
    vt_resample resample;
    vt_intensity intensity;
} vt_spool_format;

typedef struct vt_spool {
    char *folder; /* that holds both files */
    const vt_source *source;
    int pixels, journal; /* descriptors */
    uint64_t journal_bytes;
    int height, width;
    uint8_t *channels;    /* [items]: 1 or 3; 0: not there */
    uint64_t *offsets;    /* [items]: in the file */
    vt_decode_past past;  /* what earlier runs did */
    int64_t count;        /* images that earlier runs left */
    _Atomic int64_t kept; /* images that a later run will find: those, and what was written since */
    _Atomic int64_t dim;  /* of all images, those that were written as such */
    int64_t unlisted;     /* image members of archives finished by earlier runs that are no item */
    bool discarded;       /* there was a spool of something else, which is gone */
    _Atomic uint64_t end; /* of what is taken in the file */
    pthread_mutex_t mutex;
    vt_text pending; /* records whose pixels have yet to be synced */
} vt_spool;

/* Opens the spool in `folder`, going on with the one that is there if it is of the same items and format. skip [items]: 1: not
 * wanted. `source` must outlive the spool. *spool is to be closed even after a failure. */
vt_status vt_spool_open(const char *folder, const vt_source *source, const uint8_t *skip, const vt_spool_format *format,
                        vt_spool *spool) VT_CHECKED;

/* Closes it; what was not synced is lost. */
void vt_spool_close(vt_spool *spool);

/* Whether `folder` holds a spool. */
bool vt_spool_is_there(const char *folder);

/* Removes the spool's files from `folder`, if they are there. */
vt_status vt_spool_remove(const char *folder) VT_CHECKED;

/* Writes the pixels of an item, found in `container` (VT_LOOSE: a file of its own; VT_POINTED_TO: no later run finds them,
 * since nobody would know whether the file has changed); items may be written by several threads at once. dim: as
 * vt_image_facts.dim. pixels [height, width, channels] */
vt_status vt_spool_write(vt_spool *spool, size_t item, int container, int channels, bool dim, const uint8_t *pixels) VT_CHECKED;

/* Notes that all of a container is in the spool. */
vt_status vt_spool_finish(vt_spool *spool, int container, int64_t unlisted) VT_CHECKED;

/* Makes what was written so far safe: a later vt_spool_open() finds it. Called by one thread at a time. */
vt_status vt_spool_sync(vt_spool *spool) VT_CHECKED;

/* Forgets the items that are absent, as vt_source_drop_absent() is about to. */
void vt_spool_drop_absent(vt_spool *spool);

/* Reads an image with `channels` channels, a grey one copied into three where need be. pixels [height, width, channels] */
vt_status vt_spool_read(const vt_spool *spool, size_t item, int channels, uint8_t *pixels) VT_CHECKED;

#endif
