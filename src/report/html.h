/* Pieces of a page of HTML: escaped text, tables of two columns, figures with their pictures inside. */
#ifndef VT_REPORT_HTML_H
#define VT_REPORT_HTML_H

#include "base/json.h"
#include "base/memory.h"
#include <stdarg.h>

/* From the doctype to the opened body, style included. */
vt_status vt_html_begin(vt_text *page, const char *title) VT_CHECKED;
vt_status vt_html_end(vt_text *page, const char *closing_line) VT_CHECKED;

/* `text` with &, <, > and quotes escaped. */
vt_status vt_html_escape(vt_text *page, const char *text) VT_CHECKED;

/* The same for formatted text, cut at 4 KB. */
vt_status vt_html_escape_formatted(vt_text *page, const char *format, va_list arguments) VT_CHECKED VT_PRINTF(2, 0);

/* <h2>title</h2> */
vt_status vt_html_heading(vt_text *page, const char *title) VT_CHECKED;

/* One row: name, value. */
vt_status vt_html_row(vt_text *page, const char *name, const char *format, ...) VT_CHECKED VT_PRINTF(3, 4);

/* A row for each member of an object that is a number, text, truth value or null. */
vt_status vt_html_rows(vt_text *page, const json_t *object) VT_CHECKED;

/* folder/file (.svg or .png) as a figure, its bytes inside the page; nothing if there is no such file. */
vt_status vt_html_figure(vt_text *page, const char *folder, const char *file, const char *caption) VT_CHECKED;

#endif
