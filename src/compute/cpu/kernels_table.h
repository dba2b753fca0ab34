/* One instruction set's kernels, as a table. Included by kernels_<isa>.c, which are compiled with that set's flags and define
 * KERNEL_TABLE (the table's name) and KERNEL_ISA (its name for the user). */
#include "compute/cpu/kernel_attention.h"
#include "compute/cpu/kernel_elementwise.h"
#include "compute/cpu/kernel_optimizer.h"
#include "compute/cpu/kernel_rows.h"
#if defined(__AVX512BF16__)
#include "compute/cpu/kernel_attention_bf16.h"
#endif
#if defined(__AMX_BF16__)
#include "compute/cpu/kernel_linear.h"
#include "compute/cpu/kernel_weight_gradient.h"
#endif
#include "compute/cpu/kernel_peak.h"

static size_t attention_workspace(vt_precision precision, int64_t tokens, int64_t head_dim, int backward) {
#if defined(__AVX512BF16__)
    if (precision == VT_PRECISION_BF16) return plan_workspace_bf16(tokens, head_dim, backward, NULL).size;
#endif
    (void)precision;
    return plan_workspace(tokens, head_dim, backward, NULL).size;
}

static void attention_forward(vt_precision precision, const vt_attention_head *head) {
    if (precision == VT_PRECISION_FP32)
        attention_forward_in(head, 0);
    else
#if defined(__AVX512BF16__)
        attention_forward_bf16(head);
#else
        attention_forward_in(head, 1);
#endif
}

static void attention_backward(vt_precision precision, const vt_attention_head *head) {
    if (precision == VT_PRECISION_FP32)
        attention_backward_in(head, 0);
    else
#if defined(__AVX512BF16__)
        attention_backward_bf16(head);
#else
        attention_backward_in(head, 1);
#endif
}

const vt_kernels KERNEL_TABLE = {
    .isa = KERNEL_ISA,
    .peak = peak,
    .to_float = to_float,
    .from_float = from_float,
    .activate = activate,
    .dropout = dropout,
    .add_columns = add_columns,
    .layer_norm_forward = layer_norm_forward,
    .layer_norm_backward = layer_norm_backward,
    .dot = dot,
    .add_scaled = add_scaled,
    .attention_workspace = attention_workspace,
    .attention_forward = attention_forward,
    .attention_backward = attention_backward,
#if defined(__AMX_BF16__)
    .linear_pack = linear_pack,
    .linear_scratch = linear_scratch,
    .linear_tile = linear_tile,
    .pair_panels = pair_panels,
    .weight_gradient = weight_gradient,
#endif
    .sum_of_squares = sum_of_squares,
    .adamw = adamw,
    .sgd = sgd,
    .lamb_moments = lamb_moments,
    .lamb_apply = lamb_apply,
};
