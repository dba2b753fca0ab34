/* Element types of tensors: their names, their sizes, and what they are as float32. */
#include "formats/tensor.h"

#include "base/half.h"

#include <math.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors and Arrow files are mapped as they are");

static const struct {
    const char *name;
    size_t size;
} DTYPES[] = {
    [VT_DTYPE_F64] = {"F64", 8},   [VT_DTYPE_F32] = {"F32", 4}, [VT_DTYPE_F16] = {"F16", 2}, [VT_DTYPE_BF16] = {"BF16", 2},
    [VT_DTYPE_I64] = {"I64", 8},   [VT_DTYPE_I32] = {"I32", 4}, [VT_DTYPE_I16] = {"I16", 2}, [VT_DTYPE_I8] = {"I8", 1},
    [VT_DTYPE_U64] = {"U64", 8},   [VT_DTYPE_U32] = {"U32", 4}, [VT_DTYPE_U16] = {"U16", 2}, [VT_DTYPE_U8] = {"U8", 1},
    [VT_DTYPE_BOOL] = {"BOOL", 1},
};

const char *vt_dtype_name(vt_dtype dtype) {
    return DTYPES[dtype].name;
}
size_t vt_dtype_size(vt_dtype dtype) {
    return DTYPES[dtype].size;
}

bool vt_dtype_find(const char *name, vt_dtype *out) {
    for (size_t i = 0; i < sizeof DTYPES / sizeof DTYPES[0]; i++) {
        if (strcmp(DTYPES[i].name, name) != 0) continue;
        *out = (vt_dtype)i;
        return true;
    }
    return false;
}

bool vt_shape_size(vt_dtype dtype, int rank, const int64_t *shape, int64_t *count, int64_t *bytes) {
    *count = 1;
    for (int i = 0; i < rank; i++)
        if (shape[i] < 0 || __builtin_mul_overflow(*count, shape[i], count)) return false;
    return !__builtin_mul_overflow(*count, (int64_t)vt_dtype_size(dtype), bytes);
}

/* The place of the first NaN or infinity, which alone have all exponent bits set; `count` if there is none. */
static size_t finite_length(const float *values, size_t count) {
    const uint32_t exponent = 0x7f800000;
    enum { BLOCK = 1024 };
    for (size_t first = 0; first < count; first += BLOCK) {
        size_t end = count - first < BLOCK ? count : first + BLOCK;
        int found = 0;
        for (size_t i = first; i < end; i++) {
            uint32_t bits;
            memcpy(&bits, &values[i], sizeof bits);
            found |= (bits & exponent) == exponent;
        }
        if (!found) continue;
        while (isfinite(values[first])) first++;
        return first;
    }
    return count;
}

static vt_status convert(const vt_tensor *tensor, float *out) {
    const uint8_t *in = tensor->data;
    size_t count = (size_t)tensor->count, size = vt_dtype_size(tensor->dtype);
    uint16_t half;
    double wide;
    switch (tensor->dtype) {
    case VT_DTYPE_F32:
        if (count > 0) memcpy(out, in, count * size);
        return VT_OK;
    case VT_DTYPE_F16:
        for (size_t i = 0; i < count; i++) {
            memcpy(&half, in + i * size, size);
            out[i] = vt_f16_to_float(half);
        }
        return VT_OK;
    case VT_DTYPE_BF16:
        for (size_t i = 0; i < count; i++) {
            memcpy(&half, in + i * size, size);
            out[i] = vt_bf16_to_float(half);
        }
        return VT_OK;
    case VT_DTYPE_F64:
        for (size_t i = 0; i < count; i++) {
            memcpy(&wide, in + i * size, size);
            out[i] = (float)wide;
        }
        return VT_OK;
    default:
        return vt_fail(VT_ERROR_INPUT, "tensor '%s' has dtype %s, expected F32, F16, BF16 or F64", tensor->name,
                       vt_dtype_name(tensor->dtype));
    }
}

vt_status vt_tensor_to_float(const vt_tensor *tensor, float *out) {
    VT_TRY(convert(tensor, out));
    size_t place = finite_length(out, (size_t)tensor->count);
    if (place == (size_t)tensor->count) return VT_OK;
    return vt_fail(VT_ERROR_INPUT, "tensor '%s': element %zu is %g, expected finite numbers", tensor->name, place,
                   (double)out[place]);
}
