/* Allocation refuses sizes that overflow; arrays, texts, lists and maps grow without losing what they hold. */
#include "support.h"

#include "base/memory.h"

static void overflow_is_an_error(void **state) {
    (void)state;
    void *memory = &memory;
    ASSERT_FAILS(VT_ERROR_MEMORY, "bytes for pixels",
                 vt_allocate(&memory, SIZE_MAX / 4 + 2, 4, "pixels")); /* wraps to 4 bytes */
    assert_null(memory);
    ASSERT_FAILS(VT_ERROR_MEMORY, "pixels", vt_allocate(&memory, SIZE_MAX, 1, "pixels"));
    ASSERT_FAILS(VT_ERROR_MEMORY, "pixels", vt_allocate_aligned(&memory, SIZE_MAX, 1, "pixels"));
    size_t capacity = 0;
    ASSERT_FAILS(VT_ERROR_MEMORY, "rows", vt_grow(&memory, &capacity, SIZE_MAX / 8 + 2, 8, "rows"));
    assert_null(memory);
    assert_int_equal(capacity, 0);
}

static void memory_is_zeroed_and_aligned(void **state) {
    (void)state;
    uint8_t *memory;
    ASSERT_OK(vt_allocate_aligned(&memory, 100, 1, "bytes"));
    assert_int_equal((uintptr_t)memory % 64, 0);
    for (int i = 0; i < 128; i++) assert_int_equal(memory[i], 0);
    free(memory);
    ASSERT_OK(vt_allocate(&memory, 0, 16, "nothing"));
    assert_non_null(memory);
    free(memory);
    for (size_t size = 0; size < 10000000; size = 9 * size + 1) {
        ASSERT_OK(vt_allocate_pages(&memory, size, 1, "pages"));
        assert_int_equal((uintptr_t)memory % 64, 0);
        assert_int_equal(vt_pages_size(memory), size);
        for (size_t i = 0; i < size; i++)
            if (memory[i]) fail_msg("byte %zu is %d", i, memory[i]);
        if (size) memset(memory, 1, size);
        vt_free_pages(memory);
    }
    vt_free_pages(NULL);
    ASSERT_FAILS(VT_ERROR_MEMORY, "pages", vt_allocate_pages(&memory, SIZE_MAX / 2, 4, "pages"));
}

static void arrays_keep_their_items(void **state) {
    (void)state;
    int *items = NULL;
    size_t capacity = 0, reallocations = 0;
    for (int i = 0; i < 10000; i++) {
        size_t before = capacity;
        ASSERT_OK(vt_grow(&items, &capacity, (size_t)i + 1, sizeof *items, "numbers"));
        reallocations += capacity != before;
        items[i] = i;
    }
    for (int i = 0; i < 10000; i++) assert_int_equal(items[i], i);
    assert_true(reallocations < 20);
    free(items);
}

static void texts_grow(void **state) {
    (void)state;
    vt_text text = {0};
    ASSERT_OK(vt_text_add(&text, "%d-%s", 42, "x"));
    ASSERT_OK(vt_text_add_bytes(&text, "\0y", 2));
    ASSERT_OK(vt_text_add(&text, "%300d", 7));
    assert_int_equal(text.length, 306);
    assert_memory_equal(text.data, "42-x\0y ", 7);
    assert_string_equal(text.data + 305, "7");
    vt_text_free(&text);
    assert_null(text.data);

    char *formatted;
    ASSERT_OK(vt_format(&formatted, "%s", ""));
    assert_string_equal(formatted, "");
    free(formatted);
}

static void lists_sort_by_bytes(void **state) {
    (void)state;
    vt_strings strings = {0};
    vt_strings_sort(&strings);
    ASSERT_OK(vt_strings_add(&strings, "beta", 4));
    ASSERT_OK(vt_strings_add(&strings, "alphabet", 5));
    ASSERT_OK(vt_strings_add(&strings, "Zeta", 4));
    vt_strings_sort(&strings);
    assert_int_equal(strings.count, 3);
    assert_string_equal(strings.items[0], "Zeta");
    assert_string_equal(strings.items[1], "alpha");
    assert_string_equal(strings.items[2], "beta");
    vt_strings_free(&strings);
}

static void maps_find_what_was_set(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    vt_map *map;
    ASSERT_OK(vt_map_create(&map));
    char key[32];
    for (int i = 0; i < COUNT; i++) {
        int length = snprintf(key, sizeof key, "%08d_%03d.png", i / 7, i % 7);
        assert_int_equal(vt_map_get(map, key, (size_t)length), -1);
        ASSERT_OK(vt_map_set(map, key, (size_t)length, i));
    }
    assert_int_equal(vt_map_count(map), COUNT);
    for (int i = 0; i < COUNT; i++) {
        int length = snprintf(key, sizeof key, "%08d_%03d.png", i / 7, i % 7);
        assert_int_equal(vt_map_get(map, key, (size_t)length), i);
    }
    ASSERT_OK(vt_map_set(map, "a\0b", 3, 1));
    ASSERT_OK(vt_map_set(map, "a", 1, 2));
    ASSERT_OK(vt_map_set(map, "", 0, 3));
    ASSERT_OK(vt_map_set(map, "a", 1, 4));
    assert_int_equal(vt_map_get(map, "a\0b", 3), 1);
    assert_int_equal(vt_map_get(map, "a", 1), 4);
    assert_int_equal(vt_map_get(map, "", 0), 3);
    assert_int_equal(vt_map_count(map), COUNT + 3);
    vt_map_free(map);
    vt_map_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overflow_is_an_error),    cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(arrays_keep_their_items), cmocka_unit_test(texts_grow),
        cmocka_unit_test(lists_sort_by_bytes),     cmocka_unit_test(maps_find_what_was_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
