/* FlatBuffers, as much of them as Arrow's metadata needs: a builder, and a reader that trusts no offset.
 *
 * A buffer is a root offset, tables (fields found through a vtable of 16-bit offsets), vectors and strings. Scalars are
 * little-endian, offsets to objects are unsigned and forward. https://flatbuffers.dev/internals/ */
#ifndef VT_FORMATS_FLATBUFFER_H
#define VT_FORMATS_FLATBUFFER_H

#include "base/error.h"
#include "base/memory.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- reading --- */

/* A buffer being read. Objects are positions in it, 0 for one that is absent. A bad offset sets `damaged`, which stays,
 * and reads as absent or 0; so a whole message is read first and `damaged` looked at once. */
typedef struct vt_flat {
    const uint8_t *data;
    size_t size;
    bool damaged;
} vt_flat;

size_t vt_flat_root(vt_flat *flat);
/* Field `id` of a table: a scalar of 1, 2, 4 or 8 bytes (sign-extended), or `otherwise` if absent. */
int64_t vt_flat_scalar(vt_flat *flat, size_t table, int id, size_t size, int64_t otherwise);
/* Field `id` of a table: another table, or 0. */
size_t vt_flat_table(vt_flat *flat, size_t table, int id);
/* Field `id` of a table: the position of a vector's first element and the *count of elements of `size` bytes; 0 if absent. */
size_t vt_flat_vector(vt_flat *flat, size_t table, int id, size_t size, size_t *count);
/* Element `index` of a vector of tables, which must have that many elements. */
size_t vt_flat_element(vt_flat *flat, size_t vector, size_t index);
/* Field `id` of a table: a string without NUL bytes inside, which lives as long as the data; "" if absent. */
const char *vt_flat_string(vt_flat *flat, size_t table, int id);

/* --- building --- */

/* A buffer being built front to back; zero-initialise, free with vt_text_free(&bytes). The first failed allocation stays in
 * `status` and the rest does nothing. */
typedef struct vt_flat_builder {
    vt_text bytes;
    vt_status status;
} vt_flat_builder;

/* One field of a table to be written: its size in bytes (0: absent) and value; objects are slots of 4 bytes, pointed to
 * their object later. */
typedef struct vt_flat_slot {
    size_t size;
    int64_t value;
    size_t position; /* set by vt_flat_add_table: where it stands */
} vt_flat_slot;
#define VT_FLAT_OFFSET 4

/* Each adds an object, points the 4 bytes at `pointer` to it and returns where it begins. */
size_t vt_flat_add_table(vt_flat_builder *builder, size_t pointer, vt_flat_slot *slots, int count);
size_t vt_flat_add_string(vt_flat_builder *builder, size_t pointer, const char *text);
/* A vector of zeros; the position returned is that of its first element. */
size_t vt_flat_add_vector(vt_flat_builder *builder, size_t pointer, size_t count, size_t size);
/* Starts the buffer and returns the pointer to its root table. */
size_t vt_flat_begin(vt_flat_builder *builder);
/* Overwrites 8 bytes, as of an element of a vector of structs. */
void vt_flat_set_i64(vt_flat_builder *builder, size_t position, int64_t value);
/* Adds zeros until the size is a multiple of `alignment` less `before`. */
void vt_flat_pad(vt_flat_builder *builder, size_t alignment, size_t before);

#endif
