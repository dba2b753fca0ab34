/* Kernels for x86-64 with AVX-512, its bfloat16 instructions, and bfloat16 products on tiles (AMX). */
#define KERNEL_TABLE vt_kernels_avx512_amx
#define KERNEL_ISA   "avx512_amx"
#include "compute/cpu/kernels_table.h"
