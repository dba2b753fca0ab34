/* The loader: the same batches for any number of workers, every sample once per epoch, and seeking. */
#include "raw_data.h"

#include "base/random.h"
#include "data/augment/augment.h"
#include "data/prepared/loader.h"
#include "data/prepared/sampler.h"
#include <math.h>
#include <stdbool.h>

enum { IMAGES = 23 };

static vt_dataset *dataset;
static const vt_split *train;

static int make_dataset(void **state) {
    (void)state;
    char name[32];
    for (int i = 0; i < IMAGES; i++) {
        snprintf(name, sizeof name, "%s/%02d.png", i % 3 ? "cat" : "dog", i);
        write_png("raw", name, 1, i);
    }
    vt_prepare_options options;
    vt_prepare_options_init(&options);
    options.data = test_path("raw");
    options.out = test_path("prepared");
    options.image_size = 4;
    options.validation_fraction = 0.0;
    options.threads = 1;
    ASSERT_OK(vt_prepare(&options, NULL));
    ASSERT_OK(vt_dataset_open(test_path("prepared"), &dataset));
    train = vt_dataset_get_split(dataset, "train");
    return 0;
}

static int close_dataset(void **state) {
    (void)state;
    vt_dataset_close(dataset);
    remove_test_folder();
    return 0;
}

/* Holds a batch against the split itself. */
static void check_batch(const vt_batch *batch) {
    for (int64_t i = 0; i < batch->size; i++) {
        vt_example example = vt_split_get(train, batch->indices[i]);
        assert_memory_equal(batch->pixels + i * 16, example.pixels, 16);
        assert_memory_equal(batch->labels + i * 2, example.labels, 2 * sizeof(float));
    }
}

static void batches_do_not_depend_on_workers(void **state) {
    (void)state;
    vt_loader_options options = {.batch_size = 5, .shuffle = 1, .seed = 9, .epochs = 4};
    static const int workers[] = {0, 1, 2, 9};
    for (int w = 0; w < 4; w++) {
        vt_loader *loader;
        vt_batch batch;
        int64_t order[IMAGES], seen = 0;
        options.workers = workers[w];
        ASSERT_OK(vt_loader_create(dataset, train, &options, &loader));
        for (int64_t epoch = 0; epoch < 4; epoch++) {
            vt_random_permutation(9, VT_PURPOSE_SHUFFLE, (uint32_t)epoch, IMAGES, order);
            for (int64_t first = 0; first < IMAGES; first += 5) {
                ASSERT_OK(vt_loader_next(loader, &batch));
                assert_int_equal(batch.epoch, epoch);
                assert_int_equal(batch.first, first);
                assert_int_equal(batch.size, first + 5 <= IMAGES ? 5 : IMAGES - first);
                assert_memory_equal(batch.indices, order + first, (size_t)batch.size * sizeof *order);
                check_batch(&batch);
                seen += batch.size;
            }
        }
        assert_int_equal(seen, 4 * IMAGES);
        for (int again = 0; again < 2; again++) {
            ASSERT_OK(vt_loader_next(loader, &batch));
            assert_int_equal(batch.size, 0);
        }
        assert_true(vt_loader_wait_seconds(loader) >= 0.0);
        vt_loader_free(loader);
    }
}

static void seeking_continues_where_it_was(void **state) {
    (void)state;
    for (int workers = 0; workers <= 3; workers += 3)
        for (int64_t start = 0; start <= 20; start += 4) {
            vt_loader_options options = {.batch_size = 4, .shuffle = 1, .seed = 1, .epoch_size = 20, .workers = workers};
            vt_loader *whole, *sought;
            vt_batch a = {0}, b = {0};
            ASSERT_OK(vt_loader_create(dataset, train, &options, &whole));
            options.first_epoch = 3;
            options.first_sample = start;
            ASSERT_OK(vt_loader_create(dataset, train, &options, &sought));
            for (int64_t skipped = 0; skipped < 3 * 5 + start / 4; skipped++) ASSERT_OK(vt_loader_next(whole, &a));
            for (int i = 0; i < 12; i++) {
                ASSERT_OK(vt_loader_next(whole, &a));
                ASSERT_OK(vt_loader_next(sought, &b));
                assert_int_equal(a.epoch, b.epoch);
                assert_int_equal(a.first, b.first);
                assert_int_equal(a.size, 4);
                assert_memory_equal(a.indices, b.indices, 4 * sizeof(int64_t));
                assert_memory_equal(a.pixels, b.pixels, 4 * 16);
            }
            vt_loader_free(whole);
            vt_loader_free(sought);
        }
}

static void epochs_shorter_than_the_ring_and_stored_order(void **state) {
    (void)state;
    vt_loader_options options = {.batch_size = 100, .epochs = 50, .workers = 7};
    vt_loader *loader;
    vt_batch batch;
    ASSERT_OK(vt_loader_create(dataset, train, &options, &loader));
    for (int epoch = 0; epoch < 50; epoch++) {
        ASSERT_OK(vt_loader_next(loader, &batch));
        assert_int_equal(batch.epoch, epoch);
        assert_int_equal(batch.size, IMAGES);
        for (int64_t i = 0; i < IMAGES; i++) assert_int_equal(batch.indices[i], i);
        check_batch(&batch);
    }
    vt_loader_free(loader);
    ASSERT_OK(vt_loader_create(dataset, train, &options, &loader)); /* freed while the workers are busy */
    vt_loader_free(loader);
    vt_loader_free(NULL);
}

/* 8 dogs, 15 cats: a dog weighs 1/8, a cat 1/15, so that half of the draws are dogs. */
static void balanced_draws_are_as_frequent_as_their_weights(void **state) {
    (void)state;
    enum { DRAWS = 40000 };
    vt_balanced_sampler sampler;
    int64_t counts[IMAGES] = {0}, dogs = 0;
    ASSERT_OK(vt_balanced_sampler_make(train, 2, &sampler));
    for (int64_t i = 0; i < DRAWS; i++) {
        int64_t index = vt_balanced_sampler_draw(&sampler, 5, i % 4, i / 4);
        assert_in_range(index, 0, IMAGES - 1);
        counts[index]++;
        assert_int_equal(index, vt_balanced_sampler_draw(&sampler, 5, i % 4, i / 4));
    }
    for (int64_t i = 0; i < IMAGES; i++) {
        bool dog = vt_split_get(train, i).labels[1] == 1.0f;
        double expected = DRAWS * 0.5 / (dog ? 8 : 15), deviation = sqrt(expected);
        if (dog) dogs += counts[i];
        if (fabs((double)counts[i] - expected) > 5 * deviation)
            fail_msg("image %d was drawn %d times, expected %.0f", (int)i, (int)counts[i], expected);
    }
    assert_true(llabs(dogs - DRAWS / 2) < 5 * 100); /* five standard deviations */
    int64_t differing = 0;
    for (int64_t i = 0; i < 100; i++)
        differing += vt_balanced_sampler_draw(&sampler, 5, 0, i) != vt_balanced_sampler_draw(&sampler, 6, 0, i);
    assert_true(differing > 50);
    vt_balanced_sampler_free(&sampler);
}

/* Seven images have label A, one of them B, too, and one B perhaps; three have neither. */
static void the_rarest_label_weighs(void **state) {
    (void)state;
    static const char *const labels[] = {"[1, 1]", "[1, 0]",  "[1, 0]", "[1, 0]",  "[1, 0]",
                                         "[1, 0]", "[0, -1]", "[0, 0]", "[0, -1]", "[1, -1]"};
    static const double weights[] = {1, 1. / 7, 1. / 7, 1. / 7, 1. / 7, 1. / 7, 1. / 3, 1. / 3, 1. / 3, 1. / 7};
    char name[32], text[1024] = "";
    vt_prepare_options options;
    vt_dataset *multi;
    vt_balanced_sampler sampler;
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "%d.png", i);
        write_png("multi", name, 1, i);
        snprintf(text + strlen(text), sizeof text - strlen(text), "{\"file_name\": \"%s\", \"labels\": %s}\n", name, labels[i]);
    }
    write_text("multi", "metadata.jsonl", text);
    vt_prepare_options_init(&options);
    options.data = test_path("multi");
    options.out = test_path("multi_prepared");
    options.image_size = 4;
    options.validation_fraction = 0.0;
    options.threads = 1;
    ASSERT_OK(vt_prepare(&options, NULL));
    ASSERT_OK(vt_dataset_open(test_path("multi_prepared"), &multi));
    ASSERT_OK(vt_balanced_sampler_make(vt_dataset_get_split(multi, "train"), 2, &sampler));
    assert_int_equal(sampler.count, 10);
    for (int i = 0; i < 10; i++) assert_true(fabs(sampler.sums[i] - (i ? sampler.sums[i - 1] : 0) - weights[i]) < 1e-12);
    vt_balanced_sampler_free(&sampler);
    vt_dataset_close(multi);
}

static void balanced_epochs_are_draws(void **state) {
    (void)state;
    vt_balanced_sampler sampler;
    ASSERT_OK(vt_balanced_sampler_make(train, 2, &sampler));
    for (int workers = -1; workers <= 3; workers++) {
        vt_loader_options options = {.batch_size = 4,
                                     .shuffle = 1,
                                     .sampler = VT_SAMPLER_BALANCED,
                                     .seed = 3,
                                     .first_epoch = 2,
                                     .first_sample = 8,
                                     .epochs = 4,
                                     .workers = workers};
        vt_loader *loader;
        vt_batch batch;
        ASSERT_OK(vt_loader_create(dataset, train, &options, &loader));
        for (int64_t epoch = 2, first = 8; epoch < 4; first = first + 4 < IMAGES ? first + 4 : (epoch++, 0)) {
            ASSERT_OK(vt_loader_next(loader, &batch));
            assert_int_equal(batch.first, first);
            for (int64_t i = 0; i < batch.size; i++)
                assert_int_equal(batch.indices[i], vt_balanced_sampler_draw(&sampler, 3, epoch, first + i));
            check_batch(&batch);
        }
        ASSERT_OK(vt_loader_next(loader, &batch));
        assert_int_equal(batch.size, 0);
        vt_loader_free(loader);
    }
    vt_balanced_sampler_free(&sampler);
}

/* Images stored at 8 x 8 reach the model at 4 x 4, the whole of them. */
static void stored_images_are_brought_to_the_model_s_size(void **state) {
    (void)state;
    vt_prepare_options prepare;
    vt_dataset *large;
    vt_loader *loader;
    vt_batch batch;
    vt_prepare_options_init(&prepare);
    prepare.data = test_path("raw");
    prepare.out = test_path("large");
    prepare.image_size = 4;
    prepare.store_size = 8;
    prepare.validation_fraction = 0.0;
    prepare.threads = 1;
    ASSERT_OK(vt_prepare(&prepare, NULL));
    ASSERT_OK(vt_dataset_open(test_path("large"), &large));
    const vt_split *split = vt_dataset_get_split(large, "train");
    vt_loader_options options = {.batch_size = IMAGES, .epochs = 1, .workers = 1};
    ASSERT_OK(vt_loader_create(large, split, &options, &loader));
    ASSERT_OK(vt_loader_next(loader, &batch));
    assert_int_equal(batch.size, IMAGES);
    for (int64_t i = 0; i < IMAGES; i++) {
        vt_image stored = {.width = 8, .height = 8, .channels = 1}, expected;
        stored.pixels = (uint8_t *)(uintptr_t)vt_split_get(split, i).pixels;
        ASSERT_OK(vt_image_resize(&stored, 4, 4, VT_RESAMPLE_BILINEAR, &expected));
        assert_memory_equal(batch.pixels + i * 16, expected.pixels, 16);
        vt_image_free(&expected);
    }
    vt_loader_free(loader);
    vt_dataset_close(large);
}

/* What the loader must make of a sample, by the calls of the augmentation's own interface. */
static void augment_alone(const vt_augmentation *augmentation, const vt_batch *batch, int64_t i, bool balanced,
                          const vt_balanced_sampler *sampler, uint8_t *pixels, float *labels) {
    uint8_t scratch[1 << 14], other[16];
    vt_mix mix;
    int64_t sample = balanced ? batch->first + i : batch->indices[i];
    vt_example example = vt_split_get(train, batch->indices[i]);
    assert_true(vt_augmentation_scratch(augmentation) <= sizeof scratch);
    vt_augmentation_apply(augmentation, 7, batch->epoch, sample, example.pixels, scratch, pixels);
    memcpy(labels, example.labels, 2 * sizeof *labels);
    vt_augmentation_mix(augmentation, 7, batch->epoch, sample, IMAGES, &mix);
    if (mix.partner < 0) return;
    example = vt_split_get(train, balanced ? vt_balanced_sampler_draw(sampler, 7, batch->epoch, mix.partner) : mix.partner);
    vt_augmentation_apply(augmentation, 7, batch->epoch, mix.partner, example.pixels, scratch, other);
    vt_mix_pixels(augmentation, &mix, other, pixels);
    vt_mix_labels(&mix, example.labels, 2, labels);
}

static void samples_are_augmented_and_mixed(void **state) {
    (void)state;
    static const char text[] = "flip=0.5 brightness=0.4 mixup=1 cutmix=1 mixup-prob=0.8";
    vt_augmentation *augmentation;
    vt_balanced_sampler sampler;
    int64_t changed = 0, mixed = 0;
    ASSERT_OK(vt_augmentation_create(text, vt_dataset_get_info(dataset), &augmentation));
    ASSERT_OK(vt_balanced_sampler_make(train, 2, &sampler));
    for (int variant = 0; variant < 4; variant++) {
        bool balanced = variant & 1;
        vt_loader_options options = {.batch_size = 6,
                                     .shuffle = 1,
                                     .sampler = balanced ? VT_SAMPLER_BALANCED : VT_SAMPLER_RANDOM,
                                     .augment = text,
                                     .seed = 7,
                                     .epochs = 3,
                                     .workers = variant / 2 * 3};
        vt_loader *loader;
        vt_batch batch;
        ASSERT_OK(vt_loader_create(dataset, train, &options, &loader));
        for (int64_t left = 3 * IMAGES; left > 0; left -= batch.size) {
            ASSERT_OK(vt_loader_next(loader, &batch));
            for (int64_t i = 0; i < batch.size; i++) {
                uint8_t pixels[16];
                float labels[2];
                augment_alone(augmentation, &batch, i, balanced, &sampler, pixels, labels);
                assert_memory_equal(batch.pixels + i * 16, pixels, sizeof pixels);
                assert_memory_equal(batch.labels + i * 2, labels, sizeof labels);
                changed += memcmp(pixels, vt_split_get(train, batch.indices[i]).pixels, sizeof pixels) != 0;
                mixed += labels[0] != 0 && labels[1] != 0;
            }
        }
        vt_loader_free(loader);
    }
    assert_true(changed > 3 * IMAGES && mixed > IMAGES); /* of 12 * IMAGES */
    vt_balanced_sampler_free(&sampler);
    vt_augmentation_free(augmentation);
}

static void senseless_options_are_refused(void **state) {
    (void)state;
    vt_loader *loader;
    const vt_loader_options cases[] = {
        {.batch_size = 0},
        {.batch_size = 4, .epoch_size = IMAGES + 1},
        {.batch_size = 4, .first_sample = 3},
        {.batch_size = 4, .first_sample = 24},
        {.batch_size = 4, .first_epoch = -1},
        {.batch_size = 4, .epochs = -1},
        {.batch_size = 4, .workers = -2},
        {.batch_size = 4, .workers = 100000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ASSERT_FAILS(VT_ERROR_USAGE, "expected", vt_loader_create(dataset, train, &cases[i], &loader));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_do_not_depend_on_workers),
        cmocka_unit_test(seeking_continues_where_it_was),
        cmocka_unit_test(epochs_shorter_than_the_ring_and_stored_order),
        cmocka_unit_test(balanced_draws_are_as_frequent_as_their_weights),
        cmocka_unit_test(the_rarest_label_weighs),
        cmocka_unit_test(balanced_epochs_are_draws),
        cmocka_unit_test(stored_images_are_brought_to_the_model_s_size),
        cmocka_unit_test(samples_are_augmented_and_mixed),
        cmocka_unit_test(senseless_options_are_refused),
    };
    return cmocka_run_group_tests(tests, make_dataset, close_dataset);
}
