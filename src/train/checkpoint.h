/* Checkpoints: output_dir/checkpoint-N, whole or not there at all.
 *
 * A checkpoint is a model folder with optimizer.safetensors (moments, float32, named by parameter), trainer_state.json and
 * training_args.json. It is written under a temporary name, every file synced, manifest.json (sizes and CRC-32) last, and
 * then renamed; so a killed run leaves either a whole checkpoint or a leftover that the next run removes. */
#ifndef VT_TRAIN_CHECKPOINT_H
#define VT_TRAIN_CHECKPOINT_H

#include "base/error.h"
#include "model/model.h"
#include "train/trainer_state.h"
#include "vitrain/train.h"
#include <stdint.h>

typedef struct vt_checkpoint {
    const vt_model *model;
    float *moment1, *moment2; /* [model->value_count]; moment2 NULL for an optimizer with one */
    const vt_trainer_state *state;
    const vt_training_arguments *arguments;
} vt_checkpoint;

/* Writes output_dir/checkpoint-<state->global_step>. After a failure nothing of it is left, and older ones are untouched. */
vt_status vt_checkpoint_save(const vt_checkpoint *checkpoint, const char *output_dir) VT_CHECKED;

/* Every file of the manifest is there, with its size and CRC-32; else one sentence that says what is damaged. */
vt_status vt_checkpoint_validate(const char *folder) VT_CHECKED;

/* Reads state and arguments of a valid checkpoint, and nothing else. */
vt_status vt_checkpoint_load_state(const char *folder, vt_trainer_state *state, vt_training_arguments *arguments) VT_CHECKED;

/* Reads weights and moments into buffers of the model's layout. */
vt_status vt_checkpoint_load_weights(const char *folder, vt_model *model, float *moment1, float *moment2) VT_CHECKED;

/* Steps of the checkpoints in output_dir, ascending, valid or not; *steps is freed with free(). */
vt_status vt_checkpoint_list(const char *output_dir, int64_t **steps, size_t *count) VT_CHECKED;

/* *folder = the newest valid checkpoint (freed with free()), or NULL if there is none. Damaged ones are named in warnings. */
vt_status vt_checkpoint_find_newest(const char *output_dir, const vt_console *console, char **folder) VT_CHECKED;

/* Deletes the oldest until `limit` are left (0: no limit), but never those of newest_step, the last one written, and
 * best_step. */
vt_status vt_checkpoint_rotate(const char *output_dir, int64_t limit, int64_t newest_step, int64_t best_step) VT_CHECKED;

/* Deletes all checkpoints. */
vt_status vt_checkpoint_remove_all(const char *output_dir) VT_CHECKED;

/* Removes what a killed run left half-written in output_dir. */
vt_status vt_checkpoint_clean(const char *output_dir) VT_CHECKED;

/* Bytes of one checkpoint, a little more rather than less. */
uint64_t vt_checkpoint_bytes(const vt_model *model, int moments);

#endif
