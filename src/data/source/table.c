/* Recognises tables of labels. It reads every value once, to see which columns hold labels, and keeps none. */
#include "data/source/table.h"

#include "base/file.h"
#include "data/source/label_cell.h"
#include "data/source/name_list.h"
#include "formats/csv.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Names of columns as same_name() compares them, the most telling first; NULL-terminated. */
static const char *const image_names[] = {
    "path",    "imagepath", "imageindex", "imageid", "imagename", "imagefile",      "filename", "filepath", "image", "img",
    "imgpath", "imgname",   "file",       "dicomid", "sopuid",    "sopinstanceuid", "name",     "id",       NULL};
static const char *const patient_names[] = {"patientid", "subjectid", "patient", "subject", NULL};
static const char *const split_names[] = {"split", "fold", "subset", "partition", "set", NULL};
static const char *const class_names[] = {"labels",    "label", "findinglabels", "diagnosis", "dx",
                                          "classname", "class", "category",      "target",    NULL};
/* Columns of small numbers that are no labels, even where all of them are 0 or 1. */
static const char *const other_names[] = {"",      "unnamed:0", "index", "sex",        "gender", "age",
                                          "width", "height",    "view",  "follow-up#", NULL};

bool vt_table_label_value(const char *cell, double *value) {
    char text[32], *end;
    size_t length = strlen(cell);
    while (isspace((unsigned char)*cell)) cell++, length--;
    while (length > 0 && isspace((unsigned char)cell[length - 1])) length--;
    if (length >= sizeof text) return false;
    memcpy(text, cell, length);
    text[length] = '\0';
    *value = NAN;
    if (vt_is_missing(text)) return true;
    *value = strcasecmp(text, "true") == 0;
    if (*value == 1.0 || strcasecmp(text, "false") == 0) return true;
    *value = strtod(text, &end);
    return *end == '\0' && (*value == 0.0 || *value == 1.0 || *value == -1.0);
}

vt_part vt_table_part(const char *cell) {
    char name[16];
    size_t length = strlen(cell);
    if (length >= sizeof name) return VT_PART_NONE;
    for (size_t i = 0; i <= length; i++) name[i] = (char)tolower((unsigned char)cell[i]);
    return strcmp(name, "validate") == 0 ? VT_PART_VALIDATION : vt_part_of_folder(name, length);
}

/* --- columns by name --- */

/* Whether a column's name is `known`, which is in lower case, but for case, ' ', '_' and '-'. */
static bool same_name(const char *name, const char *known) {
    for (;; name++) {
        while (*name == ' ' || *name == '_' || *name == '-') name++;
        if (tolower((unsigned char)*name) != *known) return false;
        if (*known++ == '\0') return true;
    }
}

static bool is_one_of(const char *name, const char *const *known) {
    for (; *known; known++)
        if (same_name(name, *known)) return true;
    return false;
}

/* The first column that has one of the names, in the order of the names; -1: none. */
static int find_known(const vt_csv *csv, const char *const *known) {
    for (; *known; known++)
        for (int i = 0; i < vt_csv_column_count(csv); i++)
            if (same_name(vt_csv_column_name(csv, i), *known)) return i;
    return -1;
}

/* The column that an option names, or else one of the known names; an option of "" is none. */
static vt_status choose_column(const vt_csv *csv, const char *option, const char *option_name, const char *const *known,
                               int *column) {
    *column = option ? -1 : find_known(csv, known);
    if (!option || !*option) return VT_OK;
    vt_status status = vt_csv_require_column(csv, option, column);
    return status == VT_ERROR_INPUT ? vt_fail_prefix(VT_ERROR_USAGE, "%s", option_name) : status;
}

/* --- surveying a table --- */

bool vt_table_patient_folder(const char *path, const char **folder, size_t *length) {
    static const char prefix[] = "patient";
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        size_t digits = strncasecmp(path, prefix, 7) == 0 ? strspn(path + 7, "0123456789") : 0;
        if (digits == 0 || path + 7 + digits != slash) continue;
        *folder = path;
        *length = 7 + digits;
        return true;
    }
    return false;
}

static void survey_row(vt_table *table, const char *const *fields) {
    const char *folder;
    size_t length;
    double value;
    for (size_t i = 0; i < table->columns.count; i++) {
        const bool labels = vt_table_label_value(fields[i], &value);
        if (labels && isnan(value)) continue;
        table->contents[i] |= VT_COLUMN_HAS_VALUES;
        if (!labels) table->contents[i] |= VT_COLUMN_HAS_OTHER_THAN_LABELS;
        if (vt_table_part(fields[i]) == VT_PART_NONE) table->contents[i] |= VT_COLUMN_HAS_OTHER_THAN_PARTS;
    }
    if (!vt_table_patient_folder(fields[table->image], &folder, &length)) table->patients_from_paths = false;
    table->rows++;
}

static bool has(const vt_table *table, int column, vt_column_contents contents) {
    return (table->contents[column] & contents) != 0;
}

static vt_status survey_rows(vt_csv *csv, vt_table *table) {
    const char *const *fields;
    size_t count = (size_t)vt_csv_column_count(csv);
    int more;
    for (size_t i = 0; i < count; i++) {
        const char *name = vt_csv_column_name(csv, (int)i);
        VT_TRY(vt_strings_add(&table->columns, name, strlen(name)));
    }
    VT_TRY(vt_allocate(&table->contents, count, sizeof *table->contents, "the columns of a table"));
    for (;;) {
        VT_TRY(vt_csv_next(csv, &fields, &more));
        if (!more) break;
        survey_row(table, fields);
    }
    if (table->split >= 0 &&
        (!has(table, table->split, VT_COLUMN_HAS_VALUES) || has(table, table->split, VT_COLUMN_HAS_OTHER_THAN_PARTS)))
        table->split = -1;
    if (table->classes >= 0 && !has(table, table->classes, VT_COLUMN_HAS_VALUES)) table->classes = -1;
    return VT_OK;
}

/* The part that a table's name stands for: "train.csv", "labels_train.csv". */
static void name_part(vt_table *table) {
    const char *name = vt_basename(table->path);
    size_t length = strlen(name);
    if (vt_has_suffix(name, ".csv")) length -= 4;
    table->part = vt_part_in_name(name, length);
    table->exact = vt_part_of_folder(name, length) != VT_PART_NONE;
}

/* Whether a column can be one label, by its name and by what is in it. */
static bool is_label_column(const vt_table *table, int column) {
    static const char *const *const others[] = {image_names, patient_names, split_names, other_names};
    if (!has(table, column, VT_COLUMN_HAS_VALUES) || has(table, column, VT_COLUMN_HAS_OTHER_THAN_LABELS)) return false;
    if (column == table->image || column == table->patient) return false;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (is_one_of(table->columns.items[column], others[i])) return false;
    return true;
}

/* *table = what stands in `path`; its image column is -1 if none is recognised. */
static vt_status survey(const char *path, const vt_label_options *options, vt_table *table) {
    vt_csv *csv = NULL;
    vt_status status = VT_OK;
    *table = (vt_table){.part = VT_PART_NONE, .image = -1, .patient = -1, .split = -1, .classes = -1};
    VT_TRY(vt_copy_string(path, &table->path));
    name_part(table);
    VT_TRY_GOTO(vt_csv_open(path, &csv));
    VT_TRY_GOTO(choose_column(csv, options->image_column, "image_column", image_names, &table->image));
    if (table->image < 0) goto done;
    VT_TRY_GOTO(choose_column(csv, options->patient_column, "patient_column", patient_names, &table->patient));
    table->split = find_known(csv, split_names);
    table->classes = options->label_columns ? -1 : find_known(csv, class_names);
    table->patients_from_paths = table->patient < 0 && !options->patient_column;
    status = survey_rows(csv, table);
done:
    vt_csv_close(csv);
    return status;
}

/* --- which columns are labels --- */

/* The number of `name` among labels, or -1. */
static int find_column(const vt_table *table, const char *name) {
    for (size_t i = 0; i < table->columns.count; i++)
        if (strcmp(table->columns.items[i], name) == 0) return (int)i;
    return -1;
}

static vt_status fail_no_column(const vt_table *table, const char *option, const char *name) {
    vt_text known = {0};
    vt_status status = VT_OK;
    for (size_t i = 0; i < table->columns.count && status == VT_OK; i++)
        status = vt_text_add(&known, "%s%s", i ? ", " : "", table->columns.items[i]);
    if (status == VT_OK)
        status = vt_fail(VT_ERROR_USAGE, "%s: %s: no column '%s'; its columns are %s", option, table->path, name, known.data);
    vt_text_free(&known);
    return status;
}

/* The columns of options->label_columns; a single one may hold classes, texts or lists. */
static vt_status take_named_labels(const char *option, vt_tables *tables) {
    VT_TRY(vt_name_list_split(option, "label_columns", &tables->labels));
    bool classes = tables->labels.count == 1 && is_one_of(tables->labels.items[0], class_names);
    for (size_t t = 0; t < tables->count; t++)
        for (size_t i = 0; i < tables->labels.count; i++) {
            int column = find_column(&tables->items[t], tables->labels.items[i]);
            if (column < 0) return fail_no_column(&tables->items[t], "label_columns", tables->labels.items[i]);
            if (tables->labels.count == 1 && has(&tables->items[t], column, VT_COLUMN_HAS_OTHER_THAN_LABELS)) classes = true;
            tables->items[t].classes = column;
        }
    if (classes)
        vt_strings_free(&tables->labels);
    else
        for (size_t t = 0; t < tables->count; t++) tables->items[t].classes = -1;
    return VT_OK;
}

/* Every column that holds labels in each table that has it, in the order of the first. */
static vt_status recognise_labels(vt_tables *tables) {
    vt_map *known = NULL;
    vt_status status = VT_OK;
    VT_TRY(vt_map_create(&known));
    for (int pass = 0; pass < 2; pass++) /* first what is none, then what is */
        for (size_t t = 0; t < tables->count; t++)
            for (size_t i = 0; i < tables->items[t].columns.count; i++) {
                const vt_table *table = &tables->items[t];
                const char *name = table->columns.items[i];
                bool empty = !has(table, (int)i, VT_COLUMN_HAS_VALUES);
                if (empty || is_label_column(table, (int)i) != (pass == 1) || vt_map_get(known, name, strlen(name)) >= 0)
                    continue;
                VT_TRY_GOTO(vt_map_set(known, name, strlen(name), pass));
                if (pass == 1) VT_TRY_GOTO(vt_strings_add(&tables->labels, name, strlen(name)));
            }
done:
    vt_map_free(known);
    return status;
}

/* Where each table has the labels. */
static vt_status place_labels(vt_tables *tables) {
    vt_map *columns = NULL;
    vt_status status = VT_OK;
    for (size_t t = 0; t < tables->count; t++) {
        vt_table *table = &tables->items[t];
        VT_TRY_GOTO(vt_map_create(&columns));
        for (size_t i = table->columns.count; i-- > 0;) /* the first of several that have one name */
            VT_TRY_GOTO(vt_map_set(columns, table->columns.items[i], strlen(table->columns.items[i]), (int64_t)i));
        VT_TRY_GOTO(vt_allocate(&table->labels, tables->labels.count, sizeof *table->labels, "the columns of a table"));
        for (size_t i = 0; i < tables->labels.count; i++)
            table->labels[i] = (int)vt_map_get(columns, tables->labels.items[i], strlen(tables->labels.items[i]));
        vt_map_free(columns);
        columns = NULL;
    }
done:
    vt_map_free(columns);
    return status;
}

/* --- which files are tables --- */

static void free_table(vt_table *table) {
    free(table->path);
    free(table->labels);
    free(table->contents);
    vt_strings_free(&table->columns);
}

static bool has_labels(const vt_table *table) {
    for (size_t i = 0; i < table->columns.count; i++)
        if (is_label_column(table, (int)i)) return true;
    return table->classes >= 0;
}

static vt_status add_table(vt_tables *tables, const vt_table *table) {
    vt_status status =
        vt_grow(&tables->items, &tables->capacity, tables->count + 1, sizeof *tables->items, "the tables of a data set");
    if (status == VT_OK) tables->items[tables->count++] = *table;
    return status;
}

/* Adds `path` if it is a table of labels; one that can't be read is a problem. */
static vt_status try_table(const char *path, const vt_label_options *options, vt_tables *tables) {
    vt_table table;
    vt_status status = survey(path, options, &table);
    if (status == VT_OK && table.image >= 0 && (options->label_columns || has_labels(&table))) {
        status = add_table(tables, &table);
        if (status == VT_OK) return VT_OK;
    } else if (status == VT_OK) {
        status = vt_strings_add(&tables->passed, path, strlen(path));
    } else if (status == VT_ERROR_INPUT || status == VT_ERROR_IO || status == VT_ERROR_USAGE) {
        status = vt_strings_add(&tables->problems, vt_error_message(), strlen(vt_error_message()));
    }
    free_table(&table);
    return status;
}

static vt_status try_tables(const char *root, const vt_label_options *options, vt_tables *tables) {
    vt_strings names = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_list_folder(root, &names));
    for (size_t i = 0; i < names.count; i++) {
        char *path = NULL;
        if (names.items[i][0] == '.' || !vt_has_suffix(names.items[i], ".csv")) continue;
        VT_TRY_GOTO(vt_join(root, names.items[i], &path));
        if (!vt_is_folder(path)) status = try_table(path, options, tables);
        free(path);
        if (status != VT_OK) goto done;
    }
done:
    vt_strings_free(&names);
    return status;
}

static vt_status take_named_table(const char *path, const vt_label_options *options, vt_tables *tables) {
    vt_table table;
    vt_status status = survey(path, options, &table);
    if (status == VT_OK && table.image < 0)
        status = vt_fail(VT_ERROR_USAGE,
                         "table: %s: no column is recognised as the image's, such as 'Path', 'image_id' or 'file_name'; name "
                         "it with image_column",
                         path);
    if (status == VT_OK && !options->label_columns && !has_labels(&table))
        status = vt_fail(VT_ERROR_USAGE,
                         "table: %s: no column is recognised as labels: neither one of 0, 1 and -1 alone, nor one such as "
                         "'labels'; name them with label_columns",
                         path);
    if (status == VT_OK) status = add_table(tables, &table);
    if (status != VT_OK) free_table(&table);
    return status;
}

/* The files of options->table, "A,B": in the data set, or anywhere. */
static vt_status take_named_tables(const char *root, const vt_label_options *options, vt_tables *tables) {
    vt_strings names = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_name_list_split(options->table, "table", &names));
    for (size_t i = 0; i < names.count; i++) {
        char *path = NULL;
        VT_TRY_GOTO(vt_join(root, names.items[i], &path));
        status = take_named_table(vt_path_exists(path) ? path : names.items[i], options, tables);
        free(path);
        if (status != VT_OK) goto done;
    }
done:
    vt_strings_free(&names);
    return status;
}

/* Keeps the tables for which `keep` holds, if it holds for any. */
static vt_status prefer(vt_tables *tables, bool (*keep)(const vt_table *table)) {
    size_t preferred = 0, kept = 0;
    for (size_t i = 0; i < tables->count; i++) preferred += keep(&tables->items[i]);
    if (preferred == 0 || preferred == tables->count) return VT_OK;
    for (size_t i = 0; i < tables->count; i++)
        if (!keep(&tables->items[i]))
            VT_TRY(vt_strings_add(&tables->passed, tables->items[i].path, strlen(tables->items[i].path)));
    for (size_t i = 0; i < tables->count; i++) {
        if (keep(&tables->items[i]))
            tables->items[kept++] = tables->items[i];
        else
            free_table(&tables->items[i]);
    }
    tables->count = kept;
    return VT_OK;
}

static bool is_exact(const vt_table *table) {
    return table->exact;
}
static bool has_part(const vt_table *table) {
    return table->part != VT_PART_NONE;
}
static bool has_classes(const vt_table *table) {
    return table->classes >= 0;
}

/* One table, or one for each part. */
static vt_status choose_tables(vt_tables *tables) {
    VT_TRY(prefer(tables, is_exact));
    VT_TRY(prefer(tables, has_part));
    for (size_t i = 1; i < tables->count; i++)
        for (size_t k = 0; k < i; k++)
            if (tables->items[i].part == tables->items[k].part)
                return vt_fail(VT_ERROR_USAGE, "%s: a table of labels%s%s, as is '%s'; name the one to read with table",
                               tables->items[k].path, has_part(&tables->items[k]) ? " for " : "",
                               has_part(&tables->items[k]) ? vt_part_name(tables->items[k].part) : "",
                               vt_basename(tables->items[i].path));
    return VT_OK;
}

vt_status vt_tables_find(const char *root, const vt_label_options *options, vt_tables *tables) {
    *tables = (vt_tables){0};
    if (options->table) {
        VT_TRY(take_named_tables(root, options, tables));
    } else {
        VT_TRY(try_tables(root, options, tables));
        VT_TRY(choose_tables(tables));
    }
    if (options->label_columns) {
        VT_TRY(take_named_labels(options->label_columns, tables));
    } else {
        VT_TRY(prefer(tables, has_classes));
        if (tables->count > 0 && !has_classes(&tables->items[0])) VT_TRY(recognise_labels(tables));
    }
    return place_labels(tables);
}

void vt_tables_free(vt_tables *tables) {
    for (size_t i = 0; i < tables->count; i++) free_table(&tables->items[i]);
    free(tables->items);
    vt_strings_free(&tables->labels);
    vt_strings_free(&tables->passed);
    vt_strings_free(&tables->problems);
    *tables = (vt_tables){0};
}
