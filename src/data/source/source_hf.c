/* A data set saved by Hugging Face's `datasets` (save_to_disk): dataset_dict.json and a folder per split, or one split alone. A
 * split has dataset_info.json with the features of its columns, and state.json with the names of its Arrow files, which hold
 * the rows. What the columns are is decided in hf_columns.c; the images are read later, by stream_arrow.c. */
#include "data/source/source.h"

#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "data/prepared/prepared.h"
#include "data/source/hf_columns.h"
#include "data/source/label_cell.h"
#include "data/stream/arrow_image.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct vt_hf_reader {
    vt_source *source;
    vt_strings splits; /* names of folders; "" alone: the data set's own folder */
    json_t *info;      /* of the first split; owns the features */
    vt_hf_columns columns;
    vt_label_reader labels;
    vt_map *names; /* of files, from the rows' paths */
    bool bare;     /* every image has such a name, and no two the same */
    char *folder;  /* of the current split */
    const char *split;
    int64_t row; /* in the current split */
} vt_hf_reader;

/* The columns of the current Arrow file. */
typedef struct vt_hf_shard {
    char *path;
    vt_arrow_reader *reader;
    int image, patient; /* fields; -1: none */
    int *labels;        /* [columns.labels] */
} vt_hf_shard;

static bool has_file(const char *folder, const char *name) {
    char *path = NULL;
    if (vt_join(folder, name, &path) != VT_OK) return false;
    bool found = vt_path_exists(path);
    free(path);
    return found;
}

bool vt_source_is_hf(const char *root) {
    return has_file(root, "dataset_dict.json") || (has_file(root, "dataset_info.json") && has_file(root, "state.json"));
}

/* --- which files --- */

/* Whether a name from a file is that of something in the same folder. */
static bool is_plain_name(const char *name) {
    return name && *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static vt_status load_json(const char *folder, const char *name, json_t **out, char **path) {
    *out = NULL;
    VT_TRY(vt_join(folder, name, path));
    return vt_json_load(*path, out);
}

/* Names of the splits; those that are none of train, validation and test are left out, with a word. */
static vt_status find_splits(vt_hf_reader *reader, const vt_console *console) {
    json_t *dict = NULL, *name;
    char *path = NULL;
    size_t i;
    vt_status status = VT_OK;
    if (!has_file(reader->source->root, "dataset_dict.json")) return vt_strings_add(&reader->splits, "", 0);
    VT_TRY_GOTO(load_json(reader->source->root, "dataset_dict.json", &dict, &path));
    const json_t *splits = json_object_get(dict, "splits");
    json_array_foreach(splits, i, name) {
        const char *text = json_string_value(name);
        if (!is_plain_name(text)) {
            status = vt_fail(VT_ERROR_INPUT, "%s: split %zu is '%s'; expected the name of a folder", path, i, text ? text : "");
            goto done;
        }
        if (vt_part_of_folder(text, strlen(text)) == VT_PART_NONE)
            vt_warn(console, "%s: split '%s' is none of train, validation and test, and is left out", path, text);
        else
            VT_TRY_GOTO(vt_strings_add(&reader->splits, text, strlen(text)));
    }
    if (reader->splits.count == 0)
        status = vt_fail(VT_ERROR_INPUT,
                         "%s: no split is called train, validation or test; rename one, or give the folder of one", path);
done:
    json_decref(dict);
    free(path);
    return status;
}

/* Enters the folder of a split. */
static vt_status enter_split(vt_hf_reader *reader, size_t index) {
    reader->split = reader->splits.items[index];
    reader->row = 0;
    free(reader->folder);
    reader->folder = NULL;
    VT_TRY(vt_format(&reader->folder, "%s%s%s", reader->source->root, *reader->split ? "/" : "", reader->split));
    reader->labels.path = reader->folder;
    return VT_OK;
}

/* Names of the current split's Arrow files. */
static vt_status find_shards(const vt_hf_reader *reader, vt_strings *shards) {
    json_t *state = NULL, *file;
    char *path = NULL;
    size_t i;
    vt_status status = VT_OK;
    VT_TRY_GOTO(load_json(reader->folder, "state.json", &state, &path));
    const json_t *files = json_object_get(state, "_data_files");
    if (!json_is_array(files)) {
        status = vt_fail(VT_ERROR_INPUT, "%s: has no '_data_files'; expected the names of Arrow files", path);
        goto done;
    }
    json_array_foreach(files, i, file) {
        const char *name = json_string_value(json_object_get(file, "filename"));
        if (!is_plain_name(name) || !has_file(reader->folder, name)) {
            status = is_plain_name(name)
                         ? vt_fail(VT_ERROR_INPUT, "%s: names '%s', which is absent; copy the whole folder", path, name)
                         : vt_fail(VT_ERROR_INPUT, "%s: file %zu is '%s'; expected the name of an Arrow file beside it", path,
                                   i, name ? name : "");
            goto done;
        }
        VT_TRY_GOTO(vt_strings_add(shards, name, strlen(name)));
    }
done:
    json_decref(state);
    free(path);
    return status;
}

/* --- Arrow files --- */

static void close_shard(vt_hf_shard *shard) {
    vt_arrow_reader_close(shard->reader);
    free(shard->labels);
    free(shard->path);
    *shard = (vt_hf_shard){0};
}

static vt_status find_field(const vt_hf_shard *shard, const char *column, int *field) {
    *field = vt_arrow_reader_find_field(shard->reader, column);
    if (*field >= 0) return VT_OK;
    return vt_fail(VT_ERROR_INPUT, "%s: has no column '%s', which dataset_info.json has", shard->path, column);
}

static vt_status fail_type(const vt_hf_shard *shard, int field, const char *expected) {
    const vt_arrow_type *type = vt_arrow_reader_type(shard->reader, field);
    return vt_fail(VT_ERROR_INPUT, "%s: column '%s' is of type %s; its features expect %s", shard->path, type->name,
                   type->words, expected);
}

static bool is_integer(const vt_arrow_type *type) {
    return type->layout == VT_ARROW_INT || type->layout == VT_ARROW_UNSIGNED || type->layout == VT_ARROW_BOOL;
}

static bool is_list(const vt_arrow_type *type) {
    return type->layout == VT_ARROW_LIST || type->layout == VT_ARROW_FIXED_LIST;
}

/* Whether vt_label_reader can be given values of this type; a column of nulls alone has the type null. */
static bool is_scalar(const vt_arrow_type *type) {
    return is_integer(type) || type->layout == VT_ARROW_FLOAT || type->layout == VT_ARROW_TEXT || type->layout == VT_ARROW_NULL;
}

static vt_status check_label_type(const vt_hf_reader *reader, const vt_hf_shard *shard, int field) {
    const vt_arrow_type *type = vt_arrow_reader_type(shard->reader, field);
    switch (reader->columns.kind) {
    case VT_HF_CLASS:
        return is_integer(type) ? VT_OK : fail_type(shard, field, "the number of a class");
    case VT_HF_CLASSES:
        return is_list(type) && is_integer(type + 1) ? VT_OK : fail_type(shard, field, "a list of numbers of classes");
    case VT_HF_FINDINGS:
        return is_integer(type) || type->layout == VT_ARROW_FLOAT ? VT_OK : fail_type(shard, field, "numbers");
    default:
        return is_scalar(type) || (is_list(type) && is_scalar(type + 1)) ? VT_OK
                                                                         : fail_type(shard, field, "labels, or lists of them");
    }
}

static vt_status find_fields(const vt_hf_reader *reader, vt_hf_shard *shard) {
    const vt_hf_columns *columns = &reader->columns;
    VT_TRY(find_field(shard, columns->image, &shard->image));
    if (vt_arrow_image_of(vt_arrow_reader_type(shard->reader, shard->image)) == VT_ARROW_IMAGE_NONE)
        return fail_type(shard, shard->image, "images: a struct of bytes and path, or lists of lists of whole numbers");
    shard->patient = -1;
    if (columns->patient) VT_TRY(find_field(shard, columns->patient, &shard->patient));
    const vt_arrow_type *patient = columns->patient ? vt_arrow_reader_type(shard->reader, shard->patient) : NULL;
    if (patient && patient->layout != VT_ARROW_TEXT && !is_integer(patient))
        return fail_type(shard, shard->patient, "texts or whole numbers, as it is taken for the patient");
    VT_TRY(vt_allocate(&shard->labels, columns->labels.count, sizeof *shard->labels, "the columns of labels"));
    for (size_t i = 0; i < columns->labels.count; i++) {
        VT_TRY(find_field(shard, columns->labels.items[i], &shard->labels[i]));
        VT_TRY(check_label_type(reader, shard, shard->labels[i]));
    }
    return VT_OK;
}

/* *shard is to be closed, also after a failure. */
static vt_status open_shard(const vt_hf_reader *reader, const char *name, vt_hf_shard *shard) {
    *shard = (vt_hf_shard){0};
    VT_TRY(vt_join(reader->folder, name, &shard->path));
    VT_TRY(vt_arrow_reader_open_nested(shard->path, &shard->reader));
    return find_fields(reader, shard);
}

/* Calls `visit` with every Arrow file of every split, until it clears *more. */
static vt_status visit_shards(vt_hf_reader *reader, vt_status (*visit)(vt_hf_reader *, const vt_hf_shard *, bool *more)) {
    vt_strings shards = {0};
    vt_hf_shard shard = {0};
    bool more = true;
    vt_status status = VT_OK;
    for (size_t i = 0; i < reader->splits.count && more; i++) {
        VT_TRY_GOTO(enter_split(reader, i));
        VT_TRY_GOTO(find_shards(reader, &shards));
        for (size_t k = 0; k < shards.count && more; k++) {
            VT_TRY_GOTO(open_shard(reader, shards.items[k], &shard));
            VT_TRY_GOTO(visit(reader, &shard, &more));
            close_shard(&shard);
        }
        vt_strings_free(&shards);
        shards = (vt_strings){0};
    }
done:
    close_shard(&shard);
    vt_strings_free(&shards);
    return status;
}

/* --- names of images --- */

/* The last part of a row's path, not NUL-terminated; length 0: it has none. */
static const char *bare_name(const vt_hf_shard *shard, int64_t row, size_t *length) {
    vt_arrow_value bytes, path;
    vt_arrow_image_value(vt_arrow_reader_cell(shard->reader, shard->image, row), &bytes, &path);
    *length = 0;
    if (!path.data || memchr(path.data, '\0', path.size)) return NULL;
    const char *text = path.data;
    while (*length < path.size && text[path.size - *length - 1] != '/') ++*length;
    return text + path.size - *length;
}

static vt_status collect_names(vt_hf_reader *reader, const vt_hf_shard *shard, bool *more) {
    for (int64_t row = 0; row < vt_arrow_reader_rows(shard->reader) && *more; row++) {
        size_t length;
        const char *name = bare_name(shard, row, &length);
        *more = length > 0 && vt_map_get(reader->names, name, length) < 0;
        if (*more) VT_TRY(vt_map_set(reader->names, name, length, 0));
    }
    reader->bare = *more;
    return VT_OK;
}

/* *out = the name of a row's image: of its file, or "train/17". */
static vt_status name_row(const vt_hf_reader *reader, const vt_hf_shard *shard, int64_t row, char **out) {
    size_t length;
    const char *name = bare_name(shard, row, &length);
    if (reader->bare) return vt_copy_string_n(name, length, out);
    return vt_format(out, "%s%s%" PRId64, reader->split, *reader->split ? "/" : "", reader->row);
}

/* --- labels and patients --- */

static vt_status fail_row(const vt_hf_reader *reader, const char *column, const char *what) {
    return vt_fail(VT_ERROR_INPUT, "%s:%" PRId64 ": '%s' %s", reader->folder, reader->row, column, what);
}

static vt_status add_class(vt_hf_reader *reader, vt_arrow_cell cell) {
    const json_t *classes = reader->columns.classes;
    int64_t number = vt_arrow_cell_is_null(cell) ? -1 : vt_arrow_cell_integer(cell);
    if (number == -1 && reader->columns.kind == VT_HF_CLASS) return VT_OK; /* nobody knows it: the image is left out */
    if (number < 0 || (uint64_t)number >= json_array_size(classes))
        return vt_fail(VT_ERROR_INPUT, "%s:%" PRId64 ": class %" PRId64 " in '%s'; expected one from 0 to %zu", reader->folder,
                       reader->row, number, reader->columns.labels.items[0], json_array_size(classes) - 1);
    const char *name = json_string_value(json_array_get(classes, (size_t)number));
    return vt_source_add_label(reader->source, name, strlen(name));
}

static vt_status add_classes(vt_hf_reader *reader, vt_arrow_cell cell) {
    if (vt_arrow_cell_is_null(cell)) return VT_OK;
    for (int64_t i = 0; i < vt_arrow_cell_length(cell); i++) VT_TRY(add_class(reader, vt_arrow_cell_item(cell, i)));
    return VT_OK;
}

/* *out = a number, a text, or a list of either; json_null() for NaN too. */
static vt_status make_json(const vt_hf_reader *reader, vt_arrow_cell cell, json_t **out) {
    vt_arrow_value text;
    vt_status status = VT_OK;
    if (vt_arrow_cell_is_null(cell)) {
        *out = json_null();
    } else if (is_integer(cell.type)) {
        *out = json_integer(vt_arrow_cell_integer(cell));
    } else if (cell.type->layout == VT_ARROW_FLOAT) {
        *out = vt_json_number(vt_arrow_cell_number(cell));
    } else if (cell.type->layout == VT_ARROW_TEXT) {
        text = vt_arrow_cell_bytes(cell);
        if (memchr(text.data, '\0', text.size)) return fail_row(reader, reader->columns.labels.items[0], "has a NUL byte");
        *out = json_stringn(text.data, text.size);
    } else {
        json_t *item;
        *out = json_array();
        for (int64_t i = 0; i < vt_arrow_cell_length(cell) && status == VT_OK; i++) {
            status = make_json(reader, vt_arrow_cell_item(cell, i), &item);
            if (status == VT_OK && json_array_append_new(*out, item) != 0)
                status = vt_fail_memory("a row's labels", sizeof *item);
        }
    }
    return status == VT_OK && !*out ? vt_fail_memory("a row's labels", sizeof **out) : status;
}

static vt_status add_value(vt_hf_reader *reader, vt_arrow_cell cell) {
    json_t *value = NULL;
    vt_status status = make_json(reader, cell, &value);
    if (status == VT_OK) status = vt_label_reader_add_json(&reader->labels, value, reader->row);
    json_decref(value);
    return status;
}

static vt_status add_findings(vt_hf_reader *reader, const vt_hf_shard *shard, int64_t row) {
    const vt_strings *columns = &reader->columns.labels;
    for (size_t i = 0; i < columns->count; i++) {
        double value = vt_arrow_cell_number(vt_arrow_reader_cell(shard->reader, shard->labels[i], row));
        VT_TRY(vt_source_add_value(reader->source, columns->items[i], strlen(columns->items[i]), value, reader->folder,
                                   reader->row));
    }
    return VT_OK;
}

static vt_status add_labels(vt_hf_reader *reader, const vt_hf_shard *shard, int64_t row) {
    vt_arrow_cell cell = vt_arrow_reader_cell(shard->reader, shard->labels[0], row);
    switch (reader->columns.kind) {
    case VT_HF_CLASS:
        return add_class(reader, cell);
    case VT_HF_CLASSES:
        return add_classes(reader, cell);
    case VT_HF_VALUE:
        return add_value(reader, cell);
    default:
        return add_findings(reader, shard, row);
    }
}

static vt_status set_patient(vt_hf_reader *reader, const vt_hf_shard *shard, int64_t row) {
    vt_arrow_cell cell = vt_arrow_reader_cell(shard->reader, shard->patient, row);
    vt_arrow_value text = {"", 0};
    char *patient = NULL;
    if (is_integer(cell.type) && !vt_arrow_cell_is_null(cell)) {
        VT_TRY(vt_format(&patient, "%" PRId64, vt_arrow_cell_integer(cell)));
    } else {
        if (!vt_arrow_cell_is_null(cell)) text = vt_arrow_cell_bytes(cell);
        if (memchr(text.data, '\0', text.size)) return fail_row(reader, reader->columns.patient, "has a NUL byte");
        VT_TRY(vt_copy_string_n(text.data, text.size, &patient));
    }
    vt_status status = vt_source_set_patient(reader->source, patient, reader->folder, reader->row);
    free(patient);
    return status;
}

/* --- rows --- */

/* Whether nothing is known of a row's labels, and it is to be passed over. */
static bool is_unlabelled(vt_hf_reader *reader, const vt_hf_shard *shard, int64_t row) {
    return reader->columns.kind != VT_HF_FINDINGS &&
           vt_arrow_cell_is_null(vt_arrow_reader_cell(shard->reader, shard->labels[0], row)) &&
           vt_label_reader_passes_over(&reader->labels);
}

static vt_status read_row(vt_hf_reader *reader, const vt_hf_shard *shard, int64_t row) {
    vt_source *source = reader->source;
    char *name = NULL;
    vt_status status = VT_OK;
    VT_TRY(name_row(reader, shard, row, &name));
    VT_TRY_GOTO(vt_files_add_row(&source->files, name));
    if (!is_unlabelled(reader, shard, row)) {
        VT_TRY_GOTO(vt_source_add(source, name, reader->folder, reader->row));
        source->items[source->count - 1].part = vt_part_of_folder(reader->split, strlen(reader->split));
        VT_TRY_GOTO(add_labels(reader, shard, row));
        if (shard->patient >= 0) status = set_patient(reader, shard, row);
    }
    reader->row++;
done:
    free(name);
    return status;
}

static vt_status read_shard(vt_hf_reader *reader, const vt_hf_shard *shard, bool *more) {
    vt_container container = {.kind = VT_CONTAINER_ARROW, .path = shard->path, .member = (char *)reader->columns.image};
    (void)more;
    VT_TRY(vt_file_size(shard->path, &container.bytes));
    VT_TRY(vt_files_add_container(&reader->source->files, &container));
    for (int64_t row = 0; row < vt_arrow_reader_rows(shard->reader); row++) VT_TRY(read_row(reader, shard, row));
    return VT_OK;
}

/* --- the data set --- */

/* Chooses the columns by the first split's features, and holds those of the other splits against them. */
static vt_status read_features(vt_hf_reader *reader) {
    char *path = NULL;
    json_t *info = NULL;
    vt_status status = VT_OK;
    for (size_t i = 0; i < reader->splits.count; i++) {
        VT_TRY_GOTO(enter_split(reader, i));
        VT_TRY_GOTO(load_json(reader->folder, "dataset_info.json", &info, &path));
        const json_t *features = json_object_get(info, "features");
        if (i == 0) {
            reader->info = info;
            info = NULL;
            VT_TRY_GOTO(vt_hf_columns_choose(features, path, reader->source->options, &reader->columns));
        } else {
            VT_TRY_GOTO(vt_hf_columns_check(&reader->columns, features, path));
        }
        json_decref(info);
        info = NULL;
        free(path);
        path = NULL;
    }
done:
    json_decref(info);
    free(path);
    return status;
}

/* Classes keep their numbers: the label vector has all of them, in their order. */
static vt_status declare_classes(vt_hf_reader *reader) {
    vt_source *source = reader->source;
    json_t *name;
    size_t i;
    json_array_foreach(reader->columns.classes, i, name) {
        if (json_string_length(name) > 0)
            VT_TRY(vt_source_add_value(source, json_string_value(name), json_string_length(name), 0.0, source->root, 0));
        if (source->labels.count != i + 1)
            return vt_fail(VT_ERROR_INPUT, "%s: name %zu of '%s' is empty, or is there twice; expected different names",
                           source->root, i, reader->columns.labels.items[0]);
    }
    source->numeric_labels = reader->columns.classes != NULL;
    return VT_OK;
}

static vt_status say_what(const vt_hf_reader *reader, const vt_console *console) {
    char *columns = NULL, rows[32];
    vt_text splits = {0};
    vt_status status = VT_OK;
    VT_TRY(vt_hf_columns_describe(&reader->columns, &columns));
    for (size_t i = 0; i < reader->splits.count && *reader->split; i++)
        VT_TRY_GOTO(vt_text_add(&splits, "%s%s", i ? ", " : "", reader->splits.items[i]));
    vt_format_count((int64_t)reader->source->files.count, rows);
    size_t files = reader->source->files.container_count;
    vt_say(console, "%s: saved by Hugging Face's datasets%s%s; %s rows in %zu Arrow file%s; %s", reader->source->root,
           splits.length ? ": " : "", splits.length ? splits.data : "", rows, files, files == 1 ? "" : "s", columns);
done:
    vt_text_free(&splits);
    free(columns);
    return status;
}

static vt_status read_all(vt_hf_reader *reader, const vt_console *console) {
    vt_source *source = reader->source;
    VT_TRY(find_splits(reader, console));
    VT_TRY(read_features(reader));
    VT_TRY(declare_classes(reader));
    VT_TRY(vt_map_create(&reader->names));
    VT_TRY(visit_shards(reader, collect_names));
    VT_TRY(visit_shards(reader, read_shard));
    source->has_folders = *reader->split != '\0';
    source->single_label =
        reader->columns.kind == VT_HF_CLASS || (reader->columns.kind == VT_HF_VALUE && !reader->labels.several);
    return say_what(reader, console);
}

vt_status vt_source_read_hf(vt_source *source, const vt_console *console) {
    vt_hf_reader reader = {.source = source, .labels = {.source = source}};
    if (vt_is_prepared(source->root))
        return vt_fail(VT_ERROR_INPUT, "%s: is prepared already; train on it, or prepare the data set that it was made from",
                       source->root);
    vt_status status = read_all(&reader, console);
    vt_hf_columns_free(&reader.columns);
    vt_strings_free(&reader.splits);
    vt_map_free(reader.names);
    json_decref(reader.info);
    free(reader.folder);
    return status;
}
