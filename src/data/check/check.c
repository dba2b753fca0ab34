/* vt_check_run(): looks at every image of a raw or a prepared data set and keeps a line about each. Raw images come from the
 * pass that prepares them, prepared ones from the map; from there on both are the same. */
#include "data/check/check.h"

#include "base/file.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/prepared/prepared.h"
#include "data/source/labels.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

void vt_check_options_init(vt_check_options *options) {
    *options = (vt_check_options){.validation_fraction = 0.05, .seed = 42};
}

/* --- a console that keeps the lines that go through it --- */

typedef struct line_keeper {
    const vt_console *console;
    vt_strings *said, *warned;
    vt_status status; /* of keeping them */
} line_keeper;

static void keep_line(void *user, vt_level level, const char *text) {
    line_keeper *keeper = user;
    if (keeper->status == VT_OK)
        keeper->status = vt_strings_add(level == VT_LEVEL_WARNING ? keeper->warned : keeper->said, text, strlen(text));
    if (keeper->console && keeper->console->line) keeper->console->line(keeper->console->user, level, text);
}

static void pass_progress(void *user, const char *text) {
    const line_keeper *keeper = user;
    if (keeper->console && keeper->console->progress) keeper->console->progress(keeper->console->user, text);
}

/* --- an image --- */

/* pixels [height, width, channels] */
static void look_at(vt_checked *image, const uint8_t *pixels, int width, int height, int channels) {
    size_t size = (size_t)width * (size_t)height * (size_t)channels;
    const int shape[3] = {width, height, channels};
    XXH128_hash_t hash = XXH3_128bits_withSeed(pixels, size, XXH3_64bits(shape, sizeof shape));
    image->pixels[0] = hash.low64;
    image->pixels[1] = hash.high64;
    image->width = width;
    image->height = height;
    image->decoded = true;
    image->blank = memcmp(pixels, pixels + channels, size - (size_t)channels) == 0;
}

static vt_status add_labels(vt_check *check, const int32_t *ids, size_t count) {
    VT_TRY(vt_grow(&check->label_ids, &check->label_id_capacity, check->label_id_count + count, sizeof *check->label_ids,
                   "the labels of images"));
    if (count > 0) memcpy(check->label_ids + check->label_id_count, ids, count * sizeof *ids);
    check->label_id_count += count;
    return VT_OK;
}

static vt_status number_patient(vt_check *check, const char *patient, size_t length, int64_t *id) {
    *id = -1;
    if (length == 0) return VT_OK;
    *id = vt_map_get(check->patient_ids, patient, length);
    if (*id >= 0) return VT_OK;
    *id = (int64_t)check->patients.count;
    VT_TRY(vt_strings_add(&check->patients, patient, length));
    return vt_map_set(check->patient_ids, patient, length, *id);
}

/* --- raw data sets --- */

static vt_status look_at_decoded(void *context, const vt_decoded *decoded) {
    vt_checked *image = &((vt_checked *)context)[decoded->item];
    look_at(image, decoded->image->pixels, decoded->image->width, decoded->image->height, decoded->image->channels);
    image->facts = decoded->facts;
    return VT_OK;
}

/* Keeps the items that are there, and their images beside them. */
static vt_status drop_absent(vt_check *check, const vt_console *console) {
    vt_source *source = &check->source;
    const vt_decode_result *pass = &check->pass;
    VT_TRY(vt_source_settle(source, pass->found, &pass->unlisted, pass->unlisted_count, console));
    for (size_t i = 0; i < source->count; i++)
        if (pass->found[i]) check->images[check->count++] = check->images[i];
    vt_source_drop_absent(source);
    return VT_OK;
}

/* Loose files first, then members of archives. */
static vt_status list_unlisted(vt_check *check) {
    const vt_files *files = &check->source.files;
    check->unlisted_count = check->pass.unlisted_count;
    for (size_t i = 0; i < files->count; i++) {
        const char *key = files->items[i].key;
        if (vt_map_get(check->source.by_name, key, strlen(key)) >= 0) continue;
        check->unlisted_count++;
        if (check->unlisted.count < VT_UNLISTED_LIMIT) VT_TRY(vt_strings_add(&check->unlisted, key, strlen(key)));
    }
    for (size_t i = 0; i < check->pass.unlisted.count && check->unlisted.count < VT_UNLISTED_LIMIT; i++)
        VT_TRY(vt_strings_add(&check->unlisted, check->pass.unlisted.items[i], strlen(check->pass.unlisted.items[i])));
    return VT_OK;
}

static vt_status describe_items(vt_check *check, const vt_split_plan *plan) {
    const vt_source *source = &check->source;
    for (size_t i = 0; i < check->count; i++) {
        const vt_item *item = &source->items[i];
        vt_checked *image = &check->images[i];
        image->name = item->file_name;
        image->part = plan->parts[i];
        image->given = item->part;
        image->first_label = check->label_id_count;
        image->label_count = item->label_count;
        image->unknown_count = item->unknown_count;
        VT_TRY(add_labels(check, item->label_count ? source->label_ids + item->first_label : NULL, item->label_count));
        VT_TRY(add_labels(check, item->unknown_count ? source->unknown_ids + item->first_unknown : NULL, item->unknown_count));
        VT_TRY(number_patient(check, item->patient_id, item->patient_id ? strlen(item->patient_id) : 0, &image->patient));
    }
    return VT_OK;
}

static vt_status read_raw(vt_check *check, const vt_check_options *options, const vt_console *console) {
    vt_source *source = &check->source;
    vt_split_plan plan = {0};
    int64_t left_out;
    VT_TRY(vt_source_open(check->data, &options->labels, console, source));
    VT_TRY(vt_labels_choose(source, options->labels.keep, &left_out));
    VT_TRY(vt_allocate(&check->images, source->count, sizeof *check->images, "the list of images"));
    vt_decode_request request = {.source = source,
                                 .intensity = options->intensity,
                                 .bad_image = VT_BAD_IMAGE_SKIP,
                                 .threads = options->threads ? options->threads : vt_core_count(),
                                 .sink = look_at_decoded,
                                 .context = check->images,
                                 .title = "Checking"};
    VT_TRY(vt_decode_images(&request, console, &check->pass));
    VT_TRY(list_unlisted(check));
    VT_TRY(drop_absent(check, console));
    vt_split_request split = {.policy = options->split,
                              .validation_fraction = options->validation_fraction,
                              .seed = options->seed,
                              .allow_shared_patients = true};
    vt_status status = vt_split_plan_make(source, &split, &plan);
    if (status == VT_OK) status = describe_items(check, &plan);
    check->policy = plan.policy;
    check->seed = options->seed;
    check->label_names = (const char *const *)source->labels.items;
    check->num_labels = source->labels.count;
    vt_split_plan_free(&plan);
    return status;
}

/* --- prepared data sets --- */

static vt_status describe_example(vt_check *check, const vt_example *example, vt_part part, vt_checked *image) {
    *image = (vt_checked){.part = part, .given = VT_PART_NONE, .first_label = check->label_id_count};
    VT_TRY(vt_strings_add(&check->names, example->file_name, example->file_name_length));
    VT_TRY(number_patient(check, example->patient_id, example->patient_id_length, &image->patient));
    for (int32_t label = 0; label < (int32_t)check->num_labels; label++) {
        if (example->labels[label] != 1.0f) continue;
        VT_TRY(add_labels(check, &label, 1));
        image->label_count++;
    }
    for (int32_t label = 0; label < (int32_t)check->num_labels; label++) {
        if (example->labels[label] == example->labels[label]) continue; /* not NaN */
        VT_TRY(add_labels(check, &label, 1));
        image->unknown_count++;
    }
    return VT_OK;
}

typedef struct vt_row_range {
    const vt_split *split;
    const vt_dataset_info *info;
    int64_t first_row;
    vt_checked *images; /* of the range's rows */
} vt_row_range;

static vt_status look_at_row(void *context, int64_t index) {
    const vt_row_range *range = context;
    vt_example example = vt_split_get(range->split, range->first_row + index);
    const int width = range->info->stored_width, height = range->info->stored_height, channels = range->info->channels;
    look_at(&range->images[index], example.pixels, width, height, channels);
    range->images[index].facts = (vt_image_facts){.depth = 8, .channels = channels};
    return VT_OK;
}

/* Gives the pages of pixels that were looked at back: a data set larger than memory takes no more of it than a small one. */
static void forget(const uint8_t *start, const uint8_t *end) {
    const size_t before = (uintptr_t)start & ((uintptr_t)sysconf(_SC_PAGESIZE) - 1); /* bytes since the page's start */
    if (end > start) (void)madvise((uint8_t *)start - before, before + (size_t)(end - start), MADV_DONTNEED);
}

/* Rows lie one after the other, but for those at the seams of record batches and files. */
static void forget_rows(const vt_row_range *range, int64_t rows) {
    const vt_dataset_info *info = range->info;
    const size_t size = (size_t)info->stored_width * (size_t)info->stored_height * (size_t)info->channels;
    const uint8_t *start = NULL, *end = NULL;
    for (int64_t i = 0; i < rows; i++) {
        const uint8_t *pixels = vt_split_get(range->split, range->first_row + i).pixels;
        if (pixels != end) {
            forget(start, end);
            start = pixels;
        }
        end = pixels + size;
    }
    forget(start, end);
}

static vt_status read_split(vt_check *check, const vt_split *split, vt_part part, int threads, vt_progress *progress) {
    enum { ROWS_AT_ONCE = 1024 };
    vt_checked *images = check->images + check->count;
    int64_t rows = vt_split_size(split);
    vt_row_range range = {.split = split, .info = vt_dataset_get_info(check->dataset)};
    for (int64_t row = 0; row < rows; row++) {
        vt_example example = vt_split_get(split, row);
        VT_TRY(describe_example(check, &example, part, &images[row]));
    }
    for (range.first_row = 0; range.first_row < rows; range.first_row += ROWS_AT_ONCE) {
        int64_t left = rows - range.first_row, count = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        range.images = images + range.first_row;
        VT_TRY(vt_parallel_for(threads, count, look_at_row, &range));
        forget_rows(&range, count);
        if (vt_stop_requested()) return vt_fail(VT_ERROR_INTERRUPTED, "checking was stopped; nothing was written");
        vt_progress_update(progress, (int64_t)check->count + range.first_row, NULL);
    }
    check->count += (size_t)rows;
    return VT_OK;
}

static vt_status read_prepared(vt_check *check, const vt_check_options *options, const vt_console *console) {
    vt_progress progress;
    int64_t total = 0;
    vt_status status = VT_OK;
    VT_TRY(vt_dataset_open(check->data, &check->dataset));
    const vt_dataset_info *info = vt_dataset_get_info(check->dataset);
    check->policy = info->split_policy;
    check->seed = info->split_seed;
    check->label_names = info->label_names;
    check->num_labels = (size_t)info->num_labels;
    const vt_split *splits[VT_PART_COUNT];
    for (int part = 0; part < VT_PART_COUNT; part++) {
        splits[part] = vt_dataset_get_split(check->dataset, vt_part_name((vt_part)part));
        if (splits[part]) total += vt_split_size(splits[part]);
    }
    vt_say(console, "%s: a prepared data set", check->data);
    VT_TRY(vt_allocate(&check->images, (size_t)total, sizeof *check->images, "the list of images"));
    vt_progress_begin(&progress, console, "Checking", "images", 0, total);
    for (int part = 0; part < VT_PART_COUNT && status == VT_OK; part++)
        if (splits[part]) status = read_split(check, splits[part], (vt_part)part, options->threads, &progress);
    vt_progress_end(&progress);
    for (size_t i = 0; i < check->count; i++) check->images[i].name = check->names.items[i];
    return status;
}

/* --- all of it --- */

static vt_status run(vt_check *check, const vt_check_options *options, const vt_console *console) {
    line_keeper keeper = {.console = console, .said = &check->said, .warned = &check->warned};
    const vt_console keeping = {.user = &keeper, .line = keep_line, .progress = pass_progress};
    VT_TRY(vt_copy_string(options->data, &check->data));
    VT_TRY(vt_map_create(&check->patient_ids));
    check->prepared = vt_is_prepared(check->data);
    if (check->prepared && options->labels.single_label)
        return vt_fail(VT_ERROR_USAGE, "single_label: %s: is prepared already; its labels stay as they are", check->data);
    VT_TRY(check->prepared ? read_prepared(check, options, &keeping) : read_raw(check, options, &keeping));
    VT_TRY(keeper.status);
    return vt_check_judge(check);
}

vt_status vt_check_run(const vt_check_options *options, const vt_console *console, vt_check **out) {
    *out = NULL;
    if (!options->data || !*options->data) return vt_fail(VT_ERROR_USAGE, "data: expected the folder of a data set");
    VT_TRY(vt_allocate(out, 1, sizeof **out, "a check"));
    vt_status status = run(*out, options, console);
    if (status == VT_OK) return VT_OK;
    vt_check_free(*out);
    *out = NULL;
    return status;
}

void vt_check_free(vt_check *check) {
    if (!check) return;
    vt_source_free(&check->source);
    vt_dataset_close(check->dataset);
    vt_decode_result_free(&check->pass);
    vt_strings_free(&check->names);
    vt_strings_free(&check->unlisted);
    vt_strings_free(&check->said);
    vt_strings_free(&check->warned);
    vt_strings_free(&check->patients);
    vt_map_free(check->patient_ids);
    free(check->images);
    free(check->label_ids);
    free(check->label_counts);
    free(check->patient_parts);
    free(check->patient_given);
    free(check->by_pixels);
    free(check->duplicates);
    free(check->sizes);
    free(check->kinds);
    free(check->data);
    free(check);
}

int vt_check_problems(const vt_check *check) {
    int kinds = 0;
    for (int i = 0; i < VT_PROBLEM_COUNT; i++) kinds += check->problems[i] > 0;
    return kinds;
}
