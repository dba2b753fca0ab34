/* Kernels for x86-64 with AVX2 and FMA (2013 and later). */
#define KERNEL_TABLE vt_kernels_avx2
#define KERNEL_ISA   "avx2"
#include "compute/cpu/kernels_table.h"
