/* The parallel loop visits every index once; its failure is that of the lowest failing index, whatever the timing. */
#define _GNU_SOURCE
#include "support.h"

#include "base/threads.h"
#include "vitrain/console.h"
#include "vitrain/vitrain.h"

#include <sched.h>
#include <stdatomic.h>
#include <time.h>

enum { COUNT = 5000 };

static atomic_int visits[COUNT];

static vt_status visit(void *context, int64_t index) {
    (void)context;
    atomic_fetch_add(&visits[index], 1);
    return VT_OK;
}

static void every_index_is_visited_once(void **state) {
    (void)state;
    for (int threads = 0; threads <= 7; threads++) {
        for (int i = 0; i < COUNT; i++) atomic_store(&visits[i], 0);
        ASSERT_OK(vt_parallel_for(threads, COUNT, visit, NULL));
        for (int i = 0; i < COUNT; i++) assert_int_equal(atomic_load(&visits[i]), 1);
    }
    ASSERT_OK(vt_parallel_for(4, 0, visit, NULL));
    ASSERT_OK(vt_parallel_for(4, -1, visit, NULL));
}

typedef struct failing {
    atomic_int highest; /* index seen */
} failing;

/* Index 40 fails at once, index 37 only later. */
static vt_status fail_at(void *context, int64_t index) {
    failing *f = context;
    int seen = atomic_load(&f->highest);
    while (seen < index && !atomic_compare_exchange_weak(&f->highest, &seen, (int)index)) {
    }
    if (index == 37) {
        const struct timespec pause = {.tv_nsec = 20000000};
        nanosleep(&pause, NULL);
    }
    return index == 37 || index >= 40 ? vt_fail(VT_ERROR_INPUT, "image %d is broken", (int)index) : VT_OK;
}

static void the_lowest_failure_wins(void **state) {
    (void)state;
    for (int threads = 1; threads <= 8; threads++) {
        failing f = {0};
        ASSERT_FAILS(VT_ERROR_INPUT, "image 37 is broken", vt_parallel_for(threads, COUNT, fail_at, &f));
        assert_true(atomic_load(&f.highest) <= 37 + 2 * threads + 3); /* nothing new is started after the failure */
    }
}

static void stopping_is_remembered_until_cleared(void **state) {
    (void)state;
    assert_false(vt_stop_requested());
    vt_request_stop();
    assert_true(vt_stop_requested());
    vt_clear_stop();
    assert_false(vt_stop_requested());
}

static void cores_follow_the_affinity(void **state) {
    (void)state;
    int cores = vt_core_count();
    assert_in_range(cores, 1, 1 << 18);
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(vt_core_count(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(vt_core_count(), cores);
}

static void the_clock_never_runs_back(void **state) {
    (void)state;
    double last = vt_now();
    for (int i = 0; i < 1000; i++) {
        double now = vt_now();
        assert_true(now >= last);
        last = now;
    }
}

static void the_version_has_three_numbers(void **state) {
    (void)state;
    int major, minor, patch;
    char more;
    assert_int_equal(sscanf(vt_version(), "%d.%d.%d%c", &major, &minor, &patch, &more), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_is_visited_once),
        cmocka_unit_test(the_lowest_failure_wins),
        cmocka_unit_test(stopping_is_remembered_until_cleared),
        cmocka_unit_test(cores_follow_the_affinity),
        cmocka_unit_test(the_clock_never_runs_back),
        cmocka_unit_test(the_version_has_three_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
