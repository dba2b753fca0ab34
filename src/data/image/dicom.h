/* A DICOM file that holds one image, and the decoders of compressed ones. */
#ifndef VT_DATA_DICOM_H
#define VT_DATA_DICOM_H

#ifdef __cplusplus
extern "C" {
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A table from values to values (PS3.3 C.11.1.1.1, C.11.2.1.1). */
typedef struct vt_dicom_table {
    const uint8_t *data; /* [count], of one or two bytes each; NULL: there is none */
    uint32_t count;
    int entry_bytes;
    int32_t first; /* the value that the first entry is for; lower ones get it too */
    int bits;      /* that entries may use */
} vt_dicom_table;

/* The elements that matter, of PS3.3's modules Image Pixel, Modality LUT and VOI LUT. Texts are cut and end in NUL. */
typedef struct vt_dicom {
    char transfer_syntax[65];
    char photometric[17]; /* "MONOCHROME2" */
    int width, height, channels;
    int planar; /* 1: channel after channel */
    int bits_allocated, bits_stored, high_bit, is_signed;
    double frames;
    bool has_rescale, has_window;
    double slope, intercept;
    double window_center, window_width;
    char window_function[17]; /* "LINEAR"; may be empty */
    vt_dicom_table modality, voi;
    const uint8_t *pixels; /* [pixel_bytes]; as in the file */
    size_t pixel_bytes;
    bool is_compressed;
    uint8_t *fragments; /* where the pixels lie if they were in several pieces; owned */
} vt_dicom;

/* Size in bytes of the decompressed pixels, [height, width, channels] of bits_allocated. */
static inline size_t vt_dicom_size(const vt_dicom *dicom) {
    return (size_t)dicom->width * (size_t)dicom->height * (size_t)dicom->channels * (size_t)(dicom->bits_allocated / 8);
}

/* GDCM's part, in dicom_gdcm.cc: decompresses into pixels [vt_dicom_size(dicom)], channels side by side. Throws nothing.
 * Returns 0, or why it could not. */
const char *vt_gdcm_decompress(const vt_dicom *dicom, uint8_t *pixels);

#ifdef __cplusplus
}
#endif
#endif
