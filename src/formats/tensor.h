/* Sizes of tensors, shared by the reader and the writer of safetensors. */
#ifndef VT_FORMATS_TENSOR_H
#define VT_FORMATS_TENSOR_H

#include "formats/safetensors.h"
#include <stdbool.h>

/* *out = the dtype called `name` ("F32"); false if there is none. */
bool vt_dtype_find(const char *name, vt_dtype *out);

/* *count = the product of shape [rank], *bytes = its size in memory; false if a side is negative or a product
 * exceeds 63 bits. */
bool vt_shape_size(vt_dtype dtype, int rank, const int64_t *shape, int64_t *count, int64_t *bytes);

#endif
