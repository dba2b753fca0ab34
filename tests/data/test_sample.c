/* The drawn data set: the same bytes for the same seed, the original's layout and label statistics, and drawings in which
 * findings show. */
#include "support.h"

#include "base/memory.h"
#include "data/sample/sample_chest.h"
#include "data/stream/archive.h"
#include "formats/csv.h"
#include "vitrain/sample.h"
#include <math.h>

static vt_sample_options small_set(const char *out) {
    vt_sample_options options;
    vt_sample_options_init(&options);
    options.out = out;
    options.images = 41;
    options.image_size = 48;
    options.images_per_archive = 25;
    options.seed = 7;
    return options;
}

static const char *const file_names[] = {"Data_Entry_2017_v2020.csv", "README.txt",    "images_001.tar.gz",
                                         "images_002.tar.gz",         "test_list.txt", "train_val_list.txt"};
enum { FILE_COUNT = sizeof file_names / sizeof file_names[0] };

static uint8_t *read_file(const char *folder, const char *name, size_t *size) {
    char path[1024];
    uint8_t *data;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ASSERT_OK(vt_read_file(path, 1 << 26, &data, size));
    return data;
}

static void writes_the_layout(void **state) {
    (void)state;
    const char *out = test_path("layout");
    vt_sample_options options = small_set(out);
    ASSERT_OK(vt_sample_write(&options, NULL));
    vt_strings names = {0};
    ASSERT_OK(vt_list_folder(out, &names));
    assert_int_equal(names.count, FILE_COUNT);
    for (int i = 0; i < FILE_COUNT; i++) assert_string_equal(names.items[i], file_names[i]);
    vt_strings_free(&names);
    size_t size;
    char *readme = (char *)read_file(out, "README.txt", &size);
    assert_non_null(strstr(readme, "drawings, not radiographs"));
    free(readme);
    uint8_t *archive = read_file(out, "images_001.tar.gz", &size);
    assert_memory_equal(archive, "\x1f\x8b\x08\0\0\0\0\0", 8); /* gzip without a name or a time */
    free(archive);
}

/* The archives hold exactly the images of the table, in its order; each is in one list. */
static void table_archives_and_lists_agree(void **state) {
    (void)state;
    const char *out = test_path("layout");
    size_t size;
    char *train = (char *)read_file(out, "train_val_list.txt", &size), *test = (char *)read_file(out, "test_list.txt", &size);
    char path[1024];
    snprintf(path, sizeof path, "%s/Data_Entry_2017_v2020.csv", out);
    uint8_t *table = read_file(out, "Data_Entry_2017_v2020.csv", &size);
    static const char header[] = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
                                 "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n";
    assert_memory_equal(table, header, sizeof header - 1);
    vt_csv *csv;
    ASSERT_OK(vt_csv_open(path, &csv));
    assert_int_equal(vt_csv_column_count(csv), 11);
    const char *const *fields;
    int more, row;
    vt_archive *archive = NULL;
    ASSERT_OK(vt_csv_next(csv, &fields, &more));
    for (row = 0; more; row++) {
        if (row % 25 == 0) {
            vt_archive_close(archive);
            snprintf(path, sizeof path, "%s/images_%03d.tar.gz", out, row / 25 + 1);
            ASSERT_OK(vt_archive_open(path, &archive));
        }
        vt_archive_member member;
        ASSERT_OK(vt_archive_next(archive, &member));
        assert_non_null(member.path);
        snprintf(path, sizeof path, "images/%s", fields[0]);
        assert_string_equal(member.path, path);
        snprintf(path, sizeof path, "%08d_%03d.png", atoi(fields[3]), atoi(fields[2]));
        assert_string_equal(fields[0], path);
        assert_int_not_equal(!strstr(train, fields[0]), !strstr(test, fields[0]));
        uint8_t *data;
        vt_image image;
        ASSERT_OK(vt_archive_read(archive, &data, &size));
        ASSERT_OK(vt_image_decode(data, size, fields[0], &image));
        assert_int_equal(image.width, 48);
        assert_int_equal(image.channels, 1);
        vt_image_free(&image);
        free(data);
        ASSERT_OK(vt_csv_next(csv, &fields, &more));
    }
    assert_int_equal(row, 41);
    vt_archive_close(archive);
    vt_csv_close(csv);
    free(table);
    free(train);
    free(test);
}

static void same_seed_gives_same_bytes(void **state) {
    (void)state;
    const char *out = test_path("layout"), *again = test_path("again"), *other = test_path("other");
    vt_sample_options options = small_set(again);
    options.threads = 3;
    ASSERT_OK(vt_sample_write(&options, NULL));
    options = small_set(other);
    options.seed = 8;
    options.threads = 1;
    ASSERT_OK(vt_sample_write(&options, NULL));
    for (int i = 0; i < FILE_COUNT; i++) {
        size_t size, size_again, size_other;
        uint8_t *data = read_file(out, file_names[i], &size), *data_again = read_file(again, file_names[i], &size_again);
        uint8_t *data_other = read_file(other, file_names[i], &size_other);
        assert_int_equal(size_again, size);
        assert_memory_equal(data_again, data, size);
        if (vt_has_suffix(file_names[i], ".gz") || vt_has_suffix(file_names[i], ".csv"))
            assert_true(size_other != size || memcmp(data_other, data, size) != 0);
        free(data);
        free(data_again);
        free(data_other);
    }
}

static void refuses_folders_in_use(void **state) {
    (void)state;
    vt_sample_options options = small_set(test_path("layout"));
    ASSERT_FAILS(VT_ERROR_USAGE, "is not empty", vt_sample_write(&options, NULL));
    write_test_file(test_path("file"), "x", 1);
    options.out = test_path("file");
    ASSERT_FAILS(VT_ERROR_USAGE, "is not a folder", vt_sample_write(&options, NULL));
    options = small_set(test_path("new"));
    options.images = 0;
    ASSERT_FAILS(VT_ERROR_USAGE, "0 images", vt_sample_write(&options, NULL));
    options = small_set(test_path("new"));
    options.image_size = 5000;
    ASSERT_FAILS(VT_ERROR_USAGE, "5000", vt_sample_write(&options, NULL));
    assert_false(vt_path_exists(test_path("new")));
}

static void stops_when_asked(void **state) {
    (void)state;
    vt_sample_options options = small_set(test_path("stopped"));
    vt_request_stop();
    ASSERT_FAILS(VT_ERROR_INTERRUPTED, "interrupted", vt_sample_write(&options, NULL));
    vt_clear_stop();
    vt_strings names = {0};
    ASSERT_OK(vt_list_folder(options.out, &names));
    assert_int_equal(names.count, 0);
    vt_strings_free(&names);
    ASSERT_OK(vt_sample_write(&options, NULL)); /* the empty folder can be used again */
}

/* Shares in per mille of ChestX-ray14's images, counted from its table of labels. */
static const double shares[VT_FINDING_COUNT] = {103, 25, 42, 21, 119, 22, 15, 2, 177, 52, 56, 30, 13, 47};

static void labels_have_the_originals_shares(void **state) {
    (void)state;
    enum { COUNT = 60000 };
    vt_sample_image *images = malloc(COUNT * sizeof *images);
    vt_sample_plan(3, COUNT, images);
    double found[VT_FINDING_COUNT] = {0}, none = 0, test = 0, female = 0, both = 0;
    for (int i = 0; i < COUNT; i++) {
        for (int f = 0; f < VT_FINDING_COUNT; f++) found[f] += images[i].findings >> f & 1;
        none += images[i].findings == 0;
        test += images[i].in_test_list;
        female += images[i].female;
        both += (images[i].findings & 1u << VT_FINDING_INFILTRATION) && (images[i].findings & 1u << VT_FINDING_EFFUSION);
        assert_in_range(images[i].age, 1, 95);
        if (i && images[i].patient == images[i - 1].patient) {
            assert_int_equal(images[i].follow_up, images[i - 1].follow_up + 1);
            assert_int_equal(images[i].in_test_list, images[i - 1].in_test_list);
            assert_true(images[i].age >= images[i - 1].age);
        } else {
            assert_int_equal(images[i].follow_up, 0);
        }
    }
    for (int f = 0; f < VT_FINDING_COUNT; f++)
        if (fabs(1000 * found[f] / COUNT - shares[f]) > 1 + 0.12 * shares[f])
            fail_msg("finding %d: %.1f per mille, the original has %.1f", f, 1000 * found[f] / COUNT, shares[f]);
    assert_true(fabs(none / COUNT - 0.538) < 0.01);
    assert_true(fabs(test / COUNT - 0.228) < 0.02);
    assert_true(fabs(female / COUNT - 0.45) < 0.03);
    assert_true(fabs(both / COUNT - 0.0357) < 0.006); /* 4,000 of 112,120 */
    free(images);
}

/* Every finding changes the picture of the same patient by far more than the noise does. */
static void findings_show(void **state) {
    (void)state;
    enum { SIZE = 96 };
    vt_sample_image who = {.patient = 5, .age = 50};
    vt_image healthy, ill;
    ASSERT_OK(vt_chest_draw(1, &who, SIZE, &healthy));
    for (int f = 0; f < VT_FINDING_COUNT; f++) {
        who.findings = 1u << f;
        ASSERT_OK(vt_chest_draw(1, &who, SIZE, &ill));
        int changed = 0;
        for (int i = 0; i < SIZE * SIZE; i++) changed += abs(ill.pixels[i] - healthy.pixels[i]) > 20;
        if (changed < 15) fail_msg("finding %d changes only %d pixels", f, changed);
        vt_image_free(&ill);
    }
    vt_image_free(&healthy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_layout),
        cmocka_unit_test(table_archives_and_lists_agree),
        cmocka_unit_test(same_seed_gives_same_bytes),
        cmocka_unit_test(refuses_folders_in_use),
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(labels_have_the_originals_shares),
        cmocka_unit_test(findings_show),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
