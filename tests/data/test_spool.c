/* The spool of resized images and its journal: what a later run finds, whatever was torn, cut or changed. */
#include "raw_data.h"

#include "data/prepare/spool.h"
#include <unistd.h>

enum { PLANE = 4 * 3 };

static vt_source source;
static vt_spool spool;
static uint8_t skip[64];
static vt_spool_format format = {.height = 4, .width = 3, .resample = VT_RESAMPLE_BILINEAR};

static const char *spool_path(const char *name) {
    static char paths[2][1024];
    static int next;
    next = !next;
    snprintf(paths[next], sizeof paths[next], "%s/%s", test_path("spool"), name);
    return paths[next];
}

static void open_source(void) {
    static const vt_label_options options;
    static char root[512];
    vt_source_free(&source);
    snprintf(root, sizeof root, "%s", test_path("nih"));
    ASSERT_OK(vt_source_open(root, &options, fresh_console(), &source));
}

static void reopen(void) {
    vt_spool_close(&spool);
    ASSERT_OK(vt_spool_open(test_path("spool"), &source, skip, &format, &spool));
}

static size_t item_of(const char *file_name) {
    for (size_t i = 0; i < source.count; i++)
        if (strcmp(source.items[i].file_name, file_name) == 0) return i;
    fail_msg("no item '%s'", file_name);
    return 0;
}

static void fill(uint8_t *pixels, size_t item, int channels) {
    for (int i = 0; i < PLANE * channels; i++) pixels[i] = (uint8_t)(item * 17 + (size_t)i);
}

static void write_item(const char *name, int container, int channels) {
    uint8_t pixels[PLANE * 3];
    size_t item = item_of(name);
    fill(pixels, item, channels);
    ASSERT_OK(vt_spool_write(&spool, item, container, channels, channels == 3, pixels));
}

static void assert_there(const char *name, int container, int channels) {
    uint8_t pixels[PLANE * 3], expected[PLANE * 3];
    size_t item = item_of(name);
    assert_int_equal(spool.channels[item], channels);
    assert_int_equal(spool.past.origins[item], container);
    fill(expected, item, channels);
    ASSERT_OK(vt_spool_read(&spool, item, channels, pixels));
    assert_memory_equal(pixels, expected, (size_t)(PLANE * channels));
}

static void assert_not_there(const char *name) {
    assert_int_equal(spool.channels[item_of(name)], 0);
    assert_int_equal(spool.past.origins[item_of(name)], VT_NOWHERE);
}

/* A spool of two loose images, all of the first archive, and one of the second. */
static int fill_spool(void **state) {
    (void)state;
    ASSERT_OK(vt_remove_tree(test_path("spool")));
    ASSERT_OK(vt_remove_tree(test_path("nih")));
    ASSERT_OK(vt_make_folders(test_path("spool")));
    memset(skip, 0, sizeof skip);
    format.width = 3;
    write_nih("nih");
    open_source();
    reopen();
    write_item("1_0.png", VT_LOOSE, 1);
    write_item("3_1.png", 0, 3);
    ASSERT_OK(vt_spool_sync(&spool));
    write_item("3_2.png", 0, 1);
    write_item("4_0.png", 0, 1);
    ASSERT_OK(vt_spool_finish(&spool, 0, 7));
    write_item("6_0.png", 1, 1);
    write_item("1_1.png", VT_LOOSE, 3);
    ASSERT_OK(vt_spool_sync(&spool));
    return 0;
}

static int clean_up(void **state) {
    (void)state;
    vt_spool_close(&spool);
    vt_source_free(&source);
    return 0;
}

static void what_was_synced_is_found(void **state) {
    (void)state;
    assert_int_equal(spool.kept, 6);
    write_item("2_0.png", VT_LOOSE, 1); /* not synced */
    assert_int_equal(spool.kept, 7);
    reopen();
    assert_int_equal(spool.count, 6);
    assert_int_equal(spool.kept, 6);
    assert_int_equal(spool.dim, 2);
    assert_there("1_0.png", VT_LOOSE, 1);
    assert_there("3_1.png", 0, 3);
    assert_there("6_0.png", 1, 1);
    assert_there("1_1.png", VT_LOOSE, 3);
    assert_not_there("2_0.png");
    assert_true(spool.past.finished[0] && !spool.past.finished[1]);
    assert_int_equal(spool.unlisted, 7);
    assert_false(spool.discarded);
    write_item("2_0.png", VT_LOOSE, 1); /* goes on where the first left off, over nothing of it */
    ASSERT_OK(vt_spool_sync(&spool));
    reopen();
    assert_int_equal(spool.count, 7);
    assert_there("1_1.png", VT_LOOSE, 3);
    assert_there("2_0.png", VT_LOOSE, 1);
}

static void what_a_container_points_to_is_not_found_again(void **state) {
    (void)state;
    write_item("2_0.png", VT_POINTED_TO, 1);
    ASSERT_OK(vt_spool_sync(&spool));
    assert_int_equal(spool.channels[item_of("2_0.png")], 1);
    assert_int_equal(spool.kept, 6);
    reopen();
    assert_int_equal(spool.count, 6);
    assert_not_there("2_0.png");
}

static void a_torn_or_damaged_journal_is_good_up_to_there(void **state) {
    (void)state;
    enum { RECORDS = 8, FINISHED_RECORD = 5 }; /* the beginning, six images and a container */
    uint8_t *journal, *pixels;
    size_t size, pixels_size;
    ASSERT_OK(vt_read_file(spool_path(VT_SPOOL_JOURNAL), 1 << 20, &journal, &size));
    ASSERT_OK(vt_read_file(spool_path(VT_SPOOL_PIXELS), 1 << 20, &pixels, &pixels_size));
    vt_spool_close(&spool);
    assert_int_equal(size % RECORDS, 0);
    size_t record = size / RECORDS;
    for (size_t at = 0; at < size; at++) {
        for (int damaged = 0; damaged < 2; damaged++) {
            journal[at] ^= 0x10;
            write_test_file(spool_path(VT_SPOOL_JOURNAL), journal, damaged ? size : at);
            journal[at] ^= 0x10;
            write_test_file(spool_path(VT_SPOOL_PIXELS), pixels, pixels_size);
            reopen();
            size_t whole = at / record;
            assert_int_equal(spool.count, whole > FINISHED_RECORD ? whole - 2 : whole ? whole - 1 : 0);
            if (whole > 2) assert_there("3_1.png", 0, 3);
            write_item("6_2.png", 1, 1); /* stands behind what is whole */
            ASSERT_OK(vt_spool_sync(&spool));
            int64_t count = spool.count + 1;
            reopen();
            assert_int_equal(spool.count, count);
            assert_there("6_2.png", 1, 1);
            if (whole > 1) assert_there("1_0.png", VT_LOOSE, 1);
            if (whole > 2) assert_there("3_1.png", 0, 3);
            vt_spool_close(&spool);
        }
    }
    free(journal);
    free(pixels);
}

static void pixels_that_are_not_there_are_not_believed(void **state) {
    (void)state;
    assert_int_equal(truncate(spool_path(VT_SPOOL_PIXELS), PLANE * 4 - 1), 0);
    reopen();
    assert_there("1_0.png", VT_LOOSE, 1);
    assert_not_there("3_1.png");
    assert_int_equal(spool.count, 1);
}

static void what_changed_is_forgotten(void **state) {
    (void)state;
    write_png("nih", "images/1_0.png", 1, 9);
    struct archive *archive = begin_archive("nih", "images_001.tar.gz");
    add_png_member(archive, "images/3_1.png", 1, 50);
    end_archive(archive);
    open_source();
    reopen();
    assert_not_there("1_0.png");
    assert_not_there("3_1.png");
    assert_not_there("4_0.png");
    assert_there("6_0.png", 1, 1);
    assert_there("1_1.png", VT_LOOSE, 3);
    assert_false(spool.past.finished[0]);
    assert_int_equal(spool.unlisted, 0);
}

static void an_archive_is_known_wherever_it_stands_in_the_list(void **state) {
    (void)state;
    struct archive *archive = begin_archive("nih", "images_000.tar.gz");
    add_png_member(archive, "images/7_0.png", 1, 50);
    end_archive(archive);
    open_source();
    reopen();
    assert_there("3_1.png", 1, 3);
    assert_there("6_0.png", 2, 1);
    assert_true(!spool.past.finished[0] && spool.past.finished[1] && !spool.past.finished[2]);
}

static void an_image_that_is_loose_by_now_reopens_its_archive(void **state) {
    (void)state;
    write_png("nih", "images/3_1.png", 1, 9);
    open_source();
    reopen();
    assert_not_there("3_1.png");
    assert_false(spool.past.finished[0]);
}

static void another_size_or_another_choice_starts_over(void **state) {
    (void)state;
    format.width = 4;
    reopen();
    assert_int_equal(spool.count, 0);
    assert_true(spool.discarded);
    fill_spool(NULL);
    skip[3] = 1;
    reopen();
    assert_int_equal(spool.count, 0);
    assert_true(spool.discarded);
    fill_spool(NULL);
    ASSERT_OK(vt_spool_remove(test_path("spool")));
    assert_false(vt_spool_is_there(test_path("spool")));
    reopen();
    assert_int_equal(spool.count, 0);
    assert_false(spool.discarded);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_synced_is_found, fill_spool),
        cmocka_unit_test_setup(what_a_container_points_to_is_not_found_again, fill_spool),
        cmocka_unit_test_setup(a_torn_or_damaged_journal_is_good_up_to_there, fill_spool),
        cmocka_unit_test_setup(pixels_that_are_not_there_are_not_believed, fill_spool),
        cmocka_unit_test_setup(what_changed_is_forgotten, fill_spool),
        cmocka_unit_test_setup(an_archive_is_known_wherever_it_stands_in_the_list, fill_spool),
        cmocka_unit_test_setup(an_image_that_is_loose_by_now_reopens_its_archive, fill_spool),
        cmocka_unit_test_setup(another_size_or_another_choice_starts_over, fill_spool),
    };
    int failures = cmocka_run_group_tests(tests, NULL, clean_up);
    remove_test_folder();
    return failures;
}
