/* Opens a prepared data set: maps its Arrow files, holds them against vitrain_dataset.json, and checks the record of the
 * split again. It reads every name and label, and no pixel. */
#include "data/prepared/prepared.h"

#include "base/file.h"
#include "base/json.h"
#include "base/threads.h"
#include "formats/arrow.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum vt_column { COLUMN_FILE_NAME, COLUMN_PATIENT_ID, COLUMN_LABELS, COLUMN_PIXELS, COLUMN_COUNT } vt_column;

/* Names and labels lie in small pieces among the pixels: several threads at once get them from a disk several times as fast,
 * whatever the number of cores. */
enum { OPENING_THREADS = 16 };

typedef struct vt_shard {
    char *path; /* of the Arrow file */
    vt_mapping mapping;
    vt_arrow_reader *reader;   /* of the mapping */
    int columns[COLUMN_COUNT]; /* field numbers */
    int64_t first_row, rows;
} vt_shard;

struct vt_split {
    vt_part part;
    vt_shard *shards; /* [shard_count], in the order of their rows */
    int64_t shard_count;
    int64_t rows;
};

struct vt_dataset {
    vt_dataset_info info;
    char *path;         /* of vitrain_dataset.json */
    json_t *record;     /* owns the strings of `info` */
    const char **names; /* [num_labels] */
    int split_count;
    vt_split splits[VT_PART_COUNT];
};

/* --- vitrain_dataset.json --- */

static vt_status fail_key(const char *path, const char *key, const char *expected) {
    return vt_fail(VT_ERROR_INPUT, "%s: '%s' is missing or wrong; expected %s", path, key, expected);
}

static vt_status require_string(const json_t *object, const char *path, const char *key, const char **out) {
    *out = NULL;
    VT_TRY(vt_json_get_string(object, path, key, out));
    return *out ? VT_OK : fail_key(path, key, "a text");
}

static vt_status require_int(const json_t *object, const char *path, const char *key, int64_t low, int64_t high, int64_t *out) {
    if (!json_is_integer(json_object_get(object, key))) return fail_key(path, key, "a whole number");
    return vt_json_get_int(object, path, key, low, high, out);
}

static vt_status read_labels(vt_dataset *dataset) {
    const json_t *labels = json_object_get(dataset->record, "labels");
    size_t count = json_array_size(labels), i;
    json_t *label;
    vt_map *seen = NULL;
    vt_status status = VT_OK;
    if (count == 0 || count > VT_LABEL_LIMIT) return fail_key(dataset->path, "labels", "a list of names");
    VT_TRY(vt_allocate(&dataset->names, count, sizeof *dataset->names, "the label names"));
    VT_TRY(vt_map_create(&seen));
    json_array_foreach(labels, i, label) {
        const char *name = json_string_value(label);
        if (!name || vt_map_get(seen, name, strlen(name)) >= 0) {
            status = fail_key(dataset->path, "labels", "a list of different names");
            goto done;
        }
        VT_TRY_GOTO(vt_map_set(seen, name, strlen(name), 0));
        dataset->names[i] = name;
    }
    dataset->info.num_labels = (int)count;
    dataset->info.label_names = dataset->names;
done:
    vt_map_free(seen);
    return status;
}

/* Height and width of `object`, which is the record's `key`. */
static vt_status read_size(const vt_dataset *dataset, const json_t *object, const char *key, int *height, int *width) {
    int64_t rows, columns;
    if (!json_is_object(object)) return fail_key(dataset->path, key, "an object");
    VT_TRY(require_int(object, dataset->path, "height", 1, VT_IMAGE_SIDE_LIMIT, &rows));
    VT_TRY(require_int(object, dataset->path, "width", 1, VT_IMAGE_SIDE_LIMIT, &columns));
    *height = (int)rows;
    *width = (int)columns;
    return VT_OK;
}

/* Data sets without 'intensity' are of a time when there was one way alone. */
static vt_status read_intensity(vt_dataset *dataset) {
    const char *name = vt_intensity_name(VT_INTENSITY_FULL);
    int number = 0;
    VT_TRY(vt_json_get_string(dataset->record, dataset->path, "intensity", &name));
    while (vt_intensity_name((vt_intensity)number) && strcmp(vt_intensity_name((vt_intensity)number), name) != 0) number++;
    if (!vt_intensity_name((vt_intensity)number)) return fail_key(dataset->path, "intensity", "'full' or 'stretch'");
    dataset->info.intensity = (vt_intensity)number;
    return VT_OK;
}

/* Data sets without 'stored' keep images at the size that models take. */
static vt_status read_image(vt_dataset *dataset) {
    vt_dataset_info *info = &dataset->info;
    const json_t *image = json_object_get(dataset->record, "image"), *stored = json_object_get(dataset->record, "stored");
    int64_t channels;
    const char *resample;
    VT_TRY(read_size(dataset, image, "image", &info->height, &info->width));
    VT_TRY(read_size(dataset, stored ? stored : image, "stored", &info->stored_height, &info->stored_width));
    if (info->stored_height < info->height || info->stored_width < info->width)
        return vt_fail(VT_ERROR_INPUT, "%s: 'stored' is %d x %d; expected at least the %d x %d of 'image'", dataset->path,
                       info->stored_height, info->stored_width, info->height, info->width);
    VT_TRY(require_int(image, dataset->path, "channels", 1, 3, &channels));
    if (channels == 2) return fail_key(dataset->path, "channels", "1 or 3");
    VT_TRY(require_string(dataset->record, dataset->path, "resample", &resample));
    int number = 0;
    while (vt_resample_name((vt_resample)number) && strcmp(vt_resample_name((vt_resample)number), resample) != 0) number++;
    if (!vt_resample_name((vt_resample)number)) return fail_key(dataset->path, "resample", "a filter such as 'bilinear'");
    info->channels = (int)channels;
    info->resample = (vt_resample)number;
    return read_intensity(dataset);
}

static vt_status read_split_record(vt_dataset *dataset) {
    const json_t *split = json_object_get(dataset->record, "split");
    const char *policy;
    int64_t seed;
    bool patients_known = false;
    int number = VT_SPLIT_PATIENT;
    if (!json_is_object(split)) return fail_key(dataset->path, "split", "an object");
    VT_TRY(require_string(split, dataset->path, "policy", &policy));
    while (vt_split_policy_name((vt_split_policy)number) && strcmp(vt_split_policy_name((vt_split_policy)number), policy) != 0)
        number++;
    if (!vt_split_policy_name((vt_split_policy)number))
        return fail_key(dataset->path, "policy", "'patient', 'official', 'random' or 'folders'");
    VT_TRY(require_int(split, dataset->path, "seed", INT64_MIN, INT64_MAX, &seed));
    VT_TRY(require_string(split, dataset->path, "hash", &dataset->info.split_hash));
    VT_TRY(require_int(split, dataset->path, "shared_patients", 0, INT64_MAX, &dataset->info.shared_patients));
    VT_TRY(vt_json_get_number(split, dataset->path, "validation_fraction", &dataset->info.validation_fraction));
    VT_TRY(vt_json_get_bool(split, dataset->path, "patients_known", &patients_known));
    dataset->info.split_policy = (vt_split_policy)number;
    dataset->info.split_seed = (uint64_t)seed;
    dataset->info.patients_known = patients_known;
    return VT_OK;
}

static vt_status read_record(vt_dataset *dataset) {
    const char *format, *problem_type;
    int64_t version;
    VT_TRY(vt_json_load(dataset->path, &dataset->record));
    VT_TRY(require_string(dataset->record, dataset->path, "format", &format));
    if (strcmp(format, VT_DATASET_FORMAT) != 0) return fail_key(dataset->path, "format", "'" VT_DATASET_FORMAT "'");
    VT_TRY(require_int(dataset->record, dataset->path, "version", 1, VT_DATASET_VERSION, &version));
    VT_TRY(require_string(dataset->record, dataset->path, "problem_type", &problem_type));
    if (strcmp(problem_type, "multi_label_classification") != 0 && strcmp(problem_type, "single_label_classification") != 0)
        return fail_key(dataset->path, "problem_type", "'multi_label_classification' or 'single_label_classification'");
    dataset->info.problem_type = problem_type;
    VT_TRY(read_labels(dataset));
    VT_TRY(read_image(dataset));
    return read_split_record(dataset);
}

/* --- the Arrow files --- */

static vt_status find_columns(const vt_dataset *dataset, vt_shard *shard) {
    const vt_dataset_info *info = &dataset->info;
    const int64_t pixels = (int64_t)info->stored_height * info->stored_width * info->channels;
    const vt_arrow_field expected[COLUMN_COUNT] = {{"file_name", VT_ARROW_STRING, 0},
                                                   {"patient_id", VT_ARROW_STRING, 0},
                                                   {"labels", VT_ARROW_FLOAT_LIST, info->num_labels},
                                                   {"pixels", VT_ARROW_BYTE_LIST, (int32_t)pixels}};
    static const char *const kinds[] = {"utf8", "a list of float32", "a list of uint8"};
    for (int i = 0; i < COLUMN_COUNT; i++) {
        shard->columns[i] = vt_arrow_reader_find_field(shard->reader, expected[i].name);
        if (shard->columns[i] < 0) return vt_fail(VT_ERROR_INPUT, "%s: has no column '%s'", shard->path, expected[i].name);
        const vt_arrow_field *field = vt_arrow_reader_field(shard->reader, shard->columns[i]);
        if (field->kind != expected[i].kind || field->list_size != expected[i].list_size)
            return vt_fail(VT_ERROR_INPUT, "%s: column '%s' is %s of length %d; expected %s of length %d by %s", shard->path,
                           field->name, kinds[field->kind], (int)field->list_size, kinds[expected[i].kind],
                           (int)expected[i].list_size, VT_DATASET_JSON);
    }
    return VT_OK;
}

/* Labels are finite, or NaN where nobody knows; where every image has one class, they are one-hot. */
static vt_status check_labels(const vt_dataset *dataset, const vt_shard *shard) {
    bool single = strcmp(dataset->info.problem_type, "single_label_classification") == 0;
    for (int64_t row = 0; row < shard->rows; row++) {
        const float *labels = vt_arrow_reader_get(shard->reader, shard->columns[COLUMN_LABELS], row).data;
        int ones = 0, zeros = 0, infinite = 0;
        for (int i = 0; i < dataset->info.num_labels; i++) {
            ones += labels[i] == 1.0f;
            zeros += labels[i] == 0.0f;
            infinite += isinf(labels[i]) != 0;
        }
        if (infinite > 0)
            return vt_fail(VT_ERROR_INPUT, "%s: row %lld has an infinite label; expected a number, or NaN for unknown",
                           shard->path, (long long)row);
        if (single && (ones != 1 || zeros != dataset->info.num_labels - 1))
            return vt_fail(VT_ERROR_INPUT, "%s: row %lld: expected exactly one class", shard->path, (long long)row);
    }
    return VT_OK;
}

/* The shards that a split's state.json lists: in order, with the names that the writer gives them and no others, so that none
 * leads out of the folder. */
static vt_status read_shard_names(const char *folder, vt_split *split) {
    char *path = NULL, expected[VT_SHARD_NAME_SIZE];
    json_t *state = NULL;
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_join(folder, "state.json", &path));
    VT_TRY_GOTO(vt_json_load(path, &state));
    const json_t *files = json_object_get(state, "_data_files");
    size_t count = json_array_size(files);
    if (count == 0 || count > VT_SHARD_LIMIT) VT_TRY_GOTO(fail_key(path, "_data_files", "a list of files"));
    VT_TRY_GOTO(vt_allocate(&split->shards, count, sizeof *split->shards, "a split's files"));
    for (; split->shard_count < (int64_t)count; split->shard_count++) {
        const char *name = json_string_value(json_object_get(json_array_get(files, (size_t)split->shard_count), "filename"));
        vt_shard_name(split->shard_count, (int64_t)count, expected);
        if (!name || strcmp(name, expected) != 0)
            VT_TRY_GOTO(vt_fail(VT_ERROR_INPUT, "%s: entry %lld of '_data_files' is '%.80s'; expected '%s'", path,
                                (long long)split->shard_count, name ? name : "no file name", expected));
        VT_TRY_GOTO(vt_join(folder, name, &split->shards[split->shard_count].path));
    }
done:
    json_decref(state);
    free(path);
    return status;
}

typedef struct shards_to_open {
    const vt_dataset *dataset;
    vt_split *split;
} shards_to_open;

static vt_status open_shard(void *context, int64_t index) {
    const vt_dataset *dataset = ((shards_to_open *)context)->dataset;
    vt_shard *shard = &((shards_to_open *)context)->split->shards[index];
    VT_TRY(vt_map_file(shard->path, &shard->mapping));
    vt_mapping_expect_random(&shard->mapping);
    VT_TRY(vt_arrow_reader_parse(shard->mapping.data, shard->mapping.size, shard->path, &shard->reader));
    shard->rows = vt_arrow_reader_rows(shard->reader);
    VT_TRY(find_columns(dataset, shard));
    return check_labels(dataset, shard);
}

static vt_status open_split(vt_dataset *dataset, const char *folder, vt_part part, int64_t rows) {
    vt_split *split = &dataset->splits[dataset->split_count++];
    shards_to_open shards = {dataset, split};
    char *path;
    split->part = part;
    VT_TRY(vt_join(folder, vt_part_name(part), &path));
    vt_status status = read_shard_names(path, split);
    free(path);
    VT_TRY(status);
    VT_TRY(vt_parallel_for(OPENING_THREADS, split->shard_count, open_shard, &shards));
    for (int64_t i = 0; i < split->shard_count; i++) {
        split->shards[i].first_row = split->rows;
        split->rows += split->shards[i].rows;
    }
    if (split->rows != rows)
        return vt_fail(VT_ERROR_INPUT, "%s/%s: has %lld rows; expected %lld by %s", folder, vt_part_name(part),
                       (long long)split->rows, (long long)rows, VT_DATASET_JSON);
    return VT_OK;
}

static vt_status open_splits(vt_dataset *dataset, const char *folder) {
    const json_t *splits = json_object_get(dataset->record, "splits");
    if (!json_is_object(splits) || json_object_size(splits) == 0)
        return fail_key(dataset->path, "splits", "row counts per split");
    size_t known = 0;
    for (int part = 0; part < VT_PART_COUNT; part++) {
        int64_t rows;
        if (!json_object_get(splits, vt_part_name((vt_part)part))) continue;
        known++;
        VT_TRY(require_int(splits, dataset->path, vt_part_name((vt_part)part), 1, INT64_MAX, &rows));
        VT_TRY(open_split(dataset, folder, (vt_part)part, rows));
    }
    return known == json_object_size(splits) ? VT_OK
                                             : fail_key(dataset->path, "splits", "'train', 'validation' and 'test' only");
}

/* --- the split, again --- */

static vt_status check_split(const vt_dataset *dataset) {
    vt_split_row *rows = NULL;
    int64_t count = 0, total = 0, shared;
    char hash[VT_SPLIT_HASH_SIZE];
    vt_status status = VT_OK;
    for (int s = 0; s < dataset->split_count; s++) total += dataset->splits[s].rows;
    VT_TRY(vt_allocate(&rows, (size_t)total, sizeof *rows, "the split"));
    for (int s = 0; s < dataset->split_count; s++)
        for (int64_t i = 0; i < dataset->splits[s].rows; i++) {
            vt_example example = vt_split_get(&dataset->splits[s], i);
            rows[count++] = (vt_split_row){.file_name = example.file_name,
                                           .file_name_length = example.file_name_length,
                                           .patient_id = example.patient_id,
                                           .patient_id_length = example.patient_id_length,
                                           .part = dataset->splits[s].part};
        }
    status = vt_split_digest(rows, count, hash, &shared);
    free(rows);
    if (status != VT_OK) return vt_fail_prefix(status, "%s", dataset->path);
    if (strcmp(hash, dataset->info.split_hash) != 0)
        return vt_fail(
            VT_ERROR_INPUT,
            "%s: the split's hash is %s, but the files' is %s: they were changed after they were prepared; prepare the "
            "data set again",
            dataset->path, dataset->info.split_hash, hash);
    if (shared != dataset->info.shared_patients)
        return vt_fail(VT_ERROR_INPUT, "%s: 'shared_patients' is %lld, but %lld patients are in more than one split",
                       dataset->path, (long long)dataset->info.shared_patients, (long long)shared);
    vt_split_policy policy = dataset->info.split_policy;
    if (shared > 0 && (policy == VT_SPLIT_PATIENT || policy == VT_SPLIT_OFFICIAL))
        return vt_fail(VT_ERROR_INPUT, "%s: %lld patients are in more than one split, though it was split by '%s'",
                       dataset->path, (long long)shared, vt_split_policy_name(policy));
    return VT_OK;
}

vt_status vt_dataset_open(const char *path, vt_dataset **out) {
    vt_dataset *dataset = NULL;
    *out = NULL;
    if (!vt_is_prepared(path))
        return vt_fail(VT_ERROR_IO, "%s: not a prepared data set, it has no %s; make one with 'vitrain prepare'", path,
                       VT_DATASET_JSON);
    VT_TRY(vt_allocate(&dataset, 1, sizeof *dataset, "a data set"));
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_join(path, VT_DATASET_JSON, &dataset->path));
    VT_TRY_GOTO(read_record(dataset));
    VT_TRY_GOTO(open_splits(dataset, path));
    VT_TRY_GOTO(check_split(dataset));
    *out = dataset;
    return VT_OK;
done:
    vt_dataset_close(dataset);
    return status;
}

void vt_dataset_close(vt_dataset *dataset) {
    if (!dataset) return;
    for (int s = 0; s < dataset->split_count; s++) {
        vt_split *split = &dataset->splits[s];
        for (int64_t i = 0; i < split->shard_count; i++) {
            vt_arrow_reader_close(split->shards[i].reader);
            vt_unmap_file(&split->shards[i].mapping);
            free(split->shards[i].path);
        }
        free(split->shards);
    }
    json_decref(dataset->record);
    free(dataset->names);
    free(dataset->path);
    free(dataset);
}

const vt_dataset_info *vt_dataset_get_info(const vt_dataset *dataset) {
    return &dataset->info;
}

const vt_split *vt_dataset_get_split(const vt_dataset *dataset, const char *name) {
    for (int i = 0; i < dataset->split_count; i++)
        if (strcmp(vt_part_name(dataset->splits[i].part), name) == 0) return &dataset->splits[i];
    return NULL;
}

int64_t vt_split_size(const vt_split *split) {
    return split->rows;
}

const char *vt_split_name(const vt_split *split) {
    return vt_part_name(split->part);
}

int64_t vt_split_shard_count(const vt_split *split) {
    return split->shard_count;
}

/* The shard that holds row `index` of the split; *row: its number there. */
static const vt_shard *find_shard(const vt_split *split, int64_t index, int64_t *row) {
    int64_t low = 0, high = split->shard_count - 1; /* the last shard that begins at or before `index` */
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;
        if (split->shards[middle].first_row <= index)
            low = middle;
        else
            high = middle - 1;
    }
    *row = index - split->shards[low].first_row;
    return &split->shards[low];
}

void vt_split_prefetch(const vt_split *split, int64_t index) {
    int64_t row;
    const vt_shard *shard = find_shard(split, index, &row);
    vt_arrow_value pixels = vt_arrow_reader_get(shard->reader, shard->columns[COLUMN_PIXELS], row);
    vt_mapping_prefetch(pixels.data, pixels.size);
}

vt_example vt_split_get(const vt_split *split, int64_t index) {
    int64_t row;
    const vt_shard *shard = find_shard(split, index, &row);
    vt_arrow_value file_name = vt_arrow_reader_get(shard->reader, shard->columns[COLUMN_FILE_NAME], row);
    vt_arrow_value patient_id = vt_arrow_reader_get(shard->reader, shard->columns[COLUMN_PATIENT_ID], row);
    return (vt_example){.file_name = file_name.data,
                        .file_name_length = file_name.size,
                        .patient_id = patient_id.data,
                        .patient_id_length = patient_id.size,
                        .labels = vt_arrow_reader_get(shard->reader, shard->columns[COLUMN_LABELS], row).data,
                        .pixels = vt_arrow_reader_get(shard->reader, shard->columns[COLUMN_PIXELS], row).data};
}
