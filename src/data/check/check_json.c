/* All that a check found, as JSON. Names are made printable: bytes that are no UTF-8 stand as \xNN. */
#include "data/check/check.h"

#include "base/json.h"
#include <stdlib.h>
#include <string.h>

/* Jansson's *_new() functions and json_pack() take NULL for a value and fail, so that a failed allocation anywhere below makes
 * the whole NULL. */

static void append(json_t **list, json_t *value) {
    if (json_array_append_new(*list, value) == 0) return;
    json_decref(*list);
    *list = NULL;
}

static void set(json_t **object, const char *key, json_t *value) {
    if (json_object_set_new(*object, key, value) == 0) return;
    json_decref(*object);
    *object = NULL;
}

static json_t *text_of(const char *text) {
    size_t size = 4 * strlen(text) + 5;
    char *printable = malloc(size);
    if (!printable) return NULL;
    vt_make_printable(text, printable, size);
    json_t *value = json_string(printable);
    free(printable);
    return value;
}

static json_t *texts_of(const vt_strings *strings) {
    json_t *list = json_array();
    for (size_t i = 0; i < strings->count; i++) append(&list, text_of(strings->items[i]));
    return list;
}

/* {"count": 1200, "names": [the first thousand]} */
static json_t *counted(int64_t count, const vt_strings *names) {
    return json_pack("{s:I, s:o}", "count", (json_int_t)count, "names", texts_of(names));
}

static json_t *part_of(vt_part part) {
    return part == VT_PART_NONE ? json_null() : json_string(vt_part_name(part));
}

/* {"train": 90, "validation": 10, "test": 0} */
static json_t *parts_of(const int64_t counts[VT_PART_COUNT]) {
    json_t *object = json_object();
    for (int part = 0; part < VT_PART_COUNT; part++) set(&object, vt_part_name((vt_part)part), json_integer(counts[part]));
    return object;
}

static json_t *problems_of(const vt_check *check) {
    json_t *list = json_array();
    for (int i = 0; i < VT_PROBLEM_COUNT; i++)
        if (check->problems[i] > 0)
            append(&list, json_pack("{s:s, s:I, s:s}", "kind", vt_problem_name((vt_problem)i), "count",
                                    (json_int_t)check->problems[i], "text", vt_problem_text((vt_problem)i)));
    return list;
}

static json_t *labels_of(const vt_check *check) {
    json_t *list = json_array();
    for (size_t label = 0; label < check->num_labels; label++) {
        json_t *row = json_pack("{s:o}", "label", text_of(check->label_names[label]));
        for (int part = 0; part < VT_PART_COUNT; part++) {
            const vt_label_count *count = &check->label_counts[label * VT_PART_COUNT + (size_t)part];
            set(&row, vt_part_name((vt_part)part),
                json_pack("{s:I, s:I, s:I}", "positive", (json_int_t)count->positive, "negative", (json_int_t)count->negative,
                          "unknown", (json_int_t)count->unknown));
        }
        append(&list, row);
    }
    return list;
}

static json_t *range_of(int low, int median, int high) {
    return json_pack("{s:i, s:i, s:i}", "min", low, "median", median, "max", high);
}

static json_t *pairs_of(const vt_pair_count *pairs, size_t count, const char *a, const char *b) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        append(&list, json_pack("{s:i, s:i, s:I}", a, pairs[i].a, b, pairs[i].b, "images", (json_int_t)pairs[i].images));
    return list;
}

/* The patients that stand in several parts: [{"patient": "17", "in": ["train", "test"]}, ...]. */
static json_t *shared_patients_of(const vt_check *check, const uint8_t *parts) {
    json_t *list = json_array();
    for (size_t i = 0; i < check->patients.count; i++) {
        if (!vt_several_parts(parts[i])) continue;
        json_t *in = json_array();
        for (int part = 0; part < VT_PART_COUNT; part++)
            if (parts[i] & (1u << part)) append(&in, part_of((vt_part)part));
        append(&list, json_pack("{s:o, s:o}", "patient", text_of(check->patients.items[i]), "in", in));
    }
    return list;
}

static json_t *patients_of(const vt_check *check) {
    return json_pack("{s:I, s:o, s:o}", "count", (json_int_t)check->patients.count, "across_splits",
                     shared_patients_of(check, check->patient_parts), "across_lists",
                     shared_patients_of(check, check->patient_given));
}

static json_t *image_of(const vt_check *check, const vt_checked *image) {
    json_t *patient = image->patient < 0 ? json_null() : text_of(check->patients.items[image->patient]);
    return json_pack("{s:o, s:o, s:o, s:o}", "file", text_of(image->name), "split", part_of(image->part), "list",
                     part_of(image->given), "patient", patient);
}

static json_t *duplicates_of(const vt_check *check) {
    json_t *list = json_array();
    for (size_t i = 0; i < check->duplicates_count; i++) {
        const vt_duplicates *group = &check->duplicates[i];
        json_t *images = json_array();
        for (size_t k = 0; k < group->count; k++)
            append(&images, image_of(check, &check->images[check->by_pixels[group->first + k]]));
        append(&list, json_pack("{s:b, s:b, s:b, s:o}", "across_splits", (int)group->across_splits, "across_patients",
                                (int)group->across_patients, "labels_differ", (int)group->labels_differ, "images", images));
    }
    return list;
}

static json_t *corrupt_of(const vt_check *check) {
    json_t *list = json_array();
    for (size_t i = 0; i < check->pass.bad_names.count; i++)
        append(&list, json_pack("{s:o, s:o}", "file", text_of(check->pass.bad_names.items[i]), "reason",
                                text_of(check->pass.bad_sentences.items[i])));
    return list;
}

static json_t *all_of(const vt_check *check) {
    json_t *root = json_object();
    set(&root, "data", text_of(check->data));
    set(&root, "recognised", texts_of(&check->said));
    set(&root, "prepared", json_boolean(check->prepared));
    set(&root, "ok", json_boolean(vt_check_problems(check) == 0));
    set(&root, "problems", problems_of(check));
    set(&root, "warnings", texts_of(&check->warned));
    set(&root, "split",
        json_pack("{s:s, s:I}", "policy", vt_split_policy_name(check->policy), "seed", (json_int_t)check->seed));
    set(&root, "images", parts_of(check->parts));
    set(&root, "decoded", json_integer(check->decoded));
    set(&root, "empty", json_integer(check->blank));
    set(&root, "dim", json_integer(check->dim));
    set(&root, "labels", labels_of(check));
    set(&root, "patients", patients_of(check));
    set(&root, "width", range_of(check->low_width, check->median_width, check->high_width));
    set(&root, "height", range_of(check->low_height, check->median_height, check->high_height));
    set(&root, "sizes", pairs_of(check->sizes, check->size_count, "width", "height"));
    set(&root, "kinds", pairs_of(check->kinds, check->kind_count, "depth", "channels"));
    set(&root, "duplicates", duplicates_of(check));
    set(&root, "corrupt", corrupt_of(check));
    set(&root, "absent", counted(check->source.absent_count, &check->source.absent));
    set(&root, "unlisted", counted(check->unlisted_count, &check->unlisted));
    set(&root, "unsupported", texts_of(&check->source.files.unsupported));
    return root;
}

vt_status vt_check_json(const vt_check *check, char **text) {
    json_t *root = all_of(check);
    *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    return *text ? VT_OK : vt_fail_memory("what was found, as JSON", 0);
}
