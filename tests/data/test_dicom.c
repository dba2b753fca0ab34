/* DICOM images look as pydicom and its decoders have them; damaged, cut and hostile files give one sentence. */
#include "support.h"

#include "data/image/image_formats.h"

/* A line of tests/golden/dicom.txt. */
typedef struct golden {
    char name[64];
    int depth, channels, needs_gdcm, tolerance;
} golden;

static bool has_gdcm(void) {
#ifdef VITRAIN_DICOM
    return true;
#else
    return false;
#endif
}

static uint8_t *read_seed(const char *name, size_t *size) {
    char path[1024];
    uint8_t *data;
    const char *source = getenv("VITRAIN_SOURCE");
    snprintf(path, sizeof path, "%s/tests/fuzz/seeds/dicom/%s", source ? source : ".", name);
    ASSERT_OK(vt_read_file(path, 1 << 20, &data, size));
    return data;
}

/* tests/golden/dicom/NAME.png for NAME.dcm */
static void read_picture(const char *name, vt_image *out) {
    char path[128];
    uint8_t *data;
    size_t size;
    snprintf(path, sizeof path, "dicom/%.*s.png", (int)(strlen(name) - 4), name);
    ASSERT_OK(vt_read_file(golden_path(path), 1 << 20, &data, &size));
    ASSERT_OK(vt_image_decode(data, size, path, out));
    free(data);
}

/* Calls `check` for every file that this build can read. */
static void for_each_file(void (*check)(const golden *expected, const uint8_t *data, size_t size)) {
    FILE *file = fopen(golden_path("dicom.txt"), "r");
    assert_non_null(file);
    char line[256];
    int count = 0;
    while (fgets(line, sizeof line, file)) {
        golden expected;
        if (line[0] == '#') continue;
        assert_int_equal(sscanf(line, "%63s %d %d %d %d", expected.name, &expected.depth, &expected.channels,
                                &expected.needs_gdcm, &expected.tolerance),
                         5);
        count++;
        if (expected.needs_gdcm && !has_gdcm()) continue;
        size_t size;
        uint8_t *data = read_seed(expected.name, &size);
        check(&expected, data, size);
        free(data);
    }
    fclose(file);
    assert_true(count >= 30);
}

static void check_pixels(const golden *expected, const uint8_t *data, size_t size) {
    vt_image image, picture;
    vt_image_facts facts;
    ASSERT_OK(vt_image_read(data, size, expected->name, VT_INTENSITY_STRETCH, &image, &facts));
    read_picture(expected->name, &picture);
    assert_int_equal(facts.depth, expected->depth);
    assert_int_equal(facts.channels, expected->channels);
    assert_int_equal(image.width, picture.width);
    assert_int_equal(image.height, picture.height);
    assert_int_equal(image.channels, picture.channels);
    int worst = 0, different = 0, count = image.width * image.height * image.channels;
    for (int i = 0; i < count; i++) {
        int difference = abs(image.pixels[i] - picture.pixels[i]);
        worst = difference > worst ? difference : worst;
        different += difference > 0;
    }
    if (worst > expected->tolerance)
        fail_msg("%s: differs from pydicom's picture by %d in %d of %d", expected->name, worst, different, count);
    vt_image_free(&image);
    vt_image_free(&picture);
}
static void equals_pydicom(void **state) {
    (void)state;
    for_each_file(check_pixels);
}

static bool is_readable(const golden *expected, const uint8_t *data, size_t size) {
    vt_image image;
    vt_status status = vt_image_decode(data, size, expected->name, &image);
    if (status == VT_OK) {
        vt_image_free(&image);
        return true;
    }
    if (status != VT_ERROR_INPUT) fail_msg("%s: %s", expected->name, vt_error_message());
    assert_non_null(strstr(vt_error_message(), expected->name));
    assert_null(image.pixels);
    return false;
}

/* However few bytes are missing. Decoders of JPEG may have all they need before the last bytes of the file. */
static void check_cuts(const golden *expected, const uint8_t *data, size_t size) {
    for (size_t cut = 0; cut < size; cut += cut < 200 || cut + 10 > size ? 1 : expected->needs_gdcm ? 157 : 7) {
        uint8_t *copy = malloc(cut + 1); /* of its own, so that the sanitizer sees reads past the end */
        memcpy(copy, data, cut);
        if (is_readable(expected, copy, cut)) fail_msg("%s: decodes with only %zu bytes", expected->name, cut);
        free(copy);
    }
}
static void refuses_cut_files(void **state) {
    (void)state;
    for_each_file(check_cuts);
}

/* The element's value in a file of explicit kinds. */
static uint8_t *find_value(uint8_t *data, size_t size, const char *element_and_kind) {
    for (size_t i = 132; i + 8 < size; i++)
        if (memcmp(data + i, element_and_kind, 6) == 0) return data + i + 8;
    fail_msg("an element is not there");
    return NULL;
}

static void refuses_unusual_files(void **state) {
    (void)state;
    static const struct {
        const char *seed, *element; /* group, element and kind */
        const char *value;
        const char *words;
    } changes[] = {
        {"window.dcm", "\x28\0\x04\0CS", "PALETTE COLO", "a.dcm: the DICOM file is neither grey, RGB nor YBR"},
        {"window.dcm", "\x28\0\x02\0US", "\3", "a.dcm: the DICOM file has another number of channels"},
        {"window.dcm", "\x28\0\x00\1US", "\x20", "a.dcm: the DICOM file has neither 8 nor"},
        {"window.dcm", "\x28\0\x01\1US", "\x11", "a.dcm: the DICOM file stores more bits"},
        {"window.dcm", "\x28\0\x02\1US", "\x10", "a.dcm: the DICOM file stores more bits"},
        {"window.dcm", "\x28\0\x10\0US", "\x19", "a.dcm: the DICOM file has 1536 bytes of pixels; expected 1600"},
        {"window.dcm",
         "\x28\0\x51\x10"
         "DS",
         "0000.0", "a.dcm: the DICOM image has a window of width 0; expected at least 1"},
        {"window.dcm",
         "\x28\0\x51\x10"
         "DS",
         "x", "a.dcm: the DICOM element (0028,1051) is 'x500.0'; expected a number"},
        {"window_sigmoid.dcm",
         "\x28\0\x56\x10"
         "CS",
         "Y", "a window of function 'YIGMOID'"},
        {"window.dcm", "\x02\0\x10\0UI", "1.2.840.10008.1.2.2", "a.dcm: a DICOM file of transfer syntax '1.2.840.10008.1.2.2'"},
        {"jpeg.dcm", "\x28\0\x10\0US", "\x19", "a.dcm: the DICOM image is damaged: its pixels have another size"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        size_t size;
        vt_image image;
        uint8_t *data = read_seed(changes[i].seed, &size);
        memcpy(find_value(data, size, changes[i].element), changes[i].value, strlen(changes[i].value));
        ASSERT_FAILS(VT_ERROR_INPUT, changes[i].words, vt_image_decode(data, size, "a.dcm", &image));
        assert_null(image.pixels);
        free(data);
    }
}

/* A build without GDCM says what is missing; one with it survives what GDCM does not. */
static void bounds_the_decoder(void **state) {
    (void)state;
    size_t size;
    vt_image image;
    uint8_t *data = read_seed("jpeg_2000.dcm", &size);
    if (has_gdcm()) {
        for (size_t at = size - 200; at < size; at += 3) {
            uint8_t kept = data[at];
            data[at] ^= 0x5a;
            if (vt_image_decode(data, size, "a.dcm", &image) != VT_OK) assert_non_null(strstr(vt_error_message(), "a.dcm: "));
            vt_image_free(&image);
            data[at] = kept;
        }
    } else {
        ASSERT_FAILS(VT_ERROR_UNSUPPORTED, "install libgdcm-dev and build Vitrain again",
                     vt_image_decode(data, size, "a.dcm", &image));
    }
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pydicom),
        cmocka_unit_test(refuses_cut_files),
        cmocka_unit_test(refuses_unusual_files),
        cmocka_unit_test(bounds_the_decoder),
    };
    if (!has_gdcm()) print_message("built without GDCM: most compressed DICOM images are left out\n");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
