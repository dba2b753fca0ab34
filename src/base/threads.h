/* Threads for I/O and decoding. Compute loops use OpenMP instead, in src/compute. */
#ifndef VT_BASE_THREADS_H
#define VT_BASE_THREADS_H

#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

/* Cores this process may run on (affinity and cgroup quota honoured), at least 1. */
int vt_core_count(void);

/* Runs task(context, index) for index 0 ... count - 1 on `threads` threads (0: all cores), indices handed out in order.
 * After a failure no new index is started; the failure of the lowest index is returned, with its message. */
typedef vt_status (*vt_task)(void *context, int64_t index);
vt_status vt_parallel_for(int threads, int64_t count, vt_task task, void *context) VT_CHECKED;

/* Whether vt_request_stop() was called. */
bool vt_stop_requested(void);

/* Seconds on the monotonic clock. */
double vt_now(void);

#endif
