/* Decoding gives Pillow's pixels for every kind of PNG, JPEG and TIFF; damaged, cut and hostile files give one sentence. */
#include "support.h"

#include "data/image/image_formats.h"
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

/* A line of tests/golden/image.txt. */
typedef struct golden {
    char name[64], intensity[16];
    vt_image image; /* without pixels */
    unsigned crc;
    vt_image_facts facts;
} golden;

/* Calls `check` for every line of tests/golden/image.txt. */
typedef void (*seed_check)(const golden *expected, const uint8_t *data, size_t size);
static void for_each_seed(seed_check check) {
    FILE *file = fopen(golden_path("image.txt"), "r");
    assert_non_null(file);
    char line[256];
    int count = 0;
    while (fgets(line, sizeof line, file)) {
        golden expected = {0};
        int dim;
        if (line[0] == '#') continue;
        assert_int_equal(sscanf(line, "%63s %15s %d %d %d %x %d %d %d", expected.name, expected.intensity,
                                &expected.image.width, &expected.image.height, &expected.image.channels, &expected.crc,
                                &expected.facts.depth, &expected.facts.channels, &dim),
                         9);
        expected.facts.dim = dim;
        size_t size;
        uint8_t *data = read_seed(expected.name, &size);
        check(&expected, data, size);
        free(data);
        count++;
    }
    fclose(file);
    assert_true(count >= 90);
}

static void assert_pixels(const golden *expected, const vt_image *image) {
    if (image->width != expected->image.width || image->height != expected->image.height ||
        image->channels != expected->image.channels)
        fail_msg("%s: %d x %d x %d", expected->name, image->width, image->height, image->channels);
    size_t bytes = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    if (crc32(0, image->pixels, (uInt)bytes) != expected->crc) fail_msg("%s: pixels differ from Pillow's", expected->name);
}

static void check_pixels(const golden *expected, const uint8_t *data, size_t size) {
    vt_image image;
    vt_image_facts facts;
    vt_intensity intensity = strcmp(expected->intensity, "stretch") == 0 ? VT_INTENSITY_STRETCH : VT_INTENSITY_FULL;
    ASSERT_OK(vt_image_read(data, size, expected->name, intensity, &image, &facts));
    if (facts.depth != expected->facts.depth || facts.channels != expected->facts.channels || facts.dim != expected->facts.dim)
        fail_msg("%s: %d bits, %d channels, dim %d", expected->name, facts.depth, facts.channels, facts.dim);
    assert_pixels(expected, &image);
    vt_image_free(&image);
    assert_null(image.pixels);
}
static void equals_pillow(void **state) {
    (void)state;
    for_each_seed(check_pixels);
}

/* However few bytes are missing: never half an image. A TIFF may end with bytes that say nothing. */
static void check_cuts(const golden *expected, const uint8_t *data, size_t size) {
    const char *name = expected->name;
    if (strcmp(expected->intensity, "full") != 0) return;
    for (size_t cut = 0; cut < size; cut += cut + 40 < size ? 7 : 1) {
        vt_image image;
        uint8_t *copy = malloc(cut + 1); /* of its own, so that the sanitizer sees reads past the end */
        memcpy(copy, data, cut);
        vt_status status = vt_image_decode(copy, cut, name, &image);
        free(copy);
        if (status == VT_OK && vt_has_suffix(name, ".tif")) {
            assert_pixels(expected, &image);
            vt_image_free(&image);
            continue;
        }
        if (status != VT_ERROR_INPUT) fail_msg("%s: decodes with only %zu bytes", name, cut);
        assert_non_null(strstr(vt_error_message(), name));
        assert_null(image.pixels);
    }
}
static void refuses_cut_files(void **state) {
    (void)state;
    for_each_seed(check_cuts);
}

/* A changed byte may not show in a JPEG; in a PNG every byte counts. */
static void check_damage(const golden *expected, const uint8_t *data, size_t size) {
    const char *name = expected->name;
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
    ASSERT_FAILS(VT_ERROR_INPUT, "a.png: its first bytes are those of no PNG, JPEG, TIFF or DICOM file",
                 vt_image_decode("GIF89a", 6, "a.png", &image));
    ASSERT_FAILS(VT_ERROR_INPUT, "a.png: its first bytes are those of no PNG, JPEG, TIFF or DICOM file",
                 vt_image_decode("\xff\xd8", 2, "a.png", &image));
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

/* Sets a number in the first directory of a little-endian TIFF; returns its place. */
static uint8_t *set_tiff_tag(uint8_t *tiff, unsigned tag, uint32_t value) {
    uint8_t *entry = tiff + (tiff[4] | (unsigned)tiff[5] << 8); /* number of entries; tag, type, count, value */
    unsigned count = entry[0] | (unsigned)entry[1] << 8;
    for (entry += 2; count > 0; count--, entry += 12) {
        if ((entry[0] | (unsigned)entry[1] << 8) != tag) continue;
        for (int i = 0; i < (entry[2] == 3 ? 2 : 4); i++) entry[8 + i] = (uint8_t)(value >> 8 * i);
        return entry;
    }
    fail_msg("tag %u is not there", tag);
    return NULL;
}

static void refuses_unusual_tiffs(void **state) {
    (void)state;
    static const struct {
        const char *seed;
        unsigned tag, value;
        const char *words;
    } changes[] = {
        {"grey_16_bit.tif", 339, 3, "a.tif: the TIFF image has floating-point pixels"},
        {"grey_16_bit.tif", 339, 2, "a.tif: the TIFF image has pixels with signs"},
        {"grey_16_bit.tif", 258, 12, "a.tif: the TIFF image has neither 1, 2, 4, 8 nor 16 bits"},
        {"grey_raw.tif", 262, 5, "a.tif: the TIFF image is neither grey, RGB nor of a palette"},
        {"grey_raw.tif", 262, 2, "a.tif: the TIFF image has fewer than three colours"},
        {"colour_raw.tif", 262, 6, "a.tif: the TIFF image is in YCbCr, but not as JPEG"},
        {"grey_raw.tif", 256, 65536, "65536 x 13"},
        {"grey_raw.tif", 256, 40000, "can't hold 40000 x 13"},
        {"grey_packbits.tif", 257, 60000, "can't hold 19 x 60000"},
        {"grey_adobe_deflate.tif", 257, 60000, "can't hold 19 x 60000"},
        {"grey_lzw.tif", 257, 60000, "a.tif: the TIFF image is damaged"},
        {"grey_zstd.tif", 256, 60000, "a.tif: the TIFF image is damaged"},
        {"grey_zstd.tif", 257, 65000, "a.tif: the TIFF image is damaged"},
        {"bilevel_group4.tif", 257, 65000, "a.tif: the TIFF image is damaged"},
        {"grey_lzw.tif", 257, 14, "a.tif: the TIFF image is damaged"},
        {"bilevel_group4.tif", 257, 60000, "a.tif: the TIFF image is damaged"},
        {"tiles.tif", 322, 65536, "a.tif: "},
        {"tiles.tif", 322, 32768, "a.tif: the TIFF image has tiles of 32768 x 16 pixels, far larger than itself"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        size_t size;
        vt_image image;
        uint8_t *tiff = read_seed(changes[i].seed, &size);
        set_tiff_tag(tiff, changes[i].tag, changes[i].value);
        ASSERT_FAILS(VT_ERROR_INPUT, changes[i].words, vt_image_decode(tiff, size, "a.tif", &image));
        assert_null(image.pixels);
        free(tiff);
    }
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
        cmocka_unit_test(refuses_unusual_tiffs),
        cmocka_unit_test(encodes_what_it_decodes),
        cmocka_unit_test(makes_three_channels),
        cmocka_unit_test(reads_orientation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
