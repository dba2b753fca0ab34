/* Any bytes as the header of a .npy array: what is accepted describes an array whose size can be computed. */
#include "formats/npz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vt_npy_header header;
    char shape[VT_NPY_SHAPE_TEXT];
    if (vt_npy_parse_header(data, size, "fuzz", &header) != VT_OK) return 0;
    vt_npy_shape_text(&header, shape);
    if (header.rank > VT_NPY_RANK_LIMIT || header.count < 0 || header.count > INT64_MAX / header.item_size) abort();
    if (!vt_npy_type_name(&header) || !strchr(shape, ')')) abort();
    return 0;
}
