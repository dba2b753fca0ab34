/* An image folder with metadata.jsonl or metadata.csv, as Hugging Face's imagefolder has it: one such file beside the
 * images, or one in each of train/, validation/ and test/. A row has `file_name` (relative to the metadata file), labels
 * under `labels`, `label` or `Finding Labels`, and perhaps `patient_id`. Labels are "A|B|C", a list of names, an N-hot
 * list of numbers, or one class by name or number; the first row decides which. */
#include "data/source.h"

#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "formats/csv.h"
#include "formats/utf8.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METADATA_LIMIT = 1 << 30, CLASS_LIMIT = 65536 };

static const char *const label_columns[] = {"labels", "label", "Finding Labels"};
static const char *const patient_columns[] = {"patient_id", "Patient ID"};
enum { LABEL_COLUMNS = 3, PATIENT_COLUMNS = 2 };

typedef enum label_kind { KIND_UNKNOWN, KIND_TEXT, KIND_NAMES, KIND_N_HOT, KIND_CLASS_NUMBER } label_kind;

typedef struct vt_reader {
    vt_source *source;
    const char *path;   /* of the metadata file */
    const char *prefix; /* of its file names: "" or "train/" */
    vt_part part;       /* of its images; NONE: by the first folder of their names */
    label_kind kind;
    size_t n_hot_length;
    bool several; /* some image has, or may have, more than one label */
} vt_reader;

/* --- where the metadata is --- */

/* *path is root/folder/metadata.jsonl or .csv, or NULL if there is neither. Both are an error. */
static vt_status find_metadata(const char *root, const char *folder, char **path) {
    char *lines = NULL, *table = NULL;
    *path = NULL;
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_format(&lines, "%s/%s%smetadata.jsonl", root, folder, *folder ? "/" : ""));
    VT_TRY_GOTO(vt_format(&table, "%s/%s%smetadata.csv", root, folder, *folder ? "/" : ""));
    if (vt_path_exists(lines) && vt_path_exists(table)) {
        status = vt_fail(VT_ERROR_INPUT, "%s: there is a metadata.csv beside it; keep one of the two", lines);
        goto done;
    }
    char **found = vt_path_exists(lines) ? &lines : vt_path_exists(table) ? &table : NULL;
    if (found) {
        *path = *found;
        *found = NULL;
    }
done:
    free(lines);
    free(table);
    return status;
}

/* Names of the sub-folders for parts, such as train/, that have metadata of their own. */
static vt_status find_part_folders(const char *root, vt_strings *folders) {
    vt_strings names = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_list_folder(root, &names));
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.items[i];
        char *path = NULL;
        if (vt_part_of_folder(name, strlen(name)) == VT_PART_NONE) continue;
        VT_TRY_GOTO(find_metadata(root, name, &path));
        if (path) status = vt_strings_add(folders, name, strlen(name));
        free(path);
        if (status != VT_OK) goto done;
    }
done:
    vt_strings_free(&names);
    return status;
}

bool vt_source_is_metadata(const char *root) {
    char *path = NULL;
    vt_strings folders = {0};
    /* Two metadata files in one folder are recognised here and refused, with a sentence, when they are read. */
    bool found = find_metadata(root, "", &path) != VT_OK || path || find_part_folders(root, &folders) != VT_OK || folders.count;
    free(path);
    vt_strings_free(&folders);
    return found;
}

/* --- labels of a row --- */

static vt_status fail_kind(const vt_reader *reader, int64_t line, const char *found) {
    static const char *const kinds[] = {"labels", "a text such as A|B|C", "a list of names", "a list of 0 and 1",
                                        "the number of a class"};
    return vt_fail(VT_ERROR_INPUT, "%s:%lld: the labels are %s; expected %s, as in the first row", reader->path,
                   (long long)line, found, kinds[reader->kind]);
}

/* Makes LABEL_0 ... LABEL_<count - 1> known. */
static vt_status declare_numbered_labels(vt_source *source, size_t count) {
    char name[32];
    while (source->labels.count < count) {
        int length = snprintf(name, sizeof name, "LABEL_%zu", source->labels.count);
        VT_TRY(vt_map_set(source->by_label, name, (size_t)length, (int64_t)source->labels.count));
        VT_TRY(vt_strings_add(&source->labels, name, (size_t)length));
    }
    source->numeric_labels = 1;
    return VT_OK;
}

static vt_status add_numbered_label(vt_source *source, size_t label) {
    VT_TRY(declare_numbered_labels(source, label + 1));
    return vt_source_add_label(source, source->labels.items[label], strlen(source->labels.items[label]));
}

static vt_status add_class_number(vt_reader *reader, int64_t number, int64_t line) {
    if (reader->kind == KIND_UNKNOWN) reader->kind = KIND_CLASS_NUMBER;
    if (reader->kind != KIND_CLASS_NUMBER) return fail_kind(reader, line, "a number");
    if (number < 0 || number >= CLASS_LIMIT)
        return vt_fail(VT_ERROR_INPUT, "%s:%lld: class %lld; expected a number from 0 to %d", reader->path, (long long)line,
                       (long long)number, CLASS_LIMIT - 1);
    return add_numbered_label(reader->source, (size_t)number);
}

static vt_status add_text(vt_reader *reader, const char *text, int64_t line) {
    if (reader->kind == KIND_UNKNOWN) reader->kind = KIND_TEXT;
    if (reader->kind != KIND_TEXT) return fail_kind(reader, line, "a text");
    if (strchr(text, '|')) reader->several = true;
    return vt_source_add_label_text(reader->source, text, reader->path, line);
}

static vt_status add_names(vt_reader *reader, const json_t *list, int64_t line) {
    size_t i;
    json_t *name;
    json_array_foreach(list, i, name) {
        if (!json_is_string(name)) return fail_kind(reader, line, "a list of mixed kinds");
        if (json_string_length(name) == 0)
            return vt_fail(VT_ERROR_INPUT, "%s:%lld: a label is empty; expected a name", reader->path, (long long)line);
        VT_TRY(vt_source_add_label(reader->source, json_string_value(name), json_string_length(name)));
    }
    return VT_OK;
}

static vt_status add_n_hot(vt_reader *reader, const json_t *list, int64_t line) {
    size_t i, length = json_array_size(list);
    json_t *number;
    if (reader->n_hot_length == 0) reader->n_hot_length = length;
    if (length != reader->n_hot_length || length > CLASS_LIMIT)
        return vt_fail(VT_ERROR_INPUT, "%s:%lld: %zu labels; expected %zu, as in the first row", reader->path, (long long)line,
                       length, length > CLASS_LIMIT ? (size_t)CLASS_LIMIT : reader->n_hot_length);
    VT_TRY(declare_numbered_labels(reader->source, length));
    json_array_foreach(list, i, number) {
        double value = json_is_number(number) ? json_number_value(number) : -1.0;
        if (value != 0.0 && value != 1.0)
            return vt_fail(VT_ERROR_INPUT, "%s:%lld: label %zu of the list is neither 0 nor 1", reader->path, (long long)line,
                           i);
        if (value == 1.0) VT_TRY(add_numbered_label(reader->source, i));
    }
    return VT_OK;
}

static vt_status add_list(vt_reader *reader, const json_t *list, int64_t line) {
    label_kind kind = json_is_string(json_array_get(list, 0)) ? KIND_NAMES : KIND_N_HOT;
    reader->several = true;
    if (json_array_size(list) == 0 && reader->kind != KIND_N_HOT) return VT_OK; /* an image without any label */
    if (reader->kind == KIND_UNKNOWN) reader->kind = kind;
    if (reader->kind != kind) return fail_kind(reader, line, kind == KIND_NAMES ? "a list of names" : "a list");
    return kind == KIND_NAMES ? add_names(reader, list, line) : add_n_hot(reader, list, line);
}

static vt_status add_labels(vt_reader *reader, const json_t *labels, int64_t line) {
    if (json_is_array(labels)) return add_list(reader, labels, line);
    if (json_is_integer(labels)) return add_class_number(reader, json_integer_value(labels), line);
    if (json_is_string(labels)) return add_text(reader, json_string_value(labels), line);
    return vt_fail(
        VT_ERROR_INPUT,
        "%s:%lld: no labels; expected 'labels', 'label' or 'Finding Labels' with a text such as A|B|C, a list of names, "
        "a list of 0 and 1, or one class",
        reader->path, (long long)line);
}

/* A table's cell: "[...]" is a list; a whole number is a class, unless texts came before. */
static vt_status add_cell(vt_reader *reader, const char *cell, int64_t line) {
    char *end;
    if (cell[0] == '[') {
        char *place;
        json_t *list;
        VT_TRY(vt_format(&place, "%s:%lld: the list of labels", reader->path, (long long)line));
        vt_status status = vt_json_parse_list(cell, strlen(cell), place, &list);
        free(place);
        VT_TRY(status);
        status = add_list(reader, list, line);
        json_decref(list);
        return status;
    }
    long long number = strtoll(cell, &end, 10);
    bool is_number = isdigit((unsigned char)cell[0]) && *end == '\0';
    if (is_number && reader->kind != KIND_TEXT) return add_class_number(reader, number, line);
    return add_text(reader, cell, line);
}

/* --- rows --- */

/* An absolute path, or one with "..". */
static bool leads_outside(const char *file_name) {
    if (*file_name == '/') return true;
    for (const char *part = file_name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) return true;
    }
    return false;
}

static vt_status add_image(vt_reader *reader, const char *file_name, int64_t line) {
    char *name = NULL;
    while (strncmp(file_name, "./", 2) == 0) file_name += 2;
    if (!*file_name) return vt_fail(VT_ERROR_INPUT, "%s:%lld: 'file_name' is empty", reader->path, (long long)line);
    if (leads_outside(file_name))
        return vt_fail(VT_ERROR_INPUT, "%s:%lld: '%s' leads out of this folder; expected the path of an image within it",
                       reader->path, (long long)line, file_name);
    VT_TRY(vt_format(&name, "%s%s", reader->prefix, file_name));
    vt_status status = vt_source_add(reader->source, name, reader->path, line);
    free(name);
    VT_TRY(status);
    vt_part part = reader->part;
    const char *slash = strchr(file_name, '/');
    if (part == VT_PART_NONE && slash) part = vt_part_of_folder(file_name, (size_t)(slash - file_name));
    reader->source->items[reader->source->count - 1].part = part;
    return VT_OK;
}

static const json_t *first_member(const json_t *row, const char *const *names, int count) {
    for (int i = 0; i < count; i++) {
        const json_t *value = json_object_get(row, names[i]);
        if (value && !json_is_null(value)) return value;
    }
    return NULL;
}

static vt_status set_patient(vt_reader *reader, const json_t *patient, int64_t line) {
    char number[32];
    if (!patient) return VT_OK;
    if (json_is_string(patient)) return vt_source_set_patient(reader->source, json_string_value(patient), reader->path, line);
    if (!json_is_integer(patient))
        return vt_fail(VT_ERROR_INPUT, "%s:%lld: the patient is neither a text nor a whole number", reader->path,
                       (long long)line);
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(patient));
    return vt_source_set_patient(reader->source, number, reader->path, line);
}

static vt_status read_json_row(vt_reader *reader, const char *text, size_t length, int64_t line) {
    char *name = NULL;
    json_t *row = NULL;
    const char *file_name = NULL;
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_format(&name, "%s:%lld", reader->path, (long long)line));
    VT_TRY_GOTO(vt_json_parse(text, length, name, &row));
    VT_TRY_GOTO(vt_json_get_string(row, name, "file_name", &file_name));
    if (!file_name) {
        status = vt_fail(VT_ERROR_INPUT, "%s: no 'file_name'; expected the path of an image", name);
        goto done;
    }
    VT_TRY_GOTO(add_image(reader, file_name, line));
    VT_TRY_GOTO(add_labels(reader, first_member(row, label_columns, LABEL_COLUMNS), line));
    const json_t *labels = json_object_get(row, "Finding Labels");
    if (labels) reader->several = true;
    VT_TRY_GOTO(set_patient(reader, first_member(row, patient_columns, PATIENT_COLUMNS), line));
done:
    json_decref(row);
    free(name);
    return status;
}

static vt_status read_json_lines(vt_reader *reader) {
    uint8_t *data = NULL;
    size_t size;
    int64_t line = 0;
    vt_status status = VT_OK;
    VT_TRY(vt_read_file(reader->path, METADATA_LIMIT, &data, &size));
    const char *text = (const char *)data, *end = text + size;
    text += vt_utf8_mark_length(text, size);
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline ? newline : end) - text);
        line++;
        if (strspn(text, " \t\r") < length) VT_TRY_GOTO(read_json_row(reader, text, length, line));
        text += length + (newline ? 1 : 0);
    }
done:
    free(data);
    return status;
}

static int find_column(const vt_csv *csv, const char *const *names, int count) {
    for (int i = 0; i < count; i++) {
        int column = vt_csv_find_column(csv, names[i]);
        if (column >= 0) return column;
    }
    return -1;
}

static vt_status read_table(vt_reader *reader) {
    vt_csv *csv = NULL;
    const char *const *fields;
    int name, more;
    vt_status status = VT_OK;
    VT_TRY(vt_csv_open(reader->path, &csv));
    VT_TRY_GOTO(vt_csv_require_column(csv, "file_name", &name));
    int labels = find_column(csv, label_columns, LABEL_COLUMNS), patient = find_column(csv, patient_columns, PATIENT_COLUMNS);
    if (labels < 0) VT_TRY_GOTO(vt_csv_require_column(csv, label_columns[0], &labels));
    if (strcmp(vt_csv_column_name(csv, labels), "Finding Labels") == 0) reader->several = true;
    for (;;) {
        VT_TRY_GOTO(vt_csv_next(csv, &fields, &more));
        if (!more) break;
        int64_t line = vt_csv_line(csv);
        VT_TRY_GOTO(add_image(reader, fields[name], line));
        VT_TRY_GOTO(add_cell(reader, fields[labels], line));
        if (patient >= 0) VT_TRY_GOTO(vt_source_set_patient(reader->source, fields[patient], reader->path, line));
    }
done:
    vt_csv_close(csv);
    return status;
}

/* Reads root/folder/metadata.*; the reader carries what earlier files decided. */
static vt_status read_metadata(vt_reader *reader, const char *folder, const vt_console *console) {
    char *path = NULL, *prefix = NULL;
    char listed[32];
    vt_source *source = reader->source;
    size_t before = source->count;
    vt_status status = VT_OK;
    VT_TRY_GOTO(find_metadata(source->root, folder, &path));
    VT_TRY_GOTO(vt_format(&prefix, "%s%s", folder, *folder ? "/" : ""));
    reader->path = path;
    reader->prefix = prefix;
    reader->part = vt_part_of_folder(folder, strlen(folder));
    VT_TRY_GOTO(vt_has_suffix(path, ".csv") ? read_table(reader) : read_json_lines(reader));
    vt_format_count((int64_t)(source->count - before), listed);
    vt_say(console, "%s: image folder with metadata; %s images listed", path, listed);
done:
    free(path);
    free(prefix);
    return status;
}

vt_status vt_source_read_metadata(vt_source *source, const vt_console *console) {
    vt_reader reader = {.source = source};
    char *path = NULL;
    vt_strings folders = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(find_metadata(source->root, "", &path));
    if (path)
        VT_TRY_GOTO(vt_strings_add(&folders, "", 0));
    else
        VT_TRY_GOTO(find_part_folders(source->root, &folders));
    for (size_t i = 0; i < folders.count; i++) VT_TRY_GOTO(read_metadata(&reader, folders.items[i], console));
    VT_TRY_GOTO(vt_files_scan(source->root, VT_KEY_RELATIVE, &source->files));
    source->single_label = !reader.several;
    source->has_folders = source->count > 0;
    for (size_t i = 0; i < source->count; i++)
        if (source->items[i].part == VT_PART_NONE) source->has_folders = 0;
done:
    free(path);
    vt_strings_free(&folders);
    return status;
}
