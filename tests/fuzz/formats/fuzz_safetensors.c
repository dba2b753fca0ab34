/* Any bytes as a safetensors file: every tensor handed out must be readable to its last element. */
#include "formats/safetensors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vt_safetensors *file;
    if (vt_safetensors_parse(data, size, "fuzz", &file) != VT_OK) return 0;
    for (size_t i = 0; i < vt_safetensors_count(file); i++) {
        const vt_tensor *tensor = vt_safetensors_get(file, i);
        volatile uint8_t last = 0;
        size_t bytes = (size_t)tensor->count * vt_dtype_size(tensor->dtype);
        if (bytes > 0) last = ((const uint8_t *)tensor->data)[bytes - 1];
        (void)last;
        if (vt_safetensors_find(file, tensor->name) != tensor) abort();
        float *values = malloc((size_t)tensor->count * sizeof *values + 1);
        if (values && vt_tensor_to_float(tensor, values) != VT_OK) last = 1;
        free(values);
    }
    vt_safetensors_close(file);
    return 0;
}
