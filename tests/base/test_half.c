/* Half precision as bits: every value survives the round trip, and rounding is to nearest, ties to even. */
#include "support.h"

#include "base/half.h"

#include <math.h>

static void every_bfloat16_survives(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits <= 0xffff; bits++) {
        float value = vt_bf16_to_float((vt_bf16)bits);
        if (isnan(value))
            assert_true(isnan(vt_bf16_to_float(vt_float_to_bf16(value))));
        else
            assert_int_equal(vt_float_to_bf16(value), bits);
    }
}

static void bfloat16_rounds_to_nearest_even(void **state) {
    (void)state;
    assert_int_equal(vt_float_to_bf16(1.0f + 0x1p-8f), 0x3f80);            /* a tie: down to even */
    assert_int_equal(vt_float_to_bf16(1.0f + 3 * 0x1p-8f), 0x3f82);        /* a tie: up to even */
    assert_int_equal(vt_float_to_bf16(1.0f + 0x1p-8f + 0x1p-20f), 0x3f81); /* just above the tie */
    assert_int_equal(vt_float_to_bf16(3.4e38f), 0x7f80);                   /* overflows to infinity */
    assert_int_equal(vt_float_to_bf16(-INFINITY), 0xff80);
}

static void every_float16_is_exact(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits <= 0xffff; bits++) {
        int exponent = (int)(bits >> 10 & 0x1f), mantissa = (int)(bits & 0x3ff);
        float value = vt_f16_to_float((uint16_t)bits);
        float expected = exponent == 31 ? (mantissa ? NAN : INFINITY)
                         : exponent     ? ldexpf(1.0f + (float)mantissa / 1024.0f, exponent - 15)
                                        : ldexpf((float)mantissa, -24);
        if (isnan(expected)) {
            assert_true(isnan(value));
        } else {
            assert_true(fabsf(value) == expected);
            assert_int_equal(signbit(value) != 0, bits >> 15);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bfloat16_survives),
        cmocka_unit_test(bfloat16_rounds_to_nearest_even),
        cmocka_unit_test(every_float16_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
