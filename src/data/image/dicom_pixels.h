/* From a DICOM file's stored values to an image: what dicom.c, dicom_pixels.c and dicom_process.c share. */
#ifndef VT_DATA_DICOM_PIXELS_H
#define VT_DATA_DICOM_PIXELS_H

#include "data/image/dicom.h"
#include "data/image/image_formats.h"

/* *out = the pixels [vt_dicom_size(dicom)] of a compressed image; freed with free(). */
vt_status vt_dicom_decompress(const vt_dicom *dicom, const char *name, uint8_t **out) VT_CHECKED;

/* stored [vt_dicom_size(dicom)], little-endian -> bytes [height, width, channels] as a viewer shows them. */
vt_status vt_dicom_show(const vt_dicom *dicom, const char *name, const uint8_t *stored, uint8_t *bytes) VT_CHECKED;

#endif
