/* Resizing, bit for bit as Pillow 13 does it (its Resample.c and, for nearest, Geometry.c): separable filters in two
 * passes with fixed-point weights and 8-bit rounding after each; an axis whose size stays is left alone. */
#include "data/image_formats.h"
#include "data/resize_kernels.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *vt_resample_name(vt_resample resample) {
    static const char *const names[] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"};
    return (unsigned)resample < sizeof names / sizeof names[0] ? names[resample] : NULL;
}

/* The filters, with Pillow's single-precision constants where it has them. */
static double filter_box(double x) {
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double filter_bilinear(double x) {
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double filter_hamming(double x) {
    x = fabs(x);
    if (x == 0.0) return 1.0;
    if (x >= 1.0) return 0.0;
    x *= M_PI;
    return sin(x) / x * (0.54f + 0.46f * cos(x));
}

/* Keys 1981, a = -0.5. */
static double filter_bicubic(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static double sinc(double x) {
    if (x == 0.0) return 1.0;
    x *= M_PI;
    return sin(x) / x;
}

static double filter_lanczos(double x) {
    return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
}

typedef struct resample_filter {
    double (*weight)(double x);
    double support; /* half of its width, in input pixels at scale 1 */
} resample_filter;

/* NULL for nearest, which weighs nothing, and for what is no filter. */
static const resample_filter *find_filter(vt_resample resample) {
    static const resample_filter lanczos = {filter_lanczos, 3.0}, bilinear = {filter_bilinear, 1.0},
                                 bicubic = {filter_bicubic, 2.0}, box = {filter_box, 0.5}, hamming = {filter_hamming, 1.0};
    switch (resample) {
    case VT_RESAMPLE_LANCZOS:
        return &lanczos;
    case VT_RESAMPLE_BILINEAR:
        return &bilinear;
    case VT_RESAMPLE_BICUBIC:
        return &bicubic;
    case VT_RESAMPLE_BOX:
        return &box;
    case VT_RESAMPLE_HAMMING:
        return &hamming;
    default:
        return NULL;
    }
}

static void axis_free(vt_resize_axis *axis) {
    free(axis->firsts);
    free(axis->counts);
    free(axis->weights);
    *axis = (vt_resize_axis){0};
}

static int32_t to_fixed_point(double weight) {
    return (int32_t)((weight < 0 ? -0.5 : 0.5) + weight * (1 << VT_RESIZE_PRECISION_BITS));
}

static vt_status axis_prepare(int in_size, int out_size, const resample_filter *filter, vt_resize_axis *axis) {
    double scale = (double)in_size / out_size;
    double filter_scale = scale < 1.0 ? 1.0 : scale;
    double support = filter->support * filter_scale;
    int most = (int)ceil(support) * 2 + 1;
    *axis = (vt_resize_axis){.size = out_size, .taps = (most + 7) / 8 * 8};
    double *exact = NULL; /* [most] */
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_allocate(&exact, (size_t)most, sizeof *exact, "resampling weights"));
    VT_TRY_GOTO(vt_allocate(&axis->firsts, (size_t)out_size, sizeof(int32_t), "resampling weights"));
    VT_TRY_GOTO(vt_allocate(&axis->counts, (size_t)out_size, sizeof(int32_t), "resampling weights"));
    VT_TRY_GOTO(vt_allocate(&axis->weights, (size_t)out_size * (size_t)axis->taps, sizeof(int32_t), "resampling weights"));
    for (int i = 0; i < out_size; i++) {
        double center = (i + 0.5) * scale, total = 0.0;
        int first = (int)(center - support + 0.5), end = (int)(center + support + 0.5);
        if (first < 0) first = 0;
        if (end > in_size) end = in_size;
        for (int k = 0; k < end - first; k++) {
            exact[k] = filter->weight((k + first - center + 0.5) * (1.0 / filter_scale));
            total += exact[k];
        }
        for (int k = 0; k < end - first; k++)
            axis->weights[(size_t)i * (size_t)axis->taps + (size_t)k] =
                to_fixed_point(total != 0.0 ? exact[k] / total : exact[k]);
        axis->firsts[i] = first;
        axis->counts[i] = end - first;
    }
done:
    free(exact);
    if (status != VT_OK) axis_free(axis);
    return status;
}

static void row_portable(const uint8_t *in, int channels, const vt_resize_axis *axis, uint8_t *out) {
    const int32_t half = 1 << (VT_RESIZE_PRECISION_BITS - 1);
    for (int i = 0; i < axis->size; i++) {
        const int32_t *weights = axis->weights + (size_t)i * (size_t)axis->taps;
        const uint8_t *pixels = in + (size_t)axis->firsts[i] * (size_t)channels;
        if (channels == 1) {
            int32_t sum = half;
            for (int k = 0; k < axis->counts[i]; k++) sum += pixels[k] * weights[k];
            *out++ = vt_resize_clip(sum);
        } else {
            int32_t red = half, green = half, blue = half;
            for (int k = 0; k < axis->counts[i]; k++, pixels += 3) {
                red += pixels[0] * weights[k];
                green += pixels[1] * weights[k];
                blue += pixels[2] * weights[k];
            }
            *out++ = vt_resize_clip(red);
            *out++ = vt_resize_clip(green);
            *out++ = vt_resize_clip(blue);
        }
    }
}

/* In blocks, so that the sums stay in the first-level cache. */
static void column_portable(const uint8_t *in, size_t stride, const int32_t *weights, int count, uint8_t *out) {
    enum { BLOCK = 256 };
    for (size_t begin = 0; begin < stride; begin += BLOCK) {
        int length = stride - begin < BLOCK ? (int)(stride - begin) : BLOCK;
        int32_t sums[BLOCK];
        for (int x = 0; x < length; x++) sums[x] = 1 << (VT_RESIZE_PRECISION_BITS - 1);
        for (int k = 0; k < count; k++) {
            const uint8_t *pixels = in + (size_t)k * stride + begin;
            for (int x = 0; x < length; x++) sums[x] += pixels[x] * weights[k];
        }
        for (int x = 0; x < length; x++) out[begin + (size_t)x] = vt_resize_clip(sums[x]);
    }
}

const vt_resize_kernels vt_resize_kernels_portable = {row_portable, column_portable};

static const vt_resize_kernels *choose_kernels(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return &vt_resize_kernels_avx2;
#endif
    return &vt_resize_kernels_portable;
}

/* in [height, width, channels] -> *out [height, axis->size, channels] */
static vt_status resample_across(const vt_image *in, const vt_resize_axis *axis, const vt_resize_kernels *kernels,
                                 vt_image *out) {
    enum { SLACK = 8 }; /* what a kernel may read past a row */
    size_t in_stride = (size_t)in->width * (size_t)in->channels, out_stride = (size_t)axis->size * (size_t)in->channels;
    VT_TRY(vt_image_allocate(axis->size, in->height, in->channels, out));
    uint8_t *last_row = NULL; /* a copy of a row at the end of the image, with slack behind */
    vt_status status = vt_allocate(&last_row, in_stride + SLACK, 1, "a row of pixels");
    if (status != VT_OK) {
        vt_image_free(out);
        return status;
    }
    for (int y = 0; y < in->height; y++) {
        const uint8_t *row = in->pixels + (size_t)y * in_stride;
        if ((size_t)(in->height - y - 1) * in_stride < SLACK) row = memcpy(last_row, row, in_stride);
        kernels->row(row, in->channels, axis, out->pixels + (size_t)y * out_stride);
    }
    free(last_row);
    return VT_OK;
}

/* in [height, width, channels] -> *out [axis->size, width, channels] */
static vt_status resample_down(const vt_image *in, const vt_resize_axis *axis, const vt_resize_kernels *kernels,
                               vt_image *out) {
    VT_TRY(vt_image_allocate(in->width, axis->size, in->channels, out));
    size_t stride = (size_t)in->width * (size_t)in->channels;
    for (int y = 0; y < axis->size; y++)
        kernels->column(in->pixels + (size_t)axis->firsts[y] * stride, stride, axis->weights + (size_t)y * (size_t)axis->taps,
                        axis->counts[y], out->pixels + (size_t)y * stride);
    return VT_OK;
}

/* Pillow 13 goes down first where that saves work; earlier ones always go across first. */
static int down_comes_first(const vt_image *in, int width, int height) {
    return in->height > height && in->height - height > 2 * (in->width - width);
}

static vt_status resize_filtered(const vt_image *in, int width, int height, const resample_filter *filter, vt_image *out) {
    const vt_resize_kernels *kernels = choose_kernels();
    vt_resize_axis across = {0}, down = {0};
    vt_image between = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(axis_prepare(in->width, width, filter, &across));
    VT_TRY_GOTO(axis_prepare(in->height, height, filter, &down));
    if (height == in->height) {
        VT_TRY_GOTO(resample_across(in, &across, kernels, out));
    } else if (width == in->width) {
        VT_TRY_GOTO(resample_down(in, &down, kernels, out));
    } else if (down_comes_first(in, width, height)) {
        VT_TRY_GOTO(resample_down(in, &down, kernels, &between));
        VT_TRY_GOTO(resample_across(&between, &across, kernels, out));
    } else {
        VT_TRY_GOTO(resample_across(in, &across, kernels, &between));
        VT_TRY_GOTO(resample_down(&between, &down, kernels, out));
    }
done:
    axis_free(&across);
    axis_free(&down);
    vt_image_free(&between);
    return status;
}

/* Where outputs 0 ... count - 1 of an axis take their pixel; positions add up as Pillow's do. */
static void nearest_positions(int in_size, int count, int32_t *positions) {
    double step = (double)in_size / count, position = step * 0.5;
    for (int i = 0; i < count; i++, position += step) {
        positions[i] = (int32_t)position;
        if (positions[i] >= in_size) positions[i] = in_size - 1;
    }
}

static vt_status resize_nearest(const vt_image *in, int width, int height, vt_image *out) {
    int32_t *columns = NULL; /* [width] then rows [height] */
    VT_TRY(vt_allocate(&columns, (size_t)width + (size_t)height, sizeof *columns, "pixel positions"));
    int32_t *rows = columns + width;
    nearest_positions(in->width, width, columns);
    nearest_positions(in->height, height, rows);
    vt_status status = vt_image_allocate(width, height, in->channels, out);
    size_t channels = (size_t)in->channels;
    for (int y = 0; status == VT_OK && y < height; y++) {
        const uint8_t *source = in->pixels + (size_t)rows[y] * (size_t)in->width * channels;
        uint8_t *target = out->pixels + (size_t)y * (size_t)width * channels;
        if (channels == 1)
            for (int x = 0; x < width; x++) target[x] = source[columns[x]];
        else
            for (int x = 0; x < width; x++) memcpy(target + 3 * x, source + 3 * (size_t)columns[x], 3);
    }
    free(columns);
    return status;
}

vt_status vt_image_resize(const vt_image *image, int width, int height, vt_resample resample, vt_image *out) {
    *out = (vt_image){0};
    if (width < 1 || height < 1 || vt_image_check_size("resizing", (uint64_t)width, (uint64_t)height) != VT_OK)
        return vt_fail(VT_ERROR_USAGE, "an image can't be resized to %d x %d pixels", width, height);
    const resample_filter *filter = find_filter(resample);
    if (!filter && resample != VT_RESAMPLE_NEAREST)
        return vt_fail(VT_ERROR_USAGE, "resampling filter %d is unknown; known are 0 (nearest) to 5 (hamming)", (int)resample);
    if (width == image->width && height == image->height) {
        VT_TRY(vt_image_allocate(width, height, image->channels, out));
        memcpy(out->pixels, image->pixels, (size_t)width * (size_t)height * (size_t)image->channels);
        return VT_OK;
    }
    if (!filter) return resize_nearest(image, width, height, out);
    return resize_filtered(image, width, height, filter, out);
}
