/* Writing safetensors: a compact JSON header padded to eight bytes, then the tensors' bytes in the order given. */
#include "base/file.h"
#include "base/json.h"
#include "formats/safetensors.h"
#include "formats/tensor.h"

#include <stdlib.h>
#include <string.h>

static vt_status out_of_memory(const char *path) {
    return vt_fail(VT_ERROR_MEMORY, "%s: not enough memory for the header", path);
}

/* header["__metadata__"] = {"format": "pt", keys[i]: values[i], ...} */
static vt_status add_metadata(json_t *header, const char *path, const char *const *keys, const char *const *values,
                              size_t pairs) {
    json_t *metadata = json_object();
    if (json_object_set_new(header, "__metadata__", metadata) != 0 ||
        json_object_set_new(metadata, "format", json_string("pt")) != 0)
        return out_of_memory(path);
    for (size_t i = 0; i < pairs; i++)
        if (json_object_set_new(metadata, keys[i], json_string(values[i])) != 0)
            return vt_fail(VT_ERROR_USAGE, "%s: metadata '%s' is not valid UTF-8", path, keys[i]);
    return VT_OK;
}

/* header[tensor.name] = {"dtype", "shape", "data_offsets"}; *end moves past the tensor's bytes. */
static vt_status add_entry(json_t *header, const char *path, const vt_tensor *tensor, int64_t *end) {
    int64_t count, bytes, begin = *end;
    if (tensor->rank < 0 || tensor->rank > VT_TENSOR_MAX_RANK ||
        !vt_shape_size(tensor->dtype, tensor->rank, tensor->shape, &count, &bytes) || count != tensor->count ||
        __builtin_add_overflow(begin, bytes, end))
        return vt_fail(VT_ERROR_USAGE, "%s: tensor '%s' has an impossible shape", path, tensor->name);
    if (json_object_get(header, tensor->name))
        return vt_fail(VT_ERROR_USAGE, "%s: two tensors are called '%s'", path, tensor->name);
    json_t *shape = json_array();
    for (int i = 0; i < tensor->rank; i++)
        if (json_array_append_new(shape, json_integer(tensor->shape[i])) != 0) break;
    if (json_array_size(shape) != (size_t)tensor->rank) {
        json_decref(shape);
        return out_of_memory(path);
    }
    json_t *entry = json_pack("{s:s, s:o, s:[I,I]}", "dtype", vt_dtype_name(tensor->dtype), "shape", shape, "data_offsets",
                              (json_int_t)begin, (json_int_t)*end);
    if (!entry) return out_of_memory(path);
    if (json_object_set_new(header, tensor->name, entry) != 0)
        return vt_fail(VT_ERROR_USAGE, "%s: the tensor name '%s' is not valid UTF-8", path, tensor->name);
    return VT_OK;
}

static vt_status write_header(vt_writer *writer, const char *path, const json_t *header) {
    char *text = json_dumps(header, JSON_COMPACT);
    if (!text) return out_of_memory(path);
    uint64_t length = strlen(text), padding = (8 - length % 8) % 8, total = length + padding;
    vt_status status = vt_writer_write(writer, &total, sizeof total);
    if (status == VT_OK) status = vt_writer_write(writer, text, length);
    if (status == VT_OK) status = vt_writer_write(writer, "       ", padding);
    free(text);
    return status;
}

vt_status vt_safetensors_write(const char *path, const vt_tensor *tensors, size_t count, const char *const *keys,
                               const char *const *values, size_t pairs, uint32_t *crc) {
    vt_writer *writer = NULL;
    vt_status status = VT_OK;
    int64_t end = 0;
    json_t *header = json_object();
    if (!header) return out_of_memory(path);
    VT_TRY_GOTO(add_metadata(header, path, keys, values, pairs));
    for (size_t i = 0; i < count; i++) VT_TRY_GOTO(add_entry(header, path, &tensors[i], &end));
    VT_TRY_GOTO(vt_writer_open(path, &writer));
    VT_TRY_GOTO(write_header(writer, path, header));
    for (size_t i = 0; i < count; i++)
        VT_TRY_GOTO(vt_writer_write(writer, tensors[i].data, (size_t)tensors[i].count * vt_dtype_size(tensors[i].dtype)));
    if (crc) *crc = vt_writer_crc32(writer);
    status = vt_writer_commit(writer);
    writer = NULL;
done:
    vt_writer_discard(writer);
    json_decref(header);
    return status;
}
