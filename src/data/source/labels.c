/* The label option, and the table of labels on the console. */
#include "data/source/labels.h"

#include "base/progress.h"
#include "data/source/name_list.h"
#include <stdlib.h>
#include <string.h>

static vt_status fail_unknown(const vt_source *source, const char *label) {
    vt_text known = {0};
    vt_status status = VT_OK;
    for (size_t i = 0; i < source->labels.count && status == VT_OK; i++) {
        const char *name = source->labels.items[i], *quote = strchr(name, ',') ? "\"" : "";
        status = vt_text_add(&known, "%s%s%s%s", i ? ", " : "", quote, name, quote);
    }
    if (status == VT_OK) status = vt_fail(VT_ERROR_USAGE, "labels: unknown label '%s'; known are %s", label, known.data);
    vt_text_free(&known);
    return status;
}

/* kept [labels] = whether the option keeps each label. */
static vt_status parse_choice(const vt_source *source, const char *option, bool *kept) {
    vt_strings names = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_name_list_split(option, "labels", &names));
    const bool drops = names.items[0][0] == '-';
    for (size_t i = 0; i < source->labels.count; i++) kept[i] = drops;
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.items[i];
        if ((*name == '-') != drops) {
            status =
                vt_fail(VT_ERROR_USAGE, "labels: '%s' both keeps and drops; expected 'A,B' to keep or '-A,-B' to drop", option);
            goto done;
        }
        name += drops;
        int64_t id = vt_map_get(source->by_label, name, strlen(name));
        if (id < 0) VT_TRY_GOTO(fail_unknown(source, name));
        kept[id] = !drops;
    }
done:
    vt_strings_free(&names);
    return status;
}

/* Renumbers ids [*count] and leaves out those that go. */
static void renumber_ids(int32_t *ids, size_t *count, const int32_t *renumbered) {
    size_t left = 0;
    for (size_t i = 0; i < *count; i++)
        if (renumbered[ids[i]] >= 0) ids[left++] = renumbered[ids[i]];
    *count = left;
}

/* Renumbers the labels that stay and rewrites every item's list; renumbered [labels] is -1 for those that go. */
static vt_status apply_choice(vt_source *source, const bool *kept, int32_t *renumbered) {
    size_t count = 0;
    for (size_t i = 0; i < source->labels.count; i++) {
        renumbered[i] = kept[i] ? (int32_t)count : -1;
        if (kept[i]) {
            source->labels.items[count++] = source->labels.items[i];
        } else {
            free(source->labels.items[i]);
            source->labels.items[i] = NULL;
        }
    }
    source->labels.count = count;
    if (count == 0) return vt_fail(VT_ERROR_USAGE, "labels: the choice leaves no label; keep at least one");
    for (size_t i = 0; i < source->count; i++) {
        vt_item *item = &source->items[i];
        if (item->label_count > 0) renumber_ids(source->label_ids + item->first_label, &item->label_count, renumbered);
        if (item->unknown_count > 0) renumber_ids(source->unknown_ids + item->first_unknown, &item->unknown_count, renumbered);
    }
    vt_map_free(source->by_label);
    source->by_label = NULL;
    VT_TRY(vt_map_create(&source->by_label));
    for (size_t i = 0; i < count; i++)
        VT_TRY(vt_map_set(source->by_label, source->labels.items[i], strlen(source->labels.items[i]), (int64_t)i));
    return VT_OK;
}

vt_status vt_labels_choose(vt_source *source, const char *option, int64_t *left_out) {
    bool *kept = NULL;
    int32_t *renumbered = NULL;
    size_t before = source->count;
    vt_status status = VT_OK;
    *left_out = 0;
    if (!option) return VT_OK;
    VT_TRY_GOTO(vt_allocate(&kept, source->labels.count, sizeof *kept, "the labels"));
    VT_TRY_GOTO(vt_allocate(&renumbered, source->labels.count, sizeof *renumbered, "the labels"));
    VT_TRY_GOTO(parse_choice(source, option, kept));
    VT_TRY_GOTO(apply_choice(source, kept, renumbered));
    if (source->single_label) {
        for (size_t i = 0; i < source->count; i++)
            if (source->items[i].label_count == 0) source->items[i].file = -1;
        vt_source_drop_absent(source);
    }
    *left_out = (int64_t)(before - source->count);
    if (source->count == 0) status = vt_fail(VT_ERROR_USAGE, "labels: the choice leaves no image; keep more labels");
done:
    free(kept);
    free(renumbered);
    return status;
}

typedef struct vt_label_counts {
    int64_t positive, unknown;
} vt_label_counts;

/* counts [labels] */
static void count_labels(const vt_source *source, vt_label_counts *counts) {
    for (size_t i = 0; i < source->count; i++) {
        const vt_item *item = &source->items[i];
        for (size_t k = 0; k < item->label_count; k++) counts[source->label_ids[item->first_label + k]].positive++;
        for (size_t k = 0; k < item->unknown_count; k++) counts[source->unknown_ids[item->first_unknown + k]].unknown++;
    }
}

/* "Edema  1,234 images", or, where some labels are unknown, "Edema  1,234 positive  5,678 negative  90 unknown". */
static void report_label(const vt_source *source, size_t label, const vt_label_counts *counts, bool unknown,
                         const vt_console *console) {
    const char *name = source->labels.items[label];
    char positive[32], negative[32], unknowns[32];
    vt_format_count(counts->positive, positive);
    vt_format_count((int64_t)source->count - counts->positive - counts->unknown, negative);
    vt_format_count(counts->unknown, unknowns);
    if (unknown)
        vt_say(console, "  %-26s %9s positive %9s negative %9s unknown", name, positive, negative, unknowns);
    else
        vt_say(console, "  %-20s %9s images", name, positive);
}

/* What became of labels that are neither 0 nor 1. */
static void report_unknown(int64_t values, const char *kind, vt_unknown_policy policy, const vt_console *console) {
    static const char *const fates[] = {"ignored in training and in figures", "taken as 0", "taken as 1"};
    char count[32];
    vt_format_count(values, count);
    if (values > 0) vt_say(console, "%s labels of images are %s: %s", count, kind, fates[policy]);
}

vt_status vt_labels_report(const vt_source *source, const vt_console *console) {
    vt_label_counts *counts = NULL;
    size_t labels = source->labels.count;
    bool unknown = false;
    vt_text list = {0};
    vt_status status = VT_OK;
    VT_TRY(vt_allocate(&counts, labels, sizeof *counts, "the counts of labels"));
    count_labels(source, counts);
    for (size_t i = 0; i < labels; i++) {
        unknown = unknown || counts[i].unknown > 0;
        VT_TRY_GOTO(vt_text_add(&list, "%s'%s'", i ? ", " : "", source->labels.items[i]));
    }
    vt_say(console, "%zu labels: [%s]", labels, list.data);
    for (size_t i = 0; i < labels; i++) report_label(source, i, &counts[i], unknown, console);
    report_unknown(source->uncertain_values, "uncertain (-1)", source->options->uncertain, console);
    report_unknown(source->missing_values, "missing", source->options->missing, console);
done:
    free(counts);
    vt_text_free(&list);
    return status;
}
