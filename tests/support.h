/* What every unit test needs: assertions on vt_status, a folder of its own, and the places of test data. */
#ifndef VT_TESTS_SUPPORT_H
#define VT_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"

/* The call must succeed; its sentence is printed if it does not. */
#define ASSERT_OK(call)                                                                                                        \
    do {                                                                                                                       \
        vt_status ok_ = (call);                                                                                                \
        if (ok_ != VT_OK) fail_msg("%s: status %d: %s", #call, (int)ok_, vt_error_message());                                  \
    } while (0)

/* The call must fail with `code` and a sentence that contains `words`. */
#define ASSERT_FAILS(code, words, call)                                                                                        \
    do {                                                                                                                       \
        vt_status bad_ = (call);                                                                                               \
        if (bad_ != (code))                                                                                                    \
            fail_msg("%s: status %d, expected %d (%s)", #call, (int)bad_, (int)(code),                                         \
                     bad_ ? vt_error_message() : "it succeeded");                                                              \
        if (!strstr(vt_error_message(), (words)))                                                                              \
            fail_msg("%s: '%s' does not contain '%s'", #call, vt_error_message(), (words));                                    \
    } while (0)

/* A folder of this process's own, made at the first call; remove_test_folder() at the end of main. */
static char test_folder_path[64];
static inline const char *test_folder(void) {
    if (!test_folder_path[0]) {
        snprintf(test_folder_path, sizeof test_folder_path, "/tmp/vitrain-test-XXXXXX");
        if (!mkdtemp(test_folder_path)) fail_msg("cannot create %s", test_folder_path);
    }
    return test_folder_path;
}
static inline void remove_test_folder(void) {
    if (test_folder_path[0] && vt_remove_tree(test_folder_path) != VT_OK) fprintf(stderr, "%s\n", vt_error_message());
}

/* "<test folder>/<name>"; one of eight static buffers, in turn. */
static inline const char *test_path(const char *name) {
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder(), name);
    return path;
}

static inline void write_test_file(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Path of a committed golden file. */
static inline const char *golden_path(const char *name) {
    static char path[1024];
    const char *folder = getenv("VITRAIN_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "tests/golden", name);
    return path;
}

/* Path of real data that developers may have beside the checkout, or NULL: then call skip() after a word. */
static inline const char *shared_path(const char *name) {
    static char path[1024];
    const char *folder = getenv("VITRAIN_SHARED_DATA");
    if (!folder) return NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return vt_path_exists(path) ? path : NULL;
}
#define REQUIRE_SHARED(variable, name)                                                                                         \
    const char *variable = shared_path(name);                                                                                  \
    if (!variable) {                                                                                                           \
        print_message("skipped: no real data beside the checkout\n");                                                          \
        skip();                                                                                                                \
    }

#endif
