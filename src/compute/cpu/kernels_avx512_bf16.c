/* Kernels for x86-64 with AVX-512 and its bfloat16 instructions. */
#define KERNEL_TABLE vt_kernels_avx512_bf16
#define KERNEL_ISA   "avx512_bf16"
#include "compute/cpu/kernels_table.h"
