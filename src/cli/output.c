/* Rows to standard output or to a file, which is written beside its place, synced and renamed. */
#include "output.h"

#include "terminal.h"
#include "text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int output_open(output *out, const char *path) {
    *out = (output){.path = path};
    if (!path) return 0;
    size_t size = strlen(path) + 32;
    out->temporary = malloc(size);
    if (!out->temporary) return fail("%s: cannot be created: out of memory", path);
    snprintf(out->temporary, size, "%s.%ld.tmp", path, (long)getpid());
    out->file = fopen(out->temporary, "w");
    if (out->file) return 0;
    int code = fail("%s: cannot be created: %s", path, strerror(errno));
    free(out->temporary);
    out->temporary = NULL;
    return code;
}

/* For eyes, not for programs: file names may hold anything. */
static void show(const char *row) {
    text printable = {0};
    text_add_printable(&printable, row);
    say_text(text_failed(&printable) ? "" : printable.data);
    text_free(&printable);
}

int output_line(output *out, const char *row) {
    if (!out->path) {
        if (isatty(STDOUT_FILENO))
            show(row);
        else
            say_text(row);
        return !output_failed();
    }
    if (out->error == 0 && (fputs(row, out->file) == EOF || fputc('\n', out->file) == EOF)) out->error = errno;
    return out->error == 0;
}

int output_close(output *out, int keep) {
    if (!out->path) return 0;
    if ((fflush(out->file) != 0 || fsync(fileno(out->file)) != 0) && out->error == 0) out->error = errno;
    if (fclose(out->file) != 0 && out->error == 0) out->error = errno;
    if (keep && out->error == 0 && rename(out->temporary, out->path) != 0) out->error = errno;
    if (!keep || out->error != 0) unlink(out->temporary);
    free(out->temporary);
    return out->error == 0 ? 0 : fail("%s: cannot be written: %s", out->path, strerror(out->error));
}
