/* Reading Arrow IPC streams where they are mapped. Everything is verified at opening, in one pass without an allocation
 * per row; after that a row is a matter of pointers. A stream without its end-of-stream marker counts as cut off. */
#include "formats/arrow.h"

#include "base/file.h"
#include "base/memory.h"
#include "formats/arrow_schema.h"
#include "formats/flatbuffer.h"
#include "formats/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One column of one record batch. */
typedef struct chunk {
    const uint8_t *data;   /* of strings or items */
    const int32_t *begins; /* strings: [rows + 1] in `data`; NULL for lists */
} chunk;

typedef struct batch {
    int64_t first_row, rows;
} batch;

typedef struct pair {
    const char *key, *value;
} pair;

struct vt_arrow_reader {
    char *name;
    vt_mapping mapping; /* empty if the bytes are the caller's */
    vt_arrow_field *fields;
    size_t field_count;
    pair *metadata;
    size_t pair_count;
    batch *batches;
    size_t batch_count, batch_capacity;
    chunk *chunks; /* [batch_count, field_count] */
    size_t chunk_capacity;
    int64_t rows;
};

/* A message and where it stands; for error sentences too. */
typedef struct message {
    const vt_arrow_reader *reader;
    size_t begin; /* of its marker in the file */
    vt_flat flat; /* its metadata */
    size_t header;
    int header_type;
    const uint8_t *body;
    size_t body_length;
} message;

static vt_status damaged(const message *from) {
    return vt_fail(VT_ERROR_INPUT, "%s: the metadata of the message at byte %zu is damaged", from->reader->name, from->begin);
}

/* --- schema --- */

static const char *type_name(int64_t type) {
    static const char *const names[] = {"no type",
                                        "null",
                                        "int",
                                        "floating point",
                                        "binary",
                                        "utf8",
                                        "bool",
                                        "decimal",
                                        "date",
                                        "time",
                                        "timestamp",
                                        "interval",
                                        "list",
                                        "struct",
                                        "union",
                                        "fixed-size binary",
                                        "fixed-size list",
                                        "map",
                                        "duration",
                                        "large binary",
                                        "large utf8",
                                        "large list",
                                        "run-end encoded",
                                        "binary view",
                                        "utf8 view",
                                        "list view",
                                        "large list view"};
    return type >= 0 && type < (int64_t)(sizeof names / sizeof names[0]) ? names[type] : "unknown";
}

static vt_status unsupported(const message *from, const char *column, const char *what) {
    return vt_fail(VT_ERROR_UNSUPPORTED,
                   "%s: column '%s' is of type %s; utf8 and fixed-size lists of float32 or uint8 can be read",
                   from->reader->name, column, what);
}

/* The kind of a fixed-size list from its one child. */
static vt_status read_list(message *from, size_t table, vt_arrow_field *field) {
    vt_flat *flat = &from->flat;
    size_t count, children = vt_flat_vector(flat, table, FIELD_CHILDREN, VT_FLAT_OFFSET, &count);
    size_t list = vt_flat_table(flat, table, FIELD_TYPE);
    field->list_size = (int32_t)vt_flat_scalar(flat, list, FIXED_SIZE_LIST_SIZE, 4, 0);
    if (flat->damaged || count != 1) return damaged(from);
    if (field->list_size < 1)
        return vt_fail(VT_ERROR_INPUT, "%s: column '%s' has lists of %d items, expected at least 1", from->reader->name,
                       field->name, (int)field->list_size);
    size_t child = vt_flat_element(flat, children, 0), type = vt_flat_table(flat, child, FIELD_TYPE);
    int64_t kind = vt_flat_scalar(flat, child, FIELD_TYPE_TYPE, 1, 0);
    if (vt_flat_table(flat, child, FIELD_DICTIONARY)) return unsupported(from, field->name, "fixed-size list of dictionary");
    if (kind == ARROW_TYPE_FLOATING_POINT &&
        vt_flat_scalar(flat, type, FLOATING_POINT_PRECISION, 2, 0) == ARROW_PRECISION_SINGLE) {
        field->kind = VT_ARROW_FLOAT_LIST;
        return VT_OK;
    }
    if (kind == ARROW_TYPE_INT && vt_flat_scalar(flat, type, INT_BIT_WIDTH, 4, 0) == 8 &&
        !vt_flat_scalar(flat, type, INT_IS_SIGNED, 1, 0)) {
        field->kind = VT_ARROW_BYTE_LIST;
        return VT_OK;
    }
    return unsupported(from, field->name, "fixed-size list of other items");
}

static vt_status read_field(message *from, size_t table, vt_arrow_field *field) {
    vt_flat *flat = &from->flat;
    field->name = vt_flat_string(flat, table, FIELD_NAME);
    int64_t type = vt_flat_scalar(flat, table, FIELD_TYPE_TYPE, 1, 0);
    size_t dictionary = vt_flat_table(flat, table, FIELD_DICTIONARY);
    if (flat->damaged) return damaged(from);
    if (dictionary) return unsupported(from, field->name, "dictionary");
    if (type == ARROW_TYPE_FIXED_SIZE_LIST) return read_list(from, table, field);
    if (type != ARROW_TYPE_UTF8) return unsupported(from, field->name, type_name(type));
    field->kind = VT_ARROW_STRING;
    return VT_OK;
}

static vt_status read_metadata(vt_arrow_reader *reader, message *from) {
    vt_flat *flat = &from->flat;
    size_t count, vector = vt_flat_vector(flat, from->header, SCHEMA_METADATA, VT_FLAT_OFFSET, &count);
    VT_TRY(vt_allocate(&reader->metadata, count, sizeof *reader->metadata, "the metadata of an Arrow file"));
    for (; reader->pair_count < count; reader->pair_count++) {
        size_t table = vt_flat_element(flat, vector, reader->pair_count);
        reader->metadata[reader->pair_count] =
            (pair){vt_flat_string(flat, table, KEY_VALUE_KEY), vt_flat_string(flat, table, KEY_VALUE_VALUE)};
    }
    return VT_OK;
}

static vt_status read_schema(vt_arrow_reader *reader, message *from) {
    vt_flat *flat = &from->flat;
    if (from->header_type != ARROW_HEADER_SCHEMA)
        return vt_fail(VT_ERROR_INPUT, "%s: does not begin with a schema message", reader->name);
    if (vt_flat_scalar(flat, from->header, SCHEMA_ENDIANNESS, 2, 0) != 0)
        return vt_fail(VT_ERROR_UNSUPPORTED, "%s: is big-endian; only little-endian Arrow files can be read", reader->name);
    size_t count, columns = vt_flat_vector(flat, from->header, SCHEMA_COLUMNS, VT_FLAT_OFFSET, &count);
    if (flat->damaged) return damaged(from);
    if (count == 0) return vt_fail(VT_ERROR_INPUT, "%s: has no columns", reader->name);
    VT_TRY(vt_allocate(&reader->fields, count, sizeof *reader->fields, "the columns of an Arrow file"));
    for (; reader->field_count < count; reader->field_count++)
        VT_TRY(read_field(from, vt_flat_element(flat, columns, reader->field_count), &reader->fields[reader->field_count]));
    VT_TRY(read_metadata(reader, from));
    return flat->damaged ? damaged(from) : VT_OK;
}

/* --- record batches --- */

/* A batch being read: its vectors of nodes and buffers, and how far they are used up. */
typedef struct batch_parts {
    message *from;
    int64_t rows;
    size_t nodes, node_count, next_node;
    size_t buffers, buffer_count, next_buffer;
} batch_parts;

/* Pair `index` of a vector whose bounds are checked already. */
static void get_pair(const vt_flat *flat, size_t vector, size_t index, int64_t values[2]) {
    memcpy(values, flat->data + vector + ARROW_PAIR_SIZE * index, ARROW_PAIR_SIZE);
}

/* The next node must have at least `length` values (exactly as many if `exact`) and no nulls. */
static vt_status take_node(batch_parts *parts, const vt_arrow_field *field, int64_t length, bool exact) {
    const message *from = parts->from;
    int64_t node[2]; /* length, null_count */
    if (parts->next_node == parts->node_count) return damaged(from);
    get_pair(&from->flat, parts->nodes, parts->next_node++, node);
    if (node[0] < length || (exact && node[0] != length))
        return vt_fail(VT_ERROR_INPUT, "%s: column '%s' in the batch at byte %zu has %" PRId64 " values, expected %" PRId64,
                       from->reader->name, field->name, from->begin, node[0], length);
    if (node[1] != 0)
        return vt_fail(VT_ERROR_INPUT, "%s: column '%s' in the batch at byte %zu has nulls; every row must have a value",
                       from->reader->name, field->name, from->begin);
    return VT_OK;
}

/* The next buffer must lie within the body. */
static vt_status take_buffer(batch_parts *parts, const vt_arrow_field *field, const uint8_t **data, size_t *size) {
    const message *from = parts->from;
    int64_t buffer[2]; /* offset, length */
    if (parts->next_buffer == parts->buffer_count) return damaged(from);
    get_pair(&from->flat, parts->buffers, parts->next_buffer++, buffer);
    if (buffer[0] < 0 || buffer[1] < 0 || (uint64_t)buffer[0] > from->body_length ||
        (uint64_t)buffer[1] > from->body_length - (uint64_t)buffer[0] || buffer[0] % 8 != 0)
        return vt_fail(VT_ERROR_INPUT,
                       "%s: column '%s' in the batch at byte %zu: a buffer of %" PRId64 " bytes at %" PRId64
                       " does not lie, at a multiple of 8, within the body of %zu bytes",
                       from->reader->name, field->name, from->begin, buffer[1], buffer[0], from->body_length);
    *data = from->body + buffer[0];
    *size = (size_t)buffer[1];
    return VT_OK;
}

static vt_status too_small(const batch_parts *parts, const vt_arrow_field *field, const char *what, size_t size) {
    return vt_fail(VT_ERROR_INPUT, "%s: column '%s' in the batch at byte %zu: %zu bytes of %s are too few for %" PRId64 " rows",
                   parts->from->reader->name, field->name, parts->from->begin, size, what, parts->rows);
}

/* Offsets must rise and stay within data [size]; the text must be UTF-8, no string beginning within a character. */
static vt_status check_strings(const batch_parts *parts, const vt_arrow_field *field, const int32_t *begins,
                               const uint8_t *data, size_t size) {
    const char *name = parts->from->reader->name;
    int32_t end = begins[0];
    for (int64_t i = 0; i <= parts->rows; i++) {
        if (begins[i] < end || begins[i] < 0 || (size_t)begins[i] > size)
            return vt_fail(VT_ERROR_INPUT,
                           "%s: column '%s' in the batch at byte %zu: offset %" PRId64 " is %" PRId32
                           ", expected one from %" PRId32 " to %zu",
                           name, field->name, parts->from->begin, i, begins[i], end < 0 ? 0 : end, size);
        end = begins[i];
    }
    size_t first = (size_t)begins[0], length = (size_t)end - first;
    size_t bad = first + vt_utf8_valid_length(data + first, length);
    for (int64_t i = 0; i < parts->rows; i++) {
        bool within = begins[i] < end && (data[begins[i]] & 0xc0) == 0x80;
        if (within || (bad < (size_t)end && (size_t)begins[i + 1] > bad))
            return vt_fail(VT_ERROR_INPUT, "%s: column '%s' in the batch at byte %zu: string %" PRId64 " is not UTF-8", name,
                           field->name, parts->from->begin, i);
    }
    return VT_OK;
}

static vt_status read_strings(batch_parts *parts, const vt_arrow_field *field, chunk *out) {
    static const int32_t none[1] = {0};
    const uint8_t *validity, *begins, *data;
    size_t size;
    VT_TRY(take_node(parts, field, parts->rows, true));
    VT_TRY(take_buffer(parts, field, &validity, &size));
    VT_TRY(take_buffer(parts, field, &begins, &size));
    if (parts->rows > 0 && size / sizeof(int32_t) <= (uint64_t)parts->rows) return too_small(parts, field, "offsets", size);
    out->begins = parts->rows > 0 ? (const int32_t *)(const void *)begins : none;
    VT_TRY(take_buffer(parts, field, &data, &size));
    out->data = data;
    return check_strings(parts, field, out->begins, data, size);
}

static size_t value_size(const vt_arrow_field *field) {
    return (size_t)field->list_size * (field->kind == VT_ARROW_FLOAT_LIST ? sizeof(float) : 1);
}

static vt_status read_lists(batch_parts *parts, const vt_arrow_field *field, chunk *out) {
    const uint8_t *validity;
    size_t size;
    int64_t items;
    VT_TRY(take_node(parts, field, parts->rows, true));
    VT_TRY(take_buffer(parts, field, &validity, &size));
    if (__builtin_mul_overflow(parts->rows, (int64_t)field->list_size, &items)) return damaged(parts->from);
    VT_TRY(take_node(parts, field, items, false));
    VT_TRY(take_buffer(parts, field, &validity, &size));
    VT_TRY(take_buffer(parts, field, &out->data, &size));
    if ((uint64_t)parts->rows > size / value_size(field)) return too_small(parts, field, "items", size);
    return VT_OK;
}

static vt_status add_batch(vt_arrow_reader *reader, const batch_parts *parts) {
    VT_TRY(vt_grow(&reader->batches, &reader->batch_capacity, reader->batch_count + 1, sizeof *reader->batches,
                   "the batches of an Arrow file"));
    reader->batches[reader->batch_count++] = (batch){reader->rows, parts->rows};
    if (__builtin_add_overflow(reader->rows, parts->rows, &reader->rows)) return damaged(parts->from);
    return VT_OK;
}

static vt_status read_batch(vt_arrow_reader *reader, message *from) {
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
    batch_parts parts = {.from = from, .rows = vt_flat_scalar(flat, from->header, BATCH_LENGTH, 8, 0)};
    parts.nodes = vt_flat_vector(flat, from->header, BATCH_NODES, ARROW_PAIR_SIZE, &parts.node_count);
    parts.buffers = vt_flat_vector(flat, from->header, BATCH_BUFFERS, ARROW_PAIR_SIZE, &parts.buffer_count);
    if (flat->damaged || parts.rows < 0) return damaged(from);

    size_t used = reader->batch_count * reader->field_count;
    VT_TRY(vt_grow(&reader->chunks, &reader->chunk_capacity, used + reader->field_count, sizeof *reader->chunks,
                   "the batches of an Arrow file"));
    for (size_t i = 0; i < reader->field_count; i++) {
        const vt_arrow_field *field = &reader->fields[i];
        chunk *to = &reader->chunks[used + i];
        *to = (chunk){0};
        VT_TRY(field->kind == VT_ARROW_STRING ? read_strings(&parts, field, to) : read_lists(&parts, field, to));
    }
    if (parts.next_node != parts.node_count || parts.next_buffer != parts.buffer_count) return damaged(from);
    return parts.rows > 0 ? add_batch(reader, &parts) : VT_OK;
}

/* --- the stream --- */

static vt_status cut_off(const vt_arrow_reader *reader, size_t size) {
    return vt_fail(VT_ERROR_INPUT, "%s: is cut off after %zu bytes, before the end of the Arrow stream", reader->name, size);
}

/* Reads the message at *position of data [size] and moves there past it; *end at the end-of-stream marker. */
static vt_status next_message(const vt_arrow_reader *reader, const uint8_t *data, size_t size, size_t *position, bool *end,
                              message *out) {
    uint32_t prefix[2]; /* marker, length of the metadata */
    *out = (message){.reader = reader, .begin = *position};
    if (size - *position < sizeof prefix) return cut_off(reader, size);
    memcpy(prefix, data + *position, sizeof prefix);
    *position += sizeof prefix;
    if (prefix[0] != ARROW_CONTINUATION)
        return vt_fail(VT_ERROR_INPUT, "%s: no Arrow message at byte %zu, expected an Arrow IPC stream%s", reader->name,
                       out->begin, out->begin == 0 && memcmp(prefix, "ARROW1", 6) == 0 ? " (this is an Arrow file)" : "");
    *end = prefix[1] == 0;
    if (*end) return VT_OK;
    if (prefix[1] > size - *position) return cut_off(reader, size);
    out->flat = (vt_flat){.data = data + *position, .size = prefix[1]};
    *position += prefix[1];

    size_t table = vt_flat_root(&out->flat);
    int64_t version = vt_flat_scalar(&out->flat, table, MESSAGE_VERSION, 2, 0);
    int64_t body_length = vt_flat_scalar(&out->flat, table, MESSAGE_BODY_LENGTH, 8, 0);
    out->header_type = (int)vt_flat_scalar(&out->flat, table, MESSAGE_HEADER_TYPE, 1, 0);
    out->header = vt_flat_table(&out->flat, table, MESSAGE_HEADER);
    if (out->flat.damaged || out->header == 0 || body_length < 0 || *position % 8 != 0 || body_length % 8 != 0)
        return damaged(out);
    if (version != ARROW_V4 && version != ARROW_V5)
        return vt_fail(VT_ERROR_UNSUPPORTED, "%s: has Arrow metadata version %" PRId64 "; V4 and V5 can be read", reader->name,
                       version + 1);
    if ((uint64_t)body_length > size - *position) return cut_off(reader, size);
    out->body = data + *position;
    out->body_length = (size_t)body_length;
    *position += out->body_length;
    return VT_OK;
}

static vt_status read_stream(vt_arrow_reader *reader, const uint8_t *data, size_t size) {
    size_t position = 0;
    bool end = false;
    message current;
    VT_TRY(next_message(reader, data, size, &position, &end, &current));
    if (end) return vt_fail(VT_ERROR_INPUT, "%s: ends before its schema", reader->name);
    VT_TRY(read_schema(reader, &current));
    for (;;) {
        VT_TRY(next_message(reader, data, size, &position, &end, &current));
        if (end) break;
        VT_TRY(read_batch(reader, &current));
    }
    if (position != size)
        return vt_fail(VT_ERROR_INPUT, "%s: %zu bytes follow the end of the Arrow stream", reader->name, size - position);
    return VT_OK;
}

static vt_status create(const char *name, vt_arrow_reader **out) {
    VT_TRY(vt_allocate(out, 1, sizeof **out, "an Arrow reader"));
    vt_status status = vt_copy_string(name, &(*out)->name);
    if (status != VT_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

vt_status vt_arrow_reader_parse(const void *data, size_t size, const char *name, vt_arrow_reader **out) {
    vt_arrow_reader *reader = NULL;
    *out = NULL;
    VT_TRY(create(name, &reader));
    vt_status status = read_stream(reader, data, size);
    if (status == VT_OK)
        *out = reader;
    else
        vt_arrow_reader_close(reader);
    return status;
}

vt_status vt_arrow_reader_open(const char *path, vt_arrow_reader **out) {
    vt_mapping mapping = {0};
    *out = NULL;
    VT_TRY(vt_map_file(path, &mapping));
    vt_status status = vt_arrow_reader_parse(mapping.data, mapping.size, path, out);
    if (status == VT_OK)
        (*out)->mapping = mapping;
    else
        vt_unmap_file(&mapping);
    return status;
}

void vt_arrow_reader_close(vt_arrow_reader *reader) {
    if (!reader) return;
    vt_unmap_file(&reader->mapping);
    free(reader->chunks);
    free(reader->batches);
    free(reader->metadata);
    free(reader->fields);
    free(reader->name);
    free(reader);
}

/* --- looking at it --- */

int vt_arrow_reader_field_count(const vt_arrow_reader *reader) {
    return (int)reader->field_count;
}
const vt_arrow_field *vt_arrow_reader_field(const vt_arrow_reader *reader, int field) {
    return &reader->fields[field];
}
int64_t vt_arrow_reader_rows(const vt_arrow_reader *reader) {
    return reader->rows;
}

int vt_arrow_reader_find_field(const vt_arrow_reader *reader, const char *name) {
    for (size_t i = 0; i < reader->field_count; i++)
        if (strcmp(reader->fields[i].name, name) == 0) return (int)i;
    return -1;
}

const char *vt_arrow_reader_metadata(const vt_arrow_reader *reader, const char *key) {
    for (size_t i = 0; i < reader->pair_count; i++)
        if (strcmp(reader->metadata[i].key, key) == 0) return reader->metadata[i].value;
    return NULL;
}

vt_arrow_value vt_arrow_reader_get(const vt_arrow_reader *reader, int field, int64_t row) {
    size_t low = 0, high = reader->batch_count - 1; /* the last batch that begins at or before `row` */
    while (low < high) {
        size_t middle = low + (high - low + 1) / 2;
        if (reader->batches[middle].first_row <= row)
            low = middle;
        else
            high = middle - 1;
    }
    const chunk *from = &reader->chunks[low * reader->field_count + (size_t)field];
    size_t index = (size_t)(row - reader->batches[low].first_row);
    if (from->begins)
        return (vt_arrow_value){from->data + from->begins[index], (size_t)(from->begins[index + 1] - from->begins[index])};
    size_t size = value_size(&reader->fields[field]);
    return (vt_arrow_value){from->data + index * size, size};
}
