/* Lists of names as options have them: "A,B", and "\"A, B\",C" where a name contains a comma. */
#ifndef VT_DATA_NAME_LIST_H
#define VT_DATA_NAME_LIST_H

#include "base/memory.h"

/* Adds the names of `list`, without the blanks around them. A name may stand in quotes, as in CSV: it is taken as it is, and ""
 * in it is one quote; a '-' before the quotes stays in front of it. Quotes that don't close, or are followed by more than
 * blanks, are VT_ERROR_USAGE; `option` is for the sentence. */
vt_status vt_name_list_split(const char *list, const char *option, vt_strings *names) VT_CHECKED;

#endif
