/* What is due after a step: log lines, evaluations, checkpoints, and the request to stop. */
#include "train/trainer.h"

#include "base/threads.h"
#include "train/arguments.h"
#include "train/evaluation.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the log --- */

/* "eval_loss" -> "eval/loss", "loss" -> "train/loss", as transformers' TensorBoardCallback renames them. */
static vt_status write_event(vt_trainer *trainer, const char *key, double value) {
    char tag[96];
    if (strncmp(key, "eval_", 5) == 0)
        snprintf(tag, sizeof tag, "eval/%s", key + 5);
    else
        snprintf(tag, sizeof tag, "train/%s", key);
    return vt_event_writer_scalar(trainer->events, tag, trainer->state.global_step, value);
}

static void write_events(vt_trainer *trainer, json_t *entry) {
    const char *key;
    json_t *value;
    vt_status status = VT_OK;
    if (!trainer->events) return;
    json_object_foreach(entry, key, value) {
        if (status == VT_OK && json_is_number(value) && strcmp(key, "step") != 0)
            status = write_event(trainer, key, json_number_value(value));
    }
    if (status == VT_OK) return;
    vt_warn(trainer->console, "training goes on without TensorBoard events: %s", vt_error_message());
    if (vt_event_writer_close(trainer->events) != VT_OK) vt_warn(trainer->console, "%s", vt_error_message());
    trainer->events = NULL;
}

vt_status vt_trainer_log(vt_trainer *trainer, json_t *entry) {
    char *line;
    VT_TRY(vt_trainer_state_log(&trainer->state, entry));
    VT_TRY(vt_log_text(entry, &line));
    vt_say(trainer->console, "%s", line);
    free(line);
    write_events(trainer, entry);
    return VT_OK;
}

static int log_is_due(const vt_trainer *trainer) {
    const vt_training_arguments *arguments = trainer->arguments;
    int64_t steps = trainer->state.global_step;
    if (trainer->state.last_logged_step == steps || trainer->samples_done == 0) return 0;
    if (arguments->logging_first_step && steps == 1) return 1;
    return vt_is_due(&trainer->plan, arguments->logging_strategy, arguments->logging_steps, steps);
}

/* Which share of the time since the last log line was spent waiting for data. */
static double take_data_wait_share(vt_trainer *trainer) {
    double now = vt_now(), waited = vt_loader_wait_seconds(trainer->loader), time = now - trainer->logged;
    double share = time > 0 ? (waited - trainer->waited) / time : 0;
    trainer->logged = now;
    trainer->waited = waited;
    return share;
}

static vt_status log_step(vt_trainer *trainer) {
    vt_trainer_state *state = &trainer->state;
    double loss = state->loss_since_log / (double)(state->global_step - state->last_logged_step);
    state->loss_since_log = 0;
    state->last_logged_step = state->global_step;
    return vt_trainer_log(trainer, json_pack("{s:f, s:f, s:f, s:o}", "loss", loss, "grad_norm", trainer->grad_norm,
                                             "learning_rate", trainer->learning_rate, "data_wait_share",
                                             vt_json_rounded(take_data_wait_share(trainer), 4)));
}

/* --- evaluation --- */

vt_status vt_trainer_fetch_weights(vt_trainer *trainer) {
    return vt_vit_get_parameters(trainer->vit, trainer->model->values);
}

vt_status vt_trainer_evaluate(vt_trainer *trainer) {
    vt_evaluate_options options = {.batch_size = trainer->arguments->per_device_eval_batch_size,
                                   .precision = trainer->arguments->precision,
                                   .num_workers = trainer->arguments->dataloader_num_workers,
                                   .pos_weight = trainer->pos_weight,
                                   .label_smoothing_factor = trainer->arguments->label_smoothing_factor};
    vt_evaluation_free(trainer->evaluation);
    trainer->evaluation = NULL;
    return vt_evaluate_placed(trainer->device, trainer->eval_vit, trainer->model, trainer->dataset, trainer->eval_split,
                              &options, trainer->console, &trainer->evaluation);
}

static int evaluation_is_due(const vt_trainer *trainer) {
    const vt_training_arguments *arguments = trainer->arguments;
    int64_t steps = trainer->state.global_step;
    if (!trainer->eval_split || trainer->state.last_evaluated_step == steps) return 0;
    return steps == trainer->plan.max_steps ||
           vt_is_due(&trainer->plan, arguments->eval_strategy, vt_eval_interval(arguments), steps);
}

static int save_is_due(const vt_trainer *trainer) {
    const vt_training_arguments *arguments = trainer->arguments;
    int64_t steps = trainer->state.global_step;
    if (arguments->save_strategy == VT_STRATEGY_NO) return 0;
    return steps == trainer->plan.max_steps ||
           vt_is_due(&trainer->plan, arguments->save_strategy, arguments->save_steps, steps);
}

/* A step can be the best one only if its weights are kept. */
static vt_status note_best(vt_trainer *trainer) {
    const vt_training_arguments *arguments = trainer->arguments;
    const char *metric = arguments->metric_for_best_model[0] ? arguments->metric_for_best_model : "loss";
    vt_trainer_state *state = &trainer->state;
    double value;
    if (!arguments->load_best_model_at_end && !arguments->metric_for_best_model[0]) return VT_OK;
    if (arguments->load_best_model_at_end && !save_is_due(trainer)) return VT_OK;
    VT_TRY(vt_evaluation_metric(trainer->evaluation, metric, &value));
    size_t length = strlen(metric);
    int greater = arguments->greater_is_better;
    if (greater < 0) greater = length < 4 || strcmp(metric + length - 4, "loss") != 0;
    if (isnan(value) || (!isnan(state->best_metric) && (greater ? value <= state->best_metric : value >= state->best_metric)))
        return VT_OK;
    state->best_metric = value;
    if (save_is_due(trainer)) {
        state->best_global_step = state->global_step;
        snprintf(state->best_model_checkpoint, sizeof state->best_model_checkpoint, "%.4000s/checkpoint-%lld",
                 arguments->output_dir, (long long)state->global_step);
    }
    return VT_OK;
}

static vt_status evaluate_step(vt_trainer *trainer) {
    VT_TRY(vt_trainer_evaluate(trainer));
    trainer->state.last_evaluated_step = trainer->state.global_step;
    VT_TRY(vt_trainer_log(trainer, vt_evaluation_to_json(trainer->evaluation, "eval")));
    return note_best(trainer);
}

/* --- checkpoints --- */

/* After a failed save: which checkpoint there still is. */
static vt_status name_last_good(const vt_trainer *trainer, vt_status failure) {
    char sentence[1536];
    snprintf(sentence, sizeof sentence, "%.1500s", vt_error_message());
    if (trainer->last_saved_step < 0) return vt_fail(failure, "%s; there is no earlier checkpoint of this run", sentence);
    return vt_fail(failure, "%s; the last good one is %s/checkpoint-%lld", sentence, trainer->arguments->output_dir,
                   (long long)trainer->last_saved_step);
}

static vt_status rotate(const vt_trainer *trainer) {
    return vt_checkpoint_rotate(trainer->arguments->output_dir, trainer->arguments->save_total_limit, trainer->last_saved_step,
                                trainer->state.best_global_step);
}

static vt_status save_step(vt_trainer *trainer) {
    const vt_training_arguments *arguments = trainer->arguments;
    vt_checkpoint checkpoint = {trainer->model, trainer->moment1, trainer->moment2, &trainer->state, arguments};
    VT_TRY(vt_trainer_fetch_weights(trainer));
    VT_TRY(vt_vit_get_moments(trainer->vit, trainer->moment1, trainer->moment2));
    vt_status status = vt_checkpoint_save(&checkpoint, arguments->output_dir);
    if (status != VT_OK) return name_last_good(trainer, status);
    trainer->last_saved_step = trainer->state.global_step;
    return rotate(trainer);
}

static vt_status stop(vt_trainer *trainer) {
    const long long step = (long long)trainer->state.global_step;
    if (trainer->last_saved_step != trainer->state.global_step) VT_TRY(save_step(trainer));
    return vt_fail(
        VT_ERROR_INTERRUPTED,
        "stopped as requested after step %lld of %lld; the run is saved in %s/checkpoint-%lld and goes on from there "
        "with --resume-from-checkpoint",
        step, (long long)trainer->plan.max_steps, trainer->arguments->output_dir, step);
}

vt_status vt_trainer_do_duties(vt_trainer *trainer) {
    int finished = trainer->state.global_step == trainer->plan.max_steps;
    if (log_is_due(trainer)) VT_TRY(log_step(trainer));
    if (evaluation_is_due(trainer)) {
        vt_status status = vt_stop_requested() ? VT_ERROR_INTERRUPTED : evaluate_step(trainer);
        /* The evaluation stays outstanding; the resumed run begins with it. */
        if (status == VT_ERROR_INTERRUPTED) return stop(trainer);
        VT_TRY(status);
    }
    /* A run killed between saving and deleting older checkpoints has the latter outstanding. */
    if (save_is_due(trainer))
        VT_TRY(trainer->last_saved_step == trainer->state.global_step ? rotate(trainer) : save_step(trainer));
    return vt_stop_requested() && !finished ? stop(trainer) : VT_OK;
}
