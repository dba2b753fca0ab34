/* A data set saved by `datasets`, of one split: dataset_info.json, a NUL byte, state.json, a NUL byte, its Arrow file. It is
 * opened, its images are decoded, and it is checked, as `vitrain check` does. */
#include "scratch.h"

#include "vitrain/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes what stands before the next NUL byte into a file; moves *data [*size] past it. */
static void split_off(const char *file, const uint8_t **data, size_t *size) {
    const uint8_t *end = *size ? memchr(*data, 0, *size) : NULL;
    size_t length = end ? (size_t)(end - *data) : *size, taken = end ? length + 1 : length;
    write_scratch(file, *data, length);
    *data += taken;
    *size -= taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vt_check_options options;
    vt_check *check;
    char *text;
    split_off("dataset_info.json", &data, &size);
    split_off("state.json", &data, &size);
    write_scratch("data-00000-of-00001.arrow", data, size);
    vt_check_options_init(&options);
    options.data = scratch_path("");
    options.threads = 1;
    if (vt_check_run(&options, NULL, &check) != VT_OK) {
        if (check || !vt_error_message()[0]) abort();
        return 0;
    }
    if (vt_check_json(check, &text) != VT_OK) abort();
    free(text);
    vt_check_free(check);
    return 0;
}
