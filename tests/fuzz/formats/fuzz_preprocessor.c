/* Any bytes as preprocessor_config.json: what is accepted must be something that images can be prepared by. */
#include "base/file.h"
#include "formats/preprocessor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/vitrain-fuzz-XXXXXX";

static void remove_folder(void) {
    if (vt_remove_tree(folder) != VT_OK) fprintf(stderr, "%s\n", vt_error_message());
}

static void write_input(const uint8_t *data, size_t size) {
    static char path[64];
    if (!path[0]) {
        if (!mkdtemp(folder) || atexit(remove_folder) != 0) abort();
        snprintf(path, sizeof path, "%s/preprocessor_config.json", folder);
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vt_preprocessor read;
    write_input(data, size);
    if (vt_preprocessor_load(folder, &read, NULL) != VT_OK) return 0;
    if (read.height < 1 || read.height > 65535 || read.width < 1 || read.width > 65535 || read.resample > VT_RESAMPLE_HAMMING ||
        !isfinite(read.rescale_factor))
        abort();
    for (int c = 0; c < 3; c++)
        if (!isfinite(read.image_mean[c]) || !isfinite(read.image_std[c]) || !(read.image_std[c] > 0.0f)) abort();
    return 0;
}
