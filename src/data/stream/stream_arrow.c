/* The images of one Arrow file, row by row. The column is the container's member. Encoded images are copied out, pixels are put
 * into an image, paths are resolved; pages that have been read are let go, so that memory stays flat. */
#include "data/stream/stream.h"

#include "base/file.h"
#include "base/threads.h"
#include "data/image/image_formats.h"
#include "data/stream/archive.h"
#include "data/stream/arrow_image.h"
#include <stdlib.h>
#include <string.h>

typedef struct vt_arrow_stream {
    vt_stream base;
    char *path, *column;
    uint64_t bytes; /* of the file */
    vt_arrow_reader *reader;
    int field;
    vt_arrow_image kind;
    int64_t row; /* the current one; -1 before the first */
} vt_arrow_stream;

static vt_arrow_cell current_cell(const vt_arrow_stream *stream) {
    return vt_arrow_reader_cell(stream->reader, stream->field, stream->row);
}

static vt_status next_row(vt_stream *base, vt_stream_member *member, int *more) {
    vt_arrow_stream *stream = (vt_arrow_stream *)base;
    vt_arrow_value bytes = {0}, path;
    if (vt_stop_requested()) return vt_fail(VT_ERROR_INTERRUPTED, "%s: stopped while reading", stream->path);
    if (stream->row < vt_arrow_reader_rows(stream->reader)) stream->row++;
    *more = stream->row < vt_arrow_reader_rows(stream->reader);
    if (*more) vt_arrow_image_value(current_cell(stream), &bytes, &path);
    *member = (vt_stream_member){.row = stream->row, .bytes = bytes.size > VT_ENCODED_IMAGE_LIMIT ? 0 : bytes.size};
    return VT_OK;
}

/* --- encoded images, and paths --- */

static vt_status copy_bytes(const vt_arrow_stream *stream, vt_arrow_value bytes, vt_stream_image *out) {
    if (bytes.size > VT_ENCODED_IMAGE_LIMIT)
        return vt_fail(VT_ERROR_INPUT, "%s: the image of row %lld is %zu bytes long; an image may have at most %d",
                       stream->path, (long long)stream->row, bytes.size, VT_ENCODED_IMAGE_LIMIT);
    VT_TRY(vt_allocate(&out->data, bytes.size, 1, "an encoded image"));
    memcpy(out->data, bytes.data, bytes.size);
    out->size = bytes.size;
    vt_arrow_reader_release(stream->reader, bytes);
    return VT_OK;
}

/* *out = folder/path if that is there, else NULL. */
static vt_status look_in(const char *folder, size_t length, const char *path, char **out) {
    char *candidate = NULL;
    VT_TRY(vt_format(&candidate, "%.*s/%s", (int)length, folder, path));
    if (vt_path_exists(candidate)) {
        *out = candidate;
        return VT_OK;
    }
    free(candidate);
    return VT_OK;
}

/* The file that a path means: as it stands, or within the folder of the split or that of the data set above it. */
static vt_status resolve_path(const vt_arrow_stream *stream, vt_arrow_value value, char **out) {
    char *path = NULL;
    vt_status status = VT_OK;
    VT_TRY(vt_copy_string_n(value.data, value.size, &path));
    if (strlen(path) != value.size || strstr(path, "://")) {
        status =
            vt_fail(VT_ERROR_INPUT, "%s: the image of row %lld is '%s', which is no path; save the data set with its images",
                    stream->path, (long long)stream->row, path);
        goto done;
    }
    const char *name = vt_basename(stream->path);
    size_t length = name > stream->path ? (size_t)(name - stream->path) - 1 : 0;
    if (*path != '/' && length > 0) VT_TRY_GOTO(look_in(stream->path, length, path, out));
    while (length > 0 && stream->path[length - 1] != '/') length--;
    if (*path != '/' && !*out && length > 1) VT_TRY_GOTO(look_in(stream->path, length - 1, path, out));
    if (!*out) {
        *out = path;
        path = NULL;
    }
done:
    free(path);
    return status;
}

/* --- pixels --- */

/* Nested lists as height x width x channels. */
typedef struct vt_pixel_lists {
    const vt_arrow_stream *stream;
    int depth;       /* 2: no channels */
    int64_t size[3]; /* of the lists, outermost first */
    bool planes;     /* channels x height x width */
} vt_pixel_lists;

static vt_status fail_pixels(const vt_arrow_stream *stream, const char *what) {
    return vt_fail(
        VT_ERROR_INPUT,
        "%s: row %lld of '%s' %s; expected height x width numbers from 0 to 255, with 1, 3 or 4 channels behind, or 1 "
        "or 3 in front",
        stream->path, (long long)stream->row, stream->column, what);
}

/* Measures the lists along their first items. */
static vt_status measure(vt_arrow_cell cell, vt_pixel_lists *lists) {
    while (lists->depth < 3 && (cell.type->layout == VT_ARROW_LIST || cell.type->layout == VT_ARROW_FIXED_LIST)) {
        if (vt_arrow_cell_is_null(cell)) return fail_pixels(lists->stream, "has a list that is missing");
        lists->size[lists->depth++] = vt_arrow_cell_length(cell);
        if (vt_arrow_cell_length(cell) == 0) return fail_pixels(lists->stream, "has an empty list");
        cell = vt_arrow_cell_item(cell, 0);
    }
    return VT_OK;
}

/* What an image of such lists is like; channels 4 become 3. */
static vt_status decide_shape(vt_pixel_lists *lists, vt_image *out) {
    const int64_t *size = lists->size;
    int64_t height = size[0], width = size[1], channels = lists->depth == 2 ? 1 : size[2];
    if (channels != 1 && channels != 3 && channels != 4) {
        lists->planes = size[0] == 1 || size[0] == 3;
        if (!lists->planes) return fail_pixels(lists->stream, "has another number of channels");
        channels = size[0];
        height = size[1];
        width = size[2];
    }
    VT_TRY(vt_image_check_size(lists->stream->path, (uint64_t)width, (uint64_t)height));
    return vt_image_allocate((int)width, (int)height, channels == 4 ? 3 : (int)channels, out);
}

/* Copies what a list holds; at [depth] is its place in the outer lists. */
static vt_status copy_list(const vt_pixel_lists *lists, vt_arrow_cell cell, int depth, int64_t at[3], vt_image *out) {
    if (vt_arrow_cell_is_null(cell)) return fail_pixels(lists->stream, "has a value that is missing");
    if (depth < 3 && depth < lists->depth) {
        if (vt_arrow_cell_length(cell) != lists->size[depth])
            return fail_pixels(lists->stream, "has lists of different lengths");
        for (int64_t i = 0; i < lists->size[depth]; i++) {
            at[depth] = i;
            VT_TRY(copy_list(lists, vt_arrow_cell_item(cell, i), depth + 1, at, out));
        }
        return VT_OK;
    }
    int64_t value = vt_arrow_cell_integer(cell), y = at[lists->planes], x = at[lists->planes + 1];
    int64_t channel = at[lists->planes ? 0 : 2]; /* stays 0 where there are no channels */
    if (value < 0 || value > UINT8_MAX) return fail_pixels(lists->stream, "has a number that is no byte");
    if (channel < out->channels) out->pixels[(y * out->width + x) * out->channels + channel] = (uint8_t)value;
    return VT_OK;
}

/* The first or the last number of lists that copy_list() has been through. */
static vt_arrow_cell find_number(const vt_pixel_lists *lists, vt_arrow_cell cell, bool last) {
    for (int depth = 0; depth < lists->depth; depth++) cell = vt_arrow_cell_item(cell, last ? lists->size[depth] - 1 : 0);
    return cell;
}

static vt_status copy_pixels(const vt_arrow_stream *stream, vt_arrow_cell cell, vt_image *out) {
    vt_pixel_lists lists = {.stream = stream};
    int64_t at[3] = {0};
    VT_TRY(measure(cell, &lists));
    VT_TRY(decide_shape(&lists, out));
    VT_TRY(copy_list(&lists, cell, 0, at, out));
    vt_arrow_value numbers = vt_arrow_cell_bytes(find_number(&lists, cell, false));
    vt_arrow_value last = vt_arrow_cell_bytes(find_number(&lists, cell, true));
    numbers.size = (size_t)((const uint8_t *)last.data - (const uint8_t *)numbers.data) + last.size;
    vt_arrow_reader_release(stream->reader, numbers);
    return VT_OK;
}

/* --- the stream --- */

/* A row without an image leaves *out empty. */
static vt_status read_cell(const vt_arrow_stream *stream, vt_stream_image *out) {
    vt_arrow_cell cell = current_cell(stream);
    vt_arrow_value bytes, path;
    if (vt_arrow_cell_is_null(cell)) return VT_OK;
    if (stream->kind == VT_ARROW_IMAGE_PIXELS) return copy_pixels(stream, cell, &out->image);
    vt_arrow_image_value(cell, &bytes, &path);
    if (bytes.data) return copy_bytes(stream, bytes, out);
    return path.data ? resolve_path(stream, path, &out->file) : VT_OK;
}

/* The file was held against its schema when it was opened: what is wrong with a cell is wrong with this row alone. */
static vt_status read_row(vt_stream *base, vt_stream_image *out) {
    vt_status status = read_cell((const vt_arrow_stream *)base, out);
    if (status == VT_OK || status == VT_ERROR_MEMORY) return status;
    vt_stream_image_free(out);
    return vt_copy_string(vt_error_message(), &out->problem);
}

static uint64_t position(const vt_stream *base) {
    const vt_arrow_stream *stream = (const vt_arrow_stream *)base;
    int64_t rows = vt_arrow_reader_rows(stream->reader), done = stream->row < rows ? stream->row + 1 : rows;
    return rows > 0 ? (uint64_t)((double)stream->bytes * (double)done / (double)rows) : stream->bytes;
}

static void close_stream(vt_stream *base) {
    vt_arrow_stream *stream = (vt_arrow_stream *)base;
    vt_arrow_reader_close(stream->reader);
    free(stream->path);
    free(stream->column);
    free(stream);
}

static vt_status find_column(vt_arrow_stream *stream) {
    stream->field = vt_arrow_reader_find_field(stream->reader, stream->column);
    if (stream->field >= 0) stream->kind = vt_arrow_image_of(vt_arrow_reader_type(stream->reader, stream->field));
    if (stream->kind != VT_ARROW_IMAGE_NONE) return VT_OK;
    return vt_fail(VT_ERROR_INPUT, "%s: has no column '%s' of images", stream->path, stream->column);
}

vt_status vt_arrow_stream_open(const vt_container *container, vt_stream **out) {
    static const vt_stream_kind kind = {next_row, read_row, position, close_stream};
    vt_arrow_stream *stream = NULL;
    *out = NULL;
    VT_TRY(vt_allocate(&stream, 1, sizeof *stream, "an Arrow stream"));
    stream->base.kind = &kind;
    stream->row = -1;
    stream->bytes = container->bytes;
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_copy_string(container->path, &stream->path));
    VT_TRY_GOTO(vt_copy_string(container->member, &stream->column));
    VT_TRY_GOTO(vt_arrow_reader_open_nested(container->path, &stream->reader));
    VT_TRY_GOTO(find_column(stream));
    *out = &stream->base;
    return VT_OK;
done:
    close_stream(&stream->base);
    return status;
}
