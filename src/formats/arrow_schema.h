/* The numbers of Arrow's flatbuffer schemas (Message.fbs, Schema.fbs of format version 1.x) that reader and writer share. */
#ifndef VT_FORMATS_ARROW_SCHEMA_H
#define VT_FORMATS_ARROW_SCHEMA_H

#include <stdint.h>

/* Before every message stand this marker and the length of its metadata, an i32; length 0 ends the stream. */
#define ARROW_CONTINUATION UINT32_C(0xffffffff)

enum arrow_metadata_version { ARROW_V4 = 3, ARROW_V5 = 4 };

/* union MessageHeader */
enum arrow_header { ARROW_HEADER_SCHEMA = 1, ARROW_HEADER_DICTIONARY_BATCH = 2, ARROW_HEADER_RECORD_BATCH = 3 };

/* union Type */
enum arrow_type {
    ARROW_TYPE_NULL = 1,
    ARROW_TYPE_INT = 2,
    ARROW_TYPE_FLOATING_POINT = 3,
    ARROW_TYPE_BINARY = 4,
    ARROW_TYPE_UTF8 = 5,
    ARROW_TYPE_BOOL = 6,
    ARROW_TYPE_DECIMAL = 7,
    ARROW_TYPE_DATE = 8,
    ARROW_TYPE_TIME = 9,
    ARROW_TYPE_TIMESTAMP = 10,
    ARROW_TYPE_INTERVAL = 11,
    ARROW_TYPE_LIST = 12,
    ARROW_TYPE_STRUCT = 13,
    ARROW_TYPE_FIXED_SIZE_BINARY = 15,
    ARROW_TYPE_FIXED_SIZE_LIST = 16,
    ARROW_TYPE_MAP = 17,
    ARROW_TYPE_DURATION = 18,
    ARROW_TYPE_LARGE_BINARY = 19,
    ARROW_TYPE_LARGE_UTF8 = 20,
    ARROW_TYPE_LARGE_LIST = 21
};

enum arrow_precision { ARROW_PRECISION_HALF = 0, ARROW_PRECISION_SINGLE = 1, ARROW_PRECISION_DOUBLE = 2 };
enum arrow_date_unit { ARROW_DATE_DAY = 0, ARROW_DATE_MILLISECOND = 1 };

/* Field numbers of the tables. */
enum { MESSAGE_VERSION, MESSAGE_HEADER_TYPE, MESSAGE_HEADER, MESSAGE_BODY_LENGTH, MESSAGE_FIELDS };
enum { SCHEMA_ENDIANNESS, SCHEMA_COLUMNS, SCHEMA_METADATA, SCHEMA_FIELDS };
enum { KEY_VALUE_KEY, KEY_VALUE_VALUE, KEY_VALUE_FIELDS };
enum { FIELD_NAME, FIELD_NULLABLE, FIELD_TYPE_TYPE, FIELD_TYPE, FIELD_DICTIONARY, FIELD_CHILDREN, FIELD_FIELDS };
enum { INT_BIT_WIDTH, INT_IS_SIGNED, INT_FIELDS };
enum { FLOATING_POINT_PRECISION, FLOATING_POINT_FIELDS };
enum { FIXED_SIZE_LIST_SIZE, FIXED_SIZE_LIST_FIELDS };
enum { FIXED_SIZE_BINARY_BYTE_WIDTH };
enum { DECIMAL_PRECISION, DECIMAL_SCALE, DECIMAL_BIT_WIDTH };
enum { DATE_UNIT };
enum { TIME_UNIT, TIME_BIT_WIDTH };
enum { INTERVAL_UNIT }; /* 0 of 4 bytes, 1 of 8, 2 of 16 */
enum { BATCH_LENGTH, BATCH_NODES, BATCH_BUFFERS, BATCH_COMPRESSION, BATCH_FIELDS };
enum { COMPRESSION_CODEC }; /* 0 LZ4_FRAME, 1 ZSTD */

/* struct FieldNode {length, null_count} and struct Buffer {offset, length}: two i64 each. */
enum { ARROW_PAIR_SIZE = 16 };

/* A string column has one node and the buffers validity, offsets, data; a list column has two nodes (the list, its items) and
 * the buffers validity, items' validity, items. */
enum { ARROW_BUFFERS_PER_COLUMN = 3 };

#endif
