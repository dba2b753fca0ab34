/* The CPU as a device: which kernels and how many threads it uses, its memory, and its table of operators. */
#include "base/memory.h"
#include "base/threads.h"
#include "compute/cpu/products.h"
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* Instruction sets from the most to the least able. */
static const vt_kernels *const known_kernels[] = {
#if defined(__x86_64__)
    &vt_kernels_avx512_amx, &vt_kernels_avx512_bf16, &vt_kernels_avx512, &vt_kernels_avx2,
#endif
    &vt_kernels_portable,
};
enum { KNOWN = sizeof known_kernels / sizeof *known_kernels };

#if defined(__x86_64__)
/* Whether there are tiles of bfloat16, and Linux lets this process use them: from version 5.16 on it must be asked to
 * (arch_prctl ARCH_REQ_XCOMP_PERM for XFEATURE_XTILEDATA). */
static int has_tiles(void) {
    unsigned a, b, c, d = 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 22 & 1) || !(d >> 24 & 1)) return 0;
    return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}
#endif

static int machine_has(const vt_kernels *kernels) {
#if defined(__x86_64__)
    int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    int bf16 = avx512 && __builtin_cpu_supports("avx512bf16");
    if (kernels == &vt_kernels_avx512_amx) return bf16 && has_tiles();
    if (kernels == &vt_kernels_avx512_bf16) return bf16;
    if (kernels == &vt_kernels_avx512) return avx512;
    if (kernels == &vt_kernels_avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return kernels == &vt_kernels_portable;
}

const vt_kernels *vt_cpu_kernels(void) {
    const char *wanted = getenv("VITRAIN_ISA");
    int first = 0;
    if (wanted && *wanted) {
        while (first < KNOWN && strcmp(known_kernels[first]->isa, wanted) != 0) first++;
        if (first == KNOWN) {
            (void)!vt_fail(
                VT_ERROR_USAGE,
                "VITRAIN_ISA=%s: not an instruction set of this build; use avx512_amx, avx512_bf16, avx512, avx2 or portable",
                wanted);
            return NULL;
        }
    }
    for (int i = first; i < KNOWN; i++)
        if (machine_has(known_kernels[i])) return known_kernels[i];
    return &vt_kernels_portable;
}

/* Dot products of bfloat16 pairs do twice the work of float32's multiply-adds on AMD's processors (Zen 4 and later), but not
 * more, and on those with tiles half as much, on Intel's. */
static const vt_kernels *attention_kernels(const vt_kernels *kernels) {
#if defined(__x86_64__)
    if (kernels == &vt_kernels_avx512_bf16 && !__builtin_cpu_is("amd")) return &vt_kernels_avx512;
#endif
    return kernels;
}

/* Whether both our kernels and oneDNN, which has limits of its own (ONEDNN_MAX_CPU_ISA), use bfloat16 instructions. */
static int multiplies_bf16(const vt_kernels *kernels) {
#if defined(__x86_64__)
    int needed = dnnl_cpu_isa_avx512_core_bf16;
    int able = kernels == &vt_kernels_avx512_amx || kernels == &vt_kernels_avx512_bf16;
    return able && ((int)dnnl_get_effective_cpu_isa() & needed) == needed;
#else
    (void)kernels;
    return 0;
#endif
}

/* oneDNN heeds this only before its first use in the process. */
static void limit_library(const vt_kernels *kernels) {
#if defined(__x86_64__)
    const char *wanted = getenv("VITRAIN_ISA");
    if (!wanted || !*wanted) return;
    dnnl_cpu_isa_t isa = kernels == &vt_kernels_avx512_amx    ? dnnl_cpu_isa_avx512_core_amx
                         : kernels == &vt_kernels_avx512_bf16 ? dnnl_cpu_isa_avx512_core_bf16
                         : kernels == &vt_kernels_avx512      ? dnnl_cpu_isa_avx512_core
                         : kernels == &vt_kernels_avx2        ? dnnl_cpu_isa_avx2
                                                              : dnnl_cpu_isa_sse41;
    dnnl_set_max_cpu_isa(isa);
#else
    (void)kernels;
#endif
}

static void describe_processor(char *text, size_t size) {
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(text, size, "CPU");
    while (file && fgets(line, sizeof line, file)) {
        char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value) continue;
        value += 1 + (value[1] == ' ');
        value[strcspn(value, "\n")] = '\0';
        snprintf(text, size, "%s", value);
        break;
    }
    if (file) fclose(file);
}

/* OpenMP's number, but never more than there are cores unless OMP_NUM_THREADS asks for it. oneDNN asks OpenMP in turn. */
static int count_threads(void) {
    const char *wanted = getenv("OMP_NUM_THREADS");
    int threads = omp_get_max_threads(), cores = vt_core_count();
    if (threads > cores && !(wanted && *wanted)) omp_set_num_threads(threads = cores);
    return threads;
}

/* --- memory --- */

/* Stands for memory that is only counted. */
static _Alignas(64) char nowhere[64];

vt_status vt_cpu_take(vt_cpu_device *device, size_t bytes, const char *what, uint64_t *counter, void **out) {
    if (device->describes)
        *out = nowhere;
    else
        VT_TRY(vt_allocate_pages(out, bytes, 1, what));
    *counter += bytes;
    device->base.memory.count++;
    return VT_OK;
}

void vt_cpu_give_back(vt_cpu_device *device, void *memory, uint64_t *counter) {
    if (!memory || device->describes) return;
    *counter -= vt_pages_size(memory);
    vt_free_pages(memory);
}

/* The old scratch goes before the new one comes: its contents are nobody's. */
static vt_status grow(vt_cpu_device *device, void **memory, size_t *size, size_t needed) {
    uint64_t *counter = &device->base.memory.scratch;
    if (*size >= needed) return VT_OK;
    if (device->describes) *counter -= *size;
    vt_cpu_give_back(device, *memory, counter);
    *memory = NULL;
    *size = 0;
    VT_TRY(vt_cpu_take(device, needed, "compute scratch", counter, memory));
    *size = needed;
    return VT_OK;
}

vt_status vt_cpu_reserve(vt_cpu_device *device, size_t size) {
    for (int i = 0; i < device->threads; i++)
        VT_TRY(grow(device, &device->thread[i].scratch, &device->thread[i].scratch_size, size));
    return VT_OK;
}

vt_status vt_cpu_reserve_library(vt_cpu_device *device, size_t size) {
    for (int i = 0; i < device->threads; i++)
        VT_TRY(grow(device, &device->thread[i].library, &device->thread[i].library_size, size));
    return VT_OK;
}

vt_status vt_cpu_reserve_shared(vt_cpu_device *device, size_t size) {
    return grow(device, &device->shared, &device->shared_size, size);
}

static vt_status cpu_allocate(vt_device *device, size_t bytes, const char *what, void **out) {
    return vt_cpu_take(vt_cpu(device), bytes, what, &device->memory.buffers, out);
}

static void cpu_release(vt_device *device, void *memory) {
    vt_cpu_give_back(vt_cpu(device), memory, &device->memory.buffers);
}

static vt_status cpu_copy(vt_device *device, void *to, const void *from, size_t bytes) {
    if (bytes && !device->rehearsing) memcpy(to, from, bytes);
    return VT_OK;
}

static vt_status cpu_zero(vt_device *device, void *memory, size_t bytes) {
    const size_t piece = 1 << 20;
    if (device->rehearsing) return VT_OK;
#pragma omp parallel for schedule(static) num_threads(vt_cpu(device)->threads)
    for (size_t first = 0; first < bytes; first += piece)
        memset((char *)memory + first, 0, bytes - first < piece ? bytes - first : piece);
    return VT_OK;
}

/* --- the device --- */

static void cpu_get_info(const vt_device *device, vt_device_info *info) {
    const vt_cpu_device *cpu = (const vt_cpu_device *)device;
    *info = (vt_device_info){.name = "cpu",
                             .isa = cpu->kernels->isa,
                             .threads = cpu->threads,
                             .native_bf16 = cpu->native_bf16,
                             .library = cpu->library};
    snprintf(info->description, sizeof info->description, "%s", cpu->description);
}

static void cpu_close(vt_device *device) {
    vt_cpu_device *cpu = vt_cpu(device);
    vt_products_free(cpu);
    for (int i = 0; cpu->thread && i < cpu->threads; i++) {
        if (cpu->thread[i].stream) dnnl_stream_destroy(cpu->thread[i].stream);
        vt_cpu_give_back(cpu, cpu->thread[i].scratch, &device->memory.scratch);
        vt_cpu_give_back(cpu, cpu->thread[i].library, &device->memory.scratch);
    }
    if (cpu->engine) dnnl_engine_destroy(cpu->engine);
    vt_cpu_give_back(cpu, cpu->shared, &device->memory.scratch);
    free(cpu->thread);
    free(cpu);
}

static vt_status cpu_describe(const vt_device *device, vt_device **out);

static const vt_compute_ops cpu_ops = {
    .host_memory = 1,
    .allocate = cpu_allocate,
    .release = cpu_release,
    .upload = cpu_copy,
    .download = cpu_copy,
    .zero = cpu_zero,
    .linear_create = vt_cpu_linear_create,
    .linear_free = vt_cpu_linear_free,
    .linear_pack = vt_cpu_linear_pack,
    .linear_forward = vt_cpu_linear_forward,
    .linear_backward_input = vt_cpu_linear_backward_input,
    .linear_backward_weight = vt_cpu_linear_backward_weight,
    .layer_norm_forward = vt_cpu_layer_norm_forward,
    .layer_norm_backward = vt_cpu_layer_norm_backward,
    .attention_forward = vt_cpu_attention_forward,
    .attention_backward = vt_cpu_attention_backward,
    .copy_rows = vt_cpu_copy_rows,
    .dropout = vt_cpu_dropout,
    .extract_patches = vt_cpu_extract_patches,
    .embed_tokens_forward = vt_cpu_embed_tokens_forward,
    .embed_tokens_backward = vt_cpu_embed_tokens_backward,
    .head_forward = vt_cpu_head_forward,
    .head_backward = vt_cpu_head_backward,
    .loss = vt_cpu_loss,
    .grad_norm = vt_cpu_grad_norm,
    .optimizer_step = vt_cpu_optimizer_step,
    .measure_peak = vt_cpu_measure_peak,
    .describe = cpu_describe,
    .get_info = cpu_get_info,
    .close = cpu_close,
};

static vt_status open_library(vt_cpu_device *cpu) {
    const dnnl_version_t *version = dnnl_version();
    snprintf(cpu->library, sizeof cpu->library, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
    limit_library(cpu->kernels);
    cpu->native_bf16 = multiplies_bf16(cpu->kernels);
    if (dnnl_engine_create(&cpu->engine, dnnl_cpu, 0) != dnnl_success)
        return vt_fail(VT_ERROR_UNSUPPORTED, "%s cannot use this processor", cpu->library);
    for (int i = 0; i < cpu->threads; i++)
        if (dnnl_stream_create(&cpu->thread[i].stream, cpu->engine, dnnl_stream_default_flags) != dnnl_success)
            return vt_fail(VT_ERROR_MEMORY, "%s cannot open a stream", cpu->library);
    return VT_OK;
}

static vt_status open_with(const vt_kernels *kernels, int threads, vt_device **out) {
    vt_cpu_device *cpu = NULL;
    VT_TRY(vt_allocate(&cpu, 1, sizeof *cpu, "the device"));
    cpu->base.ops = &cpu_ops;
    cpu->kernels = kernels;
    cpu->attention = attention_kernels(kernels);
    cpu->threads = threads;
    describe_processor(cpu->description, sizeof cpu->description);
    vt_status status = vt_allocate(&cpu->thread, (size_t)cpu->threads, sizeof *cpu->thread, "the device's threads");
    if (status == VT_OK) status = open_library(cpu);
    if (status != VT_OK) {
        cpu_close(&cpu->base);
        return status;
    }
    *out = &cpu->base;
    return VT_OK;
}

vt_status vt_cpu_device_open(vt_device **out) {
    const vt_kernels *kernels = vt_cpu_kernels();
    return kernels ? open_with(kernels, count_threads(), out) : VT_ERROR_USAGE;
}

static vt_status cpu_describe(const vt_device *device, vt_device **out) {
    const vt_cpu_device *cpu = (const vt_cpu_device *)device;
    VT_TRY(open_with(cpu->kernels, cpu->threads, out));
    vt_cpu(*out)->describes = (*out)->rehearsing = 1;
    return VT_OK;
}
