/* Writes a prepared data set: what Hugging Face's save_to_disk writes, so that load_from_disk opens it, and
 * vitrain_dataset.json with what Vitrain needs beyond that. */
#include "data/prepared.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/threads.h"
#include "formats/arrow.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_BYTES = 16 << 20, BATCH_ROWS = 1000 };

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

static vt_status open_arrow(const char *folder, const vt_prepared *prepared, int channels, vt_arrow_writer **out) {
    size_t pixels = pixel_bytes(prepared, channels), rows = BATCH_BYTES / pixels;
    const vt_arrow_field fields[] = {{"file_name", VT_ARROW_STRING, 0},
                                     {"patient_id", VT_ARROW_STRING, 0},
                                     {"labels", VT_ARROW_FLOAT_LIST, (int32_t)prepared->source->labels.count},
                                     {"pixels", VT_ARROW_BYTE_LIST, (int32_t)pixels}};
    json_t *metadata = json_pack("{s{so}}", "info", "features", features_json(prepared, channels));
    char *text = metadata ? json_dumps(metadata, JSON_ENSURE_ASCII) : NULL, *path = NULL;
    const char *key = "huggingface", *value = text;
    vt_status status = VT_OK;
    if (!text) {
        status = no_memory_for_json();
        goto done;
    }
    VT_TRY_GOTO(vt_join(folder, VT_DATASET_SHARD, &path));
    status = vt_arrow_writer_open(path, fields, 4, &key, &value, 1,
                                  (int)(rows < 1            ? 1
                                        : rows > BATCH_ROWS ? BATCH_ROWS
                                                            : rows),
                                  out);
done:
    json_decref(metadata);
    free(text);
    free(path);
    return status;
}

/* labels [count] = the N-hot vector of an item, NaN where a label is unknown. */
static void fill_labels(const vt_source *source, const vt_item *item, float *labels) {
    memset(labels, 0, source->labels.count * sizeof *labels);
    for (size_t i = 0; i < item->label_count; i++) labels[source->label_ids[item->first_label + i]] = 1.0f;
    for (size_t i = 0; i < item->unknown_count; i++) labels[source->unknown_ids[item->first_unknown + i]] = NAN;
}

static vt_status write_rows(const char *folder, const vt_prepared *prepared, vt_part part, int channels,
                            vt_progress *progress) {
    const vt_source *source = prepared->source;
    vt_arrow_writer *writer = NULL;
    uint8_t *pixels = NULL;
    float *labels = NULL;
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_allocate(&pixels, pixel_bytes(prepared, channels), 1, "an image"));
    VT_TRY_GOTO(vt_allocate(&labels, source->labels.count, sizeof *labels, "a label vector"));
    VT_TRY_GOTO(open_arrow(folder, prepared, channels, &writer));
    for (size_t i = 0; i < source->count; i++) {
        const vt_item *item = &source->items[i];
        if (prepared->plan->parts[i] != part) continue;
        if (vt_stop_requested()) {
            status = vt_fail(VT_ERROR_INTERRUPTED, "stopped while writing the data set; nothing was kept");
            goto done;
        }
        fill_labels(source, item, labels);
        VT_TRY_GOTO(vt_spool_read(prepared->spool, i, channels, pixels));
        const char *patient = item->patient_id ? item->patient_id : "";
        vt_arrow_value values[] = {{item->file_name, strlen(item->file_name)},
                                   {patient, strlen(patient)},
                                   {labels, source->labels.count * sizeof *labels},
                                   {pixels, pixel_bytes(prepared, channels)}};
        VT_TRY_GOTO(vt_arrow_writer_add(writer, values));
        vt_progress_update(progress, progress->done + 1, NULL);
    }
    status = vt_arrow_writer_commit(writer, NULL);
    writer = NULL;
done:
    vt_arrow_writer_discard(writer);
    free(pixels);
    free(labels);
    return status;
}

/* The split's folder: rows, dataset_info.json, state.json. */
static vt_status write_split(const char *folder, const vt_prepared *prepared, vt_part part, int channels, const char *hash,
                             vt_progress *progress) {
    char *path = NULL, fingerprint[17], identity[128];
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_join(folder, vt_part_name(part), &path));
    VT_TRY_GOTO(vt_make_folders(path));
    VT_TRY_GOTO(write_rows(path, prepared, part, channels, progress));
    VT_TRY_GOTO(save_json(path, "dataset_info.json",
                          json_pack("{ss ss so ss ss}", "citation", "", "description", "", "features",
                                    features_json(prepared, channels), "homepage", "", "license", "")));
    int length = snprintf(identity, sizeof identity, "%s %s %d %d %d %d", hash, vt_part_name(part), prepared->spool->height,
                          prepared->spool->width, channels, (int)prepared->resample);
    snprintf(fingerprint, sizeof fingerprint, "%016llx", (unsigned long long)vt_fnv1a(VT_FNV_OFFSET, identity, (size_t)length));
    VT_TRY_GOTO(save_json(path, "state.json",
                          json_pack("{s[{ss}] ss sn s{} sn sb ss}", "_data_files", "filename", VT_DATASET_SHARD, "_fingerprint",
                                    fingerprint, "_format_columns", "_format_kwargs", "_format_type", "_output_all_columns", 0,
                                    "_split", vt_part_name(part))));
done:
    free(path);
    return status;
}

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
    return save_json(folder, VT_DATASET_JSON,
                     json_pack("{ss si so ss s{sisisi} ss s{ss sf sI ss sb sI} so}", "format", VT_DATASET_FORMAT, "version",
                               VT_DATASET_VERSION, "labels", names_json(&prepared->source->labels), "problem_type", problem,
                               "image", "height", prepared->spool->height, "width", prepared->spool->width, "channels",
                               channels, "resample", vt_resample_name(prepared->resample), "split", "policy",
                               vt_split_policy_name(prepared->plan->policy), "validation_fraction",
                               prepared->request->validation_fraction, "seed", (json_int_t)prepared->request->seed, "hash",
                               hash, "patients_known", prepared->source->patients_known, "shared_patients", (json_int_t)shared,
                               "splits", splits));
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
static vt_status write_metadata_line(vt_writer *writer, const vt_source *source, const vt_item *item, float *vector) {
    json_t *labels = json_array(), *row = NULL;
    char *text = NULL;
    vt_status status = VT_OK;
    fill_labels(source, item, vector);
    for (size_t i = 0; labels && i < source->labels.count; i++) {
        json_t *value = isnan(vector[i]) ? json_null() : json_integer((json_int_t)vector[i]);
        if (json_array_append_new(labels, value) != 0) status = no_memory_for_json();
    }
    row = json_pack("{ss so}", "file_name", item->file_name, "labels", labels);
    text = row ? json_dumps(row, JSON_COMPACT) : NULL;
    if (status == VT_OK) status = text ? vt_writer_print(writer, "%s\n", text) : no_memory_for_json();
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
    vt_status status = VT_OK;
    VT_TRY(vt_split_plan_digest(prepared->source, prepared->plan, hash, &shared));
    for (int part = 0; part < VT_PART_COUNT; part++) total += prepared->plan->counts[part];
    vt_progress progress;
    vt_progress_begin(&progress, console, "Writing", "images", 0, total);
    for (int part = 0; part < VT_PART_COUNT && status == VT_OK; part++)
        if (prepared->plan->counts[part] > 0) status = write_split(folder, prepared, (vt_part)part, channels, hash, &progress);
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
