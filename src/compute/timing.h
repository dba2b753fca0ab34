/* Where the time goes: a table of operators put in front of a device's own, which adds up the seconds of each. */
#ifndef VT_COMPUTE_TIMING_H
#define VT_COMPUTE_TIMING_H

#include "compute/compute.h"

typedef struct vt_timing vt_timing;

typedef struct vt_operator_time {
    const char *name; /* "linear_forward"; static */
    double seconds;   /* of the calling thread's clock on the wall */
    int64_t calls;
} vt_operator_time;

/* From now on the operators of `device` are timed. Free it before the device closes. */
vt_status vt_timing_start(vt_device *device, vt_timing **out) VT_CHECKED;
void vt_timing_free(vt_timing *timing); /* NULL allowed; the device has its own operators again */

void vt_timing_reset(vt_timing *timing);

/* Operator `index` in 0 ...; 0 past the last. Only operators that were called, the longest first. */
int vt_timing_get(const vt_timing *timing, int index, vt_operator_time *out);

#endif
