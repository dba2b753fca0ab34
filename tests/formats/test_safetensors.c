/* safetensors: round trips, a file of the reference library, sharded models, and headers that lie. */
#include "formats/safetensors.h"

#include "support.h"

#include <math.h>

/* --- building files by hand --- */

/* A file of this header and `bytes` data bytes (0, 1, 2, ...), in one buffer to be freed. */
static uint8_t *make_file(const char *header, size_t bytes, size_t *size) {
    uint64_t length = strlen(header);
    uint8_t *file = malloc(8 + length + bytes);
    memcpy(file, &length, 8);
    memcpy(file + 8, header, length);
    for (size_t i = 0; i < bytes; i++) file[8 + length + i] = (uint8_t)i;
    *size = 8 + length + bytes;
    return file;
}

static void write_shard(const char *name, const char *header, size_t bytes) {
    size_t size;
    uint8_t *file = make_file(header, bytes, &size);
    write_test_file(test_path(name), file, size);
    free(file);
}

static vt_status parse(const char *header, size_t bytes) {
    size_t size;
    uint8_t *file = make_file(header, bytes, &size);
    vt_safetensors *parsed;
    vt_status status = vt_safetensors_parse(file, size, "x.safetensors", &parsed);
    vt_safetensors_close(parsed);
    free(file);
    return status;
}

/* --- good files --- */

static void test_round_trip(void **state) {
    (void)state;
    const float weight[6] = {1, 2, 3, 4, 5, 6};
    const int64_t steps[1] = {INT64_MIN};
    const uint8_t odd[3] = {7, 8, 9};
    const vt_tensor tensors[] = {
        {"vit.weight", VT_DTYPE_F32, 2, {2, 3}, 6, weight},
        {"odd", VT_DTYPE_U8, 1, {3}, 3, odd},
        {"step", VT_DTYPE_I64, 0, {0}, 1, steps},
        {"a \"quoted\" n\xc3\xa4me", VT_DTYPE_F32, 2, {0, 5}, 0, NULL},
    };
    static const char *const keys[] = {"made_by"}, *const values[] = {"a test"};
    const char *path = test_path("round.safetensors");
    uint32_t crc = 0, expected = 1;
    uint64_t size;
    ASSERT_OK(vt_safetensors_write(path, tensors, 4, keys, values, 1, &crc));
    ASSERT_OK(vt_file_crc32(path, &expected, &size));
    assert_int_equal(crc, expected);

    vt_safetensors *file;
    ASSERT_OK(vt_safetensors_open(path, &file));
    assert_int_equal(vt_safetensors_count(file), 4);
    assert_string_equal(vt_safetensors_get(file, 0)->name, "a \"quoted\" n\xc3\xa4me");
    assert_string_equal(vt_safetensors_get(file, 3)->name, "vit.weight");
    const vt_tensor *read = vt_safetensors_find(file, "vit.weight");
    assert_int_equal(read->rank, 2);
    assert_int_equal(read->shape[1], 3);
    assert_int_equal((uintptr_t)read->data % 8, 0); /* the header is padded */
    assert_memory_equal(read->data, weight, sizeof weight);
    assert_memory_equal(vt_safetensors_find(file, "odd")->data, odd, sizeof odd);
    assert_memory_equal(vt_safetensors_find(file, "step")->data, steps, sizeof steps);
    assert_null(vt_safetensors_find(file, "absent"));
    assert_string_equal(vt_safetensors_metadata(file, "format"), "pt");
    assert_string_equal(vt_safetensors_metadata(file, "made_by"), "a test");
    assert_null(vt_safetensors_metadata(file, "absent"));
    vt_safetensors_close(file);

    ASSERT_OK(vt_safetensors_write(path, NULL, 0, NULL, NULL, 0, NULL));
    ASSERT_OK(vt_safetensors_open(path, &file));
    assert_int_equal(vt_safetensors_count(file), 0);
    assert_null(vt_safetensors_find(file, "x"));
    vt_safetensors_close(file);
}

static void test_writer_refusals(void **state) {
    (void)state;
    const float x[2] = {0};
    const char *path = test_path("refused.safetensors");
    const vt_tensor twice[] = {{"a", VT_DTYPE_F32, 1, {2}, 2, x}, {"a", VT_DTYPE_F32, 1, {2}, 2, x}};
    const vt_tensor wrong_count = {"a", VT_DTYPE_F32, 1, {2}, 3, x}, huge = {"a", VT_DTYPE_F64, 2, {INT64_MAX, 2}, -2, x};
    const vt_tensor negative = {"a", VT_DTYPE_F32, 1, {-2}, -2, x};
    const vt_tensor bad_name = {"\xff", VT_DTYPE_F32, 1, {2}, 2, x};
    ASSERT_FAILS(VT_ERROR_USAGE, "two tensors are called 'a'", vt_safetensors_write(path, twice, 2, NULL, NULL, 0, NULL));
    ASSERT_FAILS(VT_ERROR_USAGE, "impossible shape", vt_safetensors_write(path, &wrong_count, 1, NULL, NULL, 0, NULL));
    ASSERT_FAILS(VT_ERROR_USAGE, "impossible shape", vt_safetensors_write(path, &huge, 1, NULL, NULL, 0, NULL));
    ASSERT_FAILS(VT_ERROR_USAGE, "impossible shape", vt_safetensors_write(path, &negative, 1, NULL, NULL, 0, NULL));
    ASSERT_FAILS(VT_ERROR_USAGE, "not valid UTF-8", vt_safetensors_write(path, &bad_name, 1, NULL, NULL, 0, NULL));
    assert_false(vt_path_exists(path));
    ASSERT_FAILS(VT_ERROR_IO, "/no/such", vt_safetensors_write("/no/such/x", twice, 1, NULL, NULL, 0, NULL));
}

static void assert_ramp(const vt_safetensors *file, const char *name, vt_dtype dtype, int64_t count) {
    const vt_tensor *tensor = vt_safetensors_find(file, name);
    float values[8];
    assert_non_null(tensor);
    assert_int_equal(tensor->dtype, dtype);
    assert_int_equal(tensor->count, count);
    ASSERT_OK(vt_tensor_to_float(tensor, values));
    for (int64_t i = 0; i < count; i++) assert_true(values[i] == (float)i / 4 - 1);
}

static void test_file_of_the_reference_library(void **state) {
    (void)state;
    vt_safetensors *file;
    float value;
    ASSERT_OK(vt_safetensors_open(golden_path("formats.safetensors"), &file));
    assert_int_equal(vt_safetensors_count(file), 7);
    assert_ramp(file, "vit.weight", VT_DTYPE_F32, 6);
    assert_ramp(file, "vit.bias", VT_DTYPE_BF16, 5);
    assert_ramp(file, "half", VT_DTYPE_F16, 3);
    assert_ramp(file, "double", VT_DTYPE_F64, 2);
    assert_int_equal(vt_safetensors_find(file, "empty")->count, 0);
    ASSERT_OK(vt_tensor_to_float(vt_safetensors_find(file, "scalar"), &value));
    assert_true(value == 7.0f);
    ASSERT_FAILS(VT_ERROR_INPUT, "'count' has dtype I64", vt_tensor_to_float(vt_safetensors_find(file, "count"), &value));
    assert_string_equal(vt_safetensors_metadata(file, "made_by"), "safetensors");
    vt_safetensors_close(file);
}

static void test_numbers_that_are_not_finite(void **state) {
    (void)state;
    enum { COUNT = 2500 };
    static const float wrong[] = {NAN, INFINITY, -INFINITY};
    static float values[COUNT], read[COUNT];
    const vt_tensor tensor = {"weight", VT_DTYPE_F32, 1, {COUNT}, COUNT, values};
    for (int at = 0; at < COUNT; at += 833) {
        values[at] = wrong[at / 833 % 3];
        ASSERT_FAILS(VT_ERROR_INPUT, "expected finite numbers", vt_tensor_to_float(&tensor, read));
        values[at] = -3.4e38f;
        ASSERT_OK(vt_tensor_to_float(&tensor, read));
    }
    const double large = 1e300;
    const vt_tensor wide = {"weight", VT_DTYPE_F64, 1, {1}, 1, &large};
    ASSERT_FAILS(VT_ERROR_INPUT, "tensor 'weight': element 0 is inf", vt_tensor_to_float(&wide, read));
}

static void test_dtypes(void **state) {
    (void)state;
    assert_string_equal(vt_dtype_name(VT_DTYPE_BF16), "BF16");
    assert_string_equal(vt_dtype_name(VT_DTYPE_BOOL), "BOOL");
    assert_int_equal(vt_dtype_size(VT_DTYPE_F64), 8);
    assert_int_equal(vt_dtype_size(VT_DTYPE_BF16), 2);
    ASSERT_OK(parse("{\"a\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]},"
                    "\"b\":{\"dtype\":\"U16\",\"shape\":[1],\"data_offsets\":[3,5]}}",
                    5));
}

/* --- headers that lie --- */

static void test_refusals(void **state) {
    (void)state;
#define TENSOR(name, dtype, shape, offsets)                                                                                    \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
    static const struct {
        const char *header;
        size_t bytes;
        const char *words;
    } cases[] = {
        {"", 0, "not valid JSON"},
        {"[]", 0, "expected a JSON object"},
        {"{\"a\":1}", 0, "tensor 'a' has no 'dtype'"},
        {"{" TENSOR("a", "F32", "[2]", "[0,8]") "}", 7, "data_offsets [0, 8] do not lie within the 7 data bytes"},
        {"{" TENSOR("a", "F32", "[2]", "[-4,4]") "}", 8, "data_offsets [-4, 4]"},
        {"{" TENSOR("a", "F32", "[2]", "[8,0]") "}", 8, "data_offsets [8, 0]"},
        {"{" TENSOR("a", "F32", "[2]", "[0,9223372036854775807]") "}", 8, "data_offsets [0, 9223372036854775807]"},
        {"{" TENSOR("a", "F32", "[2]", "[0,9223372036854775808]") "}", 8, "not valid JSON"},
        {"{" TENSOR("a", "F32", "[2]", "[0]") "}", 8, "'data_offsets' is not a list of two integers"},
        {"{" TENSOR("a", "F32", "[2]", "[0,8.0]") "}", 8, "'data_offsets' is not a list of two integers"},
        {"{" TENSOR("a", "F32", "[3]", "[0,8]") "}", 8, "data_offsets span 8 bytes, its shape and dtype need 12"},
        {"{" TENSOR("a", "F99", "[2]", "[0,8]") "}", 8, "dtype 'F99'"},
        {"{" TENSOR("a", "F32", "2", "[0,8]") "}", 8, "'shape' is not a list"},
        {"{" TENSOR("a", "F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]") "}", 8, "'shape' is not a list of at most 8"},
        {"{" TENSOR("a", "F32", "[-2]", "[0,8]") "}", 8, "integers from 0"},
        {"{" TENSOR("a", "F32", "[2.0]", "[0,8]") "}", 8, "integers from 0"},
        {"{" TENSOR("a", "F32", "[9223372036854775807]", "[0,8]") "}", 8, "more elements than 63 bits"},
        {"{" TENSOR("a", "U8", "[4294967296,4294967296]", "[0,0]") "}", 0, "more elements than 63 bits"},
        {"{" TENSOR("a", "F32", "[2]", "[0,8]") "," TENSOR("a", "F32", "[2]", "[0,8]") "}", 8, "not valid JSON"},
        {"{" TENSOR("a", "F32", "[2]", "[0,8]") "," TENSOR("b", "F32", "[2]", "[4,12]") "}", 12, "'a' and 'b' overlap"},
        {"{" TENSOR("b", "F32", "[2]", "[0,8]") "," TENSOR("a", "F32", "[2]", "[0,8]") "}", 8, "overlap"},
        {"{" TENSOR("b", "F32", "[3]", "[0,12]") "," TENSOR("a", "F32", "[0]", "[4,4]") "}", 12, "'b' and 'a' overlap"},
        {"{" TENSOR("a", "F32", "[2]", "[4,12]") "}", 12, "4 bytes before tensor 'a' belong to no tensor"},
        {"{" TENSOR("a", "F32", "[2]", "[0,8]") "}", 9, "the last 1 bytes belong to no tensor"},
        {"{\"__metadata__\":[]}", 0, "'__metadata__' is not an object"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "the value of 'a' is not a string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ASSERT_FAILS(VT_ERROR_INPUT, cases[i].words, parse(cases[i].header, cases[i].bytes));
        assert_ptr_equal(strstr(vt_error_message(), "x.safetensors"), vt_error_message());
    }
#undef TENSOR
}

static void test_header_lengths(void **state) {
    (void)state;
    static const uint64_t lengths[] = {3, (uint64_t)1 << 32, (uint64_t)1 << 63, UINT64_MAX, UINT64_MAX - 7};
    vt_safetensors *file;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t bytes[10] = {0, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
        memcpy(bytes, &lengths[i], 8);
        ASSERT_FAILS(VT_ERROR_INPUT, "is it cut off?", vt_safetensors_parse(bytes, sizeof bytes, "x", &file));
    }
    enum { TOO_LONG = 10000001 };
    char *header = malloc(TOO_LONG + 1);
    memset(header, ' ', TOO_LONG);
    header[TOO_LONG] = '\0';
    ASSERT_FAILS(VT_ERROR_INPUT, "the header has 10000001 bytes, expected at most 10000000", parse(header, 0));
    write_test_file(test_path("model.safetensors.index.json"), header, TOO_LONG);
    ASSERT_FAILS(VT_ERROR_INPUT, "index.json: has 10000001 bytes", vt_safetensors_open_model(test_folder(), &file));
    free(header);
    ASSERT_FAILS(VT_ERROR_INPUT, "x: has 0 bytes", vt_safetensors_parse(NULL, 0, "x", &file));
    ASSERT_FAILS(VT_ERROR_IO, "absent", vt_safetensors_open(test_path("absent.safetensors"), &file));
    write_test_file(test_path("empty.safetensors"), "", 0);
    ASSERT_FAILS(VT_ERROR_INPUT, "has 0 bytes", vt_safetensors_open(test_path("empty.safetensors"), &file));
}

static void test_json_a_million_deep(void **state) {
    (void)state;
    enum { DEPTH = 1000000 };
    char *header = malloc(6 * DEPTH + 1);
    header[0] = '\0';
    for (size_t i = 0; i < DEPTH; i++) memcpy(header + 5 * i, "{\"a\":", 6);
    ASSERT_FAILS(VT_ERROR_INPUT, "x.safetensors:", parse(header, 0));
    memset(header, '[', DEPTH);
    header[DEPTH] = '\0';
    ASSERT_FAILS(VT_ERROR_INPUT, "x.safetensors:", parse(header, 0));
    free(header);
}

static void test_cut_at_every_byte(void **state) {
    (void)state;
    uint8_t *data;
    size_t whole;
    ASSERT_OK(vt_read_file(golden_path("formats.safetensors"), 1 << 20, &data, &whole));
    for (size_t size = 0; size < whole; size++) {
        uint8_t *copy = malloc(size + (size == 0)); /* its own block, so that the sanitizers see a read past its end */
        vt_safetensors *file;
        memcpy(copy, data, size);
        ASSERT_FAILS(VT_ERROR_INPUT, "x.safetensors: ", vt_safetensors_parse(copy, size, "x.safetensors", &file));
        free(copy);
    }
    free(data);
}

/* --- sharded models --- */

#define A "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}"
#define B "{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"__metadata__\":{\"format\":\"pt\"}}"

static vt_status open_sharded(const char *weight_map, vt_safetensors **file) {
    char index[512];
    snprintf(index, sizeof index, "{\"metadata\":{\"total_size\":6},\"weight_map\":%s}", weight_map);
    write_test_file(test_path("model.safetensors.index.json"), index, strlen(index));
    write_shard("model-00001-of-00002.safetensors", A, 4);
    write_shard("model-00002-of-00002.safetensors", B, 2);
    return vt_safetensors_open_model(test_folder(), file);
}

#define FIRST  "\"model-00001-of-00002.safetensors\""
#define SECOND "\"model-00002-of-00002.safetensors\""

static void test_sharded_model(void **state) {
    (void)state;
    vt_safetensors *file;
    ASSERT_OK(open_sharded("{\"b\":" SECOND ",\"a\":" FIRST "}", &file));
    assert_int_equal(vt_safetensors_count(file), 2);
    assert_string_equal(vt_safetensors_get(file, 0)->name, "a");
    assert_memory_equal(vt_safetensors_find(file, "b")->data, "\0\1", 2);
    assert_string_equal(vt_safetensors_metadata(file, "format"), "pt");
    vt_safetensors_close(file);
}

static void test_sharded_refusals(void **state) {
    (void)state;
    static const struct {
        const char *weight_map, *words;
    } cases[] = {
        {"3", "has no 'weight_map'"},
        {"{}", "has no 'weight_map'"},
        {"{\"a\":\"../model-00001-of-00002.safetensors\"}", "expected the name of a file beside it"},
        {"{\"a\":\"/etc/passwd\"}", "expected the name of a file beside it"},
        {"{\"a\":\"..\"}", "expected the name of a file beside it"},
        {"{\"a\":\"\"}", "expected the name of a file beside it"},
        {"{\"a\":7}", "expected the name of a file beside it"},
        {"{\"a\":" FIRST ",\"b\":" SECOND ",\"c\":" SECOND "}", "tensor 'c' is not in 'model-00002-of-00002.safetensors'"},
        {"{\"a\":" FIRST ",\"c\":" SECOND "}", "holds tensor 'b', which the index does not place there"},
        {"{\"b\":" FIRST ",\"a\":" SECOND "}", "holds tensor 'a', which the index does not place there"},
    };
    vt_safetensors *file;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ASSERT_FAILS(VT_ERROR_INPUT, cases[i].words, open_sharded(cases[i].weight_map, &file));
    ASSERT_FAILS(VT_ERROR_IO, "absent.safetensors", open_sharded("{\"a\":\"absent.safetensors\"}", &file));
    ASSERT_FAILS(VT_ERROR_IO, "holds neither model.safetensors nor", vt_safetensors_open_model(test_path("nothing"), &file));
}

static void test_one_file_goes_before_an_index(void **state) {
    (void)state;
    vt_safetensors *file;
    write_shard("model.safetensors", A, 4);
    write_test_file(test_path("model.safetensors.index.json"), "{", 1);
    ASSERT_OK(vt_safetensors_open_model(test_folder(), &file));
    assert_int_equal(vt_safetensors_count(file), 1);
    vt_safetensors_close(file);
}

static void test_real_checkpoint(void **state) {
    (void)state;
    REQUIRE_SHARED(folder, "vit-tiny-patch16-224");
    vt_safetensors *file;
    ASSERT_OK(vt_safetensors_open_model(folder, &file));
    const vt_tensor *token = vt_safetensors_find(file, "vit.embeddings.cls_token");
    assert_non_null(token);
    assert_int_equal(token->count, 192);
    vt_safetensors_close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_writer_refusals),
        cmocka_unit_test(test_file_of_the_reference_library),
        cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_numbers_that_are_not_finite),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_header_lengths),
        cmocka_unit_test(test_json_a_million_deep),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_sharded_model),
        cmocka_unit_test(test_sharded_refusals),
        cmocka_unit_test(test_one_file_goes_before_an_index),
        cmocka_unit_test(test_real_checkpoint),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
