/* Labels of one image as label files write them. Which cell or member holds them is for the layouts. */
#include "data/source/label_cell.h"

#include "formats/python_list.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CLASS_LIMIT = 65536 };

bool vt_is_missing(const char *cell) {
    static const char *const words[] = {"", "nan", "null", "none", "na", "n/a"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(cell, words[i]) == 0) return true;
    return false;
}

bool vt_label_reader_passes_over(vt_label_reader *reader) {
    if (reader->source->options->missing == VT_UNKNOWN_ZERO) return false;
    reader->unlabelled++;
    return true;
}

static vt_status fail_shape(const vt_label_reader *reader, int64_t line, const char *found) {
    static const char *const shapes[] = {"labels", "a text such as A|B|C", "a list of names", "a list of 0 and 1",
                                         "the number of a class"};
    return vt_fail(VT_ERROR_INPUT, "%s:%lld: the labels are %s; expected %s, as in the first row", reader->path,
                   (long long)line, found, shapes[reader->shape]);
}

/* Makes LABEL_0 ... LABEL_<count - 1> known. */
static vt_status declare_numbered_labels(vt_source *source, size_t count) {
    char name[32];
    while (source->labels.count < count) {
        int length = snprintf(name, sizeof name, "LABEL_%zu", source->labels.count);
        VT_TRY(vt_map_set(source->by_label, name, (size_t)length, (int64_t)source->labels.count));
        VT_TRY(vt_strings_add(&source->labels, name, (size_t)length));
    }
    source->numeric_labels = 1;
    return VT_OK;
}

static vt_status add_class_number(vt_label_reader *reader, int64_t number, int64_t line) {
    vt_source *source = reader->source;
    if (reader->shape == VT_LABELS_UNDECIDED) reader->shape = VT_LABELS_CLASS_NUMBER;
    if (reader->shape != VT_LABELS_CLASS_NUMBER) return fail_shape(reader, line, "a number");
    if (number == -1) return VT_OK; /* nobody knows the class */
    if (number < 0 || number >= CLASS_LIMIT)
        return vt_fail(VT_ERROR_INPUT, "%s:%lld: class %lld; expected a number from 0 to %d, or -1 for none", reader->path,
                       (long long)line, (long long)number, CLASS_LIMIT - 1);
    VT_TRY(declare_numbered_labels(source, (size_t)number + 1));
    return vt_source_add_label(source, source->labels.items[number], strlen(source->labels.items[number]));
}

static vt_status add_text(vt_label_reader *reader, const char *text, int64_t line) {
    if (reader->shape == VT_LABELS_UNDECIDED) reader->shape = VT_LABELS_TEXT;
    if (reader->shape != VT_LABELS_TEXT) return fail_shape(reader, line, "a text");
    if (strchr(text, '|')) reader->several = true;
    return vt_source_add_label_text(reader->source, text, reader->path, line);
}

/* Blanks around names are left out; so are names of blanks alone, which PadChest has among others. */
static vt_status add_names(vt_label_reader *reader, const json_t *list, int64_t line) {
    size_t i;
    json_t *name;
    json_array_foreach(list, i, name) {
        if (!json_is_string(name)) return fail_shape(reader, line, "a list of mixed kinds");
        const char *text = json_string_value(name);
        size_t length = json_string_length(name);
        while (length > 0 && isspace((unsigned char)text[0])) text++, length--;
        while (length > 0 && isspace((unsigned char)text[length - 1])) length--;
        if (length > 0) VT_TRY(vt_source_add_label(reader->source, text, length));
    }
    return VT_OK;
}

static vt_status add_n_hot(vt_label_reader *reader, const json_t *list, int64_t line) {
    size_t i, length = json_array_size(list);
    json_t *number;
    vt_source *source = reader->source;
    if (reader->n_hot_length == 0) reader->n_hot_length = length;
    if (length != reader->n_hot_length || length > CLASS_LIMIT)
        return vt_fail(VT_ERROR_INPUT, "%s:%lld: %zu labels; expected %zu, as in the first row", reader->path, (long long)line,
                       length, length > CLASS_LIMIT ? (size_t)CLASS_LIMIT : reader->n_hot_length);
    VT_TRY(declare_numbered_labels(source, length));
    json_array_foreach(list, i, number) {
        if (!json_is_number(number) && !json_is_boolean(number) && !json_is_null(number))
            return fail_shape(reader, line, "a list of mixed kinds");
        double value = json_is_null(number)      ? NAN
                       : json_is_boolean(number) ? (double)json_is_true(number)
                                                 : json_number_value(number);
        VT_TRY(
            vt_source_add_value(source, source->labels.items[i], strlen(source->labels.items[i]), value, reader->path, line));
    }
    return VT_OK;
}

static vt_status add_list(vt_label_reader *reader, const json_t *list, int64_t line) {
    vt_label_shape shape = json_is_string(json_array_get(list, 0)) ? VT_LABELS_NAMES : VT_LABELS_N_HOT;
    reader->several = true;
    if (json_array_size(list) == 0 && reader->shape != VT_LABELS_N_HOT) return VT_OK; /* an image without any label */
    if (reader->shape == VT_LABELS_UNDECIDED) reader->shape = shape;
    if (reader->shape != shape) return fail_shape(reader, line, shape == VT_LABELS_NAMES ? "a list of names" : "a list");
    return shape == VT_LABELS_NAMES ? add_names(reader, list, line) : add_n_hot(reader, list, line);
}

vt_status vt_label_reader_add_json(vt_label_reader *reader, const json_t *labels, int64_t line) {
    if (json_is_array(labels)) return add_list(reader, labels, line);
    if (json_is_integer(labels)) return add_class_number(reader, json_integer_value(labels), line);
    if (json_is_string(labels)) return add_text(reader, json_string_value(labels), line);
    if (json_is_null(labels)) return VT_OK;
    return vt_fail(VT_ERROR_INPUT,
                   "%s:%lld: the labels are of another kind; expected a text such as A|B|C, a list of names, a list of 0 and "
                   "1, or one class",
                   reader->path, (long long)line);
}

/* A list in JSON, or else as Python writes it. */
static vt_status add_list_cell(vt_label_reader *reader, const char *cell, int64_t line) {
    char *place;
    json_t *list = NULL;
    VT_TRY(vt_format(&place, "%s:%lld: the list of labels", reader->path, (long long)line));
    vt_status status = vt_json_parse_list(cell, strlen(cell), place, &list);
    if (status != VT_OK) status = vt_python_list_parse(cell, place, &list);
    free(place);
    VT_TRY(status);
    status = add_list(reader, list, line);
    json_decref(list);
    return status;
}

vt_status vt_label_reader_add_cell(vt_label_reader *reader, const char *cell, int64_t line) {
    char *end;
    if (cell[0] == '[') return add_list_cell(reader, cell, line);
    if (vt_is_missing(cell)) return VT_OK;
    long long number = strtoll(cell, &end, 10);
    bool is_number = isdigit((unsigned char)cell[cell[0] == '-']) && *end == '\0';
    if (is_number && reader->shape != VT_LABELS_TEXT) return add_class_number(reader, number, line);
    return add_text(reader, cell, line);
}
