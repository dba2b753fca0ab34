/* Writes a prepared data set: what Hugging Face's save_to_disk writes, so that load_from_disk opens it, and
 * vitrain_dataset.json with what Vitrain needs beyond that. */
#include "data/prepared/prepared.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/threads.h"
#include "formats/arrow.h"
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each writing thread holds a record batch in memory, and few threads keep a disk busy. */
enum { BATCH_BYTES = 16 << 20, BATCH_ROWS = 1000, WRITER_LIMIT = 4 };
static const uint64_t SHARD_BYTES = 500000000; /* the default of save_to_disk's max_shard_size */

int vt_prepared_channels(const vt_prepared *prepared) {
    for (size_t i = 0; i < prepared->source->count; i++)
        if (prepared->plan->parts[i] != VT_PART_NONE && prepared->spool->channels[i] == 3) return 3;
    return 1;
}

/* Bytes of `pixels` in a row. */
static size_t pixel_bytes(const vt_prepared *prepared, int channels) {
    return (size_t)prepared->spool->height * (size_t)prepared->spool->width * (size_t)channels;
}

static vt_status no_memory_for_json(void) {
    return vt_fail(VT_ERROR_MEMORY, "no memory for the data set's description");
}

/* Saves `value` as folder/name and frees it; NULL is a failed allocation. */
static vt_status save_json(const char *folder, const char *name, json_t *value) {
    char *path = NULL;
    if (!value) return no_memory_for_json();
    vt_status status = vt_join(folder, name, &path);
    if (status == VT_OK) status = vt_json_save(path, value);
    json_decref(value);
    free(path);
    return status;
}

/* datasets.Features as JSON. "Sequence" is what datasets 2 to 5 all understand as a list of fixed length. */
static json_t *features_json(const vt_prepared *prepared, int channels) {
    return json_pack("{s{ssss} s{ssss} s{s{ssss}siss} s{s{ssss}sIss}}", "file_name", "dtype", "string", "_type", "Value",
                     "patient_id", "dtype", "string", "_type", "Value", "labels", "feature", "dtype", "float32", "_type",
                     "Value", "length", (int)prepared->source->labels.count, "_type", "Sequence", "pixels", "feature", "dtype",
                     "uint8", "_type", "Value", "length", (json_int_t)pixel_bytes(prepared, channels), "_type", "Sequence");
}

static vt_status open_arrow(const char *path, const vt_prepared *prepared, int channels, vt_arrow_writer **out) {
    size_t pixels = pixel_bytes(prepared, channels), rows = BATCH_BYTES / pixels;
    const vt_arrow_field fields[] = {{"file_name", VT_ARROW_STRING, 0},
                                     {"patient_id", VT_ARROW_STRING, 0},
                                     {"labels", VT_ARROW_FLOAT_LIST, (int32_t)prepared->source->labels.count},
                                     {"pixels", VT_ARROW_BYTE_LIST, (int32_t)pixels}};
    json_t *metadata = json_pack("{s{so}}", "info", "features", features_json(prepared, channels));
    char *text = metadata ? json_dumps(metadata, JSON_ENSURE_ASCII) : NULL;
    const char *key = "huggingface", *value = text;
    json_decref(metadata);
    if (!text) return no_memory_for_json();
    vt_status status = vt_arrow_writer_open(path, fields, 4, &key, &value, 1,
                                            (int)(rows < 1            ? 1
                                                  : rows > BATCH_ROWS ? BATCH_ROWS
                                                                      : rows),
                                            out);
    free(text);
    return status;
}

/* labels [count] = the N-hot vector of an item, NaN where a label is unknown. */
static void fill_labels(const vt_source *source, const vt_item *item, float *labels) {
    memset(labels, 0, source->labels.count * sizeof *labels);
    for (size_t i = 0; i < item->label_count; i++) labels[source->label_ids[item->first_label + i]] = 1.0f;
    for (size_t i = 0; i < item->unknown_count; i++) labels[source->unknown_ids[item->first_unknown + i]] = NAN;
}

/* --- the shards of a split --- */

void vt_shard_name(int64_t index, int64_t count, char name[VT_SHARD_NAME_SIZE]) {
    snprintf(name, VT_SHARD_NAME_SIZE, "data-%05lld-of-%05lld.arrow", (long long)index, (long long)count);
}

/* A split being written by several threads. */
typedef struct split_writer {
    const vt_prepared *prepared;
    const char *folder; /* of the split */
    int channels;
    size_t *items; /* [rows] of the source that are in the split, in its order */
    int64_t rows, shards;
    vt_progress *progress;
    pthread_t caller;      /* the only thread that may draw the progress */
    _Atomic int64_t *done; /* images written, of all splits */
} split_writer;

/* As many shards as save_to_disk makes, but none without rows. */
static int64_t count_shards(const vt_prepared *prepared, int channels, int64_t rows) {
    uint64_t limit = prepared->shard_bytes ? prepared->shard_bytes : SHARD_BYTES;
    uint64_t row = pixel_bytes(prepared, channels) + prepared->source->labels.count * sizeof(float);
    uint64_t count = (uint64_t)rows * row / limit + 1;
    if (count > (uint64_t)rows) count = (uint64_t)rows;
    return count > VT_SHARD_LIMIT ? VT_SHARD_LIMIT : (int64_t)count;
}

static vt_status write_row(const split_writer *split, size_t index, vt_arrow_writer *writer, float *labels, uint8_t *pixels) {
    const vt_source *source = split->prepared->source;
    const vt_item *item = &source->items[index];
    const char *patient = item->patient_id ? item->patient_id : "";
    fill_labels(source, item, labels);
    VT_TRY(vt_spool_read(split->prepared->spool, index, split->channels, pixels));
    vt_arrow_value values[] = {{item->file_name, strlen(item->file_name)},
                               {patient, strlen(patient)},
                               {labels, source->labels.count * sizeof *labels},
                               {pixels, pixel_bytes(split->prepared, split->channels)}};
    return vt_arrow_writer_add(writer, values);
}

static void count_row(const split_writer *split) {
    int64_t done = atomic_fetch_add(split->done, 1) + 1;
    if (pthread_equal(pthread_self(), split->caller)) vt_progress_update(split->progress, done, NULL);
}

/* The rows of shard `index` of n are those that datasets' shard(n, index, contiguous=True) takes. */
static vt_status write_shard(void *context, int64_t index) {
    const split_writer *split = context;
    int64_t each = split->rows / split->shards, longer = split->rows % split->shards;
    int64_t first = each * index + (index < longer ? index : longer), end = first + each + (index < longer);
    char name[VT_SHARD_NAME_SIZE], *path = NULL;
    vt_arrow_writer *writer = NULL;
    uint8_t *pixels = NULL;
    float *labels = NULL;
    vt_status status = VT_OK;
    vt_shard_name(index, split->shards, name);
    VT_TRY_GOTO(vt_join(split->folder, name, &path));
    VT_TRY_GOTO(vt_allocate(&pixels, pixel_bytes(split->prepared, split->channels), 1, "an image"));
    VT_TRY_GOTO(vt_allocate(&labels, split->prepared->source->labels.count, sizeof *labels, "a label vector"));
    VT_TRY_GOTO(open_arrow(path, split->prepared, split->channels, &writer));
    for (int64_t row = first; row < end; row++) {
        if (vt_stop_requested()) VT_TRY_GOTO(vt_fail(VT_ERROR_INTERRUPTED, "stopped while writing the data set"));
        VT_TRY_GOTO(write_row(split, split->items[row], writer, labels, pixels));
        count_row(split);
    }
    status = vt_arrow_writer_commit(writer, NULL);
    writer = NULL;
done:
    vt_arrow_writer_discard(writer);
    free(pixels);
    free(labels);
    free(path);
    return status;
}

static json_t *shards_json(int64_t count) {
    char name[VT_SHARD_NAME_SIZE];
    json_t *list = json_array();
    for (int64_t i = 0; list && i < count; i++) {
        vt_shard_name(i, count, name);
        if (json_array_append_new(list, json_pack("{ss}", "filename", name)) == 0) continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

/* dataset_info.json and state.json of a split. */
static vt_status write_description(const split_writer *split, vt_part part, const char *hash) {
    const vt_prepared *prepared = split->prepared;
    char fingerprint[17], identity[192];
    VT_TRY(save_json(split->folder, "dataset_info.json",
                     json_pack("{ss ss so ss ss}", "citation", "", "description", "", "features",
                               features_json(prepared, split->channels), "homepage", "", "license", "")));
    int length = snprintf(identity, sizeof identity, "%s %s %d %d %d %d %d", hash, vt_part_name(part), prepared->spool->height,
                          prepared->spool->width, split->channels, (int)prepared->resample, (int)prepared->intensity);
    snprintf(fingerprint, sizeof fingerprint, "%016llx", (unsigned long long)vt_fnv1a(VT_FNV_OFFSET, identity, (size_t)length));
    return save_json(split->folder, "state.json",
                     json_pack("{so ss sn s{} sn sb ss}", "_data_files", shards_json(split->shards), "_fingerprint",
                               fingerprint, "_format_columns", "_format_kwargs", "_format_type", "_output_all_columns", 0,
                               "_split", vt_part_name(part)));
}

static vt_status write_split(const char *folder, const vt_prepared *prepared, vt_part part, split_writer *split,
                             const char *hash) {
    char *path = NULL;
    int threads = prepared->threads < WRITER_LIMIT ? prepared->threads : WRITER_LIMIT;
    vt_status status = VT_OK;
    split->items = NULL;
    split->rows = 0;
    VT_TRY_GOTO(vt_join(folder, vt_part_name(part), &path));
    split->folder = path;
    VT_TRY_GOTO(vt_make_folders(path));
    VT_TRY_GOTO(vt_allocate(&split->items, (size_t)prepared->plan->counts[part], sizeof *split->items, "a split"));
    for (size_t i = 0; i < prepared->source->count; i++)
        if (prepared->plan->parts[i] == part) split->items[split->rows++] = i;
    split->shards = count_shards(prepared, split->channels, split->rows);
    VT_TRY_GOTO(vt_parallel_for(threads, split->shards, write_shard, split));
    VT_TRY_GOTO(write_description(split, part, hash));
done:
    free(split->items);
    free(path);
    return status;
}

/* --- the whole folder --- */

static json_t *names_json(const vt_strings *names) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < names->count; i++)
        if (json_array_append_new(list, json_string(names->items[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static vt_status write_record(const char *folder, const vt_prepared *prepared, int channels, const char *hash, int64_t shared) {
    json_t *splits = json_object();
    for (int part = 0; splits && part < VT_PART_COUNT; part++)
        if (prepared->plan->counts[part] > 0 &&
            json_object_set_new(splits, vt_part_name(part), json_integer(prepared->plan->counts[part])) != 0) {
            json_decref(splits);
            return no_memory_for_json();
        }
    const char *problem = prepared->source->single_label ? "single_label_classification" : "multi_label_classification";
    return save_json(
        folder, VT_DATASET_JSON,
        json_pack("{ss si so ss s{sisisi} s{sisi} ss ss s{ss sf sI ss sb sI} so}", "format", VT_DATASET_FORMAT, "version",
                  VT_DATASET_VERSION, "labels", names_json(&prepared->source->labels), "problem_type", problem, "image",
                  "height", prepared->image_height, "width", prepared->image_width, "channels", channels, "stored", "height",
                  prepared->spool->height, "width", prepared->spool->width, "resample", vt_resample_name(prepared->resample),
                  "intensity", vt_intensity_name(prepared->intensity), "split", "policy",
                  vt_split_policy_name(prepared->plan->policy), "validation_fraction", prepared->request->validation_fraction,
                  "seed", (json_int_t)prepared->request->seed, "hash", hash, "patients_known", prepared->source->patients_known,
                  "shared_patients", (json_int_t)shared, "splits", splits));
}

static vt_status write_dataset_dict(const char *folder, const vt_split_plan *plan) {
    vt_strings names = {0};
    vt_status status = VT_OK;
    for (int part = 0; part < VT_PART_COUNT && status == VT_OK; part++)
        if (plan->counts[part] > 0) status = vt_strings_add(&names, vt_part_name(part), strlen(vt_part_name(part)));
    if (status == VT_OK) status = save_json(folder, "dataset_dict.json", json_pack("{so}", "splits", names_json(&names)));
    vt_strings_free(&names);
    return status;
}

/* vector [labels] is overwritten. */
/* labels [count] is room for the item's; null is a label that nobody knows. */
static vt_status write_metadata_line(vt_writer *writer, const vt_source *source, const vt_item *item, float *labels) {
    json_t *list = json_array(), *row;
    fill_labels(source, item, labels);
    for (size_t i = 0; list && i < source->labels.count; i++)
        if (json_array_append_new(list, isnan(labels[i]) ? json_null() : json_integer(labels[i] > 0.5f)) != 0) {
            json_decref(list);
            list = NULL;
        }
    row = json_pack("{ss so}", "file_name", item->file_name, "labels", list);
    char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;
    vt_status status = text ? vt_writer_print(writer, "%s\n", text) : no_memory_for_json();
    json_decref(row);
    free(text);
    return status;
}

/* metadata.jsonl as the walk-through writes it: file_name and N-hot labels of every image; null where one is unknown. */
static vt_status write_metadata(const char *folder, const vt_prepared *prepared) {
    char *path = NULL;
    vt_writer *writer = NULL;
    float *labels = NULL;
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_allocate(&labels, prepared->source->labels.count, sizeof *labels, "a label vector"));
    VT_TRY_GOTO(vt_join(folder, "metadata.jsonl", &path));
    VT_TRY_GOTO(vt_writer_open(path, &writer));
    for (size_t i = 0; i < prepared->source->count; i++)
        if (prepared->plan->parts[i] != VT_PART_NONE)
            VT_TRY_GOTO(write_metadata_line(writer, prepared->source, &prepared->source->items[i], labels));
    status = vt_writer_commit(writer);
    writer = NULL;
done:
    vt_writer_discard(writer);
    free(labels);
    free(path);
    return status;
}

vt_status vt_prepared_write(const char *folder, const vt_prepared *prepared, const vt_console *console) {
    int channels = vt_prepared_channels(prepared);
    char hash[VT_SPLIT_HASH_SIZE];
    int64_t shared, total = 0;
    _Atomic int64_t done = 0;
    vt_status status = VT_OK;
    VT_TRY(vt_split_plan_digest(prepared->source, prepared->plan, hash, &shared));
    for (int part = 0; part < VT_PART_COUNT; part++) total += prepared->plan->counts[part];
    vt_progress progress;
    vt_progress_begin(&progress, console, "Writing", "images", 0, total);
    split_writer split = {
        .prepared = prepared, .channels = channels, .progress = &progress, .caller = pthread_self(), .done = &done};
    for (int part = 0; part < VT_PART_COUNT && status == VT_OK; part++)
        if (prepared->plan->counts[part] > 0) status = write_split(folder, prepared, (vt_part)part, &split, hash);
    vt_progress_end(&progress);
    VT_TRY(status);
    if (prepared->write_metadata) VT_TRY(write_metadata(folder, prepared));
    VT_TRY(write_dataset_dict(folder, prepared->plan));
    return write_record(folder, prepared, channels, hash, shared);
}

bool vt_is_prepared(const char *folder) {
    char *path = NULL;
    bool found = vt_join(folder, VT_DATASET_JSON, &path) == VT_OK && vt_path_exists(path);
    free(path);
    return found;
}
