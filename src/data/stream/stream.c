/* Opens the stream of a container, whatever its kind, and forwards to it. */
#include "data/stream/stream.h"

#include <stdlib.h>

vt_status vt_stream_open(const vt_container *container, vt_stream **out) {
    *out = NULL;
    switch (container->kind) {
    case VT_CONTAINER_ARCHIVE:
        return vt_archive_stream_open(container, out);
    case VT_CONTAINER_ARROW:
        return vt_arrow_stream_open(container, out);
    case VT_CONTAINER_NPZ:
        return vt_npz_stream_open(container, out);
    default:
        return vt_fail(VT_ERROR_UNSUPPORTED, "%s: a container of an unknown kind", container->path);
    }
}

vt_status vt_stream_next(vt_stream *stream, vt_stream_member *member, int *more) {
    return stream->kind->next(stream, member, more);
}

vt_status vt_stream_read(vt_stream *stream, vt_stream_image *out) {
    *out = (vt_stream_image){0};
    return stream->kind->read(stream, out);
}

void vt_stream_image_free(vt_stream_image *image) {
    free(image->data);
    vt_image_free(&image->image);
    free(image->file);
    free(image->problem);
    *image = (vt_stream_image){0};
}

uint64_t vt_stream_position(const vt_stream *stream) {
    return stream->kind->position(stream);
}

void vt_stream_close(vt_stream *stream) {
    if (stream) stream->kind->close(stream);
}
