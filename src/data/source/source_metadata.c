/* An image folder with metadata.jsonl or metadata.csv, as Hugging Face's imagefolder has it: one such file beside the
 * images, or one in each of train/, validation/ and test/. A row has `file_name` (relative to the metadata file), labels
 * under `labels`, `label` or `Finding Labels`, in any shape that label_cell.h knows, and perhaps `patient_id`. */
#include "data/source/label_cell.h"

#include "base/file.h"
#include "base/progress.h"
#include "formats/csv.h"
#include "formats/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METADATA_LIMIT = 1 << 30 };

static const char *const label_columns[] = {"labels", "label", "Finding Labels"};
static const char *const patient_columns[] = {"patient_id", "Patient ID"};
enum { LABEL_COLUMNS = 3, PATIENT_COLUMNS = 2 };

typedef struct vt_reader {
    vt_source *source;
    vt_label_reader labels;
    const char *path;   /* of the metadata file */
    const char *prefix; /* of its file names: "" or "train/" */
    vt_part part;       /* of its images; NONE: by the first folder of their names */
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
        if (vt_part_in_name(name, strlen(name)) == VT_PART_NONE) continue;
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
    if (part == VT_PART_NONE && slash) part = vt_part_in_name(file_name, (size_t)(slash - file_name));
    reader->source->items[reader->source->count - 1].part = part;
    return VT_OK;
}

/* The first of the members that the row has; null if they are null, NULL if there is none. */
static const json_t *first_member(const json_t *row, const char *const *names, int count) {
    const json_t *found = NULL;
    for (int i = 0; i < count && (!found || json_is_null(found)); i++) {
        const json_t *value = json_object_get(row, names[i]);
        if (value) found = value;
    }
    return found;
}

static vt_status set_patient(vt_reader *reader, const json_t *patient, int64_t line) {
    char number[32];
    if (!patient || json_is_null(patient)) return VT_OK;
    if (json_is_string(patient)) return vt_source_set_patient(reader->source, json_string_value(patient), reader->path, line);
    if (!json_is_integer(patient))
        return vt_fail(VT_ERROR_INPUT, "%s:%lld: the patient is neither a text nor a whole number", reader->path,
                       (long long)line);
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(patient));
    return vt_source_set_patient(reader->source, number, reader->path, line);
}

/* Adds a row to `out` with null for NaN, which Python writes although JSON has no such thing. */
static vt_status without_nan(const char *text, size_t length, vt_text *out) {
    const char *end = text + length;
    bool quoted = false;
    for (const char *from = text; from < end; from++) {
        if (*from == '"') quoted = !quoted;
        if (quoted && *from == '\\') from++;
        if (quoted || end - from < 3 || memcmp(from, "NaN", 3) != 0) continue;
        VT_TRY(vt_text_add_bytes(out, text, (size_t)(from - text)));
        VT_TRY(vt_text_add(out, "null"));
        text = from + 3;
        from += 2;
    }
    return vt_text_add_bytes(out, text, (size_t)(end - text));
}

static vt_status read_json_row(vt_reader *reader, const char *text, size_t length, int64_t line) {
    char *name = NULL;
    json_t *row = NULL;
    vt_text json = {0};
    const char *file_name = NULL;
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_format(&name, "%s:%lld", reader->path, (long long)line));
    VT_TRY_GOTO(without_nan(text, length, &json));
    VT_TRY_GOTO(vt_json_parse(json.data, json.length, name, &row));
    VT_TRY_GOTO(vt_json_get_string(row, name, "file_name", &file_name));
    if (!file_name) {
        status = vt_fail(VT_ERROR_INPUT, "%s: no 'file_name'; expected the path of an image", name);
        goto done;
    }
    const json_t *labels = first_member(row, label_columns, LABEL_COLUMNS);
    if (!labels) {
        status = vt_fail(VT_ERROR_INPUT, "%s: no labels; expected them under 'labels', 'label' or 'Finding Labels'", name);
        goto done;
    }
    if (json_object_get(row, "Finding Labels")) reader->labels.several = true;
    if (json_is_null(labels) && vt_label_reader_passes_over(&reader->labels)) goto done;
    VT_TRY_GOTO(add_image(reader, file_name, line));
    VT_TRY_GOTO(vt_label_reader_add_json(&reader->labels, labels, line));
    VT_TRY_GOTO(set_patient(reader, first_member(row, patient_columns, PATIENT_COLUMNS), line));
done:
    json_decref(row);
    vt_text_free(&json);
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
    if (strcmp(vt_csv_column_name(csv, labels), "Finding Labels") == 0) reader->labels.several = true;
    for (;;) {
        VT_TRY_GOTO(vt_csv_next(csv, &fields, &more));
        if (!more) break;
        int64_t line = vt_csv_line(csv);
        if (vt_is_missing(fields[labels]) && vt_label_reader_passes_over(&reader->labels)) continue;
        VT_TRY_GOTO(add_image(reader, fields[name], line));
        VT_TRY_GOTO(vt_label_reader_add_cell(&reader->labels, fields[labels], line));
        if (patient >= 0) VT_TRY_GOTO(vt_source_set_patient(reader->source, fields[patient], reader->path, line));
    }
done:
    vt_csv_close(csv);
    return status;
}

/* Reads root/folder/metadata.*; the reader carries what earlier files decided. */
static vt_status read_metadata(vt_reader *reader, const char *folder, const vt_console *console) {
    char *path = NULL, *prefix = NULL;
    char listed[32], unlabelled[32];
    vt_source *source = reader->source;
    size_t before = source->count;
    vt_status status = VT_OK;
    VT_TRY_GOTO(find_metadata(source->root, folder, &path));
    VT_TRY_GOTO(vt_format(&prefix, "%s%s", folder, *folder ? "/" : ""));
    reader->path = reader->labels.path = path;
    reader->prefix = prefix;
    reader->part = vt_part_in_name(folder, strlen(folder));
    VT_TRY_GOTO(vt_has_suffix(path, ".csv") ? read_table(reader) : read_json_lines(reader));
    vt_format_count((int64_t)(source->count - before), listed);
    vt_say(console, "%s: image folder with metadata; %s images listed", path, listed);
    vt_format_count(reader->labels.unlabelled, unlabelled);
    if (reader->labels.unlabelled > 0) vt_warn(console, "%s: %s rows have no labels and are left out", path, unlabelled);
    reader->labels.unlabelled = 0;
done:
    free(path);
    free(prefix);
    return status;
}

vt_status vt_source_read_metadata(vt_source *source, const vt_console *console) {
    vt_reader reader = {.source = source, .labels = {.source = source}};
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
    source->single_label = !reader.labels.several;
    source->has_folders = source->count > 0;
    for (size_t i = 0; i < source->count; i++)
        if (source->items[i].part == VT_PART_NONE) source->has_folders = 0;
done:
    free(path);
    vt_strings_free(&folders);
    return status;
}
