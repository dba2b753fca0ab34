/* preprocessor_config.json, read as ViTImageProcessor reads it (older feature extractors' files included) and
 * written so that it reads it back. What Vitrain's fixed path of resize, rescale, normalise can't do is refused. */
#include "formats/preprocessor.h"

#include "base/file.h"
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char FILE_NAME[] = "preprocessor_config.json";

enum { MAX_SIDE = 65535 };

const char *vt_intensity_name(vt_intensity intensity) {
    switch (intensity) {
    case VT_INTENSITY_FULL:
        return "full";
    case VT_INTENSITY_STRETCH:
        return "stretch";
    }
    return NULL;
}

void vt_preprocessor_init(vt_preprocessor *preprocessor) {
    *preprocessor = (vt_preprocessor){.height = 224,
                                      .width = 224,
                                      .resample = VT_RESAMPLE_BILINEAR,
                                      .rescale_factor = 1.0 / 255.0,
                                      .image_mean = {0.5f, 0.5f, 0.5f},
                                      .image_std = {0.5f, 0.5f, 0.5f}};
}

/* "size": 224, or {"height": 224, "width": 224}. */
static vt_status read_size(const json_t *root, const char *path, vt_preprocessor *preprocessor) {
    const json_t *size = json_object_get(root, "size");
    int64_t height = preprocessor->height, width = preprocessor->width;
    if (json_is_object(size)) {
        if (!json_object_get(size, "height") || !json_object_get(size, "width")) {
            const char *key = json_object_iter_key(json_object_iter((json_t *)size));
            return vt_fail(VT_ERROR_UNSUPPORTED, "%s: 'size' has '%s'; only 'height' and 'width' together can be used", path,
                           key ? key : "");
        }
        VT_TRY(vt_json_get_int(size, path, "height", 1, MAX_SIDE, &height));
        VT_TRY(vt_json_get_int(size, path, "width", 1, MAX_SIDE, &width));
    } else {
        VT_TRY(vt_json_get_int(root, path, "size", 1, MAX_SIDE, &height));
        if (json_is_integer(size)) width = height;
    }
    preprocessor->height = (int)height;
    preprocessor->width = (int)width;
    return VT_OK;
}

/* One number for all channels, or a list of one or of three. */
static vt_status read_channels(const json_t *root, const char *path, const char *key, float values[3]) {
    const json_t *list = json_object_get(root, key);
    if (!list || json_is_null(list)) return VT_OK;
    size_t count = json_is_array(list) ? json_array_size(list) : 1;
    if (count != 1 && count != 3)
        return vt_fail(VT_ERROR_INPUT, "%s: '%s' has %zu values, expected one per colour channel (3)", path, key, count);
    for (size_t c = 0; c < 3; c++) {
        const json_t *item = json_is_array(list) ? json_array_get(list, count == 3 ? c : 0) : list;
        values[c] = (float)json_number_value(item);
        if (!json_is_number(item) || !isfinite(values[c]))
            return vt_fail(VT_ERROR_INPUT, "%s: '%s' holds something other than numbers", path, key);
    }
    return VT_OK;
}

static vt_status read_rescale(const json_t *root, const char *path, vt_preprocessor *preprocessor) {
    bool rescale = true;
    VT_TRY(vt_json_get_bool(root, path, "do_rescale", &rescale));
    VT_TRY(vt_json_get_number(root, path, "rescale_factor", &preprocessor->rescale_factor));
    if (!rescale) preprocessor->rescale_factor = 1.0;
    if (!isfinite(preprocessor->rescale_factor) || preprocessor->rescale_factor <= 0.0)
        return vt_fail(VT_ERROR_INPUT, "%s: 'rescale_factor' is %g, expected a number above 0", path,
                       preprocessor->rescale_factor);
    return VT_OK;
}

static vt_status read_normalize(const json_t *root, const char *path, vt_preprocessor *preprocessor) {
    bool normalize = true;
    VT_TRY(vt_json_get_bool(root, path, "do_normalize", &normalize));
    VT_TRY(read_channels(root, path, "image_mean", preprocessor->image_mean));
    VT_TRY(read_channels(root, path, "image_std", preprocessor->image_std));
    for (int c = 0; c < 3; c++) {
        if (!normalize) {
            preprocessor->image_mean[c] = 0.0f;
            preprocessor->image_std[c] = 1.0f;
        }
        if (!(preprocessor->image_std[c] > 0.0f))
            return vt_fail(VT_ERROR_INPUT, "%s: 'image_std' holds %g, expected numbers above 0", path,
                           (double)preprocessor->image_std[c]);
    }
    return VT_OK;
}

static vt_status read_intensity(const json_t *root, const char *path, vt_preprocessor *preprocessor) {
    const char *name = vt_intensity_name(VT_INTENSITY_FULL);
    VT_TRY(vt_json_get_string(root, path, "vitrain_intensity", &name));
    for (vt_intensity i = VT_INTENSITY_FULL; vt_intensity_name(i); i++)
        if (strcmp(vt_intensity_name(i), name) == 0) {
            preprocessor->intensity = i;
            return VT_OK;
        }
    return vt_fail(VT_ERROR_INPUT, "%s: 'vitrain_intensity' is '%s'; expected 'full' or 'stretch'", path, name);
}

/* Leaves *preprocessor alone if it fails. */
static vt_status read_config(const json_t *root, const char *path, vt_preprocessor *preprocessor) {
    vt_preprocessor read;
    vt_preprocessor_init(&read);
    bool center_crop = false;
    VT_TRY(vt_json_get_bool(root, path, "do_center_crop", &center_crop));
    if (center_crop)
        return vt_fail(VT_ERROR_UNSUPPORTED,
                       "%s: 'do_center_crop' asks for a centre crop; only resizing the whole image can be done", path);
    int64_t resample = read.resample;
    VT_TRY(vt_json_get_int(root, path, "resample", VT_RESAMPLE_NEAREST, VT_RESAMPLE_HAMMING, &resample));
    read.resample = (vt_resample)resample;
    VT_TRY(read_size(root, path, &read));
    VT_TRY(read_rescale(root, path, &read));
    VT_TRY(read_normalize(root, path, &read));
    VT_TRY(read_intensity(root, path, &read));
    *preprocessor = read;
    return VT_OK;
}

vt_status vt_preprocessor_load(const char *folder, vt_preprocessor *preprocessor, int *found) {
    char *path = NULL;
    json_t *root = NULL;
    VT_TRY(vt_join(folder, FILE_NAME, &path));
    vt_status status = VT_OK;
    bool exists = vt_path_exists(path);
    if (exists) {
        VT_TRY_GOTO(vt_json_load(path, &root));
        VT_TRY_GOTO(read_config(root, path, preprocessor));
    } else {
        vt_preprocessor_init(preprocessor);
    }
    if (found) *found = exists;
done:
    json_decref(root);
    free(path);
    return status;
}

vt_status vt_preprocessor_parse(const void *data, size_t size, const char *name, vt_preprocessor *preprocessor) {
    json_t *root = NULL;
    VT_TRY(vt_json_parse(data, size, name, &root));
    vt_status status = read_config(root, name, preprocessor);
    json_decref(root);
    return status;
}

/* The double that prints as short as the float does: 0.485, not 0.48500001430511475. */
static double shortest(float value) {
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    return strtod(text, NULL);
}

vt_status vt_preprocessor_save(const char *folder, const vt_preprocessor *preprocessor) {
    const float *mean = preprocessor->image_mean, *std = preprocessor->image_std;
    json_t *root = json_pack("{s:b, s:b, s:b, s:[f,f,f], s:s, s:[f,f,f], s:i, s:f, s:{s:i, s:i}, s:s}", "do_normalize", 1,
                             "do_rescale", 1, "do_resize", 1, "image_mean", shortest(mean[0]), shortest(mean[1]),
                             shortest(mean[2]), "image_processor_type", "ViTImageProcessor", "image_std", shortest(std[0]),
                             shortest(std[1]), shortest(std[2]), "resample", (int)preprocessor->resample, "rescale_factor",
                             preprocessor->rescale_factor, "size", "height", preprocessor->height, "width", preprocessor->width,
                             "vitrain_intensity", vt_intensity_name(preprocessor->intensity));
    char *path = NULL;
    vt_status status = VT_OK;
    if (!root)
        VT_TRY_GOTO(vt_fail(VT_ERROR_INPUT, "%s/%s: a mean, deviation or factor is not a finite number", folder, FILE_NAME));
    VT_TRY_GOTO(vt_join(folder, FILE_NAME, &path));
    status = vt_json_save(path, root);
done:
    free(path);
    json_decref(root);
    return status;
}
