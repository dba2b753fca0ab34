/* Patches, class token and position embeddings against plain loops. */
#include "compute_support.h"

static void patches_body(vt_device *device, vt_precision precision) {
    const int64_t batch = 2, height = 12, width = 8;
    const int size = 4, channels = 3;
    const float scale[3] = {1.0f / 127.5f, 0.5f, 0.25f}, shift[3] = {-1.0f, 2.0f, -3.0f};
    int64_t patches = (height / size) * (width / size), count = batch * patches * channels * size * size;
    for (int pixel_channels = 1; pixel_channels <= 3; pixel_channels += 2) {
        uint8_t pixels[2 * 12 * 8 * 3];
        double *exact = get_memory((size_t)count * sizeof *exact);
        act *out = poisoned_act(precision, count);
        for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 37 + i / 11);
        for (int64_t i = 0; i < count; i++) {
            int64_t x = i % size, y = i / size % size, c = i / (size * size) % channels, patch = i / (size * size * channels);
            int64_t image = patch / patches, row = patch % patches / (width / size) * size + y,
                    column = patch % (width / size) * size + x;
            exact[i] = pixels[((image * height + row) * width + column) * pixel_channels + (pixel_channels == 1 ? 0 : c)] *
                           (double)scale[c] +
                       (double)shift[c];
        }
        ASSERT_OK(device->ops->extract_patches(device, precision, pixels, batch, height, width, pixel_channels, channels, size,
                                               scale, shift, out));
        ASSERT_CLOSE(precision, out, exact, count, precision == VT_PRECISION_BF16 ? 4e-3 : 1e-6);
        same_for_all_threads(out, (size_t)count * vt_act_size(precision));
        free(exact);
        free(out);
    }
}

static void tokens_body(vt_device *device, vt_precision precision) {
    const int64_t batch = 3, patches = 7, hidden = 21, tokens = patches + 1, count = batch * tokens * hidden;
    double *embedded, *class_token, *position, *x = get_memory((size_t)count * sizeof *x), *dx;
    double limit = precision == VT_PRECISION_BF16 ? 4e-3 : 1e-6;
    act *embedded_data = random_act(precision, 1, batch * patches * hidden, 1.0, &embedded),
        *x_data = poisoned_act(precision, count);
    float *class_data = random_floats(2, hidden, 1.0, &class_token);
    float *position_data = random_floats(3, tokens * hidden, 1.0, &position);
    act *dx_data = random_act(precision, 4, count, 1.0, &dx);
    for (int64_t i = 0; i < count; i++) {
        int64_t image = i / (tokens * hidden), token = i / hidden % tokens, at = i % hidden;
        x[i] =
            position[token * hidden + at] + (token ? embedded[(image * patches + token - 1) * hidden + at] : class_token[at]);
    }
    ASSERT_OK(device->ops->embed_tokens_forward(device, precision, embedded_data, class_data, position_data, batch, patches,
                                                hidden, x_data));
    ASSERT_CLOSE(precision, x_data, x, count, limit);
    /* the gradients go where the values came from */
    for (int64_t i = 0; i < count; i++) {
        int64_t image = i / (tokens * hidden), token = i / hidden % tokens, at = i % hidden;
        position[token * hidden + at] += dx[i];
        if (token)
            embedded[(image * patches + token - 1) * hidden + at] = dx[i];
        else
            class_token[at] += dx[i];
    }
    memset(embedded_data, 0xff, (size_t)(batch * patches * hidden) * vt_act_size(precision));
    ASSERT_OK(device->ops->embed_tokens_backward(device, precision, dx_data, batch, patches, hidden, embedded_data, class_data,
                                                 position_data));
    ASSERT_CLOSE(precision, embedded_data, embedded, batch * patches * hidden, 1e-12);
    ASSERT_CLOSE(VT_PRECISION_FP32, class_data, class_token, hidden, 1e-6);
    ASSERT_CLOSE(VT_PRECISION_FP32, position_data, position, tokens * hidden, 1e-6);
    same_for_all_threads(class_data, (size_t)hidden * sizeof(float));
    same_for_all_threads(position_data, (size_t)(tokens * hidden) * sizeof(float));
    void *all[] = {embedded, class_token, position, x, dx, embedded_data, x_data, class_data, position_data, dx_data};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void test_patches(void **state) {
    (void)state;
    on_every_device(patches_body);
}

static void test_tokens(void **state) {
    (void)state;
    on_every_device(tokens_body);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_patches), cmocka_unit_test(test_tokens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
