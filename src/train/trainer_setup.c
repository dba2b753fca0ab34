/* Getting a run ready: checks before anything is written, the output folder, resumption, placement on the device, and
 * the summary that opens it. */
#include "train/trainer.h"

#include "base/file.h"
#include "base/memory.h"
#include "train/arguments.h"
#include "train/evaluation.h"
#include "train/pos_weight.h"
#include "train/schedule.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- checks --- */

static vt_status find_splits(vt_trainer *trainer) {
    const vt_training_arguments *arguments = trainer->arguments;
    trainer->train_split = vt_dataset_get_split(trainer->dataset, "train");
    if (!trainer->train_split) return vt_fail(VT_ERROR_INPUT, "the data set has no 'train' split");
    if (arguments->eval_strategy == VT_STRATEGY_NO) return VT_OK;
    trainer->eval_split = vt_dataset_get_split(trainer->dataset, arguments->eval_split);
    if (!trainer->eval_split || vt_split_size(trainer->eval_split) == 0)
        return vt_fail(VT_ERROR_USAGE,
                       "eval_strategy asks for evaluations, but the data set's '%s' split %s; prepare one, choose another with "
                       "eval_split, or set eval_strategy to no",
                       arguments->eval_split, trainer->eval_split ? "is empty" : "does not exist");
    return VT_OK;
}

/* A split by patient must keep patients apart; where it was not meant to, their number is said. */
static vt_status check_patients(const vt_trainer *trainer) {
    const vt_dataset_info *info = vt_dataset_get_info(trainer->dataset);
    if (info->shared_patients == 0) return VT_OK;
    if (info->split_policy == VT_SPLIT_PATIENT || info->split_policy == VT_SPLIT_OFFICIAL)
        return vt_fail(VT_ERROR_INPUT,
                       "the data set is split by patient, but %lld patients stand in more than one split; prepare "
                       "it again",
                       (long long)info->shared_patients);
    vt_warn(trainer->console, "%lld patients stand in more than one split: figures on the others will be too good",
            (long long)info->shared_patients);
    return VT_OK;
}

/* The model takes over what the data set decides: the kind of problem, if it has none yet, and how images are resized. */
static vt_status adopt_data(vt_trainer *trainer) {
    const vt_dataset_info *info = vt_dataset_get_info(trainer->dataset);
    vt_model *model = trainer->model;
    VT_TRY(vt_check_compatible(model, info));
    model->config.problem_type = vt_problem_type_for(model, info);
    model->preprocessor.height = info->height;
    model->preprocessor.width = info->width;
    model->preprocessor.resample = info->resample;
    model->preprocessor.intensity = info->intensity;
    VT_TRY(
        vt_pos_weight_make(trainer->arguments->pos_weight, info, trainer->train_split, trainer->console, &trainer->pos_weight));
    if (trainer->pos_weight && model->config.problem_type != VT_PROBLEM_MULTI_LABEL)
        return vt_fail(VT_ERROR_USAGE, "pos_weight is of the multi-label loss, but the problem type is %s",
                       vt_problem_type_name(model->config.problem_type));
    return VT_OK;
}

static vt_status check(vt_trainer *trainer) {
    const vt_training_arguments *arguments = trainer->arguments;
    double ignored;
    VT_TRY(vt_training_arguments_check(arguments));
    if (arguments->metric_for_best_model[0]) VT_TRY(vt_evaluation_metric(NULL, arguments->metric_for_best_model, &ignored));
    VT_TRY(find_splits(trainer));
    VT_TRY(check_patients(trainer));
    VT_TRY(adopt_data(trainer));
    return vt_training_plan_make(arguments, vt_split_size(trainer->train_split), &trainer->plan);
}

/* --- the output folder and resumption --- */

static json_t *float_list(const float *values, int count) {
    json_t *list = values ? json_array() : json_null();
    for (int i = 0; values && i < count; i++)
        if (json_array_append_new(list, json_real((double)values[i])) != 0) return json_decref(list), NULL;
    return list;
}

static json_t *label_list(const vt_vit_config *config) {
    json_t *list = json_array();
    for (int i = 0; i < config->num_labels; i++)
        if (json_array_append_new(list, json_string(config->label_names[i])) != 0) return json_decref(list), NULL;
    return list;
}

/* What, besides the arguments, decides the weights of a run. */
static vt_status make_identity(const vt_trainer *trainer, json_t **out) {
    const vt_dataset_info *info = vt_dataset_get_info(trainer->dataset);
    const vt_model *model = trainer->model;
    const vt_vit_config *config = &model->config;
    *out =
        json_pack("{s:s, s:I, s:o, s:s, s:i, s:i, s:i, s:i, s:o, s:f, s:f, s:f, s:i, s:o, s:o}", "split_hash", info->split_hash,
                  "train_samples", (json_int_t)vt_split_size(trainer->train_split), "labels", label_list(config),
                  "problem_type", vt_problem_type_name(config->problem_type), "image_height", info->height, "image_width",
                  info->width, "stored_height", info->stored_height, "stored_width", info->stored_width, "pos_weight",
                  float_list(trainer->pos_weight, config->num_labels), "hidden_dropout_prob", config->hidden_dropout_prob,
                  "attention_probs_dropout_prob", config->attention_probs_dropout_prob, "layer_norm_eps",
                  config->layer_norm_eps, "activation", (int)config->hidden_act, "image_mean",
                  float_list(model->preprocessor.image_mean, 3), "image_std", float_list(model->preprocessor.image_std, 3));
    return *out ? VT_OK : vt_fail(VT_ERROR_INPUT, "the labels of the data set can't be written as JSON: not valid UTF-8");
}

/* *folder = the checkpoint to go on from (freed with free()), or NULL for a fresh start. */
static vt_status find_checkpoint(const vt_trainer *trainer, char **folder) {
    const vt_training_arguments *arguments = trainer->arguments;
    *folder = NULL;
    if (!arguments->resume) return VT_OK;
    if (arguments->resume_from_checkpoint[0]) {
        VT_TRY(vt_checkpoint_validate(arguments->resume_from_checkpoint));
        return vt_copy_string(arguments->resume_from_checkpoint, folder);
    }
    VT_TRY(vt_checkpoint_find_newest(arguments->output_dir, trainer->console, folder));
    if (!*folder)
        vt_say(trainer->console, "There is no checkpoint to resume from in %s: starting afresh.", arguments->output_dir);
    return VT_OK;
}

/* Without resumption, an earlier run's checkpoints are in the way unless they may be overwritten. */
static vt_status clear_output(const vt_trainer *trainer) {
    const vt_training_arguments *arguments = trainer->arguments;
    int64_t *steps;
    size_t count;
    if (arguments->resume) return VT_OK;
    VT_TRY(vt_checkpoint_list(arguments->output_dir, &steps, &count));
    free(steps);
    if (count == 0) return VT_OK;
    if (!arguments->overwrite_output_dir)
        return vt_fail(VT_ERROR_USAGE,
                       "%s: holds %zu checkpoint%s of an earlier run; go on with --resume-from-checkpoint, start afresh with "
                       "--overwrite-output-dir, or choose another folder",
                       arguments->output_dir, count, count == 1 ? "" : "s");
    vt_say(trainer->console, "Overwriting %s: removing %zu checkpoint%s of an earlier run.", arguments->output_dir, count,
           count == 1 ? "" : "s");
    return vt_checkpoint_remove_all(arguments->output_dir);
}

/* Compares a checkpoint with this run and takes over its state; `saved` is room for its arguments. */
static vt_status restore_state(vt_trainer *trainer, const char *folder, vt_training_arguments *saved) {
    json_t *identity;
    VT_TRY(vt_checkpoint_load_state(folder, &trainer->state, saved));
    VT_TRY(make_identity(trainer, &identity));
    vt_status status = vt_check_identity(trainer->state.identity, identity, folder);
    json_decref(identity);
    VT_TRY(status);
    VT_TRY(vt_training_arguments_check_resume(saved, trainer->arguments, folder));
    if (trainer->state.max_steps != trainer->plan.max_steps)
        return vt_fail(VT_ERROR_USAGE,
                       "%s: was written by a run of %lld optimizer steps, but this one has %lld; resume with the same "
                       "num_train_epochs and max_steps, or train into another output_dir",
                       folder, (long long)trainer->state.max_steps, (long long)trainer->plan.max_steps);
    if (trainer->state.global_step > trainer->plan.max_steps)
        return vt_fail(VT_ERROR_INPUT, "%s: is at step %lld of %lld", folder, (long long)trainer->state.global_step,
                       (long long)trainer->plan.max_steps);
    return VT_OK;
}

static vt_status resume(vt_trainer *trainer, const char *folder) {
    vt_training_arguments *saved;
    VT_TRY(vt_allocate(&saved, 1, sizeof *saved, "training arguments"));
    vt_status status = restore_state(trainer, folder, saved);
    free(saved);
    VT_TRY(status);
    VT_TRY(vt_checkpoint_load_weights(folder, trainer->model, trainer->moment1, trainer->moment2));
    trainer->first_step = trainer->last_saved_step = trainer->state.global_step;
    return VT_OK;
}

static vt_status start_state(vt_trainer *trainer) {
    vt_trainer_state *state = &trainer->state;
    char *folder;
    trainer->last_saved_step = -1;
    VT_TRY(vt_make_folders(trainer->arguments->output_dir));
    VT_TRY(vt_check_writable(trainer->arguments->output_dir));
    VT_TRY(vt_lock_folder(trainer->arguments->output_dir, &trainer->lock));
    VT_TRY(vt_checkpoint_clean(trainer->arguments->output_dir));
    VT_TRY(clear_output(trainer));
    VT_TRY(find_checkpoint(trainer, &folder));
    vt_status status;
    if (folder) {
        status = resume(trainer, folder);
    } else {
        json_decref(state->identity);
        state->identity = NULL;
        state->max_steps = trainer->plan.max_steps;
        status = make_identity(trainer, &state->identity);
    }
    state->num_train_epochs = trainer->plan.epochs;
    free(folder);
    return status;
}

/* --- room on the disk --- */

/* Checkpoints that still have to fit beside those there. */
static int64_t checkpoints_to_come(const vt_trainer *trainer, int64_t existing) {
    const vt_training_arguments *arguments = trainer->arguments;
    int64_t left = trainer->plan.max_steps - trainer->state.global_step, interval = arguments->save_steps;
    if (arguments->save_strategy == VT_STRATEGY_NO || left == 0) return 1; /* in case of a request to stop */
    if (arguments->save_strategy == VT_STRATEGY_EPOCH) interval = trainer->plan.steps_per_epoch;
    int64_t planned = left / interval + (left % interval != 0), limit = arguments->save_total_limit;
    if (limit == 0 || planned <= limit - existing) return planned;
    /* The new one is written before an old one goes; the best one stays beside the newest even under a limit of one. */
    int64_t room = limit + 1 + (limit == 1 && arguments->load_best_model_at_end) - existing;
    return room > 1 ? room : 1;
}

static vt_status check_space(const vt_trainer *trainer) {
    const char *folder = trainer->arguments->output_dir;
    uint64_t each = vt_checkpoint_bytes(trainer->model, trainer->moment2 ? 2 : 1), available;
    int64_t *steps;
    size_t existing;
    char needed_text[32], available_text[32];
    VT_TRY(vt_checkpoint_list(folder, &steps, &existing));
    free(steps);
    int64_t count = checkpoints_to_come(trainer, (int64_t)existing);
    uint64_t needed = (uint64_t)count * each + vt_checkpoint_bytes(trainer->model, 0);
    VT_TRY(vt_free_space(folder, &available));
    if (available >= needed) return VT_OK;
    vt_format_bytes(needed, needed_text);
    vt_format_bytes(available, available_text);
    return vt_fail(
        VT_ERROR_IO,
        "%s: %lld checkpoint%s and the final model need %s, but only %s are free; make room, or keep fewer checkpoints "
        "with --save-total-limit or --save-steps",
        folder, (long long)count, count == 1 ? "" : "s", needed_text, available_text);
}

/* --- placement --- */

static vt_status allocate_buffers(vt_trainer *trainer) {
    size_t count = (size_t)trainer->model->value_count;
    VT_TRY(vt_allocate(&trainer->sample_losses, (size_t)trainer->plan.batch_size, sizeof(float), "losses of a micro-batch"));
    VT_TRY(vt_allocate_pages(&trainer->moment1, count, sizeof(float), "the optimizer's first moments"));
    if (trainer->arguments->optim == VT_OPTIMIZER_SGD) return VT_OK;
    return vt_allocate_pages(&trainer->moment2, count, sizeof(float), "the optimizer's second moments");
}

vt_update_rule vt_update_rule_of(vt_optimizer_type optim) {
    return optim == VT_OPTIMIZER_SGD ? VT_UPDATE_SGD : optim == VT_OPTIMIZER_LAMB ? VT_UPDATE_LAMB : VT_UPDATE_ADAMW;
}

/* The last batch of `samples` may be a smaller one. */
static vt_status prepare_rest(vt_vit *vit, int64_t samples, int64_t batch) {
    return samples % batch ? vt_vit_prepare(vit, samples % batch) : VT_OK;
}

static vt_status place(vt_trainer *trainer) {
    const vt_training_arguments *arguments = trainer->arguments;
    vt_vit_options options = {.precision = arguments->precision,
                              .max_batch = trainer->plan.batch_size,
                              .pixel_channels = vt_dataset_get_info(trainer->dataset)->channels,
                              .train = 1,
                              .recompute = arguments->gradient_checkpointing,
                              .update = vt_update_rule_of(arguments->optim),
                              .host = {trainer->model->values, trainer->moment1, trainer->moment2}};
    VT_TRY(vt_vit_create(trainer->device, trainer->model, &options, &trainer->vit));
    VT_TRY(prepare_rest(trainer->vit, trainer->plan.samples, options.max_batch));
    if (trainer->first_step > 0) VT_TRY(vt_vit_set_moments(trainer->vit, trainer->moment1, trainer->moment2));
    if (!trainer->eval_split) return VT_OK;
    options.max_batch = arguments->per_device_eval_batch_size;
    options.train = 0;
    options.owner = trainer->vit;
    VT_TRY(vt_vit_create(trainer->device, trainer->model, &options, &trainer->eval_vit));
    return prepare_rest(trainer->eval_vit, vt_split_size(trainer->eval_split), options.max_batch);
}

static vt_status open_loader(vt_trainer *trainer) {
    const vt_training_plan *plan = &trainer->plan;
    vt_loader_options options = {.batch_size = plan->batch_size,
                                 .shuffle = 1,
                                 .sampler = trainer->arguments->sampler,
                                 .seed = trainer->arguments->seed,
                                 .epoch_size = plan->samples,
                                 .first_epoch = trainer->first_step / plan->steps_per_epoch,
                                 .first_sample = trainer->first_step % plan->steps_per_epoch * plan->samples_per_step,
                                 .epochs = plan->epochs,
                                 .augment = trainer->arguments->augment,
                                 .workers = trainer->arguments->dataloader_num_workers};
    /* A finished run has no batch left to begin with. */
    if (trainer->first_step == plan->max_steps) options.first_epoch = options.first_sample = 0;
    return vt_loader_create(trainer->dataset, trainer->train_split, &options, &trainer->loader);
}

/* output_dir/runs/<Nov23_23-59-59>_<host>, as torch's SummaryWriter names it. */
static vt_status open_events(vt_trainer *trainer) {
    const vt_training_arguments *arguments = trainer->arguments;
    char when[32] = "run", host[65] = "localhost", *folder;
    time_t now = time(NULL);
    struct tm local;
    if (localtime_r(&now, &local)) strftime(when, sizeof when, "%b%d_%H-%M-%S", &local);
    if (gethostname(host, sizeof host - 1) != 0 || strchr(host, '/')) strcpy(host, "localhost");
    if (arguments->logging_dir[0])
        VT_TRY(vt_copy_string(arguments->logging_dir, &folder));
    else
        VT_TRY(vt_format(&folder, "%s/runs/%s_%s", arguments->output_dir, when, host));
    vt_status status = vt_make_folders(folder);
    if (status == VT_OK) status = vt_event_writer_open(folder, &trainer->events);
    free(folder);
    return status;
}

/* --- the summary --- */

static void say_count(const vt_console *console, const char *what, int64_t value) {
    char text[32];
    vt_format_count(value, text);
    vt_say(console, "  %s = %s", what, text);
}

static void say_model(const vt_trainer *trainer) {
    const vt_vit_config *config = &trainer->model->config;
    vt_device_info device;
    vt_device_get_info(trainer->device, &device);
    vt_say(trainer->console, "Model: ViT, %d layers, hidden size %d, %d heads, patches of %d, images of %d x %d, %d labels, %s",
           config->num_hidden_layers, config->hidden_size, config->num_attention_heads, config->patch_size,
           config->image_height, config->image_width, config->num_labels, vt_problem_type_name(config->problem_type));
    vt_say(trainer->console, "Device: %s, %s, %d threads, %s, precision %s", device.description, device.isa, device.threads,
           device.library, vt_precision_name(trainer->arguments->precision));
}

static void say_data(const vt_trainer *trainer) {
    const vt_dataset_info *info = vt_dataset_get_info(trainer->dataset);
    char train[32], evaluated[64] = "";
    vt_format_count(vt_split_size(trainer->train_split), train);
    if (trainer->eval_split)
        snprintf(evaluated, sizeof evaluated, ", %lld in '%.20s' for evaluation", (long long)vt_split_size(trainer->eval_split),
                 vt_split_name(trainer->eval_split));
    vt_say(trainer->console, "Data: %s images in 'train'%s, split by %s, split hash %.16s, %s, %d channel%s", train, evaluated,
           vt_split_policy_name(info->split_policy), info->split_hash,
           info->patients_known ? "patients known" : "patients unknown", info->channels, info->channels == 1 ? "" : "s");
}

static void say_summary(const vt_trainer *trainer) {
    const vt_console *console = trainer->console;
    const vt_training_plan *plan = &trainer->plan;
    char memory[32];
    uint64_t bytes = vt_vit_memory(trainer->vit).total + (trainer->eval_vit ? vt_vit_memory(trainer->eval_vit).total : 0);
    vt_format_bytes(bytes, memory);
    say_model(trainer);
    say_data(trainer);
    vt_say(console, "***** Running training *****");
    say_count(console, "Num examples", plan->samples);
    say_count(console, "Num Epochs", plan->epochs);
    say_count(console, "Num update steps per epoch", plan->steps_per_epoch);
    say_count(console, "Instantaneous batch size per device", plan->batch_size);
    say_count(console, "Total train batch size (w. accumulation)", plan->samples_per_step);
    say_count(console, "Gradient Accumulation steps", trainer->arguments->gradient_accumulation_steps);
    say_count(console, "Total optimization steps", plan->max_steps);
    say_count(console, "Warmup steps", vt_warmup_steps(trainer->arguments, plan->max_steps));
    say_count(console, "Number of trainable parameters", vt_model_parameter_count(trainer->model));
    if (trainer->arguments->sampler == VT_SAMPLER_BALANCED) vt_say(console, "  Images are drawn by label frequency");
    if (trainer->arguments->augment[0]) vt_say(console, "  Augmentation = %s", trainer->arguments->augment);
    vt_say(console, "  Planned memory on the device = %s", memory);
    if (trainer->first_step > 0)
        vt_say(console, "  Resuming from step %lld, epoch %.4g", (long long)trainer->first_step, trainer->state.epoch);
}

vt_status vt_trainer_setup(vt_trainer *trainer) {
    trainer->lock = -1;
    VT_TRY(vt_trainer_state_init(&trainer->state));
    VT_TRY(check(trainer));
    VT_TRY(allocate_buffers(trainer));
    VT_TRY(start_state(trainer));
    VT_TRY(check_space(trainer));
    VT_TRY(place(trainer));
    VT_TRY(open_loader(trainer));
    VT_TRY(open_events(trainer));
    say_summary(trainer);
    return VT_OK;
}

void vt_trainer_teardown(vt_trainer *trainer) {
    if (trainer->events && vt_event_writer_close(trainer->events) != VT_OK)
        vt_warn(trainer->console, "TensorBoard events are not complete: %s", vt_error_message());
    vt_loader_free(trainer->loader);
    vt_vit_free(trainer->eval_vit);
    vt_vit_free(trainer->vit);
    vt_evaluation_free(trainer->evaluation);
    vt_trainer_state_free(&trainer->state);
    free(trainer->pos_weight);
    vt_free_pages(trainer->moment1);
    vt_free_pages(trainer->moment2);
    free(trainer->sample_losses);
    if (trainer->lock >= 0) close(trainer->lock);
}
