/* What the parts of the Arrow reader share: arrow_reader.c walks the messages, arrow_types.c reads the schema, arrow_batch.c
 * verifies record batches, arrow_cells.c looks into them. */
#ifndef VT_FORMATS_ARROW_READER_H
#define VT_FORMATS_ARROW_READER_H

#include "base/file.h"
#include "formats/arrow.h"
#include "formats/flatbuffer.h"

/* What one record batch holds of one type, verified. */
typedef struct vt_arrow_array {
    int64_t length;
    const uint8_t *validity; /* bits [length], 0 where null; NULL: no nulls */
    const void *offsets;     /* [length + 1] int32 or int64, into `data` or the child */
    const uint8_t *data;     /* values; bits of bools */
} vt_arrow_array;

typedef struct vt_arrow_batch {
    int64_t first_row, rows;
} vt_arrow_batch;

typedef struct vt_arrow_pair {
    const char *key, *value;
} vt_arrow_pair;

struct vt_arrow_reader {
    char *name;
    bool nested;        /* any types and nulls */
    vt_mapping mapping; /* empty if the bytes are the caller's */
    vt_arrow_field *fields;
    size_t *first_types; /* [field_count] in `types` */
    size_t field_count;
    vt_arrow_type *types; /* of all columns */
    size_t type_count, type_capacity;
    vt_arrow_pair *metadata;
    size_t pair_count;
    vt_arrow_batch *batches;
    size_t batch_count, batch_capacity;
    vt_arrow_array *arrays; /* [batch_count, type_count] */
    size_t array_capacity;
    int64_t rows;
};

/* A message and where it stands; for error sentences too. */
typedef struct vt_arrow_message {
    const vt_arrow_reader *reader;
    size_t begin; /* of its marker in the file */
    vt_flat flat; /* its metadata */
    size_t header;
    int header_type;
    const uint8_t *body;
    size_t body_length;
} vt_arrow_message;

static inline vt_status vt_arrow_fail_damaged(const vt_arrow_message *from) {
    return vt_fail(VT_ERROR_INPUT, "%s: the metadata of the message at byte %zu is damaged", from->reader->name, from->begin);
}

/* Reads the columns' types and the metadata. */
vt_status vt_arrow_read_schema(vt_arrow_reader *reader, vt_arrow_message *from) VT_CHECKED;
/* Verifies a record batch and adds it. */
vt_status vt_arrow_read_batch(vt_arrow_reader *reader, vt_arrow_message *from) VT_CHECKED;

/* Bit `index` of a bitmap. */
static inline bool vt_arrow_bit(const uint8_t *bits, int64_t index) {
    return bits[index / 8] >> (index % 8) & 1;
}

/* Offset `index` of a text, a binary or a list. */
static inline int64_t vt_arrow_offset(const vt_arrow_type *type, const vt_arrow_array *array, int64_t index) {
    return type->width == sizeof(int32_t) ? ((const int32_t *)array->offsets)[index] : ((const int64_t *)array->offsets)[index];
}

#endif
