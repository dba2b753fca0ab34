/* CSV, parsed in place: a field's text is unquoted where it stands and ended by a NUL. Blank lines are skipped, as
 * Python's csv.DictReader skips them; the text must be UTF-8 without NUL bytes. What the columns mean is for others. */
#include "formats/csv.h"

#include "base/file.h"
#include "base/memory.h"
#include "formats/utf8.h"

#include <stdlib.h>
#include <string.h>

static const size_t SIZE_LIMIT = (size_t)1 << 30;
enum { COLUMN_LIMIT = 65536 };

struct vt_csv {
    char *name;
    uint8_t *data;                  /* owned; all text below points into it */
    char *next;                     /* what is to be parsed next; NUL at the end of the file */
    int64_t next_line;              /* line of `next`, from 1 */
    int64_t line;                   /* line on which the last row begins */
    const char **columns, **fields; /* [column_count] */
    size_t column_count;
};

static vt_status check_text(const vt_csv *csv, size_t size) {
    const uint8_t *zero = memchr(csv->data, 0, size);
    size_t bad = zero ? (size_t)(zero - csv->data) : vt_utf8_valid_length(csv->data, size);
    if (bad == size) return VT_OK;
    int64_t line = 1;
    for (size_t i = 0; i < bad; i++) line += csv->data[i] == '\n';
    return vt_fail(VT_ERROR_INPUT, "%s:%lld: %s", csv->name, (long long)line,
                   zero ? "a NUL byte; a CSV file holds text only" : "text that is not UTF-8; save the file as UTF-8");
}

/* Unquotes the text behind the opening quote at `open`, in place. *end is just behind the closing quote, *stop where the
 * unquoted text ends. */
static vt_status unquote(vt_csv *csv, char *open, char **end, char **stop) {
    int64_t opened = csv->next_line;
    char *from = open + 1, *to = from;
    for (;; from++) {
        if (*from == '\0') return vt_fail(VT_ERROR_INPUT, "%s:%lld: a quote is never closed", csv->name, (long long)opened);
        if (*from == '\n') csv->next_line++;
        if (*from == '"' && *++from != '"') break;
        *to++ = *from;
    }
    if (*from != ',' && *from != '\r' && *from != '\n' && *from != '\0')
        return vt_fail(VT_ERROR_INPUT, "%s:%lld: text after a closing quote; a quote inside a quoted field is doubled",
                       csv->name, (long long)csv->next_line);
    *end = from;
    *stop = to;
    return VT_OK;
}

/* Parses the field at csv->next and its separator; *last tells whether it ends the row. */
static vt_status read_field(vt_csv *csv, const char **field, int *last) {
    char *text = csv->next, *end = text, *stop = text;
    if (*text == '"') {
        VT_TRY(unquote(csv, text, &end, &stop));
        text++;
    } else {
        end = stop = text + strcspn(text, ",\r\n");
    }
    if (*end == '\r' && end[1] != '\n')
        return vt_fail(VT_ERROR_INPUT, "%s:%lld: a carriage return alone; lines end in LF or CRLF", csv->name,
                       (long long)csv->next_line);
    *last = *end != ',';
    csv->next = end + (*end == '\0' ? 0 : *end == '\r' ? 2 : 1);
    if (*end == '\r' || *end == '\n') csv->next_line++;
    *stop = '\0';
    *field = text;
    return VT_OK;
}

/* Moves to the next line that is not blank; false at the end of the file. */
static int find_row(vt_csv *csv) {
    for (;;) {
        size_t blank = csv->next[0] == '\n' ? 1 : csv->next[0] == '\r' && csv->next[1] == '\n' ? 2 : 0;
        if (blank == 0) break;
        csv->next += blank;
        csv->next_line++;
    }
    csv->line = csv->next_line;
    return *csv->next != '\0';
}

static vt_status read_header(vt_csv *csv) {
    if (!find_row(csv)) return vt_fail(VT_ERROR_INPUT, "%s: is empty; the first row must name the columns", csv->name);
    size_t capacity = 0;
    for (int last = 0; !last;) {
        if (csv->column_count == COLUMN_LIMIT)
            return vt_fail(VT_ERROR_INPUT, "%s:%lld: more than %d columns", csv->name, (long long)csv->line, COLUMN_LIMIT);
        VT_TRY(vt_grow(&csv->columns, &capacity, csv->column_count + 1, sizeof *csv->columns, "the columns of a CSV file"));
        VT_TRY(read_field(csv, &csv->columns[csv->column_count], &last));
        csv->column_count++;
    }
    return vt_allocate(&csv->fields, csv->column_count, sizeof *csv->fields, "the fields of a CSV row");
}

/* Takes over `data` (NUL-terminated past `size`), also when it fails. */
static vt_status create(uint8_t *data, size_t size, const char *name, vt_csv **out) {
    vt_csv *csv = NULL;
    vt_status status = vt_allocate(&csv, 1, sizeof *csv, "a CSV reader");
    if (status != VT_OK) {
        free(data);
        return status;
    }
    csv->data = data;
    csv->next_line = 1;
    csv->next = (char *)data + vt_utf8_mark_length(data, size);
    VT_TRY_GOTO(vt_copy_string(name, &csv->name));
    VT_TRY_GOTO(check_text(csv, size));
    status = read_header(csv);
done:
    if (status != VT_OK) {
        vt_csv_close(csv);
        csv = NULL;
    }
    *out = csv;
    return status;
}

vt_status vt_csv_open(const char *path, vt_csv **out) {
    uint8_t *data = NULL;
    size_t size = 0;
    *out = NULL;
    VT_TRY(vt_read_file(path, SIZE_LIMIT, &data, &size));
    return create(data, size, path, out);
}

vt_status vt_csv_parse(const void *data, size_t size, const char *name, vt_csv **out) {
    uint8_t *copy = NULL;
    *out = NULL;
    if (size > SIZE_LIMIT) return vt_fail(VT_ERROR_INPUT, "%s: has %zu bytes, at most 1 GiB can be read", name, size);
    VT_TRY(vt_allocate(&copy, size + 1, 1, "a CSV file"));
    if (size > 0) memcpy(copy, data, size);
    return create(copy, size, name, out);
}

void vt_csv_close(vt_csv *csv) {
    if (!csv) return;
    free(csv->fields);
    free(csv->columns);
    free(csv->data);
    free(csv->name);
    free(csv);
}

int vt_csv_column_count(const vt_csv *csv) {
    return (int)csv->column_count;
}
const char *vt_csv_column_name(const vt_csv *csv, int column) {
    return csv->columns[column];
}
int64_t vt_csv_line(const vt_csv *csv) {
    return csv->line;
}

int vt_csv_find_column(const vt_csv *csv, const char *name) {
    for (size_t i = 0; i < csv->column_count; i++)
        if (strcmp(csv->columns[i], name) == 0) return (int)i;
    return -1;
}

vt_status vt_csv_require_column(const vt_csv *csv, const char *name, int *column) {
    *column = vt_csv_find_column(csv, name);
    if (*column < 0) {
        vt_text there = {0};
        vt_status status = VT_OK;
        for (size_t i = 0; i < csv->column_count && status == VT_OK; i++)
            status = vt_text_add(&there, "%s'%s'", i > 0 ? ", " : "", csv->columns[i]);
        if (status == VT_OK)
            status = vt_fail(VT_ERROR_INPUT, "%s: has no column '%s'; its columns are %s", csv->name, name, there.data);
        vt_text_free(&there);
        return status;
    }
    for (size_t i = (size_t)*column + 1; i < csv->column_count; i++)
        if (strcmp(csv->columns[i], name) == 0)
            return vt_fail(VT_ERROR_INPUT, "%s: has two columns called '%s'", csv->name, name);
    return VT_OK;
}

vt_status vt_csv_next(vt_csv *csv, const char *const **fields, int *more) {
    *fields = csv->fields;
    *more = find_row(csv);
    if (!*more) return VT_OK;
    size_t count = 0;
    for (int last = 0; !last; count++) {
        const char *field = NULL;
        VT_TRY(read_field(csv, &field, &last));
        if (count < csv->column_count) csv->fields[count] = field;
    }
    if (count != csv->column_count)
        return vt_fail(VT_ERROR_INPUT, "%s:%lld: the row has %zu field%s, the header has %zu", csv->name, (long long)csv->line,
                       count, count == 1 ? "" : "s", csv->column_count);
    return VT_OK;
}
