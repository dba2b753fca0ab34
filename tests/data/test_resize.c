/* vt_image_resize() equals Pillow's Image.resize in every bit, by portable and vector kernels; and refuses nonsense. */
#include "support.h"

#include "data/image/image.h"
#include "data/image/resize_kernels.h"
#include <zlib.h>

/* The inputs of tools/golden/resize.py. */
static void fill(uint8_t *pixels, size_t count, const char *pattern) {
    uint32_t state = 12345;
    for (size_t i = 0; i < count; i++) {
        state = (state * 1103515245u + 12345u) & 0x7fffffffu;
        pixels[i] = strcmp(pattern, "noise") == 0 ? (uint8_t)(state >> 16) : ((uint64_t)i * 2654435761u >> 13 & 1) ? 255 : 0;
    }
}

static vt_image make_image(int width, int height, int channels, const char *pattern) {
    vt_image image = {width, height, channels, malloc((size_t)width * (size_t)height * (size_t)channels)};
    assert_non_null(image.pixels);
    fill(image.pixels, (size_t)width * (size_t)height * (size_t)channels, pattern);
    return image;
}

static void assert_pixels(const vt_image *image, const char *hex) {
    for (size_t i = 0; hex[2 * i] && hex[2 * i] != '\n'; i++) {
        unsigned value;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        if (image->pixels[i] != value) fail_msg("pixel byte %zu is %d, Pillow has %u", i, image->pixels[i], value);
    }
}

static void equals_pillow(void **state) {
    (void)state;
    FILE *file = fopen(golden_path("resize.txt"), "r");
    assert_non_null(file);
    static char line[8192], hex[4096];
    int cases = 0;
    while (fgets(line, sizeof line, file)) {
        char mode[8], pattern[16];
        int width, height, new_width, new_height, resample;
        unsigned crc;
        if (line[0] == '#') continue;
        assert_int_equal(sscanf(line, "%7s %d %d %d %d %d %15s %x %4095s", mode, &width, &height, &new_width, &new_height,
                                &resample, pattern, &crc, hex),
                         9);
        vt_image in = make_image(width, height, (int)strlen(mode), pattern), out;
        ASSERT_OK(vt_image_resize(&in, new_width, new_height, (vt_resample)resample, &out));
        assert_int_equal(out.width, new_width);
        assert_int_equal(out.height, new_height);
        assert_int_equal(out.channels, in.channels);
        if (hex[0] != '-') assert_pixels(&out, hex);
        size_t size = (size_t)new_width * (size_t)new_height * (size_t)out.channels;
        if (crc32(0, out.pixels, (uInt)size) != crc) fail_msg("differs from Pillow: %s", line);
        vt_image_free(&in);
        vt_image_free(&out);
        cases++;
    }
    fclose(file);
    assert_true(cases > 300);
}

/* Every kernel must give the bits of the portable one, whichever this machine would choose. */
static void kernels_agree(void **state) {
    (void)state;
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2")) skip();
    enum { TAPS = 16, OUTPUTS = 37, WIDTH = 80, ROWS = 11 };
    static int32_t firsts[OUTPUTS], counts[OUTPUTS], weights[OUTPUTS * TAPS];
    static uint8_t pixels[3 * WIDTH * ROWS + 8], expected[3 * WIDTH], actual[3 * WIDTH];
    fill(pixels, sizeof pixels, "noise");
    for (int i = 0; i < OUTPUTS; i++) {
        counts[i] = 1 + (i * 7) % TAPS;
        firsts[i] = i == OUTPUTS - 1 ? WIDTH - counts[i] : i;
        for (int k = 0; k < counts[i]; k++)
            weights[i * TAPS + k] = (k % 3 == 2 ? -1 : 1) * ((i + 3) * 40503 + k * 50021) % (1 << 18);
    }
    const vt_resize_axis axis = {OUTPUTS, TAPS, firsts, counts, weights};
    for (int channels = 1; channels <= 3; channels += 2) {
        vt_resize_kernels_portable.row(pixels, channels, &axis, expected);
        vt_resize_kernels_avx2.row(pixels, channels, &axis, actual);
        assert_memory_equal(actual, expected, (size_t)(OUTPUTS * channels));
    }
    for (size_t stride = 1; stride <= 3 * WIDTH; stride += 13) {
        vt_resize_kernels_portable.column(pixels, stride, stride, weights + 10 * TAPS, ROWS, expected);
        vt_resize_kernels_avx2.column(pixels, stride, stride, weights + 10 * TAPS, ROWS, actual);
        assert_memory_equal(actual, expected, stride);
    }
#else
    skip();
#endif
}

static void refuses_nonsense(void **state) {
    (void)state;
    vt_image in = make_image(3, 2, 1, "noise"), out;
    ASSERT_FAILS(VT_ERROR_USAGE, "0 x 5", vt_image_resize(&in, 0, 5, VT_RESAMPLE_BOX, &out));
    ASSERT_FAILS(VT_ERROR_USAGE, "65536 x 5", vt_image_resize(&in, 65536, 5, VT_RESAMPLE_BOX, &out));
    ASSERT_FAILS(VT_ERROR_USAGE, "filter 6", vt_image_resize(&in, 5, 5, (vt_resample)6, &out));
    ASSERT_FAILS(VT_ERROR_USAGE, "filter -1", vt_image_resize(&in, 5, 5, (vt_resample)-1, &out));
    assert_null(out.pixels);
    vt_image_free(&in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pillow),
        cmocka_unit_test(kernels_agree),
        cmocka_unit_test(refuses_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
