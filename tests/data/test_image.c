/* Decoding gives Pillow's pixels for every kind of PNG and JPEG; damaged, cut and hostile files give one sentence. */
#include "support.h"

#include "data/image_formats.h"
#include <zlib.h>

static const char *seed_path(const char *name) {
    static char path[1024];
    const char *source = getenv("VITRAIN_SOURCE");
    snprintf(path, sizeof path, "%s/tests/fuzz/seeds/image/%s", source ? source : ".", name);
    return path;
}

static uint8_t *read_seed(const char *name, size_t *size) {
    uint8_t *data;
    ASSERT_OK(vt_read_file(seed_path(name), 1 << 20, &data, size));
    return data;
}

/* Calls `check` for every file of tests/golden/image.txt. */
typedef void (*seed_check)(const char *name, const uint8_t *data, size_t size, const vt_image *expected, unsigned crc);
static void for_each_seed(seed_check check) {
    FILE *file = fopen(golden_path("image.txt"), "r");
    assert_non_null(file);
    char line[256], name[64];
    int count = 0;
    while (fgets(line, sizeof line, file)) {
        vt_image expected = {0};
        unsigned crc;
        if (line[0] == '#') continue;
        assert_int_equal(sscanf(line, "%63s %d %d %d %x", name, &expected.width, &expected.height, &expected.channels, &crc),
                         5);
        size_t size;
        uint8_t *data = read_seed(name, &size);
        check(name, data, size, &expected, crc);
        free(data);
        count++;
    }
    fclose(file);
    assert_true(count >= 30);
}

static void check_pixels(const char *name, const uint8_t *data, size_t size, const vt_image *expected, unsigned crc) {
    vt_image image;
    ASSERT_OK(vt_image_decode(data, size, name, &image));
    if (image.width != expected->width || image.height != expected->height || image.channels != expected->channels)
        fail_msg("%s: %d x %d x %d", name, image.width, image.height, image.channels);
    size_t bytes = (size_t)image.width * (size_t)image.height * (size_t)image.channels;
    if (crc32(0, image.pixels, (uInt)bytes) != crc) fail_msg("%s: pixels differ from Pillow's", name);
    vt_image_free(&image);
    assert_null(image.pixels);
}
static void equals_pillow(void **state) {
    (void)state;
    for_each_seed(check_pixels);
}

/* However few bytes are missing: never half an image. */
static void check_cuts(const char *name, const uint8_t *data, size_t size, const vt_image *expected, unsigned crc) {
    (void)expected;
    (void)crc;
    for (size_t cut = 0; cut < size; cut += cut + 40 < size ? 7 : 1) {
        vt_image image;
        uint8_t *copy = malloc(cut + 1); /* of its own, so that the sanitizer sees reads past the end */
        memcpy(copy, data, cut);
        if (vt_image_decode(copy, cut, name, &image) != VT_ERROR_INPUT) fail_msg("%s: decodes with only %zu bytes", name, cut);
        assert_non_null(strstr(vt_error_message(), name));
        assert_null(image.pixels);
        free(copy);
    }
}
static void refuses_cut_files(void **state) {
    (void)state;
    for_each_seed(check_cuts);
}

/* A changed byte may not show in a JPEG; in a PNG every byte counts. */
static void check_damage(const char *name, const uint8_t *data, size_t size, const vt_image *expected, unsigned crc) {
    (void)expected;
    (void)crc;
    uint8_t *copy = malloc(size);
    for (size_t at = 0; at < size; at += 5) {
        vt_image image;
        memcpy(copy, data, size);
        copy[at] ^= 0x41;
        vt_status status = vt_image_decode(copy, size, name, &image);
        if (status == VT_OK && vt_has_suffix(name, ".png")) fail_msg("%s: byte %zu is damaged unnoticed", name, at);
        vt_image_free(&image);
    }
    free(copy);
}
static void refuses_damaged_files(void **state) {
    (void)state;
    for_each_seed(check_damage);
}

static void refuses_what_is_no_image(void **state) {
    (void)state;
    vt_image image;
    ASSERT_FAILS(VT_ERROR_INPUT, "a.png: the file is empty", vt_image_decode("", 0, "a.png", &image));
    ASSERT_FAILS(VT_ERROR_INPUT, "a.png: neither a PNG nor a JPEG", vt_image_decode("GIF89a", 6, "a.png", &image));
    ASSERT_FAILS(VT_ERROR_INPUT, "a.png: neither a PNG nor a JPEG", vt_image_decode("\xff\xd8", 2, "a.png", &image));
}

/* Big-endian numbers into a PNG's IHDR, with the chunk's checksum made right again. */
static void set_png_size(uint8_t *png, uint32_t width, uint32_t height) {
    for (int i = 0; i < 4; i++) {
        png[16 + i] = (uint8_t)(width >> (24 - 8 * i));
        png[20 + i] = (uint8_t)(height >> (24 - 8 * i));
    }
    uint32_t crc = (uint32_t)crc32(0, png + 12, 17);
    for (int i = 0; i < 4; i++) png[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
}

static void refuses_png_bombs(void **state) {
    (void)state;
    size_t size;
    uint8_t *png = read_seed("rgb.png", &size);
    vt_image image;
    set_png_size(png, 65535, 65535);
    ASSERT_FAILS(VT_ERROR_INPUT, "65535 x 65535", vt_image_decode(png, size, "bomb.png", &image));
    set_png_size(png, 70000, 1);
    ASSERT_FAILS(VT_ERROR_INPUT, "70000 x 1", vt_image_decode(png, size, "bomb.png", &image));
    set_png_size(png, 16384, 16384);
    ASSERT_FAILS(VT_ERROR_INPUT, "can't hold 16384 x 16384", vt_image_decode(png, size, "bomb.png", &image));
    set_png_size(png, 0, 13);
    ASSERT_FAILS(VT_ERROR_INPUT, "bomb.png: ", vt_image_decode(png, size, "bomb.png", &image));
    set_png_size(png, 19, 14); /* one row more than there is */
    ASSERT_FAILS(VT_ERROR_INPUT, "bomb.png: ", vt_image_decode(png, size, "bomb.png", &image));
    free(png);
}

/* The frame header of a JPEG: 0xff 0xc0 or 0xc2, length, precision, height, width. */
static void set_jpeg_size(uint8_t *jpeg, size_t size, unsigned width, unsigned height) {
    size_t at = 2;
    while (at + 9 < size && jpeg[at + 1] != 0xc0 && jpeg[at + 1] != 0xc2) at += 2u + ((size_t)jpeg[at + 2] << 8 | jpeg[at + 3]);
    assert_true(at + 9 < size);
    jpeg[at + 5] = (uint8_t)(height >> 8);
    jpeg[at + 6] = (uint8_t)height;
    jpeg[at + 7] = (uint8_t)(width >> 8);
    jpeg[at + 8] = (uint8_t)width;
}

static void refuses_jpeg_bombs(void **state) {
    (void)state;
    static const char *const names[] = {"grey.jpg", "colour_2.jpg", "progressive.jpg"};
    for (int i = 0; i < 3; i++) {
        size_t size;
        uint8_t *jpeg = read_seed(names[i], &size);
        vt_image image;
        set_jpeg_size(jpeg, size, 65500, 65500);
        ASSERT_FAILS(VT_ERROR_INPUT, "65500 x 65500", vt_image_decode(jpeg, size, "bomb.jpg", &image));
        set_jpeg_size(jpeg, size, 16000, 16000);
        ASSERT_FAILS(VT_ERROR_INPUT, "can't hold 16000 x 16000", vt_image_decode(jpeg, size, "bomb.jpg", &image));
        set_jpeg_size(jpeg, size, 0, 21);
        ASSERT_FAILS(VT_ERROR_INPUT, "bomb.jpg: ", vt_image_decode(jpeg, size, "bomb.jpg", &image));
        set_jpeg_size(jpeg, size, 37, 60);
        ASSERT_FAILS(VT_ERROR_INPUT, "bomb.jpg: ", vt_image_decode(jpeg, size, "bomb.jpg", &image));
        free(jpeg);
    }
}

/* Long enough for its size, but libjpeg would hold 1.5 GB of coefficients. */
static void refuses_large_progressive_images(void **state) {
    (void)state;
    enum { LENGTH = 1 << 20 };
    size_t size;
    uint8_t *jpeg = read_seed("progressive.jpg", &size), *padded = calloc(1, LENGTH);
    vt_image image;
    assert_non_null(padded);
    memcpy(padded, jpeg, size);
    set_jpeg_size(padded, size, 16000, 16000);
    ASSERT_FAILS(VT_ERROR_INPUT, "bomb.jpg: a progressive JPEG image of 16000 x 16000 pixels",
                 vt_image_decode(padded, LENGTH, "bomb.jpg", &image));
    free(padded);
    free(jpeg);
}

/* A record that is cut, or says something else, is as good as none. */
static void reads_orientation(void **state) {
    (void)state;
    static const uint8_t big[] = "MM\0*\0\0\0\010\0\1\1\022\0\3\0\0\0\1\0\6\0";
    static const uint8_t small[] = "II*\0\010\0\0\0\1\0\022\1\3\0\1\0\0\0\010\0\0";
    uint8_t changed[sizeof big];
    assert_int_equal(vt_exif_orientation(big, sizeof big), 6);
    assert_int_equal(vt_exif_orientation(small, sizeof small), 8);
    for (size_t size = 0; size < sizeof big; size++) {
        uint8_t *copy = malloc(size + 1);
        memcpy(copy, big, size);
        assert_int_equal(vt_exif_orientation(copy, size), 1);
        free(copy);
    }
    static const struct {
        size_t at;
        uint8_t byte;
    } changes[] = {{0, 'I'}, {3, '+'}, {4, 0xff}, {7, 200}, {9, 0}, {11, 0x13}, {13, 2}, {18, 1}, {19, 0}, {19, 9}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        memcpy(changed, big, sizeof big);
        changed[changes[i].at] = changes[i].byte;
        assert_int_equal(vt_exif_orientation(changed, sizeof big), 1);
    }
}

static void encodes_what_it_decodes(void **state) {
    (void)state;
    static const char *const names[] = {"grey.png", "rgb.png", "one_pixel.png"};
    for (int i = 0; i < 3; i++) {
        size_t size, png_size;
        uint8_t *data = read_seed(names[i], &size), *png;
        vt_image image, again;
        ASSERT_OK(vt_image_decode(data, size, names[i], &image));
        ASSERT_OK(vt_image_encode_png(&image, &png, &png_size));
        ASSERT_OK(vt_image_decode(png, png_size, "encoded", &again));
        assert_int_equal(again.channels, image.channels);
        assert_memory_equal(again.pixels, image.pixels, (size_t)(image.width * image.height * image.channels));
        vt_image_free(&image);
        vt_image_free(&again);
        free(png);
        free(data);
    }
}

static void makes_three_channels(void **state) {
    (void)state;
    size_t size;
    uint8_t *data = read_seed("grey.png", &size);
    vt_image grey, colour;
    ASSERT_OK(vt_image_decode(data, size, "grey.png", &grey));
    ASSERT_OK(vt_image_decode(data, size, "grey.png", &colour));
    ASSERT_OK(vt_image_to_rgb(&colour));
    assert_int_equal(colour.channels, 3);
    for (int i = 0; i < grey.width * grey.height; i++)
        for (int c = 0; c < 3; c++) assert_int_equal(colour.pixels[3 * i + c], grey.pixels[i]);
    ASSERT_OK(vt_image_to_rgb(&colour));
    assert_int_equal(colour.channels, 3);
    vt_image_free(&grey);
    vt_image_free(&colour);
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pillow),
        cmocka_unit_test(refuses_cut_files),
        cmocka_unit_test(refuses_damaged_files),
        cmocka_unit_test(refuses_what_is_no_image),
        cmocka_unit_test(refuses_png_bombs),
        cmocka_unit_test(refuses_jpeg_bombs),
        cmocka_unit_test(refuses_large_progressive_images),
        cmocka_unit_test(encodes_what_it_decodes),
        cmocka_unit_test(makes_three_channels),
        cmocka_unit_test(reads_orientation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
