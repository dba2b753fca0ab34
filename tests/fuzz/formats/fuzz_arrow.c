/* Any bytes as an Arrow stream: every value handed out must be readable, and every string UTF-8. */
#include "formats/arrow.h"
#include "formats/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_rows(const vt_arrow_reader *reader) {
    for (int64_t row = 0; row < vt_arrow_reader_rows(reader); row++) {
        for (int field = 0; field < vt_arrow_reader_field_count(reader); field++) {
            vt_arrow_value value = vt_arrow_reader_get(reader, field, row);
            volatile uint8_t last = 0;
            if (value.size > 0) last = ((const uint8_t *)value.data)[value.size - 1];
            (void)last;
            if (vt_arrow_reader_field(reader, field)->kind == VT_ARROW_STRING &&
                vt_utf8_valid_length(value.data, value.size) != value.size)
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *aligned;
    vt_arrow_reader *reader;
    if (posix_memalign((void **)&aligned, 64, size + (size == 0)) != 0) return 0;
    if (size > 0) memcpy(aligned, data, size);
    if (vt_arrow_reader_parse(aligned, size, "fuzz", &reader) == VT_OK)
        read_rows(reader);
    else
        reader = NULL;
    vt_arrow_reader_close(reader);
    free(aligned);
    return 0;
}
