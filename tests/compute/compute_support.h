/* What the operators' tests share: every device variant of this machine, activations in both precisions with their exact
 * values beside them, error norms, and the check that results don't depend on the number of threads. */
#ifndef VT_TESTS_COMPUTE_SUPPORT_H
#define VT_TESTS_COMPUTE_SUPPORT_H

#include "support.h"

#include "base/half.h"
#include "base/random.h"
#include "compute/compute.h"
#include <math.h>
#include <omp.h>

/* Everything a test puts down is kept for one run of its body, and compared with the same run on another number of threads. */
static char *kept_bytes;
static size_t kept_size, kept_at;
static int keeping;

static inline void same_for_all_threads(const void *data, size_t size) {
    if (keeping) {
        kept_bytes = realloc(kept_bytes, kept_size + size);
        assert_non_null(kept_bytes);
        memcpy(kept_bytes + kept_size, data, size);
        kept_size += size;
    } else {
        assert_true(kept_at + size <= kept_size);
        if (memcmp(kept_bytes + kept_at, data, size) != 0) fail_msg("1 and 2 threads give different bits");
        kept_at += size;
    }
}

static inline vt_device *open_device(const char *isa, int threads) {
    vt_device *device;
    if (isa)
        setenv("VITRAIN_ISA", isa, 1);
    else
        unsetenv("VITRAIN_ISA");
    setenv("OMP_NUM_THREADS", "2", 1); /* two threads even on one core */
    omp_set_num_threads(threads);
    ASSERT_OK(vt_device_open("cpu", &device));
    unsetenv("VITRAIN_ISA");
    return device;
}

/* Runs `body` for each instruction set that this machine has, both precisions, on two threads and on one. The best comes
 * first and unlimited, because oneDNN keeps to the set that its first use in a process allowed. */
static inline void on_every_device(void (*body)(vt_device *device, vt_precision precision)) {
    static const char *const sets[] = {NULL, "avx512_bf16", "avx512", "avx2", "portable"};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (int precision = VT_PRECISION_FP32; precision <= VT_PRECISION_BF16; precision++) {
            kept_size = kept_at = 0;
            for (int threads = 2; threads >= 1; threads--) {
                vt_device_info info;
                vt_device *device;
#if !defined(__x86_64__)
                if (sets[i] && strcmp(sets[i], "portable") != 0) continue;
#endif
                device = open_device(sets[i], threads);
                vt_device_get_info(device, &info);
                keeping = threads == 2;
                if (!sets[i] || strcmp(info.isa, sets[i]) == 0) body(device, (vt_precision)precision);
                vt_device_close(device);
            }
        }
    free(kept_bytes);
    kept_bytes = NULL;
    kept_size = 0;
}

static inline void *get_memory(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
    assert_non_null(memory);
    return memory;
}

/* Memory that reads as not-a-number in either precision. */
static inline void *poisoned(size_t bytes) {
    void *memory = get_memory(bytes);
    memset(memory, 0xff, bytes);
    return memory;
}

static inline act *poisoned_act(vt_precision precision, int64_t count) {
    return poisoned((size_t)count * vt_act_size(precision));
}

static inline double act_get(vt_precision precision, const act *data, int64_t index) {
    return precision == VT_PRECISION_BF16 ? vt_bf16_to_float(((const vt_bf16 *)data)[index]) : ((const float *)data)[index];
}

/* Normal numbers times `scale`, rounded to the precision; *exact [count] (NULL allowed) receives what was stored. */
static inline act *random_act(vt_precision precision, uint64_t seed, int64_t count, double scale, double **exact) {
    vt_random random = vt_random_stream(seed, VT_PURPOSE_TEST, 0, (uint64_t)count);
    act *data = poisoned_act(precision, count);
    if (exact) *exact = get_memory((size_t)count * sizeof(double));
    for (int64_t i = 0; i < count; i++) {
        float value = (float)(scale * vt_random_normal(&random));
        if (precision == VT_PRECISION_BF16)
            ((vt_bf16 *)data)[i] = vt_float_to_bf16(value);
        else
            ((float *)data)[i] = value;
        if (exact) (*exact)[i] = act_get(precision, data, i);
    }
    return data;
}

static inline float *random_floats(uint64_t seed, int64_t count, double scale, double **exact) {
    return random_act(VT_PRECISION_FP32, seed, count, scale, exact);
}

/* |data - exact| / |exact|; infinite for any NaN. */
static inline double relative_error(vt_precision precision, const act *data, const double *exact, int64_t count) {
    double error = 0.0, norm = 0.0;
    for (int64_t i = 0; i < count; i++) {
        double value = act_get(precision, data, i);
        error += (value - exact[i]) * (value - exact[i]);
        norm += exact[i] * exact[i];
    }
    error = sqrt(error) / (norm > 0.0 ? sqrt(norm) : 1.0);
    return error == error ? error : INFINITY;
}

#define ASSERT_CLOSE(precision, data, exact, count, limit)                                                                     \
    do {                                                                                                                       \
        double close_ = relative_error(precision, data, exact, count);                                                         \
        if (!(close_ <= (limit)))                                                                                              \
            fail_msg("%s:%d: %s is off by %.3g, allowed %.3g", __FILE__, __LINE__, #data, close_, (double)(limit));            \
    } while (0)

/* Checks gradient [count] against central differences of `value` at x, at up to 40 places. */
static inline void check_gradient(double (*value)(const double *x, void *context), void *context, double *x,
                                  const double *gradient, int64_t count) {
    for (int64_t i = 0; i < count; i += 1 + count / 40) {
        double kept = x[i], step = 1e-5, up, down;
        x[i] = kept + step;
        up = value(x, context);
        x[i] = kept - step;
        down = value(x, context);
        x[i] = kept;
        double numeric = (up - down) / (2.0 * step);
        if (fabs(numeric - gradient[i]) > 1e-6 * (1.0 + fabs(gradient[i])))
            fail_msg("gradient %lld is %.9g, differences say %.9g", (long long)i, gradient[i], numeric);
    }
}

#endif
