/* The image files of a raw data set, loose and in containers, under the names by which label files know them. */
#ifndef VT_DATA_FILES_H
#define VT_DATA_FILES_H

#include "base/memory.h"
#include <stdbool.h>

typedef enum vt_file_key {
    VT_KEY_BASENAME, /* "00000001_000.png", wherever it lies */
    VT_KEY_RELATIVE  /* "train/cat/1.png": path from the data set's folder */
} vt_file_key;

/* Files that hold many images. Only rows of Arrow files and arrays are known before they are read; what an archive holds is
 * found while it streams by. */
typedef enum vt_container_kind { VT_CONTAINER_ARCHIVE, VT_CONTAINER_ARROW, VT_CONTAINER_NPZ } vt_container_kind;

typedef struct vt_container {
    vt_container_kind kind;
    char *path;
    char *member;       /* of an .npz: the array, such as "train_images"; else NULL */
    uint64_t bytes;     /* to be read for all its images */
    int64_t modified;   /* nanoseconds since 1970; vt_files_add_container() looks it up */
    int64_t first_file; /* rows: row r is file first_file + r; archives: -1 */
    int64_t rows;       /* archives: 0 */
} vt_container;

/* A loose file, or a row. */
typedef struct vt_raw_file {
    char *key;
    char *path;       /* NULL of a row */
    int container;    /* into `containers`; -1: loose */
    uint64_t bytes;   /* encoded; 0 of a row */
    int64_t modified; /* nanoseconds since 1970; 0 of a row */
} vt_raw_file;

typedef struct vt_files {
    vt_raw_file *items; /* loose ones sorted by path, then rows container by container */
    size_t count, capacity;
    vt_map *by_key;
    vt_container *containers; /* archives by path; then others in reading order */
    size_t container_count, container_capacity;
    vt_strings unsupported; /* paths of images of kinds that can't be read, such as .webp */
} vt_files;

/* ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm", ".dicom" in any case; hidden files (such as macOS's "._x.png") are none. */
bool vt_is_image_name(const char *path);

/* Finds the image files below `root` (hidden folders left out, symbolic links followed). Two of the same key are
 * VT_ERROR_INPUT naming both places. Zero-initialise *files; free it even after a failure. */
vt_status vt_files_scan(const char *root, vt_file_key key, vt_files *files) VT_CHECKED;

/* Adds a container, whose strings are copied. One that is not there is VT_ERROR_IO. */
vt_status vt_files_add_container(vt_files *files, const vt_container *container) VT_CHECKED;

/* Adds the next row of the last container, as a file called `key`. */
vt_status vt_files_add_row(vt_files *files, const char *key) VT_CHECKED;

/* Adds root/images*.tar.gz (also .tgz, .tar) as containers. */
vt_status vt_files_add_archives(const char *root, vt_files *files) VT_CHECKED;

/* Index of the file called `key`, or -1. */
int64_t vt_files_find(const vt_files *files, const char *key);

void vt_files_free(vt_files *files);

#endif
