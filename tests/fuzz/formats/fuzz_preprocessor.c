/* Any bytes as preprocessor_config.json: what is accepted must be something that images can be prepared by. */
#include "formats/preprocessor.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vt_preprocessor read;
    if (vt_preprocessor_parse(data, size, "fuzz", &read) != VT_OK) return 0;
    if (read.height < 1 || read.height > 65535 || read.width < 1 || read.width > 65535 || read.resample > VT_RESAMPLE_HAMMING ||
        !isfinite(read.rescale_factor))
        abort();
    for (int c = 0; c < 3; c++)
        if (!isfinite(read.image_mean[c]) || !isfinite(read.image_std[c]) || !(read.image_std[c] > 0.0f)) abort();
    return 0;
}
