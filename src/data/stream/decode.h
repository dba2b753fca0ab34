/* The one pass over a raw data set: every wanted image is read and decoded once, and handed to a sink.
 *
 * Workers share the open containers: each takes the next image of a container that no other is reading, decodes it and hands
 * it to the sink, so that memory holds one image per worker. A container is opened when all open ones are busy. What an
 * archive holds is learnt while it streams by; none is listed first. */
#ifndef VT_DATA_DECODE_H
#define VT_DATA_DECODE_H

#include "data/image/image.h"
#include "data/source/source.h"

/* Where an item's image was found: a container's number, or one of these; the last is a loose file that a container names. */
enum { VT_LOOSE = -1, VT_NOWHERE = -2, VT_POINTED_TO = -3 };

/* An image as found. */
typedef struct vt_decoded {
    size_t item;       /* into the source's items */
    int container;     /* into the source's containers, VT_LOOSE, or VT_POINTED_TO */
    const char *place; /* "images_001.tar.gz: images/00000001_000.png": for sentences and reports */
    vt_image *image;   /* the sink may take its pixels, leaving it empty */
    vt_image_facts facts;
} vt_decoded;

/* Called by several threads at once. A failure ends the pass. */
typedef vt_status (*vt_image_sink)(void *context, const vt_decoded *decoded);

/* What an earlier pass did, so that this one goes on from there. */
typedef struct vt_decode_past {
    int32_t *origins;  /* [items]: where an image that is done was found; VT_NOWHERE: it is not done */
    uint8_t *finished; /* [containers]: 1: all of it is done, and it is not opened */
} vt_decode_past;

typedef struct vt_decode_request {
    const vt_source *source;
    const uint8_t *skip;        /* [items]: 1: not wanted; NULL: all are */
    const vt_decode_past *past; /* NULL: there was none */
    vt_intensity intensity;
    vt_bad_image_policy bad_image;
    int threads; /* at least 1 */
    vt_image_sink sink;
    /* NULL allowed: called by several threads at once, when a container has been read to its end and none of its images was
     * bad or a file that it only points to. `unlisted`: how many of its images are no item. */
    vt_status (*finished)(void *context, int container, int64_t unlisted);
    /* NULL allowed: called by the caller's thread several times a second. */
    vt_status (*pulse)(void *context);
    void *context;
    const char *title; /* of the progress bar, which runs by bytes */
} vt_decode_request;

enum { VT_UNLISTED_LIMIT = 1000 };

/* What the pass came upon. */
typedef struct vt_decode_result {
    uint8_t *found;           /* [items]: 1: its file is there, whether wanted or not */
    vt_strings bad_names;     /* of items that cannot be decoded, in the items' order; under VT_BAD_IMAGE_SKIP */
    vt_strings bad_sentences; /* and why */
    vt_strings unlisted; /* names of image members of archives that are no item: the first VT_UNLISTED_LIMIT in byte order */
    int64_t unlisted_count;
    int64_t decoded; /* images that went to the sink */
} vt_decode_result;

/* Decodes every wanted image that is there. An archive that is cut or damaged, and a listed image that is there twice, are
 * VT_ERROR_INPUT under every policy. Zero-initialise *result; free it even after a failure. */
vt_status vt_decode_images(const vt_decode_request *request, const vt_console *console, vt_decode_result *result) VT_CHECKED;
void vt_decode_result_free(vt_decode_result *result);

/* Bytes that a pass will read. */
uint64_t vt_decode_bytes(const vt_decode_request *request);

/* What a pass has ahead of it. */
typedef struct vt_decode_outlook {
    int64_t images; /* an estimate if not `exact`: what archives hold is not known yet */
    bool exact;
    double seconds; /* an estimate; 0 if there is nothing to go by */
} vt_decode_outlook;

/* Decodes a handful of images on this thread to tell what is ahead. Whatever is wrong with them is left for the pass to find.
 */
vt_decode_outlook vt_decode_look_ahead(const vt_decode_request *request);

#endif
