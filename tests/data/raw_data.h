/* Tiny raw data sets for the tests of src/data: pictures, label files, archives, and a console that remembers. */
#ifndef VT_TESTS_DATA_RAW_DATA_H
#define VT_TESTS_DATA_RAW_DATA_H

#include "support.h"

#include "data/image/image.h"
#include "vitrain/console.h"
#include <archive.h>
#include <archive_entry.h>

/* --- a console whose lines can be searched --- */

static char console_text[1 << 16];

static inline void remember_line(void *user, vt_level level, const char *text) {
    (void)user;
    size_t used = strlen(console_text);
    snprintf(console_text + used, sizeof console_text - used, "%s%s\n", level == VT_LEVEL_WARNING ? "warning: " : "", text);
}

static const vt_console test_console = {.line = remember_line};

static inline const vt_console *fresh_console(void) {
    console_text[0] = '\0';
    return &test_console;
}

static inline void assert_said(const char *words) {
    if (!strstr(console_text, words)) fail_msg("the console does not say '%s' but:\n%s", words, console_text);
}

/* --- files --- */

/* "<test folder>/<root>/<name>", with its folders made. */
static inline const char *raw_path(const char *root, const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s/%s", test_folder(), root, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    ASSERT_OK(vt_make_folders(path));
    *slash = '/';
    return path;
}

static inline void write_text(const char *root, const char *name, const char *text) {
    write_test_file(raw_path(root, name), text, strlen(text));
}

/* A PNG of size x size pixels whose contents depend on `shade`; freed by the caller. */
static inline uint8_t *make_png(int size, int channels, int shade, size_t *bytes) {
    vt_image image = {.width = size, .height = size, .channels = channels};
    uint8_t *data;
    image.pixels = malloc((size_t)size * (size_t)size * (size_t)channels);
    assert_non_null(image.pixels);
    for (int i = 0; i < size * size * channels; i++) image.pixels[i] = (uint8_t)(shade * 31 + i * 7 + i % channels * 40);
    ASSERT_OK(vt_image_encode_png(&image, &data, bytes));
    vt_image_free(&image);
    return data;
}

static inline void write_png(const char *root, const char *name, int channels, int shade) {
    size_t bytes;
    uint8_t *data = make_png(9, channels, shade, &bytes);
    write_test_file(raw_path(root, name), data, bytes);
    free(data);
}

/* --- archives --- */

static inline struct archive *begin_archive(const char *root, const char *name) {
    struct archive *archive = archive_write_new();
    assert_int_equal(archive_write_add_filter_gzip(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_ustar(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, raw_path(root, name)), ARCHIVE_OK);
    return archive;
}

static inline void add_member(struct archive *archive, const char *path, const void *data, size_t size) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, data, size), (la_ssize_t)size);
    archive_entry_free(entry);
}

static inline void add_link(struct archive *archive, const char *path, const char *target) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, AE_IFLNK);
    archive_entry_set_symlink(entry, target);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    archive_entry_free(entry);
}

static inline void add_png_member(struct archive *archive, const char *path, int channels, int shade) {
    size_t bytes;
    uint8_t *data = make_png(9, channels, shade, &bytes);
    add_member(archive, path, data, bytes);
    free(data);
}

static inline void end_archive(struct archive *archive) {
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
}

/* Shortens a file to `size` bytes. */
static inline void cut_file(const char *path, size_t size) {
    uint8_t *data;
    size_t whole;
    ASSERT_OK(vt_read_file(path, 1 << 24, &data, &whole));
    assert_true(size < whole);
    write_test_file(path, data, size);
    free(data);
}

/* An NIH layout of 12 images of 6 patients: four loose ones in images/, eight in two archives; one is listed but absent. */
static inline void write_nih(const char *root) {
    write_text(root, "Data_Entry_2017_v2020.csv",
               "\xef\xbb\xbfImage Index,Finding Labels,Follow-up #,Patient ID,\"OriginalImage[Width\",Height]\r\n"
               "1_0.png,Cardiomegaly,0,1,9,9\r\n1_1.png,Cardiomegaly|Effusion,1,1,9,9\r\n2_0.png,No Finding,0,2,9,9\r\n"
               "3_0.png,\"Hernia|Effusion\",0,3,9,9\r\n3_1.png,Hernia,1,3,9,9\r\n3_2.png,Effusion,2,3,9,9\r\n"
               "4_0.png,No Finding,0,4,9,9\r\n4_1.png,No Finding,1,4,9,9\r\n5_0.png,Mass | Nodule,0,5,9,9\r\n"
               "6_0.png,No Finding,0,6,9,9\r\n6_1.png,No Finding,1,6,9,9\r\n6_2.png,No Finding,2,6,9,9\r\n"
               "7_0.png,Edema,0,7,9,9\r\n");
    write_text(root, "train_val_list.txt", "1_0.png\n1_1.png\n2_0.png\n3_0.png\n3_1.png\n3_2.png\n4_0.png\r\n4_1.png\n");
    write_text(root, "test_list.txt", "5_0.png\n6_0.png\n6_1.png\n");
    write_png(root, "images/1_0.png", 1, 1);
    write_png(root, "images/1_1.png", 1, 2);
    write_png(root, "images_002/images/2_0.png", 1, 3);
    write_png(root, "images_002/images/3_0.PNG.png", 1, 3);
    write_png(root, "images/3_0.png", 1, 4);
    struct archive *archive = begin_archive(root, "images_001.tar.gz");
    add_png_member(archive, "images/3_1.png", 1, 5);
    add_png_member(archive, "images/._3_1.png", 1, 5);
    add_png_member(archive, "images/3_2.png", 1, 6);
    add_png_member(archive, "images/4_0.png", 1, 7);
    add_link(archive, "images/7_0.png", "/etc/passwd");
    add_member(archive, "images/README.txt", "hello", 5);
    end_archive(archive);
    archive = begin_archive(root, "images_002.tar.gz");
    add_png_member(archive, "../../4_1.png", 1, 8);
    add_png_member(archive, "5_0.png", 1, 9);
    add_png_member(archive, "/tmp/6_0.png", 1, 10);
    add_png_member(archive, "images/6_1.png", 1, 11);
    add_png_member(archive, "images/6_2.png", 1, 12);
    end_archive(archive);
}

#endif
