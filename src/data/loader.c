/* Assembles batches from the mapped data set. Batch number n is a pure function of the options and n, so it may be made
 * by any worker at any time: a ring of slots holds the next few, in order, and each worker fills the next free one. */
#include "data/loader.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { WORKER_LIMIT = 256, ORDERS_KEPT = 2 };

/* The order of one epoch. Batches in work span two epochs at most, unless epochs are shorter than the ring. */
typedef struct vt_order {
    int64_t epoch;    /* -1: none */
    int64_t users;    /* workers that copy from it */
    int64_t *indices; /* [split size] */
} vt_order;

typedef struct vt_slot {
    vt_batch batch;
    uint8_t *pixels;  /* [batch_size, height, width, channels] */
    float *labels;    /* [batch_size, num_labels] */
    int64_t *indices; /* [batch_size] */
    bool ready;
} vt_slot;

struct vt_loader {
    vt_loader_options options;
    const vt_split *split;
    size_t pixel_count, label_count; /* of one sample */
    int64_t epoch_size;              /* samples delivered of each epoch */
    int64_t batches_per_epoch;
    int64_t end;    /* batches in all, counted from epoch 0; INT64_MAX: without end */
    int64_t next;   /* to be delivered, counted from epoch 0 */
    int64_t taken;  /* to be assembled next */
    bool delivered; /* batch next - 1 is in the caller's hands */
    bool closing;
    double wait_seconds;
    vt_slot *slots; /* ring [slot_count]: batch n is in slot n % slot_count */
    int slot_count;
    vt_order orders[ORDERS_KEPT];
    pthread_t *threads;
    int thread_count;
    pthread_mutex_t mutex;
    pthread_cond_t slot_freed, slot_ready, order_freed;
};

/* --- assembling --- */

/* The order of `epoch`, made if need be, for one more user; the mutex is held. */
static vt_order *acquire_order(vt_loader *loader, int64_t epoch) {
    for (;;) {
        vt_order *free_order = NULL;
        for (int i = 0; i < ORDERS_KEPT; i++) {
            vt_order *candidate = &loader->orders[i];
            if (candidate->epoch == epoch) {
                candidate->users++;
                return candidate;
            }
            if (candidate->users == 0 && (!free_order || candidate->epoch < free_order->epoch)) free_order = candidate;
        }
        if (!free_order) {
            pthread_cond_wait(&loader->order_freed, &loader->mutex);
            continue;
        }
        int64_t size = vt_split_size(loader->split);
        free_order->epoch = epoch;
        free_order->users = 1;
        if (loader->options.shuffle)
            vt_random_permutation(loader->options.seed, VT_PURPOSE_SHUFFLE, (uint32_t)epoch, size, free_order->indices);
        else
            for (int64_t i = 0; i < size; i++) free_order->indices[i] = i;
        return free_order;
    }
}

/* Fills a slot with batch `number`. */
static void assemble(vt_loader *loader, int64_t number, const vt_order *order, vt_slot *slot) {
    int64_t first = number % loader->batches_per_epoch * loader->options.batch_size;
    int64_t left = loader->epoch_size - first;
    int64_t size = left < loader->options.batch_size ? left : loader->options.batch_size;
    for (int64_t i = 0; i < size; i++) {
        int64_t index = order->indices[first + i];
        vt_example example = vt_split_get(loader->split, index);
        slot->indices[i] = index;
        memcpy(slot->pixels + (size_t)i * loader->pixel_count, example.pixels, loader->pixel_count);
        memcpy(slot->labels + (size_t)i * loader->label_count, example.labels, loader->label_count * sizeof *slot->labels);
    }
    slot->batch = (vt_batch){.size = size,
                             .epoch = number / loader->batches_per_epoch,
                             .first = first,
                             .pixels = slot->pixels,
                             .labels = slot->labels,
                             .indices = slot->indices};
}

/* Assembles the batch that is next in line; the mutex is held on entry and exit, not during the copying. */
static void assemble_next(vt_loader *loader) {
    int64_t number = loader->taken++;
    vt_slot *slot = &loader->slots[number % loader->slot_count];
    vt_order *order = acquire_order(loader, number / loader->batches_per_epoch);
    pthread_mutex_unlock(&loader->mutex);
    assemble(loader, number, order, slot);
    pthread_mutex_lock(&loader->mutex);
    order->users--;
    slot->ready = true;
    pthread_cond_broadcast(&loader->order_freed);
    pthread_cond_broadcast(&loader->slot_ready);
}

/* Whether the slot of the next batch to assemble is free: neither waiting for the caller nor in the caller's hands. */
static bool can_assemble(const vt_loader *loader) {
    int64_t oldest = loader->delivered ? loader->next - 1 : loader->next;
    return loader->taken < loader->end && loader->taken - oldest < loader->slot_count;
}

static void *work(void *argument) {
    vt_loader *loader = argument;
    pthread_mutex_lock(&loader->mutex);
    while (!loader->closing) {
        if (can_assemble(loader))
            assemble_next(loader);
        else
            pthread_cond_wait(&loader->slot_freed, &loader->mutex);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

/* --- creating --- */

static vt_status check_options(const vt_split *split, const vt_loader_options *options) {
    int64_t size = vt_split_size(split);
    if (options->batch_size < 1 || options->batch_size > INT32_MAX)
        return vt_fail(VT_ERROR_USAGE, "batch size %lld; expected at least 1", (long long)options->batch_size);
    if (options->epoch_size < 0 || options->epoch_size > size)
        return vt_fail(VT_ERROR_USAGE, "epochs of %lld samples; expected at most the %lld of the split '%s'",
                       (long long)options->epoch_size, (long long)size, vt_split_name(split));
    if (options->workers < 0 || options->workers > WORKER_LIMIT)
        return vt_fail(VT_ERROR_USAGE, "%d loader workers; expected 0 to %d", options->workers, WORKER_LIMIT);
    if (options->epochs < 0 || options->first_epoch < 0 || options->first_epoch > UINT32_MAX)
        return vt_fail(VT_ERROR_USAGE, "epochs %lld from %lld; expected numbers from 0", (long long)options->epochs,
                       (long long)options->first_epoch);
    int64_t epoch_size = options->epoch_size ? options->epoch_size : size;
    if (options->first_sample < 0 || options->first_sample > epoch_size ||
        (options->first_sample % options->batch_size != 0 && options->first_sample != epoch_size))
        return vt_fail(VT_ERROR_USAGE,
                       "first sample %lld; expected a multiple of the batch size %lld within the epoch's %lld samples",
                       (long long)options->first_sample, (long long)options->batch_size, (long long)epoch_size);
    return VT_OK;
}

static vt_status allocate_slots(vt_loader *loader) {
    int64_t largest = loader->options.batch_size < loader->epoch_size ? loader->options.batch_size : loader->epoch_size;
    loader->slot_count = loader->options.workers + 2; /* one with the caller, one ready, the others in work */
    VT_TRY(vt_allocate(&loader->slots, (size_t)loader->slot_count, sizeof *loader->slots, "the loader's batches"));
    for (int i = 0; i < loader->slot_count; i++) {
        vt_slot *slot = &loader->slots[i];
        VT_TRY(vt_allocate_aligned(&slot->pixels, (size_t)largest, loader->pixel_count, "a batch of images"));
        VT_TRY(vt_allocate_aligned(&slot->labels, (size_t)largest, loader->label_count * sizeof(float), "a batch of labels"));
        VT_TRY(vt_allocate(&slot->indices, (size_t)largest, sizeof *slot->indices, "a batch's indices"));
    }
    for (int i = 0; i < ORDERS_KEPT; i++) {
        loader->orders[i].epoch = -1;
        VT_TRY(
            vt_allocate(&loader->orders[i].indices, (size_t)vt_split_size(loader->split), sizeof(int64_t), "an epoch's order"));
    }
    return VT_OK;
}

static vt_status start_workers(vt_loader *loader) {
    VT_TRY(vt_allocate(&loader->threads, (size_t)loader->options.workers, sizeof *loader->threads, "the loader's threads"));
    while (loader->thread_count < loader->options.workers) {
        if (pthread_create(&loader->threads[loader->thread_count], NULL, work, loader) != 0)
            return vt_fail(VT_ERROR_MEMORY, "cannot start loader worker %d of %d", loader->thread_count + 1,
                           loader->options.workers);
        loader->thread_count++;
    }
    return VT_OK;
}

vt_status vt_loader_create(const vt_dataset *dataset, const vt_split *split, const vt_loader_options *options,
                           vt_loader **out) {
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    vt_loader *loader = NULL;
    *out = NULL;
    VT_TRY(check_options(split, options));
    VT_TRY(vt_allocate(&loader, 1, sizeof *loader, "a loader"));
    loader->options = *options;
    loader->split = split;
    loader->pixel_count = (size_t)info->height * (size_t)info->width * (size_t)info->channels;
    loader->label_count = (size_t)info->num_labels;
    loader->epoch_size = options->epoch_size ? options->epoch_size : vt_split_size(split);
    loader->batches_per_epoch = (loader->epoch_size + options->batch_size - 1) / options->batch_size;
    if (options->epochs == 0 || options->epochs > INT64_MAX / loader->batches_per_epoch)
        loader->end = INT64_MAX;
    else
        loader->end = options->epochs * loader->batches_per_epoch;
    int64_t skipped = (options->first_sample + options->batch_size - 1) / options->batch_size;
    loader->next = loader->taken = options->first_epoch * loader->batches_per_epoch + skipped;
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->slot_freed, NULL);
    pthread_cond_init(&loader->slot_ready, NULL);
    pthread_cond_init(&loader->order_freed, NULL);
    vt_status status = allocate_slots(loader);
    if (status == VT_OK) status = start_workers(loader);
    if (status != VT_OK) {
        vt_loader_free(loader);
        return status;
    }
    *out = loader;
    return VT_OK;
}

void vt_loader_free(vt_loader *loader) {
    if (!loader) return;
    pthread_mutex_lock(&loader->mutex);
    loader->closing = true;
    pthread_cond_broadcast(&loader->slot_freed);
    pthread_mutex_unlock(&loader->mutex);
    for (int i = 0; i < loader->thread_count; i++) pthread_join(loader->threads[i], NULL);
    for (int i = 0; loader->slots && i < loader->slot_count; i++) {
        free(loader->slots[i].pixels);
        free(loader->slots[i].labels);
        free(loader->slots[i].indices);
    }
    for (int i = 0; i < ORDERS_KEPT; i++) free(loader->orders[i].indices);
    pthread_mutex_destroy(&loader->mutex);
    pthread_cond_destroy(&loader->slot_freed);
    pthread_cond_destroy(&loader->slot_ready);
    pthread_cond_destroy(&loader->order_freed);
    free(loader->slots);
    free(loader->threads);
    free(loader);
}

/* --- delivering --- */

vt_status vt_loader_next(vt_loader *loader, vt_batch *batch) {
    double start = vt_now();
    *batch = (vt_batch){0};
    pthread_mutex_lock(&loader->mutex);
    loader->delivered = false; /* the batch before is given back */
    pthread_cond_broadcast(&loader->slot_freed);
    if (loader->next < loader->end) {
        vt_slot *slot = &loader->slots[loader->next % loader->slot_count];
        if (loader->thread_count == 0) assemble_next(loader);
        while (!slot->ready) pthread_cond_wait(&loader->slot_ready, &loader->mutex);
        slot->ready = false;
        loader->delivered = true;
        loader->next++;
        *batch = slot->batch;
    }
    pthread_mutex_unlock(&loader->mutex);
    loader->wait_seconds += vt_now() - start;
    return VT_OK;
}

double vt_loader_wait_seconds(const vt_loader *loader) {
    return loader->wait_seconds;
}
