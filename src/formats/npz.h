/* NumPy's .npz files: zip archives with a member "<name>.npy" for each array, stored or deflated, of any size.
 * Values are read as a stream, in C order, so that an array may be larger than the memory. */
#ifndef VT_FORMATS_NPZ_H
#define VT_FORMATS_NPZ_H

#include "base/memory.h"
#include <stddef.h>
#include <stdint.h>

/* --- one array: .npy --- */

enum {
    VT_NPY_RANK_LIMIT = 8,
    VT_NPY_PREFIX = 12,          /* bytes that tell a header's length */
    VT_NPY_HEADER_LIMIT = 10000, /* bytes; NumPy's own limit (numpy.lib.format) */
};

typedef enum vt_npy_kind { VT_NPY_BOOL, VT_NPY_UNSIGNED, VT_NPY_SIGNED, VT_NPY_FLOAT } vt_npy_kind;

/* What stands before an array's values, which are little-endian and in C order. */
typedef struct vt_npy_header {
    vt_npy_kind kind;
    int item_size; /* bytes of a value: 1, 2, 4 or 8; floats: 4 or 8 */
    int rank;
    int64_t shape[VT_NPY_RANK_LIMIT];
    int64_t count; /* of values: the product of the shape */
} vt_npy_header;

/* *bytes = the length of a header, up to the values, from its first VT_NPY_PREFIX bytes. `name` is for sentences. */
vt_status vt_npy_header_bytes(const void *prefix, const char *name, size_t *bytes) VT_CHECKED;

/* Parses a header of versions 1.0 to 3.0, of vt_npy_header_bytes() bytes. Values that are neither booleans, integers nor
 * floats, are big-endian or lie in Fortran order are VT_ERROR_UNSUPPORTED. */
vt_status vt_npy_parse_header(const void *data, size_t size, const char *name, vt_npy_header *header) VT_CHECKED;

/* "uint8" and so on, as NumPy has it. */
const char *vt_npy_type_name(const vt_npy_header *header);

/* text = "(3, 28, 28)" */
enum { VT_NPY_SHAPE_TEXT = 192 };
void vt_npy_shape_text(const vt_npy_header *header, char text[VT_NPY_SHAPE_TEXT]);

/* The value at `item`, which has header->item_size bytes. */
double vt_npy_value(const vt_npy_header *header, const void *item);

/* --- many arrays: .npz --- */

/* Adds the names of a file's arrays, without ".npy", in stored order. */
vt_status vt_npz_list(const char *path, vt_strings *names) VT_CHECKED;

/* An array's values as a stream. */
typedef struct vt_npz_array vt_npz_array;
vt_status vt_npz_array_open(const char *path, const char *name, vt_npz_array **out) VT_CHECKED;
void vt_npz_array_close(vt_npz_array *array); /* NULL allowed */
const vt_npy_header *vt_npz_array_header(const vt_npz_array *array);

/* Reads the next `size` bytes of values. With the last byte the array's checksum is compared. An array that ends too early, or
 * is damaged, is VT_ERROR_INPUT. */
vt_status vt_npz_array_read(vt_npz_array *array, void *values, size_t size) VT_CHECKED;

#endif
