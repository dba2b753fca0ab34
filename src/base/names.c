/* The distance between a name that isn't known and those that are. */
#include "base/names.h"

#include <string.h>

size_t vt_edit_distance(const char *a, const char *b) {
    size_t row[65], length = strlen(b);
    if (length > 64) return length;
    for (size_t j = 0; j <= length; j++) row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t replaced = diagonal + (a[i] != b[j]), shorter = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            diagonal = row[j + 1];
            row[j + 1] = replaced < shorter ? replaced : shorter;
        }
    }
    return row[length];
}
