/* FlatBuffers, read without trusting an offset and built front to back. What the tables mean is for arrow_*.c. */
#include "formats/flatbuffer.h"

#include <string.h>

/* --- reading --- */

/* Whether `count` items of `size` bytes lie at `position`; marks the buffer as damaged if not. */
static bool lies_within(vt_flat *flat, size_t position, size_t count, size_t size) {
    if (position <= flat->size && count <= (flat->size - position) / size) return true;
    flat->damaged = true;
    return false;
}

static uint64_t read_unsigned(vt_flat *flat, size_t position, size_t size) {
    uint64_t value = 0;
    if (lies_within(flat, position, 1, size)) memcpy(&value, flat->data + position, size);
    return value;
}

/* The object that the offset at `position` points to. */
static size_t follow(vt_flat *flat, size_t position) {
    size_t offset = (size_t)read_unsigned(flat, position, 4);
    if (flat->damaged || offset == 0 || !lies_within(flat, position + offset, 1, 4)) {
        flat->damaged = true;
        return 0;
    }
    return position + offset;
}

/* Where field `id` of a table stands, 0 if absent. A table begins with the distance back to its vtable:
 * u16 size of the vtable, u16 size of the table, u16 offset of each field in the table. */
static size_t find_field(vt_flat *flat, size_t table, int id, size_t size) {
    if (table == 0 || flat->damaged) return 0;
    int32_t distance = (int32_t)(uint32_t)read_unsigned(flat, table, 4);
    size_t vtable = table - (size_t)(int64_t)distance; /* one before the buffer wraps round to far behind it */
    if (!lies_within(flat, vtable, 1, 4)) return 0;
    size_t entry = 4 + 2 * (size_t)id, vtable_size = (size_t)read_unsigned(flat, vtable, 2);
    if (entry + 2 > vtable_size) return 0;
    size_t offset = (size_t)read_unsigned(flat, vtable + entry, 2);
    if (offset == 0 || flat->damaged) return 0;
    return lies_within(flat, table + offset, 1, size) ? table + offset : 0;
}

size_t vt_flat_root(vt_flat *flat) {
    return follow(flat, 0);
}

int64_t vt_flat_scalar(vt_flat *flat, size_t table, int id, size_t size, int64_t otherwise) {
    size_t position = find_field(flat, table, id, size);
    if (position == 0) return otherwise;
    int unused_bits = 64 - 8 * (int)size;
    return (int64_t)(read_unsigned(flat, position, size) << unused_bits) >> unused_bits;
}

size_t vt_flat_table(vt_flat *flat, size_t table, int id) {
    size_t position = find_field(flat, table, id, VT_FLAT_OFFSET);
    return position ? follow(flat, position) : 0;
}

size_t vt_flat_vector(vt_flat *flat, size_t table, int id, size_t size, size_t *count) {
    *count = 0;
    size_t vector = vt_flat_table(flat, table, id);
    if (vector == 0) return 0;
    size_t length = (size_t)read_unsigned(flat, vector, 4);
    if (!lies_within(flat, vector + 4, length, size)) return 0;
    *count = length;
    return vector + 4;
}

size_t vt_flat_element(vt_flat *flat, size_t vector, size_t index) {
    return follow(flat, vector + 4 * index);
}

const char *vt_flat_string(vt_flat *flat, size_t table, int id) {
    size_t length, position = vt_flat_vector(flat, table, id, 1, &length);
    if (position == 0) return "";
    const char *text = (const char *)flat->data + position;
    if (!lies_within(flat, position + length, 1, 1) || strnlen(text, length + 1) != length) {
        flat->damaged = true;
        return "";
    }
    return text;
}

/* --- building --- */

static size_t add_bytes(vt_flat_builder *builder, const void *bytes, size_t size) {
    size_t position = builder->bytes.length;
    if (builder->status == VT_OK) builder->status = vt_text_add_bytes(&builder->bytes, bytes, size);
    return position;
}

static size_t add_zeros(vt_flat_builder *builder, size_t count) {
    static const uint8_t zeros[64];
    size_t position = builder->bytes.length;
    for (; count > 0; count -= count < sizeof zeros ? count : sizeof zeros)
        add_bytes(builder, zeros, count < sizeof zeros ? count : sizeof zeros);
    return position;
}

static void set_bytes(vt_flat_builder *builder, size_t position, uint64_t value, size_t size) {
    if (builder->status == VT_OK) memcpy(builder->bytes.data + position, &value, size);
}

void vt_flat_pad(vt_flat_builder *builder, size_t alignment, size_t before) {
    size_t over = (builder->bytes.length + before) % alignment;
    if (over > 0) add_zeros(builder, alignment - over);
}

/* Points the offset at `pointer` to what is added next. */
static void point_here(vt_flat_builder *builder, size_t pointer) {
    set_bytes(builder, pointer, builder->bytes.length - pointer, VT_FLAT_OFFSET);
}

size_t vt_flat_begin(vt_flat_builder *builder) {
    return add_zeros(builder, 4);
}

size_t vt_flat_add_table(vt_flat_builder *builder, size_t pointer, vt_flat_slot *slots, int count) {
    uint16_t vtable[16] = {0}; /* Arrow's largest table, Field, has seven fields */
    size_t size = 4;
    for (int i = 0; i < count; i++) {
        if (slots[i].size == 0) continue;
        size = (size + slots[i].size - 1) / slots[i].size * slots[i].size;
        vtable[2 + i] = (uint16_t)size;
        slots[i].position = size;
        size += slots[i].size;
    }
    size_t vtable_size = 4 + 2 * (size_t)count;
    vtable[0] = (uint16_t)vtable_size;
    vtable[1] = (uint16_t)size;
    vt_flat_pad(builder, 8, vtable_size); /* the table behind it stands at a multiple of eight */
    add_bytes(builder, vtable, vtable_size);
    point_here(builder, pointer);
    size_t table = add_zeros(builder, size);
    set_bytes(builder, table, vtable_size, 4);
    for (int i = 0; i < count; i++) {
        if (slots[i].size == 0) continue;
        slots[i].position += table;
        set_bytes(builder, slots[i].position, (uint64_t)slots[i].value, slots[i].size);
    }
    return table;
}

size_t vt_flat_add_string(vt_flat_builder *builder, size_t pointer, const char *text) {
    size_t length = strlen(text);
    size_t position = vt_flat_add_vector(builder, pointer, length + 1, 1);
    set_bytes(builder, position - 4, length, 4);
    if (builder->status == VT_OK) memcpy(builder->bytes.data + position, text, length);
    return position;
}

size_t vt_flat_add_vector(vt_flat_builder *builder, size_t pointer, size_t count, size_t size) {
    vt_flat_pad(builder, 8, 4); /* the first element stands at a multiple of eight */
    point_here(builder, pointer);
    size_t length = add_zeros(builder, 4);
    set_bytes(builder, length, count, 4);
    return add_zeros(builder, count * size);
}

void vt_flat_set_i64(vt_flat_builder *builder, size_t position, int64_t value) {
    set_bytes(builder, position, (uint64_t)value, 8);
}
