/* Figures about ranked scores. Counts are kept as integers up to the last division, so that no figure depends
 * on the order of equal scores. */
#include "train/metrics.h"

#include "base/memory.h"
#include <math.h>
#include <stdlib.h>

static int by_score_descending(const void *a, const void *b) {
    float x = ((const vt_ranked_sample *)a)->score, y = ((const vt_ranked_sample *)b)->score;
    return (x < y) - (x > y);
}

vt_status vt_ranking_create(const float *scores, const float *targets, size_t count, size_t stride, vt_ranking *out) {
    *out = (vt_ranking){0};
    VT_TRY(vt_allocate(&out->samples, count, sizeof *out->samples, "ranked scores"));
    for (size_t i = 0; i < count; i++) {
        int positive = targets[i * stride] > 0.5f;
        if (isnan(targets[i * stride])) continue;
        out->samples[out->count++] = (vt_ranked_sample){scores[i * stride], positive};
        out->positives += positive;
    }
    out->negatives = (int64_t)out->count - out->positives;
    qsort(out->samples, out->count, sizeof *out->samples, by_score_descending);
    return VT_OK;
}

void vt_ranking_free(vt_ranking *ranking) {
    free(ranking->samples);
    *ranking = (vt_ranking){0};
}

/* A walk over the groups of equal scores, from the highest down. */
typedef struct group_walk {
    const vt_ranking *ranking;
    size_t next;
    float score;
    int64_t positives, negatives;             /* of this group */
    int64_t positives_above, negatives_above; /* of all groups before */
} group_walk;

static int next_group(group_walk *walk) {
    const vt_ranking *ranking = walk->ranking;
    walk->positives_above += walk->positives;
    walk->negatives_above += walk->negatives;
    walk->positives = walk->negatives = 0;
    if (walk->next == ranking->count) return 0;
    walk->score = ranking->samples[walk->next].score;
    while (walk->next < ranking->count && ranking->samples[walk->next].score == walk->score) {
        int positive = ranking->samples[walk->next++].positive;
        walk->positives += positive;
        walk->negatives += !positive;
    }
    return 1;
}

double vt_roc_auc(const vt_ranking *ranking) {
    if (ranking->positives == 0 || ranking->negatives == 0) return NAN;
    group_walk walk = {.ranking = ranking};
    int64_t doubled = 0; /* 2 * (pairs ranked right + half of the tied pairs) */
    while (next_group(&walk)) {
        int64_t negatives_below = ranking->negatives - walk.negatives_above - walk.negatives;
        doubled += walk.positives * (2 * negatives_below + walk.negatives);
    }
    return (double)doubled / (2.0 * (double)ranking->positives * (double)ranking->negatives);
}

void vt_roc_auc_interval(const vt_ranking *ranking, double *low, double *high) {
    *low = *high = NAN;
    if (ranking->positives < 2 || ranking->negatives < 2) return;
    double auc = vt_roc_auc(ranking), positives = (double)ranking->positives, negatives = (double)ranking->negatives;
    double positive_squares = 0, negative_squares = 0;
    group_walk walk = {.ranking = ranking};
    while (next_group(&walk)) {
        /* The paper's structural components: the share of negatives that a positive of this group beats, and the
         * share of positives that beat a negative of it; ties count half. */
        double negatives_below = (double)(ranking->negatives - walk.negatives_above - walk.negatives);
        double v10 = (negatives_below + 0.5 * (double)walk.negatives) / negatives - auc;
        double v01 = ((double)walk.positives_above + 0.5 * (double)walk.positives) / positives - auc;
        positive_squares += (double)walk.positives * v10 * v10;
        negative_squares += (double)walk.negatives * v01 * v01;
    }
    double variance = positive_squares / (positives - 1) / positives + negative_squares / (negatives - 1) / negatives;
    double half_width = 1.959963984540054 * sqrt(variance); /* 97.5 % quantile of the normal distribution */
    *low = fmax(0.0, auc - half_width);
    *high = fmin(1.0, auc + half_width);
}

double vt_average_precision(const vt_ranking *ranking) {
    if (ranking->positives == 0) return NAN;
    group_walk walk = {.ranking = ranking};
    double sum = 0;
    while (next_group(&walk)) {
        double right = (double)(walk.positives_above + walk.positives);
        double called = right + (double)(walk.negatives_above + walk.negatives);
        sum += (double)walk.positives / (double)ranking->positives * (right / called);
    }
    return sum;
}

double vt_best_f1_threshold(const vt_ranking *ranking) {
    if (ranking->positives == 0) return NAN;
    group_walk walk = {.ranking = ranking};
    double threshold = NAN, best = -1;
    while (next_group(&walk)) {
        /* F1 = 2 TP / (2 TP + FP + FN) = 2 TP / (called + positives) */
        int64_t right = walk.positives_above + walk.positives, called = right + walk.negatives_above + walk.negatives;
        double f1 = 2.0 * (double)right / (double)(called + ranking->positives);
        if (f1 > best) {
            best = f1;
            threshold = (double)walk.score;
        }
    }
    return threshold;
}

double vt_f1(const vt_ranking *ranking, double threshold) {
    int64_t right = 0, called = 0;
    if (ranking->count == 0) return NAN;
    for (size_t i = 0; i < ranking->count && (double)ranking->samples[i].score >= threshold; i++) {
        right += ranking->samples[i].positive;
        called++;
    }
    int64_t denominator = called + ranking->positives;
    return denominator ? 2.0 * (double)right / (double)denominator : 0.0;
}
