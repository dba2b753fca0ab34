/* The version of the library, as the build names it. */
#include "vitrain/vitrain.h"

const char *vt_version(void) {
    return VITRAIN_VERSION;
}
