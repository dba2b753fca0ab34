/* Any bytes as a DICOM file: a decoded image must be whole. What GDCM does with them happens in a process of its own, in which
 * it may crash. */
#include "data/image/image_formats.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vt_encoded_image encoded = {.data = data, .size = size, .name = "fuzz"};
    vt_decoded_image decoded;
    if (size < 132) return 0; /* vt_image_read() has looked for the mark behind the preamble */
    if (vt_dicom_decode(&encoded, &decoded) != VT_OK) {
        if (decoded.image.pixels || !vt_error_message()[0]) abort();
        return 0;
    }
    vt_image small;
    if (vt_image_resize(&decoded.image, 7, 5, VT_RESAMPLE_BILINEAR, &small) != VT_OK) abort(); /* which reads every pixel */
    vt_image_free(&small);
    vt_image_free(&decoded.image);
    return 0;
}
