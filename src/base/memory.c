/* Allocation with checked sizes, growing arrays, and strings. Every failure is VT_ERROR_MEMORY with what was wanted. */
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, SMALLEST_CAPACITY = 8, HUGE_PAGE = 1 << 21 };

/* count * size, or SIZE_MAX when that does not fit. */
static size_t product(size_t count, size_t size) {
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes;
}

/* `place` is the address of a pointer of any type, hence the memcpy. */
static void set_pointer(void *place, void *pointer) {
    memcpy(place, &pointer, sizeof pointer);
}

vt_status vt_allocate(void *out, size_t count, size_t size, const char *what) {
    size_t bytes = product(count, size);
    void *memory = bytes > PTRDIFF_MAX ? NULL : calloc(1, bytes ? bytes : 1);
    set_pointer(out, memory);
    return memory ? VT_OK : vt_fail_memory(what, bytes);
}

vt_status vt_allocate_aligned(void *out, size_t count, size_t size, const char *what) {
    size_t bytes = product(count, size);
    set_pointer(out, NULL);
    if (bytes > PTRDIFF_MAX - ALIGNMENT) return vt_fail_memory(what, bytes);
    size_t rounded = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    void *memory = aligned_alloc(ALIGNMENT, rounded);
    if (!memory) return vt_fail_memory(what, bytes);
    memset(memory, 0, rounded);
    set_pointer(out, memory);
    return VT_OK;
}

#if defined(__SANITIZE_ADDRESS__)
/* Where the sanitizer sees who writes beyond the end. */
static void *map_pages(size_t bytes) {
    void *memory = aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    return memory ? memset(memory, 0, bytes) : NULL;
}

static void unmap_pages(void *memory, size_t bytes) {
    (void)bytes;
    free(memory);
}
#else
static void *map_pages(size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    if (bytes >= 2 * HUGE_PAGE) (void)madvise(memory, bytes, MADV_HUGEPAGE); /* a hint: it may fail */
    return memory;
}

static void unmap_pages(void *memory, size_t bytes) {
    munmap(memory, bytes);
}
#endif

/* The size stands in ALIGNMENT bytes before what is handed out. */
vt_status vt_allocate_pages(void *out, size_t count, size_t size, const char *what) {
    size_t bytes = product(count, size);
    set_pointer(out, NULL);
    if (bytes > PTRDIFF_MAX - 2 * ALIGNMENT) return vt_fail_memory(what, bytes);
    char *memory = map_pages(bytes + ALIGNMENT);
    if (!memory) return vt_fail_memory(what, bytes);
    memcpy(memory, &bytes, sizeof bytes);
    set_pointer(out, memory + ALIGNMENT);
    return VT_OK;
}

size_t vt_pages_size(const void *memory) {
    size_t bytes;
    memcpy(&bytes, (const char *)memory - ALIGNMENT, sizeof bytes);
    return bytes;
}

void vt_free_pages(void *memory) {
    if (memory) unmap_pages((char *)memory - ALIGNMENT, vt_pages_size(memory) + ALIGNMENT);
}

vt_status vt_grow(void *items, size_t *capacity, size_t needed, size_t size, const char *what) {
    if (needed <= *capacity) return VT_OK;
    size_t larger = *capacity < SMALLEST_CAPACITY / 2 ? SMALLEST_CAPACITY : product(*capacity, 2);
    if (larger < needed) larger = needed;
    size_t bytes = product(larger, size);
    void *old;
    memcpy(&old, items, sizeof old);
    void *memory = bytes > PTRDIFF_MAX ? NULL : realloc(old, bytes ? bytes : 1);
    if (!memory) return vt_fail_memory(what, bytes);
    set_pointer(items, memory);
    *capacity = larger;
    return VT_OK;
}

vt_status vt_copy_string(const char *text, char **out) {
    return vt_copy_string_n(text, strlen(text), out);
}

vt_status vt_copy_string_n(const char *text, size_t length, char **out) {
    *out = NULL;
    if (length == SIZE_MAX) return vt_fail_memory("a string", length);
    VT_TRY(vt_allocate(out, length + 1, 1, "a string"));
    if (length) memcpy(*out, text, length);
    return VT_OK;
}

static VT_PRINTF(2, 0) vt_status add_formatted(vt_text *text, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) return vt_fail(VT_ERROR_INPUT, "cannot format text by '%s'", format);
    VT_TRY(vt_grow(&text->data, &text->capacity, text->length + (size_t)length + 1, 1, "text"));
    vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
    text->length += (size_t)length;
    return VT_OK;
}

vt_status vt_format(char **out, const char *format, ...) {
    vt_text text = {0};
    va_list arguments;
    va_start(arguments, format);
    vt_status status = add_formatted(&text, format, arguments);
    va_end(arguments);
    *out = text.data;
    return status;
}

vt_status vt_text_add(vt_text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vt_status status = add_formatted(text, format, arguments);
    va_end(arguments);
    return status;
}

vt_status vt_text_add_bytes(vt_text *text, const void *bytes, size_t count) {
    size_t needed;
    if (__builtin_add_overflow(text->length, count, &needed) || needed == SIZE_MAX) return vt_fail_memory("text", SIZE_MAX);
    VT_TRY(vt_grow(&text->data, &text->capacity, needed + 1, 1, "text"));
    if (count) memcpy(text->data + text->length, bytes, count);
    text->length = needed;
    text->data[needed] = '\0';
    return VT_OK;
}

void vt_text_free(vt_text *text) {
    free(text->data);
    *text = (vt_text){0};
}

vt_status vt_strings_add(vt_strings *strings, const char *text, size_t length) {
    VT_TRY(vt_grow(&strings->items, &strings->capacity, strings->count + 1, sizeof *strings->items, "a list of names"));
    VT_TRY(vt_copy_string_n(text, length, &strings->items[strings->count]));
    strings->count++;
    return VT_OK;
}

static int compare_strings(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void vt_strings_sort(vt_strings *strings) {
    if (strings->count) qsort(strings->items, strings->count, sizeof *strings->items, compare_strings);
}

void vt_strings_free(vt_strings *strings) {
    for (size_t i = 0; i < strings->count; i++) free(strings->items[i]);
    free(strings->items);
    *strings = (vt_strings){0};
}
