/* Allocation with checked sizes, growing arrays, and strings. */
#ifndef VT_BASE_MEMORY_H
#define VT_BASE_MEMORY_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

/* *out = zeroed memory for count * size bytes; overflow and exhaustion are VT_ERROR_MEMORY naming `what`.
 * count 0 gives a valid, freeable pointer. Freed with free(). */
vt_status vt_allocate(void *out, size_t count, size_t size, const char *what) VT_CHECKED;

/* As vt_allocate, 64-byte aligned, a multiple of 64 bytes long. Freed with free(). */
vt_status vt_allocate_aligned(void *out, size_t count, size_t size, const char *what) VT_CHECKED;

/* As vt_allocate_aligned, for what is large: pages that the kernel hands over, zeroed, when they are first touched, huge ones
 * where it has them. Freed with vt_free_pages(). */
vt_status vt_allocate_pages(void *out, size_t count, size_t size, const char *what) VT_CHECKED;
void vt_free_pages(void *memory);         /* NULL allowed */
size_t vt_pages_size(const void *memory); /* the bytes asked for */

/* Makes room for `needed` items of `size` bytes in the array *items, doubling *capacity. */
vt_status vt_grow(void *items, size_t *capacity, size_t needed, size_t size, const char *what) VT_CHECKED;

/* *out = a copy / a formatted string; freed with free(). */
vt_status vt_copy_string(const char *text, char **out) VT_CHECKED;
vt_status vt_copy_string_n(const char *text, size_t length, char **out) VT_CHECKED;
vt_status vt_format(char **out, const char *format, ...) VT_CHECKED VT_PRINTF(2, 3);

/* A growing text buffer; zero-initialise, free with vt_text_free(). data is NUL-terminated once anything is added. */
typedef struct vt_text {
    char *data;
    size_t length, capacity;
} vt_text;
vt_status vt_text_add(vt_text *text, const char *format, ...) VT_CHECKED VT_PRINTF(2, 3);
vt_status vt_text_add_bytes(vt_text *text, const void *bytes, size_t count) VT_CHECKED;
void vt_text_free(vt_text *text);

/* A growing list of owned strings; zero-initialise, free with vt_strings_free(). */
typedef struct vt_strings {
    char **items;
    size_t count, capacity;
} vt_strings;
vt_status vt_strings_add(vt_strings *strings, const char *text, size_t length) VT_CHECKED;
void vt_strings_sort(vt_strings *strings); /* byte order */
void vt_strings_free(vt_strings *strings);

/* A hash map from strings to int64 indices; keys are copied. */
typedef struct vt_map vt_map;
vt_status vt_map_create(vt_map **out) VT_CHECKED;
void vt_map_free(vt_map *map);
/* The value of `key`, or -1. */
int64_t vt_map_get(const vt_map *map, const char *key, size_t length);
/* Sets `key` to `value` (>= 0). */
vt_status vt_map_set(vt_map *map, const char *key, size_t length, int64_t value) VT_CHECKED;
size_t vt_map_count(const vt_map *map);

#endif
