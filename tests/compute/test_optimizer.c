/* Optimizers against the papers' formulas in float64, over several steps; the gradient norm. */
#include "compute_support.h"

enum { COUNT = 100000, STEPS = 5, SEGMENTS = 3 };
static const vt_segment segments[SEGMENTS] = {{0, 70001, 1}, {70016, 37, 0}, {70064, 29936, 1}};

static void step_reference(const vt_update *u, const vt_segment *segment, double *p, const double *gradient, double *m,
                           double *v) {
    double decay = segment->decay ? u->weight_decay : 0.0, squares[2] = {0.0, 0.0}, trust = 1.0;
    double c1 = 1.0 - pow(u->beta1, (double)u->step), c2 = 1.0 - pow(u->beta2, (double)u->step);
    double *update = get_memory((size_t)segment->count * sizeof *update);
    for (int64_t i = 0; i < segment->count; i++) {
        int64_t at = segment->offset + i;
        double g = gradient[at] * u->gradient_scale;
        if (u->rule == VT_UPDATE_SGD) {
            m[at] = u->momentum * m[at] + g + decay * p[at];
            update[i] = m[at];
            continue;
        }
        m[at] = u->beta1 * m[at] + (1.0 - u->beta1) * g;
        v[at] = u->beta2 * v[at] + (1.0 - u->beta2) * g * g;
        update[i] = m[at] / c1 / (sqrt(v[at] / c2) + u->epsilon) + decay * p[at];
        squares[0] += p[at] * p[at];
        squares[1] += update[i] * update[i];
    }
    if (u->rule == VT_UPDATE_LAMB && squares[0] > 0.0 && squares[1] > 0.0) trust = sqrt(squares[0] / squares[1]);
    for (int64_t i = 0; i < segment->count; i++) p[segment->offset + i] -= u->learning_rate * trust * update[i];
    free(update);
}

static void body(vt_device *device, vt_precision precision) {
    if (precision != VT_PRECISION_FP32) return;
    for (int rule = VT_UPDATE_ADAMW; rule <= VT_UPDATE_LAMB; rule++) {
        vt_update update = {.rule = (vt_update_rule)rule,
                            .learning_rate = 1e-2,
                            .beta1 = 0.9,
                            .beta2 = 0.999,
                            .epsilon = 1e-8,
                            .weight_decay = 0.05,
                            .momentum = 0.9,
                            .gradient_scale = 0.7};
        double *p, *m, *v, *g;
        float *p_data = random_floats(1, COUNT, 1.0, &p), *m_data = random_floats(2, COUNT, 0.0, &m);
        float *v_data = random_floats(3, COUNT, 0.0, &v), untouched = p_data[70001];
        for (update.step = 1; update.step <= STEPS; update.step++) {
            float *g_data = random_floats((uint64_t)(10 + update.step), COUNT, 0.1, &g);
            ASSERT_OK(device->ops->optimizer_step(device, &update, segments, SEGMENTS, p_data, g_data, m_data, v_data));
            for (int i = 0; i < SEGMENTS; i++) step_reference(&update, &segments[i], p, g, m, v);
            free(g_data);
            free(g);
        }
        ASSERT_CLOSE(VT_PRECISION_FP32, p_data, p, COUNT, 1e-6);
        ASSERT_CLOSE(VT_PRECISION_FP32, m_data, m, COUNT, 1e-6);
        if (rule != VT_UPDATE_SGD) ASSERT_CLOSE(VT_PRECISION_FP32, v_data, v, COUNT, 2e-6);
        assert_true(p_data[70001] == untouched); /* padding between segments */
        same_for_all_threads(p_data, COUNT * sizeof(float));
        void *all[] = {p, m, v, p_data, m_data, v_data};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    }
}

static void test_optimizers(void **state) {
    (void)state;
    on_every_device(body);
}

static void norm_body(vt_device *device, vt_precision precision) {
    double *g, exact = 0.0, norm = NAN;
    float *data = random_floats(1, COUNT, 1e-3, &g);
    (void)precision;
    for (int i = 0; i < COUNT; i++) exact += g[i] * g[i];
    ASSERT_OK(device->ops->grad_norm(device, data, COUNT, &norm));
    assert_true(fabs(norm - sqrt(exact)) < 1e-12 * sqrt(exact));
    same_for_all_threads(&norm, sizeof norm);
    data[77] = INFINITY;
    ASSERT_OK(device->ops->grad_norm(device, data, COUNT, &norm));
    assert_true(isinf(norm));
    ASSERT_OK(device->ops->grad_norm(device, data, 0, &norm));
    assert_true(norm == 0.0);
    free(data);
    free(g);
}

static void test_norm(void **state) {
    (void)state;
    on_every_device(norm_body);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_optimizers), cmocka_unit_test(test_norm)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
