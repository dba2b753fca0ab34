/* Matrix products by oneDNN, each planned for one thread.
 *
 * oneDNN splits a product by the number of threads, at times along the summed dimension, so that results depend on it. Here a
 * product is a tile that one thread computes; operators cut their work into tiles by shape and deal them out. Tiles of the
 * same shape share one plan, made on first request and kept until the device closes. */
#ifndef VT_CPU_PRODUCTS_H
#define VT_CPU_PRODUCTS_H

#include "compute/cpu/cpu.h"

typedef enum vt_product_extra {
    VT_PRODUCT_PLAIN = 0,
    VT_PRODUCT_ADD = 1,       /* result + other [rows, columns] */
    VT_PRODUCT_MULTIPLY = 2,  /* result * other [rows, columns], element by element */
    VT_PRODUCT_ACCUMULATE = 3 /* result added to what is there */
} vt_product_extra;

/* result [rows, columns] = a [rows, depth] b [depth, columns]; strides are those of rows in memory. */
typedef struct vt_product_shape {
    vt_precision precision; /* of a, b and `other` */
    int64_t rows, columns, depth;
    int64_t a_stride, b_stride, result_stride; /* b_stride 0: b is packed by vt_product_pack() */
    int a_transposed;                          /* a is stored [depth, rows] */
    int float_result;                          /* the result is float32, whatever the precision */
    int bias;                                  /* + bias [columns], float32 */
    vt_product_extra extra;
} vt_product_shape;

/* The plan for `shape`. Call outside of parallel regions. */
vt_status vt_product_get(vt_cpu_device *device, const vt_product_shape *shape, vt_product **out) VT_CHECKED;

/* Bytes of a packed b. The layout depends on precision, depth and columns alone. */
size_t vt_product_packed_size(const vt_product *product);

/* packed = b [depth, columns], from a row-major float32 matrix or, `transposed`, from one [columns, depth]. */
vt_status vt_product_pack(vt_cpu_device *device, vt_product *product, const float *b, int transposed, void *packed) VT_CHECKED;

/* Computes one tile on thread `thread` of the device. Returns oneDNN's status: 0 is success. */
int vt_product_run(const vt_cpu_device *device, vt_product *product, int thread, const void *a, const void *b,
                   const float *bias, const void *other, void *result);

/* The sentence for a failure of vt_product_run(). */
vt_status vt_product_failed(int dnnl_status) VT_CHECKED;

void vt_products_free(vt_cpu_device *device);

#endif
