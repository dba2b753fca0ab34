/* Writing Arrow IPC streams: a schema message, record batches collected in memory, the end-of-stream marker.
 * Bodies and their buffers begin at multiples of 64 bytes in the file, so that a mapped reader may use them as they are. */
#include "formats/arrow.h"

#include "base/file.h"
#include "base/memory.h"
#include "formats/arrow_schema.h"
#include "formats/flatbuffer.h"
#include "formats/utf8.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

static const uint8_t ZEROS[ALIGNMENT];

/* The rows of one column that are not yet written. */
typedef struct column {
    char *name;
    vt_arrow_kind kind;
    size_t stride; /* bytes of a list; 0 for strings */
    int32_t list_size;
    int32_t *ends; /* strings: [batch_rows + 1] where each begins in `data`, and where the last ends */
    uint8_t *data;
    size_t used, capacity; /* bytes of `data` */
} column;

struct vt_arrow_writer {
    vt_writer *file;
    char *path;
    column *columns;
    int column_count;
    int batch_rows, rows; /* most rows of a batch; those collected */
    int64_t rows_before;  /* in batches already written */
};

/* --- metadata --- */

static void add_type(vt_flat_builder *builder, size_t pointer, vt_arrow_kind kind) {
    if (kind == VT_ARROW_FLOAT_LIST) {
        vt_flat_slot slots[FLOATING_POINT_FIELDS] = {[FLOATING_POINT_PRECISION] = {2, ARROW_PRECISION_SINGLE, 0}};
        vt_flat_add_table(builder, pointer, slots, FLOATING_POINT_FIELDS);
    } else {
        vt_flat_slot slots[INT_FIELDS] = {[INT_BIT_WIDTH] = {4, 8, 0}, [INT_IS_SIGNED] = {1, 0, 0}};
        vt_flat_add_table(builder, pointer, slots, INT_FIELDS);
    }
}

/* A Field without its children; returns the pointers to be set to its type and to its vector of children. */
static void add_field(vt_flat_builder *builder, size_t pointer, const char *name, int type, size_t *type_pointer,
                      size_t *children_pointer) {
    vt_flat_slot slots[FIELD_FIELDS] = {[FIELD_NAME] = {VT_FLAT_OFFSET, 0, 0},
                                        [FIELD_NULLABLE] = {1, 0, 0},
                                        [FIELD_TYPE_TYPE] = {1, type, 0},
                                        [FIELD_TYPE] = {VT_FLAT_OFFSET, 0, 0},
                                        [FIELD_CHILDREN] = {VT_FLAT_OFFSET, 0, 0}};
    vt_flat_add_table(builder, pointer, slots, FIELD_FIELDS);
    vt_flat_add_string(builder, slots[FIELD_NAME].position, name);
    *type_pointer = slots[FIELD_TYPE].position;
    *children_pointer = slots[FIELD_CHILDREN].position;
}

static void add_column(vt_flat_builder *builder, size_t pointer, const column *from) {
    size_t type, children;
    if (from->kind == VT_ARROW_STRING) {
        add_field(builder, pointer, from->name, ARROW_TYPE_UTF8, &type, &children);
        vt_flat_add_table(builder, type, NULL, 0);
        vt_flat_add_vector(builder, children, 0, VT_FLAT_OFFSET);
        return;
    }
    add_field(builder, pointer, from->name, ARROW_TYPE_FIXED_SIZE_LIST, &type, &children);
    vt_flat_slot list[FIXED_SIZE_LIST_FIELDS] = {[FIXED_SIZE_LIST_SIZE] = {4, from->list_size, 0}};
    vt_flat_add_table(builder, type, list, FIXED_SIZE_LIST_FIELDS);
    size_t item = vt_flat_add_vector(builder, children, 1, VT_FLAT_OFFSET);
    add_field(builder, item, "item", from->kind == VT_ARROW_FLOAT_LIST ? ARROW_TYPE_FLOATING_POINT : ARROW_TYPE_INT, &type,
              &children);
    add_type(builder, type, from->kind);
    vt_flat_add_vector(builder, children, 0, VT_FLAT_OFFSET);
}

static void add_schema(vt_flat_builder *builder, size_t pointer, const vt_arrow_writer *writer, const char *const *keys,
                       const char *const *values, int pairs) {
    vt_flat_slot slots[SCHEMA_FIELDS] = {
        [SCHEMA_ENDIANNESS] = {2, 0, 0}, [SCHEMA_COLUMNS] = {VT_FLAT_OFFSET, 0, 0}, [SCHEMA_METADATA] = {VT_FLAT_OFFSET, 0, 0}};
    vt_flat_add_table(builder, pointer, slots, SCHEMA_FIELDS);
    size_t columns = vt_flat_add_vector(builder, slots[SCHEMA_COLUMNS].position, (size_t)writer->column_count, VT_FLAT_OFFSET);
    for (int i = 0; i < writer->column_count; i++)
        add_column(builder, columns + VT_FLAT_OFFSET * (size_t)i, &writer->columns[i]);
    size_t metadata = vt_flat_add_vector(builder, slots[SCHEMA_METADATA].position, (size_t)pairs, VT_FLAT_OFFSET);
    for (int i = 0; i < pairs; i++) {
        vt_flat_slot pair[KEY_VALUE_FIELDS] = {{VT_FLAT_OFFSET, 0, 0}, {VT_FLAT_OFFSET, 0, 0}};
        vt_flat_add_table(builder, metadata + VT_FLAT_OFFSET * (size_t)i, pair, KEY_VALUE_FIELDS);
        vt_flat_add_string(builder, pair[KEY_VALUE_KEY].position, keys[i]);
        vt_flat_add_string(builder, pair[KEY_VALUE_VALUE].position, values[i]);
    }
}

/* Starts a Message; returns the pointer to be set to its header. */
static size_t begin_message(vt_flat_builder *builder, int header, int64_t body_length) {
    vt_flat_slot slots[MESSAGE_FIELDS] = {[MESSAGE_VERSION] = {2, ARROW_V5, 0},
                                          [MESSAGE_HEADER_TYPE] = {1, header, 0},
                                          [MESSAGE_HEADER] = {VT_FLAT_OFFSET, 0, 0},
                                          [MESSAGE_BODY_LENGTH] = {8, body_length, 0}};
    vt_flat_add_table(builder, vt_flat_begin(builder), slots, MESSAGE_FIELDS);
    return slots[MESSAGE_HEADER].position;
}

/* Writes the marker, the length and the metadata, so padded that a multiple of 64 bytes follows. Frees the metadata. */
static vt_status write_metadata(vt_arrow_writer *writer, vt_flat_builder *builder) {
    uint32_t prefix[2] = {ARROW_CONTINUATION, 0};
    vt_flat_pad(builder, ALIGNMENT, (size_t)(vt_writer_offset(writer->file) % ALIGNMENT) + sizeof prefix);
    vt_status status = builder->status;
    if (builder->bytes.length > INT32_MAX)
        status = vt_fail(VT_ERROR_USAGE, "%s: the schema's metadata exceeds 2 GiB", writer->path);
    prefix[1] = (uint32_t)builder->bytes.length;
    if (status == VT_OK) status = vt_writer_write(writer->file, prefix, sizeof prefix);
    if (status == VT_OK) status = vt_writer_write(writer->file, builder->bytes.data, builder->bytes.length);
    vt_text_free(&builder->bytes);
    return status;
}

static vt_status write_schema(vt_arrow_writer *writer, const char *const *keys, const char *const *values, int pairs) {
    vt_flat_builder builder = {0};
    size_t header = begin_message(&builder, ARROW_HEADER_SCHEMA, 0);
    add_schema(&builder, header, writer, keys, values, pairs);
    return write_metadata(writer, &builder);
}

/* --- record batches --- */

static int64_t padded(size_t bytes) {
    return ((int64_t)bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Bytes of a string column's offsets; a list column has none. */
static size_t offset_bytes(const vt_arrow_writer *writer, const column *from) {
    return from->ends ? sizeof *from->ends * ((size_t)writer->rows + 1) : 0;
}

/* Appends the pair of i64 (node or buffer) number *index to the vector at `vector`. */
static void add_pair(vt_flat_builder *builder, size_t vector, size_t *index, int64_t first, int64_t second) {
    size_t position = vector + ARROW_PAIR_SIZE * (*index)++;
    vt_flat_set_i64(builder, position, first);
    vt_flat_set_i64(builder, position + 8, second);
}

/* The RecordBatch: where each column's buffers stand in the body. */
static void add_batch(vt_flat_builder *builder, size_t pointer, const vt_arrow_writer *writer) {
    size_t columns = (size_t)writer->column_count, nodes = 0, buffers = 0;
    for (size_t i = 0; i < columns; i++) nodes += writer->columns[i].kind == VT_ARROW_STRING ? 1 : 2;
    vt_flat_slot slots[BATCH_FIELDS] = {[BATCH_LENGTH] = {8, writer->rows, 0},
                                        [BATCH_NODES] = {VT_FLAT_OFFSET, 0, 0},
                                        [BATCH_BUFFERS] = {VT_FLAT_OFFSET, 0, 0}};
    vt_flat_add_table(builder, pointer, slots, BATCH_FIELDS);
    size_t node_vector = vt_flat_add_vector(builder, slots[BATCH_NODES].position, nodes, ARROW_PAIR_SIZE);
    size_t buffer_vector =
        vt_flat_add_vector(builder, slots[BATCH_BUFFERS].position, columns * ARROW_BUFFERS_PER_COLUMN, ARROW_PAIR_SIZE);
    int64_t offset = 0;
    nodes = 0;
    for (size_t i = 0; i < columns; i++) {
        const column *from = &writer->columns[i];
        size_t ends = offset_bytes(writer, from);
        add_pair(builder, node_vector, &nodes, writer->rows, 0);
        if (from->kind != VT_ARROW_STRING) add_pair(builder, node_vector, &nodes, (int64_t)writer->rows * from->list_size, 0);
        add_pair(builder, buffer_vector, &buffers, offset, 0);
        add_pair(builder, buffer_vector, &buffers, offset, (int64_t)ends);
        offset += padded(ends);
        add_pair(builder, buffer_vector, &buffers, offset, (int64_t)from->used);
        offset += padded(from->used);
    }
}

static vt_status write_buffer(vt_arrow_writer *writer, const void *data, size_t size) {
    VT_TRY(vt_writer_write(writer->file, data, size));
    return vt_writer_write(writer->file, ZEROS, (size_t)padded(size) - size);
}

/* Writes the rows collected so far, if any, as a record batch. */
static vt_status flush(vt_arrow_writer *writer) {
    if (writer->rows == 0) return VT_OK;
    int64_t body = 0;
    for (int i = 0; i < writer->column_count; i++)
        body += padded(offset_bytes(writer, &writer->columns[i])) + padded(writer->columns[i].used);
    vt_flat_builder builder = {0};
    add_batch(&builder, begin_message(&builder, ARROW_HEADER_RECORD_BATCH, body), writer);
    VT_TRY(write_metadata(writer, &builder));
    for (int i = 0; i < writer->column_count; i++) {
        column *from = &writer->columns[i];
        VT_TRY(write_buffer(writer, from->ends, offset_bytes(writer, from)));
        VT_TRY(write_buffer(writer, from->data, from->used));
        from->used = 0;
    }
    writer->rows_before += writer->rows;
    writer->rows = 0;
    return VT_OK;
}

/* --- the writer --- */

static void free_writer(vt_arrow_writer *writer) {
    for (int i = 0; i < writer->column_count; i++) {
        free(writer->columns[i].name);
        free(writer->columns[i].ends);
        free(writer->columns[i].data);
    }
    free(writer->columns);
    free(writer->path);
    free(writer);
}

static vt_status set_column(const vt_arrow_writer *writer, const vt_arrow_field *field, column *out) {
    VT_TRY(vt_copy_string(field->name, &out->name));
    if (vt_utf8_valid_length(field->name, strlen(field->name)) != strlen(field->name))
        return vt_fail(VT_ERROR_USAGE, "%s: the column name '%s' is not UTF-8", writer->path, field->name);
    out->kind = field->kind;
    if (field->kind == VT_ARROW_STRING)
        return vt_allocate(&out->ends, (size_t)writer->batch_rows + 1, sizeof *out->ends, "a batch of strings");
    if (field->list_size < 1)
        return vt_fail(VT_ERROR_USAGE, "%s: column '%s' has lists of %d items, expected at least 1", writer->path, field->name,
                       (int)field->list_size);
    out->list_size = field->list_size;
    out->stride = (size_t)field->list_size * (field->kind == VT_ARROW_FLOAT_LIST ? sizeof(float) : 1);
    return VT_OK;
}

vt_status vt_arrow_writer_open(const char *path, const vt_arrow_field *fields, int count, const char *const *keys,
                               const char *const *values, int pairs, int batch_rows, vt_arrow_writer **out) {
    vt_arrow_writer *writer = NULL;
    vt_status status = VT_OK;
    *out = NULL;
    if (count < 1 || pairs < 0 || batch_rows < 1 || batch_rows == INT_MAX)
        return vt_fail(VT_ERROR_USAGE, "%s: an Arrow file needs at least one column and batches of at least one row", path);
    VT_TRY(vt_allocate(&writer, 1, sizeof *writer, "an Arrow writer"));
    writer->batch_rows = batch_rows;
    VT_TRY_GOTO(vt_copy_string(path, &writer->path));
    VT_TRY_GOTO(vt_allocate(&writer->columns, (size_t)count, sizeof *writer->columns, "an Arrow writer's columns"));
    writer->column_count = count;
    for (int i = 0; i < count; i++) VT_TRY_GOTO(set_column(writer, &fields[i], &writer->columns[i]));
    VT_TRY_GOTO(vt_writer_open(path, &writer->file));
    VT_TRY_GOTO(write_schema(writer, keys, values, pairs));
    *out = writer;
    return VT_OK;
done:
    vt_arrow_writer_discard(writer);
    return status;
}

/* Whether the value may stand in the column. */
static vt_status check_value(const vt_arrow_writer *writer, const column *to, const vt_arrow_value *value) {
    int64_t row = writer->rows_before + writer->rows;
    if (to->kind != VT_ARROW_STRING) {
        if (value->size == to->stride) return VT_OK;
        return vt_fail(VT_ERROR_USAGE, "%s: row %" PRId64 ": '%s' has %zu bytes, expected %zu", writer->path, row, to->name,
                       value->size, to->stride);
    }
    if (value->size > INT32_MAX)
        return vt_fail(VT_ERROR_INPUT, "%s: row %" PRId64 ": '%s' exceeds 2 GiB", writer->path, row, to->name);
    if (vt_utf8_valid_length(value->data, value->size) == value->size) return VT_OK;
    return vt_fail(VT_ERROR_INPUT, "%s: row %" PRId64 ": '%s' is '%.*s', which is not UTF-8", writer->path, row, to->name,
                   value->size < 200 ? (int)value->size : 200, (const char *)value->data);
}

vt_status vt_arrow_writer_add(vt_arrow_writer *writer, const vt_arrow_value *values) {
    bool full = writer->rows == writer->batch_rows;
    for (int i = 0; i < writer->column_count; i++) {
        const column *to = &writer->columns[i];
        VT_TRY(check_value(writer, to, &values[i]));
        if (to->ends && to->used + values[i].size > INT32_MAX) full = true; /* offsets are 32-bit */
    }
    if (full) VT_TRY(flush(writer));
    for (int i = 0; i < writer->column_count; i++)
        VT_TRY(vt_grow(&writer->columns[i].data, &writer->columns[i].capacity, writer->columns[i].used + values[i].size, 1,
                       "a batch of rows"));
    writer->rows++;
    for (int i = 0; i < writer->column_count; i++) {
        column *to = &writer->columns[i];
        if (values[i].size > 0) memcpy(to->data + to->used, values[i].data, values[i].size);
        to->used += values[i].size;
        if (to->ends) to->ends[writer->rows] = (int32_t)to->used;
    }
    return VT_OK;
}

vt_status vt_arrow_writer_commit(vt_arrow_writer *writer, uint64_t *bytes) {
    static const uint32_t end_of_stream[2] = {ARROW_CONTINUATION, 0};
    vt_status status = flush(writer);
    if (status == VT_OK) status = vt_writer_write(writer->file, end_of_stream, sizeof end_of_stream);
    if (status == VT_OK) {
        if (bytes) *bytes = vt_writer_offset(writer->file);
        status = vt_writer_commit(writer->file);
        writer->file = NULL;
    }
    vt_arrow_writer_discard(writer);
    return status;
}

void vt_arrow_writer_discard(vt_arrow_writer *writer) {
    if (!writer) return;
    vt_writer_discard(writer->file);
    free_writer(writer);
}
