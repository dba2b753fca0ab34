/* Tables of labels: CSV files with rows of images and a column per label, as CheXpert, VinDr-CXR and ISIC have them, or with
 * one column of classes or lists, as PadChest and HAM10000 have it. The images lie anywhere below the data set's folder, or
 * in archives beside the table. What the columns are is found out in table.c, how they name the files in name_match.c, and what
 * several rows of one image say together in table_rows.c. */
#include "data/source/source.h"

#include "base/file.h"
#include "base/progress.h"
#include "data/source/label_cell.h"
#include "data/source/name_match.h"
#include "data/source/table.h"
#include "formats/csv.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool vt_source_is_table(const char *root) {
    vt_tables tables;
    /* Several candidates are refused, with a sentence, when they are read; a file that can't be read may belong to another
     * layout. */
    bool found = vt_tables_find(root, &(vt_label_options){0}, &tables) != VT_OK || tables.count > 0 ||
                 (tables.problems.count > 0 && !vt_source_is_classes(root));
    vt_tables_free(&tables);
    return found;
}

/* --- images --- */

static vt_status collect_names(const vt_tables *tables, vt_strings *names) {
    vt_csv *csv = NULL;
    const char *const *fields;
    int more;
    vt_status status = VT_OK;
    for (size_t i = 0; i < tables->count; i++) {
        const int column = tables->items[i].image;
        VT_TRY_GOTO(vt_csv_open(tables->items[i].path, &csv));
        for (;;) {
            VT_TRY_GOTO(vt_csv_next(csv, &fields, &more));
            if (!more) break;
            VT_TRY_GOTO(vt_strings_add(names, fields[column], strlen(fields[column])));
        }
        vt_csv_close(csv);
        csv = NULL;
    }
done:
    vt_csv_close(csv);
    return status;
}

/* What reading takes besides the table. */
typedef struct vt_table_reader {
    vt_source *source;
    vt_tables tables;
    vt_name_match match; /* of loose files */
    vt_label_reader labels;
} vt_table_reader;

/* Loose files are known by their paths, those in archives by their bare names. */
static vt_status find_images(vt_table_reader *reader) {
    vt_source *source = reader->source;
    vt_strings names = {0};
    vt_status status = VT_OK;
    VT_TRY(vt_files_add_archives(source->root, &source->files));
    bool archives = source->files.container_count > 0;
    VT_TRY(vt_files_scan(source->root, archives ? VT_KEY_BASENAME : VT_KEY_RELATIVE, &source->files));
    if (archives) return VT_OK;
    VT_TRY_GOTO(collect_names(&reader->tables, &names));
    status = vt_name_match_make(&source->files, &names, &reader->match);
done:
    vt_strings_free(&names);
    return status;
}

static vt_status add_image(vt_table_reader *reader, const vt_table *table, const char *name, int64_t line) {
    vt_source *source = reader->source;
    int64_t file = vt_name_match_find(&reader->match, name);
    if (source->files.container_count == 0)
        return vt_source_add_row(source, file < 0 ? name : source->files.items[file].key, table->path, line);
    if (*name && !vt_is_image_name(name))
        return vt_fail(VT_ERROR_INPUT,
                       "%s:%lld: '%s': not the name of an image; where images are in archives, names have their suffix, such "
                       "as '%s.png'",
                       table->path, (long long)line, name, vt_basename(name));
    return vt_source_add_row(source, vt_basename(name), table->path, line);
}

/* By the table's name, its split column, or the image's first folder. */
static vt_part part_of_row(const vt_table *table, const char *const *fields, const char *file_name) {
    if (table->part != VT_PART_NONE) return table->part;
    if (table->split >= 0) return vt_table_part(fields[table->split]);
    const char *slash = strchr(file_name, '/');
    return slash ? vt_part_in_name(file_name, (size_t)(slash - file_name)) : VT_PART_NONE;
}

static vt_status set_patient(vt_source *source, const vt_table *table, const char *const *fields, int64_t line) {
    const char *folder;
    size_t length;
    if (table->patient >= 0) return vt_source_set_patient(source, fields[table->patient], table->path, line);
    if (!table->patients_from_paths || !vt_table_patient_folder(fields[table->image], &folder, &length)) return VT_OK;
    source->patients_known = 1;
    return vt_copy_string_n(folder, length, &source->items[source->count - 1].patient_id);
}

/* A label that the table has no column for is missing. */
static vt_status add_values(vt_table_reader *reader, const vt_table *table, const char *const *fields, int64_t line) {
    const vt_strings *labels = &reader->tables.labels;
    for (size_t i = 0; i < labels->count; i++) {
        const char *label = labels->items[i], *cell = table->labels[i] < 0 ? "" : fields[table->labels[i]];
        double value;
        if (!vt_table_label_value(cell, &value))
            return vt_fail(VT_ERROR_INPUT,
                           "%s:%lld: '%s' is '%s'; expected 1, 0, -1 (uncertain) or nothing in a column of labels", table->path,
                           (long long)line, label, cell);
        VT_TRY(vt_source_add_value(reader->source, label, strlen(label), value, table->path, line));
    }
    return VT_OK;
}

static vt_status add_row(vt_table_reader *reader, const vt_table *table, const char *const *fields, int64_t line) {
    vt_source *source = reader->source;
    const char *classes = table->classes < 0 ? NULL : fields[table->classes];
    if (classes && vt_is_missing(classes) && vt_label_reader_passes_over(&reader->labels)) return VT_OK;
    VT_TRY(add_image(reader, table, fields[table->image], line));
    vt_item *item = &source->items[source->count - 1];
    item->part = part_of_row(table, fields, item->file_name);
    VT_TRY(set_patient(source, table, fields, line));
    return classes ? vt_label_reader_add_cell(&reader->labels, classes, line) : add_values(reader, table, fields, line);
}

static vt_status add_rows(vt_table_reader *reader, vt_table *table) {
    vt_csv *csv = NULL;
    const char *const *fields;
    int more;
    vt_status status = VT_OK;
    reader->labels.path = table->path;
    table->first_item = reader->source->count;
    VT_TRY(vt_csv_open(table->path, &csv));
    for (;;) {
        VT_TRY_GOTO(vt_csv_next(csv, &fields, &more));
        if (!more) break;
        VT_TRY_GOTO(add_row(reader, table, fields, vt_csv_line(csv)));
    }
done:
    vt_csv_close(csv);
    return status;
}

/* --- what is said --- */

enum { NAMES_LISTED = 24 };

/* "A, B, C"; of many the first ones. */
static vt_status list_names(const vt_strings *names, vt_text *out) {
    for (size_t i = 0; i < names->count && i < NAMES_LISTED; i++)
        VT_TRY(vt_text_add(out, "%s%s", i ? ", " : "", names->items[i]));
    return names->count > NAMES_LISTED ? vt_text_add(out, " and %zu more", names->count - NAMES_LISTED) : VT_OK;
}

/* Columns of a table that nothing is read from. */
static vt_status unused_columns(const vt_tables *tables, const vt_table *table, vt_strings *unused) {
    vt_map *labels = NULL;
    vt_status status = VT_OK;
    VT_TRY(vt_map_create(&labels));
    for (size_t i = 0; i < tables->labels.count; i++)
        VT_TRY_GOTO(vt_map_set(labels, tables->labels.items[i], strlen(tables->labels.items[i]), 0));
    for (int i = 0; i < (int)table->columns.count; i++) {
        const char *name = table->columns.items[i];
        if (i == table->image || i == table->patient || i == table->split || i == table->classes) continue;
        if (vt_map_get(labels, name, strlen(name)) < 0)
            VT_TRY_GOTO(vt_strings_add(unused, *name ? name : "''", *name ? strlen(name) : 2));
    }
done:
    vt_map_free(labels);
    return status;
}

/* "images by 'Path' (...), patients by 'PatientID', splits by the table's name" */
static vt_status describe_columns(const vt_table_reader *reader, const vt_table *table, vt_text *out) {
    bool archives = reader->source->files.container_count > 0;
    VT_TRY(vt_text_add(out, "images by '%s' (%s)", table->columns.items[table->image],
                       archives ? "bare name" : vt_name_match_way(&reader->match)));
    if (table->patient >= 0)
        VT_TRY(vt_text_add(out, ", patients by '%s'", table->columns.items[table->patient]));
    else
        VT_TRY(vt_text_add(out, table->patients_from_paths ? ", patients by folders such as patient00001" : ", no patients"));
    if (table->part != VT_PART_NONE)
        VT_TRY(vt_text_add(out, ", all for %s", vt_part_name(table->part)));
    else if (table->split >= 0)
        VT_TRY(vt_text_add(out, ", splits by '%s'", table->columns.items[table->split]));
    if (table->classes >= 0) VT_TRY(vt_text_add(out, ", labels by '%s'", table->columns.items[table->classes]));
    return VT_OK;
}

static vt_status report_table(const vt_table_reader *reader, const vt_table *table, const vt_console *console) {
    char rows[32];
    vt_text columns = {0}, left_out = {0};
    vt_strings unused = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(describe_columns(reader, table, &columns));
    VT_TRY_GOTO(unused_columns(&reader->tables, table, &unused));
    VT_TRY_GOTO(list_names(&unused, &left_out));
    vt_format_count(table->rows, rows);
    vt_say(console, "%s: table of labels, %s rows: %s", table->path, rows, columns.data);
    if (unused.count > 0) vt_say(console, "  columns left out: %s", left_out.data);
done:
    vt_text_free(&columns);
    vt_text_free(&left_out);
    vt_strings_free(&unused);
    return status;
}

static vt_status report(const vt_table_reader *reader, const vt_console *console) {
    const vt_tables *tables = &reader->tables;
    vt_text list = {0};
    vt_status status = VT_OK;
    char count[32];
    for (size_t i = 0; i < tables->count; i++) VT_TRY_GOTO(report_table(reader, &tables->items[i], console));
    VT_TRY_GOTO(list_names(&tables->labels, &list));
    if (tables->labels.count > 0) vt_say(console, "%zu columns are labels: %s", tables->labels.count, list.data);
    for (size_t i = 0; i < tables->passed.count; i++) vt_say(console, "%s: left out", tables->passed.items[i]);
    for (size_t i = 0; i < tables->problems.count; i++) vt_warn(console, "left out: %s", tables->problems.items[i]);
    vt_format_count(reader->labels.unlabelled, count);
    if (reader->labels.unlabelled > 0) vt_warn(console, "%s rows have no labels and are left out", count);
done:
    vt_text_free(&list);
    return status;
}

/* Where most cells are empty, what an empty cell means decides what is learned. */
static void warn_about_missing(const vt_source *source, const vt_console *console) {
    double values = (double)source->count * (double)source->labels.count, missing = 0.0;
    for (size_t i = 0; i < source->count; i++) missing += (double)source->items[i].unknown_count;
    if (missing > (double)source->missing_values) missing = (double)source->missing_values; /* others are uncertain */
    if (source->options->missing == VT_UNKNOWN_ZERO || missing <= values / 2) return;
    vt_warn(console,
            "%.0f %% of the labels are empty and are ignored in training and in figures; where empty means that a finding is "
            "not mentioned, as in CheXpert, missing labels are better taken as 0",
            100.0 * missing / values);
}

/* --- the layout --- */

static vt_status read_tables(vt_table_reader *reader, const vt_console *console) {
    vt_source *source = reader->source;
    vt_tables *tables = &reader->tables;
    VT_TRY(vt_tables_find(source->root, source->options, &reader->tables));
    if (tables->count == 0 && tables->problems.count > 0) return vt_fail(VT_ERROR_INPUT, "%s", tables->problems.items[0]);
    if (tables->count == 0)
        return vt_fail(VT_ERROR_USAGE,
                       "%s: no CSV file in it is recognised as a table of labels; name its file with table, and its columns",
                       source->root);
    VT_TRY(find_images(reader));
    for (size_t i = 0; i < tables->count; i++) VT_TRY(add_rows(reader, &tables->items[i]));
    VT_TRY(report(reader, console));
    bool classes = tables->labels.count == 0 && !reader->labels.several;
    VT_TRY(vt_table_merge_rows(source, tables, &classes, console));
    warn_about_missing(source, console);
    source->single_label = classes;
    source->has_folders = source->count > 0;
    for (size_t i = 0; i < source->count; i++)
        if (source->items[i].part == VT_PART_NONE) source->has_folders = 0;
    return VT_OK;
}

vt_status vt_source_read_table(vt_source *source, const vt_console *console) {
    vt_table_reader reader = {.source = source, .match = {.way = -1}, .labels = {.source = source}};
    vt_status status = read_tables(&reader, console);
    vt_name_match_free(&reader.match);
    vt_tables_free(&reader.tables);
    return status;
}
