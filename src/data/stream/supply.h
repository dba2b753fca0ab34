/* Hands out the encoded images of a raw data set, each once, to any number of threads: loose files, and what the shared
 * containers hold. */
#ifndef VT_DATA_SUPPLY_H
#define VT_DATA_SUPPLY_H

#include "data/stream/decode.h"
#include "data/stream/stream.h"

typedef struct vt_supply vt_supply;

typedef struct vt_encoded {
    size_t item;
    int container; /* or VT_LOOSE */
    char *place;
    vt_stream_image image;
} vt_encoded;

/* `request` must outlive the supply. */
vt_status vt_supply_open(const vt_decode_request *request, vt_supply **out) VT_CHECKED;
void vt_supply_close(vt_supply *supply); /* NULL allowed */

/* Takes the next wanted image, and waits while all open containers are being read; *more is false when there is none, or after
 * vt_supply_end(). *out is to be given back, unless this fails: then the supply is of no more use. */
vt_status vt_supply_take(vt_supply *supply, vt_encoded *out, bool *more) VT_CHECKED;

/* Frees what was taken, and tells the request whose last image it was that its container is finished, unless one of its images
 * was `bad`: one that a later pass has to look at again. */
vt_status vt_supply_give_back(vt_supply *supply, vt_encoded *encoded, bool bad) VT_CHECKED;

/* From now on there is no next image. */
void vt_supply_end(vt_supply *supply);

/* Bytes read so far, out of vt_decode_bytes(). */
uint64_t vt_supply_position(vt_supply *supply);

/* Images of loose files and rows that are wanted, and the most that archives can hold. */
void vt_supply_count(const vt_decode_request *request, int64_t *known, int64_t *archived);

/* After the end: what was found, and the names of what was not asked for. The result takes them. */
void vt_supply_report(vt_supply *supply, vt_decode_result *result);

#endif
