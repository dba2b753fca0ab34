/* The layout of NIH ChestX-ray14: Data_Entry_2017_v2020.csv, images in images_*.tar.gz or folders, and the official
 * lists train_val_list.txt and test_list.txt, any of which may be partial. Images are known by their bare names. */
#include "data/source/source.h"

#include "base/file.h"
#include "base/progress.h"
#include "formats/csv.h"
#include "formats/utf8.h"
#include <stdlib.h>
#include <string.h>

static const char *const label_files[] = {"Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv"};

static const char *const nih_labels[] = {
    "Atelectasis",  "Cardiomegaly", "Consolidation", "Edema",  "Effusion",           "Emphysema", "Fibrosis",    "Hernia",
    "Infiltration", "Mass",         "No Finding",    "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax"};
enum { NIH_LABELS = sizeof nih_labels / sizeof nih_labels[0] };
enum { LIST_LIMIT = 1 << 30 };

/* *path is NULL if there is none. */
static vt_status find_label_file(const char *root, char **path) {
    *path = NULL;
    for (size_t i = 0; i < sizeof label_files / sizeof label_files[0]; i++) {
        VT_TRY(vt_join(root, label_files[i], path));
        if (vt_path_exists(*path)) return VT_OK;
        free(*path);
        *path = NULL;
    }
    return VT_OK;
}

bool vt_source_is_nih(const char *root) {
    char *path;
    bool found = find_label_file(root, &path) == VT_OK && path;
    free(path);
    return found;
}

static vt_status read_labels(vt_source *source, const char *path) {
    vt_csv *csv = NULL;
    const char *const *fields;
    int name, labels, patient, more;
    VT_TRY(vt_csv_open(path, &csv));
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_csv_require_column(csv, "Image Index", &name));
    VT_TRY_GOTO(vt_csv_require_column(csv, "Finding Labels", &labels));
    VT_TRY_GOTO(vt_csv_require_column(csv, "Patient ID", &patient));
    for (;;) {
        VT_TRY_GOTO(vt_csv_next(csv, &fields, &more));
        if (!more) break;
        int64_t line = vt_csv_line(csv);
        VT_TRY_GOTO(vt_source_add(source, fields[name], path, line));
        VT_TRY_GOTO(vt_source_add_label_text(source, fields[labels], path, line));
        VT_TRY_GOTO(vt_source_set_patient(source, fields[patient], path, line));
    }
done:
    vt_csv_close(csv);
    return status;
}

static bool is_nih_label(const char *label) {
    for (int i = 0; i < NIH_LABELS; i++)
        if (strcmp(nih_labels[i], label) == 0) return true;
    return false;
}

static vt_status fail_unknown_label(const vt_source *source, const char *path, size_t label) {
    int64_t line = 0;
    for (size_t i = 0; i < source->count && !line; i++)
        for (size_t l = 0; l < source->items[i].label_count; l++)
            if (source->label_ids[source->items[i].first_label + l] == (int32_t)label) line = source->items[i].line;
    vt_text known = {0};
    vt_status status = VT_OK;
    for (int i = 0; i < NIH_LABELS && status == VT_OK; i++) status = vt_text_add(&known, "%s%s", i ? ", " : "", nih_labels[i]);
    if (status == VT_OK)
        status = vt_fail(VT_ERROR_INPUT, "%s:%lld: unknown label '%s'; known are %s", path, (long long)line,
                         source->labels.items[label], known.data);
    vt_text_free(&known);
    return status;
}

/* Other data sets come in this layout with labels of their own; but where most are NIH's, another is a misspelling. */
static vt_status check_labels(const vt_source *source, const char *path, const vt_console *console) {
    size_t known = 0, count = source->labels.count;
    for (size_t i = 0; i < count; i++) known += is_nih_label(source->labels.items[i]);
    size_t first = 0;
    while (first < count && is_nih_label(source->labels.items[first])) first++;
    if (first == count) return VT_OK;
    if (known * 3 > count * 2) return fail_unknown_label(source, path, first);
    vt_warn(console, "%s: %zu of the labels are none of ChestX-ray14's, such as '%s'", path, count - known,
            source->labels.items[first]);
    return VT_OK;
}

/* Puts the images that a list names into `part`; *listed says whether there is such a list. */
static vt_status read_list(vt_source *source, const char *name, vt_part part, int *listed, const vt_console *console) {
    char *path = NULL, count[32];
    uint8_t *data = NULL;
    size_t size;
    int64_t unknown = 0;
    const char *first_unknown = "";
    vt_status status = VT_OK;
    VT_TRY(vt_join(source->root, name, &path));
    *listed = vt_path_exists(path);
    if (!*listed) goto done;
    VT_TRY_GOTO(vt_read_file(path, LIST_LIMIT, &data, &size));
    if (memchr(data, 0, size)) {
        status = vt_fail(VT_ERROR_INPUT, "%s: a NUL byte; expected one image name per line", path);
        goto done;
    }
    char *text = (char *)data + vt_utf8_mark_length(data, size), *rest = NULL;
    for (char *word = strtok_r(text, " \t\r\n", &rest); word; word = strtok_r(NULL, " \t\r\n", &rest)) {
        int64_t index = vt_map_get(source->by_name, word, strlen(word));
        if (index < 0) {
            if (unknown++ == 0) first_unknown = word;
            continue;
        }
        vt_item *item = &source->items[index];
        if (item->part != VT_PART_NONE && item->part != part) {
            status = vt_fail(VT_ERROR_INPUT, "%s: '%s' is in both train_val_list.txt and test_list.txt; it can be in one only",
                             path, word);
            goto done;
        }
        item->part = part;
    }
    if (unknown > 0) {
        vt_format_count(unknown, count);
        vt_warn(console, "%s: %s of its names have no row in the label file, such as '%s'", path, count, first_unknown);
    }
done:
    free(data);
    free(path);
    return status;
}

static void report(const vt_source *source, const char *path, const vt_console *console) {
    const vt_files *files = &source->files;
    char listed[32], loose[32], archived[32], found[32];
    uint64_t loose_bytes = 0, archive_bytes = 0;
    for (size_t i = 0; i < files->count; i++) loose_bytes += files->items[i].bytes;
    for (size_t i = 0; i < files->container_count; i++) archive_bytes += files->containers[i].bytes;
    vt_format_count((int64_t)source->count, listed);
    vt_format_count((int64_t)files->count, found);
    vt_format_bytes(loose_bytes, loose);
    vt_format_bytes(archive_bytes, archived);
    vt_say(console, "%s: NIH ChestX-ray14 layout; %s lists %s images; there are %zu archives (%s) and %s image files (%s)",
           source->root, vt_basename(path), listed, files->container_count, archived, found, loose);
}

vt_status vt_source_read_nih(vt_source *source, const vt_console *console) {
    char *path = NULL;
    vt_status status = VT_OK;
    if (source->options->single_label)
        return vt_fail(VT_ERROR_USAGE, "single_label: %s: in the layout of ChestX-ray14 an image has any number of findings",
                       source->root);
    VT_TRY(find_label_file(source->root, &path));
    VT_TRY_GOTO(read_labels(source, path));
    if (source->count == 0) {
        status = vt_fail(VT_ERROR_INPUT, "%s: lists no image", path);
        goto done;
    }
    VT_TRY_GOTO(check_labels(source, path, console));
    VT_TRY_GOTO(read_list(source, "train_val_list.txt", VT_PART_TRAIN, &source->has_train_val_list, console));
    VT_TRY_GOTO(read_list(source, "test_list.txt", VT_PART_TEST, &source->has_test_list, console));
    VT_TRY_GOTO(vt_files_scan(source->root, VT_KEY_BASENAME, &source->files));
    VT_TRY_GOTO(vt_files_add_archives(source->root, &source->files));
    report(source, path, console);
done:
    free(path);
    return status;
}
