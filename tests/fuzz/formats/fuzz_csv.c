/* Any bytes as a CSV file: rows to the end or to the first refusal, and each field quoted and read back. */
#include "formats/csv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "x,<field>" must come back as it was. */
static void quote_and_read(const char *field) {
    size_t length = strlen(field);
    char *text = malloc(2 * length + 3 + 2);
    vt_csv *csv;
    if (!text) return;
    memcpy(text, "x,", 2);
    vt_csv_quote(field, text + 2);
    if (vt_csv_parse(text, strlen(text), "quoted", &csv) != VT_OK || strcmp(vt_csv_column_name(csv, 1), field) != 0) abort();
    vt_csv_close(csv);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vt_csv *csv;
    const char *const *fields;
    int more = 1;
    if (vt_csv_parse(data, size, "fuzz", &csv) != VT_OK) return 0;
    while (vt_csv_next(csv, &fields, &more) == VT_OK && more)
        for (int i = 0; i < vt_csv_column_count(csv); i++) quote_and_read(fields[i]);
    vt_csv_close(csv);
    return 0;
}
