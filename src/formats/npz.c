/* The zip archive of an .npz file, by libarchive: the list of its arrays, and their values as streams. Each array is read
 * through an archive of its own, so that several can be read at once. */
#include "formats/npz.h"

#include "base/file.h"
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 16, ARRAY_LIMIT = 1024 };
static const char SUFFIX[] = ".npy";

static vt_status fail_damaged(struct archive *archive, const char *place) {
    const char *why = archive_error_string(archive);
    if (!why) why = "cannot be read";
    return vt_fail(VT_ERROR_INPUT, "%s: %.*s: expected a whole .npz file as numpy.savez writes it", place,
                   (int)strcspn(why, "\n"), why); /* some of libarchive's sentences end their line */
}

/* Only by the directory at the end of the file, so that arrays are passed over without being read. */
static vt_status open_zip(const char *path, struct archive **out) {
    struct archive *archive = archive_read_new();
    *out = archive;
    if (!archive) return vt_fail(VT_ERROR_MEMORY, "%s: no memory to open the file", path);
    archive_read_support_format_zip_seekable(archive);
    if (archive_read_open_filename(archive, path, BLOCK_BYTES) != ARCHIVE_OK) return fail_damaged(archive, path);
    return VT_OK;
}

/* Moves to the next array; *name is freed with free(), and NULL at the end. */
static vt_status next_array(struct archive *archive, const char *path, struct archive_entry **entry, char **name) {
    *name = NULL;
    for (;;) {
        int code = archive_read_next_header(archive, entry);
        if (code == ARCHIVE_EOF) return VT_OK;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return fail_damaged(archive, path);
        const char *member = archive_entry_pathname(*entry);
        if (!member) member = archive_entry_pathname_utf8(*entry); /* a UTF-8 name in a locale that is not */
        size_t length = member ? strlen(member) : 0, suffix = sizeof SUFFIX - 1;
        if (length <= suffix || strcmp(member + length - suffix, SUFFIX) != 0) continue;
        return vt_copy_string_n(member, length - suffix, name);
    }
}

static vt_status read_bytes(struct archive *archive, const char *place, void *out, size_t size) {
    for (size_t done = 0; done < size;) {
        la_ssize_t got = archive_read_data(archive, (uint8_t *)out + done, size - done);
        if (got < 0) return fail_damaged(archive, place);
        if (got == 0) return vt_fail(VT_ERROR_INPUT, "%s: ends too early; the file is cut or damaged", place);
        done += (size_t)got;
    }
    return VT_OK;
}

/* Reads the current array's header, and compares the size that it asks for with that of the member. */
static vt_status read_header(struct archive *archive, struct archive_entry *entry, const char *place, vt_npy_header *header) {
    uint8_t bytes[VT_NPY_HEADER_LIMIT];
    size_t length;
    VT_TRY(read_bytes(archive, place, bytes, VT_NPY_PREFIX));
    VT_TRY(vt_npy_header_bytes(bytes, place, &length));
    VT_TRY(read_bytes(archive, place, bytes + VT_NPY_PREFIX, length - VT_NPY_PREFIX));
    VT_TRY(vt_npy_parse_header(bytes, length, place, header));
    int64_t values = header->count * header->item_size, member = archive_entry_size(entry) - (int64_t)length;
    if (values == member) return VT_OK;
    return vt_fail(VT_ERROR_INPUT, "%s: holds %lld bytes of values, but its shape asks for %lld", place, (long long)member,
                   (long long)values);
}

vt_status vt_npz_list(const char *path, vt_strings *names) {
    struct archive *archive = NULL;
    uint64_t size;
    vt_status status;
    VT_TRY(vt_file_size(path, &size)); /* a file that is not there is another failure than one that is damaged */
    VT_TRY_GOTO(open_zip(path, &archive));
    for (;;) {
        struct archive_entry *entry;
        char *name;
        VT_TRY_GOTO(next_array(archive, path, &entry, &name));
        if (!name) break;
        status = names->count == ARRAY_LIMIT ? vt_fail(VT_ERROR_INPUT, "%s: has more than %d arrays", path, ARRAY_LIMIT)
                                             : vt_strings_add(names, name, strlen(name));
        free(name);
        if (status != VT_OK) goto done;
    }
done:
    archive_read_free(archive);
    return status;
}

struct vt_npz_array {
    struct archive *archive;
    char *place; /* "x.npz: array 'train_images'" */
    vt_npy_header header;
    uint64_t left; /* bytes of values */
};

static vt_status find_array(vt_npz_array *array, const char *path, const char *name) {
    for (;;) {
        struct archive_entry *entry;
        char *found;
        VT_TRY(next_array(array->archive, path, &entry, &found));
        if (!found) return vt_fail(VT_ERROR_INPUT, "%s: has no array '%s'", path, name);
        int same = strcmp(found, name) == 0;
        free(found);
        if (same) return read_header(array->archive, entry, array->place, &array->header);
    }
}

vt_status vt_npz_array_open(const char *path, const char *name, vt_npz_array **out) {
    vt_npz_array *array = NULL;
    vt_status status;
    *out = NULL;
    VT_TRY_GOTO(vt_allocate(&array, 1, sizeof *array, "an array"));
    VT_TRY_GOTO(vt_format(&array->place, "%s: array '%s'", path, name));
    VT_TRY_GOTO(open_zip(path, &array->archive));
    VT_TRY_GOTO(find_array(array, path, name));
    array->left = (uint64_t)array->header.count * (uint64_t)array->header.item_size;
    *out = array;
    return VT_OK;
done:
    vt_npz_array_close(array);
    return status;
}

void vt_npz_array_close(vt_npz_array *array) {
    if (!array) return;
    archive_read_free(array->archive);
    free(array->place);
    free(array);
}

const vt_npy_header *vt_npz_array_header(const vt_npz_array *array) {
    return &array->header;
}

vt_status vt_npz_array_read(vt_npz_array *array, void *values, size_t size) {
    uint8_t beyond;
    if (size > array->left) return vt_fail(VT_ERROR_INPUT, "%s: has no more values", array->place);
    VT_TRY(read_bytes(array->archive, array->place, values, size));
    array->left -= size;
    /* libarchive compares the checksum where the member ends. */
    if (array->left == 0 && archive_read_data(array->archive, &beyond, 1) < 0)
        return fail_damaged(array->archive, array->place);
    return VT_OK;
}
