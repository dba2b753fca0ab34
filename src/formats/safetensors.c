/* Reading safetensors: one file, or the shards of a model as one. Everything a header says is checked against the
 * file before a tensor is handed out; a tensor's data stays where the file is mapped. */
#include "formats/safetensors.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "formats/tensor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of JSON in a header or an index: far more than a model needs, and it takes some fifty times as much memory. */
static const uint64_t JSON_LIMIT = 10000000;

/* One file; its JSON owns the names of its tensors. */
typedef struct shard {
    char *path;
    vt_mapping mapping; /* empty if the bytes are the caller's */
    json_t *header;
} shard;

struct vt_safetensors {
    shard *shards;
    size_t shard_count, shard_capacity;
    vt_tensor *tensors; /* by name */
    size_t count, capacity;
};

/* --- one tensor of a header --- */

static vt_status read_shape(const json_t *list, const char *path, vt_tensor *tensor) {
    if (!json_is_array(list) || json_array_size(list) > VT_TENSOR_MAX_RANK)
        return vt_fail(VT_ERROR_INPUT, "%s: tensor '%s': 'shape' is not a list of at most %d integers", path, tensor->name,
                       VT_TENSOR_MAX_RANK);
    tensor->rank = (int)json_array_size(list);
    for (int i = 0; i < tensor->rank; i++) {
        const json_t *side = json_array_get(list, (size_t)i);
        if (!json_is_integer(side) || json_integer_value(side) < 0)
            return vt_fail(VT_ERROR_INPUT, "%s: tensor '%s': 'shape' holds something other than integers from 0", path,
                           tensor->name);
        tensor->shape[i] = json_integer_value(side);
    }
    return VT_OK;
}

/* data [size] are the bytes behind the header. */
static vt_status read_tensor(const json_t *entry, const char *path, const uint8_t *data, size_t size, vt_tensor *tensor) {
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!dtype) return vt_fail(VT_ERROR_INPUT, "%s: tensor '%s' has no 'dtype'", path, tensor->name);
    if (!vt_dtype_find(dtype, &tensor->dtype))
        return vt_fail(VT_ERROR_INPUT, "%s: tensor '%s': dtype '%s' is not one that can be read", path, tensor->name, dtype);
    VT_TRY(read_shape(json_object_get(entry, "shape"), path, tensor));

    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return vt_fail(VT_ERROR_INPUT, "%s: tensor '%s': 'data_offsets' is not a list of two integers", path, tensor->name);
    int64_t begin = json_integer_value(first), end = json_integer_value(last), bytes;
    if (begin < 0 || end < begin || (uint64_t)end > size)
        return vt_fail(VT_ERROR_INPUT,
                       "%s: tensor '%s': data_offsets [%" PRId64 ", %" PRId64
                       "] do not lie within the %zu data bytes of the file",
                       path, tensor->name, begin, end, size);
    if (!vt_shape_size(tensor->dtype, tensor->rank, tensor->shape, &tensor->count, &bytes))
        return vt_fail(VT_ERROR_INPUT, "%s: tensor '%s': its shape has more elements than 63 bits can count", path,
                       tensor->name);
    if (end - begin != bytes)
        return vt_fail(VT_ERROR_INPUT,
                       "%s: tensor '%s': data_offsets span %" PRId64 " bytes, its shape and dtype need %" PRId64, path,
                       tensor->name, end - begin, bytes);
    tensor->data = data + begin;
    return VT_OK;
}

/* --- one file --- */

/* The JSON header of data [size]; *body is where the tensors' bytes begin. */
static vt_status read_header(const uint8_t *data, size_t size, const char *path, json_t **header, size_t *body) {
    uint64_t length;
    if (size < sizeof length)
        return vt_fail(VT_ERROR_INPUT, "%s: has %zu bytes, a safetensors file has at least 8", path, size);
    memcpy(&length, data, sizeof length);
    if (length > size - sizeof length)
        return vt_fail(VT_ERROR_INPUT, "%s: the header is said to have %" PRIu64 " bytes, the file has %zu; is it cut off?",
                       path, length, size);
    if (length > JSON_LIMIT)
        return vt_fail(VT_ERROR_INPUT, "%s: the header has %" PRIu64 " bytes, expected at most %" PRIu64, path, length,
                       JSON_LIMIT);
    VT_TRY(vt_json_parse((const char *)data + sizeof length, (size_t)length, path, header));
    *body = sizeof length + (size_t)length;
    return VT_OK;
}

static vt_status check_metadata(const json_t *header, const char *path) {
    json_t *metadata = json_object_get(header, "__metadata__");
    if (!metadata) return VT_OK;
    if (!json_is_object(metadata)) return vt_fail(VT_ERROR_INPUT, "%s: '__metadata__' is not an object", path);
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value))
            return vt_fail(VT_ERROR_INPUT, "%s: '__metadata__': the value of '%s' is not a string", path, key);
    }
    return VT_OK;
}

static size_t byte_size(const vt_tensor *tensor) {
    return (size_t)tensor->count * vt_dtype_size(tensor->dtype);
}

static int by_place(const void *left, const void *right) {
    const vt_tensor *a = left, *b = right;
    uintptr_t begin_a = (uintptr_t)a->data, begin_b = (uintptr_t)b->data;
    if (begin_a != begin_b) return begin_a < begin_b ? -1 : 1;
    size_t size_a = byte_size(a), size_b = byte_size(b);
    return (size_a > size_b) - (size_a < size_b);
}

static int by_name(const void *left, const void *right) {
    return strcmp(((const vt_tensor *)left)->name, ((const vt_tensor *)right)->name);
}

/* The tensors must fill data [size] from end to end, none sharing a byte with another. Leaves them by place. */
static vt_status check_places(vt_tensor *tensors, size_t count, const uint8_t *data, size_t size, const char *path) {
    if (count > 0) qsort(tensors, count, sizeof *tensors, by_place);
    size_t filled = 0;
    for (size_t i = 0; i < count; i++) {
        size_t begin = (size_t)((const uint8_t *)tensors[i].data - data);
        if (begin < filled)
            return vt_fail(VT_ERROR_INPUT, "%s: tensors '%s' and '%s' overlap", path, tensors[i - 1].name, tensors[i].name);
        if (begin > filled)
            return vt_fail(VT_ERROR_INPUT, "%s: %zu bytes before tensor '%s' belong to no tensor", path, begin - filled,
                           tensors[i].name);
        filled += byte_size(&tensors[i]);
    }
    if (filled != size) return vt_fail(VT_ERROR_INPUT, "%s: the last %zu bytes belong to no tensor", path, size - filled);
    return VT_OK;
}

/* Adds the tensors of data [size] to `file`; the header's JSON stays with the last shard. */
static vt_status add_tensors(vt_safetensors *file, const uint8_t *data, size_t size) {
    shard *from = &file->shards[file->shard_count - 1];
    size_t body = 0, first = file->count;
    VT_TRY(read_header(data, size, from->path, &from->header, &body));
    VT_TRY(check_metadata(from->header, from->path));
    VT_TRY(vt_grow(&file->tensors, &file->capacity, first + json_object_size(from->header) + 1, sizeof *file->tensors,
                   "the tensors of a model"));
    const char *name;
    json_t *entry;
    json_object_foreach(from->header, name, entry) {
        if (strcmp(name, "__metadata__") == 0) continue;
        vt_tensor tensor = {.name = name};
        VT_TRY(read_tensor(entry, from->path, data + body, size - body, &tensor));
        file->tensors[file->count++] = tensor;
    }
    return check_places(file->tensors + first, file->count - first, data + body, size - body, from->path);
}

static vt_status add_shard(vt_safetensors *file, const char *path) {
    VT_TRY(vt_grow(&file->shards, &file->shard_capacity, file->shard_count + 1, sizeof *file->shards, "a model's files"));
    shard *added = &file->shards[file->shard_count];
    *added = (shard){0};
    VT_TRY(vt_copy_string(path, &added->path));
    file->shard_count++;
    return VT_OK;
}

static vt_status add_file(vt_safetensors *file, const char *path) {
    VT_TRY(add_shard(file, path));
    vt_mapping *mapping = &file->shards[file->shard_count - 1].mapping;
    VT_TRY(vt_map_file(path, mapping));
    return add_tensors(file, mapping->data, mapping->size);
}

static void sort_by_name(vt_safetensors *file) {
    if (file->count > 0) qsort(file->tensors, file->count, sizeof *file->tensors, by_name);
}

/* Hands `file` over if all went well, else closes it. */
static vt_status finish(vt_status status, vt_safetensors *file, vt_safetensors **out) {
    if (status == VT_OK) {
        *out = file;
        sort_by_name(file);
    } else {
        vt_safetensors_close(file);
    }
    return status;
}

vt_status vt_safetensors_open(const char *path, vt_safetensors **out) {
    vt_safetensors *file = NULL;
    *out = NULL;
    VT_TRY(vt_allocate(&file, 1, sizeof *file, "a safetensors file"));
    return finish(add_file(file, path), file, out);
}

vt_status vt_safetensors_parse(const void *data, size_t size, const char *name, vt_safetensors **out) {
    vt_safetensors *file = NULL;
    *out = NULL;
    VT_TRY(vt_allocate(&file, 1, sizeof *file, "a safetensors file"));
    vt_status status = add_shard(file, name);
    if (status == VT_OK) status = add_tensors(file, data, size);
    return finish(status, file, out);
}

void vt_safetensors_close(vt_safetensors *file) {
    if (!file) return;
    for (size_t i = 0; i < file->shard_count; i++) {
        vt_unmap_file(&file->shards[i].mapping);
        json_decref(file->shards[i].header);
        free(file->shards[i].path);
    }
    free(file->shards);
    free(file->tensors);
    free(file);
}

/* --- a model in several files --- */

/* The distinct files of "weight_map", sorted. A name that leads out of the folder is refused. */
static vt_status list_shards(json_t *weight_map, const char *index_path, vt_strings *names) {
    vt_map *seen = NULL;
    VT_TRY(vt_map_create(&seen));
    vt_status status = VT_OK;
    const char *tensor;
    json_t *value;
    json_object_foreach(weight_map, tensor, value) {
        const char *name = json_is_string(value) ? json_string_value(value) : "";
        if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            VT_TRY_GOTO(vt_fail(VT_ERROR_INPUT, "%s: tensor '%s' is placed in '%s', expected the name of a file beside it",
                                index_path, tensor, name));
        if (vt_map_get(seen, name, strlen(name)) >= 0) continue;
        VT_TRY_GOTO(vt_map_set(seen, name, strlen(name), 0));
        VT_TRY_GOTO(vt_strings_add(names, name, strlen(name)));
    }
    vt_strings_sort(names);
done:
    vt_map_free(seen);
    return status;
}

/* Every tensor of the last shard must be one that the index places there. */
static vt_status check_shard(const vt_safetensors *file, size_t first, const json_t *weight_map, const char *name,
                             const char *index_path) {
    for (size_t i = first; i < file->count; i++) {
        const char *place = json_string_value(json_object_get(weight_map, file->tensors[i].name));
        if (!place || strcmp(place, name) != 0)
            return vt_fail(VT_ERROR_INPUT, "%s: '%s' holds tensor '%s', which the index does not place there", index_path, name,
                           file->tensors[i].name);
    }
    return VT_OK;
}

static vt_status add_shards(vt_safetensors *file, const char *folder, json_t *weight_map, const vt_strings *names,
                            const char *index_path) {
    for (size_t i = 0; i < names->count; i++) {
        char *path = NULL;
        size_t first = file->count;
        VT_TRY(vt_join(folder, names->items[i], &path));
        vt_status status = add_file(file, path);
        free(path);
        VT_TRY(status);
        VT_TRY(check_shard(file, first, weight_map, names->items[i], index_path));
    }
    sort_by_name(file);
    const char *tensor;
    json_t *place;
    json_object_foreach(weight_map, tensor, place) {
        if (!vt_safetensors_find(file, tensor))
            return vt_fail(VT_ERROR_INPUT, "%s: tensor '%s' is not in '%s', where the index places it", index_path, tensor,
                           json_string_value(place));
    }
    return VT_OK;
}

static vt_status add_model(vt_safetensors *file, const char *folder, const char *index_path) {
    json_t *index = NULL;
    vt_strings names = {0};
    uint64_t size = 0;
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_file_size(index_path, &size));
    if (size > JSON_LIMIT)
        VT_TRY_GOTO(
            vt_fail(VT_ERROR_INPUT, "%s: has %" PRIu64 " bytes, expected at most %" PRIu64, index_path, size, JSON_LIMIT));
    VT_TRY_GOTO(vt_json_load(index_path, &index));
    json_t *weight_map = json_object_get(index, "weight_map");
    if (!json_is_object(weight_map) || json_object_size(weight_map) == 0)
        VT_TRY_GOTO(vt_fail(VT_ERROR_INPUT, "%s: has no 'weight_map' that places tensors in files", index_path));
    VT_TRY_GOTO(list_shards(weight_map, index_path, &names));
    status = add_shards(file, folder, weight_map, &names, index_path);
done:
    vt_strings_free(&names);
    json_decref(index);
    return status;
}

vt_status vt_safetensors_open_model(const char *folder, vt_safetensors **out) {
    char *path = NULL, *index_path = NULL;
    vt_safetensors *file = NULL;
    vt_status status = VT_OK;
    *out = NULL;
    VT_TRY_GOTO(vt_join(folder, "model.safetensors", &path));
    VT_TRY_GOTO(vt_join(folder, "model.safetensors.index.json", &index_path));
    VT_TRY_GOTO(vt_allocate(&file, 1, sizeof *file, "a safetensors file"));
    if (vt_path_exists(path))
        status = add_file(file, path);
    else if (vt_path_exists(index_path))
        status = add_model(file, folder, index_path);
    else
        status = vt_fail(VT_ERROR_IO, "%s: holds neither model.safetensors nor model.safetensors.index.json", folder);
    status = finish(status, file, out);
done:
    free(index_path);
    free(path);
    return status;
}

/* --- looking at it --- */

size_t vt_safetensors_count(const vt_safetensors *file) {
    return file->count;
}
const vt_tensor *vt_safetensors_get(const vt_safetensors *file, size_t index) {
    return &file->tensors[index];
}

const vt_tensor *vt_safetensors_find(const vt_safetensors *file, const char *name) {
    vt_tensor key = {.name = name};
    return file->count > 0 ? bsearch(&key, file->tensors, file->count, sizeof key, by_name) : NULL;
}

const char *vt_safetensors_metadata(const vt_safetensors *file, const char *key) {
    for (size_t i = 0; i < file->shard_count; i++) {
        const char *value = json_string_value(json_object_get(json_object_get(file->shards[i].header, "__metadata__"), key));
        if (value) return value;
    }
    return NULL;
}
