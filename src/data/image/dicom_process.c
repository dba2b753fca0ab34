/* Runs GDCM in a process of its own: its decoders are old and many, and a damaged or hostile image may crash them, loop for
 * ever or ask for all memory. That then costs one image, with a sentence, and never the program. */
#include "data/image/dicom_pixels.h"

#include "base/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef VITRAIN_DICOM

enum { CPU_SECONDS = 60, SPARE_MEMORY = 1 << 29, MEMORY_PER_BYTE = 16, REASON_SIZE = 120 };

/* Memory that both processes see; the pixels follow it. */
typedef struct shared_result {
    int done;
    char reason[REASON_SIZE]; /* empty: the pixels are there */
} shared_result;

/* Bytes of address space in use. */
static size_t address_space(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%lu", &pages) != 1) pages = 0;
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void set_limit(int resource, size_t value) {
    struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    setrlimit(resource, &limit); /* if that fails the decoder is merely less bounded */
}

/* The child: quiet, bounded, and not to be stopped from the keyboard, which is the parent's business. */
_Noreturn static void run_child(const vt_dicom *dicom, size_t memory_limit, shared_result *result) {
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere >= 0) {
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < 4; i++) signal((const int[]){SIGSEGV, SIGBUS, SIGFPE, SIGABRT}[i], SIG_DFL);
    set_limit(RLIMIT_CORE, 0);
    set_limit(RLIMIT_CPU, CPU_SECONDS);
    if (memory_limit) set_limit(RLIMIT_AS, memory_limit);
    const char *reason = vt_gdcm_decompress(dicom, (uint8_t *)(result + 1));
    if (reason) snprintf(result->reason, sizeof result->reason, "%s", reason);
    result->done = 1;
    _exit(0);
}

vt_status vt_dicom_decompress(const vt_dicom *dicom, const char *name, uint8_t **out) {
    size_t size = vt_dicom_size(dicom), used = address_space();
    size_t mapped = sizeof(shared_result) + size;
    *out = NULL;
    shared_result *result = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (result == MAP_FAILED) return vt_fail_memory("an image", mapped);
    vt_status status = VT_OK;
    pid_t child = fork();
    if (child == 0) run_child(dicom, used ? used + mapped + size * MEMORY_PER_BYTE + SPARE_MEMORY : 0, result);
    if (child < 0) VT_TRY_GOTO(vt_fail_errno("%s: cannot start a process to decompress it", name));
    /* Where a program ignores SIGCHLD there is nothing to wait for in the end; `done` says what is needed. */
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
    if (!result->done) VT_TRY_GOTO(vt_fail(VT_ERROR_INPUT, "%s: the DICOM image is damaged: its decoder crashed on it", name));
    if (result->reason[0]) VT_TRY_GOTO(vt_fail(VT_ERROR_INPUT, "%s: the DICOM image is damaged: %s", name, result->reason));
    VT_TRY_GOTO(vt_allocate(out, size, 1, "an image"));
    memcpy(*out, result + 1, size);
done:
    munmap(result, mapped);
    return status;
}

#else

vt_status vt_dicom_decompress(const vt_dicom *dicom, const char *name, uint8_t **out) {
    *out = NULL;
    return vt_fail(VT_ERROR_UNSUPPORTED,
                   "%s: a DICOM image compressed as transfer syntax %s, which this build of Vitrain can't read; install "
                   "libgdcm-dev and build Vitrain again",
                   name, dicom->transfer_syntax);
}

#endif
