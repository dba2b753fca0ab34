/* Augmentation: what training makes of an image each time it sees it, written as one line of text. */
#ifndef VITRAIN_AUGMENT_H
#define VITRAIN_AUGMENT_H

#include "vitrain/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Checks an augmentation text; a mistake is VT_ERROR_USAGE, naming the place and what is allowed. NULL and "" are none. */
VT_API vt_status vt_augment_check(const char *text) VT_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
