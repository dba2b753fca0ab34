/* Weight and bias gradients of bfloat16 linear layers on the processor's own tiles, where its kernels have them: a block of
 * rows is packed once for all, then strips of the gradient are dealt out to threads. */
#include "compute/cpu/cpu.h"
#include <omp.h>

enum { SIZE_STEP = 32 };

int vt_cpu_has_weight_gradient(const vt_cpu_device *device, int64_t in, int64_t out) {
    return device->kernels->weight_gradient && in % SIZE_STEP == 0 && out % SIZE_STEP == 0;
}

/* Rows of the gradient that one thread computes: wide strips read the packed block less often. */
static int64_t strip_of(int64_t out) {
    return out % (2 * SIZE_STEP) == 0 && out >= 512 ? 2 * SIZE_STEP : SIZE_STEP;
}

/* Rows of a block: more for gradients that are large beside the caches, because every block reads and writes them all. */
static int64_t block_of(int64_t in, int64_t out) {
    return in * out > 1 << 18 ? 1024 : 512;
}

vt_status vt_cpu_weight_gradient(vt_cpu_device *device, const vt_bf16 *x, const vt_bf16 *dy, int64_t rows, int64_t in,
                                 int64_t out, float *dweight, float *dbias) {
    const vt_kernels *kernels = device->kernels;
    int64_t strip = strip_of(out), block = block_of(in, out);
    VT_TRY(vt_cpu_reserve(device, (size_t)(strip * block) * sizeof(vt_bf16)));
    VT_TRY(vt_cpu_reserve_shared(device, (size_t)((in + out) * block) * sizeof(vt_bf16)));
    if (device->base.rehearsing) return VT_OK;
    vt_bf16 *x_panels = device->shared, *dy_panels = x_panels + in * block;
#pragma omp parallel num_threads(device->threads)
    for (int64_t first = 0; first < rows; first += block) {
        int64_t count = vt_min64(block, rows - first), padded = (count + SIZE_STEP - 1) / SIZE_STEP * SIZE_STEP;
#pragma omp for schedule(dynamic)
        for (int64_t row = 0; row < count; row += SIZE_STEP) {
            int64_t some = vt_min64(SIZE_STEP, count - row);
            kernels->pair_panels(x + (first + row) * in, some, in, x_panels + row * SIZE_STEP, padded);
            kernels->pair_panels(dy + (first + row) * out, some, out, dy_panels + row * SIZE_STEP, padded);
        }
#pragma omp for schedule(dynamic)
        for (int64_t at = 0; at < out; at += strip)
            kernels->weight_gradient(dy_panels + at * padded, x_panels, padded, strip, in, dweight + at * in,
                                     dbias ? dbias + at : NULL, device->thread[omp_get_thread_num()].scratch);
    }
    return VT_OK;
}
