/* Names that users mistype. */
#ifndef VT_BASE_NAMES_H
#define VT_BASE_NAMES_H

#include <stddef.h>

/* How many letters must be inserted, removed or replaced to turn a into b (Levenshtein 1966); b's length where that is above
 * 64. */
size_t vt_edit_distance(const char *a, const char *b);

#endif
