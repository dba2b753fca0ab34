/* From encoded files to resized pixels on the disk: every image of a split is read, decoded and resized once. */
#ifndef VT_DATA_DECODE_H
#define VT_DATA_DECODE_H

#include "data/source.h"
#include "vitrain/dataset.h"
#include <stdatomic.h>

/* Resized images of a source's items in a nameless temporary file; they may arrive in any order. */
typedef struct vt_spool {
    int descriptor;
    char *folder; /* that holds the file; for sentences */
    int height, width;
    uint8_t *channels;    /* [items]: 1 or 3; 0: not there */
    uint64_t *offsets;    /* [items]: in the file */
    _Atomic uint64_t end; /* of what is taken in the file */
} vt_spool;

vt_status vt_spool_open(const char *folder, size_t items, int height, int width, vt_spool *spool) VT_CHECKED;
void vt_spool_close(vt_spool *spool);

/* Writes an image; items may be written by several threads at once. pixels [height, width, channels] */
vt_status vt_spool_write(vt_spool *spool, size_t item, int channels, const uint8_t *pixels) VT_CHECKED;

/* Reads an image with `channels` channels, a grey one copied into three where need be. pixels [height, width, channels] */
vt_status vt_spool_read(const vt_spool *spool, size_t item, int channels, uint8_t *pixels) VT_CHECKED;

typedef struct vt_decode_request {
    const vt_source *source;
    const vt_part *parts; /* [items]; NONE is not decoded */
    vt_resample resample;
    vt_bad_image_policy bad_image;
    int threads; /* at least 1 */
} vt_decode_request;

/* Decodes every image that has a part into `spool`. One thread reads, the archives as streams; `threads` decode; memory
 * stays bounded. Bad images are warnings in the items' order, or else the first in reading order fails the call, whatever
 * the number of threads. */
vt_status vt_decode_images(const vt_decode_request *request, vt_spool *spool, const vt_console *console) VT_CHECKED;

#endif
