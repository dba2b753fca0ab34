/* Resizing, bit for bit as Pillow 13 does it (its Resample.c and, for nearest, Geometry.c): separable filters in two
 * passes with fixed-point weights and 8-bit rounding after each; an axis whose size stays is left alone. */
#include "data/image/resize.h"
#include "data/image/image_formats.h"

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

static int32_t to_fixed_point(double weight) {
    return (int32_t)((weight < 0 ? -0.5 : 0.5) + weight * (1 << VT_RESIZE_PRECISION_BITS));
}

/* --- plans --- */

static double filter_scale_of(int in_size, int out_size) {
    double scale = (double)in_size / out_size;
    return scale < 1.0 ? 1.0 : scale;
}

/* The most inputs that one output is made of. */
static int most_taps(int in_size, int out_size, const resample_filter *filter) {
    return (int)ceil(filter->support * filter_scale_of(in_size, out_size)) * 2 + 1;
}

static int padded_taps(int in_size, int out_size, const resample_filter *filter) {
    return (most_taps(in_size, out_size, filter) + 7) / 8 * 8;
}

/* Bytes of an axis; a multiple of 8. Its memory holds exact weights [most_taps], weights, firsts, counts. */
static size_t axis_size(int in_size, int out_size, const resample_filter *filter) {
    size_t taps = filter ? (size_t)padded_taps(in_size, out_size, filter) : 0;
    size_t bytes = taps * sizeof(double) + (size_t)out_size * (taps + 2) * sizeof(int32_t);
    return (bytes + 7) / 8 * 8;
}

/* Fills an axis's weights in `memory`, which may hold anything before. */
static void axis_make(int in_size, int out_size, const resample_filter *filter, void *memory, vt_resize_axis *axis) {
    double scale = (double)in_size / out_size, filter_scale = filter_scale_of(in_size, out_size);
    double support = filter->support * filter_scale;
    double *exact = memory;
    size_t taps = (size_t)padded_taps(in_size, out_size, filter);
    *axis = (vt_resize_axis){.size = out_size, .taps = (int)taps, .weights = (int32_t *)(exact + taps)};
    axis->firsts = axis->weights + (size_t)out_size * taps;
    axis->counts = axis->firsts + out_size;
    for (int i = 0; i < out_size; i++) {
        double center = (i + 0.5) * scale, total = 0.0;
        int first = (int)(center - support + 0.5), end = (int)(center + support + 0.5);
        if (first < 0) first = 0;
        if (end > in_size) end = in_size;
        for (int k = 0; k < end - first; k++) {
            exact[k] = filter->weight((k + first - center + 0.5) * (1.0 / filter_scale));
            total += exact[k];
        }
        int32_t *weights = axis->weights + (size_t)i * taps;
        memset(weights, 0, taps * sizeof *weights);
        for (int k = 0; k < end - first; k++) weights[k] = to_fixed_point(total != 0.0 ? exact[k] / total : exact[k]);
        axis->firsts[i] = first;
        axis->counts[i] = end - first;
    }
}

/* Where the outputs of an axis take their pixel; positions add up as Pillow's do. */
static void axis_make_nearest(int in_size, int out_size, void *memory, vt_resize_axis *axis) {
    *axis = (vt_resize_axis){.size = out_size, .firsts = memory};
    double step = (double)in_size / out_size, position = step * 0.5;
    for (int i = 0; i < out_size; i++, position += step) {
        axis->firsts[i] = (int32_t)position;
        if (axis->firsts[i] >= in_size) axis->firsts[i] = in_size - 1;
    }
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
static void column_portable(const uint8_t *in, size_t stride, size_t length, const int32_t *weights, int count, uint8_t *out) {
    enum { BLOCK = 256 };
    for (size_t begin = 0; begin < length; begin += BLOCK) {
        int size = length - begin < BLOCK ? (int)(length - begin) : BLOCK;
        int32_t sums[BLOCK];
        for (int x = 0; x < size; x++) sums[x] = 1 << (VT_RESIZE_PRECISION_BITS - 1);
        for (int k = 0; k < count; k++) {
            const uint8_t *pixels = in + (size_t)k * stride + begin;
            for (int x = 0; x < size; x++) sums[x] += pixels[x] * weights[k];
        }
        for (int x = 0; x < size; x++) out[begin + (size_t)x] = vt_resize_clip(sums[x]);
    }
}

const vt_resize_kernels vt_resize_kernels_portable = {row_portable, column_portable};

static const vt_resize_kernels *choose_kernels(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return &vt_resize_kernels_avx2;
#endif
    return &vt_resize_kernels_portable;
}

size_t vt_resize_plan_size(int in_width, int in_height, int width, int height, vt_resample resample) {
    const resample_filter *filter = find_filter(resample);
    return axis_size(in_width, width, filter) + axis_size(in_height, height, filter);
}

void vt_resize_plan_make(vt_resize_plan *plan, int in_width, int in_height, int width, int height, int channels,
                         vt_resample resample, void *memory) {
    const resample_filter *filter = find_filter(resample);
    uint8_t *down_memory = (uint8_t *)memory + axis_size(in_width, width, filter);
    *plan = (vt_resize_plan){.in_width = in_width,
                             .in_height = in_height,
                             .width = width,
                             .height = height,
                             .channels = channels,
                             .resample = resample,
                             .kernels = choose_kernels()};
    if (!filter) {
        axis_make_nearest(in_width, width, memory, &plan->across);
        axis_make_nearest(in_height, height, down_memory, &plan->down);
        return;
    }
    if (width != in_width) axis_make(in_width, width, filter, memory, &plan->across);
    if (height != in_height) axis_make(in_height, height, filter, down_memory, &plan->down);
}

/* --- applying --- */

enum { ROW_SLACK = 8 }; /* what a kernel may read past a row */

size_t vt_resize_work_size(int in_width, int in_height, int width, int height, int channels) {
    size_t across_first = (size_t)in_height * (size_t)width, down_first = (size_t)height * (size_t)in_width;
    size_t between = across_first > down_first ? across_first : down_first, row = (size_t)in_width;
    return (between + row) * (size_t)channels + ROW_SLACK;
}

/* in [height, in_width, channels] -> out [height, axis->size, channels]; row [in_width * channels + ROW_SLACK] is for a copy
 * of a row at the end of the image. */
static void resample_across(const vt_resize_plan *plan, const uint8_t *in, size_t in_stride, int height, uint8_t *row,
                            uint8_t *out) {
    size_t in_length = (size_t)plan->in_width * (size_t)plan->channels, length = (size_t)plan->width * (size_t)plan->channels;
    for (int y = 0; y < height; y++, in += in_stride, out += length) {
        const uint8_t *pixels = in;
        if ((size_t)(height - y - 1) * in_stride < ROW_SLACK) pixels = memcpy(row, in, in_length);
        plan->kernels->row(pixels, plan->channels, &plan->across, out);
    }
}

/* in [in_height, width, channels] -> out [axis->size, width, channels] */
static void resample_down(const vt_resize_plan *plan, const uint8_t *in, size_t in_stride, int width, uint8_t *out) {
    const vt_resize_axis *axis = &plan->down;
    size_t length = (size_t)width * (size_t)plan->channels;
    for (int y = 0; y < axis->size; y++)
        plan->kernels->column(in + (size_t)axis->firsts[y] * in_stride, in_stride, length,
                              axis->weights + (size_t)y * (size_t)axis->taps, axis->counts[y], out + (size_t)y * length);
}

static void copy_rows(const uint8_t *in, size_t in_stride, size_t length, int height, uint8_t *out) {
    for (int y = 0; y < height; y++) memcpy(out + (size_t)y * length, in + (size_t)y * in_stride, length);
}

static void resize_nearest(const vt_resize_plan *plan, const uint8_t *in, size_t in_stride, uint8_t *out) {
    const int32_t *columns = plan->across.firsts;
    size_t length = (size_t)plan->width * (size_t)plan->channels;
    for (int y = 0; y < plan->height; y++, out += length) {
        const uint8_t *row = in + (size_t)plan->down.firsts[y] * in_stride;
        if (plan->channels == 1)
            for (int x = 0; x < plan->width; x++) out[x] = row[columns[x]];
        else
            for (int x = 0; x < plan->width; x++) memcpy(out + 3 * x, row + 3 * (size_t)columns[x], 3);
    }
}

/* Pillow 13 goes down first where that saves work; earlier ones always go across first. */
static int down_comes_first(const vt_resize_plan *plan) {
    return plan->in_height > plan->height && plan->in_height - plan->height > 2 * (plan->in_width - plan->width);
}

void vt_resize_by_plan(const vt_resize_plan *plan, const uint8_t *in, size_t in_stride, void *work, uint8_t *out) {
    size_t channels = (size_t)plan->channels, in_length = (size_t)plan->in_width * channels;
    size_t length = (size_t)plan->width * channels;
    uint8_t *row = work, *between = row + in_length + ROW_SLACK;
    if (plan->width == plan->in_width && plan->height == plan->in_height) {
        copy_rows(in, in_stride, length, plan->height, out);
    } else if (plan->resample == VT_RESAMPLE_NEAREST) {
        resize_nearest(plan, in, in_stride, out);
    } else if (plan->height == plan->in_height) {
        resample_across(plan, in, in_stride, plan->height, row, out);
    } else if (plan->width == plan->in_width) {
        resample_down(plan, in, in_stride, plan->width, out);
    } else if (down_comes_first(plan)) {
        resample_down(plan, in, in_stride, plan->in_width, between);
        resample_across(plan, between, in_length, plan->height, row, out);
    } else {
        resample_across(plan, in, in_stride, plan->in_height, row, between);
        resample_down(plan, between, length, plan->width, out);
    }
}

vt_status vt_image_resize(const vt_image *image, int width, int height, vt_resample resample, vt_image *out) {
    *out = (vt_image){0};
    if (width < 1 || height < 1 || vt_image_check_size("resizing", (uint64_t)width, (uint64_t)height) != VT_OK)
        return vt_fail(VT_ERROR_USAGE, "an image can't be resized to %d x %d pixels", width, height);
    if (!vt_resample_name(resample))
        return vt_fail(VT_ERROR_USAGE, "resampling filter %d is unknown; known are 0 (nearest) to 5 (hamming)", (int)resample);
    size_t plan_size = vt_resize_plan_size(image->width, image->height, width, height, resample);
    size_t work_size = vt_resize_work_size(image->width, image->height, width, height, image->channels);
    void *memory = NULL;
    VT_TRY(vt_allocate(&memory, plan_size + work_size, 1, "resizing an image"));
    vt_status status = vt_image_allocate(width, height, image->channels, out);
    if (status == VT_OK) {
        vt_resize_plan plan;
        vt_resize_plan_make(&plan, image->width, image->height, width, height, image->channels, resample, memory);
        vt_resize_by_plan(&plan, image->pixels, (size_t)image->width * (size_t)image->channels, (uint8_t *)memory + plan_size,
                          out->pixels);
    }
    free(memory);
    return status;
}
