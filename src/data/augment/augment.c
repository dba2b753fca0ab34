/* What the model sees of a stored image: the operations in their order, each with draws of its own. The memory of a call is the
 * caller's, so that no call allocates. */
#include "data/augment/augment.h"

#include "base/memory.h"
#include "data/augment/augment_ops.h"
#include "data/augment/augment_settings.h"
#include "data/image/resize.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct vt_augmentation {
    vt_augment_settings settings;
    int stored_width, stored_height, width, height, channels;
    vt_resample resample;
    vt_resize_plan whole; /* the stored image -> the model's size */
    void *memory;         /* of `whole` */
    /* The parts of a call's scratch memory. */
    size_t image_size, plan_size, work_size;
};

/* What numbers are drawn for; none shares its numbers with another, so that words don't change each other's draws. */
typedef enum draw_of { DRAW_CROP, DRAW_FLIP, DRAW_AFFINE, DRAW_RAND, DRAW_TONES, DRAW_ERASE, DRAW_MIX } draw_of;

static vt_random stream(uint64_t seed, int64_t epoch, int64_t sample, draw_of of) {
    return vt_random_stream(seed, VT_PURPOSE_AUGMENT, (uint32_t)epoch, (uint64_t)sample | (uint64_t)of << 56);
}

static size_t rounded_up(size_t size) {
    return (size + 63) / 64 * 64;
}

vt_status vt_augmentation_create(const char *text, const vt_dataset_info *info, vt_augmentation **out) {
    vt_augmentation *made = NULL;
    vt_augment_settings settings;
    *out = NULL;
    VT_TRY(vt_augment_parse(text, &settings));
    VT_TRY(vt_allocate(&made, 1, sizeof *made, "an augmentation"));
    int in_width = info->stored_width, in_height = info->stored_height, width = info->width, height = info->height;
    *made = (vt_augmentation){.settings = settings,
                              .stored_width = in_width,
                              .stored_height = in_height,
                              .width = width,
                              .height = height,
                              .channels = info->channels,
                              .resample = info->resample};
    made->image_size = rounded_up((size_t)width * (size_t)height * (size_t)info->channels);
    made->plan_size = rounded_up(vt_resize_plan_size(in_width, in_height, width, height, info->resample));
    made->work_size = vt_resize_work_size(in_width, in_height, width, height, info->channels);
    vt_status status = vt_allocate_aligned(&made->memory, made->plan_size, 1, "a resizing plan");
    if (status != VT_OK) {
        vt_augmentation_free(made);
        return status;
    }
    vt_resize_plan_make(&made->whole, in_width, in_height, width, height, info->channels, info->resample, made->memory);
    *out = made;
    return VT_OK;
}

void vt_augmentation_free(vt_augmentation *augmentation) {
    if (!augmentation) return;
    free(augmentation->memory);
    free(augmentation);
}

size_t vt_augmentation_scratch(const vt_augmentation *augmentation) {
    return augmentation->image_size + augmentation->plan_size + augmentation->work_size;
}

/* The whole stored image, or a crop of it, in the model's size. */
static void place(const vt_augmentation *augmentation, vt_random random, const uint8_t *stored, uint8_t *scratch,
                  uint8_t *out) {
    const vt_augment_settings *settings = &augmentation->settings;
    size_t channels = (size_t)augmentation->channels, stride = (size_t)augmentation->stored_width * channels;
    uint8_t *work = scratch + augmentation->plan_size;
    if (settings->crop.high == 0) {
        vt_resize_by_plan(&augmentation->whole, stored, stride, work, out);
        return;
    }
    vt_resize_plan plan;
    vt_box box =
        vt_draw_crop(&random, augmentation->stored_width, augmentation->stored_height, settings->crop, settings->crop_ratio);
    vt_resize_plan_make(&plan, box.width, box.height, augmentation->width, augmentation->height, augmentation->channels,
                        augmentation->resample, scratch);
    vt_resize_by_plan(&plan, stored + (size_t)box.top * stride + (size_t)box.left * channels, stride, work, out);
}

static void turn_and_shift(const vt_augment_settings *settings, vt_random random, vt_frame *frame) {
    double matrix[6], most_right = settings->shift * frame->width, most_down = settings->shift * frame->height;
    double degrees = vt_draw_within(&random, (vt_range){-settings->rotate, settings->rotate});
    int right = (int)rint(vt_draw_within(&random, (vt_range){-most_right, most_right}));
    int down = (int)rint(vt_draw_within(&random, (vt_range){-most_down, most_down}));
    vt_affine_turn(frame->width, frame->height, degrees, right, down, matrix);
    vt_affine(frame, matrix, VT_RESAMPLE_BILINEAR, 0);
}

static void change_tones(const vt_augment_settings *settings, vt_random random, vt_frame *frame) {
    double brightness = vt_draw_within(&random, settings->brightness);
    double contrast = vt_draw_within(&random, settings->contrast);
    vt_tones(frame, brightness, contrast, vt_draw_within(&random, settings->gamma));
}

static void erase(const vt_augment_settings *settings, vt_random random, vt_frame *frame) {
    vt_box box;
    if (vt_random_uniform(&random) >= settings->erase) return;
    if (vt_draw_erase(&random, frame->width, frame->height, settings->erase_scale, settings->erase_ratio, &box))
        vt_erase(frame, &box, (vt_erase_mode)settings->erase_mode, &random);
}

void vt_augmentation_apply(const vt_augmentation *augmentation, uint64_t seed, int64_t epoch, int64_t sample,
                           const uint8_t *stored, void *scratch, uint8_t *out) {
    const vt_augment_settings *settings = &augmentation->settings;
    uint8_t *spare = scratch;
    place(augmentation, stream(seed, epoch, sample, DRAW_CROP), stored, spare + augmentation->image_size, out);
    vt_frame frame = {augmentation->width, augmentation->height, augmentation->channels, out, spare};
    if (settings->flip > 0) {
        vt_random random = stream(seed, epoch, sample, DRAW_FLIP);
        if (vt_random_uniform(&random) < settings->flip) vt_flip(&frame);
    }
    if (settings->rotate > 0 || settings->shift > 0) turn_and_shift(settings, stream(seed, epoch, sample, DRAW_AFFINE), &frame);
    if (settings->rand.layers > 0) {
        vt_rand_step steps[VT_RAND_LAYERS_LIMIT];
        vt_random random = stream(seed, epoch, sample, DRAW_RAND);
        int count = vt_rand_draw(&settings->rand, &random, steps);
        for (int i = 0; i < count; i++) vt_rand_apply(&frame, &steps[i]);
    }
    change_tones(settings, stream(seed, epoch, sample, DRAW_TONES), &frame);
    if (settings->erase > 0) erase(settings, stream(seed, epoch, sample, DRAW_ERASE), &frame);
    if (frame.pixels != out) memcpy(out, frame.pixels, (size_t)frame.width * (size_t)frame.height * (size_t)frame.channels);
}

/* --- mixing --- */

void vt_augmentation_mix(const vt_augmentation *augmentation, uint64_t seed, int64_t epoch, int64_t sample, int64_t samples,
                         vt_mix *mix) {
    const vt_augment_settings *settings = &augmentation->settings;
    *mix = (vt_mix){.partner = -1, .weight = 1.0f};
    if ((settings->mixup == 0 && settings->cutmix == 0) || samples < 2) return;
    vt_random random = stream(seed, epoch, sample, DRAW_MIX);
    if (vt_random_uniform(&random) >= settings->mixup_prob) return;
    double switched = settings->mixup == 0 ? 1 : settings->cutmix == 0 ? 0 : settings->mixup_switch_prob;
    int box = vt_random_uniform(&random) < switched;
    int64_t partner = (int64_t)vt_random_below(&random, (uint64_t)samples - 1);
    double lambda = vt_draw_beta(&random, box ? settings->cutmix : settings->mixup);
    mix->weight = (float)lambda;
    if (box) {
        int x = (int)vt_random_below(&random, (uint64_t)augmentation->width);
        int y = (int)vt_random_below(&random, (uint64_t)augmentation->height);
        vt_mix_place_box(augmentation->width, augmentation->height, lambda, x, y, mix);
    }
    if (mix->weight < 1.0f) mix->partner = partner + (partner >= sample);
}

void vt_mix_pixels(const vt_augmentation *augmentation, const vt_mix *mix, const uint8_t *partner, uint8_t *out) {
    size_t count = (size_t)augmentation->height * (size_t)augmentation->width * (size_t)augmentation->channels;
    if (mix->box)
        vt_mix_copy_box(partner, mix, augmentation->width, augmentation->channels, out);
    else
        vt_mix_average(partner, count, mix->weight, out);
}
