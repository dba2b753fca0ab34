/* Bfloat16 linear layers on tiles (AMX): result = a b and everything that follows it, b a packed weight.
 *
 * The tiles do their arithmetic beside the vector units, so while one block of PAD x PAD sums is multiplied, the block before
 * is finished on vectors (bias, activation, residual) a few rows at a time; and the next panel of b is fetched. Depth and
 * columns are multiples of PAD. */
#ifndef VT_CPU_KERNEL_LINEAR_H
#define VT_CPU_KERNEL_LINEAR_H

#include "compute/cpu/kernel_elementwise.h"
#include "compute/cpu/kernel_products_bf16.h"

/* Smaller weights stay in the second-level cache by themselves. */
enum { TILE_BYTES = 1024, CACHE_LINE = 64, FETCHED_FROM = 1 << 19 };

/* --- packing: panels of PAD columns, each [depth / PAD] blocks of two tiles, [16 pairs of rows, 16 columns] --- */

/* One tile of the transpose of weight [., depth]: 16 of its rows, 32 values each, become columns. */
static void pack_transposed(const float *weight, int64_t depth, pair *tile) {
    vec block[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) {
        const float *from = weight + i * depth;
        block[i] = (vec)(__m512i)_mm512_cvtne2ps_pbh((__m512)vec_load(from + LANES), (__m512)vec_load(from));
    }
    vec_transpose(block);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) vec_store((float *)tile + i * LANES, block[i]);
}

/* One tile of weight [depth, columns]. */
static void pack_plain(const float *weight, int64_t columns, pair *tile) {
    for (int i = 0; i < LANES; i++, weight += 2 * columns, tile += LANES)
        store_pairs(tile, vec_to_bf16(vec_load(weight)), vec_to_bf16(vec_load(weight + columns)));
}

static void linear_pack(const float *weight, int64_t depth, int64_t columns, int transposed, int64_t panel, void *packed) {
    pair *tile = (pair *)packed + panel * PAD * depth / 2;
    for (int64_t k = 0; k < depth; k += PAD)
        for (int64_t column = panel * PAD; column < (panel + 1) * PAD; column += LANES, tile += TILE_BYTES / sizeof *tile) {
            if (transposed)
                pack_transposed(weight + column * depth + k, depth, tile);
            else
                pack_plain(weight + k * columns + column, columns, tile);
        }
}

/* --- finishing: sums in float32 -> the result --- */

/* A block of which `done` of `rows` rows are finished. */
typedef struct pending_block {
    const vt_linear_tile *tile;
    const float *sums; /* [PAD, PAD] */
    int64_t at;        /* of its first element in result, addend, factor and derivative */
    int64_t column;    /* of its first element in bias */
    int rows, done;
} pending_block;

/* How the rows of a block are finished; constants after inlining. */
typedef struct finish {
    vt_linear_extra extra;
    vt_activation activation;
} finish;

/* Finishes at most `count` more rows. */
INLINE void finish_rows(pending_block *block, int count, finish how) {
    const vt_linear_tile *tile = block->tile;
    int end = block->done + count < block->rows ? block->done + count : block->rows;
    vec bias[2] = {{0}, {0}};
    for (int half = 0; half < 2 && tile->bias; half++) bias[half] = vec_load(tile->bias + block->column + half * LANES);
    for (int row = block->done; row < end; row++)
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            int64_t at = block->at + row * tile->columns + half * LANES;
            vec value = vec_load(block->sums + row * PAD + half * LANES) + bias[half], slope;
            if (how.extra == VT_LINEAR_ADD) value += act_load(tile->other, at, 1);
            if (how.extra == VT_LINEAR_MULTIPLY) value *= act_load(tile->other, at, 1);
            if (how.extra == VT_LINEAR_ACTIVATE) {
                value = activation_value(how.activation, value, &slope, 1);
                if (tile->derivative) act_store(tile->derivative, at, slope, 1);
            }
            act_store(tile->result, at, value, 1);
        }
    block->done = end;
}

/* --- multiplying --- */

/* A panel of b that will be needed next, and how much of it is still to be fetched. */
typedef struct next_panel {
    const char *at;
    int64_t lines; /* left */
    int lines_a_step;
} next_panel;

/* sums [PAD, PAD] = a [PAD, depth] b; meanwhile the pending block is finished. */
INLINE void multiply_and_finish(const vt_bf16 *a, int64_t a_stride, const char *b, int64_t depth, float *sums,
                                pending_block *pending, next_panel *next, finish how) {
    const vt_bf16 *a_below = a + 16 * a_stride;
    int rows_a_step = (int)((PAD * PAD + depth - 1) / depth);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t k = 0; k < depth; k += PAD, b += 2 * TILE_BYTES) {
        _tile_loadd(4, a + k, a_stride * 2);
        _tile_loadd(6, b, 64);
        _tile_loadd(7, b + TILE_BYTES, 64);
        _tile_loadd(5, a_below + k, a_stride * 2);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        for (int i = 0; i < next->lines_a_step && next->lines > 0; i++, next->lines--, next->at += CACHE_LINE)
            _mm_prefetch(next->at, _MM_HINT_T1);
        finish_rows(pending, rows_a_step, how);
    }
    finish_rows(pending, PAD, how);
    _tile_stored(0, sums, PAD * 4);
    _tile_stored(1, sums + 16, PAD * 4);
    _tile_stored(2, sums + 16 * PAD, PAD * 4);
    _tile_stored(3, sums + 16 * PAD + 16, PAD * 4);
}

static size_t linear_scratch(int64_t depth) {
    return 2 * PAD * PAD * sizeof(float) + (size_t)(PAD * depth) * sizeof(vt_bf16);
}

INLINE void linear_tile_as(const vt_linear_tile *tile, finish how) {
    float *sums = tile->scratch; /* [2, PAD, PAD]: of the block at work and of the pending one */
    vt_bf16 *last_rows = (vt_bf16 *)(sums + 2 * PAD * PAD);
    int64_t whole = tile->rows / PAD * PAD, blocks = (tile->rows + PAD - 1) / PAD;
    int fetches = tile->depth * tile->columns > FETCHED_FROM;
    int64_t lines = fetches ? tile->depth * PAD * 2 / CACHE_LINE : 0, steps = blocks * tile->depth / PAD;
    pending_block pending = {.tile = tile};
    if (whole < tile->rows) pad_rows(tile->a + whole * tile->depth, tile->depth, tile->rows - whole, tile->depth, last_rows);
    __asm__ volatile("" : : : "memory"); /* as in products_begin() */
    products_begin();
    for (int64_t column = tile->first_column; column < tile->end_column; column += PAD) {
        const char *panel = (const char *)tile->packed + column * tile->depth * 2;
        next_panel next = {.at = panel + PAD * tile->depth * 2,
                           .lines = column + PAD < tile->end_column ? lines : 0,
                           .lines_a_step = (int)((lines + steps - 1) / steps)};
        for (int64_t row = 0; row < tile->rows; row += PAD) {
            const vt_bf16 *a = row < whole ? tile->a + row * tile->depth : last_rows;
            multiply_and_finish(a, tile->depth, panel, tile->depth, sums, &pending, &next, how);
            pending = (pending_block){.tile = tile,
                                      .sums = sums,
                                      .at = row * tile->columns + column,
                                      .column = column,
                                      .rows = (int)(tile->rows - row < PAD ? tile->rows - row : PAD)};
            sums = sums == tile->scratch ? sums + PAD * PAD : tile->scratch;
        }
    }
    products_end();
    finish_rows(&pending, PAD, how);
}

static void linear_tile(const vt_linear_tile *tile) {
    switch (tile->extra) {
    case VT_LINEAR_PLAIN:
        linear_tile_as(tile, (finish){.extra = VT_LINEAR_PLAIN});
        break;
    case VT_LINEAR_ADD:
        linear_tile_as(tile, (finish){.extra = VT_LINEAR_ADD});
        break;
    case VT_LINEAR_MULTIPLY:
        linear_tile_as(tile, (finish){.extra = VT_LINEAR_MULTIPLY});
        break;
    case VT_LINEAR_ACTIVATE:
        if (tile->activation == VT_ACTIVATION_GELU)
            linear_tile_as(tile, (finish){VT_LINEAR_ACTIVATE, VT_ACTIVATION_GELU});
        else
            linear_tile_as(tile, (finish){VT_LINEAR_ACTIVATE, tile->activation});
        break;
    }
}

#endif
