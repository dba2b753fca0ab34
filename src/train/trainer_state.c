/* trainer_state.json and the log. Hugging Face's loader accepts no key it does not know, so what only Vitrain needs
 * stands under "stateful_callbacks", the place it has for such things. */
#include "train/trainer_state.h"

#include "base/file.h"
#include "base/memory.h"
#include "train/arguments.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char OWN_KEY[] = "vitrain";
static const int64_t STEP_LIMIT = (int64_t)1 << 53;

vt_status vt_trainer_state_init(vt_trainer_state *state) {
    *state = (vt_trainer_state){.best_metric = NAN, .log_history = json_array(), .identity = json_object()};
    if (state->log_history && state->identity) return VT_OK;
    vt_trainer_state_free(state);
    return vt_fail_memory("the trainer state", sizeof *state);
}

void vt_trainer_state_free(vt_trainer_state *state) {
    json_decref(state->log_history);
    json_decref(state->identity);
    state->log_history = state->identity = NULL;
}

vt_status vt_trainer_state_log(vt_trainer_state *state, json_t *entry) {
    int failed = json_object_set_new(entry, "epoch", vt_json_number(state->epoch)) != 0 ||
                 json_object_set_new(entry, "step", json_integer(state->global_step)) != 0;
    if (failed)
        json_decref(entry);
    else
        failed = json_array_append_new(state->log_history, entry) != 0;
    return failed ? vt_fail_memory("a log entry", 0) : VT_OK;
}

/* What transformers has no key for. */
static json_t *own_json(const vt_trainer_state *state) {
    return json_pack("{s:I, s:I, s:o, s:o, s:O}", "last_logged_step", (json_int_t)state->last_logged_step,
                     "last_evaluated_step", (json_int_t)state->last_evaluated_step, "loss_since_log",
                     vt_json_number(state->loss_since_log), "loss_sum", vt_json_number(state->loss_sum), "identity",
                     state->identity);
}

vt_status vt_trainer_state_save(const vt_trainer_state *state, const vt_training_arguments *arguments, const char *path) {
    const char *best = state->best_model_checkpoint;
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:o, s:I, s:I, s:b, s:b, s:b, s:O, s:I, s:I, s:I, s:i, s:I, s:{s:o}, s:o, s:i, s:n, s:n}",
        "best_metric", vt_json_number(state->best_metric), "best_global_step",
        state->best_global_step ? json_integer(state->best_global_step) : json_null(), "best_model_checkpoint",
        *best ? json_string(best) : json_null(), "epoch", vt_json_number(state->epoch), "eval_steps",
        (json_int_t)vt_eval_interval(arguments), "global_step", (json_int_t)state->global_step, "is_hyper_param_search", 0,
        "is_local_process_zero", 1, "is_world_process_zero", 1, "log_history", state->log_history, "logging_steps",
        (json_int_t)arguments->logging_steps, "max_steps", (json_int_t)state->max_steps, "num_train_epochs",
        (json_int_t)state->num_train_epochs, "num_input_tokens_seen", 0, "save_steps", (json_int_t)arguments->save_steps,
        "stateful_callbacks", OWN_KEY, own_json(state), "total_flos", vt_json_number(state->total_flos), "train_batch_size",
        arguments->per_device_train_batch_size, "trial_name", "trial_params");
    vt_status status = vt_json_save(path, object);
    json_decref(object);
    return status;
}

static vt_status read_step(const json_t *object, const char *path, const char *key, int64_t *out) {
    return vt_json_get_int(object, path, key, 0, STEP_LIMIT, out);
}

json_t *vt_trainer_state_identity(const json_t *root) {
    json_t *own = json_object_get(json_object_get(root, "stateful_callbacks"), OWN_KEY);
    json_t *identity = json_object_get(own, "identity");
    return json_is_object(identity) ? identity : NULL;
}

static vt_status read_own(vt_trainer_state *state, const json_t *root, const char *path) {
    const json_t *own = json_object_get(json_object_get(root, "stateful_callbacks"), OWN_KEY);
    json_t *identity = vt_trainer_state_identity(root);
    if (!identity)
        return vt_fail(VT_ERROR_INPUT, "%s: 'stateful_callbacks' has no '%s' entry, so the run can't be resumed from it", path,
                       OWN_KEY);
    VT_TRY(read_step(own, path, "last_logged_step", &state->last_logged_step));
    VT_TRY(read_step(own, path, "last_evaluated_step", &state->last_evaluated_step));
    VT_TRY(vt_json_get_number(own, path, "loss_since_log", &state->loss_since_log));
    VT_TRY(vt_json_get_number(own, path, "loss_sum", &state->loss_sum));
    json_decref(state->identity);
    state->identity = json_incref(identity);
    return VT_OK;
}

static vt_status read_state(vt_trainer_state *state, const json_t *root, const char *path) {
    const char *best = "";
    json_t *history = json_object_get(root, "log_history");
    if (!json_is_array(history)) return vt_fail(VT_ERROR_INPUT, "%s: 'log_history' is missing or not a list", path);
    for (size_t i = 0; i < json_array_size(history); i++)
        if (!json_is_object(json_array_get(history, i)))
            return vt_fail(VT_ERROR_INPUT, "%s: entry %zu of 'log_history' is not an object", path, i);
    VT_TRY(read_step(root, path, "global_step", &state->global_step));
    VT_TRY(read_step(root, path, "max_steps", &state->max_steps));
    VT_TRY(read_step(root, path, "num_train_epochs", &state->num_train_epochs));
    VT_TRY(read_step(root, path, "best_global_step", &state->best_global_step));
    VT_TRY(vt_json_get_number(root, path, "epoch", &state->epoch));
    VT_TRY(vt_json_get_number(root, path, "total_flos", &state->total_flos));
    VT_TRY(vt_json_get_number(root, path, "best_metric", &state->best_metric));
    VT_TRY(vt_json_get_string(root, path, "best_model_checkpoint", &best));
    if (strlen(best) >= sizeof state->best_model_checkpoint)
        return vt_fail(VT_ERROR_INPUT, "%s: 'best_model_checkpoint' is longer than %d bytes", path, VT_PATH_MAX - 1);
    strcpy(state->best_model_checkpoint, best);
    json_decref(state->log_history);
    state->log_history = json_incref(history);
    return read_own(state, root, path);
}

vt_status vt_trainer_state_load(vt_trainer_state *state, const char *path) {
    json_t *root;
    VT_TRY(vt_json_load(path, &root));
    vt_status status = read_state(state, root, path);
    json_decref(root);
    return status;
}

/* A value in an error sentence; long ones cut. */
static void show(const json_t *value, char text[80]) {
    char *dumped = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    snprintf(text, 80, "%.70s", dumped ? dumped : "nothing");
    free(dumped);
}

vt_status vt_check_identity(const json_t *saved, const json_t *now, const char *checkpoint) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)now, key, value) {
        const json_t *before = json_object_get(saved, key);
        if (before && json_equal((json_t *)before, value)) continue;
        char then_text[80], now_text[80];
        show(before, then_text);
        show(value, now_text);
        return vt_fail(VT_ERROR_USAGE,
                       "%s: was written by a run whose %s was %s, but this one has %s; resume with the same data and model, or "
                       "train into another output_dir",
                       checkpoint, key, then_text, now_text);
    }
    return VT_OK;
}

json_t *vt_json_rounded(double value, int decimals) {
    double scale = pow(10, decimals);
    return vt_json_number(round(value * scale) / scale);
}

static vt_status add_entry(vt_text *text, const json_t *entry) {
    const char *key, *before = "{";
    json_t *value;
    json_object_foreach((json_t *)entry, key, value) {
        if (strcmp(key, "step") == 0 || strcmp(key, "total_flos") == 0 || json_is_object(value)) continue;
        if (json_is_integer(value))
            VT_TRY(vt_text_add(text, "%s'%s': %lld", before, key, (long long)json_integer_value(value)));
        else
            VT_TRY(vt_text_add(text, "%s'%s': %.4g", before, key, json_is_real(value) ? json_real_value(value) : NAN));
        before = ", ";
    }
    return vt_text_add(text, "}");
}

vt_status vt_log_text(const json_t *entry, char **out) {
    vt_text text = {0};
    vt_status status = add_entry(&text, entry);
    if (status != VT_OK) vt_text_free(&text);
    *out = text.data;
    return status;
}

static vt_status merge_results(const json_t *results, const char *path) {
    json_t *all = NULL;
    if (vt_path_exists(path))
        VT_TRY(vt_json_load(path, &all));
    else
        all = json_object();
    vt_status status =
        json_object_update(all, (json_t *)results) == 0 ? vt_json_save(path, all) : vt_fail_memory("all_results.json", 0);
    json_decref(all);
    return status;
}

vt_status vt_results_save(const json_t *results, const char *folder, const char *prefix) {
    char *path = NULL, *all = NULL;
    vt_status status = vt_format(&path, "%s/%s_results.json", folder, prefix);
    if (status == VT_OK) status = vt_json_save(path, results);
    if (status == VT_OK) status = vt_format(&all, "%s/all_results.json", folder);
    if (status == VT_OK) status = merge_results(results, all);
    free(path);
    free(all);
    return status;
}
