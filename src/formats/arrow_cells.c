/* Values of nested Arrow columns. Everything was verified when the file was opened; here nothing can fail. */
#include "formats/arrow_reader.h"

#include "base/half.h"
#include <math.h>
#include <string.h>

bool vt_arrow_cell_is_null(vt_arrow_cell cell) {
    if (cell.type->layout == VT_ARROW_NULL) return true;
    return cell.array->validity && !vt_arrow_bit(cell.array->validity, cell.index);
}

/* The value's bytes as the lowest of a word. */
static uint64_t value_bits(vt_arrow_cell cell) {
    uint64_t bits = 0;
    memcpy(&bits, cell.array->data + (size_t)cell.index * cell.type->width, cell.type->width);
    return bits;
}

int64_t vt_arrow_cell_integer(vt_arrow_cell cell) {
    if (cell.type->layout == VT_ARROW_BOOL) return vt_arrow_bit(cell.array->data, cell.index);
    uint64_t bits = value_bits(cell);
    if (cell.type->layout == VT_ARROW_UNSIGNED) return bits > INT64_MAX ? INT64_MAX : (int64_t)bits;
    int unused = 64 - 8 * (int)cell.type->width;
    return (int64_t)(bits << unused) >> unused;
}

double vt_arrow_cell_number(vt_arrow_cell cell) {
    float single;
    double number;
    if (vt_arrow_cell_is_null(cell)) return NAN;
    if (cell.type->layout != VT_ARROW_FLOAT) return (double)vt_arrow_cell_integer(cell);
    uint64_t bits = value_bits(cell);
    if (cell.type->width == sizeof(uint16_t)) return (double)vt_f16_to_float((uint16_t)bits);
    if (cell.type->width == sizeof single) {
        memcpy(&single, &bits, sizeof single);
        return (double)single;
    }
    memcpy(&number, &bits, sizeof number);
    return number;
}

vt_arrow_value vt_arrow_cell_bytes(vt_arrow_cell cell) {
    if (cell.type->layout != VT_ARROW_TEXT && cell.type->layout != VT_ARROW_BINARY)
        return (vt_arrow_value){cell.array->data + (size_t)cell.index * cell.type->width, cell.type->width};
    int64_t begin = vt_arrow_offset(cell.type, cell.array, cell.index);
    return (vt_arrow_value){cell.array->data + begin, (size_t)(vt_arrow_offset(cell.type, cell.array, cell.index + 1) - begin)};
}

int64_t vt_arrow_cell_length(vt_arrow_cell cell) {
    if (cell.type->layout == VT_ARROW_FIXED_LIST) return cell.type->list_size;
    return vt_arrow_offset(cell.type, cell.array, cell.index + 1) - vt_arrow_offset(cell.type, cell.array, cell.index);
}

vt_arrow_cell vt_arrow_cell_item(vt_arrow_cell cell, int64_t i) {
    int64_t begin = cell.type->layout == VT_ARROW_FIXED_LIST ? cell.index * cell.type->list_size
                                                             : vt_arrow_offset(cell.type, cell.array, cell.index);
    return (vt_arrow_cell){cell.type + 1, cell.array + 1, begin + i};
}

vt_arrow_cell vt_arrow_cell_member(vt_arrow_cell cell, int child) {
    const vt_arrow_type *type = vt_arrow_type_child(cell.type, child);
    return (vt_arrow_cell){type, cell.array + (type - cell.type), cell.index};
}
