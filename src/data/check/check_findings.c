/* What a data set's images add up to: counts, sizes, the same pixels twice, patients on both sides; and which of it is wrong.
 */
#include "data/check/check.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *text;
} problem_texts[VT_PROBLEM_COUNT] = {
    [VT_PROBLEM_CORRUPT] = {"corrupt", "images can't be decoded"},
    [VT_PROBLEM_PATIENTS_ACROSS_SPLITS] = {"patients_across_splits", "patients have images in more than one split"},
    [VT_PROBLEM_PATIENTS_ACROSS_LISTS] = {"patients_across_lists",
                                          "patients have images in more than one of the official lists or folders"},
    [VT_PROBLEM_DUPLICATES_ACROSS_SPLITS] =
        {"duplicates_across_splits", "groups of images with the same pixels stand in more than one split, list or folder"},
    [VT_PROBLEM_DUPLICATES_ACROSS_PATIENTS] = {"duplicates_across_patients",
                                               "groups of images with the same pixels belong to more than one patient"},
    [VT_PROBLEM_DUPLICATES_LABELS_DIFFER] = {"duplicates_labels_differ",
                                             "groups of images with the same pixels have different labels"},
};

const char *vt_problem_text(vt_problem problem) {
    return problem_texts[problem].text;
}

const char *vt_problem_name(vt_problem problem) {
    return problem_texts[problem].name;
}

/* --- counts --- */

static vt_status count_labels(vt_check *check) {
    VT_TRY(vt_allocate(&check->label_counts, check->num_labels, VT_PART_COUNT * sizeof *check->label_counts,
                       "the counts of labels"));
    for (size_t i = 0; i < check->count; i++) {
        const vt_checked *image = &check->images[i];
        if (!image->decoded) continue;
        check->decoded++;
        check->blank += image->blank;
        check->dim += image->facts.dim;
        if (image->part == VT_PART_NONE) continue;
        const int32_t *ids = check->label_ids + image->first_label;
        check->parts[image->part]++;
        for (size_t k = 0; k < image->label_count; k++) check->label_counts[ids[k] * VT_PART_COUNT + image->part].positive++;
        ids += image->label_count;
        for (size_t k = 0; k < image->unknown_count; k++) check->label_counts[ids[k] * VT_PART_COUNT + image->part].unknown++;
    }
    for (size_t i = 0; i < check->num_labels * VT_PART_COUNT; i++) {
        vt_label_count *count = &check->label_counts[i];
        count->negative = check->parts[i % VT_PART_COUNT] - count->positive - count->unknown;
    }
    return VT_OK;
}

static int compare_pairs(const void *a, const void *b) {
    const vt_pair_count *left = a, *right = b;
    if (left->a != right->a) return left->a < right->a ? -1 : 1;
    return (left->b > right->b) - (left->b < right->b);
}

static int compare_frequency(const void *a, const void *b) {
    const vt_pair_count *left = a, *right = b;
    if (left->images != right->images) return left->images > right->images ? -1 : 1;
    return compare_pairs(a, b);
}

/* pairs [count], one per image -> how often each occurs, the most frequent first; returns how many there are. */
static size_t count_pairs(vt_pair_count *pairs, size_t count) {
    size_t kept = 0;
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_pairs(&pairs[kept - 1], &pairs[i]) != 0)
            pairs[kept++] = (vt_pair_count){.a = pairs[i].a, .b = pairs[i].b};
        pairs[kept - 1].images++;
    }
    qsort(pairs, kept, sizeof *pairs, compare_frequency);
    return kept;
}

static int compare_ints(const void *a, const void *b) {
    int left = *(const int *)a, right = *(const int *)b;
    return (left > right) - (left < right);
}

/* Smallest, (lower) median and largest of values [count], which are sorted. */
static void find_range(int *values, size_t count, int *low, int *median, int *high) {
    qsort(values, count, sizeof *values, compare_ints);
    *low = values[0];
    *median = values[(count - 1) / 2];
    *high = values[count - 1];
}

static vt_status measure_sizes(vt_check *check) {
    size_t count = (size_t)check->decoded, next = 0;
    int *sides = NULL;
    if (count == 0) return VT_OK;
    VT_TRY(vt_allocate(&check->sizes, count, sizeof *check->sizes, "the sizes of images"));
    VT_TRY(vt_allocate(&check->kinds, count, sizeof *check->kinds, "the depths of images"));
    VT_TRY(vt_allocate(&sides, 2 * count, sizeof *sides, "the sizes of images"));
    for (size_t i = 0; i < check->count; i++) {
        const vt_checked *image = &check->images[i];
        if (!image->decoded) continue;
        check->sizes[next] = (vt_pair_count){.a = image->width, .b = image->height};
        check->kinds[next] = (vt_pair_count){.a = image->facts.depth, .b = image->facts.channels};
        sides[next] = image->width;
        sides[count + next++] = image->height;
    }
    find_range(sides, count, &check->low_width, &check->median_width, &check->high_width);
    find_range(sides + count, count, &check->low_height, &check->median_height, &check->high_height);
    free(sides);
    check->size_count = count_pairs(check->sizes, count);
    check->kind_count = count_pairs(check->kinds, count);
    return VT_OK;
}

/* --- patients --- */

static vt_status follow_patients(vt_check *check) {
    VT_TRY(vt_allocate(&check->patient_parts, check->patients.count, 1, "the patients"));
    VT_TRY(vt_allocate(&check->patient_given, check->patients.count, 1, "the patients"));
    for (size_t i = 0; i < check->count; i++) {
        const vt_checked *image = &check->images[i];
        if (image->patient < 0) continue;
        if (image->part != VT_PART_NONE) check->patient_parts[image->patient] |= (uint8_t)(1 << image->part);
        if (image->given != VT_PART_NONE) check->patient_given[image->patient] |= (uint8_t)(1 << image->given);
    }
    for (size_t i = 0; i < check->patients.count; i++) {
        check->problems[VT_PROBLEM_PATIENTS_ACROSS_SPLITS] += vt_several_parts(check->patient_parts[i]);
        check->problems[VT_PROBLEM_PATIENTS_ACROSS_LISTS] += vt_several_parts(check->patient_given[i]);
    }
    return VT_OK;
}

/* --- the same pixels --- */

typedef struct vt_pixel_key {
    uint64_t pixels[2];
    size_t image;
} vt_pixel_key;

static int compare_keys(const void *a, const void *b) {
    const vt_pixel_key *left = a, *right = b;
    for (int i = 0; i < 2; i++)
        if (left->pixels[i] != right->pixels[i]) return left->pixels[i] < right->pixels[i] ? -1 : 1;
    return (left->image > right->image) - (left->image < right->image);
}

static bool same_pixels(const vt_pixel_key *a, const vt_pixel_key *b) {
    return a->pixels[0] == b->pixels[0] && a->pixels[1] == b->pixels[1];
}

/* positives and unknowns [num_labels] are zero before and after. */
static bool labels_differ(const vt_check *check, const vt_duplicates *group, uint32_t *positives, uint32_t *unknowns) {
    bool differ = false;
    const size_t *members = check->by_pixels + group->first;
    for (size_t i = 0; i < group->count; i++) {
        const vt_checked *image = &check->images[members[i]];
        const int32_t *ids = check->label_ids + image->first_label;
        for (size_t k = 0; k < image->label_count; k++) positives[ids[k]]++;
        for (size_t k = 0; k < image->unknown_count; k++) unknowns[ids[image->label_count + k]]++;
    }
    for (size_t i = 0; i < group->count; i++) {
        const vt_checked *image = &check->images[members[i]];
        const int32_t *ids = check->label_ids + image->first_label;
        for (size_t k = 0; k < image->label_count; k++) differ = differ || positives[ids[k]] + unknowns[ids[k]] < group->count;
    }
    for (size_t i = 0; i < group->count; i++) {
        const vt_checked *image = &check->images[members[i]];
        const int32_t *ids = check->label_ids + image->first_label;
        for (size_t k = 0; k < image->label_count; k++) positives[ids[k]] = 0;
        for (size_t k = 0; k < image->unknown_count; k++) unknowns[ids[image->label_count + k]] = 0;
    }
    return differ;
}

static void judge_group(const vt_check *check, vt_duplicates *group) {
    unsigned parts = 0, given = 0;
    const size_t *members = check->by_pixels + group->first;
    for (size_t i = 0; i < group->count; i++) {
        const vt_checked *image = &check->images[members[i]];
        if (image->part != VT_PART_NONE) parts |= 1u << image->part;
        if (image->given != VT_PART_NONE) given |= 1u << image->given;
        group->across_patients = group->across_patients || image->patient != check->images[members[0]].patient;
    }
    group->across_splits = vt_several_parts(parts) || vt_several_parts(given);
}

static int compare_groups(const void *a, const void *b) {
    const vt_duplicates *left = a, *right = b;
    return (left->first_image > right->first_image) - (left->first_image < right->first_image);
}

/* Sorts images by their pixels and notes where several have the same. */
static vt_status group_by_pixels(vt_check *check, vt_pixel_key *keys) {
    size_t count = 0;
    for (size_t i = 0; i < check->count; i++) {
        const vt_checked *image = &check->images[i];
        if (image->decoded && !image->blank) keys[count++] = (vt_pixel_key){{image->pixels[0], image->pixels[1]}, i};
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 0; i < count; i++) check->by_pixels[i] = keys[i].image;
    for (size_t first = 0, next = 0; first < count; first = next) {
        while (next < count && same_pixels(&keys[first], &keys[next])) next++;
        if (next - first < 2) continue;
        VT_TRY(vt_grow(&check->duplicates, &check->duplicates_capacity, check->duplicates_count + 1, sizeof *check->duplicates,
                       "the duplicates"));
        check->duplicates[check->duplicates_count++] =
            (vt_duplicates){.first = first, .count = next - first, .first_image = keys[first].image};
    }
    if (check->duplicates_count > 0)
        qsort(check->duplicates, check->duplicates_count, sizeof *check->duplicates, compare_groups);
    return VT_OK;
}

static vt_status find_duplicates(vt_check *check) {
    vt_pixel_key *keys = NULL;
    uint32_t *positives = NULL, *unknowns = NULL;
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_allocate(&check->by_pixels, check->count, sizeof *check->by_pixels, "the list of images"));
    VT_TRY_GOTO(vt_allocate(&keys, check->count, sizeof *keys, "the list of images"));
    VT_TRY_GOTO(vt_allocate(&positives, check->num_labels, sizeof *positives, "the labels"));
    VT_TRY_GOTO(vt_allocate(&unknowns, check->num_labels, sizeof *unknowns, "the labels"));
    VT_TRY_GOTO(group_by_pixels(check, keys));
    for (size_t i = 0; i < check->duplicates_count; i++) {
        vt_duplicates *group = &check->duplicates[i];
        judge_group(check, group);
        group->labels_differ = labels_differ(check, group, positives, unknowns);
        check->problems[VT_PROBLEM_DUPLICATES_ACROSS_SPLITS] += group->across_splits;
        check->problems[VT_PROBLEM_DUPLICATES_ACROSS_PATIENTS] += group->across_patients;
        check->problems[VT_PROBLEM_DUPLICATES_LABELS_DIFFER] += group->labels_differ;
    }
done:
    free(keys);
    free(positives);
    free(unknowns);
    return status;
}

vt_status vt_check_judge(vt_check *check) {
    check->problems[VT_PROBLEM_CORRUPT] = (int64_t)check->pass.bad_names.count;
    VT_TRY(count_labels(check));
    VT_TRY(measure_sizes(check));
    VT_TRY(follow_patients(check));
    return find_duplicates(check);
}
