/* Record batches of Arrow streams: every node and buffer is held against its type, and every offset is followed, before a row
 * is handed out. No copies: what is verified stays where it is mapped. */
#include "formats/arrow_reader.h"
#include "formats/arrow_schema.h"
#include "formats/utf8.h"

#include <inttypes.h>
#include <string.h>

/* A batch being read: its vectors of nodes and buffers, and how far they are used up. */
typedef struct batch_parts {
    vt_arrow_message *from;
    const char *column; /* being read */
    bool nulls;         /* are allowed */
    int64_t rows;
    size_t nodes, node_count, next_node;
    size_t buffers, buffer_count, next_buffer;
} batch_parts;

/* Pair `index` of a vector whose bounds are checked already. */
static void get_pair(const vt_flat *flat, size_t vector, size_t index, int64_t values[2]) {
    memcpy(values, flat->data + vector + ARROW_PAIR_SIZE * index, ARROW_PAIR_SIZE);
}

/* The next node must have at least `length` values (exactly as many if `exact`); node [2] = {length, null_count} */
static vt_status take_node(batch_parts *parts, int64_t length, bool exact, int64_t node[2]) {
    const vt_arrow_message *from = parts->from;
    if (parts->next_node == parts->node_count) return vt_arrow_fail_damaged(from);
    get_pair(&from->flat, parts->nodes, parts->next_node++, node);
    if (node[0] < length || (exact && node[0] != length))
        return vt_fail(VT_ERROR_INPUT, "%s: column '%s' in the batch at byte %zu has %" PRId64 " values, expected %" PRId64,
                       from->reader->name, parts->column, from->begin, node[0], length);
    if (node[1] != 0 && !parts->nulls)
        return vt_fail(VT_ERROR_INPUT, "%s: column '%s' in the batch at byte %zu has nulls; every row must have a value",
                       from->reader->name, parts->column, from->begin);
    return VT_OK;
}

/* The next buffer must lie within the body. */
static vt_status take_buffer(batch_parts *parts, const uint8_t **data, size_t *size) {
    const vt_arrow_message *from = parts->from;
    int64_t buffer[2]; /* offset, length */
    if (parts->next_buffer == parts->buffer_count) return vt_arrow_fail_damaged(from);
    get_pair(&from->flat, parts->buffers, parts->next_buffer++, buffer);
    if (buffer[0] < 0 || buffer[1] < 0 || (uint64_t)buffer[0] > from->body_length ||
        (uint64_t)buffer[1] > from->body_length - (uint64_t)buffer[0] || buffer[0] % 8 != 0)
        return vt_fail(VT_ERROR_INPUT,
                       "%s: column '%s' in the batch at byte %zu: a buffer of %" PRId64 " bytes at %" PRId64
                       " does not lie, at a multiple of 8, within the body of %zu bytes",
                       from->reader->name, parts->column, from->begin, buffer[1], buffer[0], from->body_length);
    *data = from->body + buffer[0];
    *size = (size_t)buffer[1];
    return VT_OK;
}

static vt_status too_small(const batch_parts *parts, const char *what, size_t size) {
    return vt_fail(VT_ERROR_INPUT, "%s: column '%s' in the batch at byte %zu: %zu bytes of %s are too few for %" PRId64 " rows",
                   parts->from->reader->name, parts->column, parts->from->begin, size, what, parts->rows);
}

/* Reads the bitmap of an array with `nulls` nulls; there must be as many. */
static vt_status read_validity(batch_parts *parts, int64_t nulls, vt_arrow_array *array) {
    const uint8_t *bits;
    size_t size;
    VT_TRY(take_buffer(parts, &bits, &size));
    if (nulls == 0) return VT_OK;
    if (size < (size_t)(array->length / 8 + (array->length % 8 != 0))) return too_small(parts, "validity bits", size);
    int64_t found = 0;
    for (int64_t i = 0; i < array->length; i++) found += !vt_arrow_bit(bits, i);
    if (found != nulls)
        return vt_fail(VT_ERROR_INPUT, "%s: column '%s' in the batch at byte %zu has %" PRId64 " nulls, expected %" PRId64,
                       parts->from->reader->name, parts->column, parts->from->begin, found, nulls);
    array->validity = bits;
    return VT_OK;
}

/* Reads offsets; where there are no values, there may be none. */
static vt_status read_offsets(batch_parts *parts, const vt_arrow_type *type, vt_arrow_array *array) {
    const uint8_t *data;
    size_t size;
    VT_TRY(take_buffer(parts, &data, &size));
    if (array->length > 0 && size / type->width <= (uint64_t)array->length) return too_small(parts, "offsets", size);
    array->offsets = (const void *)data;
    return VT_OK;
}

/* Offsets must rise and stay within `limit` values. */
static vt_status check_offsets(const batch_parts *parts, const vt_arrow_type *type, const vt_arrow_array *array, size_t limit) {
    if (array->length == 0) return VT_OK;
    int64_t end = vt_arrow_offset(type, array, 0);
    for (int64_t i = 0; i <= array->length; i++) {
        int64_t offset = vt_arrow_offset(type, array, i);
        if (offset < end || offset < 0 || (uint64_t)offset > limit)
            return vt_fail(VT_ERROR_INPUT,
                           "%s: column '%s' in the batch at byte %zu: offset %" PRId64 " is %" PRId64
                           ", expected one from %" PRId64 " to %zu",
                           parts->from->reader->name, parts->column, parts->from->begin, i, offset, end < 0 ? 0 : end, limit);
        end = offset;
    }
    return VT_OK;
}

/* The text must be UTF-8, no string beginning within a character. */
static vt_status check_utf8(const batch_parts *parts, const vt_arrow_type *type, const vt_arrow_array *array) {
    if (array->length == 0) return VT_OK;
    size_t first = (size_t)vt_arrow_offset(type, array, 0), end = (size_t)vt_arrow_offset(type, array, array->length);
    size_t bad = first + vt_utf8_valid_length(array->data + first, end - first);
    for (int64_t i = 0; i < array->length; i++) {
        size_t begin = (size_t)vt_arrow_offset(type, array, i), next = (size_t)vt_arrow_offset(type, array, i + 1);
        bool within = begin < end && (array->data[begin] & 0xc0) == 0x80;
        if (within || (bad < end && next > bad))
            return vt_fail(VT_ERROR_INPUT, "%s: column '%s' in the batch at byte %zu: string %" PRId64 " is not UTF-8",
                           parts->from->reader->name, parts->column, parts->from->begin, i);
    }
    return VT_OK;
}

static vt_status read_bytes(batch_parts *parts, const vt_arrow_type *type, vt_arrow_array *array) {
    size_t size;
    VT_TRY(read_offsets(parts, type, array));
    VT_TRY(take_buffer(parts, &array->data, &size));
    VT_TRY(check_offsets(parts, type, array, size));
    return type->layout == VT_ARROW_TEXT ? check_utf8(parts, type, array) : VT_OK;
}

static vt_status read_values(batch_parts *parts, const vt_arrow_type *type, vt_arrow_array *array) {
    size_t size;
    VT_TRY(take_buffer(parts, &array->data, &size));
    bool holds = type->layout == VT_ARROW_BOOL ? size >= (size_t)(array->length / 8 + (array->length % 8 != 0))
                                               : size / type->width >= (uint64_t)array->length;
    return holds ? VT_OK : too_small(parts, "values", size);
}

static vt_status read_array(batch_parts *parts, const vt_arrow_type *type, int64_t length, bool exact, vt_arrow_array *array);

static vt_status read_children(batch_parts *parts, const vt_arrow_type *type, vt_arrow_array *array) {
    int64_t items = 0;
    switch (type->layout) {
    case VT_ARROW_LIST:
        VT_TRY(read_offsets(parts, type, array));
        VT_TRY(read_array(parts, type + 1, 0, false, array + 1));
        return check_offsets(parts, type, array, (size_t)array[1].length);
    case VT_ARROW_FIXED_LIST:
        if (__builtin_mul_overflow(array->length, (int64_t)type->list_size, &items)) return vt_arrow_fail_damaged(parts->from);
        return read_array(parts, type + 1, items, false, array + 1);
    default: /* a struct */
        for (size_t i = 1; i < type->count; i += type[i].count)
            VT_TRY(read_array(parts, type + i, array->length, false, array + i));
        return VT_OK;
    }
}

/* Reads what the batch has of a type, and of those nested in it: at least `length` values. array [type->count] */
static vt_status read_array(batch_parts *parts, const vt_arrow_type *type, int64_t length, bool exact, vt_arrow_array *array) {
    int64_t node[2];
    VT_TRY(take_node(parts, length, exact, node));
    *array = (vt_arrow_array){.length = node[0]};
    if (type->layout == VT_ARROW_NULL) return VT_OK;
    VT_TRY(read_validity(parts, node[1], array));
    switch (type->layout) {
    case VT_ARROW_TEXT:
    case VT_ARROW_BINARY:
        return read_bytes(parts, type, array);
    case VT_ARROW_LIST:
    case VT_ARROW_FIXED_LIST:
    case VT_ARROW_STRUCT:
        return read_children(parts, type, array);
    default:
        return read_values(parts, type, array);
    }
}

static vt_status add_batch(vt_arrow_reader *reader, const batch_parts *parts) {
    VT_TRY(vt_grow(&reader->batches, &reader->batch_capacity, reader->batch_count + 1, sizeof *reader->batches,
                   "the batches of an Arrow file"));
    reader->batches[reader->batch_count++] = (vt_arrow_batch){reader->rows, parts->rows};
    if (__builtin_add_overflow(reader->rows, parts->rows, &reader->rows)) return vt_arrow_fail_damaged(parts->from);
    return VT_OK;
}

vt_status vt_arrow_read_batch(vt_arrow_reader *reader, vt_arrow_message *from) {
    vt_flat *flat = &from->flat;
    if (from->header_type != ARROW_HEADER_RECORD_BATCH)
        return vt_fail(VT_ERROR_INPUT, "%s: the message at byte %zu is %s, expected a record batch", reader->name, from->begin,
                       from->header_type == ARROW_HEADER_SCHEMA             ? "a second schema"
                       : from->header_type == ARROW_HEADER_DICTIONARY_BATCH ? "a dictionary"
                                                                            : "of an unknown kind");
    size_t compression = vt_flat_table(flat, from->header, BATCH_COMPRESSION);
    if (compression && !flat->damaged)
        return vt_fail(VT_ERROR_UNSUPPORTED, "%s: is compressed with %s; only uncompressed Arrow files can be read",
                       reader->name, vt_flat_scalar(flat, compression, COMPRESSION_CODEC, 1, 0) ? "zstd" : "lz4");
    batch_parts parts = {.from = from, .nulls = reader->nested, .rows = vt_flat_scalar(flat, from->header, BATCH_LENGTH, 8, 0)};
    parts.nodes = vt_flat_vector(flat, from->header, BATCH_NODES, ARROW_PAIR_SIZE, &parts.node_count);
    parts.buffers = vt_flat_vector(flat, from->header, BATCH_BUFFERS, ARROW_PAIR_SIZE, &parts.buffer_count);
    if (flat->damaged || parts.rows < 0) return vt_arrow_fail_damaged(from);

    size_t used = reader->batch_count * reader->type_count;
    VT_TRY(vt_grow(&reader->arrays, &reader->array_capacity, used + reader->type_count, sizeof *reader->arrays,
                   "the batches of an Arrow file"));
    for (size_t i = 0; i < reader->field_count; i++) {
        size_t first = reader->first_types[i];
        parts.column = reader->types[first].name;
        VT_TRY(read_array(&parts, &reader->types[first], parts.rows, true, &reader->arrays[used + first]));
    }
    if (parts.next_node != parts.node_count || parts.next_buffer != parts.buffer_count) return vt_arrow_fail_damaged(from);
    return parts.rows > 0 ? add_batch(reader, &parts) : VT_OK;
}
