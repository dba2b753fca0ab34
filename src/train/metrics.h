/* Figures about ranked scores: ROC-AUC with its confidence interval, average precision, F1.
 *
 * All work on one list of (score, is it positive) sorted once, O(n log n); equal scores count as one group. Samples of which
 * nobody knows whether they are positive are not on it. Values equal scikit-learn's roc_auc_score, average_precision_score
 * and f1_score. */
#ifndef VT_TRAIN_METRICS_H
#define VT_TRAIN_METRICS_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

typedef struct vt_ranked_sample {
    float score;
    int positive;
} vt_ranked_sample;

typedef struct vt_ranking {
    vt_ranked_sample *samples; /* [count], highest score first; owned */
    size_t count;              /* samples that are known */
    int64_t positives, negatives;
} vt_ranking;

/* Ranks scores[i * stride] with targets[i * stride] (positive: above 0.5; unknown: NaN), i = 0 ... count - 1. Scores are not
 * NaN. */
vt_status vt_ranking_create(const float *scores, const float *targets, size_t count, size_t stride, vt_ranking *out) VT_CHECKED;
void vt_ranking_free(vt_ranking *ranking);

/* Area under the ROC curve, ties by mid-rank; NAN if one class is absent. */
double vt_roc_auc(const vt_ranking *ranking);

/* 95 % confidence interval of the area by DeLong, DeLong & Clarke-Pearson (1988), normal approximation, clipped to
 * [0, 1]; NAN unless each class has at least two samples, the fewest that have a variance. */
void vt_roc_auc_interval(const vt_ranking *ranking, double *low, double *high);

/* Sum over thresholds of (recall gained) * precision; NAN without positives. */
double vt_average_precision(const vt_ranking *ranking);

/* The score from which on samples are called positive so that F1 is highest; of several such, the highest score, which
 * calls the fewest. NAN without positives. */
double vt_best_f1_threshold(const vt_ranking *ranking);

/* F1 when scores >= threshold are called positive; 0 when there are neither positives nor calls, NAN without samples. */
double vt_f1(const vt_ranking *ranking, double threshold);

#endif
