/* The request to stop: a flag that a signal handler may set. */
#include "base/threads.h"
#include "vitrain/console.h"

#include <stdatomic.h>

static atomic_int requested; /* lock-free, hence async-signal-safe */

void vt_request_stop(void) {
    atomic_store(&requested, 1);
}

void vt_clear_stop(void) {
    atomic_store(&requested, 0);
}

bool vt_stop_requested(void) {
    return atomic_load(&requested) != 0;
}
