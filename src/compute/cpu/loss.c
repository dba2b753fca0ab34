/* Losses and their gradients, computed in float64: they are small, and every training run is judged by them. Targets that
 * nobody knows are NaN and are left out of binary cross-entropy and squared error, whose means are over the known ones. */
#include "compute/cpu/cpu.h"
#include <math.h>

/* Targets that are known. */
static int64_t count_known(const float *targets, int64_t labels) {
    int64_t known = 0;
    for (int64_t i = 0; i < labels; i++) known += !isnan(targets[i]);
    return known;
}

/* Mean over known labels of softplus(x) - y x, as torch.nn.BCEWithLogitsLoss(pos_weight): with w = pos_weight,
 * (1 - y) x + (1 + (w - 1) y) log(1 + e^-x). */
static double binary_cross_entropy(const float *logits, const float *targets, int64_t labels, const vt_loss_options *options,
                                   double scale, float *dlogits) {
    double smoothing = options->label_smoothing, sum = 0.0;
    const int64_t known = count_known(targets, labels);
    for (int64_t i = 0; i < labels; i++) {
        if (dlogits) dlogits[i] = 0.0f;
        if (isnan(targets[i])) continue;
        double x = logits[i], y = targets[i] * (1.0 - smoothing) + smoothing / 2.0;
        double weight = 1.0 + ((options->pos_weight ? (double)options->pos_weight[i] : 1.0) - 1.0) * y;
        double softplus = fmax(-x, 0.0) + log1p(exp(-fabs(x)));                     /* log(1 + e^-x) */
        double below = x >= 0.0 ? exp(-x) / (1.0 + exp(-x)) : 1.0 / (1.0 + exp(x)); /* sigmoid(-x) */
        sum += (1.0 - y) * x + weight * softplus;
        if (dlogits) dlogits[i] = (float)(scale / (double)known * (1.0 - y - weight * below));
    }
    return known ? sum / (double)known : 0.0;
}

/* -sum of t log softmax(x), with t = target (1 - e) + e / labels, as torch.nn.CrossEntropyLoss(label_smoothing); the target is
 * one-hot, or a probability of each class. */
static double cross_entropy(const float *logits, const float *targets, int64_t labels, const vt_loss_options *options,
                            double scale, float *dlogits) {
    double smoothing = options->label_smoothing, largest = logits[0], sum = 0.0, total = 0.0, loss = 0.0;
    for (int64_t i = 1; i < labels; i++) largest = fmax(largest, logits[i]);
    for (int64_t i = 0; i < labels; i++) sum += exp(logits[i] - largest);
    double log_sum = largest + log(sum);
    for (int64_t i = 0; i < labels; i++) {
        double t = targets[i] * (1.0 - smoothing) + smoothing / (double)labels;
        loss += t * (log_sum - logits[i]);
        total += t;
    }
    for (int64_t i = 0; dlogits && i < labels; i++) {
        double t = targets[i] * (1.0 - smoothing) + smoothing / (double)labels;
        dlogits[i] = (float)(scale * (total * exp(logits[i] - log_sum) - t));
    }
    return loss;
}

/* Mean over known labels of (x - y)^2. */
static double squared_error(const float *logits, const float *targets, int64_t labels, double scale, float *dlogits) {
    double sum = 0.0;
    const int64_t known = count_known(targets, labels);
    for (int64_t i = 0; i < labels; i++) {
        if (dlogits) dlogits[i] = 0.0f;
        if (isnan(targets[i])) continue;
        double difference = (double)logits[i] - targets[i];
        sum += difference * difference;
        if (dlogits) dlogits[i] = (float)(scale * 2.0 * difference / (double)known);
    }
    return known ? sum / (double)known : 0.0;
}

vt_status vt_cpu_loss(vt_device *device, const float *logits, const float *targets, int64_t batch, int64_t labels,
                      const vt_loss_options *options, float gradient_scale, float *loss, float *dlogits) {
    if (device->rehearsing) return VT_OK;
    if (options->problem_type == VT_PROBLEM_UNSET)
        return vt_fail(VT_ERROR_USAGE, "the loss needs a problem type: multi-label, single-label or regression");
    for (int64_t sample = 0; sample < batch; sample++) {
        const float *x = logits + sample * labels, *y = targets + sample * labels;
        float *dx = dlogits ? dlogits + sample * labels : NULL;
        double value;
        if (options->problem_type == VT_PROBLEM_MULTI_LABEL)
            value = binary_cross_entropy(x, y, labels, options, gradient_scale, dx);
        else if (options->problem_type == VT_PROBLEM_SINGLE_LABEL)
            value = cross_entropy(x, y, labels, options, gradient_scale, dx);
        else
            value = squared_error(x, y, labels, gradient_scale, dx);
        loss[sample] = (float)value;
    }
    return VT_OK;
}
