/* vt_prepare(): from a raw data set to a prepared one. Everything is made in a folder beside the result and moved into
 * place at the end, so that a failure or a stop leaves what was there. */
#include "vitrain/dataset.h"

#include "base/file.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/labels.h"
#include "data/prepared.h"
#include "formats/preprocessor.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* --- the folder beside the result --- */

typedef struct vt_place {
    char *out;     /* without trailing slashes */
    char *partial; /* out.partial: being made */
    char *before;  /* out.before: what is being replaced */
    int lock;      /* descriptor of `partial`, locked; -1 if there is none */
} vt_place;

static vt_status check_out(const vt_prepare_options *options, const char *out) {
    vt_strings names = {0};
    if (!vt_path_exists(out)) return VT_OK;
    if (!vt_is_folder(out)) return vt_fail(VT_ERROR_USAGE, "%s: is a file; expected a folder to write", out);
    VT_TRY(vt_list_folder(out, &names));
    size_t count = names.count;
    vt_strings_free(&names);
    if (count == 0) return VT_OK;
    if (!vt_is_prepared(out))
        return vt_fail(VT_ERROR_USAGE, "%s: is neither empty nor a prepared data set; it is left alone, choose another folder",
                       out);
    if (!options->overwrite)
        return vt_fail(VT_ERROR_USAGE,
                       "%s: there is a prepared data set already; ask to overwrite it, or choose another folder", out);
    return VT_OK;
}

/* Whether a run of ours may have left `name` in a folder that it was making or replacing. */
static bool is_ours(const char *name) {
    static const char *const names[] = {"train",         "validation",     "test",        "dataset_dict.json",
                                        VT_DATASET_JSON, "metadata.jsonl", "pixels.spool"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return vt_has_suffix(name, ".tmp");
}

/* A folder that will be emptied must hold nothing of anybody else's. */
static vt_status check_leftover(const char *folder) {
    vt_strings names = {0};
    vt_status status = VT_OK;
    if (!vt_path_exists(folder)) return VT_OK;
    VT_TRY_GOTO(vt_list_folder(folder, &names));
    for (size_t i = 0; i < names.count && status == VT_OK; i++)
        if (!is_ours(names.items[i]))
            status = vt_fail(VT_ERROR_USAGE,
                             "%s: holds '%s', which no interrupted run can have left, and this folder is needed while "
                             "preparing; move it away, or choose another folder to write",
                             folder, names.items[i]);
done:
    vt_strings_free(&names);
    return status;
}

/* Empties a folder that an interrupted run may have left. */
static vt_status clear_folder(const char *folder) {
    vt_strings names = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_list_folder(folder, &names));
    for (size_t i = 0; i < names.count; i++) {
        char *path = NULL;
        VT_TRY_GOTO(vt_join(folder, names.items[i], &path));
        status = vt_remove_tree(path);
        free(path);
        if (status != VT_OK) goto done;
    }
done:
    vt_strings_free(&names);
    return status;
}

static vt_status place_open(const vt_prepare_options *options, vt_place *place) {
    *place = (vt_place){.lock = -1};
    size_t length = strlen(options->out);
    while (length > 1 && options->out[length - 1] == '/') length--;
    VT_TRY(vt_copy_string_n(options->out, length, &place->out));
    VT_TRY(check_out(options, place->out));
    VT_TRY(vt_format(&place->partial, "%s.partial", place->out));
    VT_TRY(vt_format(&place->before, "%s.before", place->out));
    VT_TRY(check_leftover(place->partial));
    VT_TRY(check_leftover(place->before));
    VT_TRY(vt_make_folders(place->partial));
    VT_TRY(vt_lock_folder(place->partial, &place->lock));
    VT_TRY(clear_folder(place->partial));
    return vt_check_writable(place->partial);
}

/* Moves the finished folder into place; what was there goes only after that. */
static vt_status place_commit(vt_place *place) {
    bool replaced = vt_path_exists(place->out);
    if (replaced) {
        VT_TRY(vt_remove_tree(place->before));
        VT_TRY(vt_rename_synced(place->out, place->before));
    }
    if (rename(place->partial, place->out) != 0) {
        vt_status status = vt_fail_errno("%s: cannot rename it to '%s'", place->partial, place->out);
        if (replaced && rename(place->before, place->out) != 0)
            status = vt_fail_prefix(status, "%s: what was there is now in '%s'", place->out, place->before);
        return status;
    }
    close(place->lock);
    place->lock = -1;
    return replaced ? vt_remove_tree(place->before) : VT_OK;
}

/* Removes what was not committed. The sentence of the failure that led here must survive. */
static vt_status place_close(vt_place *place, vt_status status) {
    if (place->lock >= 0) {
        char *sentence = NULL;
        bool kept = vt_copy_string(vt_error_message(), &sentence) == VT_OK;
        if (vt_remove_tree(place->partial) != VT_OK && status == VT_OK)
            status = VT_ERROR_IO;
        else if (kept && status != VT_OK)
            status = vt_fail(status, "%s", sentence);
        free(sentence);
        close(place->lock);
    }
    free(place->out);
    free(place->partial);
    free(place->before);
    return status;
}

/* --- what is said --- */

static void report_split(const vt_source *source, const vt_split_request *request, const vt_split_plan *plan,
                         const vt_console *console) {
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

/* Says how much will be written, and that there is room: the spool and the data set exist side by side. */
static vt_status check_space(const char *folder, int64_t images, const vt_target *target, size_t labels, int channels,
                             bool spooled, const vt_console *console) {
    uint64_t pixels = (uint64_t)target->stored_height * (uint64_t)target->stored_width * (uint64_t)channels, available;
    uint64_t bytes = (uint64_t)images * (pixels + labels * sizeof(float) + 64);
    uint64_t needed = bytes + (spooled ? 0 : (uint64_t)images * pixels);
    char size[32], free_size[32], needed_size[32], count[32];
    VT_TRY(vt_free_space(folder, &available));
    vt_format_bytes(bytes, size);
    vt_format_bytes(needed, needed_size);
    vt_format_bytes(available, free_size);
    vt_format_count(images, count);
    if (!spooled)
        vt_say(console, "%s images of %d x %d (%s) will take %s (three times that if any is in colour)", count,
               target->stored_width, target->stored_height, vt_resample_name(target->resample), size);
    if (needed > available)
        return vt_fail(VT_ERROR_IO, "%s: preparing needs %s, but only %s are free there", folder, needed_size, free_size);
    return VT_OK;
}

/* --- the work --- */

/* Takes images that could not be decoded out of the plan. */
static vt_status drop_bad_images(const vt_source *source, const vt_spool *spool, vt_split_plan *plan) {
    for (size_t i = 0; i < source->count; i++) {
        if (plan->parts[i] == VT_PART_NONE || spool->channels[i] != 0) continue;
        plan->counts[plan->parts[i]]--;
        plan->parts[i] = VT_PART_NONE;
    }
    if (plan->counts[VT_PART_TRAIN] == 0) return vt_fail(VT_ERROR_INPUT, "%s: no training image is left", source->root);
    return VT_OK;
}

static vt_status decode_and_write(const vt_prepare_options *options, const vt_source *source, const vt_split_request *request,
                                  vt_split_plan *plan, const vt_target *target, const char *folder, const vt_console *console) {
    int64_t images = plan->counts[VT_PART_TRAIN] + plan->counts[VT_PART_VALIDATION] + plan->counts[VT_PART_TEST];
    vt_spool spool;
    vt_status status = VT_OK;
    VT_TRY(check_space(folder, images, target, source->labels.count, 1, false, console));
    VT_TRY_GOTO(vt_spool_open(folder, source->count, target->stored_height, target->stored_width, &spool));
    const int threads = options->threads ? options->threads : vt_core_count();
    vt_decode_request decoding = {.source = source,
                                  .parts = plan->parts,
                                  .resample = target->resample,
                                  .bad_image = options->bad_image,
                                  .threads = threads};
    VT_TRY_GOTO(vt_decode_images(&decoding, &spool, console));
    VT_TRY_GOTO(drop_bad_images(source, &spool, plan));
    vt_prepared prepared = {.source = source,
                            .plan = plan,
                            .request = request,
                            .spool = &spool,
                            .resample = target->resample,
                            .image_height = target->height,
                            .image_width = target->width,
                            .shard_bytes = options->shard_bytes,
                            .threads = threads,
                            .write_metadata = options->write_metadata};
    VT_TRY_GOTO(check_space(folder, images, target, source->labels.count, vt_prepared_channels(&prepared), true, console));
    status = vt_prepared_write(folder, &prepared, console);
done:
    vt_spool_close(&spool);
    return status;
}

vt_status vt_prepare(const vt_prepare_options *options, const vt_console *console) {
    vt_source source = {0};
    vt_split_plan plan = {0};
    vt_place place = {.lock = -1};
    vt_target target;
    int64_t left_out;
    vt_status status = VT_OK;
    VT_TRY(check_options(options));
    VT_TRY(choose_target(options, &target));
    VT_TRY_GOTO(place_open(options, &place));
    VT_TRY_GOTO(vt_source_open(options->data, &options->labels, options->threads, console, &source));
    VT_TRY_GOTO(vt_labels_choose(&source, options->labels.keep, &left_out));
    VT_TRY_GOTO(vt_labels_report(&source, console));
    if (left_out > 0) vt_say(console, "%lld images of dropped classes are left out", (long long)left_out);
    vt_split_request request = {
        .policy = options->split, .validation_fraction = options->validation_fraction, .seed = options->seed};
    VT_TRY_GOTO(vt_split_plan_make(&source, &request, &plan));
    report_split(&source, &request, &plan, console);
    if (plan.counts[VT_PART_TRAIN] == 0) {
        status = vt_fail(VT_ERROR_INPUT, "%s: the split '%s' leaves no training image", options->data,
                         vt_split_policy_name(plan.policy));
        goto done;
    }
    VT_TRY_GOTO(decode_and_write(options, &source, &request, &plan, &target, place.partial, console));
    VT_TRY_GOTO(place_commit(&place));
    vt_say(console, "%s: prepared", place.out);
done:
    vt_split_plan_free(&plan);
    vt_source_free(&source);
    return place_close(&place, status);
}
