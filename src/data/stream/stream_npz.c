/* Rows of an array of images in an .npz file, as images that need no decoding. */
#include "data/stream/npz_images.h"

#include "base/memory.h"
#include "base/threads.h"
#include "data/stream/stream.h"
#include <stdlib.h>

enum { SIDE_LIMIT = 65535, AREA_LIMIT = 1 << 28 }; /* as those of encoded images */

vt_status vt_npz_image_shape(const vt_npy_header *header, const char *place, vt_image *images) {
    const int64_t *shape = header->shape;
    char text[VT_NPY_SHAPE_TEXT];
    vt_npy_shape_text(header, text);
    bool grey = header->rank == 3 || (header->rank == 4 && shape[3] == 1), colour = header->rank == 4 && shape[3] == 3;
    if (header->rank >= 4 && !grey && !colour)
        return vt_fail(VT_ERROR_UNSUPPORTED,
                       "%s: has the shape %s: a three-dimensional set; only two-dimensional images can be prepared, of the "
                       "shape (n, height, width) or (n, height, width, 3)",
                       place, text);
    if ((!grey && !colour) || header->kind != VT_NPY_UNSIGNED || header->item_size != 1)
        return vt_fail(VT_ERROR_UNSUPPORTED,
                       "%s: has the shape %s and values of type %s; expected images of the shape (n, height, width) or "
                       "(n, height, width, 3) and of type uint8",
                       place, text, vt_npy_type_name(header));
    if (shape[1] < 1 || shape[2] < 1 || shape[1] > SIDE_LIMIT || shape[2] > SIDE_LIMIT || shape[1] * shape[2] > AREA_LIMIT)
        return vt_fail(VT_ERROR_INPUT, "%s: has the shape %s; sides of images are limited to %d and their area to %d pixels",
                       place, text, SIDE_LIMIT, AREA_LIMIT);
    *images = (vt_image){.width = (int)shape[2], .height = (int)shape[1], .channels = colour ? 3 : 1};
    return VT_OK;
}

typedef struct npz_stream {
    vt_stream stream;
    vt_npz_array *array;
    vt_image shape; /* of every row; without pixels */
    size_t row_bytes;
    int64_t next, rows; /* `next` is the row after the current one */
    bool unread;        /* the current row's values are still ahead in the array */
} npz_stream;

static vt_status read_row(npz_stream *stream, vt_image *image) {
    *image = stream->shape;
    VT_TRY(vt_allocate(&image->pixels, stream->row_bytes, 1, "an image"));
    vt_status status = vt_npz_array_read(stream->array, image->pixels, stream->row_bytes);
    if (status != VT_OK) vt_image_free(image);
    stream->unread = false;
    return status;
}

static vt_status next(vt_stream *base, vt_stream_member *member, int *more) {
    npz_stream *stream = (npz_stream *)base;
    *member = (vt_stream_member){.row = stream->next};
    *more = 0;
    if (vt_stop_requested()) return vt_fail(VT_ERROR_INTERRUPTED, "stopped while reading images");
    if (stream->unread) {
        vt_image passed_over;
        VT_TRY(read_row(stream, &passed_over));
        vt_image_free(&passed_over);
    }
    if (stream->next == stream->rows) return VT_OK;
    stream->next++;
    stream->unread = true;
    *more = 1;
    return VT_OK;
}

static vt_status read(vt_stream *base, vt_stream_image *out) {
    return read_row((npz_stream *)base, &out->image);
}

static uint64_t position(const vt_stream *base) {
    const npz_stream *stream = (const npz_stream *)base;
    return (uint64_t)(stream->next - stream->unread) * stream->row_bytes;
}

static void close(vt_stream *base) {
    npz_stream *stream = (npz_stream *)base;
    vt_npz_array_close(stream->array);
    free(stream);
}

vt_status vt_npz_stream_open(const vt_container *container, vt_stream **out) {
    static const vt_stream_kind kind = {.next = next, .read = read, .position = position, .close = close};
    npz_stream *stream = NULL;
    char *place = NULL;
    vt_status status;
    *out = NULL;
    VT_TRY_GOTO(vt_allocate(&stream, 1, sizeof *stream, "a stream of images"));
    stream->stream.kind = &kind;
    VT_TRY_GOTO(vt_npz_array_open(container->path, container->member, &stream->array));
    VT_TRY_GOTO(vt_format(&place, "%s: array '%s'", container->path, container->member));
    const vt_npy_header *header = vt_npz_array_header(stream->array);
    VT_TRY_GOTO(vt_npz_image_shape(header, place, &stream->shape));
    stream->rows = header->shape[0];
    stream->row_bytes = (size_t)stream->shape.width * (size_t)stream->shape.height * (size_t)stream->shape.channels;
    *out = &stream->stream;
    stream = NULL;
done:
    if (stream) close(&stream->stream);
    free(place);
    return status;
}
