/* Opens a raw data set: recognises its layout, lets the layout's reader list the images, and matches the list with the
 * files. What each layout looks like is told in source_nih.c, source_metadata.c and source_classes.c. */
#include "data/source/source.h"

#include "base/file.h"
#include "base/progress.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { EXAMPLES_NAMED = 3 };

const char *vt_part_name(vt_part part) {
    static const char *const names[VT_PART_COUNT] = {"train", "validation", "test"};
    return part == VT_PART_NONE ? "none" : names[part];
}

vt_part vt_part_of_folder(const char *name, size_t length) {
    /* The keywords of datasets.data_files.SPLIT_KEYWORDS. */
    static const struct {
        const char *name;
        vt_part part;
    } folders[] = {{"train", VT_PART_TRAIN},    {"training", VT_PART_TRAIN},   {"validation", VT_PART_VALIDATION},
                   {"val", VT_PART_VALIDATION}, {"valid", VT_PART_VALIDATION}, {"dev", VT_PART_VALIDATION},
                   {"test", VT_PART_TEST},      {"testing", VT_PART_TEST},     {"eval", VT_PART_TEST},
                   {"evaluation", VT_PART_TEST}};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (strlen(folders[i].name) == length && memcmp(folders[i].name, name, length) == 0) return folders[i].part;
    return VT_PART_NONE;
}

vt_part vt_part_in_name(const char *name, size_t length) {
    static const char between[] = "-._ 0123456789";
    size_t end;
    for (size_t start = 0; start < length; start = end + 1) {
        end = start;
        while (end < length && !strchr(between, name[end])) end++;
        vt_part part = vt_part_of_folder(name + start, end - start);
        if (part != VT_PART_NONE) return part;
    }
    return VT_PART_NONE;
}

/* --- building the list --- */

vt_status vt_source_add_row(vt_source *source, const char *file_name, const char *place, int64_t line) {
    size_t length = strlen(file_name);
    if (length == 0) return vt_fail(VT_ERROR_INPUT, "%s:%lld: the file name is empty", place, (long long)line);
    VT_TRY(vt_grow(&source->items, &source->capacity, source->count + 1, sizeof *source->items, "the list of images"));
    vt_item *item = &source->items[source->count];
    *item = (vt_item){.first_label = source->label_id_count,
                      .first_unknown = source->unknown_id_count,
                      .line = line,
                      .part = VT_PART_NONE,
                      .file = VT_FILE_ABSENT};
    VT_TRY(vt_copy_string(file_name, &item->file_name));
    source->count++;
    if (vt_map_get(source->by_name, file_name, length) >= 0) return VT_OK;
    return vt_map_set(source->by_name, file_name, length, (int64_t)source->count - 1);
}

vt_status vt_source_add(vt_source *source, const char *file_name, const char *place, int64_t line) {
    int64_t known = vt_map_get(source->by_name, file_name, strlen(file_name));
    if (known >= 0)
        return vt_fail(VT_ERROR_INPUT, "%s:%lld: '%s' is listed twice, first in line %lld; remove one of them", place,
                       (long long)line, file_name, (long long)source->items[known].line);
    return vt_source_add_row(source, file_name, place, line);
}

/* Leaves out blanks at both ends. */
static const char *trim(const char *text, size_t *length) {
    while (*length > 0 && isspace((unsigned char)text[0])) text++, (*length)--;
    while (*length > 0 && isspace((unsigned char)text[*length - 1])) (*length)--;
    return text;
}

vt_status vt_source_add_label_text(vt_source *source, const char *text, const char *place, int64_t line) {
    for (const char *part = text; part;) {
        const char *bar = strchr(part, '|');
        size_t length = bar ? (size_t)(bar - part) : strlen(part);
        const char *label = trim(part, &length);
        if (length == 0)
            return vt_fail(VT_ERROR_INPUT,
                           "%s:%lld: '%s': an empty label; labels are written as A|B|C, and an image without "
                           "findings has a label such as 'No Finding'",
                           place, (long long)line, text);
        VT_TRY(vt_source_add_label(source, label, length));
        part = bar ? bar + 1 : NULL;
    }
    return VT_OK;
}

vt_status vt_source_set_patient(vt_source *source, const char *patient, const char *place, int64_t line) {
    size_t length = strlen(patient);
    const char *id = trim(patient, &length);
    if (length == 0)
        return vt_fail(VT_ERROR_INPUT, "%s:%lld: the patient is empty; give every image a patient, or leave the column out",
                       place, (long long)line);
    source->patients_known = 1;
    return vt_copy_string_n(id, length, &source->items[source->count - 1].patient_id);
}

/* --- matching it with the files --- */

/* "'a', 'b', 'c'" of at most EXAMPLES_NAMED names. */
static vt_status add_example(vt_text *text, size_t already, const char *name) {
    if (already >= EXAMPLES_NAMED) return VT_OK;
    return vt_text_add(text, "%s'%s'", already ? ", " : "", name);
}

static void warn_about(const vt_console *console, size_t count, const char *what, const vt_text *examples) {
    char number[32];
    vt_format_count((int64_t)count, number);
    if (count > 0)
        vt_warn(console, "%s %s%s%s", number, what, examples->data ? ", such as " : "", examples->data ? examples->data : "");
}

static void free_item(vt_item *item) {
    free(item->file_name);
    free(item->patient_id);
}

void vt_source_drop_absent(vt_source *source) {
    size_t kept = 0;
    for (size_t i = 0; i < source->count; i++) {
        if (source->items[i].file == VT_FILE_ABSENT)
            free_item(&source->items[i]);
        else
            source->items[kept++] = source->items[i];
    }
    source->count = kept;
}

static bool has_archives(const vt_source *source) {
    for (size_t i = 0; i < source->files.container_count; i++)
        if (source->files.containers[i].kind == VT_CONTAINER_ARCHIVE) return true;
    return false;
}

/* Notes which items are absent, and says how many. */
static vt_status report_absent(vt_source *source, const vt_console *console) {
    vt_text examples = {0};
    size_t absent = 0;
    vt_status status = VT_OK;
    for (size_t i = 0; i < source->count && status == VT_OK; i++) {
        const char *name = source->items[i].file_name;
        if (source->items[i].file != VT_FILE_ABSENT) continue;
        status = add_example(&examples, absent++, name);
        if (status == VT_OK && source->absent.count < VT_ABSENT_LIMIT)
            status = vt_strings_add(&source->absent, name, strlen(name));
    }
    source->absent_count += (int64_t)absent;
    if (status == VT_OK) warn_about(console, absent, "listed images are absent", &examples);
    vt_text_free(&examples);
    return status;
}

/* Gives every item its file and drops those that have none. */
static vt_status match_files(vt_source *source, const vt_console *console) {
    bool archives = has_archives(source);
    for (size_t i = 0; i < source->count; i++) {
        vt_item *item = &source->items[i];
        item->file = vt_files_find(&source->files, item->file_name);
        if (item->file < 0) item->file = archives ? VT_FILE_ARCHIVED : VT_FILE_ABSENT;
    }
    VT_TRY(report_absent(source, console));
    vt_source_drop_absent(source);
    return VT_OK;
}

vt_status vt_source_settle(vt_source *source, const uint8_t *found, const vt_strings *unlisted, int64_t unlisted_count,
                           const vt_console *console) {
    vt_text examples = {0};
    vt_status status = VT_OK;
    size_t left = 0;
    for (size_t i = 0; i < source->count; i++) {
        if (!found[i]) source->items[i].file = VT_FILE_ABSENT;
        left += found[i];
    }
    VT_TRY(report_absent(source, console));
    for (size_t i = 0; i < unlisted->count && status == VT_OK; i++) status = add_example(&examples, i, unlisted->items[i]);
    if (status == VT_OK)
        warn_about(console, (size_t)unlisted_count, "images of archives have no label and are left out", &examples);
    vt_text_free(&examples);
    if (status == VT_OK && left == 0)
        status = vt_fail(VT_ERROR_INPUT, "%s: none of the %zu listed images is there; %lld others are", source->root,
                         source->count, (long long)unlisted_count);
    return status;
}

/* Says which files no list mentions. by_name still knows the absent items, which have no file anyway. */
static vt_status report_unlisted(const vt_source *source, const vt_console *console) {
    vt_text examples = {0};
    size_t unlisted = 0;
    vt_status status = VT_OK;
    for (size_t i = 0; i < source->files.count && status == VT_OK; i++) {
        const vt_raw_file *file = &source->files.items[i];
        if (vt_map_get(source->by_name, file->key, strlen(file->key)) < 0)
            status = add_example(&examples, unlisted++, file->key);
    }
    if (status == VT_OK) warn_about(console, unlisted, "image files have no label and are left out", &examples);
    vt_text_free(&examples);
    VT_TRY(status);
    const vt_strings *unsupported = &source->files.unsupported;
    for (size_t i = 0; i < unsupported->count && status == VT_OK; i++)
        status = add_example(&examples, i, unsupported->items[i]);
    if (status == VT_OK)
        warn_about(console, unsupported->count, "image files are in formats that can't be read and are left out", &examples);
    vt_text_free(&examples);
    return status;
}

/* Whether an item is a row of an array or of an Arrow file. */
static bool is_row(const vt_source *source, const vt_item *item) {
    return item->file >= 0 && !source->files.items[item->file].path;
}

/* Takes labels for classes, of which no image may have two. The labels of items are sorted. */
static vt_status require_one_class(vt_source *source) {
    for (size_t i = 0; i < source->count; i++) {
        vt_item *item = &source->items[i];
        const int32_t *ids = source->label_ids + item->first_label;
        if (item->label_count > 1)
            return vt_fail(VT_ERROR_INPUT,
                           "single_label: %s: '%s' (%s %lld of its list) has the labels '%s' and '%s'; expected one for each "
                           "image",
                           source->root, item->file_name, is_row(source, item) ? "row" : "line", (long long)item->line,
                           source->labels.items[ids[0]], source->labels.items[ids[1]]);
        if (item->label_count == 1) item->unknown_count = 0;
    }
    source->single_label = 1;
    return VT_OK;
}

/* Leaves out images of which nobody knows the class. */
static void drop_classless(vt_source *source, const vt_console *console) {
    size_t before = source->count;
    char count[32];
    if (!source->single_label) return;
    for (size_t i = 0; i < source->count; i++)
        if (source->items[i].label_count == 0) source->items[i].file = VT_FILE_ABSENT;
    vt_source_drop_absent(source);
    vt_format_count((int64_t)(before - source->count), count);
    if (source->count < before) vt_warn(console, "%s images have no class and are left out", count);
}

/* Where one image has a patient, all must. */
static vt_status check_patients(const vt_source *source) {
    for (size_t i = 0; i < source->count && source->patients_known; i++)
        if (!source->items[i].patient_id)
            return vt_fail(VT_ERROR_INPUT,
                           "%s: '%s' (line %lld of its list) has no patient, but others have; give every image a "
                           "patient, or none",
                           source->root, source->items[i].file_name, (long long)source->items[i].line);
    return VT_OK;
}

/* In the order in which they are tried. */
static const struct vt_layout {
    bool (*is)(const char *root);
    vt_status (*read)(vt_source *source, const vt_console *console);
} layouts[] = {
    {vt_source_is_hf, vt_source_read_hf},
    {vt_source_is_nih, vt_source_read_nih},
    {vt_source_is_metadata, vt_source_read_metadata},
    {vt_source_is_table, vt_source_read_table},
    {vt_source_is_classes, vt_source_read_classes},
    {vt_source_is_npz, vt_source_read_npz},
    {vt_source_is_parquet, vt_source_read_parquet},
};
enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

/* Whether a table of labels is asked for, or columns of one: but for tables, only what `datasets` saved has such names. */
static bool asks_for_table(const vt_source *source) {
    const vt_label_options *options = source->options;
    bool names_columns = options->image_column || options->patient_column || options->label_columns;
    return options->table || (names_columns && !vt_source_is_hf(source->root));
}

static vt_status read_layout(vt_source *source, const vt_console *console) {
    bool is_file = !vt_is_folder(source->root);
    if (is_file && asks_for_table(source))
        return vt_fail(VT_ERROR_USAGE, "%s: has its labels in it; tables and their columns are of folders", source->root);
    if (is_file) return vt_source_read_npz(source, console);
    if (asks_for_table(source)) return vt_source_read_table(source, console);
    for (int i = 0; i < LAYOUTS; i++)
        if (layouts[i].is(source->root)) return layouts[i].read(source, console);
    return vt_fail(
        VT_ERROR_INPUT,
        "%s: not recognised as a data set; expected Data_Entry_2017_v2020.csv with images_*.tar.gz or images/, or "
        "metadata.jsonl or metadata.csv beside images, or a CSV file with a row per image and columns of labels, or one "
        "sub-folder of images per class, or what save_to_disk() of Hugging Face's datasets writes, or a MedMNIST .npz file",
        source->root);
}

static vt_status check_options(const vt_label_options *options) {
    if (options->uncertain < VT_UNKNOWN_IGNORE || options->uncertain > VT_UNKNOWN_ONE)
        return vt_fail(VT_ERROR_USAGE, "uncertain: %d names no policy", (int)options->uncertain);
    if (options->missing != VT_UNKNOWN_IGNORE && options->missing != VT_UNKNOWN_ZERO)
        return vt_fail(VT_ERROR_USAGE, "missing: %d; expected to ignore labels that are missing, or to take them as 0",
                       (int)options->missing);
    return VT_OK;
}

vt_status vt_source_open(const char *root, const vt_label_options *labels, const vt_console *console, vt_source *source) {
    *source = (vt_source){.root = root, .options = labels};
    VT_TRY(check_options(labels));
    if (!vt_path_exists(root)) return vt_fail(VT_ERROR_IO, "%s: no such folder; expected a data set", root);
    if (!vt_is_folder(root) && !vt_source_is_npz(root))
        return vt_fail(VT_ERROR_IO, "%s: not a folder; expected the folder of a data set, or a MedMNIST .npz file", root);
    VT_TRY(vt_map_create(&source->by_name));
    VT_TRY(vt_map_create(&source->by_label));
    VT_TRY(read_layout(source, console));
    size_t listed = source->count;
    VT_TRY(check_patients(source));
    VT_TRY(match_files(source, console));
    VT_TRY(report_unlisted(source, console));
    if (listed == 0) return vt_fail(VT_ERROR_INPUT, "%s: lists no image with a label", root);
    if (source->count == 0)
        return vt_fail(VT_ERROR_INPUT, "%s: none of the %zu listed images is there; %zu image files were found", root, listed,
                       source->files.count);
    if (source->labels.count == 0)
        return vt_fail(VT_ERROR_INPUT, "%s: none of the %zu listed images has a label; expected labels to learn", root,
                       source->count);
    VT_TRY(vt_source_sort_labels(source));
    if (source->options->single_label && !source->single_label) VT_TRY(require_one_class(source));
    drop_classless(source, console);
    if (source->count == 0)
        return vt_fail(VT_ERROR_INPUT, "%s: none of the images has a class; expected classes to learn", root);
    return VT_OK;
}

void vt_source_free(vt_source *source) {
    for (size_t i = 0; i < source->count; i++) free_item(&source->items[i]);
    free(source->items);
    vt_map_free(source->by_name);
    vt_strings_free(&source->absent);
    vt_strings_free(&source->labels);
    vt_map_free(source->by_label);
    free(source->label_ids);
    free(source->unknown_ids);
    vt_files_free(&source->files);
    *source = (vt_source){0};
}
