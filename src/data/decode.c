/* One thread reads encoded images, loose ones in the items' order and then archive by archive; worker threads decode,
 * resize and spool them. Between them stands a queue that is bounded in images and in bytes. */
#include "data/decode.h"

#include "base/file.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/archive.h"
#include "data/image.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUEUE_BYTES = 256 << 20, WAIT_MILLISECONDS = 100 };

typedef struct vt_job {
    int64_t sequence; /* in reading order */
    size_t item;
    uint8_t *data; /* NULL: a loose file, read by the worker */
    size_t size;
} vt_job;

typedef struct vt_decoder {
    const vt_decode_request *request;
    vt_spool *spool;
    vt_progress progress;
    char **sentences; /* [items]: why a bad image is bad */
    pthread_mutex_t mutex;
    pthread_cond_t job_added, job_done;
    vt_job *queue; /* ring [capacity] */
    int64_t capacity, head, queued, pushed, done;
    uint64_t queued_bytes;
    bool closed;
    int64_t failed_sequence; /* the earliest failure; jobs after it are dropped. INT64_MAX: none */
    vt_status failed_status;
    char *failed_sentence;
} vt_decoder;

static const vt_raw_file *file_of(const vt_decoder *decoder, size_t item) {
    const vt_source *source = decoder->request->source;
    return &source->files.items[source->items[item].file];
}

/* --- workers --- */

/* *bad: the failure is the image's own, not that of memory or of the disk written to. */
static vt_status decode(vt_decoder *decoder, const vt_job *job, bool *bad) {
    const vt_decode_request *request = decoder->request;
    const vt_raw_file *file = file_of(decoder, job->item);
    vt_image image = {0};
    char *name = NULL;
    uint8_t *loose = NULL;
    size_t size = job->size;
    vt_status status = VT_OK;
    if (file->container < 0) {
        VT_TRY_GOTO(vt_copy_string(file->path, &name));
        VT_TRY_GOTO(vt_read_file(file->path, VT_ENCODED_IMAGE_LIMIT, &loose, &size));
    } else {
        VT_TRY_GOTO(vt_format(&name, "%s: %s", request->source->files.containers[file->container].path, file->path));
    }
    VT_TRY_GOTO(vt_image_decode(loose ? loose : job->data, size, name, &image));
    vt_image resized = {0};
    VT_TRY_GOTO(vt_image_resize(&image, decoder->spool->width, decoder->spool->height, request->resample, &resized));
    vt_image_free(&image);
    image = resized;
done:
    free(loose);
    free(name);
    *bad = status != VT_OK && status != VT_ERROR_MEMORY;
    if (status == VT_OK) status = vt_spool_write(decoder->spool, job->item, image.channels, image.pixels);
    vt_image_free(&image);
    return status;
}

/* Notes a failure, whose `sentence` becomes the decoder's; the mutex is held. */
static void note_failure(vt_decoder *decoder, const vt_job *job, vt_status status, bool bad, char *sentence) {
    if (bad && decoder->request->bad_image == VT_BAD_IMAGE_SKIP && sentence) {
        decoder->sentences[job->item] = sentence;
        return;
    }
    if (job->sequence >= decoder->failed_sequence) {
        free(sentence);
        return;
    }
    free(decoder->failed_sentence);
    decoder->failed_sequence = job->sequence;
    decoder->failed_status = status;
    decoder->failed_sentence = sentence;
}

static void *work(void *argument) {
    vt_decoder *decoder = argument;
    pthread_mutex_lock(&decoder->mutex);
    for (;;) {
        while (decoder->queued == 0 && !decoder->closed) pthread_cond_wait(&decoder->job_added, &decoder->mutex);
        if (decoder->queued == 0) break;
        vt_job job = decoder->queue[decoder->head];
        decoder->head = (decoder->head + 1) % decoder->capacity;
        decoder->queued--;
        bool wanted = job.sequence < decoder->failed_sequence;
        pthread_mutex_unlock(&decoder->mutex);
        bool bad = false;
        vt_status status = wanted ? decode(decoder, &job, &bad) : VT_OK;
        char *sentence = NULL;
        if (status != VT_OK && vt_copy_string(vt_error_message(), &sentence) != VT_OK) sentence = NULL;
        free(job.data);
        pthread_mutex_lock(&decoder->mutex);
        if (status != VT_OK) note_failure(decoder, &job, status, bad, sentence);
        decoder->queued_bytes -= job.size;
        decoder->done++;
        pthread_cond_signal(&decoder->job_done);
    }
    pthread_mutex_unlock(&decoder->mutex);
    return NULL;
}

/* --- the reader --- */

/* Waits for a job to end, at most a moment, so that the bar moves and a stop is seen. The mutex is held. */
static void wait_a_moment(vt_decoder *decoder) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAIT_MILLISECONDS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&decoder->job_done, &decoder->mutex, &until);
    int64_t done = decoder->done;
    pthread_mutex_unlock(&decoder->mutex);
    vt_progress_update(&decoder->progress, done, NULL);
    pthread_mutex_lock(&decoder->mutex);
}

static vt_status fail_stopped(void) {
    return vt_fail(VT_ERROR_INTERRUPTED, "stopped while decoding images; nothing was written");
}

/* Hands an image to the workers; `data` (NULL for a loose file) becomes theirs. *more is false after a failure. */
static vt_status push(vt_decoder *decoder, size_t item, uint8_t *data, size_t size, bool *more) {
    pthread_mutex_lock(&decoder->mutex);
    while (
        (decoder->queued == decoder->capacity || (decoder->queued_bytes > 0 && decoder->queued_bytes + size > QUEUE_BYTES)) &&
        decoder->failed_sequence == INT64_MAX && !vt_stop_requested())
        wait_a_moment(decoder);
    bool stopped = vt_stop_requested();
    *more = decoder->failed_sequence == INT64_MAX && !stopped;
    if (*more) {
        decoder->queue[(decoder->head + decoder->queued) % decoder->capacity] =
            (vt_job){.sequence = decoder->pushed++, .item = item, .data = data, .size = size};
        decoder->queued++;
        decoder->queued_bytes += size;
        pthread_cond_signal(&decoder->job_added);
    } else {
        free(data);
    }
    int64_t done = decoder->done;
    pthread_mutex_unlock(&decoder->mutex);
    vt_progress_update(&decoder->progress, done, NULL);
    return stopped ? fail_stopped() : VT_OK;
}

static vt_status read_loose(vt_decoder *decoder, bool *more) {
    for (size_t i = 0; i < decoder->request->source->count && *more; i++)
        if (decoder->request->parts[i] != VT_PART_NONE && file_of(decoder, i)->container < 0)
            VT_TRY(push(decoder, i, NULL, 0, more));
    return VT_OK;
}

/* Pushes the wanted members of one archive, of which there are `wanted`. item_of [files]: -1 if not wanted. */
static vt_status read_archive(vt_decoder *decoder, int index, const int64_t *item_of, int64_t wanted, bool *more) {
    const vt_files *files = &decoder->request->source->files;
    vt_archive *archive = NULL;
    vt_archive_member member;
    vt_status status = VT_OK;
    VT_TRY(vt_archive_open(files->containers[index].path, &archive));
    while (wanted > 0 && *more) {
        uint8_t *data;
        size_t size;
        VT_TRY_GOTO(vt_archive_next(archive, &member));
        if (!member.path) {
            status = vt_fail(VT_ERROR_INPUT, "%s: changed while it was being read", files->containers[index].path);
            break;
        }
        int64_t file = vt_files_find(files, vt_basename(member.path));
        if (file < 0 || files->items[file].container != index || item_of[file] < 0) continue;
        VT_TRY_GOTO(vt_archive_read(archive, &data, &size));
        VT_TRY_GOTO(push(decoder, (size_t)item_of[file], data, size, more));
        wanted--;
    }
done:
    vt_archive_close(archive);
    return status;
}

static vt_status read_archives(vt_decoder *decoder, bool *more) {
    const vt_source *source = decoder->request->source;
    int64_t *item_of = NULL, *wanted = NULL;
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_allocate(&item_of, source->files.count, sizeof *item_of, "the order of images"));
    VT_TRY_GOTO(vt_allocate(&wanted, source->files.container_count, sizeof *wanted, "the order of images"));
    for (size_t i = 0; i < source->files.count; i++) item_of[i] = -1;
    for (size_t i = 0; i < source->count; i++) {
        if (decoder->request->parts[i] == VT_PART_NONE || file_of(decoder, i)->container < 0) continue;
        item_of[source->items[i].file] = (int64_t)i;
        wanted[file_of(decoder, i)->container]++;
    }
    for (size_t i = 0; i < source->files.container_count && *more; i++)
        if (wanted[i] > 0) VT_TRY_GOTO(read_archive(decoder, (int)i, item_of, wanted[i], more));
done:
    free(item_of);
    free(wanted);
    return status;
}

/* Reads everything, then waits until the workers are done with it or have failed. */
static vt_status read_all(vt_decoder *decoder) {
    bool more = true;
    vt_status status = read_loose(decoder, &more);
    if (status == VT_OK && more) status = read_archives(decoder, &more);
    char *sentence = NULL;
    if (status != VT_OK && vt_copy_string(vt_error_message(), &sentence) != VT_OK) sentence = NULL;
    pthread_mutex_lock(&decoder->mutex);
    while (decoder->done < decoder->pushed) {
        if (vt_stop_requested()) {
            decoder->failed_sequence = -1; /* drops every job that waits */
            status = VT_ERROR_INTERRUPTED;
        }
        wait_a_moment(decoder);
    }
    pthread_mutex_unlock(&decoder->mutex);
    if (status == VT_ERROR_INTERRUPTED) {
        status = fail_stopped();
    } else if (decoder->failed_sentence) { /* an image read before the archive broke comes first */
        status = vt_fail(decoder->failed_status, "%s", decoder->failed_sentence);
    } else if (decoder->failed_status != VT_OK) {
        status = vt_fail(decoder->failed_status, "out of memory while decoding images");
    } else if (status != VT_OK) {
        status = vt_fail(status, "%s", sentence ? sentence : "reading images failed");
    }
    free(sentence);
    return status;
}

static vt_status run(vt_decoder *decoder) {
    pthread_t *threads = NULL;
    int started = 0, wanted = decoder->request->threads;
    vt_status status = VT_OK;
    VT_TRY(vt_allocate(&threads, (size_t)wanted, sizeof *threads, "the decoding threads"));
    while (started < wanted && pthread_create(&threads[started], NULL, work, decoder) == 0) started++;
    status = started > 0 ? read_all(decoder) : vt_fail(VT_ERROR_MEMORY, "cannot start a thread to decode images");
    pthread_mutex_lock(&decoder->mutex);
    decoder->closed = true;
    pthread_cond_broadcast(&decoder->job_added);
    pthread_mutex_unlock(&decoder->mutex);
    for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
    free(threads);
    return status;
}

static void report_bad_images(const vt_decoder *decoder, const vt_console *console) {
    size_t count = 0;
    for (size_t i = 0; i < decoder->request->source->count; i++) {
        if (!decoder->sentences[i]) continue;
        vt_warn(console, "%s; skipped", decoder->sentences[i]);
        count++;
    }
    if (count > 0) vt_warn(console, "%zu bad images were skipped", count);
}

vt_status vt_decode_images(const vt_decode_request *request, vt_spool *spool, const vt_console *console) {
    size_t count = request->source->count;
    vt_decoder decoder = {
        .request = request, .spool = spool, .failed_sequence = INT64_MAX, .capacity = 2 * (int64_t)request->threads};
    int64_t total = 0;
    for (size_t i = 0; i < count; i++) total += request->parts[i] != VT_PART_NONE;
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_allocate(&decoder.sentences, count, sizeof *decoder.sentences, "the list of bad images"));
    VT_TRY_GOTO(vt_allocate(&decoder.queue, (size_t)decoder.capacity, sizeof *decoder.queue, "the queue of images"));
    pthread_mutex_init(&decoder.mutex, NULL);
    pthread_cond_init(&decoder.job_added, NULL);
    pthread_cond_init(&decoder.job_done, NULL);
    vt_progress_begin(&decoder.progress, console, "Preparing", "images", 0, total);
    status = run(&decoder);
    vt_progress_end(&decoder.progress);
    if (status == VT_OK) report_bad_images(&decoder, console);
    pthread_mutex_destroy(&decoder.mutex);
    pthread_cond_destroy(&decoder.job_added);
    pthread_cond_destroy(&decoder.job_done);
done:
    for (size_t i = 0; decoder.sentences && i < count; i++) free(decoder.sentences[i]);
    free(decoder.sentences);
    free(decoder.queue);
    free(decoder.failed_sentence);
    return status;
}
