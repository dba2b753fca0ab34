/* The memory that a model would take: it is placed on a device that counts and takes none. */
#include "model/vit.h"

void vt_memory_options_init(vt_memory_options *options, const vt_device *device) {
    vt_device_info info = {0};
    if (device) vt_device_get_info(device, &info);
    *options = (vt_memory_options){.precision = info.native_bf16 ? VT_PRECISION_BF16 : VT_PRECISION_FP32,
                                   .batch_size = 32,
                                   .pixel_channels = 1,
                                   .train = 1};
}

vt_status vt_model_plan_memory(vt_device *device, const vt_model *model, const vt_memory_options *options,
                               vt_memory_plan *out) {
    vt_vit_options placement = {.precision = options->precision,
                                .max_batch = options->batch_size,
                                .pixel_channels = options->pixel_channels,
                                .train = options->train,
                                .recompute = options->train && options->gradient_checkpointing};
    vt_device *counting;
    vt_vit *vit;
    VT_TRY(device->ops->describe(device, &counting));
    vt_status status = vt_vit_create(counting, model, &placement, &vit);
    if (status == VT_OK) {
        *out = vt_vit_memory(vit);
        vt_vit_free(vit);
    }
    vt_device_close(counting);
    return status;
}
