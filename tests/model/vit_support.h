/* Helpers for tests that compute: one device, golden files, and distances between buffers. */
#ifndef VT_TESTS_MODEL_VIT_SUPPORT_H
#define VT_TESTS_MODEL_VIT_SUPPORT_H

#include "checkpoints.h"

#include "model/vit.h"
#include <math.h>

static vt_device *device;

static inline int open_device(void **state) {
    (void)state;
    return vt_device_open("cpu", &device) == VT_OK ? 0 : -1;
}

static inline int close_device(void **state) {
    (void)state;
    vt_device_close(device);
    return 0;
}

static inline vt_vit *place(const vt_model *model, vt_precision precision, int64_t max_batch, int pixel_channels, int train) {
    vt_vit_options options = {.precision = precision, .max_batch = max_batch, .pixel_channels = pixel_channels, .train = train};
    vt_vit *vit;
    ASSERT_OK(vt_vit_create(device, model, &options, &vit));
    return vit;
}

/* A buffer for parameters or gradients. */
static inline float *flat_buffer(const vt_model *model) {
    float *values;
    ASSERT_OK(vt_allocate(&values, (size_t)model->value_count, sizeof *values, "a buffer"));
    return values;
}

static inline double norm_of(const float *values, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)values[i] * values[i];
    return sqrt(sum);
}

static inline double distance(const float *a, const float *b, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sqrt(sum);
}

#endif
