/* Feeds a parser (LLVMFuzzerTestOneInput) its seeds, each cut at many places and mutated in many ways. The same inputs every
 * time, so that a failure comes back; the input that crashed is left in a file. `clang -fsanitize=fuzzer` can take the place of
 * this file. Usage: fuzz_<format> SEED-FOLDER; VITRAIN_FUZZ_RUNS sets the mutations over all seeds (20000, or as many as
 * ten seconds allow). */
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZE_LIMIT = 1 << 26, CUTS = 2000, DEFAULT_RUNS = 20000, DEFAULT_SECONDS = 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak)); // NOLINT(bugprone-reserved-identifier)

static const uint8_t *current;
static size_t current_size;
static long long inputs;

/* Called while the process dies: only what is safe in a signal handler. */
static void keep_input(void) {
    static const char name[] = "fuzz-crash.input", words[] = "the input that failed is in fuzz-crash.input\n";
    int descriptor = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (descriptor < 0 || write(descriptor, current, current_size) < 0 || write(2, words, sizeof words - 1) < 0) _exit(1);
    close(descriptor);
}

static void on_signal(int number) {
    keep_input();
    signal(number, SIG_DFL);
    raise(number);
}

/* The parser gets memory of exactly the input's size, so that the sanitizer sees every byte read beyond it. */
static vt_status run(const uint8_t *data, size_t size) {
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact) return vt_fail_memory("an input", size);
    if (size) memcpy(exact, data, size);
    current = exact;
    current_size = size;
    LLVMFuzzerTestOneInput(exact, size);
    inputs++;
    free(exact);
    return VT_OK;
}

/* Writes one to four small damages into data [capacity], of which *size bytes are in use. */
static void mutate(vt_random *random, uint8_t *data, size_t *size, size_t capacity) {
    static const uint64_t extremes[] = {
        0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, INT64_MAX, (uint64_t)INT64_MIN, UINT64_MAX};
    static const char interesting[] = "0919-+.eE\"\\{}[]:,;|/\n\r\t \xef\xbb\xbf\xff";
    uint64_t damages = 1 + vt_random_below(random, 4);
    for (uint64_t i = 0; i < damages && *size; i++) {
        size_t at = vt_random_below(random, *size), left = *size - at, length;
        switch (vt_random_below(random, 7)) {
        case 0:
            data[at] ^= (uint8_t)(1u << vt_random_below(random, 8));
            break;
        case 1:
            data[at] = (uint8_t)vt_random_u32(random);
            break;
        case 2:
            data[at] = (uint8_t)interesting[vt_random_below(random, sizeof interesting - 1)];
            break;
        case 3: /* an extreme number of 1, 2, 4 or 8 bytes, little endian */
            length = (size_t)1 << vt_random_below(random, 4);
            memcpy(data + at, &extremes[vt_random_below(random, sizeof extremes / sizeof extremes[0])],
                   length < left ? length : left);
            break;
        case 4: /* bytes removed */
            length = 1 + vt_random_below(random, left < 32 ? left : 32);
            memmove(data + at, data + at + length, left - length);
            *size -= length;
            break;
        case 5: /* bytes from elsewhere */
            length = 1 + vt_random_below(random, left < 32 ? left : 32);
            memmove(data + at, data + vt_random_below(random, *size - length + 1), length);
            break;
        default: /* bytes repeated */
            length = 1 + vt_random_below(random, left < 32 ? left : 32);
            if (*size + length > capacity) break;
            memmove(data + at + length, data + at, left);
            *size += length;
        }
    }
}

/* All cuts of a seed (of a large one, evenly spread), then `runs` mutations or as many as end before `deadline`. */
static vt_status feed(const char *path, uint64_t seed_index, int runs, double deadline) {
    uint8_t *data, *changed;
    size_t size, capacity;
    VT_TRY(vt_read_file(path, SIZE_LIMIT, &data, &size));
    capacity = size + 256;
    vt_status status = vt_allocate(&changed, capacity, 1, "an input");
    if (status == VT_OK) status = run(data, size);
    for (size_t cut = 0; status == VT_OK && cut < CUTS && cut < size && vt_now() < deadline; cut++)
        status = run(data, size <= CUTS ? cut : cut * size / CUTS);
    for (int i = 0; status == VT_OK && i < runs && vt_now() < deadline; i++) {
        vt_random random = vt_random_stream(0, VT_PURPOSE_TEST, (uint32_t)seed_index, (uint64_t)i);
        size_t changed_size = size;
        memcpy(changed, data, size);
        mutate(&random, changed, &changed_size, capacity);
        status = run(changed, changed_size);
    }
    free(changed);
    free(data);
    return status;
}

int main(int argc, char **argv) {
    const char *asked = getenv("VITRAIN_FUZZ_RUNS");
    int runs = asked ? atoi(asked) : DEFAULT_RUNS;
    double started = vt_now(), seconds = asked ? 1e9 : DEFAULT_SECONDS;
    vt_strings names = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: %s SEED-FOLDER\n", argv[0]);
        return 2;
    }
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(keep_input);
    else
        for (size_t i = 0; i < 4; i++) signal((const int[]){SIGSEGV, SIGBUS, SIGFPE, SIGABRT}[i], on_signal);
    vt_status status = vt_list_folder(argv[1], &names);
    if (status == VT_OK && names.count == 0) status = vt_fail(VT_ERROR_INPUT, "%s: there are no seeds", argv[1]);
    for (size_t i = 0; status == VT_OK && i < names.count; i++) {
        char *path = NULL;
        status = vt_join(argv[1], names.items[i], &path);
        double deadline = started + seconds * (double)(i + 1) / (double)names.count;
        if (status == VT_OK) status = feed(path, i, runs / (int)names.count + 1, deadline);
        free(path);
    }
    printf("%s: %lld inputs from %zu seeds in %.1f s\n", argv[1], inputs, names.count, vt_now() - started);
    vt_strings_free(&names);
    if (status != VT_OK) fprintf(stderr, "%s\n", vt_error_message());
    return status != VT_OK;
}
