/* CPU microseconds per image of augmentation, 256 x 256 -> 224 x 224, each word alone and all together, grey and coloured;
 * beside the same by torchvision and timm on Pillow's images (bench/peers/augment.py, run by the Python that VITRAIN_PYTHON
 * names). */
#include "data/augment/augment.h"
#include "base/memory.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STORED = 256, SIZE = 224, IMAGES = 16, EPOCHS = 16, REPEATS = 7, PIXELS = STORED * STORED * 3 };

static const char *const LINES[] = {
    "",
    "crop=0.35-1.0",
    "flip=0.5",
    "rotate=10 shift=0.05",
    "brightness=0.2 contrast=0.2",
    "gamma=0.2",
    "rand-m9-mstd0.5-inc1",
    "erase=0.25",
    "erase=0.25 erase-mode=pixel",
    "crop=0.35-1.0 flip=0.5 rotate=10 shift=0.05 brightness=0.2 contrast=0.2 gamma=0.2 erase=0.25",
    "mixup=0.2 cutmix=1.0",
};
enum { LINE_COUNT = sizeof LINES / sizeof *LINES };

static uint8_t images[IMAGES][PIXELS], out[PIXELS], partner[PIXELS];

static double cpu_microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Smooth images with some noise, as radiographs are. */
static void draw_images(void) {
    vt_random random = vt_random_stream(1, VT_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < IMAGES; i++)
        for (int p = 0; p < PIXELS; p++)
            images[i][p] = (uint8_t)((p / 768 + p % 768 / 6) / 2 + i + (int)vt_random_below(&random, 16));
}

static void augment(const vt_augmentation *augmentation, int epoch, int sample, void *scratch) {
    vt_mix mix;
    vt_augmentation_apply(augmentation, 1, epoch, sample, images[sample], scratch, out);
    vt_augmentation_mix(augmentation, 1, epoch, sample, IMAGES, &mix);
    if (mix.partner < 0) return;
    vt_augmentation_apply(augmentation, 1, epoch, mix.partner, images[mix.partner], scratch, partner);
    vt_mix_pixels(augmentation, &mix, partner, out);
}

/* The median of a few runs. */
static vt_status measure(const char *text, int channels, double *microseconds) {
    const vt_dataset_info info = {.height = SIZE,
                                  .width = SIZE,
                                  .stored_height = STORED,
                                  .stored_width = STORED,
                                  .channels = channels,
                                  .resample = VT_RESAMPLE_BILINEAR};
    double runs[REPEATS];
    void *scratch = NULL;
    vt_augmentation *augmentation;
    VT_TRY(vt_augmentation_create(text, &info, &augmentation));
    vt_status status = vt_allocate_aligned(&scratch, vt_augmentation_scratch(augmentation), 1, "augmentation");
    for (int repeat = 0; status == VT_OK && repeat < REPEATS; repeat++) {
        double start = cpu_microseconds();
        for (int i = 0; i < IMAGES * EPOCHS; i++) augment(augmentation, i / IMAGES, i % IMAGES, scratch);
        runs[repeat] = (cpu_microseconds() - start) / (IMAGES * EPOCHS);
    }
    qsort(runs, REPEATS, sizeof runs[0], by_size);
    *microseconds = runs[REPEATS / 2];
    vt_augmentation_free(augmentation);
    free(scratch);
    return status;
}

/* peer [LINE_COUNT][2]: grey and coloured; zeros if there is no Python to ask. */
static void ask_peer(double peer[LINE_COUNT][2]) {
    const char *python = getenv("VITRAIN_PYTHON"), *source = getenv("VITRAIN_SOURCE");
    char command[4096];
    int used = snprintf(command, sizeof command, "'%s' '%s/bench/peers/augment.py'", python, source ? source : ".");
    for (int i = 0; i < LINE_COUNT; i++) used += snprintf(command + used, sizeof command - (size_t)used, " '%s'", LINES[i]);
    memset(peer, 0, LINE_COUNT * sizeof *peer);
    FILE *answer = python ? popen(command, "r") : NULL;
    if (!answer) return;
    for (int i = 0; i < LINE_COUNT; i++)
        if (fscanf(answer, "%lf %lf", &peer[i][0], &peer[i][1]) != 2) break;
    pclose(answer);
}

static vt_status run(void) {
    double peer[LINE_COUNT][2];
    ask_peer(peer);
    draw_images();
    if (peer[0][0] == 0) printf("torchvision and timm not available: set VITRAIN_PYTHON\n");
    printf("%10s %10s %8s %10s %10s %8s\n", "grey us", "peer us", "times", "RGB us", "peer us", "times");
    for (int i = 0; i < LINE_COUNT; i++) {
        for (int colour = 0; colour <= 1; colour++) {
            double own;
            VT_TRY(measure(LINES[i], colour ? 3 : 1, &own));
            printf("%10.0f %10.0f %8.1f ", own, peer[i][colour], peer[i][colour] / own);
        }
        printf(" %s\n", *LINES[i] ? LINES[i] : "(resize alone)");
    }
    return VT_OK;
}

int main(void) {
    vt_status status = run();
    if (status != VT_OK) fprintf(stderr, "%s\n", vt_error_message());
    return status != VT_OK;
}
