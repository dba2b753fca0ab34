/* Atomic files: bytes go to a temporary name beside the target, which only a complete, synced file ever takes the place of. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { BUFFER_SIZE = 1 << 18 };

struct vt_writer {
    char *path, *temporary;
    int descriptor;
    int failure; /* errno of the first failed write: a commit fails with it, too */
    uint64_t offset;
    uint32_t crc;
    size_t buffered;
    uint8_t *buffer; /* [BUFFER_SIZE] */
};

/* Opens a new file under a name that no other process or thread has. */
static vt_status open_temporary(vt_writer *writer) {
    static atomic_uint counter;
    struct stat info;
    if (stat(writer->path, &info) == 0 && !S_ISREG(info.st_mode))
        return vt_fail(VT_ERROR_IO, "%s: cannot write: is a %s, expected a file", writer->path,
                       S_ISDIR(info.st_mode) ? "folder" : "special file");
    do {
        free(writer->temporary);
        VT_TRY(vt_format(&writer->temporary, "%s.%ld-%u.tmp", writer->path, (long)getpid(), atomic_fetch_add(&counter, 1)));
        writer->descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (writer->descriptor < 0 && errno == EEXIST);
    return writer->descriptor < 0 ? vt_fail_errno("%s: cannot create", writer->path) : VT_OK;
}

static void free_writer(vt_writer *writer) {
    free(writer->path);
    free(writer->temporary);
    free(writer->buffer);
    free(writer);
}

vt_status vt_writer_open(const char *path, vt_writer **out) {
    vt_writer *writer;
    *out = NULL;
    VT_TRY(vt_allocate(&writer, 1, sizeof *writer, "a file writer"));
    writer->descriptor = -1;
    vt_status status = vt_copy_string(path, &writer->path);
    if (status == VT_OK) status = vt_allocate(&writer->buffer, BUFFER_SIZE, 1, "a file buffer");
    if (status == VT_OK) status = open_temporary(writer);
    if (status != VT_OK) {
        free_writer(writer);
        return status;
    }
    *out = writer;
    return VT_OK;
}

static vt_status write_out(vt_writer *writer, const uint8_t *data, size_t size) {
    while (size && !writer->failure) {
        ssize_t written = write(writer->descriptor, data, size < (1u << 30) ? size : 1u << 30);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            writer->failure = errno;
            break;
        }
        data += written;
        size -= (size_t)written;
    }
    errno = writer->failure;
    return writer->failure ? vt_fail_errno("%s: cannot write", writer->path) : VT_OK;
}

static vt_status flush(vt_writer *writer) {
    size_t size = writer->buffered;
    writer->buffered = 0;
    return write_out(writer, writer->buffer, size);
}

vt_status vt_writer_write(vt_writer *writer, const void *data, size_t size) {
    if (size == 0) return VT_OK;
    writer->offset += size;
    writer->crc = (uint32_t)crc32_z(writer->crc, data, size);
    if (size > BUFFER_SIZE - writer->buffered) VT_TRY(flush(writer));
    if (size >= BUFFER_SIZE) return write_out(writer, data, size);
    memcpy(writer->buffer + writer->buffered, data, size);
    writer->buffered += size;
    return VT_OK;
}

vt_status vt_writer_print(vt_writer *writer, const char *format, ...) {
    char text[1024];
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    vt_status status = VT_OK;
    if (length < 0) {
        status = vt_fail(VT_ERROR_INPUT, "%s: cannot format text by '%s'", writer->path, format);
    } else if ((size_t)length < sizeof text) {
        status = vt_writer_write(writer, text, (size_t)length);
    } else {
        char *longer;
        status = vt_allocate(&longer, (size_t)length + 1, 1, "text");
        if (status == VT_OK) {
            vsnprintf(longer, (size_t)length + 1, format, again);
            status = vt_writer_write(writer, longer, (size_t)length);
            free(longer);
        }
    }
    va_end(again);
    return status;
}

uint64_t vt_writer_offset(const vt_writer *writer) {
    return writer->offset;
}

uint32_t vt_writer_crc32(const vt_writer *writer) {
    return writer->crc;
}

vt_status vt_writer_commit(vt_writer *writer) {
    vt_status status = flush(writer);
    if (status == VT_OK && fsync(writer->descriptor) != 0) status = vt_fail_errno("%s: cannot write", writer->path);
    int closed = close(writer->descriptor);
    writer->descriptor = -1;
    if (status == VT_OK && closed != 0) status = vt_fail_errno("%s: cannot write", writer->path);
    if (status == VT_OK) {
        status = vt_rename_synced(writer->temporary, writer->path);
        if (status == VT_OK) {
            free_writer(writer);
            return VT_OK;
        }
    }
    vt_writer_discard(writer);
    return status;
}

void vt_writer_discard(vt_writer *writer) {
    if (!writer) return;
    if (writer->descriptor >= 0) close(writer->descriptor);
    unlink(writer->temporary);
    free_writer(writer);
}

vt_status vt_write_file(const char *path, const void *data, size_t size) {
    vt_writer *writer;
    VT_TRY(vt_writer_open(path, &writer));
    vt_status status = vt_writer_write(writer, data, size);
    if (status == VT_OK) return vt_writer_commit(writer);
    vt_writer_discard(writer);
    return status;
}
