/* Augmentation as a whole: the words and what is said about wrong ones, draws that follow their formulas and depend on nothing
 * but seed, epoch and sample, mixing, and images as they are without any word. */
#include "support.h"

#include "data/augment/augment.h"
#include "data/augment/augment_settings.h"
#include "data/image/image.h"
#include "vitrain/augment.h"
#include <math.h>

enum { STORED = 40, WIDTH = 28, HEIGHT = 24, DRAWS = 20000 };

static const char EVERYTHING[] =
    "crop=0.35-1.0, crop-ratio=0.8-1.25 flip=0.5 rotate=10 shift=0.05 brightness=0.2 contrast=0.7-1.1 "
    "gamma=0.2 rand-m6-n3-mstd0.5-inc1-p0.8 erase=0.5 erase-mode=pixel mixup=0.2 cutmix=1.0";

static vt_dataset_info make_info(int stored, int channels) {
    return (vt_dataset_info){.height = stored ? HEIGHT : STORED,
                             .width = stored ? WIDTH : STORED,
                             .stored_height = STORED,
                             .stored_width = STORED,
                             .channels = channels,
                             .resample = VT_RESAMPLE_BICUBIC};
}

static void fill(uint8_t *pixels, size_t count) {
    vt_random random = vt_random_stream(1, VT_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < count; i++) pixels[i] = (uint8_t)vt_random_below(&random, 256);
}

/* --- words --- */

static void reads_every_word(void **state) {
    (void)state;
    vt_augment_settings settings;
    ASSERT_OK(vt_augment_parse(EVERYTHING, &settings));
    assert_true(settings.crop.low == 0.35 && settings.crop.high == 1 && settings.crop_ratio.low == 0.8);
    assert_true(settings.flip == 0.5 && settings.rotate == 10 && settings.shift == 0.05);
    assert_true(settings.brightness.low == 0.8 && settings.brightness.high == 1.2);
    assert_true(settings.contrast.low == 0.7 && settings.contrast.high == 1.1);
    assert_true(settings.erase == 0.5 && settings.erase_mode == VT_ERASE_PIXEL);
    assert_true(settings.mixup == 0.2 && settings.cutmix == 1 && settings.mixup_switch_prob == 0.5);
    assert_true(settings.rand.magnitude == 6 && settings.rand.layers == 3 && settings.rand.magnitude_std == 0.5);
    assert_true(settings.rand.increasing && settings.rand.probability == 0.8 && !settings.rand.weighted);
    ASSERT_OK(vt_augment_parse("crop=0.5 brightness=1.5 rand-mstd101-tweights", &settings));
    assert_true(settings.crop.low == 0.5 && settings.crop.high == 1);
    assert_true(settings.brightness.low == 0 && settings.brightness.high == 2.5);
    assert_true(settings.rand.magnitude == 10 && settings.rand.layers == 2 && settings.rand.weighted);
    assert_true(isinf(settings.rand.magnitude_std) && settings.rand.increasing);
    ASSERT_OK(vt_augment_check(NULL));
    ASSERT_OK(vt_augment_check(" , "));
}

static void refuses_wrong_words(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"hflip=0.5", "the nearest is 'flip'"},
        {"random", "'random' is unknown"},
        {"=1", "'' is unknown"},
        {"flip", "'flip=': expected a probability from 0 to 1"},
        {"flip=1.5", "'flip=1.5': expected"},
        {"flip=nan", "'flip=nan': expected"},
        {"flip=-0.5", "expected a probability"},
        {"flip=0.1-0.5", "expected a probability"},
        {"flip=0.5x", "expected a probability"},
        {"flip=0.5 flip=0.2", "'flip' is given twice"},
        {"rand-m6 rand-m7", "'rand' is given twice"},
        {"crop=0", "a share of the area"},
        {"crop=0.8-0.3", "a share of the area"},
        {"crop=0.8-", "a share of the area"},
        {"crop=0.8-1-1", "a share of the area"},
        {"crop-ratio=1-2", "does nothing without 'crop'"},
        {"crop=1 crop-ratio=2", "width / height"},
        {"erase-mode=pixel", "without 'erase'"},
        {"erase=0.5 erase-mode=noise", "const, rand or pixel"},
        {"rand-m6.5", "'m6.5' is not known"},
        {"rand-x3", "'x3' is not known"},
        {"rand-", "'' is not known"},
        {"rand-m6--n2", "'' is not known"},
        {"rand-m6-m7", "'m7' is not known"},
        {"rand-n16", "'n16' is not known"},
        {"rand-tweights-tweights", "'tweights' is not known"},
        {"rand-t3a", "tweights"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ASSERT_FAILS(VT_ERROR_USAGE, cases[i].words, vt_augment_check(cases[i].text));
    char huge[4096];
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    ASSERT_FAILS(VT_ERROR_USAGE, "at most 127 letters", vt_augment_check(huge));
}

/* --- images --- */

static void without_words_only_resizes(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2)
        for (int smaller = 0; smaller <= 1; smaller++) {
            uint8_t stored[STORED * STORED * 3], out[STORED * STORED * 3];
            vt_dataset_info info = make_info(smaller, channels);
            vt_image image = {STORED, STORED, channels, stored}, resized;
            vt_augmentation *none;
            fill(stored, sizeof stored);
            ASSERT_OK(vt_augmentation_create(smaller ? NULL : "", &info, &none));
            void *scratch = malloc(vt_augmentation_scratch(none));
            vt_augmentation_apply(none, 1, 2, 3, stored, scratch, out);
            ASSERT_OK(vt_image_resize(&image, info.width, info.height, info.resample, &resized));
            assert_memory_equal(out, resized.pixels, (size_t)(info.width * info.height * channels));
            vt_mix mix;
            vt_augmentation_mix(none, 1, 2, 3, 100, &mix);
            assert_int_equal(mix.partner, -1);
            vt_image_free(&resized);
            vt_augmentation_free(none);
            free(scratch);
        }
}

/* Whatever was done before in the same scratch memory, and whatever it held. */
static void depends_on_seed_epoch_and_sample_alone(void **state) {
    (void)state;
    enum { SAMPLES = 40 };
    for (int channels = 1; channels <= 3; channels += 2) {
        static uint8_t stored[STORED * STORED * 3], first[SAMPLES][WIDTH * HEIGHT * 3], out[WIDTH * HEIGHT * 3];
        vt_dataset_info info = make_info(1, channels);
        size_t size = (size_t)(WIDTH * HEIGHT * channels);
        vt_augmentation *augmentation;
        fill(stored, sizeof stored);
        ASSERT_OK(vt_augmentation_create(EVERYTHING, &info, &augmentation));
        size_t scratch_size = vt_augmentation_scratch(augmentation);
        uint8_t *scratch = aligned_alloc(64, (scratch_size + 63) / 64 * 64);
        memset(scratch, 0, scratch_size);
        for (int i = 0; i < SAMPLES; i++) vt_augmentation_apply(augmentation, 7, 1, i, stored, scratch, first[i]);
        memset(scratch, 0xff, scratch_size);
        int same_sample = 0, same_epoch = 0, same_seed = 0;
        for (int i = SAMPLES - 1; i >= 0; i--) {
            vt_augmentation_apply(augmentation, 7, 1, i, stored, scratch, out);
            assert_memory_equal(out, first[i], size);
            same_sample += i > 0 && memcmp(first[i], first[i - 1], size) == 0;
            vt_augmentation_apply(augmentation, 7, 2, i, stored, scratch, out);
            same_epoch += memcmp(out, first[i], size) == 0;
            vt_augmentation_apply(augmentation, 8, 1, i, stored, scratch, out);
            same_seed += memcmp(out, first[i], size) == 0;
        }
        assert_int_equal(same_sample + same_epoch + same_seed, 0);
        vt_augmentation_free(augmentation);
        free(scratch);
    }
}

/* The crop of a sample is the same with and without what comes after it. */
static void words_leave_each_others_draws_alone(void **state) {
    (void)state;
    uint8_t stored[STORED * STORED], alone[WIDTH * HEIGHT], both[WIDTH * HEIGHT];
    vt_dataset_info info = make_info(1, 1);
    vt_augmentation *crop, *crop_and_erase;
    fill(stored, sizeof stored);
    ASSERT_OK(vt_augmentation_create("crop=0.2-1", &info, &crop));
    ASSERT_OK(vt_augmentation_create("erase=1 flip=0 erase-scale=0.05-0.1 crop=0.2-1", &info, &crop_and_erase));
    void *scratch = malloc(vt_augmentation_scratch(crop_and_erase));
    vt_augmentation_apply(crop, 5, 0, 9, stored, scratch, alone);
    vt_augmentation_apply(crop_and_erase, 5, 0, 9, stored, scratch, both);
    int changed = 0;
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        if (both[i] != alone[i]) assert_int_equal(both[i], 128);
        changed += both[i] != alone[i];
    }
    assert_true(changed > WIDTH * HEIGHT / 50 && changed < WIDTH * HEIGHT / 5);
    vt_augmentation_free(crop);
    vt_augmentation_free(crop_and_erase);
    free(scratch);
}

/* Mirrored and mixed are each half the samples, and a quarter is both. */
static void operations_draw_apart(void **state) {
    (void)state;
    enum { SAMPLES = 4000 };
    uint8_t stored[STORED * STORED], out[STORED * STORED];
    vt_dataset_info info = make_info(0, 1);
    vt_augmentation *augmentation;
    int flipped = 0, mixed = 0, both = 0;
    fill(stored, sizeof stored);
    ASSERT_OK(vt_augmentation_create("flip=0.5 mixup=1 mixup-prob=0.5", &info, &augmentation));
    void *scratch = malloc(vt_augmentation_scratch(augmentation));
    for (int i = 0; i < SAMPLES; i++) {
        vt_mix mix;
        vt_augmentation_apply(augmentation, 1, 0, i, stored, scratch, out);
        vt_augmentation_mix(augmentation, 1, 0, i, SAMPLES, &mix);
        int is_flipped = memcmp(out, stored, sizeof out) != 0, is_mixed = mix.partner >= 0;
        flipped += is_flipped;
        mixed += is_mixed;
        both += is_flipped && is_mixed;
    }
    assert_true(abs(flipped - SAMPLES / 2) < 200 && abs(mixed - SAMPLES / 2) < 200 && abs(both - SAMPLES / 4) < 200);
    vt_augmentation_free(augmentation);
    free(scratch);
}

/* --- distributions --- */

/* That a mean of DRAWS numbers with deviation `sigma` is `expected`, within six standard errors. */
static void assert_mean(double sum, double expected, double sigma) {
    double mean = sum / DRAWS, tolerance = 6 * sigma / sqrt(DRAWS);
    if (!(fabs(mean - expected) <= tolerance)) fail_msg("mean %g, expected %g within %g", mean, expected, tolerance);
}

static void crops_are_drawn_as_torchvision_draws_them(void **state) {
    (void)state;
    const vt_range scale = {0.1, 0.5}, ratio = {0.75, 4.0 / 3.0};
    double area = 0, log_ratio = 0, left = 0, top = 0;
    for (int i = 0; i < DRAWS; i++) {
        vt_random random = vt_random_stream(3, VT_PURPOSE_TEST, 0, (uint64_t)i);
        vt_box box = vt_draw_crop(&random, 1000, 1000, scale, ratio);
        double share = box.height * (double)box.width / 1e6, shape = (double)box.width / box.height;
        assert_true(share > 0.0985 && share < 0.5015 && shape > 0.746 && shape < 1.34);
        assert_true(box.top >= 0 && box.left >= 0 && box.top + box.height <= 1000 && box.left + box.width <= 1000);
        area += share;
        log_ratio += log(shape);
        left += (double)box.left / (1000 - box.width);
        top += (double)box.top / (1000 - box.height);
    }
    assert_mean(area, 0.3, 0.4 / sqrt(12));
    assert_mean(log_ratio, 0, 2 * log(4.0 / 3.0) / sqrt(12));
    assert_mean(left, 0.5, 1 / sqrt(12));
    assert_mean(top, 0.5, 1 / sqrt(12));
    /* Where no attempt fits: the largest crop in the middle of an allowed shape. */
    vt_random random = vt_random_stream(3, VT_PURPOSE_TEST, 0, 0);
    vt_box box = vt_draw_crop(&random, 1000, 10, (vt_range){0.9, 1}, ratio);
    assert_int_equal(box.height, 10);
    assert_int_equal(box.width, 13);
    assert_int_equal(box.left, 493);
}

static void erased_boxes_are_drawn_as_timm_draws_them(void **state) {
    (void)state;
    double area = 0, log_ratio = 0;
    for (int i = 0; i < DRAWS; i++) {
        vt_random random = vt_random_stream(4, VT_PURPOSE_TEST, 0, (uint64_t)i);
        vt_box box;
        assert_true(vt_draw_erase(&random, 1000, 1000, (vt_range){0.02, 0.2}, (vt_range){0.5, 2}, &box));
        assert_true(box.top >= 0 && box.left >= 0 && box.top + box.height <= 1000 && box.left + box.width <= 1000);
        area += box.height * (double)box.width / 1e6;
        log_ratio += log((double)box.height / box.width);
    }
    assert_mean(area, 0.11, 0.18 / sqrt(12));
    assert_mean(log_ratio, 0, 2 * log(2) / sqrt(12));
    vt_random random = vt_random_stream(4, VT_PURPOSE_TEST, 0, 0);
    vt_box box;
    assert_false(vt_draw_erase(&random, 10, 10, (vt_range){1, 1}, (vt_range){1, 1}, &box));
}

static void weights_follow_the_beta_distribution(void **state) {
    (void)state;
    static const double alphas[] = {0.05, 0.2, 1, 4};
    for (int a = 0; a < 4; a++) {
        double sum = 0, squares = 0, variance = 1 / (4 * (2 * alphas[a] + 1));
        for (int i = 0; i < DRAWS; i++) {
            vt_random random = vt_random_stream(5, VT_PURPOSE_TEST, 0, (uint64_t)i);
            double value = vt_draw_beta(&random, alphas[a]);
            assert_true(value >= 0 && value <= 1);
            sum += value;
            squares += (value - 0.5) * (value - 0.5);
        }
        assert_mean(sum, 0.5, sqrt(variance));
        assert_mean(squares, variance, 0.25);
    }
    vt_random random = vt_random_stream(5, VT_PURPOSE_TEST, 0, 0);
    double tiny = vt_draw_beta(&random, 1e-9);
    assert_true(tiny >= 0 && tiny <= 1);
}

static void rand_augment_draws_as_timm_does(void **state) {
    (void)state;
    static const char uniform[] = "rand-m5-n2-p0.25", weighted[] = "rand-n15-p1-tweights-mstd101";
    vt_rand_augment rand;
    vt_rand_step steps[VT_RAND_LAYERS_LIMIT];
    double kinds[VT_RAND_KINDS] = {0}, applied = 0, first_rotates = 0, degrees = 0;
    ASSERT_OK(vt_rand_parse(uniform, strlen(uniform), &rand));
    for (int i = 0; i < DRAWS; i++) {
        vt_random random = vt_random_stream(6, VT_PURPOSE_TEST, 0, (uint64_t)i);
        int count = vt_rand_draw(&rand, &random, steps);
        applied += count;
        for (int k = 0; k < count; k++) kinds[steps[k].kind]++;
    }
    assert_mean(applied, 0.5, sqrt(2 * 0.25 * 0.75));
    for (int k = 0; k < VT_RAND_KINDS; k++) assert_mean(kinds[k], 0.5 / VT_RAND_KINDS, sqrt(0.5 / VT_RAND_KINDS));
    ASSERT_OK(vt_rand_parse(weighted, strlen(weighted), &rand));
    for (int i = 0; i < DRAWS; i++) {
        vt_random random = vt_random_stream(6, VT_PURPOSE_TEST, 1, (uint64_t)i);
        int seen[VT_RAND_KINDS] = {0};
        assert_int_equal(vt_rand_draw(&rand, &random, steps), 15);
        for (int k = 0; k < 15; k++) {
            assert_int_equal(seen[steps[k].kind]++, 0);
            if (steps[k].kind == VT_RAND_ROTATE) degrees += fabs(steps[k].argument);
        }
        first_rotates += steps[0].kind == VT_RAND_ROTATE;
    }
    assert_mean(first_rotates, 3 / 10.1, 0.46); /* timm's weights add up to 10.1 */
    assert_mean(degrees, 15, 30 / sqrt(12));
}

/* --- mixing --- */

static void partners_are_others_of_the_split(void **state) {
    (void)state;
    vt_dataset_info info = make_info(1, 1);
    vt_augmentation *augmentation;
    double mixed = 0, boxes = 0, partners = 0;
    ASSERT_OK(vt_augmentation_create("mixup=0.4 cutmix=1 mixup-prob=0.75 mixup-switch-prob=0.3", &info, &augmentation));
    for (int64_t i = 0; i < DRAWS; i++) {
        vt_mix mix, again;
        vt_augmentation_mix(augmentation, 1, 0, i, DRAWS, &mix);
        vt_augmentation_mix(augmentation, 1, 0, i, DRAWS, &again);
        assert_memory_equal(&mix, &again, sizeof mix);
        assert_true(mix.weight >= 0 && mix.weight <= 1 && mix.partner != i && mix.partner < DRAWS);
        if (mix.partner < 0) continue;
        mixed++;
        boxes += mix.box;
        partners += (double)mix.partner / DRAWS;
        if (!mix.box) continue;
        assert_true(mix.top >= 0 && mix.left >= 0 && mix.bottom <= HEIGHT && mix.right <= WIDTH);
        double area = (mix.bottom - mix.top) * (double)(mix.right - mix.left);
        assert_true(fabs(mix.weight - (1 - area / (WIDTH * HEIGHT))) < 1e-6);
    }
    assert_true(fabs(mixed / DRAWS - 0.75) < 0.03 && fabs(boxes / mixed - 0.3) < 0.03 && fabs(partners / mixed - 0.5) < 0.03);
    vt_mix mix;
    vt_augmentation_mix(augmentation, 1, 0, 0, 1, &mix);
    assert_int_equal(mix.partner, -1);
    vt_augmentation_free(augmentation);
}

static void mixes_pixels_and_labels(void **state) {
    (void)state;
    vt_dataset_info info = make_info(1, 3);
    enum { SIZE = WIDTH * HEIGHT * 3 };
    uint8_t own[SIZE], partner[SIZE], out[SIZE];
    vt_augmentation *augmentation;
    ASSERT_OK(vt_augmentation_create("mixup=1", &info, &augmentation));
    fill(own, SIZE);
    for (int i = 0; i < SIZE; i++) partner[i] = (uint8_t)(i * 7);
    memcpy(out, own, SIZE);
    vt_mix_pixels(augmentation, &(vt_mix){.partner = 1, .weight = 0.3f}, partner, out);
    for (int i = 0; i < SIZE; i++) assert_true(fabs(out[i] - (own[i] * 0.3 + partner[i] * 0.7)) <= 0.501);
    memcpy(out, own, SIZE);
    vt_mix_pixels(augmentation, &(vt_mix){.box = 1, .top = 2, .left = 3, .bottom = 5, .right = WIDTH}, partner, out);
    for (int i = 0; i < SIZE; i++) {
        int y = i / 3 / WIDTH, x = i / 3 % WIDTH, inside = y >= 2 && y < 5 && x >= 3;
        assert_int_equal(out[i], inside ? partner[i] : own[i]);
    }
    float labels[4] = {1, 0, NAN, 1};
    vt_mix_labels(&(vt_mix){.weight = 0.25f}, (const float[4]){0, 1, 1, NAN}, 4, labels);
    assert_true(labels[0] == 0.25f && labels[1] == 0.75f && isnan(labels[2]) && isnan(labels[3]));
    vt_augmentation_free(augmentation);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_word),
        cmocka_unit_test(refuses_wrong_words),
        cmocka_unit_test(without_words_only_resizes),
        cmocka_unit_test(depends_on_seed_epoch_and_sample_alone),
        cmocka_unit_test(words_leave_each_others_draws_alone),
        cmocka_unit_test(operations_draw_apart),
        cmocka_unit_test(crops_are_drawn_as_torchvision_draws_them),
        cmocka_unit_test(erased_boxes_are_drawn_as_timm_draws_them),
        cmocka_unit_test(weights_follow_the_beta_distribution),
        cmocka_unit_test(rand_augment_draws_as_timm_does),
        cmocka_unit_test(partners_are_others_of_the_split),
        cmocka_unit_test(mixes_pixels_and_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
