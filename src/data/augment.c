/* What the model sees of a stored image: without any augmentation the whole of it, copied or resized to the model's size. */
#include "data/augment.h"

#include "base/memory.h"
#include "data/augment_ops.h"
#include "data/resize.h"
#include <stdlib.h>

struct vt_augmentation {
    int stored_width, stored_height, width, height, channels;
    vt_resample resample;
    vt_resize_plan whole; /* the stored image -> the model's size */
    size_t work_size;     /* of resizing */
    void *memory;         /* of `whole` */
};

vt_status vt_augmentation_create(const char *text, const vt_dataset_info *info, vt_augmentation **out) {
    vt_augmentation *made = NULL;
    *out = NULL;
    if (text && *text) return vt_fail(VT_ERROR_USAGE, "augmentation '%s' is unknown", text);
    VT_TRY(vt_allocate(&made, 1, sizeof *made, "an augmentation"));
    *made = (vt_augmentation){.stored_width = info->stored_width,
                              .stored_height = info->stored_height,
                              .width = info->width,
                              .height = info->height,
                              .channels = info->channels,
                              .resample = info->resample};
    made->work_size = vt_resize_work_size(made->stored_width, made->stored_height, made->width, made->height, made->channels);
    size_t plan_size = vt_resize_plan_size(made->stored_width, made->stored_height, made->width, made->height, made->resample);
    vt_status status = vt_allocate_aligned(&made->memory, plan_size, 1, "a resizing plan");
    if (status != VT_OK) {
        vt_augmentation_free(made);
        return status;
    }
    vt_resize_plan_make(&made->whole, made->stored_width, made->stored_height, made->width, made->height, made->channels,
                        made->resample, made->memory);
    *out = made;
    return VT_OK;
}

void vt_augmentation_free(vt_augmentation *augmentation) {
    if (!augmentation) return;
    free(augmentation->memory);
    free(augmentation);
}

size_t vt_augmentation_scratch(const vt_augmentation *augmentation) {
    return augmentation->work_size;
}

void vt_augmentation_apply(const vt_augmentation *augmentation, uint64_t seed, int64_t epoch, int64_t sample,
                           const uint8_t *stored, void *scratch, uint8_t *out) {
    (void)seed, (void)epoch, (void)sample;
    size_t stride = (size_t)augmentation->stored_width * (size_t)augmentation->channels;
    vt_resize_by_plan(&augmentation->whole, stored, stride, scratch, out);
}

void vt_augmentation_mix(const vt_augmentation *augmentation, uint64_t seed, int64_t epoch, int64_t sample, int64_t samples,
                         vt_mix *mix) {
    (void)augmentation, (void)seed, (void)epoch, (void)sample, (void)samples;
    *mix = (vt_mix){.partner = -1, .weight = 1.0f};
}

void vt_mix_pixels(const vt_augmentation *augmentation, const vt_mix *mix, const uint8_t *partner, uint8_t *out) {
    size_t count = (size_t)augmentation->height * (size_t)augmentation->width * (size_t)augmentation->channels;
    if (mix->box)
        vt_mix_box(partner, mix, augmentation->width, augmentation->channels, out);
    else
        vt_mix_average(partner, count, mix->weight, out);
}
