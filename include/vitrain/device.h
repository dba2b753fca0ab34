/* Devices: where a model computes. */
#ifndef VITRAIN_DEVICE_H
#define VITRAIN_DEVICE_H

#include "vitrain/status.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* VT_PRECISION_BF16 keeps master weights, moments, gradients, reductions, softmax and layer-norm statistics in
 * float32; products and activations are bfloat16. */
typedef enum vt_precision { VT_PRECISION_FP32 = 0, VT_PRECISION_BF16 = 1 } vt_precision;

VT_API const char *vt_precision_name(vt_precision precision); /* "fp32", "bf16" */

typedef struct vt_device vt_device;

/* Opens a device by name: "cpu" (all its threads; OMP_NUM_THREADS is honoured). The environment variable VITRAIN_ISA
 * (avx512_amx, avx512_bf16, avx512, avx2, portable) limits the instruction sets used. *out is owned by the caller. */
VT_API vt_status vt_device_open(const char *name, vt_device **out) VT_CHECKED;
VT_API void vt_device_close(vt_device *device); /* NULL allowed */

typedef struct vt_device_info {
    const char *name;      /* "cpu" */
    char description[128]; /* processor model */
    const char *isa;       /* kernels in use: "avx512_amx", "avx512_bf16", "avx512", "avx2", "portable" */
    int threads;
    int native_bf16;     /* computes bfloat16 products natively: bf16 is then the default precision */
    const char *library; /* matrix library and version, such as "oneDNN 2.6.3" */
} vt_device_info;

/* Strings of *info live as long as the device. */
VT_API void vt_device_get_info(const vt_device *device, vt_device_info *info);

#ifdef __cplusplus
}
#endif
#endif
