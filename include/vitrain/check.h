/* Checking a data set before any time is spent on it: reads every image of a raw or a prepared one and writes nothing. */
#ifndef VITRAIN_CHECK_H
#define VITRAIN_CHECK_H

#include "vitrain/console.h"
#include "vitrain/dataset.h"
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vt_check_options {
    const char *data;        /* a raw data set, as vt_prepare_options has it, or a prepared one, of which nothing below
                                but `threads` counts */
    vt_label_options labels; /* and all others as in vt_prepare_options */
    vt_intensity intensity;
    vt_split_policy split;      /* default VT_SPLIT_AUTO */
    double validation_fraction; /* default 0.05 */
    uint64_t seed;              /* default 42 */
    int threads;                /* decoding threads; 0: all cores */
} vt_check_options;

VT_API void vt_check_options_init(vt_check_options *options);

typedef struct vt_check vt_check; /* what was found; the same for any number of threads */

/* Reads everything. What is wrong with the data is part of the result; only what keeps it from being read as a data set, such
 * as a broken label file, is a failure. *out is owned by the caller: vt_check_free(). */
VT_API vt_status vt_check_run(const vt_check_options *options, const vt_console *console, vt_check **out) VT_CHECKED;
VT_API void vt_check_free(vt_check *check); /* NULL allowed */

/* How many kinds of things are wrong: images that can't be decoded; patients on both sides; the same pixels in several splits,
 * of several patients, or with different labels. What may be meant, such as absent images, is a warning and not counted. */
VT_API int vt_check_problems(const vt_check *check);

/* Says what was found on the console: tables, and of long lists the beginning. */
VT_API void vt_check_print(const vt_check *check, const vt_console *console);

/* *text = all that was found, as JSON; docs/data.md tells its keys. Freed with free(). */
VT_API vt_status vt_check_json(const vt_check *check, char **text) VT_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
