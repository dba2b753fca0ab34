/* Attention of one head of one image in bfloat16: as kernel_attention.h, but on bfloat16 products with float32 sums.
 *
 * Softmax is float32; probabilities and the gradients of scores are rounded to bfloat16, as operands of the products after
 * them. Everything is padded to multiples of PAD; what stands in the padding is finite and meets zeros. Names ending in
 * _across are transposed and hold pairs along the head's dimension, those ending in _pairs hold pairs of tokens. */
#ifndef VT_CPU_KERNEL_ATTENTION_BF16_H
#define VT_CPU_KERNEL_ATTENTION_BF16_H

#include "compute/cpu/kernel_attention.h"
#include "compute/cpu/kernel_products_bf16.h"

#define BLOCK_QUERIES 128 /* queries whose gradients of keys and values are summed by one product */

typedef struct workspace_bf16 {
    int64_t tokens, dim;                     /* padded */
    vt_bf16 *rows;                           /* [tokens, dim]: where keys and values are padded before they are packed */
    pair *k_across, *v_across;               /* [dim / 2, tokens] */
    pair *k_pairs, *v_pairs;                 /* [tokens / 2, dim] */
    vt_bf16 *q, *dout;                       /* [BLOCK_QUERIES, dim] */
    pair *turning;                           /* [BLOCK_QUERIES / 2, dim] */
    vt_bf16 *q_transposed, *dout_transposed; /* [dim, queries of the block] */
    float *scores, *dscores, *factors;       /* [PAD, tokens] */
    vt_bf16 *score_rows;                     /* [PAD, tokens]: probabilities, or gradients of scores */
    pair *probability_pairs, *dscore_pairs;  /* [BLOCK_QUERIES / 2, tokens] */
    float *result;                           /* [PAD, dim] */
    float *dk_transposed, *dv_transposed;    /* [dim, tokens] */
    size_t size;
} workspace_bf16;

static workspace_bf16 plan_workspace_bf16(int64_t tokens, int64_t head_dim, int backward, void *memory) {
    workspace_bf16 w = {.tokens = pad(tokens), .dim = pad(head_dim)};
    int64_t all = w.tokens * w.dim, block = BLOCK_QUERIES * w.dim;
#define TAKE(field, count)                                                                                                     \
    w.field = memory ? (void *)((char *)memory + w.size) : NULL, w.size += ((size_t)(count) * sizeof *w.field + 63) / 64 * 64
    TAKE(rows, all);
    TAKE(k_across, all / 2);
    TAKE(q, block);
    TAKE(scores, PAD * w.tokens);
    TAKE(score_rows, PAD * w.tokens);
    TAKE(result, PAD * w.dim);
    if (!backward) {
        TAKE(v_pairs, all / 2);
    } else {
        TAKE(v_across, all / 2);
        TAKE(k_pairs, all / 2);
        TAKE(dout, block);
        TAKE(turning, block / 2);
        TAKE(q_transposed, block);
        TAKE(dout_transposed, block);
        TAKE(dscores, PAD * w.tokens);
        TAKE(factors, PAD * w.tokens);
        TAKE(probability_pairs, BLOCK_QUERIES / 2 * w.tokens);
        TAKE(dscore_pairs, BLOCK_QUERIES / 2 * w.tokens);
        TAKE(dk_transposed, all);
        TAKE(dv_transposed, all);
    }
#undef TAKE
    return w;
}

static const vt_bf16 *row_of(const act *rows, int64_t stride, int64_t row) {
    return (const vt_bf16 *)rows + row * stride;
}

/* Keys or values [tokens, dim], padded in w->rows, as columns of pairs along the head's dimension. */
static void pack_across(const workspace_bf16 *w, pair *across) {
    transpose_pairs((const pair *)(void *)w->rows, w->tokens, w->dim / 2, across);
}

/* Scores of queries first ... first + rows, at most PAD -> unnormalised probabilities in w->score_rows. */
static void softmax_rows(const vt_attention_head *head, const workspace_bf16 *w, int64_t first, int64_t rows, float scale,
                         float *inverse_sum) {
    for (int64_t i = 0; i < rows; i++)
        head->log_sum_exp[first + i] = softmax_row(w->scores + i * w->tokens, head->tokens, scale, &inverse_sum[i], 1);
    for (int64_t i = 0; head->dropout && i < rows; i += 4)
        drop_four_rows(head, first + i, w->scores + i * w->tokens, NULL, w->tokens);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < w->tokens; j += LANES) {
            vec p = j < head->tokens ? vec_load(w->scores + i * w->tokens + j) : vec_set(0.0f);
            act_store(w->score_rows, i * w->tokens + j, p, 1);
        }
}

static void attention_forward_bf16(const vt_attention_head *head) {
    int64_t dim = head->head_dim;
    workspace_bf16 w = plan_workspace_bf16(head->tokens, dim, 0, head->workspace);
    float scale = 1.0f / sqrtf((float)dim), inverse_sum[PAD];
    products_begin();
    pad_rows(head->k, head->qkv_stride, head->tokens, dim, w.rows);
    pack_across(&w, w.k_across);
    pad_rows(head->v, head->qkv_stride, head->tokens, dim, w.rows);
    pair_rows(w.rows, w.tokens, w.dim, w.v_pairs);
    memset(w.score_rows, 0, (size_t)(PAD * w.tokens) * sizeof *w.score_rows);
    for (int64_t first = 0; first < head->queries; first += PAD) {
        int64_t rows = head->queries - first < PAD ? head->queries - first : PAD;
        pad_rows(row_of(head->q, head->qkv_stride, first), head->qkv_stride, rows, dim, w.q);
        multiply_bf16(w.q, w.dim, w.k_across, w.tokens, w.scores, w.tokens, PAD, w.tokens, w.dim, 0);
        softmax_rows(head, &w, first, rows, scale, inverse_sum);
        multiply_bf16(w.score_rows, w.tokens, w.v_pairs, w.dim, w.result, w.dim, PAD, w.dim, w.tokens, 0);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < dim; j += LANES)
                act_store_some(head->out, (first + i) * head->out_stride + j,
                               vec_load(w.result + i * w.dim + j) * inverse_sum[i], dim - j, 1);
    }
    products_end();
}

/* The gradient's share along the probabilities of each query: dout . out; 0 from `rows` to PAD. */
static void output_products(const vt_attention_head *head, int64_t first, int64_t rows, float *delta) {
    for (int64_t i = 0; i < PAD; i++) {
        vec sum = {0};
        for (int64_t j = 0; i < rows && j < head->head_dim; j += LANES) {
            int64_t at = (first + i) * head->out_stride + j, rest = head->head_dim - j;
            sum = vec_fma(act_load_some(head->dout, at, rest, 1), act_load_some(head->out, at, rest, 1), sum);
        }
        delta[i] = vec_sum(sum);
    }
}

/* Scores and gradients of dropped probabilities, of queries 2 i and 2 i + 1 of a PAD -> probabilities and gradients of scores
 * (still without `scale`) in pairs, the latter in rows too. */
INLINE void score_gradients(const vt_attention_head *head, const workspace_bf16 *w, int i, const float *delta,
                            const float *log_sum_exp, float scale, pair *probabilities, pair *dscores) {
    for (int64_t j = 0; j < w->tokens; j += LANES) {
        hvec p_bits[2], ds_bits[2];
        ivec kept = vec_first(head->tokens - j);
#pragma GCC unroll 2
        for (int second = 0; second < 2; second++) {
            int row = 2 * i + second;
            int64_t at = row * w->tokens + j;
            vec p = vec_exp_brief(vec_fma(vec_load(w->scores + at), vec_set(scale), vec_set(-log_sum_exp[row])));
            vec dp = vec_load(w->dscores + at), dropped = p;
            if (head->dropout) {
                vec factor = vec_load(w->factors + at);
                dropped = p * factor;
                dp *= factor;
            }
            p_bits[second] = vec_to_bf16(vec_select(kept, dropped, vec_set(0.0f)));
            ds_bits[second] = vec_to_bf16(vec_select(kept, p * (dp - delta[row]), vec_set(0.0f)));
            *(loose_hvec *)(w->score_rows + at) = ds_bits[second];
        }
        store_pairs(probabilities + j, p_bits[0], p_bits[1]);
        store_pairs(dscores + j, ds_bits[0], ds_bits[1]);
    }
}

/* Queries first + done ... + PAD of the block that begins at `first`: dq, and their rows of the block's pairs. */
static void attention_backward_queries(const vt_attention_head *head, const workspace_bf16 *w, int64_t first, int64_t done,
                                       float scale) {
    int64_t query = first + done, rows = head->queries - query < PAD ? head->queries - query : PAD, wide = w->tokens;
    float delta[PAD], log_sum_exp[PAD] = {0};
    output_products(head, query, rows, delta);
    memcpy(log_sum_exp, head->log_sum_exp + query, (size_t)rows * sizeof *log_sum_exp);
    multiply_bf16(w->q + done * w->dim, w->dim, w->k_across, wide, w->scores, wide, PAD, wide, w->dim, 0);
    multiply_bf16(w->dout + done * w->dim, w->dim, w->v_across, wide, w->dscores, wide, PAD, wide, w->dim, 0);
    if (head->dropout) {
        for (int64_t i = 0; i < PAD * wide; i += LANES) vec_store(w->factors + i, vec_set(1.0f));
        for (int64_t i = 0; i < rows; i += 4) drop_four_rows(head, query + i, w->factors + i * wide, NULL, wide);
    }
    for (int i = 0; i < PAD / 2; i++) {
        int64_t at = (done / 2 + i) * wide;
        score_gradients(head, w, i, delta, log_sum_exp, scale, w->probability_pairs + at, w->dscore_pairs + at);
    }
    multiply_bf16(w->score_rows, wide, w->k_pairs, w->dim, w->result, w->dim, PAD, w->dim, wide, 0);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < head->head_dim; j += LANES)
            act_store_some(head->dq, (query + i) * head->qkv_stride + j, vec_load(w->result + i * w->dim + j) * scale,
                           head->head_dim - j, 1);
}

/* Pads queries (or their gradients) of a block, and turns them: [padded, dim] and [dim, padded]. */
static void pack_block(const vt_attention_head *head, const workspace_bf16 *w, const vt_bf16 *from, int64_t stride,
                       int64_t rows, vt_bf16 *padded, vt_bf16 *transposed) {
    pad_rows(from, stride, rows, head->head_dim, padded);
    pair_rows(padded, pad(rows), w->dim, w->turning);
    transpose_pairs(w->turning, pad(rows) / 2, w->dim, (pair *)(void *)transposed);
}

/* to [tokens, head_dim] = from [dim, tokens] transposed, times `scale` */
static void store_transposed(const vt_attention_head *head, const workspace_bf16 *w, const float *from, float scale, act *to) {
    for (int64_t token = 0; token < head->tokens; token += LANES)
        for (int64_t column = 0; column < head->head_dim; column += LANES) {
            vec block[LANES];
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++) block[i] = vec_load(from + (column + i) * w->tokens + token);
            vec_transpose(block);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++)
                if (token + i < head->tokens)
                    act_store_some(to, (token + i) * head->qkv_stride + column, block[i] * scale, head->head_dim - column, 1);
        }
}

static void attention_backward_bf16(const vt_attention_head *head) {
    int64_t dim = head->head_dim, qkv_stride = head->qkv_stride, out_stride = head->out_stride;
    workspace_bf16 w = plan_workspace_bf16(head->tokens, dim, 1, head->workspace);
    float scale = 1.0f / sqrtf((float)dim);
    products_begin();
    pad_rows(head->v, qkv_stride, head->tokens, dim, w.rows);
    pack_across(&w, w.v_across);
    pad_rows(head->k, qkv_stride, head->tokens, dim, w.rows);
    pack_across(&w, w.k_across);
    pair_rows(w.rows, w.tokens, w.dim, w.k_pairs);
    for (int64_t first = 0; first < head->queries; first += BLOCK_QUERIES) {
        int64_t rows = head->queries - first < BLOCK_QUERIES ? head->queries - first : BLOCK_QUERIES, padded = pad(rows);
        pack_block(head, &w, row_of(head->q, qkv_stride, first), qkv_stride, rows, w.q, w.q_transposed);
        pack_block(head, &w, row_of(head->dout, out_stride, first), out_stride, rows, w.dout, w.dout_transposed);
        for (int64_t done = 0; done < rows; done += PAD) attention_backward_queries(head, &w, first, done, scale);
        multiply_bf16(w.q_transposed, padded, w.dscore_pairs, w.tokens, w.dk_transposed, w.tokens, w.dim, w.tokens, padded,
                      first > 0);
        multiply_bf16(w.dout_transposed, padded, w.probability_pairs, w.tokens, w.dv_transposed, w.tokens, w.dim, w.tokens,
                      padded, first > 0);
    }
    products_end();
    store_transposed(head, &w, w.dk_transposed, scale, head->dk);
    store_transposed(head, &w, w.dv_transposed, 1.0f, head->dv);
    for (int64_t i = head->queries; i < head->tokens; i++)
        memset((vt_bf16 *)head->dq + i * qkv_stride, 0, (size_t)dim * sizeof(vt_bf16));
}

#endif
