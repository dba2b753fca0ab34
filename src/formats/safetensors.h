/* safetensors: named tensors in one file, read by mapping, written atomically.
 *
 * Format: u64 little-endian header length, a JSON object {name: {dtype, shape, data_offsets}, "__metadata__": {...}},
 * then the bytes. Reading checks everything (lengths, overlaps, gaps, element counts, alignment of use) before any tensor
 * is handed out. A model sharded over several files is opened through its index. */
#ifndef VT_FORMATS_SAFETENSORS_H
#define VT_FORMATS_SAFETENSORS_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

#define VT_TENSOR_MAX_RANK 8

typedef enum vt_dtype {
    VT_DTYPE_F64,
    VT_DTYPE_F32,
    VT_DTYPE_F16,
    VT_DTYPE_BF16,
    VT_DTYPE_I64,
    VT_DTYPE_I32,
    VT_DTYPE_I16,
    VT_DTYPE_I8,
    VT_DTYPE_U64,
    VT_DTYPE_U32,
    VT_DTYPE_U16,
    VT_DTYPE_U8,
    VT_DTYPE_BOOL
} vt_dtype;

const char *vt_dtype_name(vt_dtype dtype); /* "F32" */
size_t vt_dtype_size(vt_dtype dtype);      /* bytes per element */

typedef struct vt_tensor {
    const char *name;
    vt_dtype dtype;
    int rank;
    int64_t shape[VT_TENSOR_MAX_RANK];
    int64_t count;    /* elements: the product of shape */
    const void *data; /* may be unaligned when read from a file */
} vt_tensor;

typedef struct vt_safetensors vt_safetensors;

/* Opens one file. Tensors and strings live until close. */
vt_status vt_safetensors_open(const char *path, vt_safetensors **out) VT_CHECKED;
/* Opens the model in a folder: model.safetensors, or the shards of model.safetensors.index.json as one. */
vt_status vt_safetensors_open_model(const char *folder, vt_safetensors **out) VT_CHECKED;
/* Parses bytes in memory (for tests and fuzzing); `data` must outlive the result. */
vt_status vt_safetensors_parse(const void *data, size_t size, const char *name, vt_safetensors **out) VT_CHECKED;
void vt_safetensors_close(vt_safetensors *file); /* NULL allowed */

size_t vt_safetensors_count(const vt_safetensors *file);
const vt_tensor *vt_safetensors_get(const vt_safetensors *file, size_t index);      /* in name order */
const vt_tensor *vt_safetensors_find(const vt_safetensors *file, const char *name); /* NULL if absent */
const char *vt_safetensors_metadata(const vt_safetensors *file, const char *key);   /* NULL if absent */

/* out [count] = the tensor's elements as float32, from F32, F16, BF16 or F64; other dtypes, NaN and
 * infinities are VT_ERROR_INPUT. */
vt_status vt_tensor_to_float(const vt_tensor *tensor, float *out) VT_CHECKED;

/* Writes tensors [count] atomically, in the given order, with the metadata pair {"format": "pt"} that
 * `transformers` asks for, and further pairs keys[i] -> values[i]. crc (NULL allowed) receives the CRC-32 of the file. */
vt_status vt_safetensors_write(const char *path, const vt_tensor *tensors, size_t count, const char *const *keys,
                               const char *const *values, size_t pairs, uint32_t *crc) VT_CHECKED;

#endif
