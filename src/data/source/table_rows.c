/* Tables in which images have several rows, such as one for each finding, box or reader: what the rows say together. Until then
 * every row is an item, and the source knows the first one of each name. */
#include "data/source/table.h"

#include "base/progress.h"
#include <stdlib.h>
#include <string.h>

typedef struct vt_row_merger {
    vt_source *source;
    const vt_tables *tables;
    int64_t *next;    /* [items] the next row of the same image; -1: there is none */
    int64_t *has;     /* [labels] 1 + the last image that was found to have it */
    int64_t *unknown; /* [labels] in how many rows of the image at hand it is unknown, if in all so far; else 0 */
    int64_t several_rows, several_labels; /* images */
} vt_row_merger;

/* Brings the rows of an image into a chain, in their order. */
static vt_status chain_rows(vt_row_merger *merger) {
    const vt_source *source = merger->source;
    VT_TRY(vt_allocate(&merger->next, source->count, sizeof *merger->next, "the rows of images"));
    for (size_t i = 0; i < source->count; i++) merger->next[i] = -1;
    for (size_t i = source->count; i-- > 0;) {
        const char *name = source->items[i].file_name;
        int64_t first = vt_map_get(source->by_name, name, strlen(name));
        if (first == (int64_t)i) continue;
        merger->next[i] = merger->next[first];
        merger->next[first] = (int64_t)i;
    }
    return VT_OK;
}

/* --- what must be the same --- */

static const char *path_of(const vt_row_merger *merger, int64_t item) {
    size_t table = merger->tables->count - 1;
    while (table > 0 && merger->tables->items[table].first_item > (size_t)item) table--;
    return merger->tables->items[table].path;
}

static vt_status fail_disagreement(const vt_row_merger *merger, int64_t first, int64_t row, const char *what,
                                   const char *before, const char *now) {
    const vt_item *items = merger->source->items;
    return vt_fail(VT_ERROR_INPUT, "%s:%lld: the %s of '%s' is '%s', but '%s' by %s:%lld; expected the same in all its rows",
                   path_of(merger, row), (long long)items[row].line, what, items[row].file_name, now, before,
                   path_of(merger, first), (long long)items[first].line);
}

static vt_status check_rows(const vt_row_merger *merger, int64_t first) {
    const vt_item *items = merger->source->items;
    for (int64_t row = merger->next[first]; row >= 0; row = merger->next[row]) {
        const char *before = items[first].patient_id ? items[first].patient_id : "";
        const char *now = items[row].patient_id ? items[row].patient_id : "";
        if (strcmp(before, now) != 0) return fail_disagreement(merger, first, row, "patient", before, now);
        if (items[first].part != items[row].part)
            return fail_disagreement(merger, first, row, "split", vt_part_name(items[first].part),
                                     vt_part_name(items[row].part));
    }
    return VT_OK;
}

/* --- labels --- */

/* Gives the image what any of its rows has. */
static vt_status merge_labels(vt_row_merger *merger, int64_t first) {
    vt_source *source = merger->source;
    const size_t start = source->label_id_count;
    for (int64_t row = first; row >= 0; row = merger->next[row]) {
        const vt_item *item = &source->items[row];
        VT_TRY(vt_grow(&source->label_ids, &source->label_id_capacity, source->label_id_count + item->label_count,
                       sizeof *source->label_ids, "the labels of images"));
        for (size_t i = 0; i < item->label_count; i++) {
            int32_t id = source->label_ids[item->first_label + i];
            if (merger->has[id] != first + 1) source->label_ids[source->label_id_count++] = id;
            merger->has[id] = first + 1;
        }
    }
    source->items[first].first_label = start;
    source->items[first].label_count = source->label_id_count - start;
    return VT_OK;
}

/* Leaves unknown what is unknown in all of its rows; labels that it has are taken out when they are sorted. */
static void merge_unknown(const vt_row_merger *merger, int64_t first) {
    const vt_source *source = merger->source;
    vt_item *image = &source->items[first];
    int64_t rows = 0;
    size_t left = 0;
    for (int64_t row = first; row >= 0; row = merger->next[row], rows++) {
        const vt_item *item = &source->items[row];
        for (size_t i = 0; i < item->unknown_count; i++) {
            int64_t *count = &merger->unknown[source->unknown_ids[item->first_unknown + i]];
            if (*count == rows) *count = rows + 1;
        }
    }
    for (size_t i = 0; i < image->unknown_count; i++) {
        int32_t id = source->unknown_ids[image->first_unknown + i];
        if (merger->unknown[id] == rows) source->unknown_ids[image->first_unknown + left++] = id;
        merger->unknown[id] = 0;
    }
    image->unknown_count = left;
}

/* Makes an item of every image; as yet none has a file. */
static vt_status merge(vt_row_merger *merger) {
    vt_source *source = merger->source;
    VT_TRY(chain_rows(merger));
    VT_TRY(vt_allocate(&merger->has, source->labels.count, sizeof *merger->has, "the labels"));
    VT_TRY(vt_allocate(&merger->unknown, source->labels.count, sizeof *merger->unknown, "the labels"));
    for (size_t i = 0; i < source->count; i++) source->items[i].file = VT_FILE_ARCHIVED;
    for (int64_t i = 0; i < (int64_t)source->count; i++) {
        if (merger->next[i] < 0 || source->items[i].file == VT_FILE_ABSENT) continue;
        VT_TRY(check_rows(merger, i));
        VT_TRY(merge_labels(merger, i));
        merge_unknown(merger, i);
        merger->several_rows++;
        merger->several_labels += source->items[i].label_count > 1;
        for (int64_t row = merger->next[i]; row >= 0; row = merger->next[row]) source->items[row].file = VT_FILE_ABSENT;
    }
    vt_source_drop_absent(source);
    return VT_OK;
}

static void report(const vt_row_merger *merger, bool classes, const vt_console *console) {
    char rows[32], labels[32];
    vt_format_count(merger->several_rows, rows);
    vt_format_count(merger->several_labels, labels);
    vt_say(console,
           "%s images have more than one row: a label is positive where any of them says so, else negative where any does",
           rows);
    if (classes && merger->several_labels > 0)
        vt_say(console, "%s of them have more than one class: classes are taken as labels, of which an image has any number",
               labels);
}

vt_status vt_table_merge_rows(vt_source *source, const vt_tables *tables, bool *classes, const vt_console *console) {
    vt_row_merger merger = {.source = source, .tables = tables};
    if (vt_map_count(source->by_name) == source->count) return VT_OK;
    vt_status status = merge(&merger);
    if (status == VT_OK) report(&merger, *classes, console);
    if (merger.several_labels > 0) *classes = false;
    free(merger.next);
    free(merger.has);
    free(merger.unknown);
    return status;
}
