/* The JSON files that a training run reads back. The first byte says which: m is a checkpoint's manifest.json, s
 * trainer_state.json (of a checkpoint, and of a finished run), a training_args.json, w the weights of positives. */
#include "fuzz/data/scratch.h"

#include "train/arguments.h"
#include "train/checkpoint.h"
#include "train/pos_weight.h"
#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const files[] = {"manifest.json", "trainer_state.json", "training_args.json", "weights.json"};
static const char *const labels[] = {"Effusion", "Mass", "No Finding"};
enum { LABELS = sizeof labels / sizeof labels[0] };

/* A failure must come with a sentence. */
static bool succeeded(vt_status status) {
    if (status != VT_OK && !vt_error_message()[0]) abort();
    return status == VT_OK;
}

static void check_weights(const float *weights, int count) {
    for (int i = 0; i < count; i++)
        if (!(weights[i] >= 0.0f) || !isfinite(weights[i])) abort();
}

/* A state that was read can be told and written, and reads the same again. */
static void use_state(const vt_trainer_state *state, const vt_training_arguments *arguments) {
    vt_trainer_state again;
    if (vt_trainer_state_init(&again) != VT_OK) abort();
    for (size_t i = 0; i < json_array_size(state->log_history); i++) {
        char *line;
        if (succeeded(vt_log_text(json_array_get(state->log_history, i), &line))) free(line);
    }
    if (succeeded(vt_trainer_state_save(state, arguments, scratch_path("again.json")))) {
        if (vt_trainer_state_load(&again, scratch_path("again.json")) != VT_OK) abort();
        if (again.global_step != state->global_step || !json_equal(again.log_history, state->log_history) ||
            vt_check_identity(state->identity, again.identity, "fuzz") != VT_OK)
            abort();
    }
    vt_trainer_state_free(&again);
}

static void read_checkpoint(const char *folder) {
    static vt_training_arguments arguments;
    vt_trainer_state state;
    vt_run_record record;
    if (succeeded(vt_checkpoint_validate(folder))) abort(); /* its weights are not there */
    if (vt_trainer_state_init(&state) != VT_OK) abort();
    vt_training_arguments_init(&arguments, NULL);
    if (succeeded(vt_checkpoint_load_state(folder, &state, &arguments))) {
        use_state(&state, &arguments);
        if (vt_training_arguments_check_resume(&arguments, &arguments, "fuzz") != VT_OK) abort();
    }
    vt_trainer_state_free(&state);
    if (succeeded(vt_run_record_read(folder, LABELS, &record)) && record.pos_weight) check_weights(record.pos_weight, LABELS);
    free(record.pos_weight);
}

static void read_weights(const char *path) {
    const vt_dataset_info info = {.num_labels = LABELS, .label_names = labels};
    float *weights;
    if (succeeded(vt_pos_weight_make(path, &info, NULL, NULL, &weights))) check_weights(weights, LABELS);
    free(weights);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char usual_state[] = "{\"log_history\": [], \"stateful_callbacks\": {\"vitrain\": {\"identity\": {}}}}";
    static const char kinds[] = "msaw";
    if (size == 0) return 0;
    const char *kind = data[0] ? strchr(kinds, data[0]) : NULL;
    if (!kind) return 0;
    write_scratch(files[1], (const uint8_t *)usual_state, sizeof usual_state - 1);
    write_scratch(files[2], (const uint8_t *)"{}", 2);
    write_scratch(files[kind - kinds], data + 1, size - 1);
    if (*kind == 'w')
        read_weights(scratch_path(files[3]));
    else
        read_checkpoint(scratch_path(""));
    return 0;
}
