/* Apache Arrow IPC streams: written in record batches, read by mapping.
 *
 * What is written, and read by vt_arrow_reader_open(): utf8 strings, fixed-size lists of float32, fixed-size lists of uint8,
 * none nullable. Streams are little-endian, metadata version V5, buffers 64-byte aligned, uncompressed. What others write,
 * nested and with nulls, is read by vt_arrow_reader_open_nested(). Reading verifies every offset of every flatbuffer table and
 * every buffer before a row is handed out, and refuses other kinds by name. */
#ifndef VT_FORMATS_ARROW_H
#define VT_FORMATS_ARROW_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum vt_arrow_kind {
    VT_ARROW_STRING = 0,     /* utf8 */
    VT_ARROW_FLOAT_LIST = 1, /* fixed_size_list<float32> */
    VT_ARROW_BYTE_LIST = 2,  /* fixed_size_list<uint8> */
    VT_ARROW_NESTED = 3      /* whatever a nested reader finds: see vt_arrow_reader_cell() */
} vt_arrow_kind;

typedef struct vt_arrow_field {
    const char *name;
    vt_arrow_kind kind;
    int32_t list_size; /* of the two kinds of lists, else 0 */
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

/* --- columns of other types, nested and with nulls --- */

typedef enum vt_arrow_layout {
    VT_ARROW_NULL, /* no value at all */
    VT_ARROW_BOOL,
    VT_ARROW_INT,        /* of `width` bytes, as are the next three */
    VT_ARROW_UNSIGNED,   /* uint8 ... uint64 */
    VT_ARROW_FLOAT,      /* float16, float32, float64 */
    VT_ARROW_OTHER,      /* dates, times, decimals, fixed-size binary: there, but not to be looked at */
    VT_ARROW_TEXT,       /* utf8, large_utf8 */
    VT_ARROW_BINARY,     /* binary, large_binary */
    VT_ARROW_LIST,       /* list, large_list, map: of one child */
    VT_ARROW_FIXED_LIST, /* fixed_size_list: of one child */
    VT_ARROW_STRUCT
} vt_arrow_layout;

/* The type of a column, or of something in it; what is nested in a type stands behind it, in depth-first order. Extension types
 * are their storage. */
typedef struct vt_arrow_type {
    const char *name;  /* of the column or of the struct's member */
    const char *words; /* what to call the type in a sentence: "list" */
    vt_arrow_layout layout;
    size_t width;      /* bytes of a value; of an offset of texts, binaries and lists */
    int32_t list_size; /* of fixed lists */
    int child_count;
    size_t count; /* of types: this one and all that are nested in it */
} vt_arrow_type;

const vt_arrow_type *vt_arrow_type_child(const vt_arrow_type *type, int child);
/* The struct's member of that name, or -1. */
int vt_arrow_type_find(const vt_arrow_type *type, const char *name);

/* A value that may be nested: item `index` of what one record batch holds of `type`. A value type. */
typedef struct vt_arrow_cell {
    const vt_arrow_type *type;
    const struct vt_arrow_array *array;
    int64_t index;
} vt_arrow_cell;

/* As vt_arrow_reader_open() and _parse(), for columns of any vt_arrow_layout, and nulls. Columns of other types (unions, views,
 * dictionaries) are VT_ERROR_UNSUPPORTED. */
vt_status vt_arrow_reader_open_nested(const char *path, vt_arrow_reader **out) VT_CHECKED;
vt_status vt_arrow_reader_parse_nested(const void *data, size_t size, const char *name, vt_arrow_reader **out) VT_CHECKED;

const vt_arrow_type *vt_arrow_reader_type(const vt_arrow_reader *reader, int field);
vt_arrow_cell vt_arrow_reader_cell(const vt_arrow_reader *reader, int field, int64_t row);

/* Each is for the layouts in brackets. The value behind a null is valid memory, and means nothing. */
bool vt_arrow_cell_is_null(vt_arrow_cell cell);
int64_t vt_arrow_cell_integer(vt_arrow_cell cell);                 /* [BOOL, INT, UNSIGNED] past INT64_MAX: INT64_MAX */
double vt_arrow_cell_number(vt_arrow_cell cell);                   /* [BOOL, INT, UNSIGNED, FLOAT] NaN if null */
vt_arrow_value vt_arrow_cell_bytes(vt_arrow_cell cell);            /* [TEXT, BINARY, INT, UNSIGNED, FLOAT] */
int64_t vt_arrow_cell_length(vt_arrow_cell cell);                  /* [LIST, FIXED_LIST] */
vt_arrow_cell vt_arrow_cell_item(vt_arrow_cell cell, int64_t i);   /* [LIST, FIXED_LIST] i from 0 to length - 1 */
vt_arrow_cell vt_arrow_cell_member(vt_arrow_cell cell, int child); /* [STRUCT] */

/* Lets the pages of the mapped file go that lie before the end of `value`, as far as they lie behind its beginning: a whole
 * file read row by row stays flat in memory. What is read again is mapped again. */
void vt_arrow_reader_release(const vt_arrow_reader *reader, vt_arrow_value value);

#endif
