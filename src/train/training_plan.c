/* The arithmetic of epochs, micro-batches and optimizer steps. */
#include "train/training_plan.h"

#include <math.h>

static int64_t divide_up(int64_t a, int64_t b) {
    return a / b + (a % b != 0);
}

vt_status vt_training_plan_make(const vt_training_arguments *arguments, int64_t train_samples, vt_training_plan *plan) {
    const int64_t batch = arguments->per_device_train_batch_size, accumulation = arguments->gradient_accumulation_steps;
    int64_t batches = arguments->dataloader_drop_last ? train_samples / batch : divide_up(train_samples, batch);
    if (train_samples == 0) return vt_fail(VT_ERROR_INPUT, "the 'train' split has no images");
    if (batches == 0)
        return vt_fail(
            VT_ERROR_USAGE,
            "the 'train' split has %lld images, fewer than one batch of %lld, and dataloader_drop_last drops them all",
            (long long)train_samples, (long long)batch);
    *plan = (vt_training_plan){.samples = batches * batch < train_samples ? batches * batch : train_samples,
                               .batch_size = batch,
                               .samples_per_step = batch * accumulation,
                               .batches_per_epoch = batches,
                               .steps_per_epoch = divide_up(batches, accumulation)};
    double steps = ceil(arguments->num_train_epochs * (double)plan->steps_per_epoch);
    if (arguments->max_steps > 0) steps = (double)arguments->max_steps;
    if (!(steps >= 1 && steps <= 1e15))
        return vt_fail(VT_ERROR_USAGE, "num_train_epochs %g makes %g optimizer steps, expected from 1 to 1e15",
                       arguments->num_train_epochs, steps);
    plan->max_steps = (int64_t)steps;
    plan->epochs = divide_up(plan->max_steps, plan->steps_per_epoch);
    return VT_OK;
}

int64_t vt_samples_in_step(const vt_training_plan *plan, int64_t step) {
    int64_t left = plan->samples - step % plan->steps_per_epoch * plan->samples_per_step;
    return left < plan->samples_per_step ? left : plan->samples_per_step;
}

double vt_epoch_after(const vt_training_plan *plan, int64_t steps) {
    int64_t epoch = steps / plan->steps_per_epoch, samples = steps % plan->steps_per_epoch * plan->samples_per_step;
    return (double)epoch + (double)(samples / plan->batch_size) / (double)plan->batches_per_epoch;
}

int vt_is_due(const vt_training_plan *plan, vt_strategy strategy, int64_t interval, int64_t steps) {
    if (strategy == VT_STRATEGY_NO) return 0;
    if (strategy == VT_STRATEGY_STEPS) return steps % interval == 0;
    return steps % plan->steps_per_epoch == 0 || steps == plan->max_steps;
}
