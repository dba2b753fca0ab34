/* Products of bfloat16 linear layers on the processor's own tiles, cut into rows and columns for threads. Every element of a
 * result is one sum in one order, however it is cut. */
#include "compute/cpu/cpu.h"
#include <omp.h>

enum { SIZE_STEP = 32, ROWS_MOST = 256, ROWS_OF_DEEP = 128, DEEP = 1024, COLUMNS_LEAST = 128, TILES_PER_THREAD = 3 };

int vt_cpu_has_linear_tiles(const vt_cpu_device *device, int64_t in, int64_t out) {
    return device->kernels->linear_tile && in % SIZE_STEP == 0 && out % SIZE_STEP == 0;
}

void vt_cpu_pack_linear_tiles(const vt_cpu_device *device, const float *weight, int64_t depth, int64_t columns, int transposed,
                              void *packed) {
#pragma omp parallel for schedule(dynamic) num_threads(device->threads)
    for (int64_t panel = 0; panel < columns / SIZE_STEP; panel++)
        device->kernels->linear_pack(weight, depth, columns, transposed, panel, packed);
}

static int64_t parts_of(int64_t size, int64_t part) {
    return (size + part - 1) / part;
}

/* Rows and columns of a tile: as many rows as the second-level cache holds beside a panel of b, so that b is read from memory
 * seldom; all columns. Fewer of both where threads would go without work. */
static void cut(const vt_cpu_device *device, const vt_linear_tile *whole, int64_t *rows, int64_t *columns) {
    int64_t wanted = device->threads > 1 ? (int64_t)TILES_PER_THREAD * device->threads : 1;
    *rows = whole->depth > DEEP ? ROWS_OF_DEEP : ROWS_MOST;
    *columns = whole->columns;
    while (*rows > 2 * SIZE_STEP && parts_of(whole->rows, *rows) < wanted) *rows /= 2;
    while (*columns >= 2 * COLUMNS_LEAST && parts_of(whole->rows, *rows) * parts_of(whole->columns, *columns) < wanted)
        *columns = parts_of(*columns / 2, SIZE_STEP) * SIZE_STEP;
}

vt_status vt_cpu_run_linear_tiles(vt_cpu_device *device, const vt_linear_tile *whole) {
    int64_t rows, columns;
    if (whole->rows == 0) return VT_OK;
    cut(device, whole, &rows, &columns);
    VT_TRY(vt_cpu_reserve(device, device->kernels->linear_scratch(whole->depth)));
    if (device->base.rehearsing) return VT_OK;
    int64_t across = parts_of(whole->columns, columns), tiles = parts_of(whole->rows, rows) * across;
#pragma omp parallel for schedule(dynamic) num_threads(device->threads)
    for (int64_t i = 0; i < tiles; i++) {
        int64_t row = i / across * rows, at = row * whole->columns;
        vt_linear_tile tile = *whole;
        tile.a += row * whole->depth;
        tile.rows = vt_min64(rows, whole->rows - row);
        tile.first_column = i % across * columns;
        tile.end_column = vt_min64(tile.first_column + columns, whole->columns);
        if (tile.other) tile.other += at;
        if (tile.derivative) tile.derivative += at;
        tile.result += at;
        tile.scratch = device->thread[omp_get_thread_num()].scratch;
        device->kernels->linear_tile(&tile);
    }
    return VT_OK;
}
