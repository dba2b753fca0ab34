/* Whether bytes are UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
#ifndef VT_FORMATS_UTF8_H
#define VT_FORMATS_UTF8_H

#include <stddef.h>

/* The length of the longest valid prefix; `size` if all of it is UTF-8. */
size_t vt_utf8_valid_length(const void *text, size_t size);

#endif
