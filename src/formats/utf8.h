/* Whether bytes are UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF), and its byte-order mark. */
#ifndef VT_FORMATS_UTF8_H
#define VT_FORMATS_UTF8_H

#include <stddef.h>

/* The length of the longest valid prefix; `size` if all of it is UTF-8. */
size_t vt_utf8_valid_length(const void *text, size_t size);

/* The length of the byte-order mark that some editors put in front of a text; 0 if there is none. */
size_t vt_utf8_mark_length(const void *text, size_t size);

#endif
