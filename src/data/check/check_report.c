/* Telling on the console what a check found: totals, a table of labels, and of everything that is wrong the beginning. */
#include "data/check/check.h"

#include "base/progress.h"
#include <stdio.h>
#include <string.h>

enum { LINES_SHOWN = 10, NAMES_SHOWN = 4, LABELS_SHOWN = 100, PAIRS_SHOWN = 5 };

/* --- totals --- */

static void say_totals(const vt_check *check, const vt_console *console) {
    char decoded[32], counts[VT_PART_COUNT][32], patients[32];
    vt_format_count(check->decoded, decoded);
    for (int part = 0; part < VT_PART_COUNT; part++) vt_format_count(check->parts[part], counts[part]);
    vt_format_count((int64_t)check->patients.count, patients);
    vt_say(console, "%s images decoded: %s train, %s validation, %s test (split '%s', seed %llu)", decoded,
           counts[VT_PART_TRAIN], counts[VT_PART_VALIDATION], counts[VT_PART_TEST], vt_split_policy_name(check->policy),
           (unsigned long long)check->seed);
    if (check->patients.count > 0)
        vt_say(console, "%s patients", patients);
    else
        vt_say(console, "patients are not known");
}

/* " 512 x 512 (40), 500 x 400 (2), ..." */
static void say_pairs(const char *title, bool are_sizes, const vt_pair_count *pairs, size_t count, const vt_console *console) {
    char line[512] = "";
    for (size_t i = 0; i < count && i < PAIRS_SHOWN; i++) {
        char number[32];
        size_t used = strlen(line), left = sizeof line - used;
        const char *comma = i > 0 ? ", " : "";
        vt_format_count(pairs[i].images, number);
        if (are_sizes)
            snprintf(line + used, left, "%s%d x %d (%s)", comma, pairs[i].a, pairs[i].b, number);
        else
            snprintf(line + used, left, "%s%d channel%s of %d bits (%s)", comma, pairs[i].b, pairs[i].b == 1 ? "" : "s",
                     pairs[i].a, number);
    }
    vt_say(console, "%s: %s%s", title, line, count > PAIRS_SHOWN ? ", ..." : "");
}

static void say_sizes(const vt_check *check, const vt_console *console) {
    if (check->decoded == 0) return;
    vt_say(console, "width: %d to %d, median %d; height: %d to %d, median %d", check->low_width, check->high_width,
           check->median_width, check->low_height, check->high_height, check->median_height);
    say_pairs("sizes", true, check->sizes, check->size_count, console);
    say_pairs(check->prepared ? "stored as" : "in the files", false, check->kinds, check->kind_count, console);
}

/* --- labels --- */

static bool has_unknown(const vt_check *check) {
    for (size_t i = 0; i < check->num_labels * VT_PART_COUNT; i++)
        if (check->label_counts[i].unknown > 0) return true;
    return false;
}

static int width_of_labels(const vt_check *check) {
    enum { WIDEST = 40 };
    size_t width = 5;
    for (size_t i = 0; i < check->num_labels && i < LABELS_SHOWN; i++) {
        size_t length = strlen(check->label_names[i]);
        width = length > width ? length : width;
    }
    return width < WIDEST ? (int)width : WIDEST;
}

/* "name  train: positive negative (unknown)  validation: ..." in columns; the splits that have no image are left out. */
static void say_labels(const vt_check *check, const vt_console *console) {
    const int width = width_of_labels(check), unknown = has_unknown(check), cell = unknown ? 30 : 20;
    char parts[256] = "", columns[256] = "";
    for (int part = 0; part < VT_PART_COUNT; part++) {
        size_t used = strlen(parts), taken = strlen(columns);
        if (check->parts[part] == 0) continue;
        snprintf(parts + used, sizeof parts - used, "%*s", cell, vt_part_name((vt_part)part));
        snprintf(columns + taken, sizeof columns - taken, "%10s%10s%s", "positive", "negative", unknown ? "   unknown" : "");
    }
    vt_say(console, "%-*s%s", width, "", parts);
    vt_say(console, "%-*s%s", width, "label", columns);
    for (size_t label = 0; label < check->num_labels && label < LABELS_SHOWN; label++) {
        const vt_label_count *counts = &check->label_counts[label * VT_PART_COUNT];
        columns[0] = '\0';
        for (int part = 0; part < VT_PART_COUNT; part++) {
            size_t used = strlen(columns);
            if (check->parts[part] == 0) continue;
            snprintf(columns + used, sizeof columns - used, "%10lld%10lld", (long long)counts[part].positive,
                     (long long)counts[part].negative);
            used = strlen(columns);
            if (unknown) snprintf(columns + used, sizeof columns - used, "%10lld", (long long)counts[part].unknown);
        }
        vt_say(console, "%-*s%s", width, check->label_names[label], columns);
    }
    if (check->num_labels > LABELS_SHOWN) vt_say(console, "and %zu more labels", check->num_labels - LABELS_SHOWN);
}

/* --- what is wrong --- */

/* "a.png (train, listed as test, patient 17)" */
static vt_status add_place(vt_text *line, const vt_check *check, const vt_checked *image) {
    VT_TRY(vt_text_add(line, "%s (%s", image->name, vt_part_name(image->part)));
    if (image->given != VT_PART_NONE && image->given != image->part)
        VT_TRY(vt_text_add(line, ", listed as %s", vt_part_name(image->given)));
    if (image->patient >= 0) VT_TRY(vt_text_add(line, ", patient %s", check->patients.items[image->patient]));
    return vt_text_add(line, ")");
}

static vt_status describe_group(vt_text *line, const vt_check *check, const vt_duplicates *group) {
    for (size_t i = 0; i < group->count && i < NAMES_SHOWN; i++) {
        if (i > 0) VT_TRY(vt_text_add(line, " = "));
        VT_TRY(add_place(line, check, &check->images[check->by_pixels[group->first + i]]));
    }
    return group->count > NAMES_SHOWN ? vt_text_add(line, " = %zu more", group->count - NAMES_SHOWN) : VT_OK;
}

static bool group_has(const vt_duplicates *group, vt_problem problem) {
    return problem == VT_PROBLEM_DUPLICATES_ACROSS_SPLITS     ? group->across_splits
           : problem == VT_PROBLEM_DUPLICATES_ACROSS_PATIENTS ? group->across_patients
                                                              : group->labels_differ;
}

static vt_status describe_patient(vt_text *line, const vt_check *check, size_t patient, unsigned parts) {
    VT_TRY(vt_text_add(line, "patient %s:", check->patients.items[patient]));
    for (int part = 0; part < VT_PART_COUNT; part++)
        if (parts & (1u << part)) VT_TRY(vt_text_add(line, " %s", vt_part_name((vt_part)part)));
    return VT_OK;
}

/* A problem's cases are among these many candidates. */
static size_t candidates(const vt_check *check, vt_problem problem) {
    if (problem == VT_PROBLEM_CORRUPT) return check->pass.bad_names.count;
    if (problem == VT_PROBLEM_PATIENTS_ACROSS_SPLITS || problem == VT_PROBLEM_PATIENTS_ACROSS_LISTS)
        return check->patients.count;
    return check->duplicates_count;
}

/* Candidate `index` as a line; an empty one if it is no case. */
static vt_status describe_case(const vt_check *check, vt_problem problem, size_t index, vt_text *line) {
    if (problem == VT_PROBLEM_CORRUPT) return vt_text_add(line, "%s", check->pass.bad_sentences.items[index]);
    if (problem == VT_PROBLEM_PATIENTS_ACROSS_SPLITS || problem == VT_PROBLEM_PATIENTS_ACROSS_LISTS) {
        const uint8_t *parts = problem == VT_PROBLEM_PATIENTS_ACROSS_SPLITS ? check->patient_parts : check->patient_given;
        return vt_several_parts(parts[index]) ? describe_patient(line, check, index, parts[index]) : VT_OK;
    }
    const vt_duplicates *group = &check->duplicates[index];
    return group_has(group, problem) ? describe_group(line, check, group) : VT_OK;
}

static void say_rest(int64_t left, const vt_console *console) {
    char number[32];
    vt_format_count(left, number);
    if (left > 0) vt_say(console, "  and %s more", number);
}

static void say_problem(const vt_check *check, vt_problem problem, const vt_console *console) {
    char number[32];
    int64_t left = check->problems[problem];
    if (left == 0) return;
    vt_format_count(left, number);
    vt_say(console, "wrong: %s %s", number, vt_problem_text(problem));
    for (size_t i = 0, shown = 0; i < candidates(check, problem) && shown < LINES_SHOWN; i++) {
        vt_text line = {0};
        if (describe_case(check, problem, i, &line) == VT_OK && line.length > 0) {
            vt_say(console, "  %s", line.data);
            shown++;
            left--;
        }
        vt_text_free(&line);
    }
    say_rest(left, console);
}

static bool is_harmless(const vt_duplicates *group) {
    return !group->across_splits && !group->across_patients && !group->labels_differ;
}

static void say_harmless_duplicates(const vt_check *check, const vt_console *console) {
    char number[32];
    int64_t left = 0;
    for (size_t i = 0; i < check->duplicates_count; i++) left += is_harmless(&check->duplicates[i]);
    if (left == 0) return;
    vt_format_count(left, number);
    vt_say(console, "perhaps meant: %s groups of images with the same pixels, each with the same labels and in one split",
           number);
    for (size_t i = 0, shown = 0; i < check->duplicates_count && shown < LINES_SHOWN; i++) {
        vt_text line = {0};
        if (!is_harmless(&check->duplicates[i])) continue;
        if (describe_group(&line, check, &check->duplicates[i]) == VT_OK) vt_say(console, "  %s", line.data);
        vt_text_free(&line);
        shown++;
        left--;
    }
    say_rest(left, console);
}

/* What may be meant. */
static void say_warnings(const vt_check *check, const vt_console *console) {
    char number[32];
    say_harmless_duplicates(check, console);
    vt_format_count(check->blank, number);
    if (check->blank > 0) vt_say(console, "perhaps meant: %s images are empty: all of their pixels are equal", number);
    vt_format_count(check->dim, number);
    if (check->dim > 0)
        vt_say(console,
               "perhaps meant: %s images have more than 8 bits and use only the lowest eighth of them, so that they come out "
               "nearly black; "
               "--intensity stretch takes each image's own range",
               number);
}

void vt_check_print(const vt_check *check, const vt_console *console) {
    say_totals(check, console);
    say_sizes(check, console);
    say_labels(check, console);
    say_warnings(check, console);
    for (int i = 0; i < VT_PROBLEM_COUNT; i++) say_problem(check, (vt_problem)i, console);
    if (vt_check_problems(check) == 0) vt_say(console, "%s: nothing is wrong", check->data);
}
