/* Reading Arrow IPC streams where they are mapped. Everything is verified at opening, in one pass without an allocation
 * per row; after that a row is a matter of pointers. A stream without its end-of-stream marker counts as cut off. */
#include "formats/arrow_reader.h"
#include "formats/arrow_schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- the stream --- */

static vt_status cut_off(const vt_arrow_reader *reader, size_t size) {
    return vt_fail(VT_ERROR_INPUT, "%s: is cut off after %zu bytes, before the end of the Arrow stream", reader->name, size);
}

/* Reads the message at *position of data [size] and moves there past it; *end at the end-of-stream marker. */
static vt_status next_message(const vt_arrow_reader *reader, const uint8_t *data, size_t size, size_t *position, bool *end,
                              vt_arrow_message *out) {
    uint32_t prefix[2]; /* marker, length of the metadata */
    *out = (vt_arrow_message){.reader = reader, .begin = *position};
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
        return vt_arrow_fail_damaged(out);
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
    vt_arrow_message current;
    VT_TRY(next_message(reader, data, size, &position, &end, &current));
    if (end) return vt_fail(VT_ERROR_INPUT, "%s: ends before its schema", reader->name);
    VT_TRY(vt_arrow_read_schema(reader, &current));
    for (;;) {
        VT_TRY(next_message(reader, data, size, &position, &end, &current));
        if (end) break;
        VT_TRY(vt_arrow_read_batch(reader, &current));
        if (reader->nested) vt_arrow_reader_release(reader, (vt_arrow_value){current.body, current.body_length});
    }
    if (position != size)
        return vt_fail(VT_ERROR_INPUT, "%s: %zu bytes follow the end of the Arrow stream", reader->name, size - position);
    return VT_OK;
}

static vt_status create(const char *name, bool nested, vt_arrow_reader **out) {
    VT_TRY(vt_allocate(out, 1, sizeof **out, "an Arrow reader"));
    (*out)->nested = nested;
    vt_status status = vt_copy_string(name, &(*out)->name);
    if (status != VT_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

static vt_status parse(const void *data, size_t size, const char *name, bool nested, vt_arrow_reader **out) {
    vt_arrow_reader *reader = NULL;
    *out = NULL;
    VT_TRY(create(name, nested, &reader));
    vt_status status = read_stream(reader, data, size);
    if (status == VT_OK)
        *out = reader;
    else
        vt_arrow_reader_close(reader);
    return status;
}

static vt_status open_file(const char *path, bool nested, vt_arrow_reader **out) {
    vt_arrow_reader *reader = NULL;
    *out = NULL;
    VT_TRY(create(path, nested, &reader));
    vt_status status = vt_map_file(path, &reader->mapping);
    if (status == VT_OK) status = read_stream(reader, reader->mapping.data, reader->mapping.size);
    if (status == VT_OK)
        *out = reader;
    else
        vt_arrow_reader_close(reader);
    return status;
}

vt_status vt_arrow_reader_parse(const void *data, size_t size, const char *name, vt_arrow_reader **out) {
    return parse(data, size, name, false, out);
}
vt_status vt_arrow_reader_parse_nested(const void *data, size_t size, const char *name, vt_arrow_reader **out) {
    return parse(data, size, name, true, out);
}
vt_status vt_arrow_reader_open(const char *path, vt_arrow_reader **out) {
    return open_file(path, false, out);
}
vt_status vt_arrow_reader_open_nested(const char *path, vt_arrow_reader **out) {
    return open_file(path, true, out);
}

void vt_arrow_reader_close(vt_arrow_reader *reader) {
    if (!reader) return;
    vt_unmap_file(&reader->mapping);
    free(reader->arrays);
    free(reader->batches);
    free(reader->metadata);
    free(reader->types);
    free(reader->first_types);
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

/* What the batch that holds *row has of a column; *row becomes the row within it. */
static const vt_arrow_array *find_array(const vt_arrow_reader *reader, int field, int64_t *row) {
    size_t low = 0, high = reader->batch_count - 1; /* the last batch that begins at or before the row */
    while (low < high) {
        size_t middle = low + (high - low + 1) / 2;
        if (reader->batches[middle].first_row <= *row)
            low = middle;
        else
            high = middle - 1;
    }
    *row -= reader->batches[low].first_row;
    return &reader->arrays[low * reader->type_count + reader->first_types[field]];
}

vt_arrow_value vt_arrow_reader_get(const vt_arrow_reader *reader, int field, int64_t row) {
    const vt_arrow_array *array = find_array(reader, field, &row);
    const vt_arrow_field *of = &reader->fields[field];
    if (of->kind == VT_ARROW_STRING) {
        const int32_t *begins = array->offsets;
        return (vt_arrow_value){array->data + begins[row], (size_t)(begins[row + 1] - begins[row])};
    }
    size_t size = (size_t)of->list_size * (of->kind == VT_ARROW_FLOAT_LIST ? sizeof(float) : 1);
    return (vt_arrow_value){array[1].data + (size_t)row * size, size};
}

vt_arrow_cell vt_arrow_reader_cell(const vt_arrow_reader *reader, int field, int64_t row) {
    const vt_arrow_array *array = find_array(reader, field, &row);
    return (vt_arrow_cell){vt_arrow_reader_type(reader, field), array, row};
}

void vt_arrow_reader_release(const vt_arrow_reader *reader, vt_arrow_value value) {
    const vt_mapping *mapping = &reader->mapping;
    const uint8_t *first = value.data;
    if (!mapping->data || first < mapping->data || first > mapping->data + mapping->size) return;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), begin = (size_t)(first - mapping->data), rest = mapping->size - begin;
    size_t end = begin + (value.size < rest ? value.size : rest);
    begin -= begin % page; /* the page that a value shares with the one before it, which has been read too */
    end -= end % page;
    if (end > begin) (void)madvise((void *)(mapping->data + begin), end - begin, MADV_DONTNEED); /* a hint: it may fail */
}
