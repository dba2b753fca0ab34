/* The kernels of the CPU home: plain loops over one thread's share of an operator, compiled once per instruction set.
 *
 * kernels_<isa>.c each make one table of them from the same text; vt_cpu_kernels() chooses. Shares are cut by the operators,
 * by shape alone. Kernels neither allocate nor fail. */
#ifndef VT_CPU_KERNELS_H
#define VT_CPU_KERNELS_H

#include "base/half.h"
#include "compute/compute.h"

/* A dropout made ready: Philox key of (seed, step, site), and the mask's two numbers. */
typedef struct vt_dropout_plan {
    uint32_t key[2];
    uint32_t threshold; /* elements whose random word is below it are dropped: probability * 2^32 */
    float scale;        /* 1 / (1 - probability) */
} vt_dropout_plan;

/* One head of one image, its first `queries` tokens asking all of them. Rows of q, k, v, dq, dk, dv are `qkv_stride` elements
 * apart, rows of out and dout `out_stride`. */
typedef struct vt_attention_head {
    int64_t tokens, queries, head_dim, qkv_stride, out_stride;
    const act *q, *k, *v;           /* [tokens, head_dim] */
    const vt_dropout_plan *dropout; /* NULL: none */
    uint64_t sample;
    uint32_t head;      /* for the place of dropped elements */
    act *out;           /* [queries, head_dim], as is dout */
    float *log_sum_exp; /* [queries] */
    const act *dout;    /* backward only, as are dq, dk, dv */
    act *dq, *dk, *dv;  /* [tokens, head_dim]; dq is zero beyond `queries` */
    void *workspace;    /* attention_workspace() bytes, 64-byte aligned */
} vt_attention_head;

/* What follows a product of a linear layer. */
typedef enum vt_linear_extra {
    VT_LINEAR_PLAIN = 0,
    VT_LINEAR_ADD = 1,      /* + other */
    VT_LINEAR_MULTIPLY = 2, /* * other */
    VT_LINEAR_ACTIVATE = 3  /* f(.), and f'(.) in `derivative` unless NULL */
} vt_linear_extra;

/* Some rows and columns of result = a b + bias and what follows, in bfloat16; sums are float32. */
typedef struct vt_linear_tile {
    const vt_bf16 *a;                 /* [rows, depth] */
    const void *packed;               /* b [depth, columns] by linear_pack() */
    int64_t rows, depth, columns;     /* depth and columns: multiples of 32 */
    int64_t first_column, end_column; /* of the result that are computed; multiples of 32 */
    const float *bias;                /* [columns] or NULL */
    vt_linear_extra extra;
    vt_activation activation;
    const vt_bf16 *other;         /* [rows, columns]; may be the result */
    vt_bf16 *derivative, *result; /* [rows, columns] */
    void *scratch;                /* linear_scratch(depth) bytes, 64-byte aligned */
} vt_linear_tile;

/* The numbers of one optimizer step, ready for its loop. */
typedef struct vt_update_plan {
    float gradient_scale, one_minus_beta1, beta2, one_minus_beta2, epsilon;
    float decay_factor;        /* AdamW: 1 - learning_rate * weight_decay */
    float weight_decay;        /* SGD, LAMB */
    float momentum;            /* SGD */
    float step_size;           /* AdamW: learning_rate / (1 - beta1^step); else learning_rate */
    float root_correction2;    /* sqrt(1 - beta2^step) */
    float inverse_correction1; /* LAMB: 1 / (1 - beta1^step) */
} vt_update_plan;

typedef struct vt_kernels {
    const char *isa;

    /* Does a fixed amount of arithmetic in registers, by the instruction that products of `precision` run on; returns how many
     * floating-point operations that were. */
    double (*peak)(vt_precision precision);

    /* --- element by element; [count] --- */
    void (*to_float)(const vt_bf16 *x, float *y, int64_t count);
    /* y = x, plus `addend`, times `factor` where not NULL */
    void (*from_float)(const float *x, const vt_bf16 *addend, const vt_bf16 *factor, vt_bf16 *y, int64_t count);
    /* x = f(x) in place; derivative = f'(x) unless NULL */
    void (*activate)(vt_precision precision, vt_activation activation, act *x, act *derivative, int64_t count);
    /* One sample's elements [begin, end) of y = residual + dropped x; begin is a multiple of 64. */
    void (*dropout)(vt_precision precision, const act *x, const act *residual, const vt_dropout_plan *plan, uint64_t sample,
                    int64_t begin, int64_t end, act *y);

    /* --- rows --- */
    /* sums [columns] += column sums of x [rows, columns], rows `stride` elements apart */
    void (*add_columns)(vt_precision precision, const act *x, int64_t stride, int64_t rows, int64_t columns, float *sums);
    void (*layer_norm_forward)(vt_precision precision, const act *x, int64_t x_stride, const float *gamma, const float *beta,
                               float epsilon, int64_t rows, int64_t hidden, act *y, float *mean, float *inverse_std);
    /* Adds to dgamma and dbeta. */
    void (*layer_norm_backward)(vt_precision precision, const act *dy, const act *x, int64_t x_stride, const float *gamma,
                                const float *mean, const float *inverse_std, int64_t rows, int64_t hidden,
                                const act *residual_gradient, act *dx, float *dgamma, float *dbeta);
    float (*dot)(vt_precision precision, const act *x, const float *weight, int64_t count);
    /* y += factor * x */
    void (*add_scaled)(vt_precision precision, float factor, const act *x, float *y, int64_t count);

    /* --- attention --- */
    size_t (*attention_workspace)(vt_precision precision, int64_t tokens, int64_t head_dim, int backward);
    void (*attention_forward)(vt_precision precision, const vt_attention_head *head);
    void (*attention_backward)(vt_precision precision, const vt_attention_head *head);

    /* --- linear layers on bfloat16 tiles, NULL where there are none --- */
    /* Columns 32 * panel ... of b [depth, columns], which is `weight` or, transposed, [columns, depth]; packed as b is. */
    void (*linear_pack)(const float *weight, int64_t depth, int64_t columns, int transposed, int64_t panel, void *packed);
    size_t (*linear_scratch)(int64_t depth);
    void (*linear_tile)(const vt_linear_tile *tile);

    /* --- weight gradients on bfloat16 tiles, NULL where there are none; all sizes but `rows` are multiples of 32 --- */
    /* Part of panels [columns / 32][panel_rows / 2, 32] of pairs of rows = x [rows, columns], and zeros up to the next 32. */
    void (*pair_panels)(const vt_bf16 *x, int64_t rows, int64_t columns, void *panels, int64_t panel_rows);
    /* dweight [outs, columns] += dy^T x; dbias [outs] (NULL: none) += column sums of dy; both in panels of as many rows.
     * transposed: room for outs * rows bfloat16 numbers. */
    void (*weight_gradient)(const void *dy_panels, const void *x_panels, int64_t rows, int64_t outs, int64_t columns,
                            float *dweight, float *dbias, void *transposed);

    /* --- optimizer; [count] --- */
    double (*sum_of_squares)(const float *x, int64_t count);
    void (*adamw)(const vt_update_plan *plan, int decay, float *parameters, const float *gradients, float *moment1,
                  float *moment2, int64_t count);
    void (*sgd)(const vt_update_plan *plan, int decay, float *parameters, const float *gradients, float *moment, int64_t count);
    /* First pass of LAMB: refreshes the moments; squares = {of parameters, of their updates}, summed. */
    void (*lamb_moments)(const vt_update_plan *plan, int decay, const float *parameters, const float *gradients, float *moment1,
                         float *moment2, int64_t count, double squares[2]);
    /* Second pass: parameters -= rate * update. */
    void (*lamb_apply)(const vt_update_plan *plan, int decay, float rate, float *parameters, const float *moment1,
                       const float *moment2, int64_t count);
} vt_kernels;

extern const vt_kernels vt_kernels_portable, vt_kernels_avx2, vt_kernels_avx512, vt_kernels_avx512_bf16, vt_kernels_avx512_amx;

#endif
