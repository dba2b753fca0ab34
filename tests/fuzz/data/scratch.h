/* A scratch folder for fuzzers of things that consist of several files; removed when the fuzzer ends. */
#ifndef VT_TESTS_FUZZ_DATA_SCRATCH_H
#define VT_TESTS_FUZZ_DATA_SCRATCH_H

#include "base/file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch[64];

static inline void remove_scratch(void) {
    if (vt_remove_tree(scratch) != VT_OK) fprintf(stderr, "%s\n", vt_error_message());
}

/* The path of a file in the scratch folder, or of the folder itself. Valid until the next call. */
static inline const char *scratch_path(const char *name) {
    static char path[256];
    if (!*scratch) {
        const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* there syncing a file costs nothing */
        snprintf(scratch, sizeof scratch, "%s/vitrain-fuzz-XXXXXX", memory);
        if (!mkdtemp(scratch) || atexit(remove_scratch) != 0) abort();
    }
    snprintf(path, sizeof path, "%s%s%s", scratch, *name ? "/" : "", name);
    return path;
}

static inline void write_scratch(const char *name, const uint8_t *data, size_t size) {
    FILE *file = fopen(scratch_path(name), "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) abort();
}

#endif
