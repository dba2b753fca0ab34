/* Resizing by a plan: the weights of one size's way to another, made once in memory of the caller's, then applied without
 * allocation by any number of threads. vt_image_resize() in image.h does all of it at once; pixels are the same. */
#ifndef VT_DATA_RESIZE_H
#define VT_DATA_RESIZE_H

#include "data/image/resize_kernels.h"
#include "vitrain/dataset.h"
#include <stddef.h>

typedef struct vt_resize_plan {
    int in_width, in_height, width, height, channels; /* channels: 1 or 3 */
    vt_resample resample;
    vt_resize_axis across, down; /* of nearest only where outputs take their pixel; unused where nothing is resampled */
    const vt_resize_kernels *kernels;
} vt_resize_plan;

/* Bytes that a plan keeps its weights in, and bytes that applying it works in: enough for smaller inputs too. */
size_t vt_resize_plan_size(int in_width, int in_height, int width, int height, vt_resample resample);
size_t vt_resize_work_size(int in_width, int in_height, int width, int height, int channels);

/* memory [vt_resize_plan_size()], 8-byte aligned, belongs to the plan while it is used. */
void vt_resize_plan_make(vt_resize_plan *plan, int in_width, int in_height, int width, int height, int channels,
                         vt_resample resample, void *memory);

/* in [in_height, in_width, channels], rows in_stride bytes apart -> out [height, width, channels].
 * work [vt_resize_work_size()]. */
void vt_resize_by_plan(const vt_resize_plan *plan, const uint8_t *in, size_t in_stride, void *work, uint8_t *out);

#endif
