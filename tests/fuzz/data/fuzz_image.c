/* Any bytes as an image: a decoded one must be whole, and survive resizing and encoding. */
#include "data/image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const vt_image *image) {
    vt_image small, again;
    uint8_t *png;
    size_t png_size;
    if (vt_image_resize(image, 7, 5, (vt_resample)(image->width % 6), &small) != VT_OK) abort();
    if (vt_image_encode_png(&small, &png, &png_size) != VT_OK) abort();
    if (vt_image_decode(png, png_size, "fuzz", &again) != VT_OK || again.width != 7 || again.height != 5) abort();
    free(png);
    vt_image_free(&small);
    vt_image_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vt_image image;
    if (vt_image_decode(data, size, "fuzz", &image) == VT_OK)
        use(&image);
    else if (image.pixels || !vt_error_message()[0])
        abort();
    vt_image_free(&image);
    return 0;
}
