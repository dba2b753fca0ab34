/* What a checkpoint is, for those who ask: read from its state after its files have been checked. */
#include "base/memory.h"
#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

vt_status vt_checkpoint_newest(const char *output_dir, const vt_console *console, char path[VT_PATH_MAX]) {
    char *folder;
    path[0] = '\0';
    VT_TRY(vt_checkpoint_find_newest(output_dir, console, &folder));
    vt_status status = VT_OK;
    if (folder && strlen(folder) >= VT_PATH_MAX)
        status = vt_fail(VT_ERROR_INPUT, "%.200s...: the path is longer than %d bytes", folder, VT_PATH_MAX - 1);
    else if (folder)
        strcpy(path, folder);
    free(folder);
    return status;
}

vt_status vt_checkpoint_inspect(const char *folder, vt_checkpoint_info *info) {
    VT_TRY(vt_checkpoint_validate(folder));
    vt_training_arguments *arguments;
    VT_TRY(vt_allocate(&arguments, 1, sizeof *arguments, "training arguments"));
    vt_training_arguments_init(arguments, NULL);
    vt_trainer_state state;
    vt_status status = vt_trainer_state_init(&state);
    if (status == VT_OK) {
        status = vt_checkpoint_load_state(folder, &state, arguments);
        *info = (vt_checkpoint_info){.global_step = state.global_step,
                                     .max_steps = state.max_steps,
                                     .epoch = state.epoch,
                                     .best_metric = state.best_metric};
        vt_trainer_state_free(&state);
    }
    free(arguments);
    return status;
}
