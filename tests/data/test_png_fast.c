/* The fast PNG decoder gives libpng's pixels for whatever it takes, takes what is usual, and leaves the rest to libpng; its
 * kernels agree with the formulas of the PNG specification. PNGs are put together here, chunk by chunk, to be odd in one way.
 */
#include "support.h"

#include "data/image/image_formats.h"
#include "data/image/png_unfilter.h"
#include "data/stream/archive.h"
#include <dirent.h>
#include <zlib.h>

static uint32_t random_state = 1;
static unsigned any(unsigned below) {
    random_state = random_state * 1664525u + 1013904223u;
    return (unsigned)((uint64_t)random_state * below >> 32);
}

/* --- row filters --- */

/* The specification's own words: a, b, c are the pixels to the left, above, and above left. */
static int predict(int filter, int a, int b, int c) {
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    switch (filter) {
    case 0:
        return 0;
    case 1:
        return a;
    case 2:
        return b;
    case 3:
        return (a + b) / 2;
    default:
        return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    }
}

static void unfilter_slowly(const uint8_t *filtered, size_t rows, size_t length, size_t step, uint8_t *out) {
    for (size_t y = 0; y < rows; y++)
        for (size_t i = 0; i < length; i++) {
            int a = i >= step ? out[y * length + i - step] : 0, b = y ? out[(y - 1) * length + i] : 0;
            int c = y && i >= step ? out[(y - 1) * length + i - step] : 0;
            const uint8_t *row = filtered + y * (length + 1);
            out[y * length + i] = (uint8_t)(row[1 + i] + predict(row[0], a, b, c));
        }
}

/* Mixes 0 to 4 have one filter, 5 has any of them, 6 mostly Paeth. Few levels make for equal neighbours, which are decided by
 * order. */
enum { MIXES = 7 };
static void fill_filtered(uint8_t *filtered, size_t rows, size_t length, int mix, unsigned levels) {
    for (size_t y = 0; y < rows; y++) {
        uint8_t *row = filtered + y * (length + 1);
        row[0] = (uint8_t)(mix < 5 ? mix : mix == 5 || any(20) == 0 ? (int)any(5) : 4);
        for (size_t i = 0; i < length; i++) row[1 + i] = (uint8_t)(any(levels) * (255 / (levels - 1)));
    }
}

static void check_kernels(size_t rows, size_t length, int step, int mix) {
    size_t filtered_size = rows * (length + 1);
    uint8_t *filtered = malloc(filtered_size + VT_PNG_WAVE_SLACK), *zeros = calloc(1, length + VT_PNG_WAVE_SLACK);
    uint8_t *expected = malloc(rows * length), *actual = malloc(rows * length);
    memset(filtered + filtered_size, 0xa5, VT_PNG_WAVE_SLACK);
    fill_filtered(filtered, rows, length, mix, any(2) ? 256 : 4);
    unfilter_slowly(filtered, rows, length, (size_t)step, expected);
    assert_true(vt_png_unfilter(filtered, zeros, rows, length, step, actual));
    assert_memory_equal(actual, expected, rows * length);
#if defined(__x86_64__)
    if (step == 1 && rows % VT_PNG_WAVE_ROWS == 0 && __builtin_cpu_supports("avx2")) {
        memset(actual, 0x5a, rows * length);
        assert_true(vt_png_unfilter_avx2(filtered, zeros, rows, length, actual));
        assert_memory_equal(actual, expected, rows * length);
    }
#endif
    assert_true(vt_png_unfilter(filtered, zeros, rows, length, step, filtered));
    assert_memory_equal(filtered, expected, rows * length);
    free(filtered);
    free(zeros);
    free(expected);
    free(actual);
}

static void kernels_follow_the_specification(void **state) {
    (void)state;
    for (int step = 1; step <= 4; step++)
        for (size_t width = 1; width <= 70; width++)
            for (int mix = 0; mix < MIXES; mix++) {
                check_kernels(1 + any(70), width * (size_t)step, step, mix);
                if (step == 1) check_kernels(VT_PNG_WAVE_ROWS * (1 + any(3)), width, step, mix);
            }
}

static void kernels_refuse_unknown_filters(void **state) {
    (void)state;
    enum { ROWS = VT_PNG_WAVE_ROWS, LENGTH = 5 };
    uint8_t filtered[ROWS * (LENGTH + 1) + VT_PNG_WAVE_SLACK], zeros[LENGTH + VT_PNG_WAVE_SLACK] = {0}, out[ROWS * LENGTH];
    for (int row = 0; row < ROWS; row++) {
        memset(filtered, 0, sizeof filtered);
        filtered[row * (LENGTH + 1)] = 5;
        assert_false(vt_png_unfilter(filtered, zeros, ROWS, LENGTH, 1, out));
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx2")) assert_false(vt_png_unfilter_avx2(filtered, zeros, ROWS, LENGTH, out));
#endif
    }
}

/* --- PNG files --- */

typedef struct png_text {
    uint8_t data[1 << 17];
    size_t size;
} png_text;

static void add_number(png_text *png, uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) png->data[png->size++] = (uint8_t)(number >> shift);
}

static void add_chunk(png_text *png, const char *type, const void *data, size_t size) {
    assert_true(png->size + size + 12 <= sizeof png->data);
    add_number(png, (uint32_t)size);
    uint8_t *begin = png->data + png->size;
    memcpy(begin, type, 4);
    if (size) memcpy(begin + 4, data, size);
    png->size += 4 + size;
    add_number(png, (uint32_t)crc32(0, begin, (uInt)(4 + size)));
}

static void begin_png(png_text *png, int width, int height, int colour) {
    memcpy(png->data, "\x89PNG\r\n\x1a\n", 8);
    png->size = 8;
    uint8_t header[13] = {0, 0, 0, (uint8_t)width, 0, 0, 0, (uint8_t)height, 8, (uint8_t)colour, 0, 0, 0};
    add_chunk(png, "IHDR", header, sizeof header);
}

static const int bytes_of_colour[] = {[0] = 1, [2] = 3, [4] = 2, [6] = 4};

/* As the two ways of decoding must: the same pixels, or the same refusal. Returns whether the fast decoder took it. */
static int check_png(const uint8_t *png, size_t size, const char *what) {
    vt_encoded_image encoded = {.data = png, .size = size, .name = "png"};
    vt_decoded_image fast, expected;
    int taken = vt_png_decode_fast(&encoded, &fast);
    vt_status status = vt_png_decode(&encoded, &expected);
    char message[512];
    snprintf(message, sizeof message, "%s", vt_error_message());
    if (taken) {
        if (status != VT_OK) fail_msg("%s: libpng refuses what was taken: %s", what, message);
        assert_int_equal(fast.orientation, expected.orientation);
        assert_int_equal(fast.facts.depth, expected.facts.depth);
        assert_int_equal(fast.facts.channels, expected.facts.channels);
        assert_int_equal(fast.image.width, expected.image.width);
        assert_int_equal(fast.image.height, expected.image.height);
        assert_int_equal(fast.image.channels, expected.image.channels);
        size_t bytes = (size_t)fast.image.width * (size_t)fast.image.height * (size_t)fast.image.channels;
        if (memcmp(fast.image.pixels, expected.image.pixels, bytes) != 0) fail_msg("%s: pixels differ from libpng's", what);
    } else {
        vt_image image;
        assert_null(fast.image.pixels);
        if (vt_image_decode(png, size, "png", &image) != status) fail_msg("%s: another status than libpng's", what);
        if (status != VT_OK) assert_string_equal(vt_error_message(), message);
        vt_image_free(&image);
    }
    vt_image_free(&fast.image);
    vt_image_free(&expected.image);
    return taken;
}

static void takes_every_usual_image(void **state) {
    (void)state;
    static png_text png;
    static uint8_t filtered[70 * (1 + 4 * 70)], stream[1 << 16];
    static const int colours[] = {0, 2, 4, 6};
    for (int width = 1; width <= 70; width++)
        for (int mix = 0; mix < MIXES; mix++) {
            int colour = colours[any(4)], height = (int)(1 + any(70));
            size_t length = (size_t)(width * bytes_of_colour[colour]), size = (size_t)height * (length + 1), done = 0;
            fill_filtered(filtered, (size_t)height, length, mix, any(2) ? 256 : 4);
            uLongf stream_size = sizeof stream;
            assert_int_equal(compress2(stream, &stream_size, filtered, (uLong)size, (int)(1 + any(9))), Z_OK);
            begin_png(&png, width, height, colour);
            add_chunk(&png, "tIME", "\x07\xe0\1\1\1\1\1", 7);
            while (done < stream_size) {
                size_t part = any(3000);
                if (part > stream_size - done) part = stream_size - done;
                add_chunk(&png, "IDAT", stream + done, part);
                done += part;
            }
            add_chunk(&png, "tEXt", "Title\0x", 7);
            add_chunk(&png, "IEND", NULL, 0);
            char what[64];
            snprintf(what, sizeof what, "%d x %d, colour %d, filters %d", width, height, colour, mix);
            if (!check_png(png.data, png.size, what) && stream_size <= size) fail_msg("%s: left to libpng", what);
        }
}

static void takes_only_usual_seeds(void **state) {
    (void)state;
    static const char *const usual[] = {"grey.png",        "rgb.png",          "rgba.png",
                                        "grey_as_rgb.png", "grey_as_rgba.png", "grey_alpha.png"};
    const char *source = getenv("VITRAIN_SOURCE");
    char folder[1024], path[1400];
    snprintf(folder, sizeof folder, "%s/tests/fuzz/seeds/image", source ? source : ".");
    DIR *seeds = opendir(folder);
    assert_non_null(seeds);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(seeds));) {
        if (!vt_has_suffix(entry->d_name, ".png")) continue;
        uint8_t *data;
        size_t size;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        ASSERT_OK(vt_read_file(path, 1 << 20, &data, &size));
        int taken = check_png(data, size, entry->d_name), expected = 0;
        for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) expected |= strcmp(entry->d_name, usual[i]) == 0;
        if (taken != expected) fail_msg("%s: taken: %d", entry->d_name, taken);
        count++;
        free(data);
    }
    closedir(seeds);
    assert_true(count > 20);
}

/* --- PNGs odd in one way --- */

enum { SIDE = 40, FILTERED_SIZE = SIDE * (SIDE + 1) };

typedef struct odd_png {
    const char *what;
    int taken, accepted; /* by the fast decoder, and by vt_image_decode() */
    void (*make)(png_text *png, uint8_t *filtered);
} odd_png;

/* Compresses rows [size] with a window of 2^bits bytes. */
static size_t deflate_rows(const uint8_t *filtered, size_t size, int bits, uint8_t *stream) {
    z_stream job = {.next_in = (uint8_t *)filtered, .avail_in = (uInt)size, .next_out = stream, .avail_out = 1 << 14};
    assert_int_equal(deflateInit2(&job, 9, Z_DEFLATED, bits, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&job, Z_FINISH), Z_STREAM_END);
    deflateEnd(&job);
    return job.total_out;
}

/* The data's chunk, with `change` added to byte `at` from the end, and `extra` bytes behind. */
static void add_data(png_text *png, const uint8_t *filtered, size_t size, size_t at, int change, size_t extra) {
    static uint8_t stream[1 << 14];
    size_t stream_size = deflate_rows(filtered, size, 15, stream);
    if (change) stream[stream_size - at] = (uint8_t)(stream[stream_size - at] + change);
    memset(stream + stream_size, 0, extra);
    add_chunk(png, "IDAT", stream, stream_size + extra);
}

static void make_plain(png_text *png, uint8_t *filtered) {
    begin_png(png, SIDE, SIDE, 0);
    add_data(png, filtered, FILTERED_SIZE, 0, 0, 0);
    add_chunk(png, "IEND", NULL, 0);
}

static void bytes_behind(png_text *png, uint8_t *filtered) {
    make_plain(png, filtered);
    memcpy(png->data + png->size, "anything", 8);
    png->size += 8;
}

static void no_end(png_text *png, uint8_t *filtered) {
    make_plain(png, filtered);
    png->size -= 12;
}

static void long_end(png_text *png, uint8_t *filtered) {
    no_end(png, filtered);
    add_chunk(png, "IEND", "x", 1);
}

static void wrong_stream_checksum(png_text *png, uint8_t *filtered) {
    begin_png(png, SIDE, SIDE, 0);
    add_data(png, filtered, FILTERED_SIZE, 1, 1, 0);
    add_chunk(png, "IEND", NULL, 0);
}

static void bytes_behind_stream(png_text *png, uint8_t *filtered) {
    begin_png(png, SIDE, SIDE, 0);
    add_data(png, filtered, FILTERED_SIZE, 0, 0, 3);
    add_chunk(png, "IEND", NULL, 0);
}

static void one_row_more(png_text *png, uint8_t *filtered) {
    begin_png(png, SIDE, SIDE - 1, 0);
    add_data(png, filtered, FILTERED_SIZE, 0, 0, 0);
    add_chunk(png, "IEND", NULL, 0);
}

static void one_byte_less(png_text *png, uint8_t *filtered) {
    begin_png(png, SIDE, SIDE, 0);
    add_data(png, filtered, FILTERED_SIZE - 1, 0, 0, 0);
    add_chunk(png, "IEND", NULL, 0);
}

static void unknown_filter(png_text *png, uint8_t *filtered) {
    filtered[7 * (SIDE + 1)] = 5;
    make_plain(png, filtered);
}

/* Replaces the end by a chunk and the end. */
static void add_before_end(png_text *png, uint8_t *filtered, const char *type, const char *data, size_t size) {
    no_end(png, filtered);
    add_chunk(png, type, data, size);
    add_chunk(png, "IEND", NULL, 0);
}
static void unknown_critical(png_text *png, uint8_t *filtered) {
    add_before_end(png, filtered, "ABCD", "x", 1);
}
static void unknown_ancillary(png_text *png, uint8_t *filtered) {
    add_before_end(png, filtered, "abCd", "x", 1);
}
static void no_letters(png_text *png, uint8_t *filtered) {
    add_before_end(png, filtered, "a1Cd", "x", 1);
}
static void brace(png_text *png, uint8_t *filtered) {
    add_before_end(png, filtered, "a{Cd", "x", 1);
}
static void second_header(png_text *png, uint8_t *filtered) {
    add_before_end(png, filtered, "IHDR", "\0\0\0\1\0\0\0\1\10\0\0\0\0", 13);
}
static void turned(png_text *png, uint8_t *filtered) {
    add_before_end(png, filtered, "eXIf", "MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\6\0\0\0\0\0\0", 26);
}
static void data_again(png_text *png, uint8_t *filtered) {
    no_end(png, filtered);
    add_chunk(png, "tEXt", "a\0b", 3);
    add_chunk(png, "IDAT", "x", 1);
    add_chunk(png, "IEND", NULL, 0);
}

static void damaged_text(png_text *png, uint8_t *filtered) {
    unknown_ancillary(png, filtered);
    png->data[png->size - 13] ^= 1;
}

static void interrupted_data(png_text *png, uint8_t *filtered) {
    uint8_t stream[1 << 14];
    size_t size = deflate_rows(filtered, FILTERED_SIZE, 15, stream);
    begin_png(png, SIDE, SIDE, 0);
    add_chunk(png, "IDAT", stream, size / 2);
    add_chunk(png, "tEXt", "a\0b", 3);
    add_chunk(png, "IDAT", stream + size / 2, size - size / 2);
    add_chunk(png, "IEND", NULL, 0);
}

static void no_data(png_text *png, uint8_t *filtered) {
    (void)filtered;
    begin_png(png, SIDE, SIDE, 0);
    add_chunk(png, "IEND", NULL, 0);
}

static void transparent(png_text *png, uint8_t *filtered) {
    begin_png(png, SIDE, SIDE, 0);
    add_chunk(png, "tRNS", "\0\0", 2);
    add_data(png, filtered, FILTERED_SIZE, 0, 0, 0);
    add_chunk(png, "IEND", NULL, 0);
}

/* A stream that says its window is 256 bytes, and looks back farther. */
static void false_window(png_text *png, uint8_t *filtered) {
    uint8_t stream[1 << 14];
    memcpy(filtered + FILTERED_SIZE - 600, filtered, 600);
    for (int y = 0; y < SIDE; y++) filtered[y * (SIDE + 1)] = 0;
    size_t size = deflate_rows(filtered, FILTERED_SIZE, 15, stream);
    stream[0] = 0x08;
    stream[1] = (uint8_t)(31 - 0x0800 % 31);
    begin_png(png, SIDE, SIDE, 0);
    add_chunk(png, "IDAT", stream, size);
    add_chunk(png, "IEND", NULL, 0);
}

static void small_window(png_text *png, uint8_t *filtered) {
    uint8_t stream[1 << 14];
    begin_png(png, SIDE, SIDE, 0);
    add_chunk(png, "IDAT", stream, deflate_rows(filtered, FILTERED_SIZE, 11, stream));
    add_chunk(png, "IEND", NULL, 0);
}

static void leaves_what_is_odd_to_libpng(void **state) {
    (void)state;
    static const odd_png odd[] = {
        {"nothing odd", 1, 1, make_plain},
        {"bytes behind the end", 1, 1, bytes_behind},
        {"an ancillary chunk of unknown type", 1, 1, unknown_ancillary},
        {"a small window that is enough", 1, 1, small_window},
        {"no IEND", 0, 0, no_end},
        {"IEND with data", 0, 1, long_end},
        {"a wrong checksum of the stream", 0, 0, wrong_stream_checksum},
        {"bytes behind the stream", 0, 1, bytes_behind_stream},
        {"one row too many", 0, 1, one_row_more},
        {"one byte too few", 0, 0, one_byte_less},
        {"an unknown filter", 0, 0, unknown_filter},
        {"an unknown critical chunk", 0, 0, unknown_critical},
        {"a chunk's type is no letters", 0, 0, no_letters},
        {"a brace in a chunk's type", 0, 0, brace},
        {"a second header", 0, 0, second_header},
        {"a turned image", 0, 1, turned},
        {"data after other chunks", 0, 1, data_again},
        {"a damaged ancillary chunk", 0, 0, damaged_text},
        {"data interrupted by another chunk", 0, 0, interrupted_data},
        {"no data", 0, 0, no_data},
        {"transparency", 0, 1, transparent},
        {"a window too small for the stream", 0, 0, false_window},
    };
    static png_text png;
    uint8_t filtered[FILTERED_SIZE];
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        vt_image image;
        fill_filtered(filtered, SIDE, SIDE, 5, 16);
        odd[i].make(&png, filtered);
        uint8_t *exact = malloc(png.size); /* of its own, so that the sanitizer sees reads past the end */
        memcpy(exact, png.data, png.size);
        if (check_png(exact, png.size, odd[i].what) != odd[i].taken) fail_msg("%s: taken: %d", odd[i].what, !odd[i].taken);
        int accepted = vt_image_decode(exact, png.size, "png", &image) == VT_OK;
        if (accepted != odd[i].accepted) fail_msg("%s: accepted: %d (%s)", odd[i].what, accepted, vt_error_message());
        vt_image_free(&image);
        free(exact);
    }
}

/* --- real images --- */

static void equals_libpng_on_real_images(void **state) {
    (void)state;
    REQUIRE_SHARED(path, "nih/images_001.tar.gz");
    vt_archive *archive;
    vt_archive_member member;
    int count = 0;
    ASSERT_OK(vt_archive_open(path, &archive));
    for (;;) {
        uint8_t *data;
        size_t size;
        ASSERT_OK(vt_archive_next(archive, &member));
        if (!member.path) break;
        ASSERT_OK(vt_archive_read(archive, &data, &size));
        if (!check_png(data, size, member.path)) fail_msg("%s: left to libpng", member.path);
        free(data);
        count++;
    }
    vt_archive_close(archive);
    assert_true(count > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_follow_the_specification), cmocka_unit_test(kernels_refuse_unknown_filters),
        cmocka_unit_test(takes_every_usual_image),          cmocka_unit_test(takes_only_usual_seeds),
        cmocka_unit_test(leaves_what_is_odd_to_libpng),     cmocka_unit_test(equals_libpng_on_real_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
