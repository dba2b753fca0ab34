/* Files: whole reads, maps, atomic replacement, folders. Every failure names the path. */
#ifndef VT_BASE_FILE_H
#define VT_BASE_FILE_H

#include "base/error.h"
#include "base/memory.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file mapped read-only (an empty file has data NULL, size 0). */
typedef struct vt_mapping {
    const uint8_t *data;
    size_t size;
} vt_mapping;
vt_status vt_map_file(const char *path, vt_mapping *out) VT_CHECKED;
void vt_unmap_file(vt_mapping *mapping);
/* Says that the file will be read here and there: no more of it is read from the disk than is asked for. */
void vt_mapping_expect_random(const vt_mapping *mapping);
/* Asks for bytes of a mapped file to be read from the disk while the caller goes on. */
void vt_mapping_prefetch(const void *data, size_t size);

/* Reads a whole file of at most `limit` bytes; *data is NUL-terminated past *size. Freed with free(). */
vt_status vt_read_file(const char *path, size_t limit, uint8_t **data, size_t *size) VT_CHECKED;

/* An atomic file: written under a temporary name beside `path`, buffered; commit syncs and renames it (and syncs
 * the folder), discard removes it. A reader never sees half a file; a failed write keeps the old one. */
typedef struct vt_writer vt_writer;
vt_status vt_writer_open(const char *path, vt_writer **out) VT_CHECKED;
vt_status vt_writer_write(vt_writer *writer, const void *data, size_t size) VT_CHECKED;
vt_status vt_writer_print(vt_writer *writer, const char *format, ...) VT_CHECKED VT_PRINTF(2, 3);
uint64_t vt_writer_offset(const vt_writer *writer);       /* bytes written so far */
uint32_t vt_writer_crc32(const vt_writer *writer);        /* CRC-32 (zlib) of the bytes written so far */
vt_status vt_writer_commit(vt_writer *writer) VT_CHECKED; /* frees the writer, whatever comes back */
void vt_writer_discard(vt_writer *writer);                /* NULL allowed */

/* Writes a whole file atomically. */
vt_status vt_write_file(const char *path, const void *data, size_t size) VT_CHECKED;

/* CRC-32 (zlib) and size of a file's bytes. */
vt_status vt_file_crc32(const char *path, uint32_t *crc, uint64_t *size) VT_CHECKED;

bool vt_path_exists(const char *path);
bool vt_is_folder(const char *path);
vt_status vt_file_size(const char *path, uint64_t *size) VT_CHECKED;
vt_status vt_make_folders(const char *path) VT_CHECKED;                  /* mkdir -p */
vt_status vt_remove_tree(const char *path) VT_CHECKED;                   /* rm -rf; absent is fine; links are not followed */
vt_status vt_rename_synced(const char *from, const char *to) VT_CHECKED; /* rename, then sync the parent folder */
vt_status vt_sync_folder(const char *path) VT_CHECKED;
vt_status vt_free_space(const char *path, uint64_t *bytes) VT_CHECKED; /* on the file system that holds path */
/* Fails with one sentence unless files can be created in `folder` (created if absent). */
vt_status vt_check_writable(const char *folder) VT_CHECKED;
/* Keeps other runs out of `folder`: fails if one has it locked. *lock is a descriptor, to be closed (so that the lock ends), or
 * -1 after a failure. */
vt_status vt_lock_folder(const char *folder, int *lock) VT_CHECKED;

/* Names in a folder, sorted, without "." and "..". */
vt_status vt_list_folder(const char *path, vt_strings *names) VT_CHECKED;

/* *out = "a/b"; freed with free(). */
vt_status vt_join(const char *a, const char *b, char **out) VT_CHECKED;
/* The part after the last '/'. */
const char *vt_basename(const char *path);
bool vt_has_suffix(const char *text, const char *suffix); /* ASCII case ignored */

#endif
