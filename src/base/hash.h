/* FNV-1a, 64 bits (Fowler, Noll, Vo): quick, the same everywhere, and no protection against anybody. */
#ifndef VT_BASE_HASH_H
#define VT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define VT_FNV_OFFSET 0xcbf29ce484222325u
#define VT_FNV_PRIME  0x100000001b3u

/* Continues `hash` over the bytes; begin with VT_FNV_OFFSET. */
static inline uint64_t vt_fnv1a(uint64_t hash, const void *data, size_t size) {
    const uint8_t *bytes = (const uint8_t *)data;
    for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * VT_FNV_PRIME;
    return hash;
}

#endif
