/* Attention against a float64 reference, forward and backward; the reference's gradient against differences. */
#include "compute_support.h"

#include "compute/cpu/cpu.h"

typedef struct shape {
    int64_t batch, tokens, heads, head_dim;
} shape;
static const shape shapes[] = {{1, 1, 1, 64}, {1, 5, 3, 20}, {2, 50, 2, 64}, {1, 197, 3, 64}, {1, 577, 1, 20}, {1, 33, 16, 32}};

/* What dropout multiplies the probability of (sample, head, query, key) with, by the numbering of kernel_attention.h. */
static double mask_factor(const vt_dropout *dropout, const shape *s, int64_t sample, int64_t head, int64_t query, int64_t key) {
    if (!dropout) return 1.0;
    vt_random random = vt_random_stream(dropout->seed, VT_PURPOSE_DROPOUT, dropout->site, dropout->step);
    uint32_t first = vt_random_u32(&random), words[4], block_key[2] = {first, vt_random_u32(&random)};
    uint64_t place = (uint64_t)(dropout->first_sample + sample);
    uint32_t block = (uint32_t)((head * ((s->tokens + 3) / 4) + query / 4) * s->tokens + key);
    uint32_t counter[4] = {block, 0, (uint32_t)place, (uint32_t)(place >> 32)};
    vt_philox4x32(counter, block_key, words);
    return words[query % 4] >= dropout->probability * 4294967296.0 ? 1.0 / (1.0 - (double)dropout->probability) : 0.0;
}

typedef struct problem {
    const shape *s;
    const vt_dropout *dropout;
    const double *dout;
} problem;

static double at(const shape *s, const double *qkv, int64_t image, int64_t token, int part, int64_t head, int64_t i) {
    return qkv[(((image * s->tokens + token) * 3 + part) * s->heads + head) * s->head_dim + i];
}

/* probabilities [tokens] of one query, before dropout */
static void softmax_reference(const shape *s, const double *qkv, int64_t image, int64_t head, int64_t query, double *p) {
    double largest = -INFINITY, sum = 0.0;
    for (int64_t key = 0; key < s->tokens; key++) {
        double score = 0.0;
        for (int64_t i = 0; i < s->head_dim; i++)
            score += at(s, qkv, image, query, 0, head, i) * at(s, qkv, image, key, 1, head, i);
        p[key] = score / sqrt((double)s->head_dim);
        largest = fmax(largest, p[key]);
    }
    for (int64_t key = 0; key < s->tokens; key++) sum += p[key] = exp(p[key] - largest);
    for (int64_t key = 0; key < s->tokens; key++) p[key] /= sum;
}

/* out [batch, tokens, heads, head_dim]; with dqkv not NULL also adds the gradient for `dout`. */
static void attention_reference(const problem *f, const double *qkv, double *out, double *dqkv) {
    const shape *s = f->s;
    double *p = get_memory((size_t)s->tokens * 2 * sizeof *p), *dp = p + s->tokens, scale = 1.0 / sqrt((double)s->head_dim);
    for (int64_t index = 0; index < s->batch * s->heads * s->tokens; index++) {
        int64_t image = index / (s->heads * s->tokens), head = index / s->tokens % s->heads, query = index % s->tokens;
        int64_t row = ((image * s->tokens + query) * s->heads + head) * s->head_dim;
        double delta = 0.0;
        softmax_reference(s, qkv, image, head, query, p);
        memset(out + row, 0, (size_t)s->head_dim * sizeof *out);
        for (int64_t key = 0; key < s->tokens; key++) {
            double factor = mask_factor(f->dropout, s, image, head, query, key);
            dp[key] = 0.0;
            for (int64_t i = 0; i < s->head_dim; i++) {
                out[row + i] += factor * p[key] * at(s, qkv, image, key, 2, head, i);
                if (!dqkv) continue;
                dp[key] += factor * f->dout[row + i] * at(s, qkv, image, key, 2, head, i);
                dqkv[(((image * s->tokens + key) * 3 + 2) * s->heads + head) * s->head_dim + i] +=
                    factor * p[key] * f->dout[row + i];
            }
            delta += p[key] * dp[key];
        }
        for (int64_t key = 0; dqkv && key < s->tokens; key++)
            for (int64_t i = 0; i < s->head_dim; i++) {
                double ds = p[key] * (dp[key] - delta) * scale;
                dqkv[((image * s->tokens + query) * 3 * s->heads + head) * s->head_dim + i] +=
                    ds * at(s, qkv, image, key, 1, head, i);
                dqkv[(((image * s->tokens + key) * 3 + 1) * s->heads + head) * s->head_dim + i] +=
                    ds * at(s, qkv, image, query, 0, head, i);
            }
    }
    free(p);
}

static double loss_reference(const double *qkv, void *context) {
    const problem *f = context;
    int64_t count = f->s->batch * f->s->tokens * f->s->heads * f->s->head_dim;
    double *out = get_memory((size_t)count * sizeof *out), sum = 0.0;
    attention_reference(f, qkv, out, NULL);
    for (int64_t i = 0; i < count; i++) sum += out[i] * f->dout[i];
    free(out);
    return sum;
}

static void test_reference(void **state) {
    const shape s = {2, 7, 2, 5};
    const vt_dropout dropout = {.probability = 0.3f, .seed = 5, .step = 2, .site = 1, .first_sample = 4};
    int64_t count = s.batch * s.tokens * s.heads * s.head_dim;
    double *qkv, *dout, *out = get_memory((size_t)count * sizeof *out), *dqkv = get_memory((size_t)count * 3 * sizeof *dqkv);
    float *qkv_data = random_floats(1, 3 * count, 1.0, &qkv), *dout_data = random_floats(2, count, 1.0, &dout);
    (void)state;
    for (int drops = 0; drops < 2; drops++) {
        problem f = {.s = &s, .dropout = drops ? &dropout : NULL, .dout = dout};
        memset(dqkv, 0, (size_t)count * 3 * sizeof *dqkv);
        attention_reference(&f, qkv, out, dqkv);
        check_gradient(loss_reference, &f, qkv, dqkv, 3 * count);
    }
    void *all[] = {qkv, dout, out, dqkv, qkv_data, dout_data};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void check_attention(vt_device *device, vt_precision precision, const shape *s, const vt_dropout *dropout,
                            double spread) {
    int64_t count = s->batch * s->tokens * s->heads * s->head_dim;
    size_t bytes = (size_t)count * vt_act_size(precision),
           lse_bytes = (size_t)(s->batch * s->heads * s->tokens) * sizeof(float);
    double *qkv, *dout, *out = get_memory((size_t)count * sizeof *out), *dqkv = get_memory((size_t)count * 3 * sizeof *dqkv);
    act *qkv_data = random_act(precision, 1, 3 * count, spread, &qkv), *dout_data = random_act(precision, 2, count, 1.0, &dout);
    act *out_data = poisoned_act(precision, count), *dqkv_data = poisoned_act(precision, 3 * count);
    float *log_sum_exp = poisoned(lse_bytes);
    problem f = {.s = s, .dropout = dropout, .dout = dout};
    memset(dqkv, 0, (size_t)count * 3 * sizeof *dqkv);
    attention_reference(&f, qkv, out, dqkv);
    ASSERT_OK(device->ops->attention_forward(device, precision, qkv_data, s->batch, s->tokens, s->tokens, s->heads, s->head_dim,
                                             dropout, out_data, log_sum_exp));
    ASSERT_CLOSE(precision, out_data, out, count, precision == VT_PRECISION_BF16 ? 4e-3 : 1e-6 * spread);
    ASSERT_OK(device->ops->attention_backward(device, precision, dout_data, qkv_data, out_data, log_sum_exp, s->batch,
                                              s->tokens, s->tokens, s->heads, s->head_dim, dropout, dqkv_data));
    if (s->tokens > 1) {
        ASSERT_CLOSE(precision, dqkv_data, dqkv, 3 * count, precision == VT_PRECISION_BF16 ? 1e-2 : 2e-6 * spread);
    } else {
        ASSERT_CLOSE(precision, (char *)dqkv_data + 2 * bytes, dqkv + 2 * count, count, 4e-3);
    }
    same_for_all_threads(out_data, bytes);
    same_for_all_threads(log_sum_exp, lse_bytes);
    same_for_all_threads(dqkv_data, 3 * bytes);
    void *all[] = {qkv, dout, out, dqkv, qkv_data, dout_data, out_data, dqkv_data, log_sum_exp};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void attention_body(vt_device *device, vt_precision precision) {
    const vt_dropout none = {.probability = 0.0f},
                     some = {.probability = 0.25f, .seed = 99, .step = 3, .site = 7, .first_sample = 11};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_attention(device, precision, &shapes[i], i % 2 ? NULL : &none, 1.0);
    check_attention(device, precision, &shapes[1], &some, 1.0);
    check_attention(device, precision, &shapes[2], &some, 1.0);
    check_attention(device, precision, &shapes[2], NULL, 6.0); /* scores in the hundreds: a softmax of few keys */
}

/* Rows [batch, tokens, row] -> the first `queries` of each image, [batch, queries, row]. */
static void keep_first(const shape *s, int64_t queries, int64_t row, size_t size, void *rows) {
    for (int64_t image = 0; image < s->batch; image++)
        memmove((char *)rows + (size_t)(image * queries * row) * size, (char *)rows + (size_t)(image * s->tokens * row) * size,
                (size_t)(queries * row) * size);
}

/* Attention of each image's first tokens alone: what all tokens give when the others' gradients are zero. */
static void check_queries(vt_device *device, vt_precision precision, const shape *s, int64_t queries,
                          const vt_dropout *dropout) {
    int64_t row = s->heads * s->head_dim, all_rows = s->batch * s->tokens, rows = s->batch * queries;
    size_t size = vt_act_size(precision);
    double *qkv, *dout, *out = get_memory((size_t)(all_rows * row) * sizeof *out);
    double *dqkv = get_memory((size_t)(3 * all_rows * row) * sizeof *dqkv);
    act *qkv_data = random_act(precision, 1, 3 * all_rows * row, 1.0, &qkv);
    act *dout_data = random_act(precision, 2, all_rows * row, 1.0, &dout);
    act *out_data = poisoned_act(precision, rows * row), *dqkv_data = poisoned_act(precision, 3 * all_rows * row);
    float *log_sum_exp = poisoned((size_t)(rows * s->heads) * sizeof(float));
    problem f = {.s = s, .dropout = dropout, .dout = dout};
    for (int64_t token = 0; token < all_rows; token++)
        if (token % s->tokens >= queries) memset(dout + token * row, 0, (size_t)row * sizeof *dout);
    memset(dqkv, 0, (size_t)(3 * all_rows * row) * sizeof *dqkv);
    attention_reference(&f, qkv, out, dqkv);
    keep_first(s, queries, row, sizeof *out, out);
    keep_first(s, queries, row, size, dout_data);
    ASSERT_OK(device->ops->attention_forward(device, precision, qkv_data, s->batch, s->tokens, queries, s->heads, s->head_dim,
                                             dropout, out_data, log_sum_exp));
    ASSERT_CLOSE(precision, out_data, out, rows * row, precision == VT_PRECISION_BF16 ? 4e-3 : 1e-6);
    ASSERT_OK(device->ops->attention_backward(device, precision, dout_data, qkv_data, out_data, log_sum_exp, s->batch,
                                              s->tokens, queries, s->heads, s->head_dim, dropout, dqkv_data));
    ASSERT_CLOSE(precision, dqkv_data, dqkv, 3 * all_rows * row, precision == VT_PRECISION_BF16 ? 1e-2 : 2e-6);
    for (int64_t token = 0; token < all_rows; token++)
        for (int64_t i = 0; i < row && token % s->tokens >= queries; i++)
            assert_true(act_get(precision, dqkv_data, 3 * token * row + i) == 0.0);
    same_for_all_threads(out_data, (size_t)(rows * row) * size);
    same_for_all_threads(dqkv_data, (size_t)(3 * all_rows * row) * size);
    void *all[] = {qkv, dout, out, dqkv, qkv_data, dout_data, out_data, dqkv_data, log_sum_exp};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void queries_body(vt_device *device, vt_precision precision) {
    const vt_dropout some = {.probability = 0.25f, .seed = 99, .step = 3, .site = 7, .first_sample = 11};
    check_queries(device, precision, &shapes[2], 1, NULL);
    check_queries(device, precision, &shapes[2], 1, &some);
    check_queries(device, precision, &shapes[2], 49, &some);
    check_queries(device, precision, &shapes[1], 3, NULL);
    check_queries(device, precision, &shapes[3], 1, NULL);
}

static void test_queries(void **state) {
    (void)state;
    on_every_device(queries_body);
}

static void test_attention(void **state) {
    (void)state;
    on_every_device(attention_body);
}

/* Bfloat16 dot products, also where the device prefers others for attention. */
static void test_dot_products(void **state) {
    (void)state;
    for (int threads = 2; threads >= 1; threads--) {
        vt_device *device = open_device("avx512_bf16", threads);
        kept_at = 0;
        keeping = threads == 2;
        if (strcmp(vt_cpu(device)->kernels->isa, "avx512_bf16") == 0) {
            vt_cpu(device)->attention = vt_cpu(device)->kernels;
            attention_body(device, VT_PRECISION_BF16);
            queries_body(device, VT_PRECISION_BF16);
        }
        vt_device_close(device);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference), cmocka_unit_test(test_attention),
                                       cmocka_unit_test(test_queries), cmocka_unit_test(test_dot_products)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
