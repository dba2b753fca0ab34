/* Which Arrow columns are images; read by the layout, which names the images, and by the stream, which hands them out. */
#include "data/stream/arrow_image.h"

static bool is_pixels(const vt_arrow_type *type) {
    int depth = 0;
    for (; type->layout == VT_ARROW_LIST || type->layout == VT_ARROW_FIXED_LIST; type++) depth++;
    return (depth == 2 || depth == 3) && (type->layout == VT_ARROW_INT || type->layout == VT_ARROW_UNSIGNED);
}

/* The struct's member of that name and layout, or -1. */
static int find_member(const vt_arrow_type *type, const char *name, vt_arrow_layout layout) {
    int member = vt_arrow_type_find(type, name);
    return member >= 0 && vt_arrow_type_child(type, member)->layout == layout ? member : -1;
}

vt_arrow_image vt_arrow_image_of(const vt_arrow_type *type) {
    switch (type->layout) {
    case VT_ARROW_STRUCT:
        return find_member(type, "bytes", VT_ARROW_BINARY) >= 0 || find_member(type, "path", VT_ARROW_TEXT) >= 0
                   ? VT_ARROW_IMAGE_STRUCT
                   : VT_ARROW_IMAGE_NONE;
    case VT_ARROW_BINARY:
        return VT_ARROW_IMAGE_BYTES;
    case VT_ARROW_TEXT:
        return VT_ARROW_IMAGE_PATH;
    default:
        return is_pixels(type) ? VT_ARROW_IMAGE_PIXELS : VT_ARROW_IMAGE_NONE;
    }
}

/* A null and an empty value are none. */
static vt_arrow_value value_of(vt_arrow_cell cell) {
    vt_arrow_value value = {0};
    if (!vt_arrow_cell_is_null(cell)) value = vt_arrow_cell_bytes(cell);
    return value.size > 0 ? value : (vt_arrow_value){0};
}

void vt_arrow_image_value(vt_arrow_cell cell, vt_arrow_value *bytes, vt_arrow_value *path) {
    *bytes = *path = (vt_arrow_value){0};
    if (vt_arrow_cell_is_null(cell)) return;
    switch (vt_arrow_image_of(cell.type)) {
    case VT_ARROW_IMAGE_STRUCT: {
        int with_bytes = find_member(cell.type, "bytes", VT_ARROW_BINARY),
            with_path = find_member(cell.type, "path", VT_ARROW_TEXT);
        if (with_bytes >= 0) *bytes = value_of(vt_arrow_cell_member(cell, with_bytes));
        if (with_path >= 0) *path = value_of(vt_arrow_cell_member(cell, with_path));
        break;
    }
    case VT_ARROW_IMAGE_BYTES:
        *bytes = value_of(cell);
        break;
    case VT_ARROW_IMAGE_PATH:
        *path = value_of(cell);
        break;
    default:
        break;
    }
}
