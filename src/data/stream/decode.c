/* The pass over a raw data set: worker threads take images from the supply, decode them and hand them to the sink, while the
 * caller's thread draws the bar, looks for a request to stop, and lets the caller save what is done. */
#include "data/stream/decode.h"

#include "base/file.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/stream/archive.h"
#include "data/stream/supply.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WAIT_MILLISECONDS = 100, ESTIMATE_IMAGES = 16 };
static const double ESTIMATE_SECONDS = 0.1;

typedef struct vt_decoder {
    const vt_decode_request *request;
    vt_supply *supply;
    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t ended;  /* a worker has */
    int running;
    int64_t decoded;
    char **sentences;    /* [items]: why a bad image is bad */
    int64_t failed_item; /* -1: the failure was none of an image */
    vt_status failed;    /* VT_OK: nothing has */
    char *sentence;      /* of the failure; NULL: there was no memory for it */
} vt_decoder;

/* --- one image --- */

static vt_status read_encoded(const vt_encoded *encoded, const void *data, size_t size, vt_intensity intensity, vt_image *image,
                              vt_image_facts *facts) {
    if (!data) return vt_fail(VT_ERROR_INPUT, "%s: there is no image", encoded->place);
    return vt_image_read(data, size, encoded->place, intensity, image, facts);
}

/* *image = what was taken, decoded; its encoded bytes are freed. */
static vt_status decode(vt_encoded *encoded, vt_intensity intensity, vt_image *image, vt_image_facts *facts) {
    vt_stream_image *from = &encoded->image;
    if (from->problem) return vt_fail(VT_ERROR_INPUT, "%s", from->problem);
    if (from->image.pixels) { /* decoded already, as in an array */
        *image = from->image;
        *facts = (vt_image_facts){.depth = 8, .channels = image->channels};
        from->image = (vt_image){0};
        return VT_OK;
    }
    if (!from->data && from->file) VT_TRY(vt_read_file(from->file, VT_ENCODED_IMAGE_LIMIT, &from->data, &from->size));
    vt_status status = read_encoded(encoded, from->data, from->size, intensity, image, facts);
    free(from->data);
    from->data = NULL;
    return status;
}

/* Notes a failure; the one that is reported is that of the first item, or one that is no item's. */
static void note_failure(vt_decoder *decoder, int64_t item, vt_status status) {
    char *sentence = NULL;
    if (vt_copy_string(vt_error_message(), &sentence) != VT_OK) sentence = NULL;
    pthread_mutex_lock(&decoder->mutex);
    if (decoder->failed == VT_OK || item < decoder->failed_item) {
        char *replaced = decoder->sentence;
        decoder->failed_item = item;
        decoder->failed = status;
        decoder->sentence = sentence;
        sentence = replaced;
    }
    pthread_mutex_unlock(&decoder->mutex);
    free(sentence);
    vt_supply_end(decoder->supply);
}

/* Notes a bad image: a failure of its own, not of memory. */
static void note_bad(vt_decoder *decoder, size_t item, vt_status status) {
    char *sentence = NULL;
    if (vt_copy_string(vt_error_message(), &sentence) != VT_OK || decoder->request->bad_image == VT_BAD_IMAGE_FAIL) {
        if (sentence) status = vt_fail(status, "%s; --on-bad-image skip would pass over it", sentence);
        note_failure(decoder, (int64_t)item, status);
        free(sentence);
        return;
    }
    pthread_mutex_lock(&decoder->mutex);
    decoder->sentences[item] = sentence;
    pthread_mutex_unlock(&decoder->mutex);
}

static void process(vt_decoder *decoder, vt_encoded *encoded) {
    const vt_decode_request *request = decoder->request;
    vt_image image = {0};
    bool pointed_to = encoded->container != VT_LOOSE && encoded->image.file;
    vt_decoded decoded = {.item = encoded->item,
                          .container = pointed_to ? VT_POINTED_TO : encoded->container,
                          .place = encoded->place,
                          .image = &image};
    vt_status status = decode(encoded, request->intensity, &image, &decoded.facts);
    bool bad = status != VT_OK && status != VT_ERROR_MEMORY;
    if (bad)
        note_bad(decoder, encoded->item, status);
    else if (status == VT_OK)
        status = request->sink(request->context, &decoded);
    if (status != VT_OK && !bad) note_failure(decoder, -1, status);
    vt_image_free(&image);
    if (status == VT_OK) {
        pthread_mutex_lock(&decoder->mutex);
        decoder->decoded++;
        pthread_mutex_unlock(&decoder->mutex);
    }
    status = vt_supply_give_back(decoder->supply, encoded, status != VT_OK || pointed_to);
    if (status != VT_OK) note_failure(decoder, -1, status);
}

static void *work(void *argument) {
    vt_decoder *decoder = argument;
    for (;;) {
        vt_encoded encoded;
        bool more;
        vt_status status = vt_supply_take(decoder->supply, &encoded, &more);
        if (status != VT_OK) note_failure(decoder, -1, status);
        if (status != VT_OK || !more) break;
        process(decoder, &encoded);
    }
    pthread_mutex_lock(&decoder->mutex);
    decoder->running--;
    pthread_cond_signal(&decoder->ended);
    pthread_mutex_unlock(&decoder->mutex);
    return NULL;
}

/* --- the caller's thread --- */

static void pulse(vt_decoder *decoder) {
    const vt_decode_request *request = decoder->request;
    vt_status status = request->pulse ? request->pulse(request->context) : VT_OK;
    if (status != VT_OK) note_failure(decoder, -1, status);
}

/* Waits until a worker has ended, at most a moment; whether any is left. */
static bool wait_a_moment(vt_decoder *decoder, int64_t *decoded) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAIT_MILLISECONDS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&decoder->mutex);
    if (decoder->running > 0) pthread_cond_timedwait(&decoder->ended, &decoder->mutex, &until);
    bool any = decoder->running > 0;
    *decoded = decoder->decoded;
    pthread_mutex_unlock(&decoder->mutex);
    return any;
}

static void oversee(vt_decoder *decoder, const vt_console *console) {
    enum { MEGABYTE = 1000000 };
    vt_progress progress;
    int64_t decoded, total = (int64_t)(vt_decode_bytes(decoder->request) / MEGABYTE);
    vt_progress_begin(&progress, console, decoder->request->title, "MB", 0, total);
    while (wait_a_moment(decoder, &decoded)) {
        char rate[64];
        double seconds = vt_now() - progress.started;
        snprintf(rate, sizeof rate, "%.0f images/s", seconds > 0 ? (double)decoded / seconds : 0.0);
        vt_progress_update(&progress, (int64_t)(vt_supply_position(decoder->supply) / MEGABYTE), rate);
        if (vt_stop_requested()) vt_supply_end(decoder->supply);
        pulse(decoder);
    }
    vt_progress_end(&progress);
}

static vt_status run(vt_decoder *decoder, const vt_console *console) {
    pthread_t *threads = NULL;
    int started = 0, wanted = decoder->request->threads;
    VT_TRY(vt_allocate(&threads, (size_t)wanted, sizeof *threads, "the decoding threads"));
    decoder->running = wanted;
    while (started < wanted && pthread_create(&threads[started], NULL, work, decoder) == 0) started++;
    pthread_mutex_lock(&decoder->mutex);
    decoder->running -= wanted - started;
    pthread_mutex_unlock(&decoder->mutex);
    if (started > 0) oversee(decoder, console);
    for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
    free(threads);
    if (started == 0) return vt_fail(VT_ERROR_MEMORY, "cannot start a thread to decode images");
    if (vt_stop_requested()) return vt_fail(VT_ERROR_INTERRUPTED, "stopped while decoding images");
    if (decoder->failed == VT_OK) return VT_OK;
    return vt_fail(decoder->failed, "%s", decoder->sentence ? decoder->sentence : "out of memory while decoding images");
}

static vt_status fill_result(vt_decoder *decoder, vt_decode_result *result) {
    const vt_source *source = decoder->request->source;
    vt_supply_report(decoder->supply, result);
    result->decoded = decoder->decoded;
    for (size_t i = 0; i < source->count; i++) {
        const char *sentence = decoder->sentences[i], *name = source->items[i].file_name;
        if (!sentence) continue;
        VT_TRY(vt_strings_add(&result->bad_names, name, strlen(name)));
        VT_TRY(vt_strings_add(&result->bad_sentences, sentence, strlen(sentence)));
    }
    return VT_OK;
}

vt_status vt_decode_images(const vt_decode_request *request, const vt_console *console, vt_decode_result *result) {
    size_t count = request->source->count;
    vt_decoder decoder = {.request = request};
    vt_status status = VT_OK;
    pthread_mutex_init(&decoder.mutex, NULL);
    pthread_cond_init(&decoder.ended, NULL);
    VT_TRY_GOTO(vt_allocate(&decoder.sentences, count, sizeof *decoder.sentences, "the list of bad images"));
    VT_TRY_GOTO(vt_allocate(&result->found, count, sizeof *result->found, "the list of images"));
    VT_TRY_GOTO(vt_supply_open(request, &decoder.supply));
    VT_TRY_GOTO(run(&decoder, console));
    status = fill_result(&decoder, result);
done:
    vt_supply_close(decoder.supply);
    pthread_mutex_destroy(&decoder.mutex);
    pthread_cond_destroy(&decoder.ended);
    for (size_t i = 0; decoder.sentences && i < count; i++) free(decoder.sentences[i]);
    free(decoder.sentences);
    free(decoder.sentence);
    return status;
}

void vt_decode_result_free(vt_decode_result *result) {
    free(result->found);
    vt_strings_free(&result->bad_names);
    vt_strings_free(&result->bad_sentences);
    vt_strings_free(&result->unlisted);
    *result = (vt_decode_result){0};
}

/* --- the outlook --- */

/* Takes and decodes one image; false at the end, and where anything is wrong. *bytes += its encoded size. */
static bool try_one(vt_supply *supply, vt_intensity intensity, uint64_t *bytes) {
    vt_encoded encoded;
    vt_image image = {0};
    vt_image_facts facts;
    bool more;
    if (vt_supply_take(supply, &encoded, &more) != VT_OK || !more) return false;
    *bytes += encoded.image.size;
    vt_status status = decode(&encoded, intensity, &image, &facts);
    vt_image_free(&image);
    return vt_supply_give_back(supply, &encoded, false) == VT_OK && status == VT_OK;
}

/* Bytes of the archives that a pass will read. */
static uint64_t archive_bytes(const vt_decode_request *request) {
    const vt_files *files = &request->source->files;
    uint64_t bytes = 0;
    for (size_t i = 0; i < files->container_count; i++)
        if (files->containers[i].kind == VT_CONTAINER_ARCHIVE && !(request->past && request->past->finished[i]))
            bytes += files->containers[i].bytes;
    return bytes;
}

/* Fills in what the images of a probe tell. */
static void extrapolate(vt_supply *supply, const vt_decode_request *request, int64_t archived, vt_decode_outlook *outlook) {
    uint64_t size = 0;
    int images = 0, cores = vt_core_count();
    if (!try_one(supply, request->intensity, &size)) return; /* this one opened its container, perhaps passing over others */
    uint64_t from = vt_supply_position(supply);
    double started = vt_now(), elapsed = 0.0;
    for (images = 1; images <= ESTIMATE_IMAGES && elapsed < ESTIMATE_SECONDS; images++) {
        if (!try_one(supply, request->intensity, &size)) break;
        elapsed = vt_now() - started;
    }
    uint64_t read = vt_supply_position(supply) - from;
    int threads = request->threads < cores ? request->threads : cores;
    if (read > 0) outlook->seconds = elapsed * (double)vt_decode_bytes(request) / (double)read / threads;
    if (archived == 0 || size == 0) return;
    int64_t held = (int64_t)((double)archive_bytes(request) * images / (double)size) + 1;
    outlook->images += (held < archived ? held : archived) - archived;
}

vt_decode_outlook vt_decode_look_ahead(const vt_decode_request *request) {
    vt_decode_request probe = *request;
    vt_supply *supply = NULL;
    int64_t known, archived;
    probe.finished = NULL;
    vt_supply_count(request, &known, &archived);
    vt_decode_outlook outlook = {.images = known + archived, .exact = archived == 0};
    if (vt_supply_open(&probe, &supply) == VT_OK) extrapolate(supply, &probe, archived, &outlook);
    vt_supply_close(supply);
    return outlook;
}
