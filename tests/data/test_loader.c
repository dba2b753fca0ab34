/* The loader: the same batches for any number of workers, every sample once per epoch, and seeking. */
#include "raw_data.h"

#include "base/random.h"
#include "data/loader.h"

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
        {.batch_size = 4, .workers = -1},
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
        cmocka_unit_test(senseless_options_are_refused),
    };
    return cmocka_run_group_tests(tests, make_dataset, close_dataset);
}
