/* A growing line of text, with the quoting that CSV and JSON need. Out of memory is remembered, not returned: ask
 * text_failed() once, at the end. */
#ifndef VT_CLI_TEXT_H
#define VT_CLI_TEXT_H

#include "vitrain/status.h"
#include <stddef.h>

typedef struct text {
    char *data; /* NUL-terminated once anything is added */
    size_t length, capacity;
    int failed;
} text;

void text_add(text *line, const char *format, ...) VT_PRINTF(2, 3);
void text_add_csv(text *line, const char *field); /* quoted where RFC 4180 asks for it */
/* In quotes, escaped; a byte that is not UTF-8 becomes \udcNN, as Python's file names have it. */
void text_add_json(text *line, const char *string);
void text_add_printable(text *line, const char *string); /* safe to show on a terminal */
void text_clear(text *line);                             /* empties it for the next line */
int text_failed(const text *line);
void text_free(text *line);

#endif
