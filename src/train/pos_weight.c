/* Weights of positives: counted on what is known of the training split, or read from a file that must name known labels. */
#include "train/pos_weight.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/progress.h"
#include "vitrain/train.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t FILE_LIMIT = 16 << 20;

static void count_weights(const vt_dataset_info *info, const vt_split *split, const vt_console *console, float *weights) {
    const int64_t samples = vt_split_size(split);
    for (int label = 0; label < info->num_labels; label++) {
        int64_t positives = 0, known = 0;
        for (int64_t i = 0; i < samples; i++) {
            float value = vt_split_get(split, i).labels[label];
            positives += value > 0.5f;
            known += !isnan(value);
        }
        weights[label] = positives ? (float)((double)(known - positives) / (double)positives) : 1;
        if (positives == 0)
            vt_warn(console, "no image of '%s' is labelled '%s': its pos_weight is 1", vt_split_name(split),
                    info->label_names[label]);
    }
}

static vt_status read_weight(const json_t *value, const char *path, const char *label, float *weight) {
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= 0 && number <= 1e6))
        return vt_fail(VT_ERROR_INPUT, "%s: the weight of '%s' is not a number from 0 to 1e6", path, label);
    *weight = (float)number;
    return VT_OK;
}

static vt_status read_list(const json_t *list, const char *path, const vt_dataset_info *info, float *weights) {
    if (json_array_size(list) != (size_t)info->num_labels)
        return vt_fail(VT_ERROR_INPUT, "%s: has %zu weights, expected one for each of the %d labels", path,
                       json_array_size(list), info->num_labels);
    for (int i = 0; i < info->num_labels; i++)
        VT_TRY(read_weight(json_array_get(list, (size_t)i), path, info->label_names[i], &weights[i]));
    return VT_OK;
}

static vt_status read_object(json_t *object, const char *path, const vt_dataset_info *info, float *weights) {
    const char *name;
    json_t *value;
    for (int i = 0; i < info->num_labels; i++) weights[i] = 1;
    json_object_foreach(object, name, value) {
        int label = 0;
        while (label < info->num_labels && strcmp(info->label_names[label], name) != 0) label++;
        if (label == info->num_labels) return vt_fail(VT_ERROR_INPUT, "%s: '%s' is not a label of the data set", path, name);
        VT_TRY(read_weight(value, path, name, &weights[label]));
    }
    return VT_OK;
}

static vt_status read_file(const char *path, const vt_dataset_info *info, float *weights) {
    uint8_t *data;
    size_t size;
    json_t *root;
    VT_TRY(vt_read_file(path, FILE_LIMIT, &data, &size));
    vt_status status = vt_json_parse_list((const char *)data, size, path, &root);
    free(data);
    VT_TRY(status);
    status = json_is_array(root) ? read_list(root, path, info, weights) : read_object(root, path, info, weights);
    json_decref(root);
    return status;
}

vt_status vt_pos_weight_make(const char *source, const vt_dataset_info *info, const vt_split *split, const vt_console *console,
                             float **out) {
    float *weights;
    *out = NULL;
    if (!*source || strcmp(source, "none") == 0) return VT_OK;
    VT_TRY(vt_allocate(&weights, (size_t)info->num_labels, sizeof *weights, "weights of positives"));
    vt_status status = VT_OK;
    if (strcmp(source, "auto") == 0)
        count_weights(info, split, console, weights);
    else
        status = read_file(source, info, weights);
    if (status == VT_OK)
        *out = weights;
    else
        free(weights);
    return status;
}

vt_status vt_training_pos_weight(const vt_training_arguments *arguments, const vt_dataset *dataset, float **weights) {
    const vt_split *train = vt_dataset_get_split(dataset, "train");
    *weights = NULL;
    if (!train) return vt_fail(VT_ERROR_INPUT, "the data set has no 'train' split to count positives in");
    return vt_pos_weight_make(arguments->pos_weight, vt_dataset_get_info(dataset), train, NULL, weights);
}
