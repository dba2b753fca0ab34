/* Arrays of images in .npz files: what their shape means, for the layout's reader and for the stream of their rows. */
#ifndef VT_DATA_NPZ_IMAGES_H
#define VT_DATA_NPZ_IMAGES_H

#include "data/image/image.h"
#include "formats/npz.h"

/* Takes images->width, height and channels from an array of shape (n, height, width), (n, height, width, 1) or
 * (n, height, width, 3) with values of type uint8; others are VT_ERROR_UNSUPPORTED. `place` is for sentences. */
vt_status vt_npz_image_shape(const vt_npy_header *header, const char *place, vt_image *images) VT_CHECKED;

/* The names of the labels of a two-dimensional set of MedMNIST, by its file's name such as "chestmnist_64.npz", in the order of
 * its numbers; NULL for others. */
const char *const *vt_medmnist_labels(const char *path, int *count);

#endif
