/* Images of one container, in its own order: the same calls for archives, Arrow files and arrays. Nothing is ever unpacked
 * onto the disk. Each kind of container is a file of its own: archive.c, stream_arrow.c, stream_npz.c. */
#ifndef VT_DATA_STREAM_H
#define VT_DATA_STREAM_H

#include "data/image/image.h"
#include "data/source/files.h"

typedef struct vt_stream vt_stream;

/* What the stream stands at. */
typedef struct vt_stream_member {
    const char *path; /* archives: as the archive has it, lives until the next vt_stream_next(); else NULL */
    int64_t row;      /* rows: 0 ...; archives: the ordinal among its images */
    uint64_t bytes;   /* encoded, as the container claims, at most VT_ENCODED_IMAGE_LIMIT; 0 if unknown */
} vt_stream_member;

/* An image as its container has it: either encoded, or decoded already. */
typedef struct vt_stream_image {
    uint8_t *data; /* encoded; freed with free() */
    size_t size;
    vt_image image; /* decoded, if data is NULL */
    char *file;     /* or, if both are absent: the path of a loose file that the container points to; freed with free() */
    char *problem;  /* or, if all are absent: why this row is bad, though others may be good; freed with free() */
} vt_stream_image;

/* How a kind of container does it. A stream of its own begins with a vt_stream. */
typedef struct vt_stream_kind {
    vt_status (*next)(vt_stream *stream, vt_stream_member *member, int *more) VT_CHECKED;
    vt_status (*read)(vt_stream *stream, vt_stream_image *out) VT_CHECKED;
    uint64_t (*position)(const vt_stream *stream);
    void (*close)(vt_stream *stream);
} vt_stream_kind;

struct vt_stream {
    const vt_stream_kind *kind;
};

vt_status vt_stream_open(const vt_container *container, vt_stream **out) VT_CHECKED;

/* Moves to the next image; *more is 0 at the end. A member that is not read is passed over. */
vt_status vt_stream_next(vt_stream *stream, vt_stream_member *member, int *more) VT_CHECKED;

/* Reads the current image; *out is the caller's: vt_stream_image_free(). A failure is one of the whole container. */
vt_status vt_stream_read(vt_stream *stream, vt_stream_image *out) VT_CHECKED;
void vt_stream_image_free(vt_stream_image *image);

/* Bytes of the container that have been read so far, out of vt_container.bytes. */
uint64_t vt_stream_position(const vt_stream *stream);

void vt_stream_close(vt_stream *stream); /* NULL allowed */

/* --- for vt_stream_open() --- */
vt_status vt_archive_stream_open(const vt_container *container, vt_stream **out) VT_CHECKED;
vt_status vt_arrow_stream_open(const vt_container *container, vt_stream **out) VT_CHECKED;
vt_status vt_npz_stream_open(const vt_container *container, vt_stream **out) VT_CHECKED;

#endif
