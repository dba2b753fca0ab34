/* Any bytes as a line of augmentation; what can be read is done to small images, grey and coloured. */
#include "data/augment/augment.h"

#include <stdlib.h>
#include <string.h>

enum { STORED = 9, WIDTH = 7, HEIGHT = 5, SAMPLES = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void augment(const char *text, int channels) {
    static uint8_t stored[STORED * STORED * 3], out[WIDTH * HEIGHT * 3], partner[WIDTH * HEIGHT * 3];
    vt_dataset_info info = {.height = HEIGHT,
                            .width = WIDTH,
                            .stored_height = STORED,
                            .stored_width = STORED,
                            .channels = channels,
                            .resample = VT_RESAMPLE_BICUBIC};
    vt_augmentation *augmentation;
    if (vt_augmentation_create(text, &info, &augmentation) != VT_OK) return;
    void *scratch = aligned_alloc(64, (vt_augmentation_scratch(augmentation) + 63) / 64 * 64);
    if (!scratch) abort();
    for (size_t i = 0; i < sizeof stored; i++) stored[i] = (uint8_t)(i * 31);
    for (int sample = 0; sample < SAMPLES; sample++) {
        vt_mix mix;
        vt_augmentation_apply(augmentation, 1, 0, sample, stored, scratch, out);
        vt_augmentation_mix(augmentation, 1, 0, sample, SAMPLES, &mix);
        if (mix.partner >= SAMPLES || mix.partner == sample || !(mix.weight >= 0 && mix.weight <= 1)) abort();
        if (mix.partner < 0) continue;
        vt_augmentation_apply(augmentation, 1, 0, mix.partner, stored, scratch, partner);
        vt_mix_pixels(augmentation, &mix, partner, out);
    }
    free(scratch);
    vt_augmentation_free(augmentation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    augment(text, 1);
    augment(text, 3);
    free(text);
    return 0;
}
