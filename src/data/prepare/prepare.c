/* vt_prepare(): from a raw data set to a prepared one. What can be refused is refused before the images are decoded into a
 * spool, which an interrupted run leaves for the next; what was found decides the split, and then all is written. */
#include "vitrain/dataset.h"

#include "base/file.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/prepare/place.h"
#include "data/prepared/prepared.h"
#include "data/source/labels.h"
#include "formats/preprocessor.h"
#include <stdio.h>
#include <stdlib.h>

enum { THREAD_LIMIT = 4096 };

void vt_prepare_options_init(vt_prepare_options *options) {
    *options = (vt_prepare_options){.resample = -1, .validation_fraction = 0.05, .seed = 42};
}

/* --- what is asked for --- */

typedef struct vt_target {
    int height, width;               /* what a model takes */
    int stored_height, stored_width; /* at least as large */
    vt_resample resample;
} vt_target;

static vt_status check_options(const vt_prepare_options *options) {
    if (!options->data || !*options->data) return vt_fail(VT_ERROR_USAGE, "data: expected the folder of a data set");
    if (!options->out || !*options->out) return vt_fail(VT_ERROR_USAGE, "out: expected a folder to write");
    if (!(options->validation_fraction >= 0.0 && options->validation_fraction < 1.0))
        return vt_fail(VT_ERROR_USAGE, "validation_fraction: %g; expected a number from 0 to below 1",
                       options->validation_fraction);
    if (options->image_size < 0 || options->image_size > VT_IMAGE_SIDE_LIMIT)
        return vt_fail(VT_ERROR_USAGE, "image_size: %d; expected 1 to %d", options->image_size, VT_IMAGE_SIDE_LIMIT);
    if (options->store_size < 0 || options->store_size > VT_IMAGE_SIDE_LIMIT)
        return vt_fail(VT_ERROR_USAGE, "store_size: %d; expected 1 to %d", options->store_size, VT_IMAGE_SIDE_LIMIT);
    if (options->resample < -1 || (options->resample >= 0 && !vt_resample_name((vt_resample)options->resample)))
        return vt_fail(VT_ERROR_USAGE, "resample: %d names no filter; expected 0 to 5", options->resample);
    if (!vt_intensity_name(options->intensity))
        return vt_fail(VT_ERROR_USAGE, "intensity: %d names no way; expected 0 or 1", (int)options->intensity);
    if (!vt_split_policy_name(options->split)) return vt_fail(VT_ERROR_USAGE, "split: %d names no policy", (int)options->split);
    if (options->threads < 0 || options->threads > THREAD_LIMIT)
        return vt_fail(VT_ERROR_USAGE, "threads: %d; expected 0 (all cores) to %d", options->threads, THREAD_LIMIT);
    return VT_OK;
}

/* Size and filter: as asked for, else the model's, else 224 and bilinear. */
static vt_status choose_target(const vt_prepare_options *options, vt_target *target) {
    vt_preprocessor preprocessor;
    int found = 0;
    vt_preprocessor_init(&preprocessor);
    if (options->model) {
        VT_TRY(vt_preprocessor_load(options->model, &preprocessor, &found));
        if (!found)
            return vt_fail(VT_ERROR_IO, "%s: has no preprocessor_config.json; give the image size and the resampling instead",
                           options->model);
    }
    target->height = options->image_size ? options->image_size : preprocessor.height;
    target->width = options->image_size ? options->image_size : preprocessor.width;
    target->resample = options->resample >= 0 ? (vt_resample)options->resample : preprocessor.resample;
    if (target->height > VT_IMAGE_SIDE_LIMIT || target->width > VT_IMAGE_SIDE_LIMIT)
        return vt_fail(VT_ERROR_INPUT, "%s: images of %d x %d; expected at most %d on a side", options->model, target->height,
                       target->width, VT_IMAGE_SIDE_LIMIT);
    target->stored_height = options->store_size ? options->store_size : target->height;
    target->stored_width = options->store_size ? options->store_size : target->width;
    if (target->stored_height < target->height || target->stored_width < target->width)
        return vt_fail(VT_ERROR_USAGE, "store_size: %d; expected at least the image size, %d x %d", options->store_size,
                       target->width, target->height);
    return VT_OK;
}

/* A run of vt_prepare(). */
typedef struct vt_preparation {
    const vt_prepare_options *options;
    const vt_console *console;
    vt_target target;
    int threads;
    vt_place place;
    vt_source source;
    vt_split_request request;
    vt_split_plan plan;
    uint8_t *skip; /* [items]: 1: in no split, and not decoded */
    vt_spool spool;
    double synced; /* when the spool was */
} vt_preparation;

/* --- what is said --- */

static void report_split(const vt_preparation *run) {
    const vt_source *source = &run->source;
    const vt_split_request *request = &run->request;
    const vt_split_plan *plan = &run->plan;
    const vt_console *console = run->console;
    char counts[VT_PART_COUNT][32], number[32];
    for (int part = 0; part < VT_PART_COUNT; part++) vt_format_count(plan->counts[part], counts[part]);
    vt_say(console, "split '%s' (seed %llu): %s train, %s validation, %s test images", vt_split_policy_name(plan->policy),
           (unsigned long long)request->seed, counts[VT_PART_TRAIN], counts[VT_PART_VALIDATION], counts[VT_PART_TEST]);
    vt_format_count(plan->unlisted, number);
    if (plan->unlisted > 0) vt_warn(console, "%s images are in neither official list and are left out", number);
    vt_format_count(plan->shared_patients, number);
    if (plan->shared_patients > 0)
        vt_warn(console, "%s patients have images in more than one split: what is measured there will look better than it is",
                number);
    else if (source->patients_known)
        vt_say(console, "no patient has images in more than one split");
    if (plan->counts[VT_PART_VALIDATION] == 0 && request->validation_fraction > 0.0)
        vt_warn(console, "there is no validation split: there is only one %s to split",
                source->patients_known && plan->policy != VT_SPLIT_RANDOM ? "patient" : "image");
}

/* Bytes of `images` resized images. */
static uint64_t pixel_bytes(const vt_target *target, int64_t images, int channels) {
    return (uint64_t)images * (uint64_t)target->stored_height * (uint64_t)target->stored_width * (uint64_t)channels;
}

/* Bytes of the data set. */
static uint64_t output_bytes(const vt_preparation *run, int64_t images, int channels) {
    enum { ROW_OVERHEAD = 64 }; /* names and offsets */
    uint64_t labels = (uint64_t)images * run->source.labels.count * sizeof(float);
    return pixel_bytes(&run->target, images, channels) + labels + (uint64_t)images * ROW_OVERHEAD;
}

static vt_status check_space(const vt_preparation *run, uint64_t needed) {
    char needed_size[32], free_size[32];
    uint64_t available;
    VT_TRY(vt_free_space(run->place.partial, &available));
    if (needed <= available) return VT_OK;
    vt_format_bytes(needed, needed_size);
    vt_format_bytes(available, free_size);
    return vt_fail(VT_ERROR_IO, "%s: preparing needs %s, but only %s are free there", run->place.partial, needed_size,
                   free_size);
}

static int64_t planned_images(const vt_split_plan *plan) {
    return plan->counts[VT_PART_TRAIN] + plan->counts[VT_PART_VALIDATION] + plan->counts[VT_PART_TEST];
}

/* Says what an earlier run left. */
static void report_resumption(const vt_preparation *run) {
    char there[32], listed[32];
    vt_format_count(run->spool.count, there);
    vt_format_count(planned_images(&run->plan), listed);
    if (run->spool.discarded)
        vt_say(run->console, "%s: what an interrupted run left is of other images or another size; starting over",
               run->place.partial);
    else if (run->spool.count > 0)
        vt_say(run->console, "resuming: %s of %s listed images are there", there, listed);
}

/* "about 12 minutes" */
static void format_minutes(double seconds, char text[48]) {
    if (seconds < 60)
        snprintf(text, 48, "less than a minute");
    else
        snprintf(text, 48, "about %.0f minute%s", seconds / 60, seconds < 90 ? "" : "s");
}

/* Says what is ahead, and that there is room: the spool and the data set exist side by side. */
static vt_status announce(const vt_preparation *run, const vt_decode_request *decoding) {
    const vt_target *target = &run->target;
    vt_decode_outlook ahead = vt_decode_look_ahead(decoding);
    uint64_t output = output_bytes(run, run->spool.count + ahead.images, 1), spool = pixel_bytes(target, ahead.images, 1);
    uint64_t available;
    char count[32], read[32], minutes[48], output_size[32], spool_size[32], free_size[32];
    VT_TRY(vt_free_space(run->place.partial, &available));
    vt_format_count(ahead.images, count);
    vt_format_bytes(vt_decode_bytes(decoding), read);
    vt_format_bytes(output, output_size);
    vt_format_bytes(spool, spool_size);
    vt_format_bytes(available, free_size);
    format_minutes(ahead.seconds, minutes);
    vt_say(run->console, "ahead: %s%s images, %s to read, %s with %d threads", ahead.exact ? "" : "about ", count, read,
           minutes, run->threads);
    vt_say(run->console,
           "images of %d x %d (%s) will take %s, and %s more until they are written (three times that if any is in colour); %s "
           "are free",
           target->stored_width, target->stored_height, vt_resample_name(target->resample), output_size, spool_size, free_size);
    return check_space(run, output + spool);
}

static void report_bad_images(const vt_decode_result *result, const vt_console *console) {
    for (size_t i = 0; i < result->bad_sentences.count; i++) vt_warn(console, "%s; skipped", result->bad_sentences.items[i]);
    if (result->bad_names.count > 0) vt_warn(console, "%zu bad images were skipped", result->bad_names.count);
}

/* --- decoding --- */

/* Resizes an image into the spool. */
static vt_status spool_image(void *context, const vt_decoded *decoded) {
    vt_preparation *run = context;
    vt_image resized;
    VT_TRY(
        vt_image_resize(decoded->image, run->target.stored_width, run->target.stored_height, run->target.resample, &resized));
    vt_image_free(decoded->image);
    bool dim = decoded->facts.dim && run->options->intensity == VT_INTENSITY_FULL;
    vt_status status = vt_spool_write(&run->spool, decoded->item, decoded->container, resized.channels, dim, resized.pixels);
    vt_image_free(&resized);
    return status;
}

static vt_status note_finished(void *context, int container, int64_t unlisted) {
    return vt_spool_finish(&((vt_preparation *)context)->spool, container, unlisted);
}

static vt_status sync_spool(void *context) {
    static const double SECONDS_BETWEEN = 0.2;
    vt_preparation *run = context;
    if (vt_now() - run->synced < SECONDS_BETWEEN) return VT_OK;
    vt_status status = vt_spool_sync(&run->spool);
    run->synced = vt_now();
    return status;
}

/* Decodes what is not in the spool yet. What was done is saved, whatever happens. */
static vt_status decode(vt_preparation *run, vt_decode_result *result) {
    vt_decode_request decoding = {.source = &run->source,
                                  .skip = run->skip,
                                  .past = &run->spool.past,
                                  .intensity = run->options->intensity,
                                  .bad_image = run->options->bad_image,
                                  .threads = run->threads,
                                  .sink = spool_image,
                                  .finished = note_finished,
                                  .pulse = sync_spool,
                                  .context = run,
                                  .title = "Preparing"};
    report_resumption(run);
    VT_TRY(announce(run, &decoding));
    vt_status status = vt_decode_images(&decoding, run->console, result);
    if (status == VT_OK) return vt_spool_sync(&run->spool);
    char *sentence = NULL;
    if (vt_copy_string(vt_error_message(), &sentence) == VT_OK && vt_spool_sync(&run->spool) != VT_OK)
        status = vt_fail(status, "%s", sentence);
    free(sentence);
    return status;
}

/* --- the work --- */

/* Splits the items; a split that can't be made, or has nothing to train on, is refused. */
static vt_status make_plan(vt_preparation *run) {
    vt_split_plan_free(&run->plan);
    VT_TRY(vt_split_plan_make(&run->source, &run->request, &run->plan));
    if (run->plan.counts[VT_PART_TRAIN] == 0)
        return vt_fail(VT_ERROR_INPUT, "%s: the split '%s' leaves no training image", run->options->data,
                       vt_split_policy_name(run->plan.policy));
    return VT_OK;
}

/* Opens the data set and refuses whatever would be refused after hours of decoding. */
static vt_status open_source(vt_preparation *run) {
    const vt_prepare_options *options = run->options;
    int64_t left_out;
    VT_TRY(vt_source_open(options->data, &options->labels, run->console, &run->source));
    VT_TRY(vt_labels_choose(&run->source, options->labels.keep, &left_out));
    if (left_out > 0) vt_say(run->console, "%lld images of dropped classes are left out", (long long)left_out);
    run->request = (vt_split_request){
        .policy = options->split, .validation_fraction = options->validation_fraction, .seed = options->seed};
    return make_plan(run);
}

static vt_status open_spool(vt_preparation *run) {
    const vt_spool_format format = {.height = run->target.stored_height,
                                    .width = run->target.stored_width,
                                    .resample = run->target.resample,
                                    .intensity = run->options->intensity};
    VT_TRY(vt_allocate(&run->skip, run->source.count, 1, "the list of images"));
    for (size_t i = 0; i < run->source.count; i++) run->skip[i] = run->plan.parts[i] == VT_PART_NONE;
    return vt_spool_open(run->place.partial, &run->source, run->skip, &format, &run->spool);
}

/* Takes images that could not be decoded out of the plan. */
static vt_status drop_bad_images(vt_preparation *run) {
    vt_split_plan *plan = &run->plan;
    for (size_t i = 0; i < run->source.count; i++) {
        if (plan->parts[i] == VT_PART_NONE || run->spool.channels[i] != 0) continue;
        plan->counts[plan->parts[i]]--;
        plan->parts[i] = VT_PART_NONE;
    }
    if (plan->counts[VT_PART_TRAIN] == 0) return vt_fail(VT_ERROR_INPUT, "%s: no training image is left", run->options->data);
    return VT_OK;
}

/* Says what was found, and splits that. */
static vt_status settle(vt_preparation *run, const vt_decode_result *result) {
    const vt_console *console = run->console;
    char dim[32];
    report_bad_images(result, console);
    vt_format_count(run->spool.dim, dim);
    if (run->spool.dim > 0)
        vt_warn(console,
                "%s images have more than 8 bits and use only the lowest eighth of them, so that they come out nearly "
                "black; --intensity stretch takes each image's own range",
                dim);
    /* Archives that an earlier run finished are not read again, so that nobody knows of images in no split. */
    for (size_t i = 0; run->spool.count > 0 && i < run->source.count; i++)
        if (run->skip[i]) result->found[i] = 1;
    VT_TRY(vt_source_settle(&run->source, result->found, &result->unlisted, result->unlisted_count + run->spool.unlisted,
                            console));
    vt_spool_drop_absent(&run->spool);
    vt_source_drop_absent(&run->source);
    VT_TRY(vt_labels_report(&run->source, console));
    VT_TRY(make_plan(run));
    report_split(run);
    return drop_bad_images(run);
}

static vt_status write_data_set(vt_preparation *run) {
    vt_prepared prepared = {.source = &run->source,
                            .plan = &run->plan,
                            .request = &run->request,
                            .spool = &run->spool,
                            .resample = run->target.resample,
                            .intensity = run->options->intensity,
                            .image_height = run->target.height,
                            .image_width = run->target.width,
                            .shard_bytes = run->options->shard_bytes,
                            .threads = run->threads,
                            .write_metadata = run->options->write_metadata};
    VT_TRY(check_space(run, output_bytes(run, planned_images(&run->plan), vt_prepared_channels(&prepared))));
    VT_TRY(vt_prepared_write(run->place.partial, &prepared, run->console));
    vt_spool_close(&run->spool);
    VT_TRY(vt_spool_remove(run->place.partial));
    VT_TRY(vt_place_commit(&run->place));
    vt_say(run->console, "%s: prepared", run->place.out);
    return VT_OK;
}

static vt_status prepare(vt_preparation *run) {
    vt_decode_result result = {0};
    vt_status status = VT_OK;
    VT_TRY(open_source(run));
    VT_TRY(open_spool(run));
    VT_TRY_GOTO(decode(run, &result));
    VT_TRY_GOTO(settle(run, &result));
    status = write_data_set(run);
done:
    vt_decode_result_free(&result);
    return status;
}

/* After a failure: keeps a spool that holds anything, and says so. */
static vt_status keep_spool(vt_preparation *run, vt_status status) {
    if (!run->spool.source) return status;
    char *sentence = NULL, kept[32];
    int64_t images = run->spool.kept;
    vt_format_count(images, kept);
    vt_status copied = vt_copy_string(vt_error_message(), &sentence);
    vt_spool_close(&run->spool);
    if (images == 0)
        status = vt_spool_remove(run->place.partial) == VT_OK ? vt_fail(status, "%s", sentence ? sentence : "") : VT_ERROR_IO;
    else if (copied == VT_OK)
        status = vt_fail(status, "%s; %s images are kept in '%s', and the same command goes on from there", sentence, kept,
                         run->place.partial);
    free(sentence);
    return status;
}

vt_status vt_prepare(const vt_prepare_options *options, const vt_console *console) {
    vt_preparation run = {.options = options, .console = console, .place = {.lock = -1}};
    VT_TRY(check_options(options));
    VT_TRY(choose_target(options, &run.target));
    run.threads = options->threads ? options->threads : vt_core_count();
    vt_status status = vt_place_open(options->out, options->overwrite, &run.place);
    if (status == VT_OK) status = prepare(&run);
    if (status != VT_OK) status = keep_spool(&run, status);
    vt_spool_close(&run.spool);
    vt_split_plan_free(&run.plan);
    vt_source_free(&run.source);
    free(run.skip);
    return vt_place_close(&run.place, status);
}
