/* Splits: no patient on both sides, shares that are met, and independence from every order. */
#include "support.h"

#include "data/source/split.h"
#include <math.h>

enum { IMAGES = 2000, PATIENTS = 500 };

static vt_item items[IMAGES];
static char names[IMAGES][16], patients[PATIENTS][16];
static vt_source source;
static vt_split_plan plan;

/* IMAGES images; patient p has many if p is small, as in real life. */
static int make_source(void **state) {
    (void)state;
    for (int p = 0; p < PATIENTS; p++) snprintf(patients[p], sizeof patients[p], "p%d", p);
    for (int i = 0; i < IMAGES; i++) {
        int patient = i < PATIENTS ? i : (i * 7919 % PATIENTS) * (i * 104729 % PATIENTS) / PATIENTS;
        snprintf(names[i], sizeof names[i], "%05d.png", i);
        items[i] = (vt_item){.file_name = names[i], .patient_id = patients[patient], .part = VT_PART_NONE};
    }
    source = (vt_source){.root = "raw", .items = items, .count = IMAGES, .patients_known = 1};
    return 0;
}

static int free_plan(void **state) {
    (void)state;
    vt_split_plan_free(&plan);
    return 0;
}

static vt_status make_plan(vt_split_policy policy, double fraction, uint64_t seed) {
    vt_split_request request = {.policy = policy, .validation_fraction = fraction, .seed = seed};
    vt_split_plan_free(&plan);
    return vt_split_plan_make(&source, &request, &plan);
}

/* Whether some patient has images in two parts, counted plainly. */
static int64_t count_shared(void) {
    int64_t shared = 0;
    for (int p = 0; p < PATIENTS; p++) {
        int seen = 0;
        for (size_t i = 0; i < source.count; i++)
            if (plan.parts[i] != VT_PART_NONE && strcmp(items[i].patient_id, patients[p]) == 0) seen |= 1 << plan.parts[i];
        shared += (seen & (seen - 1)) != 0;
    }
    return shared;
}

static void patients_stay_on_one_side_and_the_share_is_met(void **state) {
    (void)state;
    static const double fractions[] = {0.01, 0.05, 0.2, 0.5, 0.9};
    for (size_t f = 0; f < sizeof fractions / sizeof fractions[0]; f++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            ASSERT_OK(make_plan(VT_SPLIT_AUTO, fractions[f], seed));
            assert_int_equal(plan.policy, VT_SPLIT_PATIENT);
            assert_int_equal(count_shared(), 0);
            assert_int_equal(plan.shared_patients, 0);
            assert_int_equal(plan.counts[VT_PART_TRAIN] + plan.counts[VT_PART_VALIDATION], IMAGES);
            int64_t missing = llround(fractions[f] * IMAGES) - plan.counts[VT_PART_VALIDATION];
            assert_true(missing >= 0 && missing <= 2);
        }
}

static void a_fraction_of_zero_has_no_validation(void **state) {
    (void)state;
    ASSERT_OK(make_plan(VT_SPLIT_PATIENT, 0.0, 1));
    assert_int_equal(plan.counts[VT_PART_TRAIN], IMAGES);
    ASSERT_OK(make_plan(VT_SPLIT_RANDOM, 0.0, 1));
    assert_int_equal(plan.counts[VT_PART_TRAIN], IMAGES);
}

static void each_side_gets_something(void **state) {
    (void)state;
    source.count = 2;
    ASSERT_OK(make_plan(VT_SPLIT_PATIENT, 0.001, 1));
    assert_int_equal(plan.counts[VT_PART_VALIDATION], 1);
    ASSERT_OK(make_plan(VT_SPLIT_RANDOM, 0.999, 1));
    assert_int_equal(plan.counts[VT_PART_VALIDATION], 1);
    source.count = 1;
    ASSERT_OK(make_plan(VT_SPLIT_PATIENT, 0.5, 1));
    assert_int_equal(plan.counts[VT_PART_TRAIN], 1);
    source.count = 20; /* two patients, of 19 images and of 1 */
    for (int i = 0; i < 20; i++) items[i].patient_id = patients[i == 11];
    ASSERT_OK(make_plan(VT_SPLIT_PATIENT, 0.5, 1));
    assert_int_equal(plan.counts[VT_PART_VALIDATION], 1);
}

static void the_split_depends_on_names_and_seed_alone(void **state) {
    (void)state;
    char hash[2][VT_SPLIT_HASH_SIZE];
    int64_t shared;
    vt_part *before = malloc(IMAGES * sizeof *before);
    static const vt_split_policy policies[] = {VT_SPLIT_PATIENT, VT_SPLIT_RANDOM};
    for (int p = 0; p < 2; p++) {
        make_source(NULL);
        ASSERT_OK(make_plan(policies[p], 0.1, 7));
        ASSERT_OK(vt_split_plan_digest(&source, &plan, hash[0], &shared));
        memcpy(before, plan.parts, IMAGES * sizeof *before);
        for (int i = 0; i < IMAGES / 2; i++) {
            vt_item item = items[i];
            items[i] = items[IMAGES - 1 - i];
            items[IMAGES - 1 - i] = item;
        }
        ASSERT_OK(make_plan(policies[p], 0.1, 7));
        ASSERT_OK(vt_split_plan_digest(&source, &plan, hash[1], &shared));
        assert_string_equal(hash[0], hash[1]);
        for (int i = 0; i < IMAGES; i++) assert_int_equal(plan.parts[i], before[IMAGES - 1 - i]);
        ASSERT_OK(make_plan(policies[p], 0.1, 8));
        ASSERT_OK(vt_split_plan_digest(&source, &plan, hash[1], &shared));
        assert_string_not_equal(hash[0], hash[1]);
    }
    free(before);
}

static void a_random_split_counts_the_patients_it_shares(void **state) {
    (void)state;
    ASSERT_OK(make_plan(VT_SPLIT_RANDOM, 0.05, 3));
    assert_int_equal(plan.counts[VT_PART_VALIDATION], IMAGES / 20);
    assert_true(plan.shared_patients > 0);
    assert_int_equal(plan.shared_patients, count_shared());
}

static void official_lists_are_followed(void **state) {
    (void)state;
    ASSERT_FAILS(VT_ERROR_USAGE, "no train_val_list.txt and no test_list.txt", make_plan(VT_SPLIT_OFFICIAL, 0.1, 1));
    source.has_test_list = 1;
    ASSERT_FAILS(VT_ERROR_USAGE, "has no train_val_list.txt", make_plan(VT_SPLIT_OFFICIAL, 0.1, 1));
    source.has_train_val_list = 1;
    for (int i = 0; i < IMAGES; i++) {
        int patient = atoi(items[i].patient_id + 1);
        items[i].part = patient % 10 == 9 ? VT_PART_NONE : patient % 10 >= 7 ? VT_PART_TEST : VT_PART_TRAIN;
    }
    ASSERT_OK(make_plan(VT_SPLIT_OFFICIAL, 0.1, 1));
    assert_true(plan.unlisted > 0 && plan.counts[VT_PART_VALIDATION] > 0);
    assert_int_equal(count_shared(), 0);
    int64_t listed = plan.counts[VT_PART_TRAIN] + plan.counts[VT_PART_VALIDATION];
    assert_true(llabs(plan.counts[VT_PART_VALIDATION] - listed / 10) <= 2);
    for (int i = 0; i < IMAGES; i++)
        if (items[i].part != VT_PART_TRAIN) assert_int_equal(plan.parts[i], items[i].part);
    for (int i = 0; i < IMAGES; i++)
        if (items[i].part == VT_PART_TEST) items[i].part = i % 2 ? VT_PART_TEST : VT_PART_TRAIN;
    ASSERT_FAILS(VT_ERROR_INPUT, "patients have images in both", make_plan(VT_SPLIT_OFFICIAL, 0.1, 1));
}

static void folders_are_followed(void **state) {
    (void)state;
    ASSERT_FAILS(VT_ERROR_USAGE, "has no train/", make_plan(VT_SPLIT_FOLDERS, 0.1, 1));
    source.has_folders = 1;
    source.patients_known = 0;
    for (int i = 0; i < IMAGES; i++)
        items[i].part = i % 4 == 0 ? VT_PART_TEST : i % 4 == 1 ? VT_PART_VALIDATION : VT_PART_TRAIN;
    ASSERT_OK(make_plan(VT_SPLIT_AUTO, 0.1, 1));
    assert_int_equal(plan.policy, VT_SPLIT_FOLDERS);
    for (int i = 0; i < IMAGES; i++) assert_int_equal(plan.parts[i], items[i].part);
    for (int i = 0; i < IMAGES; i++) items[i].part = i % 4 == 0 ? VT_PART_TEST : VT_PART_TRAIN;
    ASSERT_OK(make_plan(VT_SPLIT_AUTO, 0.1, 1)); /* without a validation folder, training gives some */
    assert_int_equal(plan.counts[VT_PART_TEST], IMAGES / 4);
    assert_int_equal(plan.counts[VT_PART_VALIDATION], IMAGES * 3 / 40);
    for (int i = 0; i < IMAGES; i++) items[i].part = VT_PART_TRAIN;
    ASSERT_OK(make_plan(VT_SPLIT_AUTO, 0.1, 1));
    assert_int_equal(plan.policy, VT_SPLIT_RANDOM);
    ASSERT_FAILS(VT_ERROR_USAGE, "names no patients", make_plan(VT_SPLIT_PATIENT, 0.1, 1));
}

static void the_digest_is_that_of_its_definition(void **state) {
    (void)state;
    vt_split_row rows[] = {{"b", "2", 1, 1, VT_PART_TEST}, {"a", "1", 1, 1, VT_PART_TRAIN}};
    char hash[VT_SPLIT_HASH_SIZE];
    int64_t shared;
    static const char text[] = "a\0001\0train\nb\0002\0test\n";
    uint64_t expected = 14695981039346656037u; /* FNV-1a, 64 bits, written out once more */
    for (size_t i = 0; i < sizeof text - 1; i++) expected = (expected ^ (uint8_t)text[i]) * 1099511628211u;
    char hex[VT_SPLIT_HASH_SIZE];
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)expected);
    ASSERT_OK(vt_split_digest(rows, 2, hash, &shared));
    assert_string_equal(hash, hex);
    assert_int_equal(shared, 0);
    rows[1].file_name = "a";
    ASSERT_FAILS(VT_ERROR_INPUT, "'a' stands twice", vt_split_digest(rows, 2, hash, &shared));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(patients_stay_on_one_side_and_the_share_is_met, make_source, free_plan),
        cmocka_unit_test_setup_teardown(a_fraction_of_zero_has_no_validation, make_source, free_plan),
        cmocka_unit_test_setup_teardown(each_side_gets_something, make_source, free_plan),
        cmocka_unit_test_setup_teardown(the_split_depends_on_names_and_seed_alone, make_source, free_plan),
        cmocka_unit_test_setup_teardown(a_random_split_counts_the_patients_it_shares, make_source, free_plan),
        cmocka_unit_test_setup_teardown(official_lists_are_followed, make_source, free_plan),
        cmocka_unit_test_setup_teardown(folders_are_followed, make_source, free_plan),
        cmocka_unit_test_setup_teardown(the_digest_is_that_of_its_definition, make_source, free_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
