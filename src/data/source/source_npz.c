/* MedMNIST's layout: one .npz file with train_images and train_labels, val_..., test_...; images are rows of an array, so they
 * are called "train/000000" and so on. Labels of the shape (n, 1) are classes, of (n, labels) 0 and 1; the files don't name
 * them, but those of the published sets are known. */
#include "data/source/source.h"

#include "base/file.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/image/image_formats.h"
#include "data/stream/npz_images.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_LIMIT = 65536, NAME_SIZE = 32 };

static const struct npz_part_name {
    const char *images, *labels;
    const char *folder; /* in the names of images */
} part_names[VT_PART_COUNT] = {[VT_PART_TRAIN] = {"train_images", "train_labels", "train"},
                               [VT_PART_VALIDATION] = {"val_images", "val_labels", "val"},
                               [VT_PART_TEST] = {"test_images", "test_labels", "test"}};

typedef struct npz_part {
    bool there;
    int64_t rows;
    uint64_t image_bytes;   /* of all rows */
    char *labels_place;     /* "x.npz: array 'train_labels'" */
    vt_npy_header labels;   /* of the array of labels */
    size_t label_row_bytes; /* of a row of it */
} npz_part;

typedef struct npz_reader {
    vt_source *source;
    char *path;
    uint64_t file_bytes;
    npz_part parts[VT_PART_COUNT];
    int64_t label_columns; /* 1: classes */
    int label_count;
    const char *const *names; /* [label_count], or NULL: LABEL_0, ... */
    int64_t rows;             /* of all parts */
} npz_reader;

/* --- the file --- */

static vt_status list_npz(const char *folder, vt_strings *found) {
    vt_strings names = {0};
    vt_status status;
    VT_TRY_GOTO(vt_list_folder(folder, &names));
    for (size_t i = 0; i < names.count; i++)
        if (names.items[i][0] != '.' && vt_has_suffix(names.items[i], ".npz"))
            VT_TRY_GOTO(vt_strings_add(found, names.items[i], strlen(names.items[i])));
done:
    vt_strings_free(&names);
    return status;
}

bool vt_source_is_npz(const char *root) {
    vt_strings found = {0};
    if (!vt_is_folder(root)) return vt_has_suffix(root, ".npz");
    /* Several are recognised here and refused, with a sentence, when they are read. */
    bool is = list_npz(root, &found) == VT_OK && found.count > 0;
    vt_strings_free(&found);
    return is;
}

static vt_status find_file(const char *root, char **path) {
    vt_strings found = {0};
    vt_status status;
    if (!vt_is_folder(root)) return vt_copy_string(root, path);
    VT_TRY_GOTO(list_npz(root, &found));
    if (found.count != 1)
        VT_TRY_GOTO(vt_fail(VT_ERROR_INPUT, "%s: has %zu .npz files in it; name the one to prepare, such as %s/%s", root,
                            found.count, root, found.count ? found.items[0] : "chestmnist.npz"));
    status = vt_join(root, found.items[0], path);
done:
    vt_strings_free(&found);
    return status;
}

/* --- its arrays --- */

static vt_status read_header(const char *path, const char *name, vt_npy_header *header) {
    vt_npz_array *array;
    VT_TRY(vt_npz_array_open(path, name, &array));
    *header = *vt_npz_array_header(array);
    vt_npz_array_close(array);
    return VT_OK;
}

/* A file of so many bytes can't hold more of an array: neither by deflate's limit, nor, for rows, because even an image of one
 * colour takes three quarters of a byte (28 x 28, deflated). */
static vt_status check_plausible(const npz_reader *reader, const char *name, const vt_npy_header *header) {
    uint64_t bytes = (uint64_t)header->count * (uint64_t)header->item_size;
    if (bytes / VT_DEFLATE_LIMIT <= reader->file_bytes && (uint64_t)header->shape[0] / 2 <= reader->file_bytes) return VT_OK;
    return vt_fail(VT_ERROR_INPUT, "%s: array '%s': claims %lld rows, more than a file of %llu bytes can hold", reader->path,
                   name, (long long)header->shape[0], (unsigned long long)reader->file_bytes);
}

/* The labels must be one or more for each image, as many as in the other parts. */
static vt_status check_labels(npz_reader *reader, npz_part *part) {
    const vt_npy_header *labels = &part->labels;
    char shape[VT_NPY_SHAPE_TEXT];
    int64_t columns = labels->rank == 1 ? 1 : labels->shape[1];
    vt_npy_shape_text(labels, shape);
    if (labels->rank < 1 || labels->rank > 2 || labels->shape[0] != part->rows || columns < 1 || columns > LABEL_LIMIT)
        return vt_fail(VT_ERROR_INPUT, "%s: has the shape %s; expected (%lld, 1) for classes or (%lld, labels)",
                       part->labels_place, shape, (long long)part->rows, (long long)part->rows);
    if (reader->label_columns != 0 && reader->label_columns != columns)
        return vt_fail(VT_ERROR_INPUT, "%s: has %lld labels per image, but another part has %lld", part->labels_place,
                       (long long)columns, (long long)reader->label_columns);
    reader->label_columns = columns;
    part->label_row_bytes = (size_t)columns * (size_t)labels->item_size;
    return VT_OK;
}

static vt_status open_part(npz_reader *reader, vt_part number) {
    const struct npz_part_name *names = &part_names[number];
    npz_part *part = &reader->parts[number];
    vt_npy_header images;
    vt_image shape;
    char *place;
    part->there = true;
    VT_TRY(read_header(reader->path, names->images, &images));
    VT_TRY(vt_format(&place, "%s: array '%s'", reader->path, names->images));
    vt_status status = vt_npz_image_shape(&images, place, &shape);
    free(place);
    VT_TRY(status);
    part->rows = images.shape[0];
    part->image_bytes = (uint64_t)images.count;
    reader->rows += part->rows;
    VT_TRY(check_plausible(reader, names->images, &images));
    VT_TRY(vt_format(&part->labels_place, "%s: array '%s'", reader->path, names->labels));
    VT_TRY(read_header(reader->path, names->labels, &part->labels));
    VT_TRY(check_labels(reader, part));
    return check_plausible(reader, names->labels, &part->labels);
}

static bool is_listed(const vt_strings *names, const char *name) {
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0) return true;
    return false;
}

static vt_status fail_arrays(const npz_reader *reader, const vt_strings *arrays) {
    enum { NAMED = 8 };
    vt_text list = {0};
    vt_status status = VT_OK;
    for (size_t i = 0; i < arrays->count && i < NAMED && status == VT_OK; i++)
        status = vt_text_add(&list, "%s'%s'", i ? ", " : "", arrays->items[i]);
    if (status == VT_OK)
        status =
            vt_fail(VT_ERROR_INPUT,
                    "%s: expected the arrays 'train_images' and 'train_labels', and the like for val and test, as MedMNIST "
                    "has them; it has %s%s",
                    reader->path, arrays->count ? list.data : "none", arrays->count > NAMED ? ", ..." : "");
    vt_text_free(&list);
    return status;
}

static vt_status open_parts(npz_reader *reader) {
    vt_strings arrays = {0};
    vt_status status;
    bool any = false, half = false;
    VT_TRY_GOTO(vt_npz_list(reader->path, &arrays));
    for (int i = 0; i < VT_PART_COUNT; i++) {
        bool images = is_listed(&arrays, part_names[i].images), labels = is_listed(&arrays, part_names[i].labels);
        any = any || images;
        half = half || images != labels;
    }
    if (!any || half) VT_TRY_GOTO(fail_arrays(reader, &arrays));
    for (int i = 0; i < VT_PART_COUNT; i++)
        if (is_listed(&arrays, part_names[i].images)) VT_TRY_GOTO(open_part(reader, (vt_part)i));
done:
    vt_strings_free(&arrays);
    return status;
}

/* --- labels --- */

/* Calls use(reader, part, row, values) for every row of a part's labels. values [label_columns], in the array's type */
static vt_status for_each_row(npz_reader *reader, vt_part number,
                              vt_status (*use)(npz_reader *reader, vt_part number, int64_t row, const uint8_t *values)) {
    const npz_part *part = &reader->parts[number];
    vt_npz_array *array = NULL;
    uint8_t *values = NULL;
    vt_status status;
    VT_TRY_GOTO(vt_allocate(&values, part->label_row_bytes, 1, "labels"));
    VT_TRY_GOTO(vt_npz_array_open(reader->path, part_names[number].labels, &array));
    for (int64_t row = 0; row < part->rows; row++) {
        if (vt_stop_requested()) VT_TRY_GOTO(vt_fail(VT_ERROR_INTERRUPTED, "%s: stopped while reading labels", reader->path));
        VT_TRY_GOTO(vt_npz_array_read(array, values, part->label_row_bytes));
        VT_TRY_GOTO(use(reader, number, row, values));
    }
done:
    vt_npz_array_close(array);
    free(values);
    return status;
}

static bool is_unknown_class(double value) {
    return isnan(value) || value == -1.0;
}

/* label_count becomes one more than the highest class. */
static vt_status note_class(npz_reader *reader, vt_part number, int64_t row, const uint8_t *values) {
    const npz_part *part = &reader->parts[number];
    double value = vt_npy_value(&part->labels, values);
    if (is_unknown_class(value)) return VT_OK;
    if (!(value >= 0 && value < LABEL_LIMIT && value == floor(value)))
        return vt_fail(VT_ERROR_INPUT, "%s: row %lld: %g is no class; expected whole numbers from 0 to %d, or -1 or NaN",
                       part->labels_place, (long long)row, value, LABEL_LIMIT - 1);
    if (value + 1 > reader->label_count) reader->label_count = (int)value + 1;
    return VT_OK;
}

/* Counts the labels, and finds their names if they are published. */
static vt_status name_labels(npz_reader *reader) {
    int published;
    const char *const *names = vt_medmnist_labels(reader->path, &published);
    bool classes = reader->label_columns == 1;
    reader->label_count = classes ? 0 : (int)reader->label_columns;
    for (int i = 0; i < VT_PART_COUNT && classes; i++)
        if (reader->parts[i].there) VT_TRY(for_each_row(reader, (vt_part)i, note_class));
    if (!names || (classes ? published < reader->label_count : published != reader->label_count)) return VT_OK;
    reader->names = names;
    reader->label_count = published;
    return VT_OK;
}

/* The name of a label, or else its number in `buffer`. */
static const char *label_name(const npz_reader *reader, int label, char buffer[NAME_SIZE]) {
    if (reader->names) return reader->names[label];
    snprintf(buffer, NAME_SIZE, "LABEL_%d", label);
    return buffer;
}

/* Adds an image and its labels. Every label is declared with the first image, so that they keep the order of their numbers. */
static vt_status add_row(npz_reader *reader, vt_part number, int64_t row, const uint8_t *values) {
    const npz_part *part = &reader->parts[number];
    vt_source *source = reader->source;
    char key[NAME_SIZE], buffer[NAME_SIZE];
    bool classes = reader->label_columns == 1, first = source->count == 0;
    double only = vt_npy_value(&part->labels, values);
    snprintf(key, sizeof key, "%s/%06lld", part_names[number].folder, (long long)row);
    VT_TRY(vt_source_add(source, key, part->labels_place, row));
    VT_TRY(vt_files_add_row(&source->files, key));
    source->items[source->count - 1].part = number;
    for (int label = 0; label < reader->label_count && (first || !classes); label++) {
        const char *name = label_name(reader, label, buffer);
        double value = classes ? 0.0 : vt_npy_value(&part->labels, values + (size_t)label * (size_t)part->labels.item_size);
        VT_TRY(vt_source_add_value(source, name, strlen(name), value, part->labels_place, row));
    }
    if (!classes || is_unknown_class(only)) return VT_OK;
    const char *name = label_name(reader, (int)only, buffer);
    return vt_source_add_label(source, name, strlen(name));
}

static vt_status add_part(npz_reader *reader, vt_part number) {
    const npz_part *part = &reader->parts[number];
    vt_container container = {.kind = VT_CONTAINER_NPZ,
                              .path = reader->path,
                              .member = (char *)part_names[number].images,
                              .bytes = part->image_bytes,
                              .first_file = -1};
    VT_TRY(vt_files_add_container(&reader->source->files, &container));
    return for_each_row(reader, number, add_row);
}

/* --- all of it --- */

static void say_found(const npz_reader *reader, const vt_console *console) {
    char count[32], what[64];
    vt_format_count(reader->rows, count);
    if (reader->label_columns == 1)
        snprintf(what, sizeof what, "%d classes", reader->label_count);
    else
        snprintf(what, sizeof what, "%d labels per image", reader->label_count);
    vt_say(console, "%s: MedMNIST's arrays: %s images, %s, %s", reader->path, count, what,
           reader->names ? "named as published" : "which the file doesn't name");
}

static vt_status read_all(npz_reader *reader, const vt_console *console) {
    vt_source *source = reader->source;
    VT_TRY(find_file(source->root, &reader->path));
    VT_TRY(vt_file_size(reader->path, &reader->file_bytes));
    VT_TRY(open_parts(reader));
    VT_TRY(name_labels(reader));
    source->has_folders = 1;
    source->numeric_labels = 1;
    source->single_label = reader->label_columns == 1;
    for (int i = 0; i < VT_PART_COUNT; i++)
        if (reader->parts[i].there) VT_TRY(add_part(reader, (vt_part)i));
    say_found(reader, console);
    return VT_OK;
}

vt_status vt_source_read_npz(vt_source *source, const vt_console *console) {
    npz_reader reader = {.source = source};
    vt_status status = read_all(&reader, console);
    for (int i = 0; i < VT_PART_COUNT; i++) free(reader.parts[i].labels_place);
    free(reader.path);
    return status;
}
