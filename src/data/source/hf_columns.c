/* Recognises columns by their features. Whether an Arrow file agrees is for source_hf.c. */
#include "data/source/hf_columns.h"

#include "data/source/name_list.h"
#include <stdlib.h>
#include <string.h>

static const char *const label_names[] = {"label", "labels", "Finding Labels"};
static const char *const patient_names[] = {"patient_id", "Patient ID", "patient", "subject_id"};
enum { LABEL_NAMES = 3, PATIENT_NAMES = 4 };

/* --- features --- */

static bool is_type(const json_t *feature, const char *type) {
    const char *found = json_string_value(json_object_get(feature, "_type"));
    return found && strcmp(found, type) == 0;
}

/* What a list is of, or NULL. `datasets` has written lists as List, LargeList, Sequence, and as [feature]. */
static const json_t *item_of(const json_t *feature) {
    if (json_is_array(feature)) return json_array_get(feature, 0);
    bool is_list = is_type(feature, "List") || is_type(feature, "LargeList") || is_type(feature, "Sequence");
    return is_list ? json_object_get(feature, "feature") : NULL;
}

static bool is_whole_number(const json_t *feature) {
    const char *dtype = json_string_value(json_object_get(feature, "dtype"));
    return is_type(feature, "Value") && dtype && (strncmp(dtype, "int", 3) == 0 || strncmp(dtype, "uint", 4) == 0);
}

/* The names of a ClassLabel, or NULL; without names its numbers are but numbers. */
static const json_t *class_names(const json_t *feature) {
    const json_t *names = json_object_get(feature, "names");
    return is_type(feature, "ClassLabel") && json_array_size(names) > 0 ? names : NULL;
}

static bool is_image(const json_t *feature) {
    return is_type(feature, "Image");
}

static bool is_pixel_array(const json_t *feature) {
    return is_type(feature, "Array2D") || is_type(feature, "Array3D");
}

/* As Image is stored, in data sets that don't say that it is one. */
static bool is_image_struct(const json_t *feature) {
    return json_is_object(feature) && !json_object_get(feature, "_type") && json_object_get(feature, "bytes") &&
           json_object_get(feature, "path");
}

static bool is_pixel_list(const json_t *feature) {
    int depth = 0;
    for (const json_t *item = item_of(feature); item; item = item_of(item)) {
        feature = item;
        depth++;
    }
    return (depth == 2 || depth == 3) && is_whole_number(feature);
}

static bool has_classes(const json_t *feature) {
    const json_t *item = item_of(feature);
    return class_names(item ? item : feature) != NULL;
}

/* --- choosing --- */

/* "'a', 'b'" */
static vt_status list_columns(const json_t *features, vt_text *out) {
    const char *name;
    json_t *feature;
    json_object_foreach((json_t *)features, name, feature) VT_TRY(vt_text_add(out, "%s'%s'", out->length ? ", " : "", name));
    return VT_OK;
}

static vt_status fail_columns(const json_t *features, vt_status code, const char *path, const char *what, const char *name) {
    vt_text list = {0};
    vt_status status = list_columns(features, &list);
    if (status == VT_OK)
        status = vt_fail(code, "%s: %s%s%s%s; columns are %s", path, what, name ? " '" : "", name ? name : "", name ? "'" : "",
                         list.length ? list.data : "none");
    vt_text_free(&list);
    return status;
}

/* *out = the name of the column, as the features own it, or NULL. */
static const char *find_column(const json_t *features, const char *name, size_t length) {
    const char *key;
    json_t *feature;
    json_object_foreach((json_t *)features, key, feature) {
        if (strlen(key) == length && memcmp(key, name, length) == 0) return key;
    }
    return NULL;
}

static const char *find_first(const json_t *features, bool (*fits)(const json_t *feature)) {
    const char *key;
    json_t *feature;
    json_object_foreach((json_t *)features, key, feature) {
        if (fits(feature)) return key;
    }
    return NULL;
}

static vt_status choose_image(vt_hf_columns *columns, const char *path, const char *option) {
    static bool (*const kinds[])(const json_t *) = {is_image, is_pixel_array, is_image_struct, is_pixel_list};
    if (option) {
        columns->image = find_column(columns->features, option, strlen(option));
        if (columns->image) return VT_OK;
        return fail_columns(columns->features, VT_ERROR_USAGE, path, "image_column: there is no column", option);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && !columns->image; i++)
        columns->image = find_first(columns->features, kinds[i]);
    if (columns->image) return VT_OK;
    return fail_columns(columns->features, VT_ERROR_INPUT, path,
                        "no column is of images; expected the feature Image, Array2D or Array3D, or lists of lists of bytes",
                        NULL);
}

static vt_status choose_patient(vt_hf_columns *columns, const char *path, const char *option) {
    if (option && !*option) return VT_OK;
    for (int i = 0; !option && i < PATIENT_NAMES && !columns->patient; i++)
        columns->patient = find_column(columns->features, patient_names[i], strlen(patient_names[i]));
    if (!option) return VT_OK;
    columns->patient = find_column(columns->features, option, strlen(option));
    if (columns->patient) return VT_OK;
    return fail_columns(columns->features, VT_ERROR_USAGE, path, "patient_column: there is no column", option);
}

/* Adds the columns of "A,B". */
static vt_status add_named_labels(vt_hf_columns *columns, const char *path, const char *option) {
    vt_strings names = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_name_list_split(option, "label_columns", &names));
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.items[i];
        if (!find_column(columns->features, name, strlen(name)))
            VT_TRY_GOTO(fail_columns(columns->features, VT_ERROR_USAGE, path, "label_columns: there is no column", name));
        VT_TRY_GOTO(vt_strings_add(&columns->labels, name, strlen(name)));
    }
done:
    vt_strings_free(&names);
    return status;
}

/* How many columns have classes; *first is the first of them. */
static int count_class_columns(const json_t *features, const char **first) {
    const char *key;
    json_t *feature;
    int count = 0;
    json_object_foreach((json_t *)features, key, feature) {
        if (has_classes(feature) && count++ == 0) *first = key;
    }
    return count;
}

/* Adds the column called label or the like, or else the only one that has classes. */
static vt_status add_usual_label(vt_hf_columns *columns, const char *path) {
    const char *found = NULL;
    for (int i = 0; i < LABEL_NAMES && !found; i++)
        found = find_column(columns->features, label_names[i], strlen(label_names[i]));
    if (!found && count_class_columns(columns->features, &found) > 1)
        return fail_columns(columns->features, VT_ERROR_INPUT, path,
                            "several columns have classes; choose one by --label-columns", NULL);
    if (!found)
        return fail_columns(columns->features, VT_ERROR_INPUT, path,
                            "no column is recognised as labels; expected 'label', 'labels' or the feature ClassLabel, or the "
                            "names of columns by --label-columns",
                            NULL);
    return vt_strings_add(&columns->labels, found, strlen(found));
}

/* Decides what the label columns hold. */
static vt_status decide_kind(vt_hf_columns *columns, const char *path, bool named) {
    const json_t *feature = json_object_get(columns->features, columns->labels.items[0]), *item = item_of(feature);
    const char *dtype = json_string_value(json_object_get(feature, "dtype"));
    columns->classes = class_names(item ? item : feature);
    bool is_text = dtype && strstr(dtype, "string");
    if (columns->labels.count == 1 && (columns->classes || item || is_text || !named)) {
        columns->kind = !columns->classes ? VT_HF_VALUE : item ? VT_HF_CLASSES : VT_HF_CLASS;
        return VT_OK;
    }
    columns->kind = VT_HF_FINDINGS;
    columns->classes = NULL;
    for (size_t i = 0; i < columns->labels.count; i++) {
        feature = json_object_get(columns->features, columns->labels.items[i]);
        dtype = json_string_value(json_object_get(feature, "dtype"));
        bool fits = is_whole_number(feature) ||
                    (is_type(feature, "Value") && dtype && (strcmp(dtype, "bool") == 0 || strncmp(dtype, "float", 5) == 0));
        if (!fits)
            return fail_columns(columns->features, VT_ERROR_USAGE, path,
                                "label_columns: of several columns each must be a number, but not so",
                                columns->labels.items[i]);
    }
    return VT_OK;
}

vt_status vt_hf_columns_choose(const json_t *features, const char *path, const vt_label_options *options,
                               vt_hf_columns *columns) {
    *columns = (vt_hf_columns){.features = features};
    if (json_object_size(features) == 0)
        return vt_fail(VT_ERROR_INPUT, "%s: has no 'features'; expected those of a data set's columns", path);
    VT_TRY(choose_image(columns, path, options->image_column));
    VT_TRY(choose_patient(columns, path, options->patient_column));
    if (options->label_columns)
        VT_TRY(add_named_labels(columns, path, options->label_columns));
    else
        VT_TRY(add_usual_label(columns, path));
    return decide_kind(columns, path, options->label_columns != NULL);
}

void vt_hf_columns_free(vt_hf_columns *columns) {
    vt_strings_free(&columns->labels);
    *columns = (vt_hf_columns){0};
}

static vt_status check_column(const vt_hf_columns *columns, const json_t *features, const char *path, const char *name) {
    if (json_equal(json_object_get(columns->features, name), json_object_get(features, name))) return VT_OK;
    return vt_fail(VT_ERROR_INPUT, "%s: column '%s' has other features than in the first split; expected the same", path, name);
}

vt_status vt_hf_columns_check(const vt_hf_columns *columns, const json_t *features, const char *path) {
    VT_TRY(check_column(columns, features, path, columns->image));
    if (columns->patient) VT_TRY(check_column(columns, features, path, columns->patient));
    for (size_t i = 0; i < columns->labels.count; i++) VT_TRY(check_column(columns, features, path, columns->labels.items[i]));
    return VT_OK;
}

vt_status vt_hf_columns_describe(const vt_hf_columns *columns, char **out) {
    static const char *const kinds[] = {"one class in", "classes in", "labels in", "a label in each of"};
    vt_text text = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_text_add(&text, "images in '%s', %s ", columns->image, kinds[columns->kind]));
    for (size_t i = 0; i < columns->labels.count; i++)
        VT_TRY_GOTO(vt_text_add(&text, "%s'%s'", i ? ", " : "", columns->labels.items[i]));
    if (columns->classes) VT_TRY_GOTO(vt_text_add(&text, " (%zu names)", json_array_size(columns->classes)));
    if (columns->patient) VT_TRY_GOTO(vt_text_add(&text, ", patients in '%s'", columns->patient));
    *out = text.data;
    text.data = NULL;
done:
    vt_text_free(&text);
    return status;
}
