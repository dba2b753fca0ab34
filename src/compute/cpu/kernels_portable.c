/* Kernels for any machine: four lanes of what the compiler targets by default. */
#define KERNEL_TABLE vt_kernels_portable
#define KERNEL_ISA   "portable"
#include "compute/cpu/kernels_table.h"
