/* Normal numbers: those of the library's logarithm and cosine to the last bits, the same bits from every instruction set. */
#include "support.h"

#include "base/random.h"
#include "base/random_normal.h"

enum { COUNT = 20011 };

static float drawn[COUNT], again[COUNT];

static void close_to_the_library(void **state) {
    (void)state;
    for (int i = 0; i < 100000; i++) {
        double x = (i + 1) / 100000.0, u = i / 100000.0;
        if (fabs(vt_logarithm(x) - log(x)) > 2.3e-16 * fabs(log(x))) fail_msg("log(%.17g) is %.17g", x, vt_logarithm(x));
        if (fabs(vt_cosine_of_turn(u) - cos(2 * M_PI * u)) > 1e-15) fail_msg("cos(%.17g)", u);
    }
    for (int e = 1; e <= 53; e++) assert_true(fabs(vt_logarithm(ldexp(1, -e)) + e * M_LN2) < 3e-16 * e);
    assert_true(vt_logarithm(1) == 0);
    assert_true(vt_cosine_of_turn(0) == 1 && vt_cosine_of_turn(0.5) == -1 && vt_cosine_of_turn(0.25) == 0);
    assert_true(vt_unit_interval(0xffffffffu, 0xffffffffu) == 1 - 0x1p-53);
    assert_true(vt_unit_interval(1u << 11, 0) == 0x1p-53 && vt_unit_interval(0, 0x80000000u) == 0.5);
    assert_true(vt_normal_of(0xffffffffu, 0xffffffffu, 0, 0) < 8.6); /* the largest */
}

static void many_are_as_one_by_one(void **state) {
    (void)state;
    vt_random one = vt_random_stream(5, VT_PURPOSE_TEST, 3, 9), many = one;
    for (int64_t done = 0, some = 1; done < COUNT; done += some, some = 3 * some) {
        if (some > COUNT - done) some = COUNT - done;
        vt_random_normals(&many, 0.02, some, drawn + done);
    }
    for (int i = 0; i < COUNT; i++) again[i] = (float)(0.02 * vt_random_normal(&one));
    assert_memory_equal(drawn, again, sizeof drawn);
    assert_int_equal(vt_random_u32(&one), vt_random_u32(&many));
    vt_random_normals(&many, 1, 100, drawn); /* in the middle of a block */
    for (int i = 0; i < 100; i++) assert_true(drawn[i] == (float)vt_random_normal(&one));
}

static void every_instruction_set_draws_the_same(void **state) {
    (void)state;
    vt_random random = vt_random_stream(6, VT_PURPOSE_TEST, 0, 0);
    vt_draw_normals_portable(random.key, random.counter, 0.02, COUNT, drawn);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        vt_draw_normals_avx2(random.key, random.counter, 0.02, COUNT, again);
        assert_memory_equal(drawn, again, sizeof drawn);
    }
    if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        vt_draw_normals_avx512(random.key, random.counter, 0.02, COUNT, again);
        assert_memory_equal(drawn, again, sizeof drawn);
    }
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_to_the_library),
        cmocka_unit_test(many_are_as_one_by_one),
        cmocka_unit_test(every_instruction_set_draws_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
