/* Any bytes as a CSV file: rows to the end or to the first refusal, every field read to its end. */
#include "formats/csv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vt_csv *csv;
    const char *const *fields;
    int more = 1;
    size_t length = 0;
    if (vt_csv_parse(data, size, "fuzz", &csv) != VT_OK) return 0;
    while (vt_csv_next(csv, &fields, &more) == VT_OK && more)
        for (int i = 0; i < vt_csv_column_count(csv); i++) length += strlen(fields[i]);
    vt_csv_close(csv);
    if (length > size) abort(); /* fields lie within the file, none twice */
    return 0;
}
