/* Where a command's rows go: standard output, or a file that appears only when it is whole. */
#ifndef VT_CLI_OUTPUT_H
#define VT_CLI_OUTPUT_H

#include <stdio.h>

typedef struct output {
    const char *path; /* NULL: standard output */
    char *temporary;
    FILE *file;
    int error; /* errno of the first failed write; 0: none */
} output;

/* These return 0, or print a sentence and return an exit code. */
int output_open(output *out, const char *path);
int output_close(output *out, int keep); /* keep 0: what was written is thrown away */

/* Writes one line; returns 0 when that failed. */
int output_line(output *out, const char *row);

#endif
