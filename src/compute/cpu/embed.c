/* From pixels to the encoder's input: patches of normalised pixels, class token, position embeddings; and class tokens out of
 * and back into a batch of tokens. */
#include "base/half.h"
#include "compute/cpu/cpu.h"
#include <string.h>

static inline float get(vt_precision precision, const act *from, int64_t index) {
    return precision == VT_PRECISION_BF16 ? vt_bf16_to_float(((const vt_bf16 *)from)[index]) : ((const float *)from)[index];
}

static inline void put(vt_precision precision, act *to, int64_t index, float value) {
    if (precision == VT_PRECISION_BF16)
        ((vt_bf16 *)to)[index] = vt_float_to_bf16(value);
    else
        ((float *)to)[index] = value;
}

vt_status vt_cpu_extract_patches(vt_device *device, vt_precision precision, const uint8_t *pixels, int64_t batch,
                                 int64_t height, int64_t width, int pixel_channels, int channels, int patch_size,
                                 const float scale[3], const float shift[3], act *patches) {
    vt_cpu_device *cpu = vt_cpu(device);
    int64_t down = height / patch_size, across = width / patch_size, area = (int64_t)patch_size * patch_size;
    if (device->rehearsing) return VT_OK;
#pragma omp parallel for schedule(dynamic) num_threads(cpu->threads)
    for (int64_t index = 0; index < batch * down * across; index++) {
        int64_t image = index / (down * across), top = index / across % down * patch_size, left = index % across * patch_size;
        const uint8_t *corner = pixels + ((image * height + top) * width + left) * pixel_channels;
        int64_t to = index * channels * area;
        for (int channel = 0; channel < channels; channel++)
            for (int y = 0; y < patch_size; y++) {
                const uint8_t *row = corner + y * width * pixel_channels + (pixel_channels == 1 ? 0 : channel);
                for (int x = 0; x < patch_size; x++)
                    put(precision, patches, to++, (float)row[x * pixel_channels] * scale[channel] + shift[channel]);
            }
    }
    return VT_OK;
}

vt_status vt_cpu_copy_rows(vt_device *device, vt_precision precision, const act *x, int64_t x_stride, int64_t rows,
                           int64_t columns, act *y, int64_t y_stride) {
    if (device->rehearsing) return VT_OK;
    /* one row per image: not worth a second thread */
    for (int64_t row = 0; row < rows; row++)
        memcpy(vt_act_at(precision, y, row * y_stride), vt_act_at(precision, x, row * x_stride),
               (size_t)columns * vt_act_size(precision));
    return VT_OK;
}

vt_status vt_cpu_embed_tokens_forward(vt_device *device, vt_precision precision, const act *embedded, const float *class_token,
                                      const float *position, int64_t batch, int64_t patches, int64_t hidden, act *x) {
    vt_cpu_device *cpu = vt_cpu(device);
    int64_t tokens = patches + 1;
    if (device->rehearsing) return VT_OK;
#pragma omp parallel for schedule(static) num_threads(cpu->threads)
    for (int64_t row = 0; row < batch * tokens; row++) {
        int64_t image = row / tokens, token = row % tokens, from = (image * patches + token - 1) * hidden;
        const float *place = position + token * hidden;
        for (int64_t i = 0; i < hidden; i++) {
            float value = token ? get(precision, embedded, from + i) : class_token[i];
            put(precision, x, row * hidden + i, value + place[i]);
        }
    }
    return VT_OK;
}

/* A token's gradients are summed over the batch by one thread, in order. */
vt_status vt_cpu_embed_tokens_backward(vt_device *device, vt_precision precision, const act *dx, int64_t batch, int64_t patches,
                                       int64_t hidden, act *dembedded, float *dclass_token, float *dposition) {
    vt_cpu_device *cpu = vt_cpu(device);
    int64_t tokens = patches + 1;
    if (device->rehearsing) return VT_OK;
#pragma omp parallel for schedule(static) num_threads(cpu->threads)
    for (int64_t token = 0; token < tokens; token++)
        for (int64_t image = 0; image < batch; image++) {
            int64_t from = (image * tokens + token) * hidden, to = (image * patches + token - 1) * hidden;
            for (int64_t i = 0; i < hidden; i++) {
                float value = get(precision, dx, from + i);
                dposition[token * hidden + i] += value;
                if (token)
                    put(precision, dembedded, to + i, value);
                else
                    dclass_token[i] += value;
            }
        }
    return VT_OK;
}
