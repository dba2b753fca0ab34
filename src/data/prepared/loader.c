/* Assembles batches from the mapped data set. Batch number n is a pure function of the options and n, so it may be made
 * by any worker at any time: a ring of slots holds the next few, in order, and each worker fills the next free one.
 *
 * What augmentation calls a sample is an image seen once in an epoch: by its index in the split where each comes once, by its
 * position in the epoch where images are drawn with replacement, so that one drawn twice is augmented twice. */
#include "data/prepared/loader.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "data/augment/augment.h"
#include "data/prepared/prepared.h"
#include "data/prepared/sampler.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { WORKER_LIMIT = 256, ORDERS_KEPT = 2, CHOSEN_WORKERS_LIMIT = 8 };

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

/* A thread that assembles, or the caller's. */
typedef struct vt_worker {
    vt_loader *loader;
    pthread_t thread;
    uint8_t *scratch; /* of augmentation */
    uint8_t *partner; /* [height, width, channels]: the image that another is mixed with */
} vt_worker;

struct vt_loader {
    vt_loader_options options; /* `augment` is only of the creation */
    const vt_split *split;
    vt_augmentation *augmentation;
    vt_balanced_sampler balanced; /* of VT_SAMPLER_BALANCED */
    bool with_replacement;
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
    vt_worker *workers; /* [worker_count]: options.workers, or one for the caller */
    int worker_count;
    int thread_count; /* started */
    pthread_mutex_t mutex;
    pthread_cond_t slot_freed, slot_ready, order_freed;
};

/* --- assembling --- */

static void fill_order(const vt_loader *loader, int64_t epoch, int64_t *indices) {
    const int64_t size = vt_split_size(loader->split);
    if (loader->with_replacement)
        for (int64_t i = 0; i < size; i++)
            indices[i] = vt_balanced_sampler_draw(&loader->balanced, loader->options.seed, epoch, i);
    else if (loader->options.shuffle)
        vt_random_permutation(loader->options.seed, VT_PURPOSE_SHUFFLE, (uint32_t)epoch, size, indices);
    else
        for (int64_t i = 0; i < size; i++) indices[i] = i;
}

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
        free_order->epoch = epoch;
        free_order->users = 1;
        fill_order(loader, epoch, free_order->indices);
        return free_order;
    }
}

/* The image that is sample `sample` of the order's epoch. */
static int64_t image_of(const vt_loader *loader, const vt_order *order, int64_t sample) {
    return loader->with_replacement ? order->indices[sample] : sample;
}

/* A sample of the order's epoch, augmented but not mixed -> pixels [height, width, channels]; returns its labels. */
static const float *see(const vt_worker *worker, const vt_order *order, int64_t sample, uint8_t *pixels) {
    const vt_loader *loader = worker->loader;
    vt_example example = vt_split_get(loader->split, image_of(loader, order, sample));
    vt_augmentation_apply(loader->augmentation, loader->options.seed, order->epoch, sample, example.pixels, worker->scratch,
                          pixels);
    return example.labels;
}

/* The sample at `position` of the order -> pixels [height, width, channels], labels [num_labels]. */
static void assemble_sample(const vt_worker *worker, const vt_order *order, int64_t position, uint8_t *pixels, float *labels) {
    const vt_loader *loader = worker->loader;
    const int64_t sample = loader->with_replacement ? position : order->indices[position];
    vt_mix mix;
    vt_augmentation_mix(loader->augmentation, loader->options.seed, order->epoch, sample, vt_split_size(loader->split), &mix);
    if (mix.partner >= 0) vt_split_prefetch(loader->split, image_of(loader, order, mix.partner));
    memcpy(labels, see(worker, order, sample, pixels), loader->label_count * sizeof *labels);
    if (mix.partner < 0) return;
    const float *partner_labels = see(worker, order, mix.partner, worker->partner);
    vt_mix_pixels(loader->augmentation, &mix, worker->partner, pixels);
    vt_mix_labels(&mix, partner_labels, (int)loader->label_count, labels);
}

/* Fills a slot with batch `number`. */
static void assemble(const vt_worker *worker, int64_t number, const vt_order *order, vt_slot *slot) {
    const vt_loader *loader = worker->loader;
    int64_t first = number % loader->batches_per_epoch * loader->options.batch_size;
    int64_t left = loader->epoch_size - first;
    int64_t size = left < loader->options.batch_size ? left : loader->options.batch_size;
    for (int64_t i = 0; i < size; i++) vt_split_prefetch(loader->split, order->indices[first + i]);
    for (int64_t i = 0; i < size; i++) {
        slot->indices[i] = order->indices[first + i];
        assemble_sample(worker, order, first + i, slot->pixels + (size_t)i * loader->pixel_count,
                        slot->labels + (size_t)i * loader->label_count);
    }
    slot->batch = (vt_batch){.size = size,
                             .epoch = number / loader->batches_per_epoch,
                             .first = first,
                             .pixels = slot->pixels,
                             .labels = slot->labels,
                             .indices = slot->indices};
}

/* Assembles the batch that is next in line; the mutex is held on entry and exit, not during the work. */
static void assemble_next(const vt_worker *worker) {
    vt_loader *loader = worker->loader;
    int64_t number = loader->taken++;
    vt_slot *slot = &loader->slots[number % loader->slot_count];
    vt_order *order = acquire_order(loader, number / loader->batches_per_epoch);
    pthread_mutex_unlock(&loader->mutex);
    assemble(worker, number, order, slot);
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
    const vt_worker *worker = argument;
    vt_loader *loader = worker->loader;
    pthread_mutex_lock(&loader->mutex);
    while (!loader->closing) {
        if (can_assemble(loader))
            assemble_next(worker);
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
    if (options->workers < -1 || options->workers > WORKER_LIMIT)
        return vt_fail(VT_ERROR_USAGE, "%d loader workers; expected 0 to %d, or -1", options->workers, WORKER_LIMIT);
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

/* One worker hides the reading of the file. Augmenting and resizing take about a tenth of the time that a small model trains
 * for on as many cores, so a quarter of the cores is more than enough. */
static int choose_workers(const vt_dataset_info *info, const char *augment) {
    bool copies = (!augment || !*augment) && info->stored_height == info->height && info->stored_width == info->width;
    int count = copies ? 1 : vt_core_count() / 4;
    return count < 1 ? 1 : count > CHOSEN_WORKERS_LIMIT ? CHOSEN_WORKERS_LIMIT : count;
}

static vt_status allocate_workers(vt_loader *loader) {
    int count = loader->options.workers > 0 ? loader->options.workers : 1;
    size_t scratch = vt_augmentation_scratch(loader->augmentation);
    VT_TRY(vt_allocate(&loader->workers, (size_t)count, sizeof *loader->workers, "the loader's threads"));
    for (; loader->worker_count < count; loader->worker_count++) {
        vt_worker *worker = &loader->workers[loader->worker_count];
        worker->loader = loader;
        VT_TRY(vt_allocate_aligned(&worker->scratch, scratch, 1, "room for augmentation"));
        vt_status status = vt_allocate_aligned(&worker->partner, loader->pixel_count, 1, "room for augmentation");
        if (status != VT_OK) free(worker->scratch);
        VT_TRY(status);
    }
    return VT_OK;
}

static vt_status start_workers(vt_loader *loader) {
    while (loader->thread_count < loader->options.workers) {
        vt_worker *worker = &loader->workers[loader->thread_count];
        if (pthread_create(&worker->thread, NULL, work, worker) != 0)
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
    loader->options.augment = NULL;
    if (options->workers < 0) loader->options.workers = choose_workers(info, options->augment);
    loader->split = split;
    loader->with_replacement = options->shuffle && options->sampler == VT_SAMPLER_BALANCED;
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
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_augmentation_create(options->augment, info, &loader->augmentation));
    if (loader->with_replacement) VT_TRY_GOTO(vt_balanced_sampler_make(split, info->num_labels, &loader->balanced));
    VT_TRY_GOTO(allocate_slots(loader));
    VT_TRY_GOTO(allocate_workers(loader));
    VT_TRY_GOTO(start_workers(loader));
    *out = loader;
    return VT_OK;
done:
    vt_loader_free(loader);
    return status;
}

void vt_loader_free(vt_loader *loader) {
    if (!loader) return;
    pthread_mutex_lock(&loader->mutex);
    loader->closing = true;
    pthread_cond_broadcast(&loader->slot_freed);
    pthread_mutex_unlock(&loader->mutex);
    for (int i = 0; i < loader->thread_count; i++) pthread_join(loader->workers[i].thread, NULL);
    for (int i = 0; loader->slots && i < loader->slot_count; i++) {
        free(loader->slots[i].pixels);
        free(loader->slots[i].labels);
        free(loader->slots[i].indices);
    }
    for (int i = 0; i < loader->worker_count; i++) {
        free(loader->workers[i].scratch);
        free(loader->workers[i].partner);
    }
    for (int i = 0; i < ORDERS_KEPT; i++) free(loader->orders[i].indices);
    pthread_mutex_destroy(&loader->mutex);
    pthread_cond_destroy(&loader->slot_freed);
    pthread_cond_destroy(&loader->slot_ready);
    pthread_cond_destroy(&loader->order_freed);
    vt_balanced_sampler_free(&loader->balanced);
    vt_augmentation_free(loader->augmentation);
    free(loader->slots);
    free(loader->workers);
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
        if (loader->thread_count == 0) assemble_next(&loader->workers[0]);
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
