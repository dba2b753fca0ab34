/* The labels of a raw data set's images, while a layout reads them and once they are in order: numbers into the list of label
 * names, of those that an image has and of those that nobody knows. */
#include "data/source/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_LIMIT = 65536 };

/* *id = the number of a label, a new one if need be. */
static vt_status number_label(vt_source *source, const char *label, size_t length, int64_t *id) {
    *id = vt_map_get(source->by_label, label, length);
    if (*id >= 0) return VT_OK;
    *id = (int64_t)source->labels.count;
    if (*id == LABEL_LIMIT)
        return vt_fail(VT_ERROR_INPUT, "%s: more than %d different labels; the label column seems to hold something else",
                       source->root, LABEL_LIMIT);
    VT_TRY(vt_strings_add(&source->labels, label, length));
    return vt_map_set(source->by_label, label, length, *id);
}

vt_status vt_source_add_label(vt_source *source, const char *label, size_t length) {
    int64_t id;
    VT_TRY(number_label(source, label, length, &id));
    VT_TRY(vt_grow(&source->label_ids, &source->label_id_capacity, source->label_id_count + 1, sizeof *source->label_ids,
                   "the labels of images"));
    source->label_ids[source->label_id_count++] = (int32_t)id;
    source->items[source->count - 1].label_count++;
    return VT_OK;
}

vt_status vt_source_add_unknown(vt_source *source, const char *label, size_t length) {
    int64_t id;
    VT_TRY(number_label(source, label, length, &id));
    VT_TRY(vt_grow(&source->unknown_ids, &source->unknown_id_capacity, source->unknown_id_count + 1,
                   sizeof *source->unknown_ids, "the labels of images"));
    source->unknown_ids[source->unknown_id_count++] = (int32_t)id;
    source->items[source->count - 1].unknown_count++;
    return VT_OK;
}

vt_status vt_source_add_value(vt_source *source, const char *label, size_t length, double value, const char *place,
                              int64_t line) {
    vt_unknown_policy policy = value == 1.0 ? VT_UNKNOWN_ONE : VT_UNKNOWN_ZERO;
    int64_t id;
    if (isnan(value)) {
        policy = source->options->missing;
        source->missing_values++;
    } else if (value == -1.0) {
        policy = source->options->uncertain;
        source->uncertain_values++;
    } else if (value != 0.0 && value != 1.0) {
        return vt_fail(VT_ERROR_INPUT, "%s:%lld: '%.*s' is %g; expected 0, 1, -1 (uncertain) or nothing", place,
                       (long long)line, (int)length, label, value);
    }
    if (policy == VT_UNKNOWN_ONE) return vt_source_add_label(source, label, length);
    if (policy == VT_UNKNOWN_IGNORE) return vt_source_add_unknown(source, label, length);
    return number_label(source, label, length, &id);
}

/* --- order --- */

static int compare_ids(const void *a, const void *b) {
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

/* ids [count] = itself ascending, each once; how many are left. */
static size_t sort_ids(int32_t *ids, size_t count) {
    size_t kept = 0;
    qsort(ids, count, sizeof *ids, compare_ids);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || ids[i] != ids[kept - 1]) ids[kept++] = ids[i];
    return kept;
}

/* Sorts an item's labels; one that it has is not unknown. */
static void sort_item_labels(const vt_source *source, vt_item *item) {
    if (item->label_count > 0) item->label_count = sort_ids(source->label_ids + item->first_label, item->label_count);
    if (item->unknown_count == 0) return;
    int32_t *unknown = source->unknown_ids + item->first_unknown;
    size_t count = sort_ids(unknown, item->unknown_count), next = item->first_label, end = next + item->label_count;
    item->unknown_count = 0;
    for (size_t i = 0; i < count; i++) {
        while (next < end && source->label_ids[next] < unknown[i]) next++;
        if (next == end || source->label_ids[next] != unknown[i]) unknown[item->unknown_count++] = unknown[i];
    }
}

/* Puts the label names into byte order; renumbered [labels] = the new number of each. */
static vt_status sort_names(vt_source *source, int32_t *renumbered) {
    vt_strings sorted = {0};
    vt_status status = VT_OK;
    for (size_t i = 0; i < source->labels.count; i++)
        VT_TRY_GOTO(vt_strings_add(&sorted, source->labels.items[i], strlen(source->labels.items[i])));
    vt_strings_sort(&sorted);
    for (size_t i = 0; i < sorted.count; i++) {
        const char *name = sorted.items[i];
        renumbered[vt_map_get(source->by_label, name, strlen(name))] = (int32_t)i;
        VT_TRY_GOTO(vt_map_set(source->by_label, name, strlen(name), (int64_t)i));
    }
    vt_strings unsorted = source->labels;
    source->labels = sorted;
    sorted = unsorted;
done:
    vt_strings_free(&sorted);
    return status;
}

vt_status vt_source_sort_labels(vt_source *source) {
    int32_t *renumbered = NULL;
    vt_status status = VT_OK;
    if (!source->numeric_labels) {
        VT_TRY(vt_allocate(&renumbered, source->labels.count, sizeof *renumbered, "the labels"));
        VT_TRY_GOTO(sort_names(source, renumbered));
        for (size_t i = 0; i < source->label_id_count; i++) source->label_ids[i] = renumbered[source->label_ids[i]];
        for (size_t i = 0; i < source->unknown_id_count; i++) source->unknown_ids[i] = renumbered[source->unknown_ids[i]];
    }
    for (size_t i = 0; i < source->count; i++) sort_item_labels(source, &source->items[i]);
done:
    free(renumbered);
    return status;
}
