/* Atomic files keep the old contents until the new ones are whole; every failure names its path; nothing but a regular file
 * is mapped or replaced. */
#include "support.h"

#include "base/memory.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_contents(const char *path, const char *expected) {
    uint8_t *data;
    size_t size;
    ASSERT_OK(vt_read_file(path, 1 << 20, &data, &size));
    assert_int_equal(size, strlen(expected));
    assert_string_equal((char *)data, expected);
    free(data);
}

static void assert_names(const char *folder, size_t count) {
    vt_strings names;
    ASSERT_OK(vt_list_folder(folder, &names));
    assert_int_equal(names.count, count);
    vt_strings_free(&names);
}

static void a_reader_sees_the_old_file_until_commit(void **state) {
    (void)state;
    const char *folder = test_path("atomic"), *path = test_path("atomic/file.txt");
    ASSERT_OK(vt_make_folders(folder));
    ASSERT_OK(vt_write_file(path, "old", 3));
    vt_writer *writer;
    ASSERT_OK(vt_writer_open(path, &writer));
    ASSERT_OK(vt_writer_print(writer, "%s %d", "new", 1));
    assert_contents(path, "old");
    vt_writer_discard(writer);
    assert_contents(path, "old");
    assert_names(folder, 1);

    ASSERT_OK(vt_writer_open(path, &writer));
    ASSERT_OK(vt_writer_print(writer, "%s %d", "new", 2));
    assert_int_equal(vt_writer_offset(writer), 5);
    ASSERT_OK(vt_writer_commit(writer));
    assert_contents(path, "new 2");
    assert_names(folder, 1);
    vt_writer_discard(NULL);
}

static void two_writers_of_one_file_do_not_mix(void **state) {
    (void)state;
    const char *path = test_path("twice.txt");
    vt_writer *first, *second;
    ASSERT_OK(vt_writer_open(path, &first));
    ASSERT_OK(vt_writer_open(path, &second));
    ASSERT_OK(vt_writer_print(first, "first"));
    ASSERT_OK(vt_writer_print(second, "second"));
    ASSERT_OK(vt_writer_commit(second));
    ASSERT_OK(vt_writer_commit(first));
    assert_contents(path, "first");
}

static void large_files_arrive_whole(void **state) {
    (void)state;
    enum { SIZE = 3000017 };
    const char *path = test_path("large.bin");
    uint8_t *data;
    ASSERT_OK(vt_allocate(&data, SIZE, 1, "test data"));
    for (size_t i = 0; i < SIZE; i++) data[i] = (uint8_t)(i * 2654435761u >> 13);
    vt_writer *writer;
    ASSERT_OK(vt_writer_open(path, &writer));
    size_t sizes[] = {1, 0, 1000, 262143, 262144, 262145, 7}, at = 0;
    for (size_t i = 0; at < SIZE; i++) {
        size_t size = sizes[i % 7] < SIZE - at ? sizes[i % 7] : SIZE - at;
        ASSERT_OK(vt_writer_write(writer, data + at, size));
        at += size;
    }
    uint32_t written = vt_writer_crc32(writer), crc;
    uint64_t size;
    ASSERT_OK(vt_writer_commit(writer));
    vt_mapping mapping;
    ASSERT_OK(vt_map_file(path, &mapping));
    assert_int_equal(mapping.size, SIZE);
    assert_memory_equal(mapping.data, data, SIZE);
    vt_unmap_file(&mapping);
    ASSERT_OK(vt_file_crc32(path, &crc, &size));
    assert_int_equal(size, SIZE);
    assert_int_equal(crc, written);
    uint8_t *read;
    size_t count;
    ASSERT_OK(vt_read_file(path, SIZE, &read, &count));
    assert_int_equal(count, SIZE);
    assert_memory_equal(read, data, SIZE);
    free(read);
    ASSERT_FAILS(VT_ERROR_INPUT, "large.bin: is larger than the 3000016 bytes", vt_read_file(path, SIZE - 1, &read, &count));
    assert_null(read);
    free(data);
    ASSERT_OK(vt_write_file(path, "123456789", 9));
    ASSERT_OK(vt_file_crc32(path, &crc, &size));
    assert_int_equal(crc, 0xcbf43926); /* the check value of CRC-32 */
}

static void long_lines_are_printed_whole(void **state) {
    (void)state;
    char *expected;
    ASSERT_OK(vt_format(&expected, "%5000d|", 7));
    vt_writer *writer;
    ASSERT_OK(vt_writer_open(test_path("long.txt"), &writer));
    ASSERT_OK(vt_writer_print(writer, "%5000d|", 7));
    ASSERT_OK(vt_writer_commit(writer));
    assert_contents(test_path("long.txt"), expected);
    free(expected);
}

/* A file size limit stands in for the full disk: write() fails half-way, with EFBIG. */
static void a_failed_write_keeps_the_old_file(void **state) {
    (void)state;
    const char *folder = test_path("full"), *path = test_path("full/weights.bin");
    ASSERT_OK(vt_make_folders(folder));
    ASSERT_OK(vt_write_file(path, "old", 3));
    uint8_t *data;
    ASSERT_OK(vt_allocate(&data, 1 << 20, 1, "test data"));
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    vt_status direct = vt_write_file(path, data, 1 << 20);
    char direct_message[256];
    snprintf(direct_message, sizeof direct_message, "%s", vt_error_message());
    vt_writer *writer;
    ASSERT_OK(vt_writer_open(path, &writer));
    ASSERT_OK(vt_writer_write(writer, data, 200000)); /* still in the buffer */
    vt_status buffered = vt_writer_commit(writer);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(direct, VT_ERROR_IO);
    assert_non_null(strstr(direct_message, "weights.bin: cannot write: File too large"));
    assert_int_equal(buffered, VT_ERROR_IO);
    assert_non_null(strstr(vt_error_message(), "weights.bin: cannot write: File too large"));
    assert_contents(path, "old");
    assert_names(folder, 1);
    free(data);
}

static void the_umask_decides_the_mode(void **state) {
    (void)state;
    struct stat info;
    mode_t before = umask(027);
    ASSERT_OK(vt_write_file(test_path("mode.txt"), "x", 1));
    umask(before);
    assert_int_equal(stat(test_path("mode.txt"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
}

static void only_regular_files_are_mapped_or_replaced(void **state) {
    (void)state;
    vt_mapping mapping;
    vt_writer *writer;
    ASSERT_FAILS(VT_ERROR_IO, "is a folder, expected a file", vt_map_file(test_folder(), &mapping));
    ASSERT_FAILS(VT_ERROR_IO, "/dev/zero: is a special file", vt_map_file("/dev/zero", &mapping));
    assert_int_equal(mkfifo(test_path("pipe"), 0600), 0);
    ASSERT_FAILS(VT_ERROR_IO, "pipe: is a special file", vt_map_file(test_path("pipe"), &mapping));
    ASSERT_FAILS(VT_ERROR_IO, "absent.txt: cannot open: No such file", vt_map_file(test_path("absent.txt"), &mapping));
    ASSERT_FAILS(VT_ERROR_IO, "is a folder", vt_writer_open(test_folder(), &writer));
    ASSERT_FAILS(VT_ERROR_IO, "/dev/null: cannot write: is a special file", vt_writer_open("/dev/null", &writer));
    ASSERT_FAILS(VT_ERROR_IO, "no/folder.txt: cannot create: No such file",
                 vt_writer_open(test_path("no/folder.txt"), &writer));
    ASSERT_OK(vt_write_file(test_path("empty"), NULL, 0));
    ASSERT_OK(vt_map_file(test_path("empty"), &mapping));
    assert_null(mapping.data);
    assert_int_equal(mapping.size, 0);
    vt_unmap_file(&mapping);
    uint8_t *data;
    size_t size;
    ASSERT_FAILS(VT_ERROR_IO, "cannot read: Is a directory", vt_read_file(test_folder(), 10, &data, &size));
    ASSERT_FAILS(VT_ERROR_INPUT, "larger than the 1000 bytes", vt_read_file("/dev/zero", 1000, &data, &size));
}

static void folders_are_made_listed_and_removed(void **state) {
    (void)state;
    const char *deep = test_path("tree/a//b/c/");
    ASSERT_OK(vt_make_folders(deep));
    ASSERT_OK(vt_make_folders(deep));
    assert_true(vt_is_folder(deep));
    ASSERT_OK(vt_write_file(test_path("outside"), "x", 1));
    ASSERT_OK(vt_write_file(test_path("tree/z"), "x", 1));
    assert_int_equal(symlink(test_path("outside"), test_path("tree/link")), 0);
    assert_int_equal(symlink(test_folder(), test_path("tree/up")), 0);
    ASSERT_FAILS(VT_ERROR_IO, "tree/z: cannot create the folder: it exists and is a file",
                 vt_make_folders(test_path("tree/z/y")));
    vt_strings names;
    ASSERT_OK(vt_list_folder(test_path("tree"), &names));
    assert_int_equal(names.count, 4);
    assert_string_equal(names.items[0], "a");
    assert_string_equal(names.items[3], "z");
    vt_strings_free(&names);
    ASSERT_OK(vt_remove_tree(test_path("tree")));
    assert_false(vt_path_exists(test_path("tree")));
    assert_true(vt_path_exists(test_path("outside")));
    ASSERT_OK(vt_remove_tree(test_path("tree")));
    ASSERT_FAILS(VT_ERROR_IO, "tree: cannot open the folder", vt_list_folder(test_path("tree"), &names));
    assert_int_equal(names.count, 0);
}

static void folders_tell_whether_they_can_be_written(void **state) {
    (void)state;
    ASSERT_OK(vt_check_writable(test_path("output/run")));
    assert_names(test_path("output/run"), 0);
    ASSERT_FAILS(VT_ERROR_IO, "/proc/self/vitrain", vt_check_writable("/proc/self/vitrain"));
    if (geteuid() != 0) { /* root may write anywhere */
        assert_int_equal(chmod(test_path("output/run"), 0500), 0);
        ASSERT_FAILS(VT_ERROR_IO, "run: cannot create files in this folder: Permission denied",
                     vt_check_writable(test_path("output/run")));
    }
    uint64_t here, there;
    ASSERT_OK(vt_free_space(test_folder(), &here));
    ASSERT_OK(vt_free_space(test_path("not/yet/there"), &there));
    assert_true(here > 0 && there > 0);
}

static void renames_replace(void **state) {
    (void)state;
    ASSERT_OK(vt_write_file(test_path("from"), "from", 4));
    ASSERT_OK(vt_write_file(test_path("to"), "to", 2));
    ASSERT_OK(vt_rename_synced(test_path("from"), test_path("to")));
    assert_contents(test_path("to"), "from");
    ASSERT_FAILS(VT_ERROR_IO, "from: cannot rename to", vt_rename_synced(test_path("from"), test_path("to")));
    assert_int_equal(chdir(test_folder()), 0);
    ASSERT_OK(vt_write_file("bare-name", "x", 1));
    assert_contents(test_path("bare-name"), "x");
}

static void paths_are_joined_and_split(void **state) {
    (void)state;
    static const char *const cases[][3] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"/", "b", "/b"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *joined;
        ASSERT_OK(vt_join(cases[i][0], cases[i][1], &joined));
        assert_string_equal(joined, cases[i][2]);
        free(joined);
    }
    assert_string_equal(vt_basename("a/b/c.png"), "c.png");
    assert_string_equal(vt_basename("c.png"), "c.png");
    assert_string_equal(vt_basename("a/"), "");
    assert_true(vt_has_suffix("IMAGE.JPG", ".jpg"));
    assert_false(vt_has_suffix("jpg", ".jpg"));
    assert_false(vt_has_suffix("image.jpeg", ".jpg"));
}

/* As another user than root, whom no permission stops. */
static void a_folder_that_may_not_be_made_says_why(void **state) {
    (void)state;
    const char *closed = test_path("closed");
    ASSERT_OK(vt_make_folders(closed));
    assert_int_equal(chmod(test_folder(), 0755), 0);
    assert_int_equal(chmod(closed, 0555), 0);
    int root = geteuid() == 0;
    if (root) assert_int_equal(seteuid(65534), 0);
    vt_status status = vt_make_folders(test_path("closed/deep"));
    if (root) assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(closed, 0755), 0);
    assert_int_equal(status, VT_ERROR_IO);
    assert_non_null(strstr(vt_error_message(), "closed/deep: cannot create the folder: Permission denied"));
}

static void a_locked_folder_is_locked_once(void **state) {
    (void)state;
    int first, second;
    ASSERT_OK(vt_make_folders(test_path("locked")));
    ASSERT_OK(vt_lock_folder(test_path("locked"), &first));
    ASSERT_FAILS(VT_ERROR_IO, "locked: another run is writing here", vt_lock_folder(test_path("locked"), &second));
    assert_int_equal(second, -1);
    close(first);
    ASSERT_OK(vt_lock_folder(test_path("locked"), &second));
    close(second);
    ASSERT_FAILS(VT_ERROR_IO, "absent: cannot open", vt_lock_folder(test_path("absent"), &first));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_that_may_not_be_made_says_why),
        cmocka_unit_test(a_locked_folder_is_locked_once),
        cmocka_unit_test(a_reader_sees_the_old_file_until_commit),
        cmocka_unit_test(two_writers_of_one_file_do_not_mix),
        cmocka_unit_test(large_files_arrive_whole),
        cmocka_unit_test(long_lines_are_printed_whole),
        cmocka_unit_test(a_failed_write_keeps_the_old_file),
        cmocka_unit_test(the_umask_decides_the_mode),
        cmocka_unit_test(only_regular_files_are_mapped_or_replaced),
        cmocka_unit_test(folders_are_made_listed_and_removed),
        cmocka_unit_test(folders_tell_whether_they_can_be_written),
        cmocka_unit_test(renames_replace),
        cmocka_unit_test(paths_are_joined_and_split),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failed;
}
