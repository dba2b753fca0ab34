/* The folders beside a prepared data set: OUT.partial, in which it is made, and OUT.before, what it replaces. */
#ifndef VT_DATA_PLACE_H
#define VT_DATA_PLACE_H

#include "base/error.h"
#include <stdbool.h>

typedef struct vt_place {
    char *out;     /* without trailing slashes */
    char *partial; /* out.partial: being made, or left by an interrupted run */
    char *before;  /* out.before: what is being replaced */
    int lock;      /* descriptor of `partial`, locked; -1 if there is none */
} vt_place;

/* Makes `partial` and locks it, once it is clear that nothing of anybody else's is in the way; a spool that is there stays.
 * *place is to be closed even after a failure. */
vt_status vt_place_open(const char *out, bool overwrite, vt_place *place) VT_CHECKED;

/* Moves the finished folder into place; what was there goes only after that. */
vt_status vt_place_commit(vt_place *place) VT_CHECKED;

/* Removes what was not committed, except for a spool. Returns `status`, or its own failure where that is VT_OK. */
vt_status vt_place_close(vt_place *place, vt_status status) VT_CHECKED;

#endif
