/* .npz: every type of number that NumPy writes, and one sentence for everything else. */
#include "formats/npz.h"

#include "support.h"

static vt_status read_type(const char *name, vt_npy_header *header, double *values, size_t limit) {
    vt_npz_array *array;
    uint8_t bytes[8];
    VT_TRY(vt_npz_array_open(golden_path("npz_types.npz"), name, &array));
    *header = *vt_npz_array_header(array);
    vt_status status = VT_OK;
    assert_true((size_t)header->count <= limit);
    for (int64_t i = 0; i < header->count && status == VT_OK; i++) {
        status = vt_npz_array_read(array, bytes, (size_t)header->item_size);
        values[i] = vt_npy_value(header, bytes);
    }
    if (status == VT_OK) ASSERT_FAILS(VT_ERROR_INPUT, "no more values", vt_npz_array_read(array, bytes, 1));
    vt_npz_array_close(array);
    return status;
}

static void test_every_type(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double first;
    } types[] = {{"uint8", 255},
                 {"uint16", 65535},
                 {"uint32", 4294967295.0},
                 {"uint64", 18446744073709551616.0},
                 {"int8", -1},
                 {"int16", -1},
                 {"int32", -1},
                 {"int64", -1},
                 {"float32", -1},
                 {"float64", -1}};
    vt_npy_header header;
    double values[8];
    char shape[VT_NPY_SHAPE_TEXT];
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        ASSERT_OK(read_type(types[i].name, &header, values, 8));
        assert_string_equal(vt_npy_type_name(&header), types[i].name);
        vt_npy_shape_text(&header, shape);
        assert_string_equal(shape, "(2, 3)");
        assert_true(values[0] == types[i].first && values[1] == 0 && values[5] == 4);
    }
    ASSERT_OK(read_type("bool", &header, values, 8));
    assert_true(header.kind == VT_NPY_BOOL && values[0] == 1 && values[1] == 0);
    ASSERT_OK(read_type("scalar", &header, values, 8));
    assert_true(header.rank == 0 && header.count == 1 && values[0] == 2.5);
    ASSERT_OK(read_type("empty", &header, values, 8));
    assert_true(header.rank == 2 && header.count == 0);
}

static void test_arrays_are_listed(void **state) {
    (void)state;
    vt_strings names = {0};
    ASSERT_OK(vt_npz_list(golden_path("npz_classes.npz"), &names));
    assert_int_equal(names.count, 6);
    assert_string_equal(names.items[0], "train_images");
    assert_string_equal(names.items[5], "test_labels");
    vt_strings_free(&names);
    vt_npz_array *array;
    ASSERT_FAILS(VT_ERROR_INPUT, "has no array 'x'", vt_npz_array_open(golden_path("npz_classes.npz"), "x", &array));
}

static void test_what_is_not_supported(void **state) {
    (void)state;
    vt_npy_header header;
    double values[8];
    ASSERT_FAILS(VT_ERROR_UNSUPPORTED, "array 'big': its values are big-endian ('>i4')", read_type("big", &header, values, 8));
    ASSERT_FAILS(VT_ERROR_UNSUPPORTED, "of type <U1; expected booleans", read_type("text", &header, values, 8));
    ASSERT_FAILS(VT_ERROR_UNSUPPORTED, "of type <f2; expected booleans", read_type("half", &header, values, 8));
    ASSERT_FAILS(VT_ERROR_UNSUPPORTED, "lie in Fortran order", read_type("fortran", &header, values, 8));
}

/* --- headers --- */

static vt_status parse(int version, const char *dictionary, vt_npy_header *header) {
    uint8_t bytes[512] = "\x93NUMPY";
    size_t length = strlen(dictionary), before = version == 1 ? 10 : 12;
    bytes[6] = (uint8_t)version;
    bytes[8] = (uint8_t)length;
    bytes[9] = (uint8_t)(length >> 8);
    memcpy(bytes + before, dictionary, length);
    return vt_npy_parse_header(bytes, before + length, "x.npy", header);
}

static void test_headers_of_every_version(void **state) {
    (void)state;
    vt_npy_header header;
    for (int version = 1; version <= 3; version++) {
        ASSERT_OK(parse(version, "{'descr': '|u1', 'fortran_order': False, 'shape': (7, 28, 28, 3), }   \n", &header));
        assert_true(header.rank == 4 && header.shape[0] == 7 && header.shape[3] == 3 && header.count == 7 * 28 * 28 * 3);
    }
    ASSERT_OK(parse(1, "{\"shape\":(5,),\"fortran_order\":False,\"descr\":\"<i8\"}", &header));
    assert_true(header.rank == 1 && header.shape[0] == 5 && header.kind == VT_NPY_SIGNED && header.item_size == 8);
    ASSERT_FAILS(VT_ERROR_UNSUPPORTED, "version 4.0", parse(4, "{}           ", &header));
}

static void test_hostile_headers(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
        vt_status code;
    } bad[] = {
        {"{'descr': '|u1', 'fortran_order': False}", "'shape', each once", VT_ERROR_INPUT},
        {"{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': ()}", "each once", VT_ERROR_INPUT},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (), 'more': 1}", "each once", VT_ERROR_INPUT},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (3)}", "a comma", VT_ERROR_INPUT},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (3 4)}", "a comma", VT_ERROR_INPUT},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (-3, 4)}", "a size", VT_ERROR_INPUT},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4", "a comma", VT_ERROR_INPUT},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", "at most eight", VT_ERROR_INPUT},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}", "below 2^63", VT_ERROR_INPUT},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "more than 2^63", VT_ERROR_INPUT},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,)}", "more than 2^63", VT_ERROR_INPUT},
        {"{'descr': '|u1', 'fortran_order': 0, 'shape': (3,)}", "True or False", VT_ERROR_INPUT},
        {"{'descr': |u1, 'fortran_order': False, 'shape': (3,)}", "a quoted string", VT_ERROR_INPUT},
        {"{'descr': '|u1", "its closing quote", VT_ERROR_INPUT},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (3,)} x", "the end of the header", VT_ERROR_INPUT},
        {"['descr', '|u1']            ", "expected '{'", VT_ERROR_INPUT},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}", "of type record", VT_ERROR_UNSUPPORTED},
        {"{'descr': '<u3', 'fortran_order': False, 'shape': (3,)}", "of type <u3", VT_ERROR_UNSUPPORTED},
        {"{'descr': '!u1', 'fortran_order': False, 'shape': (3,)}", "of type !u1", VT_ERROR_UNSUPPORTED},
    };
    vt_npy_header header;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ASSERT_FAILS(bad[i].code, bad[i].words, parse(1, bad[i].text, &header));
        ASSERT_FAILS(bad[i].code, "x.npy: ", parse(1, bad[i].text, &header));
    }
    ASSERT_FAILS(VT_ERROR_INPUT, "too short", vt_npy_parse_header("\x93NUMPY\1", 8, "x.npy", &header));
    ASSERT_FAILS(VT_ERROR_INPUT, "does not begin", vt_npy_parse_header("NUMPY_______", 12, "x.npy", &header));
    ASSERT_FAILS(VT_ERROR_INPUT, "ends within its header", vt_npy_parse_header("\x93NUMPY\1\0\x80\0{}", 12, "x.npy", &header));
    ASSERT_FAILS(VT_ERROR_INPUT, "claims to have 65545 bytes",
                 vt_npy_parse_header("\x93NUMPY\1\0\xff\xff{}", 12, "x.npy", &header));
}

/* --- damage --- */

static void test_every_cut_is_a_sentence(void **state) {
    (void)state;
    uint8_t *whole;
    size_t size;
    const char *path = test_path("cut.npz");
    ASSERT_OK(vt_read_file(golden_path("npz_labels.npz"), 1 << 16, &whole, &size));
    for (size_t cut = 0; cut < size; cut++) {
        vt_strings names = {0};
        write_test_file(path, whole, cut);
        ASSERT_FAILS(VT_ERROR_INPUT, "cut.npz: ", vt_npz_list(path, &names));
        vt_strings_free(&names);
    }
    free(whole);
    vt_strings names = {0};
    ASSERT_FAILS(VT_ERROR_IO, "absent.npz", vt_npz_list(test_path("absent.npz"), &names));
}

static void test_a_changed_value_is_found(void **state) {
    (void)state;
    static const char path_name[] = "changed.npz";
    uint8_t *whole, values[4 * 4 * 6];
    size_t size;
    vt_npz_array *array;
    ASSERT_OK(vt_read_file(golden_path("npz_labels.npz"), 1 << 16, &whole, &size));
    size_t at = 0;
    while (memcmp(whole + at, "\x00\x07\x0e\x15", 4) != 0) at++; /* the first pixels */
    whole[at + 50] ^= 1;
    write_test_file(test_path(path_name), whole, size);
    free(whole);
    ASSERT_OK(vt_npz_array_open(test_path(path_name), "train_images", &array));
    ASSERT_OK(vt_npz_array_read(array, values, sizeof values - 1));
    ASSERT_FAILS(VT_ERROR_INPUT, "array 'train_images': ", vt_npz_array_read(array, values, 1));
    vt_npz_array_close(array);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_arrays_are_listed),
        cmocka_unit_test(test_what_is_not_supported),
        cmocka_unit_test(test_headers_of_every_version),
        cmocka_unit_test(test_hostile_headers),
        cmocka_unit_test(test_every_cut_is_a_sentence),
        cmocka_unit_test(test_a_changed_value_is_found),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failed;
}
