/* TensorBoard events: framing and checksums byte by byte. That TensorBoard reads them is for tests/interop. */
#include "formats/tensorboard.h"

#include "support.h"

/* CRC-32C by table, otherwise than in the code under test; masked as TFRecord has it. */
static uint32_t masked_crc(const uint8_t *data, size_t size) {
    uint32_t table[256], crc = 0xffffffff;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++) table[i] = table[i] >> 1 ^ (table[i] % 2 * 0x82f63b78);
    }
    for (size_t i = 0; i < size; i++) crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
    crc ^= 0xffffffff;
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

static uint8_t *read_events(size_t *size) {
    vt_strings names = {0};
    uint8_t *data;
    ASSERT_OK(vt_list_folder(test_path("runs"), &names));
    assert_int_equal(names.count, 1);
    assert_ptr_equal(strstr(names.items[0], "events.out.tfevents."), names.items[0]);
    char path[600];
    snprintf(path, sizeof path, "%s/%s", test_path("runs"), names.items[0]);
    ASSERT_OK(vt_read_file(path, 1 << 20, &data, size));
    vt_strings_free(&names);
    return data;
}

/* Checks the frame of the record at *position, moves past it and returns its bytes. */
static const uint8_t *next_record(const uint8_t *data, size_t size, size_t *position, uint64_t *length) {
    uint32_t crc;
    const uint8_t *record = data + *position;
    assert_true(size - *position >= 16);
    memcpy(length, record, 8);
    memcpy(&crc, record + 8, 4);
    assert_int_equal(crc, masked_crc(record, 8));
    assert_true(*length <= size - *position - 16);
    memcpy(&crc, record + 12 + *length, 4);
    assert_int_equal(crc, masked_crc(record + 12, *length));
    *position += 16 + *length;
    return record + 12;
}

static void test_records(void **state) {
    (void)state;
    vt_event_writer *writer;
    ASSERT_OK(vt_event_writer_open(test_path("runs"), &writer));
    ASSERT_OK(vt_event_writer_scalar(writer, "train/loss", 300, 0.5));
    ASSERT_OK(vt_event_writer_scalar(writer, "eval/loss", -1, 2.0));

    size_t size, position = 0; /* the records are there before the file is closed */
    uint64_t length;
    uint8_t *data = read_events(&size);
    /* the first twelve bytes of every event file that TensorFlow writes */
    assert_memory_equal(data, "\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22", 12);
    const uint8_t *event = next_record(data, size, &position, &length);
    assert_int_equal(event[0], 0x09); /* wall_time, 64 bits */
    assert_memory_equal(event + 9,
                        "\x1a\x0d"
                        "brain.Event:2",
                        15);

    event = next_record(data, size, &position, &length);
    static const uint8_t loss[] = "\x10\xac\x02"          /* step 300 */
                                  "\x2a\x13\x0a\x11"      /* summary, value */
                                  "\x0a\x0atrain/loss"    /* tag */
                                  "\x15\x00\x00\x00\x3f"; /* simple_value 0.5 */
    assert_int_equal(length, 9 + sizeof loss - 1);
    assert_memory_equal(event + 9, loss, sizeof loss - 1);

    event = next_record(data, size, &position, &length);
    assert_memory_equal(event + 9, "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11); /* step -1 */
    assert_int_equal(position, size);
    free(data);
    ASSERT_OK(vt_event_writer_close(writer));
}

static void test_refusals(void **state) {
    (void)state;
    vt_event_writer *writer;
    char tag[400];
    memset(tag, 'x', sizeof tag - 1);
    tag[sizeof tag - 1] = '\0';
    ASSERT_OK(vt_event_writer_open(test_path("long"), &writer));
    ASSERT_FAILS(VT_ERROR_USAGE, "399 bytes", vt_event_writer_scalar(writer, tag, 1, 1.0));
    tag[256] = '\0';
    ASSERT_OK(vt_event_writer_scalar(writer, tag, INT64_MIN, 1e300)); /* the longest record there is */
    ASSERT_OK(vt_event_writer_close(writer));
    ASSERT_OK(vt_event_writer_close(NULL));
    write_test_file(test_path("file"), "", 0);
    ASSERT_FAILS(VT_ERROR_IO, "file", vt_event_writer_open(test_path("file"), &writer));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_records), cmocka_unit_test(test_refusals)};
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
