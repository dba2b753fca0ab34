/* Philox equals the reference vectors of Random123 (kat_vectors, philox4x32 10); streams don't overlap; values are pinned,
 * because a change of any of them would change every resumed run. */
#include "support.h"

#include "base/random.h"

#include <math.h>

static void philox_equals_the_reference(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint32_t out[4];
        vt_philox4x32(vectors[i].counter, vectors[i].key, out);
        assert_memory_equal(out, vectors[i].expected, sizeof out);
    }
}

static void streams_do_not_overlap(void **state) {
    (void)state;
    const vt_random streams[] = {
        vt_random_stream(1, VT_PURPOSE_TEST, 0, 0),  vt_random_stream(1, VT_PURPOSE_TEST, 1, 0),
        vt_random_stream(1, VT_PURPOSE_TEST, 0, 1),  vt_random_stream(1, VT_PURPOSE_TEST, 0, 1ull << 32),
        vt_random_stream(1, VT_PURPOSE_SPLIT, 0, 0), vt_random_stream(1ull << 32, VT_PURPOSE_TEST, 0, 0),
        vt_random_stream(2, VT_PURPOSE_TEST, 0, 0),  vt_random_stream(1, VT_PURPOSE_TEST, 0x10000, 0),
    };
    enum { COUNT = sizeof streams / sizeof streams[0] };
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < i; j++) {
            assert_int_equal(streams[i].counter[0], 0);
            assert_true(memcmp(streams[i].counter, streams[j].counter, sizeof streams[i].counter) != 0 ||
                        memcmp(streams[i].key, streams[j].key, sizeof streams[i].key) != 0);
        }
}

static void a_stream_counts_its_blocks(void **state) {
    (void)state;
    vt_random random = vt_random_stream(0x0123456789abcdefull, VT_PURPOSE_TEST, 5, 0x1122334455ull);
    const uint32_t key[2] = {0x89abcdefu, 0x01234567u};
    for (uint32_t block = 0; block < 3; block++) {
        const uint32_t counter[4] = {block, 0x22334455u, 0x11u, (uint32_t)VT_PURPOSE_TEST << 24 | 5u};
        uint32_t expected[4];
        vt_philox4x32(counter, key, expected);
        for (int i = 0; i < 4; i++) assert_int_equal(vt_random_u32(&random), expected[i]);
    }
}

static void numbers_are_uniform(void **state) {
    (void)state;
    enum { DRAWS = 60000, BINS = 6 };
    vt_random random = vt_random_stream(3, VT_PURPOSE_TEST, 0, 0);
    int bins[BINS] = {0};
    double sum = 0;
    for (int i = 0; i < DRAWS; i++) {
        uint64_t below = vt_random_below(&random, BINS);
        assert_true(below < BINS);
        bins[below]++;
        double uniform = vt_random_uniform(&random);
        assert_true(uniform >= 0 && uniform < 1);
        sum += uniform;
    }
    for (int i = 0; i < BINS; i++) assert_in_range(bins[i], DRAWS / BINS - 500, DRAWS / BINS + 500);
    assert_true(fabs(sum / DRAWS - 0.5) < 0.006);
    assert_int_equal(vt_random_below(&random, 1), 0);
}

static void normals_have_unit_variance(void **state) {
    (void)state;
    enum { DRAWS = 100000 };
    vt_random random = vt_random_stream(4, VT_PURPOSE_TEST, 0, 0);
    double sum = 0, squares = 0, fourths = 0;
    for (int i = 0; i < DRAWS; i++) {
        double value = vt_random_normal(&random);
        assert_true(isfinite(value));
        sum += value;
        squares += value * value;
        fourths += value * value * value * value;
    }
    assert_true(fabs(sum / DRAWS) < 0.015);
    assert_true(fabs(squares / DRAWS - 1) < 0.02);
    assert_true(fabs(fourths / DRAWS - 3) < 0.2);
}

static void permutations_are_whole_and_pinned(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    int64_t order[COUNT], again[COUNT], other[COUNT];
    char seen[COUNT] = {0};
    vt_random_permutation(1337, VT_PURPOSE_SHUFFLE, 2, COUNT, order);
    vt_random_permutation(1337, VT_PURPOSE_SHUFFLE, 2, COUNT, again);
    vt_random_permutation(1337, VT_PURPOSE_SHUFFLE, 3, COUNT, other);
    assert_memory_equal(order, again, sizeof order);
    assert_memory_not_equal(order, other, sizeof order);
    for (int i = 0; i < COUNT; i++) {
        assert_in_range(order[i], 0, COUNT - 1);
        assert_false(seen[order[i]]);
        seen[order[i]] = 1;
    }
    static const int64_t pinned[10] = {6, 5, 1, 4, 9, 7, 2, 0, 8, 3};
    vt_random_permutation(42, VT_PURPOSE_SHUFFLE, 0, 10, order);
    assert_memory_equal(order, pinned, sizeof pinned);
    vt_random_permutation(42, VT_PURPOSE_SHUFFLE, 0, 1, order);
    assert_int_equal(order[0], 0);
    vt_random_permutation(42, VT_PURPOSE_SHUFFLE, 0, 0, order);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_equals_the_reference), cmocka_unit_test(streams_do_not_overlap),
        cmocka_unit_test(a_stream_counts_its_blocks),  cmocka_unit_test(numbers_are_uniform),
        cmocka_unit_test(normals_have_unit_variance),  cmocka_unit_test(permutations_are_whole_and_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
