/* Plans of single-threaded matrix products: oneDNN primitives, their packed weights and per-thread arguments. */
#include "compute/cpu/products.h"
#include "base/memory.h"
#include <omp.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { A, B, RESULT, BIAS, OTHER, SCRATCHPAD, ARGUMENTS };

struct vt_product {
    vt_product *next;
    vt_product_shape shape;
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t description[ARGUMENTS];
    int threads;
    dnnl_memory_t *memory;       /* [threads][ARGUMENTS] */
    dnnl_primitive_t packing[2]; /* of b [depth, columns], and of its transpose; NULL until asked for */
    dnnl_memory_t plain[2], packed;
};

static vt_status failed(dnnl_status_t code, const char *what) {
    return vt_fail(code == dnnl_out_of_memory ? VT_ERROR_MEMORY : VT_ERROR_UNSUPPORTED, "oneDNN cannot %s (status %d)", what,
                   (int)code);
}

vt_status vt_product_failed(int dnnl_status) {
    return failed((dnnl_status_t)dnnl_status, "compute a matrix product");
}

#define DNNL_TRY(call, what)                                                                                                   \
    do {                                                                                                                       \
        dnnl_status_t dnnl_try_ = (call);                                                                                      \
        if (dnnl_try_ != dnnl_success) return failed(dnnl_try_, what);                                                         \
    } while (0)

static vt_status describe(dnnl_memory_desc_t *out, int64_t rows, int64_t columns, int64_t row_step, int64_t column_step,
                          dnnl_data_type_t type) {
    dnnl_dims_t dims = {rows, columns}, strides = {row_step, column_step};
    DNNL_TRY(dnnl_memory_desc_init_by_strides(out, 2, dims, type, strides), "describe a matrix");
    return VT_OK;
}

/* A product whose packed b has the same layout as `product`'s must have. */
static const vt_product *packed_alike(const vt_cpu_device *device, const vt_product_shape *shape) {
    if (shape->b_stride) return NULL;
    for (const vt_product *p = device->products; p; p = p->next)
        if (!p->shape.b_stride && p->shape.precision == shape->precision && p->shape.depth == shape->depth &&
            p->shape.columns == shape->columns)
            return p;
    return NULL;
}

static vt_status describe_all(const vt_cpu_device *device, vt_product *product) {
    const vt_product_shape *s = &product->shape;
    dnnl_memory_desc_t *d = product->description;
    dnnl_data_type_t type = s->precision == VT_PRECISION_BF16 ? dnnl_bf16 : dnnl_f32;
    const vt_product *alike = packed_alike(device, s);
    VT_TRY(describe(&d[A], s->rows, s->depth, s->a_transposed ? 1 : s->a_stride, s->a_transposed ? s->a_stride : 1, type));
    if (s->b_stride) {
        VT_TRY(describe(&d[B], s->depth, s->columns, s->b_stride, 1, type));
    } else if (alike) {
        d[B] = alike->description[B];
    } else {
        dnnl_dims_t dims = {s->depth, s->columns};
        DNNL_TRY(dnnl_memory_desc_init_by_tag(&d[B], 2, dims, type, dnnl_format_tag_any), "describe packed weights");
    }
    VT_TRY(describe(&d[RESULT], s->rows, s->columns, s->result_stride, 1, s->float_result ? dnnl_f32 : type));
    VT_TRY(describe(&d[OTHER], s->rows, s->columns, s->result_stride, 1, type));
    return describe(&d[BIAS], 1, s->columns, s->columns, 1, dnnl_f32);
}

static dnnl_status_t make_attributes(const vt_product *product, dnnl_primitive_attr_t attributes, dnnl_post_ops_t post_ops) {
    const dnnl_memory_desc_t *other = &product->description[OTHER];
    dnnl_status_t code = dnnl_success;
    if (product->shape.extra == VT_PRODUCT_ADD) code = dnnl_post_ops_append_binary(post_ops, dnnl_binary_add, other);
    if (product->shape.extra == VT_PRODUCT_MULTIPLY) code = dnnl_post_ops_append_binary(post_ops, dnnl_binary_mul, other);
    if (product->shape.extra == VT_PRODUCT_ACCUMULATE) code = dnnl_post_ops_append_sum(post_ops, 1.0f);
    if (code == dnnl_success) code = dnnl_primitive_attr_set_post_ops(attributes, post_ops);
    if (code == dnnl_success) code = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    return code;
}

static dnnl_status_t make_primitive(const vt_cpu_device *device, vt_product *product, dnnl_primitive_attr_t attributes) {
    dnnl_memory_desc_t *d = product->description;
    dnnl_matmul_desc_t matmul;
    dnnl_primitive_desc_t plan = NULL;
    dnnl_status_t code = dnnl_matmul_desc_init(&matmul, &d[A], &d[B], product->shape.bias ? &d[BIAS] : NULL, &d[RESULT]);
    if (code == dnnl_success) code = dnnl_primitive_desc_create(&plan, &matmul, attributes, device->engine, NULL);
    if (code == dnnl_success) code = dnnl_primitive_create(&product->primitive, plan);
    if (code == dnnl_success) {
        d[B] = *dnnl_primitive_desc_query_md(plan, dnnl_query_weights_md, 0);
        d[SCRATCHPAD] = *dnnl_primitive_desc_query_md(plan, dnnl_query_scratchpad_md, 0);
    }
    if (plan) dnnl_primitive_desc_destroy(plan);
    return code;
}

/* oneDNN crashes where memory for the code that it generates is missing, so there must be some before. */
static vt_status check_memory(void) {
    const size_t enough = 32 << 20;
    void *memory = mmap(NULL, enough, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return vt_fail_memory("generated code", enough);
    munmap(memory, enough);
    return VT_OK;
}

/* oneDNN plans for the number of threads that OpenMP would use: here, one. */
static vt_status make_plan(const vt_cpu_device *device, vt_product *product) {
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t post_ops = NULL;
    int threads = omp_get_max_threads();
    VT_TRY(check_memory());
    dnnl_status_t code = dnnl_primitive_attr_create(&attributes);
    if (code == dnnl_success) code = dnnl_post_ops_create(&post_ops);
    if (code == dnnl_success) code = make_attributes(product, attributes, post_ops);
    omp_set_num_threads(1);
    if (code == dnnl_success) code = make_primitive(device, product, attributes);
    omp_set_num_threads(threads);
    if (post_ops) dnnl_post_ops_destroy(post_ops);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    if (code != dnnl_success) return failed(code, "plan a matrix product");
    return VT_OK;
}

static vt_status make_arguments(const vt_cpu_device *device, vt_product *product) {
    for (int thread = 0; thread < product->threads; thread++)
        for (int i = 0; i < ARGUMENTS; i++)
            DNNL_TRY(dnnl_memory_create(&product->memory[thread * ARGUMENTS + i], &product->description[i], device->engine,
                                        DNNL_MEMORY_NONE),
                     "make a matrix argument");
    return VT_OK;
}

static void product_free(vt_product *product) {
    if (!product) return;
    for (int i = 0; product->memory && i < product->threads * ARGUMENTS; i++)
        if (product->memory[i]) dnnl_memory_destroy(product->memory[i]);
    for (int i = 0; i < 2; i++) {
        if (product->plain[i]) dnnl_memory_destroy(product->plain[i]);
        if (product->packing[i]) dnnl_primitive_destroy(product->packing[i]);
    }
    if (product->packed) dnnl_memory_destroy(product->packed);
    if (product->primitive) dnnl_primitive_destroy(product->primitive);
    free(product->memory);
    free(product);
}

void vt_products_free(vt_cpu_device *device) {
    while (device->products) {
        vt_product *next = device->products->next;
        product_free(device->products);
        device->products = next;
    }
}

static vt_status product_make(vt_cpu_device *device, vt_product *product) {
    product->threads = device->threads;
    VT_TRY(vt_allocate(&product->memory, (size_t)device->threads * ARGUMENTS, sizeof(dnnl_memory_t), "matrix arguments"));
    VT_TRY(describe_all(device, product));
    VT_TRY(make_plan(device, product));
    return make_arguments(device, product);
}

static int same_shape(const vt_product_shape *x, const vt_product_shape *y) {
    return x->precision == y->precision && x->rows == y->rows && x->columns == y->columns && x->depth == y->depth &&
           x->a_stride == y->a_stride && x->b_stride == y->b_stride && x->result_stride == y->result_stride &&
           x->a_transposed == y->a_transposed && x->float_result == y->float_result && x->bias == y->bias &&
           x->extra == y->extra;
}

static vt_status find_or_make(vt_cpu_device *device, const vt_product_shape *shape, vt_product **out) {
    for (vt_product *p = device->products; p; p = p->next)
        if (same_shape(&p->shape, shape)) {
            *out = p;
            return VT_OK;
        }
    vt_product *product;
    VT_TRY(vt_allocate(&product, 1, sizeof *product, "a matrix product"));
    product->shape = *shape;
    vt_status status = product_make(device, product);
    if (status != VT_OK) {
        product_free(product);
        return status;
    }
    product->next = device->products;
    device->products = product;
    *out = product;
    return VT_OK;
}

vt_status vt_product_get(vt_cpu_device *device, const vt_product_shape *shape, vt_product **out) {
    VT_TRY(find_or_make(device, shape, out));
    return vt_cpu_reserve_library(device, dnnl_memory_desc_get_size(&(*out)->description[SCRATCHPAD]));
}

size_t vt_product_packed_size(const vt_product *product) {
    return dnnl_memory_desc_get_size(&product->description[B]);
}

static vt_status plan_packing(vt_cpu_device *device, vt_product *product, int transposed) {
    const vt_product_shape *s = &product->shape;
    dnnl_memory_desc_t plain, *packed = &product->description[B];
    dnnl_primitive_desc_t plan = NULL;
    dnnl_status_t code = dnnl_success;
    VT_TRY(describe(&plain, s->depth, s->columns, transposed ? 1 : s->columns, transposed ? s->depth : 1, dnnl_f32));
    if (!product->packed) code = dnnl_memory_create(&product->packed, packed, device->engine, DNNL_MEMORY_NONE);
    if (code == dnnl_success) code = dnnl_memory_create(&product->plain[transposed], &plain, device->engine, DNNL_MEMORY_NONE);
    if (code == dnnl_success)
        code = dnnl_reorder_primitive_desc_create(&plan, &plain, device->engine, packed, device->engine, NULL);
    if (code == dnnl_success) code = dnnl_primitive_create(&product->packing[transposed], plan);
    if (plan) dnnl_primitive_desc_destroy(plan);
    return code == dnnl_success ? VT_OK : failed(code, "plan the packing of weights");
}

/* oneDNN's reorder runs on all threads; it computes nothing but the rounding to bfloat16. */
vt_status vt_product_pack(vt_cpu_device *device, vt_product *product, const float *b, int transposed, void *packed) {
    transposed = transposed != 0;
    if (!product->packing[transposed]) VT_TRY(plan_packing(device, product, transposed));
    if (device->base.rehearsing) return VT_OK;
    dnnl_memory_t from = product->plain[transposed], to = product->packed;
    dnnl_memory_set_data_handle(from, (void *)b);
    dnnl_memory_set_data_handle(to, packed);
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    dnnl_status_t code = dnnl_primitive_execute(product->packing[transposed], device->thread[0].stream, 2, arguments);
    return code == dnnl_success ? VT_OK : failed(code, "pack weights");
}

int vt_product_run(const vt_cpu_device *device, vt_product *product, int thread, const void *a, const void *b,
                   const float *bias, const void *other, void *result) {
    dnnl_memory_t *m = product->memory + (size_t)thread * ARGUMENTS;
    dnnl_exec_arg_t arguments[ARGUMENTS] = {
        {DNNL_ARG_SRC, m[A]}, {DNNL_ARG_WEIGHTS, m[B]}, {DNNL_ARG_DST, m[RESULT]}, {DNNL_ARG_SCRATCHPAD, m[SCRATCHPAD]}};
    int count = 4;
    dnnl_memory_set_data_handle(m[A], (void *)a);
    dnnl_memory_set_data_handle(m[B], (void *)b);
    dnnl_memory_set_data_handle(m[RESULT], result);
    dnnl_memory_set_data_handle(m[SCRATCHPAD], device->thread[thread].library);
    if (bias) {
        dnnl_memory_set_data_handle(m[BIAS], (void *)bias);
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, m[BIAS]};
    }
    if (other) {
        dnnl_memory_set_data_handle(m[OTHER], (void *)other);
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, m[OTHER]};
    }
    return (int)dnnl_primitive_execute(product->primitive, device->thread[thread].stream, count, arguments);
}
