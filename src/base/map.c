/* A hash map from strings to indices: FNV-1a, open addressing, linear probing, at most half full. Nothing is ever removed. */
#include "base/hash.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    char *key; /* NULL: a free place */
    size_t length;
    uint64_t hash;
    int64_t value;
} entry;

struct vt_map {
    entry *entries; /* [capacity], a power of two */
    size_t capacity, count;
};

enum { FIRST_CAPACITY = 16 };

/* The place of the key: where it is, or the free one where it belongs. */
static entry *find(entry *entries, size_t capacity, uint64_t hash, const char *key, size_t length) {
    size_t place = (size_t)hash & (capacity - 1);
    for (;;) {
        entry *e = &entries[place];
        if (!e->key || (e->hash == hash && e->length == length && memcmp(e->key, key, length) == 0)) return e;
        place = (place + 1) & (capacity - 1);
    }
}

vt_status vt_map_create(vt_map **out) {
    vt_map *map;
    *out = NULL;
    VT_TRY(vt_allocate(&map, 1, sizeof *map, "a map"));
    vt_status status = vt_allocate(&map->entries, FIRST_CAPACITY, sizeof *map->entries, "a map");
    if (status != VT_OK) {
        free(map);
        return status;
    }
    map->capacity = FIRST_CAPACITY;
    *out = map;
    return VT_OK;
}

void vt_map_free(vt_map *map) {
    if (!map) return;
    for (size_t i = 0; i < map->capacity; i++) free(map->entries[i].key);
    free(map->entries);
    free(map);
}

int64_t vt_map_get(const vt_map *map, const char *key, size_t length) {
    const entry *e = find(map->entries, map->capacity, vt_fnv1a(VT_FNV_OFFSET, key, length), key, length);
    return e->key ? e->value : -1;
}

static vt_status double_capacity(vt_map *map) {
    entry *larger;
    size_t capacity = map->capacity * 2;
    VT_TRY(vt_allocate(&larger, capacity, sizeof *larger, "a map"));
    for (size_t i = 0; i < map->capacity; i++) {
        const entry *e = &map->entries[i];
        if (e->key) *find(larger, capacity, e->hash, e->key, e->length) = *e;
    }
    free(map->entries);
    map->entries = larger;
    map->capacity = capacity;
    return VT_OK;
}

vt_status vt_map_set(vt_map *map, const char *key, size_t length, int64_t value) {
    if (2 * (map->count + 1) > map->capacity) VT_TRY(double_capacity(map));
    uint64_t hash = vt_fnv1a(VT_FNV_OFFSET, key, length);
    entry *e = find(map->entries, map->capacity, hash, key, length);
    if (!e->key) {
        VT_TRY(vt_copy_string_n(key, length, &e->key));
        e->length = length;
        e->hash = hash;
        map->count++;
    }
    e->value = value;
    return VT_OK;
}

size_t vt_map_count(const vt_map *map) {
    return map->count;
}
