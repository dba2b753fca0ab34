/* Opening devices, choosing kernels, device memory. */
#include "compute_support.h"

static void test_open(void **state) {
    vt_device *device = (vt_device *)state;
    vt_device_info info;
    (void)state;
    ASSERT_FAILS(VT_ERROR_USAGE, "'gpu' is not a device", vt_device_open("gpu", &device));
    assert_null(device);
    setenv("VITRAIN_ISA", "mmx", 1);
    ASSERT_FAILS(VT_ERROR_USAGE, "VITRAIN_ISA=mmx", vt_device_open("cpu", &device));
    assert_null(device);
    device = open_device("portable", 2);
    vt_device_get_info(device, &info);
    assert_string_equal(info.name, "cpu");
    assert_string_equal(info.isa, "portable");
    assert_int_equal(info.threads, 2);
    assert_int_equal(info.native_bf16, 0);
    assert_non_null(strstr(info.library, "oneDNN"));
    assert_true(strlen(info.description) > 0);
    vt_device_close(device);
    vt_device_close(NULL);
    assert_string_equal(vt_precision_name(VT_PRECISION_BF16), "bf16");
    assert_string_equal(vt_precision_name(VT_PRECISION_FP32), "fp32");
}

static void test_memory(void **state) {
    vt_device *device = open_device(NULL, 1);
    unsigned char *memory, bytes[100];
    (void)state;
    ASSERT_OK(device->ops->allocate(device, 100, "test memory", (void **)&memory));
    assert_int_equal((uintptr_t)memory % 64, 0);
    for (int i = 0; i < 100; i++) assert_int_equal(memory[i], 0);
    memset(bytes, 7, sizeof bytes);
    ASSERT_OK(device->ops->upload(device, memory, bytes, 100));
    memset(bytes, 0, sizeof bytes);
    ASSERT_OK(device->ops->download(device, bytes, memory, 100));
    assert_int_equal(bytes[99], 7);
    ASSERT_OK(device->ops->zero(device, memory + 50, 50));
    assert_int_equal(memory[49], 7);
    assert_int_equal(memory[50], 0);
    device->ops->release(device, memory);
    ASSERT_FAILS(VT_ERROR_MEMORY, "test memory",
                 device->ops->allocate(device, SIZE_MAX - 4096, "test memory", (void **)&memory));
    vt_device_close(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_open), cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
