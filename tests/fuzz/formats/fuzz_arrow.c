/* Any bytes as an Arrow stream: every value handed out must be readable, and every string UTF-8. Plain streams, and nested
 * ones. */
#include "formats/arrow.h"
#include "formats/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Columns without values may claim any number of rows. */
enum { ROWS_READ = 1000, ITEMS_READ = 1000 };

static void read_bytes(vt_arrow_value value, bool is_text) {
    volatile uint8_t last = 0;
    if (value.size > 0) last = ((const uint8_t *)value.data)[value.size - 1];
    (void)last;
    if (is_text && vt_utf8_valid_length(value.data, value.size) != value.size) abort();
}

static void read_cell(vt_arrow_cell cell) {
    volatile double number = 0;
    if (vt_arrow_cell_is_null(cell)) return;
    switch (cell.type->layout) {
    case VT_ARROW_NULL:
        abort();
    case VT_ARROW_OTHER:
        break;
    case VT_ARROW_BOOL:
    case VT_ARROW_INT:
    case VT_ARROW_UNSIGNED:
    case VT_ARROW_FLOAT:
        number = vt_arrow_cell_number(cell);
        break;
    case VT_ARROW_TEXT:
    case VT_ARROW_BINARY:
        read_bytes(vt_arrow_cell_bytes(cell), cell.type->layout == VT_ARROW_TEXT);
        break;
    case VT_ARROW_LIST:
    case VT_ARROW_FIXED_LIST:
        for (int64_t i = 0; i < vt_arrow_cell_length(cell) && i < ITEMS_READ; i++) read_cell(vt_arrow_cell_item(cell, i));
        break;
    case VT_ARROW_STRUCT:
        for (int i = 0; i < cell.type->child_count; i++) read_cell(vt_arrow_cell_member(cell, i));
        break;
    }
    (void)number;
}

static void read_plain(const void *data, size_t size) {
    vt_arrow_reader *reader;
    if (vt_arrow_reader_parse(data, size, "fuzz", &reader) != VT_OK) return;
    for (int64_t row = 0; row < vt_arrow_reader_rows(reader); row++)
        for (int field = 0; field < vt_arrow_reader_field_count(reader); field++)
            read_bytes(vt_arrow_reader_get(reader, field, row), vt_arrow_reader_field(reader, field)->kind == VT_ARROW_STRING);
    vt_arrow_reader_close(reader);
}

static void read_nested(const void *data, size_t size) {
    vt_arrow_reader *reader;
    if (vt_arrow_reader_parse_nested(data, size, "fuzz", &reader) != VT_OK) return;
    for (int64_t row = 0; row < vt_arrow_reader_rows(reader) && row < ROWS_READ; row++)
        for (int field = 0; field < vt_arrow_reader_field_count(reader); field++)
            read_cell(vt_arrow_reader_cell(reader, field, row));
    vt_arrow_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *aligned;
    if (posix_memalign((void **)&aligned, 64, size + (size == 0)) != 0) return 0;
    if (size > 0) memcpy(aligned, data, size);
    read_plain(aligned, size);
    read_nested(aligned, size);
    free(aligned);
    return 0;
}
