/* Arrow schemas: the types of columns, flattened depth-first, and the key-value metadata. */
#include "formats/arrow_reader.h"
#include "formats/arrow_schema.h"

#include <string.h>

/* Flatbuffers may share tables, so a small schema can stand for a huge one. */
enum { DEPTH_LIMIT = 32, TYPE_LIMIT = 1 << 16 };

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

static vt_status unsupported(const vt_arrow_message *from, const char *column, const char *what) {
    return vt_fail(VT_ERROR_UNSUPPORTED, "%s: column '%s' is of type %s; %s", from->reader->name, column, what,
                   from->reader->nested ? "numbers, texts, binaries, and lists and structs of them can be read"
                                        : "utf8 and fixed-size lists of float32 or uint8 can be read");
}

/* Bytes of a number or of another value of fixed size; 0 if the schema makes no sense. */
static size_t value_width(vt_flat *flat, int64_t type, size_t table) {
    int64_t bits = 0, number;
    switch (type) {
    case ARROW_TYPE_INT:
        bits = vt_flat_scalar(flat, table, INT_BIT_WIDTH, 4, 0);
        return bits == 8 || bits == 16 || bits == 32 || bits == 64 ? (size_t)bits / 8 : 0;
    case ARROW_TYPE_FLOATING_POINT:
        number = vt_flat_scalar(flat, table, FLOATING_POINT_PRECISION, 2, ARROW_PRECISION_HALF);
        return number >= ARROW_PRECISION_HALF && number <= ARROW_PRECISION_DOUBLE ? (size_t)2 << number : 0;
    case ARROW_TYPE_DECIMAL:
        bits = vt_flat_scalar(flat, table, DECIMAL_BIT_WIDTH, 4, 128);
        return bits == 32 || bits == 64 || bits == 128 || bits == 256 ? (size_t)bits / 8 : 0;
    case ARROW_TYPE_DATE:
        return vt_flat_scalar(flat, table, DATE_UNIT, 2, ARROW_DATE_MILLISECOND) == ARROW_DATE_DAY ? 4 : 8;
    case ARROW_TYPE_TIME:
        bits = vt_flat_scalar(flat, table, TIME_BIT_WIDTH, 4, 32);
        return bits == 32 || bits == 64 ? (size_t)bits / 8 : 0;
    case ARROW_TYPE_INTERVAL:
        number = vt_flat_scalar(flat, table, INTERVAL_UNIT, 2, 0);
        return number >= 0 && number <= 2 ? (size_t)4 << number : 0;
    case ARROW_TYPE_FIXED_SIZE_BINARY:
        number = vt_flat_scalar(flat, table, FIXED_SIZE_BINARY_BYTE_WIDTH, 4, 0);
        return number > 0 ? (size_t)number : 0;
    default: /* timestamp, duration */
        return 8;
    }
}

/* Sets layout and width from the number of the type; false if such types are not read. */
static bool set_layout(vt_flat *flat, int64_t number, size_t table, vt_arrow_type *type) {
    switch (number) {
    case ARROW_TYPE_NULL:
        type->layout = VT_ARROW_NULL;
        return true;
    case ARROW_TYPE_BOOL:
        type->layout = VT_ARROW_BOOL;
        return true;
    case ARROW_TYPE_STRUCT:
        type->layout = VT_ARROW_STRUCT;
        return true;
    case ARROW_TYPE_FIXED_SIZE_LIST:
        type->layout = VT_ARROW_FIXED_LIST;
        type->list_size = (int32_t)vt_flat_scalar(flat, table, FIXED_SIZE_LIST_SIZE, 4, 0);
        return true;
    case ARROW_TYPE_UTF8:
    case ARROW_TYPE_LARGE_UTF8:
        type->layout = VT_ARROW_TEXT;
        type->width = number == ARROW_TYPE_UTF8 ? sizeof(int32_t) : sizeof(int64_t);
        return true;
    case ARROW_TYPE_BINARY:
    case ARROW_TYPE_LARGE_BINARY:
        type->layout = VT_ARROW_BINARY;
        type->width = number == ARROW_TYPE_BINARY ? sizeof(int32_t) : sizeof(int64_t);
        return true;
    case ARROW_TYPE_LIST:
    case ARROW_TYPE_MAP:
    case ARROW_TYPE_LARGE_LIST:
        type->layout = VT_ARROW_LIST;
        type->width = number == ARROW_TYPE_LARGE_LIST ? sizeof(int64_t) : sizeof(int32_t);
        return true;
    case ARROW_TYPE_INT:
        type->layout = vt_flat_scalar(flat, table, INT_IS_SIGNED, 1, 0) ? VT_ARROW_INT : VT_ARROW_UNSIGNED;
        break;
    case ARROW_TYPE_FLOATING_POINT:
        type->layout = VT_ARROW_FLOAT;
        break;
    case ARROW_TYPE_DECIMAL:
    case ARROW_TYPE_DATE:
    case ARROW_TYPE_TIME:
    case ARROW_TYPE_TIMESTAMP:
    case ARROW_TYPE_INTERVAL:
    case ARROW_TYPE_FIXED_SIZE_BINARY:
    case ARROW_TYPE_DURATION:
        type->layout = VT_ARROW_OTHER;
        break;
    default:
        return false;
    }
    type->width = value_width(flat, number, table);
    if (type->width == 0) flat->damaged = true;
    return true;
}

/* Reads the type of the field at `table`, and those nested in it; `column` is the name of the column that it belongs to. */
static vt_status read_type(vt_arrow_reader *reader, vt_arrow_message *from, size_t table, const char *column, int depth) {
    vt_flat *flat = &from->flat;
    vt_arrow_type type = {.name = vt_flat_string(flat, table, FIELD_NAME)};
    int64_t number = vt_flat_scalar(flat, table, FIELD_TYPE_TYPE, 1, 0);
    size_t dictionary = vt_flat_table(flat, table, FIELD_DICTIONARY), child_count;
    size_t children = vt_flat_vector(flat, table, FIELD_CHILDREN, VT_FLAT_OFFSET, &child_count);
    if (!column) column = type.name;
    if (flat->damaged) return vt_arrow_fail_damaged(from);
    if (dictionary) return unsupported(from, column, "dictionary");
    if (!set_layout(flat, number, vt_flat_table(flat, table, FIELD_TYPE), &type))
        return unsupported(from, column, type_name(number));
    bool is_list = type.layout == VT_ARROW_LIST || type.layout == VT_ARROW_FIXED_LIST;
    if (flat->damaged || (is_list ? child_count != 1 : type.layout != VT_ARROW_STRUCT && child_count != 0))
        return vt_arrow_fail_damaged(from);
    if (type.layout == VT_ARROW_FIXED_LIST && type.list_size < 1)
        return vt_fail(VT_ERROR_INPUT, "%s: column '%s' has lists of %d items, expected at least 1", reader->name, column,
                       (int)type.list_size);
    if (depth == DEPTH_LIMIT || child_count > TYPE_LIMIT || reader->type_count == TYPE_LIMIT)
        return vt_fail(VT_ERROR_INPUT, "%s: column '%s' is nested more than %d deep, or into more than %d types", reader->name,
                       column, DEPTH_LIMIT, TYPE_LIMIT);
    VT_TRY(vt_grow(&reader->types, &reader->type_capacity, reader->type_count + 1, sizeof *reader->types,
                   "the types of an Arrow file"));
    size_t own = reader->type_count++;
    type.words = type_name(number);
    type.child_count = (int)child_count;
    reader->types[own] = type;
    for (size_t i = 0; i < child_count; i++)
        VT_TRY(read_type(reader, from, vt_flat_element(flat, children, i), column, depth + 1));
    reader->types[own].count = reader->type_count - own;
    return VT_OK;
}

/* *field = what a column of our own making is; others are refused. */
static vt_status set_plain_kind(const vt_arrow_message *from, const vt_arrow_type *type, vt_arrow_field *field) {
    const vt_arrow_type *item = type + 1;
    field->kind = VT_ARROW_STRING;
    if (type->layout == VT_ARROW_TEXT && type->width == sizeof(int32_t)) return VT_OK;
    if (type->layout != VT_ARROW_FIXED_LIST) return unsupported(from, type->name, type->words);
    field->list_size = type->list_size;
    field->kind = item->layout == VT_ARROW_FLOAT ? VT_ARROW_FLOAT_LIST : VT_ARROW_BYTE_LIST;
    if (item->layout == VT_ARROW_FLOAT && item->width == sizeof(float)) return VT_OK;
    if (item->layout == VT_ARROW_UNSIGNED && item->width == 1) return VT_OK;
    return unsupported(from, type->name, "fixed-size list of other items");
}

static vt_status read_field(vt_arrow_reader *reader, vt_arrow_message *from, size_t table) {
    size_t first = reader->type_count;
    vt_arrow_field *field = &reader->fields[reader->field_count];
    VT_TRY(read_type(reader, from, table, NULL, 0));
    *field = (vt_arrow_field){.name = reader->types[first].name, .kind = VT_ARROW_NESTED};
    reader->first_types[reader->field_count++] = first;
    return reader->nested ? VT_OK : set_plain_kind(from, &reader->types[first], field);
}

static vt_status read_metadata(vt_arrow_reader *reader, vt_arrow_message *from) {
    vt_flat *flat = &from->flat;
    size_t count, vector = vt_flat_vector(flat, from->header, SCHEMA_METADATA, VT_FLAT_OFFSET, &count);
    VT_TRY(vt_allocate(&reader->metadata, count, sizeof *reader->metadata, "the metadata of an Arrow file"));
    for (; reader->pair_count < count; reader->pair_count++) {
        size_t table = vt_flat_element(flat, vector, reader->pair_count);
        reader->metadata[reader->pair_count] =
            (vt_arrow_pair){vt_flat_string(flat, table, KEY_VALUE_KEY), vt_flat_string(flat, table, KEY_VALUE_VALUE)};
    }
    return VT_OK;
}

vt_status vt_arrow_read_schema(vt_arrow_reader *reader, vt_arrow_message *from) {
    vt_flat *flat = &from->flat;
    if (from->header_type != ARROW_HEADER_SCHEMA)
        return vt_fail(VT_ERROR_INPUT, "%s: does not begin with a schema message", reader->name);
    if (vt_flat_scalar(flat, from->header, SCHEMA_ENDIANNESS, 2, 0) != 0)
        return vt_fail(VT_ERROR_UNSUPPORTED, "%s: is big-endian; only little-endian Arrow files can be read", reader->name);
    size_t count, columns = vt_flat_vector(flat, from->header, SCHEMA_COLUMNS, VT_FLAT_OFFSET, &count);
    if (flat->damaged) return vt_arrow_fail_damaged(from);
    if (count == 0) return vt_fail(VT_ERROR_INPUT, "%s: has no columns", reader->name);
    VT_TRY(vt_allocate(&reader->fields, count, sizeof *reader->fields, "the columns of an Arrow file"));
    VT_TRY(vt_allocate(&reader->first_types, count, sizeof *reader->first_types, "the columns of an Arrow file"));
    for (size_t i = 0; i < count; i++) VT_TRY(read_field(reader, from, vt_flat_element(flat, columns, i)));
    VT_TRY(read_metadata(reader, from));
    return flat->damaged ? vt_arrow_fail_damaged(from) : VT_OK;
}

/* --- looking at types --- */

const vt_arrow_type *vt_arrow_type_child(const vt_arrow_type *type, int child) {
    const vt_arrow_type *at = type + 1;
    for (int i = 0; i < child; i++) at += at->count;
    return at;
}

int vt_arrow_type_find(const vt_arrow_type *type, const char *name) {
    for (int i = 0; i < type->child_count; i++)
        if (strcmp(vt_arrow_type_child(type, i)->name, name) == 0) return i;
    return -1;
}

const vt_arrow_type *vt_arrow_reader_type(const vt_arrow_reader *reader, int field) {
    return &reader->types[reader->first_types[field]];
}
