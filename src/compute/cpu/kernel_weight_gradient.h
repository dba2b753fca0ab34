/* Weight and bias gradients on bfloat16 tiles: dweight += dy^T x over a block of rows. Sizes are multiples of PAD.
 *
 * Both matrices come in panels of PAD columns, each [rows / 2, PAD] pairs of neighbouring rows, so that they are read from
 * memory once and in order. */
#ifndef VT_CPU_KERNEL_WEIGHT_GRADIENT_H
#define VT_CPU_KERNEL_WEIGHT_GRADIENT_H

#include "compute/cpu/kernel_products_bf16.h"

static void pair_panels(const vt_bf16 *x, int64_t rows, int64_t columns, void *panels, int64_t panel_rows) {
    for (int64_t row = 0; row < pad(rows); row += 2)
        for (int64_t column = 0; column < columns; column += LANES) {
            pair *to = (pair *)panels + column / PAD * PAD * (panel_rows / 2) + row / 2 * PAD + column % PAD;
            const vt_bf16 *from = x + row * columns + column;
            hvec first = {0}, second = {0};
            if (row < rows) first = *(const loose_hvec *)from;
            if (row + 1 < rows) second = *(const loose_hvec *)(from + columns);
            store_pairs(to, first, second);
        }
}

/* sums [PAD] += column sums of a panel, over runs of 32 rows first: the rounding error stays that of short sums */
static void add_pair_columns(const pair *panel, int64_t pairs, float *sums) {
    for (int64_t column = 0; column < PAD; column += LANES) {
        vec total = vec_load(sums + column);
        for (int64_t first = 0; first < pairs; first += 16) {
            vec sum = {0};
            for (int64_t i = first; i < first + 16; i++) {
                uvec both = (uvec)vec_load((const float *)panel + i * PAD + column);
                sum += (vec)(both << 16) + (vec)(both & 0xffff0000u);
            }
            total += sum;
        }
        vec_store(sums + column, total);
    }
}

static void weight_gradient(const void *dy_panels, const void *x_panels, int64_t rows, int64_t outs, int64_t columns,
                            float *dweight, float *dbias, void *transposed) {
    int64_t panel = PAD * rows / 2;
    for (int64_t i = 0; i < outs / PAD; i++) {
        const pair *from = (const pair *)dy_panels + i * panel;
        transpose_pairs(from, rows / 2, PAD, (pair *)transposed + i * panel);
        if (dbias) add_pair_columns(from, rows / 2, dbias + i * PAD);
    }
    products_begin();
    for (int64_t column = 0; column < columns; column += PAD)
        multiply_bf16(transposed, rows, (const pair *)x_panels + column * rows / 2, PAD, dweight + column, columns, outs, PAD,
                      rows, 1);
    products_end();
}

#endif
