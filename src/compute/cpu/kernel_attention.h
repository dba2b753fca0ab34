/* Attention of one head of one image: softmax(q k^T / sqrt(head_dim)) v, and its gradients (Vaswani et al. 2017).
 *
 * Scores exist for ROWS queries at a time, in a workspace of the size of a cache; backward recomputes them from the saved
 * log-sum-exp (as Dao et al. 2022 do). Products and softmax are float32 for both precisions (kernel_attention_bf16.h has
 * products in bfloat16, where the machine does). Operands are copied into the workspace as floats, their rows padded with
 * zeros to whole vectors, so that products have no tails. */
#ifndef VT_CPU_KERNEL_ATTENTION_H
#define VT_CPU_KERNEL_ATTENTION_H

#include "compute/cpu/kernels.h"
#include "compute/cpu/vector_math.h"
#include "compute/cpu/vector_random.h"
#include <string.h>

#define TILE_ROWS 6 /* rows of a product in registers */
#if LANES == 16
#define TILE_VECTORS 4 /* columns of a product in registers, in vectors; 24 of 32 registers hold sums */
#else
#define TILE_VECTORS 2 /* 12 of 16 */
#endif
#define ROWS 48 /* queries whose scores exist at a time: a multiple of TILE_ROWS and of 4 */

/* c [TILE_ROWS, columns] (+)= a b: element (i, k) of a at a[i * row_step + k * step], b [depth, columns]. */
INLINE void multiply_tile(const float *a, int64_t row_step, int64_t step, const float *b, int64_t b_stride, float *c,
                          int64_t c_stride, int64_t depth, int add, const int columns) {
    vec sum[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 8
    for (int i = 0; i < TILE_ROWS; i++)
#pragma GCC unroll 8
        for (int j = 0; j < columns; j++) sum[i][j] = add ? vec_load(c + i * c_stride + j * LANES) : vec_set(0.0f);
    for (int64_t k = 0; k < depth; k++) {
        vec row[TILE_VECTORS];
#pragma GCC unroll 8
        for (int j = 0; j < columns; j++) row[j] = vec_load(b + k * b_stride + j * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < TILE_ROWS; i++) {
            vec factor = vec_set(a[i * row_step + k * step]);
#pragma GCC unroll 8
            for (int j = 0; j < columns; j++) sum[i][j] = vec_fma(factor, row[j], sum[i][j]);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < TILE_ROWS; i++)
#pragma GCC unroll 8
        for (int j = 0; j < columns; j++) vec_store(c + i * c_stride + j * LANES, sum[i][j]);
}

/* c [rows, columns] = a b, or += when `add`. rows is rounded up to TILE_ROWS: a and c must have the room. columns is a
 * multiple of LANES. */
static void multiply(const float *a, int64_t row_step, int64_t step, const float *b, int64_t b_stride, float *c,
                     int64_t c_stride, int64_t rows, int64_t columns, int64_t depth, int add) {
    for (int64_t column = 0; column < columns; column += TILE_VECTORS * LANES) {
        int64_t vectors = (columns - column) / LANES;
        for (int64_t row = 0; row < rows; row += TILE_ROWS) {
            const float *a_rows = a + row * row_step, *b_columns = b + column;
            float *tile = c + row * c_stride + column;
            if (vectors >= TILE_VECTORS)
                multiply_tile(a_rows, row_step, step, b_columns, b_stride, tile, c_stride, depth, add, TILE_VECTORS);
#if TILE_VECTORS == 4
            else if (vectors == 3)
                multiply_tile(a_rows, row_step, step, b_columns, b_stride, tile, c_stride, depth, add, 3);
            else if (vectors == 2)
                multiply_tile(a_rows, row_step, step, b_columns, b_stride, tile, c_stride, depth, add, 2);
#endif
            else
                multiply_tile(a_rows, row_step, step, b_columns, b_stride, tile, c_stride, depth, add, 1);
        }
    }
}

/* to [rows, padded] = from [rows, columns] times `scale`, columns beyond with zeros */
INLINE void copy_rows(const act *from, int64_t stride, int64_t rows, int64_t columns, float scale, float *to, int64_t padded,
                      int bf16) {
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < padded; i += LANES)
            vec_store(to + row * padded + i, scale * act_load_some(from, row * stride + i, columns - i, bf16));
}

/* to [columns, padded] = from [rows, columns] transposed, with zeros from `rows` to `padded` */
INLINE void copy_transposed(const act *from, int64_t stride, int64_t rows, int64_t columns, float *to, int64_t padded,
                            int bf16) {
    for (int64_t first = 0; first < padded; first += LANES)
        for (int64_t column = 0; column < columns; column += LANES) {
            vec block[LANES];
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++) {
                int64_t at = (first + i) * stride + column;
                block[i] = first + i < rows ? act_load_some(from, at, columns - column, bf16) : vec_set(0.0f);
            }
            vec_transpose(block);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++)
                if (column + i < columns) vec_store(to + (column + i) * padded + first, block[i]);
        }
}

/* Multiplies 4 rows of x [4, padded] by the dropout factors of queries query ... query + 3 (a multiple of 4). The
 * probability of (head, query, key) stands in block (head ceil(tokens / 4) + query / 4) tokens + key, word query % 4. */
INLINE void drop_four_rows(const vt_attention_head *head, int64_t query, float *x, float *y, int64_t padded) {
    int64_t tokens = head->tokens;
    uint32_t block = (uint32_t)((head->head * ((tokens + 3) / 4) + query / 4) * tokens);
    for (int64_t key = 0; key < tokens; key += LANES) {
        uvec words[4];
        vec_random(head->dropout, head->sample, block + (uint32_t)key, words);
        for (int i = 0; i < 4; i++) {
            vec factor = vec_dropout_factor(head->dropout, words[i]);
            vec_store(x + i * padded + key, vec_load(x + i * padded + key) * factor);
            if (y) vec_store(y + i * padded + key, vec_load(y + i * padded + key) * factor);
        }
    }
}

/* Where things stand in the workspace, in floats. */
typedef struct workspace {
    int64_t tokens_padded, dim_padded;
    float *k_transposed, *v_transposed; /* [head_dim, tokens_padded] */
    float *k, *v;                       /* [tokens, dim_padded] */
    float *q, *dout;                    /* [ROWS, dim_padded] */
    float *scores, *dscores, *dropped;  /* [ROWS, tokens_padded] */
    float *result;                      /* [ROWS, dim_padded] */
    float *dk, *dv;                     /* [tokens rounded up to TILE_ROWS, dim_padded] */
    size_t size;
} workspace;

static workspace plan_workspace(int64_t tokens, int64_t head_dim, int backward, float *memory) {
    workspace w = {.tokens_padded = (tokens + LANES - 1) / LANES * LANES, .dim_padded = (head_dim + LANES - 1) / LANES * LANES};
    size_t row = (size_t)w.dim_padded, transposed = (size_t)(head_dim * w.tokens_padded), used = 0;
    size_t score = (size_t)(ROWS * w.tokens_padded + TILE_ROWS), sums = (size_t)((tokens + TILE_ROWS) * w.dim_padded);
#define TAKE(field, count) w.field = memory ? memory + used : NULL, used += (count + 15) / 16 * 16
    TAKE(k_transposed, transposed);
    TAKE(q, ROWS * row);
    TAKE(scores, score);
    TAKE(result, ROWS * row);
    if (!backward) {
        TAKE(v, (size_t)tokens * row);
    } else {
        TAKE(v_transposed, transposed);
        TAKE(k, (size_t)tokens * row);
        TAKE(dout, ROWS * row);
        TAKE(dscores, score);
        TAKE(dropped, score);
        TAKE(dk, sums);
        TAKE(dv, sums);
    }
#undef TAKE
    w.size = used * sizeof(float);
    return w;
}

/* e^x of scores less their largest, exact enough for float32 or for bfloat16. */
INLINE vec exp_of_scores(vec x, int bf16) {
    return bf16 ? vec_exp_brief(x) : vec_exp(x);
}

/* scores [tokens_padded] -> exp(scale (scores - max)), 0 beyond `tokens`. Returns log-sum-exp; *inverse_sum normalises. */
INLINE float softmax_row(float *scores, int64_t tokens, float scale, float *inverse_sum, int bf16) {
    int64_t whole = tokens / LANES * LANES;
    vec most = vec_set(-INFINITY), sum = {0}, last = {0};
    ivec kept = vec_first(tokens - whole);
    for (int64_t i = 0; i < whole; i += LANES) most = vec_max(most, vec_load(scores + i));
    if (whole < tokens) {
        last = vec_load(scores + whole);
        most = vec_max(most, vec_select(kept, last, most));
    }
    float largest = vec_largest(most) * scale;
    for (int64_t i = 0; i < whole; i += LANES) {
        vec e = exp_of_scores(vec_fma(vec_load(scores + i), vec_set(scale), vec_set(-largest)), bf16);
        sum += e;
        vec_store(scores + i, e);
    }
    if (whole < tokens) {
        vec e = vec_select(kept, exp_of_scores(vec_fma(last, vec_set(scale), vec_set(-largest)), bf16), vec_set(0.0f));
        sum += e;
        vec_store(scores + whole, e);
    }
    float total = vec_sum(sum);
    *inverse_sum = 1.0f / total;
    return largest + logf(total);
}

INLINE void attention_forward_in(const vt_attention_head *head, int bf16) {
    int64_t tokens = head->tokens, dim = head->head_dim;
    workspace w = plan_workspace(tokens, dim, 0, head->workspace);
    float scale = 1.0f / sqrtf((float)dim), inverse_sum[ROWS];
    copy_transposed(head->k, head->qkv_stride, tokens, dim, w.k_transposed, w.tokens_padded, bf16);
    copy_rows(head->v, head->qkv_stride, tokens, dim, 1.0f, w.v, w.dim_padded, bf16);
    for (int64_t first = 0; first < head->queries; first += ROWS) {
        int64_t rows = head->queries - first < ROWS ? head->queries - first : ROWS;
        const vt_attention_head *h = head;
        const act *q = (const char *)h->q + (size_t)(first * h->qkv_stride) * (bf16 ? 2 : 4);
        copy_rows(q, h->qkv_stride, rows, dim, scale, w.q, w.dim_padded, bf16);
        multiply(w.q, w.dim_padded, 1, w.k_transposed, w.tokens_padded, w.scores, w.tokens_padded, rows, w.tokens_padded, dim,
                 0);
        for (int64_t i = 0; i < rows; i++)
            h->log_sum_exp[first + i] = softmax_row(w.scores + i * w.tokens_padded, tokens, 1.0f, &inverse_sum[i], bf16);
        if (h->dropout)
            for (int64_t i = 0; i < rows; i += 4)
                drop_four_rows(h, first + i, w.scores + i * w.tokens_padded, NULL, w.tokens_padded);
        multiply(w.scores, w.tokens_padded, 1, w.v, w.dim_padded, w.result, w.dim_padded, rows, w.dim_padded, tokens, 0);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < dim; j += LANES)
                act_store_some(h->out, (first + i) * h->out_stride + j,
                               vec_load(w.result + i * w.dim_padded + j) * inverse_sum[i], dim - j, bf16);
    }
}

/* scores -> probabilities, given log-sum-exp; 0 beyond `tokens` */
INLINE void probabilities_row(float *scores, int64_t tokens, float log_sum_exp, int bf16) {
    for (int64_t i = 0; i < tokens; i += LANES) {
        vec p = exp_of_scores(vec_load(scores + i) - log_sum_exp, bf16);
        if (tokens - i < LANES) p = vec_select(vec_first(tokens - i), p, vec_set(0.0f));
        vec_store(scores + i, p);
    }
}

/* For ROWS queries, given p = softmax(s), z = p dropped: dv += z^T dout, dp = (dout v^T) dropped, ds = p (dp - delta) with
 * delta = dout . out, dq = ds k, dk += ds^T q. */
INLINE void attention_backward_rows(const vt_attention_head *head, const workspace *w, int64_t first, int64_t rows, float scale,
                                    int bf16) {
    int64_t tokens = head->tokens, dim = head->head_dim, wide = w->tokens_padded;
    size_t size = bf16 ? 2 : 4;
    const act *q = (const char *)head->q + (size_t)(first * head->qkv_stride) * size;
    const act *dout = (const char *)head->dout + (size_t)(first * head->out_stride) * size;
    float *z = head->dropout ? w->dropped : w->scores, delta[ROWS];
    copy_rows(q, head->qkv_stride, rows, dim, scale, w->q, w->dim_padded, bf16);
    copy_rows(dout, head->out_stride, rows, dim, 1.0f, w->dout, w->dim_padded, bf16);
    for (int64_t i = 0; i < rows; i++) {
        vec sum = {0};
        for (int64_t j = 0; j < dim; j += LANES)
            sum = vec_fma(vec_load(w->dout + i * w->dim_padded + j),
                          act_load_some(head->out, (first + i) * head->out_stride + j, dim - j, bf16), sum);
        delta[i] = vec_sum(sum);
    }
    multiply(w->q, w->dim_padded, 1, w->k_transposed, wide, w->scores, wide, rows, wide, dim, 0);
    multiply(w->dout, w->dim_padded, 1, w->v_transposed, wide, w->dscores, wide, rows, wide, dim, 0);
    for (int64_t i = 0; i < rows; i++) probabilities_row(w->scores + i * wide, tokens, head->log_sum_exp[first + i], bf16);
    if (head->dropout) {
        memcpy(w->dropped, w->scores, (size_t)(rows * wide) * sizeof(float));
        for (int64_t i = 0; i < rows; i += 4) drop_four_rows(head, first + i, z + i * wide, w->dscores + i * wide, wide);
    }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < wide; j += LANES) {
            float *ds = w->dscores + i * wide + j;
            vec_store(ds, vec_load(w->scores + i * wide + j) * (vec_load(ds) - delta[i]));
        }
    multiply(w->dscores, wide, 1, w->k, w->dim_padded, w->result, w->dim_padded, rows, w->dim_padded, tokens, 0);
    multiply(w->dscores, 1, wide, w->q, w->dim_padded, w->dk, w->dim_padded, tokens, w->dim_padded, rows, 1);
    multiply(z, 1, wide, w->dout, w->dim_padded, w->dv, w->dim_padded, tokens, w->dim_padded, rows, 1);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < dim; j += LANES)
            act_store_some(head->dq, (first + i) * head->qkv_stride + j, vec_load(w->result + i * w->dim_padded + j) * scale,
                           dim - j, bf16);
}

INLINE void attention_backward_in(const vt_attention_head *head, int bf16) {
    int64_t tokens = head->tokens, dim = head->head_dim;
    workspace w = plan_workspace(tokens, dim, 1, head->workspace);
    float scale = 1.0f / sqrtf((float)dim);
    copy_transposed(head->k, head->qkv_stride, tokens, dim, w.k_transposed, w.tokens_padded, bf16);
    copy_transposed(head->v, head->qkv_stride, tokens, dim, w.v_transposed, w.tokens_padded, bf16);
    copy_rows(head->k, head->qkv_stride, tokens, dim, 1.0f, w.k, w.dim_padded, bf16);
    memset(w.dk, 0, (size_t)((tokens + TILE_ROWS) * w.dim_padded) * sizeof(float));
    memset(w.dv, 0, (size_t)((tokens + TILE_ROWS) * w.dim_padded) * sizeof(float));
    for (int64_t first = 0; first < head->queries; first += ROWS)
        attention_backward_rows(head, &w, first, head->queries - first < ROWS ? head->queries - first : ROWS, scale, bf16);
    for (int64_t i = 0; i < tokens; i++)
        for (int64_t j = 0; j < dim; j += LANES) {
            if (i >= head->queries) act_store_some(head->dq, i * head->qkv_stride + j, vec_set(0.0f), dim - j, bf16);
            act_store_some(head->dk, i * head->qkv_stride + j, vec_load(w.dk + i * w.dim_padded + j), dim - j, bf16);
            act_store_some(head->dv, i * head->qkv_stride + j, vec_load(w.dv + i * w.dim_padded + j), dim - j, bf16);
        }
}

#endif
