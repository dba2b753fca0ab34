/* CSV (RFC 4180): quoted fields, doubled quotes, CRLF or LF, an optional byte-order mark, a header row. Blank lines are
 * skipped; the text must be UTF-8. */
#ifndef VT_FORMATS_CSV_H
#define VT_FORMATS_CSV_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

typedef struct vt_csv vt_csv;

/* Reads a file of at most 1 GiB and its header row. */
vt_status vt_csv_open(const char *path, vt_csv **out) VT_CHECKED;
vt_status vt_csv_parse(const void *data, size_t size, const char *name, vt_csv **out) VT_CHECKED; /* copies data */
void vt_csv_close(vt_csv *csv);                                                                   /* NULL allowed */

int vt_csv_column_count(const vt_csv *csv);
const char *vt_csv_column_name(const vt_csv *csv, int column);
/* The column called `name`, or -1. */
int vt_csv_find_column(const vt_csv *csv, const char *name);
/* As vt_csv_find_column, but absence is VT_ERROR_INPUT naming the file, the column and those that are there. */
vt_status vt_csv_require_column(const vt_csv *csv, const char *name, int *column) VT_CHECKED;

/* Reads the next row. fields [column_count] point to NUL-terminated text that lives until close. *more is 0 at the end.
 * A row with another number of fields than the header, or a quote never closed, is VT_ERROR_INPUT with its line. */
vt_status vt_csv_next(vt_csv *csv, const char *const **fields, int *more) VT_CHECKED;
int64_t vt_csv_line(const vt_csv *csv); /* line of the last row, from 1 */

#endif
