/* What DICOM's stored values look like: modality LUT or rescaling, VOI LUT or window, then 8 bits, as in pydicom's
 * apply_modality_lut() and apply_voi_lut() with the outcome's range spread over 0 ... 255, and MONOCHROME1 turned over. Where
 * there is neither LUT nor window, more than 8 bits are spread from the image's own smallest to its largest value. */
#include "data/image/dicom_pixels.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The bits of stored value `index` that count. */
static unsigned pattern_at(const vt_dicom *dicom, const uint8_t *stored, size_t index) {
    unsigned bits = stored[index];
    if (dicom->bits_allocated == 16) bits = stored[2 * index] | (unsigned)stored[2 * index + 1] << 8;
    return bits >> (dicom->high_bit + 1 - dicom->bits_stored) & ((1u << dicom->bits_stored) - 1);
}

static double look_up(const vt_dicom_table *table, double value) {
    double index = value < table->first ? 0.0 : floor(value - table->first);
    size_t i = index < table->count - 1 ? (size_t)index : table->count - 1;
    if (table->entry_bytes == 1) return table->data[i];
    return table->data[2 * i] | (unsigned)table->data[2 * i + 1] << 8;
}

/* The modality's value, such as Hounsfield units, of a stored one. */
static double modality_value(const vt_dicom *dicom, unsigned pattern) {
    double value = pattern;
    if (dicom->is_signed && pattern >> (dicom->bits_stored - 1)) value -= (double)(1u << dicom->bits_stored);
    if (dicom->modality.data) return look_up(&dicom->modality, value);
    return dicom->has_rescale ? value * dicom->slope + dicom->intercept : value;
}

/* 0 ... 1 of a window (PS3.3 C.11.2.1.2 and C.11.2.1.3). */
static double in_window(const vt_dicom *dicom, double value) {
    double center = dicom->window_center, width = dicom->window_width;
    if (strcmp(dicom->window_function, "SIGMOID") == 0) return 1.0 / (1.0 + exp(-4.0 * (value - center) / width));
    if (strcmp(dicom->window_function, "LINEAR_EXACT") != 0) {
        center -= 0.5;
        width -= 1.0;
    }
    if (value <= center - width / 2.0) return 0.0;
    if (value > center + width / 2.0) return 1.0;
    return (value - center) / width + 0.5;
}

static vt_status check_window(const vt_dicom *dicom, const char *name) {
    const char *function = dicom->window_function;
    bool linear = !*function || strcmp(function, "LINEAR") == 0;
    if (!dicom->has_window || dicom->voi.data) return VT_OK;
    if (!linear && strcmp(function, "LINEAR_EXACT") != 0 && strcmp(function, "SIGMOID") != 0)
        return vt_fail(VT_ERROR_INPUT,
                       "%s: the DICOM image has a window of function '%s'; expected LINEAR, LINEAR_EXACT or SIGMOID", name,
                       function);
    if (dicom->window_width < (linear ? 1.0 : 0.0) || dicom->window_width == 0.0)
        return vt_fail(VT_ERROR_INPUT, "%s: the DICOM image has a window of width %g; expected %s", name, dicom->window_width,
                       linear ? "at least 1" : "more than 0");
    return VT_OK;
}

/* The smallest and largest modality's value: of those that the image has, or, up to 8 bits, of those that it may have. */
static vt_status find_range(const vt_dicom *dicom, const uint8_t *stored, double *low, double *high) {
    size_t patterns = (size_t)1 << dicom->bits_stored, count = (size_t)dicom->width * (size_t)dicom->height;
    uint8_t *is_there;
    VT_TRY(vt_allocate(&is_there, patterns, 1, "a table of values"));
    if (dicom->bits_stored <= 8)
        memset(is_there, 1, patterns);
    else
        for (size_t i = 0; i < count; i++) is_there[pattern_at(dicom, stored, i)] = 1;
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t p = 0; p < patterns; p++) {
        if (!is_there[p]) continue;
        double value = modality_value(dicom, (unsigned)p);
        *low = fmin(*low, value);
        *high = fmax(*high, value);
    }
    free(is_there);
    return VT_OK;
}

/* bytes [2^bits_stored] = what each stored value looks like. */
static vt_status fill_bytes(const vt_dicom *dicom, const uint8_t *stored, uint8_t *bytes) {
    const bool inverted = strcmp(dicom->photometric, "MONOCHROME1") == 0;
    double low = 0.0, high = 1.0;
    if (dicom->voi.data)
        high = (double)((1u << dicom->voi.bits) - 1);
    else if (!dicom->has_window)
        VT_TRY(find_range(dicom, stored, &low, &high));
    for (size_t p = 0; p < (size_t)1 << dicom->bits_stored; p++) {
        double value = modality_value(dicom, (unsigned)p);
        if (dicom->voi.data)
            value = look_up(&dicom->voi, value);
        else if (dicom->has_window)
            value = in_window(dicom, value);
        double share = high > low ? fmin(fmax((value - low) / (high - low), 0.0), 1.0) : 0.0;
        int byte = (int)(share * 255.0 + 0.5);
        bytes[p] = (uint8_t)(inverted ? 255 - byte : byte);
    }
    return VT_OK;
}

static vt_status show_grey(const vt_dicom *dicom, const char *name, const uint8_t *stored, uint8_t *bytes) {
    uint8_t *table;
    VT_TRY(check_window(dicom, name));
    VT_TRY(vt_allocate(&table, (size_t)1 << dicom->bits_stored, 1, "a table of values"));
    vt_status status = fill_bytes(dicom, stored, table);
    for (size_t i = 0; status == VT_OK && i < (size_t)dicom->width * (size_t)dicom->height; i++)
        bytes[i] = table[pattern_at(dicom, stored, i)];
    free(table);
    return status;
}

static uint8_t to_byte(double value) {
    return (uint8_t)fmin(fmax(floor(value + 0.5), 0.0), 255.0);
}

/* Full-range YCbCr (PS3.3 C.7.6.3.1.2) in place. */
static void turn_to_rgb(uint8_t *pixel) {
    double y = pixel[0], cb = pixel[1] - 128.0, cr = pixel[2] - 128.0;
    pixel[0] = to_byte(y + 1.402 * cr);
    pixel[1] = to_byte(y - 0.114 * 1.772 / 0.587 * cb - 0.299 * 1.402 / 0.587 * cr);
    pixel[2] = to_byte(y + 1.772 * cb);
}

vt_status vt_dicom_show(const vt_dicom *dicom, const char *name, const uint8_t *stored, uint8_t *bytes) {
    if (dicom->channels == 1) return show_grey(dicom, name, stored, bytes);
    const bool is_ybr = strcmp(dicom->photometric, "YBR_FULL") == 0, in_planes = dicom->planar && !dicom->is_compressed;
    size_t count = (size_t)dicom->width * (size_t)dicom->height;
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < 3; c++) bytes[3 * i + c] = stored[in_planes ? c * count + i : 3 * i + c];
        if (is_ybr) turn_to_rgb(bytes + 3 * i);
    }
    return VT_OK;
}
