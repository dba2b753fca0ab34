/* Kernels for x86-64 with AVX-512 F, BW, DQ and VL. */
#define KERNEL_TABLE vt_kernels_avx512
#define KERNEL_ISA   "avx512"
#include "compute/cpu/kernels_table.h"
