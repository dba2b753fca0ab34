/* How a column of an Arrow file holds images. */
#ifndef VT_DATA_ARROW_IMAGE_H
#define VT_DATA_ARROW_IMAGE_H

#include "formats/arrow.h"

typedef enum vt_arrow_image {
    VT_ARROW_IMAGE_NONE,   /* it doesn't */
    VT_ARROW_IMAGE_STRUCT, /* struct<bytes, path>, as `datasets` has it: an encoded image, or the path of one */
    VT_ARROW_IMAGE_BYTES,  /* encoded */
    VT_ARROW_IMAGE_PATH,   /* the path of a file */
    VT_ARROW_IMAGE_PIXELS  /* lists of lists of whole numbers: height x width, or with channels behind or in front */
} vt_arrow_image;

vt_arrow_image vt_arrow_image_of(const vt_arrow_type *type);

/* *bytes, *path: the encoded image and the path of a row, of the kinds STRUCT, BYTES and PATH; data is NULL where there is
 * none. */
void vt_arrow_image_value(vt_arrow_cell cell, vt_arrow_value *bytes, vt_arrow_value *path);

#endif
