/* config.json from any bytes: a configuration that passes its own check, or a sentence. */
#include "model/config.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vt_vit_config config;
    if (vt_config_parse((const char *)data, size, "fuzz", &config) != VT_OK) return 0;
    if (vt_config_check(&config, "fuzz") != VT_OK || config.num_labels < 1) abort();
    vt_config_free_labels(&config);
    return 0;
}
