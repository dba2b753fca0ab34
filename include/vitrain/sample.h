/* A stand-in for the NIH ChestX-ray14 set: procedural drawings of chests, in the NIH layout.
 *
 * They are drawings, not radiographs: good for trying the program and for tests, useless for medicine. */
#ifndef VITRAIN_SAMPLE_H
#define VITRAIN_SAMPLE_H

#include "vitrain/console.h"
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vt_sample_options {
    const char *out;            /* folder to create; must be absent or empty */
    int64_t images;             /* how many drawings, several per patient; default 1000 */
    int image_size;             /* width and height in pixels; default 1024 */
    uint64_t seed;              /* same seed, same bytes; default 0 */
    int64_t images_per_archive; /* drawings per images_NNN.tar.gz; default 500 */
    int threads;                /* 0: all cores */
} vt_sample_options;

VT_API void vt_sample_options_init(vt_sample_options *options);

/* Draws the data set: images_001.tar.gz ..., Data_Entry_2017_v2020.csv, train_val_list.txt, test_list.txt
 * and a README.txt that says these are drawings. Label frequencies and co-occurrence follow ChestX-ray14. */
VT_API vt_status vt_sample_write(const vt_sample_options *options, const vt_console *console) VT_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
