/* What a run recorded of its loss and of the data it was trained on, read again from the files beside its model, so that an
 * evaluation can use the same loss and say when its images may have been trained on. */
#include "base/file.h"
#include "base/memory.h"
#include "train/trainer_state.h"
#include "vitrain/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* weights [num_labels] from a list of numbers. */
static vt_status read_weights(const json_t *list, const char *path, int num_labels, float *weights) {
    if (!json_is_array(list) || json_array_size(list) != (size_t)num_labels)
        return vt_fail(VT_ERROR_INPUT, "%s: its 'pos_weight' is not a list of %d numbers, one for each label of the model",
                       path, num_labels);
    for (int i = 0; i < num_labels; i++) {
        const json_t *value = json_array_get(list, (size_t)i);
        double weight = json_is_number(value) ? json_number_value(value) : NAN;
        if (!(weight >= 0 && weight <= 1e30))
            return vt_fail(VT_ERROR_INPUT, "%s: entry %d of its 'pos_weight' is not a number from 0 to 1e30", path, i);
        weights[i] = (float)weight;
    }
    return VT_OK;
}

/* The arguments lie beside the state; where they are absent, 0. */
static vt_status read_smoothing(const char *model_dir, double *factor) {
    char *path;
    json_t *arguments = NULL;
    VT_TRY(vt_join(model_dir, "training_args.json", &path));
    vt_status status = vt_path_exists(path) ? vt_json_load(path, &arguments) : VT_OK;
    if (status == VT_OK && arguments) status = vt_json_get_number(arguments, path, "label_smoothing_factor", factor);
    if (status == VT_OK && !(*factor >= 0 && *factor < 1))
        status = vt_fail(VT_ERROR_INPUT, "%s: its 'label_smoothing_factor' is %g, expected a number from 0 to below 1", path,
                         *factor);
    json_decref(arguments);
    free(path);
    return status;
}

static vt_status read_record(const json_t *state, const char *path, const char *model_dir, int num_labels,
                             vt_run_record *record) {
    const json_t *identity = vt_trainer_state_identity(state), *weights = json_object_get(identity, "pos_weight");
    const char *hash = "";
    if (!identity) return VT_OK;
    VT_TRY(vt_json_get_string(identity, path, "split_hash", &hash));
    if (strlen(hash) >= sizeof record->split_hash)
        return vt_fail(VT_ERROR_INPUT, "%s: its 'split_hash' is longer than %zu letters", path, sizeof record->split_hash - 1);
    strcpy(record->split_hash, hash);
    VT_TRY(read_smoothing(model_dir, &record->label_smoothing_factor));
    if (!weights || json_is_null(weights)) return VT_OK;
    VT_TRY(vt_allocate(&record->pos_weight, (size_t)num_labels, sizeof *record->pos_weight, "weights of positives"));
    return read_weights(weights, path, num_labels, record->pos_weight);
}

vt_status vt_run_record_read(const char *model_dir, int num_labels, vt_run_record *record) {
    char *path;
    json_t *state = NULL;
    *record = (vt_run_record){0};
    VT_TRY(vt_join(model_dir, "trainer_state.json", &path));
    vt_status status = vt_path_exists(path) ? vt_json_load(path, &state) : VT_OK;
    if (status == VT_OK && state) status = read_record(state, path, model_dir, num_labels, record);
    if (status != VT_OK) {
        free(record->pos_weight);
        *record = (vt_run_record){0};
    }
    json_decref(state);
    free(path);
    return status;
}
