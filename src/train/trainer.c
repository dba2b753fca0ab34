/* Fine-tuning: the loop over optimizer steps, and what a finished run leaves behind. */
#include "train/trainer.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/threads.h"
#include "model/parameters.h"
#include "train/arguments.h"
#include "train/evaluation.h"
#include "train/schedule.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The factor of torch.nn.utils.clip_grad_norm_. */
static double clip_factor(double norm, double max_norm) {
    if (max_norm <= 0) return 1;
    double factor = max_norm / (norm + 1e-6);
    return factor < 1 ? factor : 1;
}

/* Forward and backward of all micro-batches of a step. Gradients and step_loss are means over the step's samples, so that
 * they don't depend on how the samples are cut into micro-batches. */
static vt_status accumulate(vt_trainer *trainer, int64_t samples) {
    const vt_training_arguments *arguments = trainer->arguments;
    const vt_loss_options loss_options = {.problem_type = trainer->model->config.problem_type,
                                          .pos_weight = trainer->pos_weight,
                                          .label_smoothing = (float)arguments->label_smoothing_factor};
    vt_vit_step step = {.seed = arguments->seed, .step = (uint64_t)trainer->state.global_step};
    double loss_sum = 0;
    vt_batch batch;
    VT_TRY(vt_vit_zero_gradients(trainer->vit));
    for (; step.first_sample < samples; step.first_sample += batch.size) {
        VT_TRY(vt_loader_next(trainer->loader, &batch));
        if (batch.size <= 0)
            return vt_fail(VT_ERROR_INPUT, "the 'train' split ended within optimizer step %lld",
                           (long long)trainer->state.global_step + 1);
        VT_TRY(vt_vit_forward_backward(trainer->vit, batch.pixels, batch.labels, batch.size, &step, &loss_options,
                                       (float)(1.0 / (double)samples), trainer->sample_losses, NULL));
        for (int64_t i = 0; i < batch.size; i++) loss_sum += (double)trainer->sample_losses[i];
    }
    trainer->step_loss = loss_sum / (double)samples;
    return vt_vit_grad_norm(trainer->vit, &trainer->grad_norm);
}

static vt_status check_finite(const vt_trainer *trainer) {
    const char *what = !isfinite(trainer->step_loss) ? "loss" : "gradient norm";
    if (isfinite(trainer->step_loss) && isfinite(trainer->grad_norm)) return VT_OK;
    return vt_fail(VT_ERROR_INPUT,
                   "training diverged: the %s of optimizer step %lld is not a finite number; try a lower learning_rate, more "
                   "warm-up%s",
                   what, (long long)trainer->state.global_step + 1,
                   trainer->arguments->precision == VT_PRECISION_FP32 ? "" : ", or precision fp32");
}

static vt_status update_weights(vt_trainer *trainer) {
    const vt_training_arguments *arguments = trainer->arguments;
    trainer->learning_rate = vt_learning_rate(arguments, trainer->state.global_step, trainer->plan.max_steps);
    vt_update update = {.rule = vt_update_rule_of(arguments->optim),
                        .learning_rate = trainer->learning_rate,
                        .beta1 = arguments->adam_beta1,
                        .beta2 = arguments->adam_beta2,
                        .epsilon = arguments->adam_epsilon,
                        .weight_decay = arguments->weight_decay,
                        .momentum = arguments->sgd_momentum,
                        .gradient_scale = clip_factor(trainer->grad_norm, arguments->max_grad_norm),
                        .step = trainer->state.global_step + 1};
    return vt_vit_update(trainer->vit, &update);
}

/* 6 operations per parameter and token, forward and backward (Kaplan et al. 2020). */
static double operations_per_sample(const vt_model *model) {
    return 6.0 * (double)vt_model_parameter_count(model) * (double)vt_config_tokens(&model->config);
}

static vt_status take_step(vt_trainer *trainer) {
    vt_trainer_state *state = &trainer->state;
    const int64_t samples = vt_samples_in_step(&trainer->plan, state->global_step);
    char suffix[96];
    VT_TRY(accumulate(trainer, samples));
    VT_TRY(check_finite(trainer));
    VT_TRY(update_weights(trainer));
    state->global_step++;
    state->epoch = vt_epoch_after(&trainer->plan, state->global_step);
    state->loss_since_log += trainer->step_loss;
    state->loss_sum += trainer->step_loss;
    state->total_flos += operations_per_sample(trainer->model) * (double)samples;
    trainer->samples_done += samples;
    snprintf(suffix, sizeof suffix, "%.1f images/s, loss=%.3g, lr=%.2g",
             (double)trainer->samples_done / (vt_now() - trainer->started), trainer->step_loss, trainer->learning_rate);
    vt_progress_update(&trainer->progress, state->global_step, suffix);
    return VT_OK;
}

static vt_status run_steps(vt_trainer *trainer) {
    vt_status status = VT_OK;
    vt_progress_begin(&trainer->progress, trainer->console, "Training", NULL, trainer->first_step, trainer->plan.max_steps);
    /* A run that was stopped before an evaluation was due has it outstanding. */
    if (trainer->first_step > 0) status = vt_trainer_do_duties(trainer);
    while (status == VT_OK && trainer->state.global_step < trainer->plan.max_steps) {
        status = take_step(trainer);
        if (status == VT_OK) status = vt_trainer_do_duties(trainer);
    }
    vt_progress_end(&trainer->progress);
    return status;
}

/* --- the end of a run --- */

static json_t *train_metrics(const vt_train_result *result) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "train_runtime", vt_json_rounded(result->train_runtime, 4),
                     "train_samples_per_second", vt_json_rounded(result->train_samples_per_second, 3), "train_steps_per_second",
                     vt_json_rounded(result->train_steps_per_second, 3), "train_data_wait_share",
                     vt_json_rounded(result->train_data_wait_share, 4), "train_loss", vt_json_number(result->train_loss),
                     "epoch", vt_json_number(result->epoch));
}

/* The closing entry of the log: with the operations, which train_results.json leaves out, as the Hugging Face Trainer does. */
static vt_status log_end(vt_trainer *trainer, const json_t *metrics) {
    json_t *entry = json_copy((json_t *)metrics);
    if (json_object_set_new(entry, "total_flos", vt_json_number(trainer->state.total_flos)) != 0) {
        json_decref(entry);
        entry = NULL;
    }
    return vt_trainer_log(trainer, entry);
}

/* The model gets the final weights, or the best ones. */
static vt_status choose_weights(vt_trainer *trainer) {
    char *folder;
    if (!trainer->arguments->load_best_model_at_end || trainer->state.best_global_step == 0)
        return vt_trainer_fetch_weights(trainer);
    VT_TRY(
        vt_format(&folder, "%s/checkpoint-%lld", trainer->arguments->output_dir, (long long)trainer->state.best_global_step));
    vt_say(trainer->console, "Loading the best model from %s (%s: %.6g).", folder,
           trainer->arguments->metric_for_best_model[0] ? trainer->arguments->metric_for_best_model : "loss",
           trainer->state.best_metric);
    vt_status status = vt_model_restore(trainer->model, folder);
    if (status == VT_OK) status = vt_vit_set_parameters(trainer->vit, trainer->model->values);
    free(folder);
    return status;
}

static vt_status save_final(const vt_trainer *trainer, const json_t *metrics) {
    const char *folder = trainer->arguments->output_dir;
    char *state_path = NULL, *arguments_path = NULL;
    vt_status status;
    VT_TRY_GOTO(vt_join(folder, "trainer_state.json", &state_path));
    VT_TRY_GOTO(vt_join(folder, "training_args.json", &arguments_path));
    VT_TRY_GOTO(vt_model_save(trainer->model, folder));
    VT_TRY_GOTO(vt_trainer_state_save(&trainer->state, trainer->arguments, state_path));
    VT_TRY_GOTO(vt_training_arguments_save(trainer->arguments, arguments_path));
    VT_TRY_GOTO(vt_results_save(metrics, folder, "train"));
done:
    free(state_path);
    free(arguments_path);
    return status;
}

/* eval_results.json is of the weights the run ends with. */
static vt_status save_evaluation(vt_trainer *trainer) {
    const vt_trainer_state *state = &trainer->state;
    int64_t final_step =
        trainer->arguments->load_best_model_at_end && state->best_global_step ? state->best_global_step : state->global_step;
    if (!trainer->eval_split) return VT_OK;
    if (!trainer->evaluation || state->last_evaluated_step != final_step) VT_TRY(vt_trainer_evaluate(trainer));
    return vt_evaluation_save(trainer->evaluation, trainer->arguments->output_dir, "eval");
}

static vt_status finish(vt_trainer *trainer, vt_train_result *result) {
    const vt_trainer_state *state = &trainer->state;
    double runtime = vt_now() - trainer->started, waited = vt_loader_wait_seconds(trainer->loader);
    *result = (vt_train_result){.global_step = state->global_step,
                                .epoch = state->epoch,
                                .train_loss = state->loss_sum / (double)state->global_step,
                                .train_runtime = runtime,
                                .train_samples_per_second = (double)trainer->samples_done / runtime,
                                .train_steps_per_second = (double)(state->global_step - trainer->first_step) / runtime,
                                .train_data_wait_share = runtime > 0 ? waited / runtime : 0,
                                .best_metric = state->best_metric};
    memcpy(result->best_model_checkpoint, state->best_model_checkpoint, sizeof result->best_model_checkpoint);
    json_t *metrics = train_metrics(result);
    vt_status status;
    VT_TRY_GOTO(log_end(trainer, metrics));
    vt_say(trainer->console, "Waiting for data took %.1f s, %.1f %% of the time.", waited, 100 * result->train_data_wait_share);
    VT_TRY_GOTO(choose_weights(trainer));
    VT_TRY_GOTO(save_final(trainer, metrics));
    VT_TRY_GOTO(save_evaluation(trainer));
    vt_say(trainer->console, "The model is in %s.", trainer->arguments->output_dir);
    result->evaluation = trainer->evaluation;
    trainer->evaluation = NULL;
done:
    json_decref(metrics);
    return status;
}

vt_status vt_train(vt_device *device, vt_model *model, const vt_dataset *dataset, const vt_training_arguments *arguments,
                   const vt_console *console, vt_train_result *result) {
    vt_trainer *trainer;
    VT_TRY(vt_allocate(&trainer, 1, sizeof *trainer, "the trainer"));
    trainer->device = device;
    trainer->model = model;
    trainer->dataset = dataset;
    trainer->arguments = arguments;
    trainer->console = console;
    char sentence[2048]; /* of a failure; tearing down may fail as well, but is not what went wrong */
    vt_status status = vt_trainer_setup(trainer);
    if (status == VT_OK) {
        trainer->started = trainer->logged = vt_now();
        status = run_steps(trainer);
    }
    if (status == VT_OK) status = finish(trainer, result);
    snprintf(sentence, sizeof sentence, "%s", vt_error_message());
    vt_trainer_teardown(trainer);
    free(trainer);
    return status == VT_OK ? VT_OK : vt_fail(status, "%s", sentence);
}
