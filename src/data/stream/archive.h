/* Image members of a tar archive, read as a stream: nothing is ever unpacked onto the disk. */
#ifndef VT_DATA_ARCHIVE_H
#define VT_DATA_ARCHIVE_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

typedef struct vt_archive vt_archive;

typedef struct vt_archive_member {
    const char *path; /* as the archive has it; lives until the next vt_archive_next(). NULL at the end */
    uint64_t bytes;   /* as the archive claims, at most VT_ENCODED_IMAGE_LIMIT */
} vt_archive_member;

/* Opens a tar file, gzip-compressed or not. */
vt_status vt_archive_open(const char *path, vt_archive **out) VT_CHECKED;
void vt_archive_close(vt_archive *archive); /* NULL allowed */

/* Moves to the next regular member whose name is that of an image (vt_is_image_name()). Links, folders, devices and
 * other files are passed over. A cut or corrupt archive, or an image over the limit, is VT_ERROR_INPUT. */
vt_status vt_archive_next(vt_archive *archive, vt_archive_member *member) VT_CHECKED;

/* Reads the current member whole; *data is freed with free(). */
vt_status vt_archive_read(vt_archive *archive, uint8_t **data, size_t *size) VT_CHECKED;

/* Bytes of the file that have been read. */
uint64_t vt_archive_position(const vt_archive *archive);

#endif
