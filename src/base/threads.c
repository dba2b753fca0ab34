/* Threads for I/O and decoding: how many there may be, and a parallel loop whose failure does not depend on timing. */
#define _GNU_SOURCE
#include "base/threads.h"
#include "base/memory.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double vt_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Cores in this process's affinity mask. */
static int affinity_count(void) {
    for (int cpus = 1024; cpus <= 1 << 18; cpus *= 2) { /* the kernel refuses a mask shorter than its own */
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        if (!set) break;
        size_t size = CPU_ALLOC_SIZE((size_t)cpus);
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0) return count;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

/* Whole cores granted by <folder>/cpu.max ("quota period" or "max period"), or `count` if that is fewer. */
static int apply_quota(const char *folder, int count) {
    char path[4200];
    long long quota, period;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    FILE *file = fopen(path, "re");
    if (!file) return count;
    int fields = fscanf(file, "%lld %lld", &quota, &period);
    fclose(file);
    if (fields != 2 || quota <= 0 || period <= 0) return count;
    long long cores = quota / period + (quota % period != 0);
    return cores < count ? (int)cores : count;
}

/* The tightest quota on the way from this process's cgroup (version 2) up to the root. */
static int apply_quotas(int count) {
    char line[4096], folder[4160];
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file) return count;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "0::/", 4) != 0) continue;
        line[strcspn(line, "\n")] = '\0';
        size_t root = (size_t)snprintf(folder, sizeof folder, "/sys/fs/cgroup");
        snprintf(folder + root, sizeof folder - root, "%s", line + 3);
        for (char *end = folder + strlen(folder); end && (size_t)(end - folder) >= root; end = strrchr(folder, '/')) {
            *end = '\0';
            count = apply_quota(folder, count);
        }
    }
    fclose(file);
    return count;
}

int vt_core_count(void) {
    return apply_quotas(affinity_count());
}

/* --- the parallel loop --- */

typedef struct loop {
    vt_task task;
    void *context;
    int64_t count, next;
    pthread_mutex_t mutex; /* guards next and the failure */
    int64_t failed_index;  /* -1: none */
    vt_status status;
    char *message;
} loop;

/* Indices are handed out in order, so when one fails all lower ones have started and will report, too. */
static bool take(loop *l, int64_t *index) {
    pthread_mutex_lock(&l->mutex);
    bool more = l->failed_index < 0 && l->next < l->count;
    if (more) *index = l->next++;
    pthread_mutex_unlock(&l->mutex);
    return more;
}

static void note_failure(loop *l, int64_t index, vt_status status) {
    char *message = strdup(vt_error_message());
    pthread_mutex_lock(&l->mutex);
    if (l->failed_index < 0 || index < l->failed_index) {
        char *replaced = l->message;
        l->failed_index = index;
        l->status = status;
        l->message = message;
        message = replaced;
    }
    pthread_mutex_unlock(&l->mutex);
    free(message);
}

static void *work(void *argument) {
    loop *l = argument;
    int64_t index;
    while (take(l, &index)) {
        vt_status status = l->task(l->context, index);
        if (status != VT_OK) note_failure(l, index, status);
    }
    return NULL;
}

vt_status vt_parallel_for(int threads, int64_t count, vt_task task, void *context) {
    loop l = {.task = task, .context = context, .count = count, .failed_index = -1};
    if (threads <= 0) threads = vt_core_count();
    if (threads > count) threads = count > 0 ? (int)count : 1;
    pthread_t *workers;
    VT_TRY(vt_allocate(&workers, (size_t)threads, sizeof *workers, "threads"));
    pthread_mutex_init(&l.mutex, NULL);
    int started = 0; /* the caller's own thread is the last worker; fewer threads than asked for change no result */
    while (started < threads - 1 && pthread_create(&workers[started], NULL, work, &l) == 0) started++;
    work(&l);
    for (int i = 0; i < started; i++) pthread_join(workers[i], NULL);
    pthread_mutex_destroy(&l.mutex);
    free(workers);
    if (l.failed_index < 0) return VT_OK;
    vt_status status = vt_fail(l.status, "%s", l.message ? l.message : "out of memory");
    free(l.message);
    return status;
}
