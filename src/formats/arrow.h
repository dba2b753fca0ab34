/* Apache Arrow IPC streams: written in record batches, read by mapping.
 *
 * Column kinds: utf8 strings, fixed-size lists of float32, fixed-size lists of uint8, none nullable. Streams are
 * little-endian, metadata version V5, buffers 64-byte aligned, uncompressed. Reading verifies every offset of every
 * flatbuffer table and every buffer before a row is handed out, and refuses other kinds by name. */
#ifndef VT_FORMATS_ARROW_H
#define VT_FORMATS_ARROW_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

typedef enum vt_arrow_kind {
    VT_ARROW_STRING = 0,     /* utf8 */
    VT_ARROW_FLOAT_LIST = 1, /* fixed_size_list<float32> */
    VT_ARROW_BYTE_LIST = 2   /* fixed_size_list<uint8> */
} vt_arrow_kind;

typedef struct vt_arrow_field {
    const char *name;
    vt_arrow_kind kind;
    int32_t list_size; /* of lists; 0 for strings */
} vt_arrow_field;

/* One value of a row. */
typedef struct vt_arrow_value {
    const void *data;
    size_t size; /* bytes */
} vt_arrow_value;

typedef struct vt_arrow_writer vt_arrow_writer;

/* Opens an atomic file with this schema; metadata key/value pairs (NULL allowed) go into the schema.
 * Rows are collected into record batches of `batch_rows`. */
vt_status vt_arrow_writer_open(const char *path, const vt_arrow_field *fields, int count, const char *const *keys,
                               const char *const *values, int pairs, int batch_rows, vt_arrow_writer **out) VT_CHECKED;
/* Adds one row: values [count]; a list's size must be its field's. */
vt_status vt_arrow_writer_add(vt_arrow_writer *writer, const vt_arrow_value *values) VT_CHECKED;
/* Ends the stream, syncs, renames; frees the writer whatever comes back. *bytes (NULL allowed): the file's size. */
vt_status vt_arrow_writer_commit(vt_arrow_writer *writer, uint64_t *bytes) VT_CHECKED;
void vt_arrow_writer_discard(vt_arrow_writer *writer); /* NULL allowed */

typedef struct vt_arrow_reader vt_arrow_reader;

vt_status vt_arrow_reader_open(const char *path, vt_arrow_reader **out) VT_CHECKED;
/* Parses bytes in memory (64-byte aligned; for tests and fuzzing); `data` must outlive the result. */
vt_status vt_arrow_reader_parse(const void *data, size_t size, const char *name, vt_arrow_reader **out) VT_CHECKED;
void vt_arrow_reader_close(vt_arrow_reader *reader); /* NULL allowed */

int vt_arrow_reader_field_count(const vt_arrow_reader *reader);
const vt_arrow_field *vt_arrow_reader_field(const vt_arrow_reader *reader, int field);
int vt_arrow_reader_find_field(const vt_arrow_reader *reader, const char *name);      /* -1 if absent */
const char *vt_arrow_reader_metadata(const vt_arrow_reader *reader, const char *key); /* NULL if absent */
int64_t vt_arrow_reader_rows(const vt_arrow_reader *reader);
/* Row 0 ... rows - 1; strings are not NUL-terminated. Constant time but for a search over record batches. */
vt_arrow_value vt_arrow_reader_get(const vt_arrow_reader *reader, int field, int64_t row);

#endif
