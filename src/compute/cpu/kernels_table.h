/* One instruction set's kernels, as a table. Included by kernels_<isa>.c, which are compiled with that set's flags and define
 * KERNEL_TABLE (the table's name) and KERNEL_ISA (its name for the user). */
#include "compute/cpu/kernel_attention.h"
#include "compute/cpu/kernel_elementwise.h"
#include "compute/cpu/kernel_optimizer.h"
#include "compute/cpu/kernel_rows.h"

const vt_kernels KERNEL_TABLE = {
    .isa = KERNEL_ISA,
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
    .sum_of_squares = sum_of_squares,
    .adamw = adamw,
    .sgd = sgd,
    .lamb_moments = lamb_moments,
    .lamb_apply = lamb_apply,
};
