/* Streams the image members of .tar and .tar.gz files: zlib inflates them and holds them against their checksums, which
 * libarchive would not, and libarchive reads the tar format.
 *
 * Only regular members with an image's name are looked at, and only into memory, so paths with "..", links and
 * devices in a hostile archive do nothing. What the images mean is for files.c and decode.c. */
#include "data/stream/archive.h"

#include "base/memory.h"
#include "base/threads.h"
#include "data/source/files.h"
#include "data/stream/stream.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { BLOCK_BYTES = 1 << 16 };

struct vt_archive {
    struct archive *handle;
    gzFile file; /* passes through what is not compressed */
    char *path;
    char *member; /* path of the current member; NULL before the first */
    uint8_t block[BLOCK_BYTES];
};

static vt_status fail_damaged(const vt_archive *archive) {
    const char *why = archive_error_string(archive->handle);
    return vt_fail(VT_ERROR_INPUT, "%s: %s %s%s%s: the archive is cut or damaged; fetch it again", archive->path,
                   why ? why : "unreadable", archive->member ? "after '" : "at its beginning",
                   archive->member ? archive->member : "", archive->member ? "'" : "");
}

/* Gives libarchive the next bytes of the tar file; 0 at its end. */
static la_ssize_t read_block(struct archive *handle, void *context, const void **block) {
    vt_archive *archive = context;
    *block = archive->block;
    int count = gzread(archive->file, archive->block, BLOCK_BYTES), error;
    if (count > 0) return count;
    gzerror(archive->file, &error);
    if (error == Z_OK || error == Z_STREAM_END) return 0;
    int code = error == Z_ERRNO ? errno : EINVAL;
    archive_set_error(handle, code, "%s",
                      error == Z_ERRNO       ? strerror(code)
                      : error == Z_BUF_ERROR ? "gzip data that end too early"
                                             : "gzip data with wrong bits");
    return -1;
}

static vt_status open_handle(vt_archive *archive) {
    archive->file = gzopen(archive->path, "rbe");
    if (!archive->file) return vt_fail_errno("%s: cannot open the archive", archive->path);
    archive->handle = archive_read_new();
    if (!archive->handle || gzbuffer(archive->file, BLOCK_BYTES) != 0)
        return vt_fail(VT_ERROR_MEMORY, "%s: no memory to open the archive", archive->path);
    archive_read_support_format_tar(archive->handle);
    /* Reads on behind the end of an archive: to that of another behind it, as `cat` makes them, and to gzip's checksum. */
    archive_read_set_format_option(archive->handle, "tar", "read_concatenated_archives", "1");
    if (archive_read_open(archive->handle, archive, NULL, read_block, NULL) == ARCHIVE_OK) return VT_OK;
    int error;
    gzerror(archive->file, &error);
    if (error != Z_OK && error != Z_STREAM_END) return fail_damaged(archive);
    return vt_fail(VT_ERROR_INPUT,
                   "%s: does not begin as a tar archive, plain or compressed by gzip; fetch it again, or pack it so",
                   archive->path);
}

vt_status vt_archive_open(const char *path, vt_archive **out) {
    vt_archive *archive = NULL;
    VT_TRY(vt_allocate(&archive, 1, sizeof *archive, "an archive"));
    vt_status status = vt_copy_string(path, &archive->path);
    if (status == VT_OK) status = open_handle(archive);
    if (status != VT_OK) {
        vt_archive_close(archive);
        archive = NULL;
    }
    *out = archive;
    return status;
}

void vt_archive_close(vt_archive *archive) {
    if (!archive) return;
    if (archive->handle) archive_read_free(archive->handle);
    if (archive->file) gzclose(archive->file);
    free(archive->path);
    free(archive->member);
    free(archive);
}

vt_status vt_archive_next(vt_archive *archive, vt_archive_member *member) {
    *member = (vt_archive_member){0};
    for (;;) {
        struct archive_entry *entry;
        if (vt_stop_requested()) return vt_fail(VT_ERROR_INTERRUPTED, "%s: stopped while reading", archive->path);
        int code = archive_read_next_header(archive->handle, &entry);
        if (code == ARCHIVE_EOF) return VT_OK;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return fail_damaged(archive);
        const char *path = archive_entry_pathname(entry);
        if (!path) path = archive_entry_pathname_utf8(entry); /* a UTF-8 name in a locale that is not */
        if (!path || archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) || !vt_is_image_name(path))
            continue;
        free(archive->member);
        archive->member = NULL;
        VT_TRY(vt_copy_string(path, &archive->member));
        int64_t bytes = archive_entry_size(entry);
        if (bytes < 0 || bytes > VT_ENCODED_IMAGE_LIMIT)
            return vt_fail(VT_ERROR_INPUT, "%s: '%s' claims to be %lld bytes long; an image may have at most %d", archive->path,
                           path, (long long)bytes, VT_ENCODED_IMAGE_LIMIT);
        member->path = archive->member;
        member->bytes = (uint64_t)bytes;
        return VT_OK;
    }
}

vt_status vt_archive_read(vt_archive *archive, uint8_t **data, size_t *size) {
    uint8_t *buffer = NULL;
    size_t capacity = 0, used = 0;
    vt_status status = VT_OK;
    *data = NULL;
    for (;;) {
        VT_TRY_GOTO(vt_grow(&buffer, &capacity, used + BLOCK_BYTES, 1, "an image of an archive"));
        la_ssize_t count = archive_read_data(archive->handle, buffer + used, capacity - used);
        if (count < 0) {
            status = fail_damaged(archive);
            goto done;
        }
        if (count == 0) break;
        used += (size_t)count;
        if (used > VT_ENCODED_IMAGE_LIMIT) {
            status = vt_fail(VT_ERROR_INPUT, "%s: '%s' is longer than %d bytes", archive->path, archive->member,
                             VT_ENCODED_IMAGE_LIMIT);
            goto done;
        }
    }
    *data = buffer;
    *size = used;
    buffer = NULL;
done:
    free(buffer);
    return status;
}

uint64_t vt_archive_position(const vt_archive *archive) {
    z_off_t bytes = gzoffset(archive->file);
    return bytes > 0 ? (uint64_t)bytes : 0;
}

/* --- as a container of images --- */

typedef struct vt_archive_stream {
    vt_stream stream;
    vt_archive *archive;
    int64_t ordinal; /* of the next image */
} vt_archive_stream;

static vt_status stream_next(vt_stream *stream, vt_stream_member *member, int *more) {
    vt_archive_stream *self = (vt_archive_stream *)stream;
    vt_archive_member found;
    VT_TRY(vt_archive_next(self->archive, &found));
    *more = found.path != NULL;
    *member = (vt_stream_member){.path = found.path, .row = self->ordinal, .bytes = found.bytes};
    self->ordinal += *more;
    return VT_OK;
}

static vt_status stream_read(vt_stream *stream, vt_stream_image *out) {
    return vt_archive_read(((vt_archive_stream *)stream)->archive, &out->data, &out->size);
}

static uint64_t stream_position(const vt_stream *stream) {
    return vt_archive_position(((const vt_archive_stream *)stream)->archive);
}

static void stream_close(vt_stream *stream) {
    vt_archive_close(((vt_archive_stream *)stream)->archive);
    free(stream);
}

vt_status vt_archive_stream_open(const vt_container *container, vt_stream **out) {
    static const vt_stream_kind kind = {
        .next = stream_next, .read = stream_read, .position = stream_position, .close = stream_close};
    vt_archive_stream *stream;
    VT_TRY(vt_allocate(&stream, 1, sizeof *stream, "an archive"));
    stream->stream.kind = &kind;
    vt_status status = vt_archive_open(container->path, &stream->archive);
    if (status != VT_OK) {
        free(stream);
        return status;
    }
    *out = &stream->stream;
    return VT_OK;
}
