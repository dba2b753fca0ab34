/* Learning-rate schedules. Each factor is the lambda of the same name in transformers/optimization.py; the
 * golden test compares them over whole runs. */
#include "train/schedule.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

int64_t vt_warmup_steps(const vt_training_arguments *arguments, int64_t total_steps) {
    if (arguments->warmup_steps > 0) return arguments->warmup_steps;
    return (int64_t)ceil((double)total_steps * arguments->warmup_ratio);
}

/* Share of the way from the end of warm-up to the end of the run. */
static double decay_progress(int64_t step, int64_t warmup, int64_t total) {
    int64_t span = total - warmup;
    return (double)(step - warmup) / (double)(span > 1 ? span : 1);
}

static double linear_factor(int64_t step, int64_t warmup, int64_t total) {
    int64_t span = total - warmup;
    return fmax(0.0, (double)(total - step) / (double)(span > 1 ? span : 1));
}

/* Half a cosine wave, num_cycles = 0.5 in transformers' words. */
static double cosine_factor(double progress) {
    return fmax(0.0, 0.5 * (1.0 + cos(PI * 0.5 * 2.0 * progress)));
}

static double cosine_with_restarts_factor(double progress, double cycles) {
    if (progress >= 1.0) return 0.0;
    return fmax(0.0, 0.5 * (1.0 + cos(PI * fmod(cycles * progress, 1.0))));
}

static double polynomial_factor(const vt_training_arguments *arguments, int64_t step, int64_t warmup, int64_t total) {
    double start = arguments->learning_rate, end = arguments->lr_scheduler_lr_end;
    if (step > total || total <= warmup) return end / start;
    double remaining = 1.0 - (double)(step - warmup) / (double)(total - warmup);
    return ((start - end) * pow(remaining, arguments->lr_scheduler_power) + end) / start;
}

double vt_learning_rate(const vt_training_arguments *arguments, int64_t step, int64_t total_steps) {
    int64_t warmup = vt_warmup_steps(arguments, total_steps);
    double progress = decay_progress(step, warmup, total_steps), factor = 1.0;
    if (arguments->lr_scheduler_type == VT_SCHEDULER_CONSTANT) return arguments->learning_rate;
    if (step < warmup) return arguments->learning_rate * ((double)step / (double)warmup);
    switch (arguments->lr_scheduler_type) {
    case VT_SCHEDULER_LINEAR:
        factor = linear_factor(step, warmup, total_steps);
        break;
    case VT_SCHEDULER_COSINE:
        factor = cosine_factor(progress);
        break;
    case VT_SCHEDULER_COSINE_WITH_RESTARTS:
        factor = cosine_with_restarts_factor(progress, arguments->lr_scheduler_num_cycles);
        break;
    case VT_SCHEDULER_POLYNOMIAL:
        factor = polynomial_factor(arguments, step, warmup, total_steps);
        break;
    case VT_SCHEDULER_CONSTANT:
    case VT_SCHEDULER_CONSTANT_WITH_WARMUP:
        break;
    }
    return arguments->learning_rate * factor;
}
