/* The pass over a raw data set: every listed image once, whatever the threads; what is twice, cut, damaged or bad. */
#include "raw_data.h"

#include "data/stream/decode.h"
#include <pthread.h>

static vt_source source;
static vt_decode_result result;
static int *seen; /* [items]: how often the sink had each */
static pthread_mutex_t seen_mutex = PTHREAD_MUTEX_INITIALIZER;
static int finished_containers;

static vt_status count_image(void *context, const vt_decoded *decoded) {
    (void)context;
    assert_int_equal(decoded->image->width, 9);
    assert_non_null(strstr(decoded->place, source.items[decoded->item].file_name));
    pthread_mutex_lock(&seen_mutex);
    seen[decoded->item]++;
    pthread_mutex_unlock(&seen_mutex);
    return VT_OK;
}

static vt_status count_finished(void *context, int container, int64_t unlisted) {
    (void)context, (void)container, (void)unlisted;
    pthread_mutex_lock(&seen_mutex);
    finished_containers++;
    pthread_mutex_unlock(&seen_mutex);
    return VT_OK;
}

static void open_source(const char *root) {
    static const vt_label_options options;
    vt_source_free(&source);
    ASSERT_OK(vt_source_open(test_path(root), &options, fresh_console(), &source));
}

static vt_status decode_with(const vt_decode_request *request) {
    vt_decode_result_free(&result);
    free(seen);
    seen = calloc(source.count, sizeof *seen);
    finished_containers = 0;
    return vt_decode_images(request, fresh_console(), &result);
}

static vt_decode_request request_for(int threads, vt_bad_image_policy policy) {
    return (vt_decode_request){.source = &source,
                               .bad_image = policy,
                               .threads = threads,
                               .sink = count_image,
                               .finished = count_finished,
                               .title = "Testing"};
}

static vt_status decode(int threads, vt_bad_image_policy policy) {
    vt_decode_request request = request_for(threads, policy);
    return decode_with(&request);
}

static size_t item_of(const char *file_name) {
    for (size_t i = 0; i < source.count; i++)
        if (strcmp(source.items[i].file_name, file_name) == 0) return i;
    fail_msg("no item '%s'", file_name);
    return 0;
}

static int clean_up(void **state) {
    (void)state;
    vt_source_free(&source);
    vt_decode_result_free(&result);
    free(seen);
    return 0;
}

static void every_listed_image_comes_once(void **state) {
    (void)state;
    write_nih("nih");
    struct archive *archive = begin_archive("nih", "images_003.tar.gz");
    add_png_member(archive, "images/z.png", 1, 1);
    add_png_member(archive, "images/b.png", 1, 1);
    end_archive(archive);
    open_source("nih");
    for (int threads = 1; threads <= 8; threads++) {
        ASSERT_OK(decode(threads, VT_BAD_IMAGE_FAIL));
        assert_int_equal(result.decoded, 12);
        for (size_t i = 0; i < source.count; i++) {
            assert_int_equal(seen[i], i != item_of("7_0.png"));
            assert_int_equal(result.found[i], i != item_of("7_0.png"));
        }
        assert_int_equal(finished_containers, 3);
        assert_int_equal(result.unlisted_count, 2);
        assert_string_equal(result.unlisted.items[0], "b.png");
        assert_string_equal(result.unlisted.items[1], "z.png");
    }
}

static void of_many_unlisted_images_the_first_names_are_kept(void **state) {
    (void)state;
    enum { MANY = VT_UNLISTED_LIMIT + 200 };
    write_nih("many");
    struct archive *archive = begin_archive("many", "images_003.tar.gz");
    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "x%05d.png", i * 7919 % MANY);
        add_member(archive, name, "", 0);
    }
    end_archive(archive);
    open_source("many");
    ASSERT_OK(decode(3, VT_BAD_IMAGE_FAIL));
    assert_int_equal(result.unlisted_count, MANY);
    assert_int_equal(result.unlisted.count, VT_UNLISTED_LIMIT);
    for (int i = 0; i < VT_UNLISTED_LIMIT; i++) assert_int_equal(atoi(result.unlisted.items[i] + 1), i);
}

static void unwanted_and_done_images_are_passed_over(void **state) {
    (void)state;
    write_nih("past");
    open_source("past");
    uint8_t *skip = calloc(source.count, 1), finished[2] = {1, 0};
    int32_t *origins = malloc(source.count * sizeof *origins);
    for (size_t i = 0; i < source.count; i++) origins[i] = VT_NOWHERE;
    skip[item_of("1_0.png")] = skip[item_of("6_1.png")] = 1;
    origins[item_of("3_1.png")] = origins[item_of("3_2.png")] = origins[item_of("4_0.png")] = 0;
    origins[item_of("1_1.png")] = VT_LOOSE;
    origins[item_of("5_0.png")] = 1;
    vt_decode_past past = {.origins = origins, .finished = finished};
    vt_decode_request request = request_for(3, VT_BAD_IMAGE_FAIL);
    request.skip = skip;
    request.past = &past;
    ASSERT_OK(decode_with(&request));
    assert_int_equal(result.decoded, 5); /* 2_0, 3_0 loose; 4_1, 6_0, 6_2 of the second archive */
    assert_int_equal(seen[item_of("6_2.png")] + seen[item_of("2_0.png")], 2);
    assert_int_equal(seen[item_of("1_0.png")] + seen[item_of("3_1.png")] + seen[item_of("5_0.png")], 0);
    assert_int_equal(finished_containers, 1);
    for (size_t i = 0; i < source.count; i++) assert_int_equal(result.found[i], i != item_of("7_0.png"));
    finished[0] = 0;
    origins[item_of("4_1.png")] = 0; /* but it lies in the other archive */
    ASSERT_FAILS(VT_ERROR_INPUT, "'4_1.png' is there twice", decode_with(&request));
    free(skip);
    free(origins);
}

static void the_same_image_twice_is_refused_with_both_places(void **state) {
    (void)state;
    write_nih("twice");
    write_png("twice", "images_001/images/4_0.png", 1, 1);
    open_source("twice");
    for (int threads = 1; threads <= 3; threads++) {
        ASSERT_FAILS(VT_ERROR_INPUT, "images_001/images/4_0.png' and in", decode(threads, VT_BAD_IMAGE_SKIP));
        assert_non_null(strstr(vt_error_message(), "images_001.tar.gz: images/4_0.png"));
    }
    write_nih("apart");
    struct archive *archive = begin_archive("apart", "images_003.tar");
    add_png_member(archive, "3_2.png", 1, 1);
    end_archive(archive);
    open_source("apart");
    ASSERT_FAILS(VT_ERROR_INPUT, "images_001.tar.gz", decode(1, VT_BAD_IMAGE_SKIP));
    assert_non_null(strstr(vt_error_message(), "images_003.tar: 3_2.png"));
    write_nih("within");
    archive = begin_archive("within", "images_001.tar.gz");
    add_png_member(archive, "images/3_1.png", 1, 1);
    add_png_member(archive, "other/3_1.png", 1, 2);
    end_archive(archive);
    open_source("within");
    ASSERT_FAILS(VT_ERROR_INPUT, "'3_1.png' is there twice", decode(2, VT_BAD_IMAGE_SKIP));
    assert_non_null(strstr(vt_error_message(), "images_001.tar.gz: other/3_1.png"));
}

static void cut_archives_are_refused_wherever_they_are_cut(void **state) {
    (void)state;
    write_nih("cut");
    uint8_t *data;
    size_t size;
    char path[1024];
    snprintf(path, sizeof path, "%s", raw_path("cut", "images_001.tar.gz"));
    ASSERT_OK(vt_read_file(path, 1 << 20, &data, &size));
    for (size_t length = 1; length + 1 < size; length += 13) {
        write_test_file(path, data, length);
        open_source("cut");
        ASSERT_FAILS(VT_ERROR_INPUT, "images_001.tar.gz", decode(2, VT_BAD_IMAGE_SKIP));
    }
    for (size_t at = 20; at < size; at += 17) { /* gzip's checksum tells of any wrong bit */
        data[at] ^= 0x55;
        write_test_file(path, data, size);
        open_source("cut");
        ASSERT_FAILS(VT_ERROR_INPUT, "images_001.tar.gz", decode(2, VT_BAD_IMAGE_SKIP));
        data[at] ^= 0x55;
    }
    data[size - 6] ^= 1;
    write_test_file(path, data, size);
    open_source("cut");
    ASSERT_FAILS(VT_ERROR_INPUT, "gzip data with wrong bits", decode(2, VT_BAD_IMAGE_SKIP));
    write_test_file(path, "PK\3\4, a zip archive", 20);
    open_source("cut");
    ASSERT_FAILS(VT_ERROR_INPUT, "does not begin as a tar archive", decode(2, VT_BAD_IMAGE_SKIP));
    free(data);
}

static void an_archive_behind_another_is_read(void **state) {
    (void)state;
    write_nih("joined");
    uint8_t *first, *second, *both;
    size_t first_size, second_size;
    open_source("joined");
    ASSERT_OK(decode(1, VT_BAD_IMAGE_FAIL));
    int64_t apart = result.decoded;
    ASSERT_OK(vt_read_file(raw_path("joined", "images_001.tar.gz"), 1 << 20, &first, &first_size));
    ASSERT_OK(vt_read_file(raw_path("joined", "images_002.tar.gz"), 1 << 20, &second, &second_size));
    both = malloc(first_size + second_size);
    memcpy(both, first, first_size);
    memcpy(both + first_size, second, second_size);
    write_test_file(raw_path("joined", "images_001.tar.gz"), both, first_size + second_size);
    assert_int_equal(remove(raw_path("joined", "images_002.tar.gz")), 0);
    open_source("joined");
    ASSERT_OK(decode(2, VT_BAD_IMAGE_FAIL));
    assert_int_equal(result.decoded, apart);
    free(first);
    free(second);
    free(both);
}

/* A tar header that claims `octal` bytes, and no more. */
static void write_tar_claiming(const char *root, const char *octal) {
    char header[512] = {0};
    snprintf(header, 100, "images/1_0.png");
    memcpy(header + 100, "0000644", 7);
    memcpy(header + 124, octal, 11);
    memcpy(header + 136, "00000000000", 11);
    header[156] = '0';
    memcpy(header + 257, "ustar\00000", 8);
    unsigned sum = 8 * ' ';
    for (int i = 0; i < 512; i++) sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    write_test_file(raw_path(root, "images_001.tar"), header, sizeof header);
}

static void huge_claims_of_an_archive_are_refused(void **state) {
    (void)state;
    write_text("claims", "Data_Entry_2017.csv", "Image Index,Finding Labels,Patient ID\n1_0.png,Mass,1\n");
    write_tar_claiming("claims", "77777777777");
    open_source("claims");
    ASSERT_FAILS(VT_ERROR_INPUT, "claims to be 8589934591 bytes", decode(1, VT_BAD_IMAGE_FAIL));
    write_tar_claiming("claims", "00000010000");
    open_source("claims");
    ASSERT_FAILS(VT_ERROR_INPUT, "cut or damaged", decode(1, VT_BAD_IMAGE_FAIL));
}

static void bad_images_are_named_or_fail(void **state) {
    (void)state;
    write_nih("bad");
    write_text("bad", "images/1_1.png", "\x89PNG\r\n\x1a\n and no more");
    struct archive *archive = begin_archive("bad", "images_001.tar.gz");
    add_png_member(archive, "images/3_1.png", 1, 5);
    add_member(archive, "images/3_2.png", "", 0);
    add_png_member(archive, "images/4_0.png", 1, 7);
    end_archive(archive);
    open_source("bad");
    for (int threads = 1; threads <= 4; threads++) {
        ASSERT_OK(decode(threads, VT_BAD_IMAGE_SKIP));
        assert_int_equal(result.bad_names.count, 2);
        assert_string_equal(result.bad_names.items[0], "1_1.png");
        assert_string_equal(result.bad_names.items[1], "3_2.png");
        assert_non_null(strstr(result.bad_sentences.items[1], "images_001.tar.gz: images/3_2.png"));
        assert_true(result.found[item_of("3_2.png")]);
        assert_int_equal(finished_containers, 1); /* the one without a bad image */
        ASSERT_FAILS(VT_ERROR_INPUT, "--on-bad-image skip would pass over it", decode(threads, VT_BAD_IMAGE_FAIL));
    }
}

static void an_outlook_guesses_what_archives_hold(void **state) {
    (void)state;
    write_nih("ahead");
    open_source("ahead");
    vt_decode_request request = request_for(2, VT_BAD_IMAGE_FAIL);
    vt_decode_outlook outlook = vt_decode_look_ahead(&request);
    assert_false(outlook.exact);
    assert_in_range(outlook.images, 4, 13);
    ASSERT_OK(vt_remove_tree(test_path("ahead/images_001.tar.gz")));
    ASSERT_OK(vt_remove_tree(test_path("ahead/images_002.tar.gz")));
    open_source("ahead");
    outlook = vt_decode_look_ahead(&request);
    assert_true(outlook.exact);
    assert_int_equal(outlook.images, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_listed_image_comes_once),
        cmocka_unit_test(of_many_unlisted_images_the_first_names_are_kept),
        cmocka_unit_test(unwanted_and_done_images_are_passed_over),
        cmocka_unit_test(the_same_image_twice_is_refused_with_both_places),
        cmocka_unit_test(cut_archives_are_refused_wherever_they_are_cut),
        cmocka_unit_test(an_archive_behind_another_is_read),
        cmocka_unit_test(huge_claims_of_an_archive_are_refused),
        cmocka_unit_test(bad_images_are_named_or_fail),
        cmocka_unit_test(an_outlook_guesses_what_archives_hold),
    };
    int failures = cmocka_run_group_tests(tests, NULL, clean_up);
    remove_test_folder();
    return failures;
}
