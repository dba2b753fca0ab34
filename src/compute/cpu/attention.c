/* Attention: deals the heads of all images out to threads. */
#include "compute/cpu/cpu.h"
#include <omp.h>

/* Head `index` of batch * heads. */
static vt_attention_head make_head(const vt_cpu_device *device, vt_precision precision, const act *qkv, int64_t tokens,
                                   int64_t queries, int64_t heads, int64_t head_dim, const vt_dropout *dropout,
                                   const vt_dropout_plan *plan, int64_t index) {
    int64_t hidden = heads * head_dim, image = index / heads, head = index % heads;
    int64_t at = image * tokens * 3 * hidden + head * head_dim;
    return (vt_attention_head){.tokens = tokens,
                               .queries = queries,
                               .head_dim = head_dim,
                               .qkv_stride = 3 * hidden,
                               .out_stride = hidden,
                               .q = vt_act_at(precision, qkv, at),
                               .k = vt_act_at(precision, qkv, at + hidden),
                               .v = vt_act_at(precision, qkv, at + 2 * hidden),
                               .dropout = plan,
                               .sample = plan ? (uint64_t)(dropout->first_sample + image) : 0,
                               .head = (uint32_t)head,
                               .workspace = device->thread[omp_get_thread_num()].scratch};
}

static int64_t out_place(int64_t queries, int64_t heads, int64_t head_dim, int64_t index) {
    return (index / heads * queries * heads + index % heads) * head_dim;
}

static int drops(const vt_dropout *dropout) {
    return dropout && dropout->probability > 0.0f;
}

vt_status vt_cpu_attention_forward(vt_device *device, vt_precision precision, const act *qkv, int64_t batch, int64_t tokens,
                                   int64_t queries, int64_t heads, int64_t head_dim, const vt_dropout *dropout, act *out,
                                   float *log_sum_exp) {
    vt_cpu_device *cpu = vt_cpu(device);
    vt_dropout_plan plan = drops(dropout) ? vt_cpu_dropout_plan(dropout) : (vt_dropout_plan){0};
    VT_TRY(vt_cpu_reserve(cpu, cpu->attention->attention_workspace(precision, tokens, head_dim, 0)));
    if (device->rehearsing) return VT_OK;
#pragma omp parallel for schedule(dynamic) num_threads(cpu->threads)
    for (int64_t index = 0; index < batch * heads; index++) {
        vt_attention_head head =
            make_head(cpu, precision, qkv, tokens, queries, heads, head_dim, dropout, drops(dropout) ? &plan : NULL, index);
        head.out = vt_act_at(precision, out, out_place(queries, heads, head_dim, index));
        head.log_sum_exp = log_sum_exp + index * queries;
        cpu->attention->attention_forward(precision, &head);
    }
    return VT_OK;
}

vt_status vt_cpu_attention_backward(vt_device *device, vt_precision precision, const act *dout, const act *qkv, const act *out,
                                    const float *log_sum_exp, int64_t batch, int64_t tokens, int64_t queries, int64_t heads,
                                    int64_t head_dim, const vt_dropout *dropout, act *dqkv) {
    vt_cpu_device *cpu = vt_cpu(device);
    int64_t hidden = heads * head_dim;
    vt_dropout_plan plan = drops(dropout) ? vt_cpu_dropout_plan(dropout) : (vt_dropout_plan){0};
    VT_TRY(vt_cpu_reserve(cpu, cpu->attention->attention_workspace(precision, tokens, head_dim, 1)));
    if (device->rehearsing) return VT_OK;
#pragma omp parallel for schedule(dynamic) num_threads(cpu->threads)
    for (int64_t index = 0; index < batch * heads; index++) {
        vt_attention_head head =
            make_head(cpu, precision, qkv, tokens, queries, heads, head_dim, dropout, drops(dropout) ? &plan : NULL, index);
        int64_t at = out_place(queries, heads, head_dim, index);
        ptrdiff_t place = (const char *)head.q - (const char *)qkv;
        head.out = vt_act_at(precision, out, at);
        head.dout = vt_act_at(precision, dout, at);
        head.log_sum_exp = (float *)log_sum_exp + index * queries;
        head.dq = (char *)dqkv + place;
        head.dk = vt_act_at(precision, head.dq, hidden);
        head.dv = vt_act_at(precision, head.dq, 2 * hidden);
        cpu->attention->attention_backward(precision, &head);
    }
    return VT_OK;
}
