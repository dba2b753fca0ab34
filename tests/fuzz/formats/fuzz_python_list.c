/* Any text as a Python list. */
#include "formats/python_list.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *list;
    char *text = malloc(size + 1);
    if (!text) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    vt_status status = vt_python_list_parse(text, "fuzz", &list);
    if ((status == VT_OK) != json_is_array(list)) abort();
    if (status != VT_OK && !vt_error_message()[0]) abort();
    json_decref(list);
    free(text);
    return 0;
}
