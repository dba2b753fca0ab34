/* Makes splits by patient, by image, by the official lists or by folders, and digests them for the record. */
#include "data/source/split.h"

#include "base/hash.h"
#include "base/random.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *vt_split_policy_name(vt_split_policy policy) {
    static const char *const names[] = {"auto", "patient", "official", "random", "folders"};
    return (unsigned)policy < sizeof names / sizeof names[0] ? names[policy] : NULL;
}

/* --- cutting the validation part --- */

/* Images that stay together: those of a patient, or one image. */
typedef struct vt_group {
    const char *name;
    uint64_t place; /* in the random order */
    int64_t images;
    bool validation;
} vt_group;

static int compare_groups(const void *a, const void *b) {
    const vt_group *left = a, *right = b;
    if (left->place != right->place) return left->place < right->place ? -1 : 1;
    return strcmp(left->name, right->name);
}

static uint64_t place_of(uint64_t seed, const char *name) {
    vt_random random = vt_random_stream(seed, VT_PURPOSE_SPLIT, 0, vt_fnv1a(VT_FNV_OFFSET, name, strlen(name)));
    uint64_t high = vt_random_u32(&random);
    return high << 32 | vt_random_u32(&random);
}

/* Takes groups in random order for validation, each that still fits into `target` images; at least one, and never all
 * of them. */
static void choose_groups(vt_group *groups, int64_t count, int64_t target) {
    int64_t taken = 0, images = 0, smallest = 0;
    qsort(groups, (size_t)count, sizeof *groups, compare_groups);
    for (int64_t i = 0; i < count; i++) {
        if (groups[i].images < groups[smallest].images) smallest = i;
        if (images + groups[i].images > target || taken == count - 1) continue;
        groups[i].validation = true;
        images += groups[i].images;
        taken++;
    }
    if (taken == 0) groups[smallest].validation = true;
}

static const char *group_name(const vt_item *item, bool by_patient) {
    return by_patient ? item->patient_id : item->file_name;
}

/* Moves `fraction` of the plan's training images to validation, by patient or by image. */
static vt_status cut_validation(const vt_source *source, const vt_split_request *request, bool by_patient,
                                vt_split_plan *plan) {
    vt_group *groups = NULL;
    vt_map *by_name = NULL;
    int64_t count = 0, images = 0;
    vt_status status = VT_OK;
    if (request->validation_fraction <= 0.0) return VT_OK;
    VT_TRY_GOTO(vt_allocate(&groups, source->count, sizeof *groups, "the patients"));
    VT_TRY_GOTO(vt_map_create(&by_name));
    for (size_t i = 0; i < source->count; i++) {
        if (plan->parts[i] != VT_PART_TRAIN) continue;
        const char *name = group_name(&source->items[i], by_patient);
        int64_t known = vt_map_get(by_name, name, strlen(name));
        if (known < 0) {
            known = count++;
            VT_TRY_GOTO(vt_map_set(by_name, name, strlen(name), known));
            groups[known] = (vt_group){.name = name, .place = place_of(request->seed, name)};
        }
        groups[known].images++;
        images++;
    }
    if (count < 2) goto done;
    int64_t target = llround(request->validation_fraction * (double)images);
    choose_groups(groups, count, target < 1 ? 1 : target);
    for (int64_t i = 0; i < count; i++) VT_TRY_GOTO(vt_map_set(by_name, groups[i].name, strlen(groups[i].name), i));
    for (size_t i = 0; i < source->count; i++) {
        if (plan->parts[i] != VT_PART_TRAIN) continue;
        const char *name = group_name(&source->items[i], by_patient);
        if (groups[vt_map_get(by_name, name, strlen(name))].validation) plan->parts[i] = VT_PART_VALIDATION;
    }
done:
    free(groups);
    vt_map_free(by_name);
    return status;
}

/* --- the policies --- */

/* Whether the data set's folders put images into more than one part. */
static bool has_several_parts(const vt_source *source) {
    for (size_t i = 1; source->has_folders && i < source->count; i++)
        if (source->items[i].part != source->items[0].part) return true;
    return false;
}

static vt_status check_policy(const vt_source *source, vt_split_policy policy) {
    if (policy == VT_SPLIT_PATIENT && !source->patients_known)
        return vt_fail(VT_ERROR_USAGE,
                       "%s: names no patients, so it can't be split by patient; expected a 'patient_id' for every "
                       "image, or the split 'random'",
                       source->root);
    if (policy == VT_SPLIT_OFFICIAL && !(source->has_train_val_list && source->has_test_list))
        return vt_fail(VT_ERROR_USAGE, "%s: has no %s, which the official split needs", source->root,
                       source->has_train_val_list ? "test_list.txt"
                       : source->has_test_list    ? "train_val_list.txt"
                                                  : "train_val_list.txt and no test_list.txt");
    if (policy == VT_SPLIT_FOLDERS && !source->has_folders)
        return vt_fail(VT_ERROR_USAGE, "%s: has no train/, validation/ or test/ folders to split by", source->root);
    return VT_OK;
}

/* The parts before validation is cut off: all of it, or what lists or folders say. */
static void place_images(const vt_source *source, vt_split_plan *plan) {
    bool given = plan->policy == VT_SPLIT_OFFICIAL || plan->policy == VT_SPLIT_FOLDERS;
    for (size_t i = 0; i < source->count; i++) {
        plan->parts[i] = given ? source->items[i].part : VT_PART_TRAIN;
        if (plan->parts[i] == VT_PART_NONE) plan->unlisted++;
    }
}

vt_status vt_split_plan_make(const vt_source *source, const vt_split_request *request, vt_split_plan *plan) {
    char hash[VT_SPLIT_HASH_SIZE];
    bool by_patient = source->patients_known && request->policy != VT_SPLIT_RANDOM;
    *plan = (vt_split_plan){.policy = request->policy};
    if (plan->policy == VT_SPLIT_AUTO)
        plan->policy = has_several_parts(source) ? VT_SPLIT_FOLDERS : by_patient ? VT_SPLIT_PATIENT : VT_SPLIT_RANDOM;
    VT_TRY(check_policy(source, plan->policy));
    VT_TRY(vt_allocate(&plan->parts, source->count, sizeof *plan->parts, "the split"));
    place_images(source, plan);
    bool has_validation = false;
    for (size_t i = 0; i < source->count; i++) has_validation = has_validation || plan->parts[i] == VT_PART_VALIDATION;
    if (!has_validation) VT_TRY(cut_validation(source, request, by_patient, plan));
    for (size_t i = 0; i < source->count; i++)
        if (plan->parts[i] != VT_PART_NONE) plan->counts[plan->parts[i]]++;
    VT_TRY(vt_split_plan_digest(source, plan, hash, &plan->shared_patients));
    if (plan->shared_patients > 0 && plan->policy == VT_SPLIT_OFFICIAL && !request->allow_shared_patients)
        return vt_fail(VT_ERROR_INPUT,
                       "%s: %lld patients have images in both train_val_list.txt and test_list.txt; expected each in "
                       "one of them",
                       source->root, (long long)plan->shared_patients);
    return VT_OK;
}

void vt_split_plan_free(vt_split_plan *plan) {
    free(plan->parts);
    *plan = (vt_split_plan){0};
}

/* --- the record --- */

static int compare_bytes(const char *a, size_t a_length, const char *b, size_t b_length) {
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_rows(const void *a, const void *b) {
    const vt_split_row *left = a, *right = b;
    return compare_bytes(left->file_name, left->file_name_length, right->file_name, right->file_name_length);
}

/* Counts the patients that stand in more than one part. */
static vt_status count_shared(const vt_split_row *rows, int64_t count, int64_t *shared) {
    vt_map *parts_of = NULL;
    vt_status status = VT_OK;
    *shared = 0;
    VT_TRY(vt_map_create(&parts_of));
    for (int64_t i = 0; i < count; i++) {
        if (rows[i].patient_id_length == 0) continue;
        int64_t known = vt_map_get(parts_of, rows[i].patient_id, rows[i].patient_id_length), part = 1 << rows[i].part;
        if (known == part) continue;
        if (known > 0 && (known & (known - 1)) == 0) (*shared)++; /* the second part that it is seen in */
        VT_TRY_GOTO(vt_map_set(parts_of, rows[i].patient_id, rows[i].patient_id_length, known > 0 ? known | part : part));
    }
done:
    vt_map_free(parts_of);
    return status;
}

vt_status vt_split_digest(vt_split_row *rows, int64_t count, char hash[VT_SPLIT_HASH_SIZE], int64_t *shared_patients) {
    uint64_t value = VT_FNV_OFFSET;
    qsort(rows, (size_t)count, sizeof *rows, compare_rows);
    for (int64_t i = 0; i < count; i++) {
        if (i > 0 && compare_rows(&rows[i - 1], &rows[i]) == 0)
            return vt_fail(VT_ERROR_INPUT, "the image '%.*s' stands twice in the splits", (int)rows[i].file_name_length,
                           rows[i].file_name);
        const char *part = vt_part_name(rows[i].part);
        value = vt_fnv1a(value, rows[i].file_name, rows[i].file_name_length);
        value = vt_fnv1a(value, "", 1);
        value = vt_fnv1a(value, rows[i].patient_id, rows[i].patient_id_length);
        value = vt_fnv1a(value, "", 1);
        value = vt_fnv1a(value, part, strlen(part));
        value = vt_fnv1a(value, "\n", 1);
    }
    snprintf(hash, VT_SPLIT_HASH_SIZE, "%016llx", (unsigned long long)value);
    return count_shared(rows, count, shared_patients);
}

vt_status vt_split_plan_digest(const vt_source *source, const vt_split_plan *plan, char hash[VT_SPLIT_HASH_SIZE],
                               int64_t *shared_patients) {
    vt_split_row *rows = NULL;
    int64_t count = 0;
    VT_TRY(vt_allocate(&rows, source->count, sizeof *rows, "the split"));
    for (size_t i = 0; i < source->count; i++) {
        const vt_item *item = &source->items[i];
        if (plan->parts[i] == VT_PART_NONE) continue;
        rows[count++] = (vt_split_row){.file_name = item->file_name,
                                       .file_name_length = strlen(item->file_name),
                                       .patient_id = item->patient_id ? item->patient_id : "",
                                       .patient_id_length = item->patient_id ? strlen(item->patient_id) : 0,
                                       .part = plan->parts[i]};
    }
    vt_status status = vt_split_digest(rows, count, hash, shared_patients);
    free(rows);
    return status;
}
