/* Command-line options from a table: "--name value" and "--name=value", '-' and '_' alike; everything else that does not
 * start with "--" is an operand. */
#ifndef VT_CLI_OPTIONS_H
#define VT_CLI_OPTIONS_H

#include "vitrain/train.h"

typedef enum option_kind {
    OPTION_TEXT,    /* const char ** */
    OPTION_FLAG,    /* int *: 1 when given */
    OPTION_INTEGER, /* int *, within low ... high */
    OPTION_COUNT,   /* int64_t *, within low ... high */
    OPTION_SEED,    /* uint64_t * */
    OPTION_NUMBER,  /* double *, within low ... high */
    OPTION_BYTES,   /* uint64_t *: "500MB", "2GB", decimal as in datasets; at least 1 */
    OPTION_CHOICE,  /* int *: the index into choices */
    OPTION_TRAINING /* vt_training_arguments *: by vt_training_arguments_set() */
} option_kind;

typedef struct cli_option {
    const char *name;    /* "image-size"; NULL ends the table */
    const char *operand; /* what stands for the value in the help: "N"; NULL of a flag */
    const char *help;
    option_kind kind;
    void *target; /* holds the default */
    double low, high;
    const char *const *choices; /* NULL-terminated */
    const char *initial;        /* what the help calls the default; NULL: the target's value; "": nothing */
    int required;
    int value_optional; /* of OPTION_TRAINING */
    int given;          /* set by the parser */
} cli_option;

/* One row of a table; the further fields as designated initialisers. */
#define OPTION(name_, operand_, help_, kind_, target_, ...)                                                                    \
    { .name = name_, .operand = operand_, .help = help_, .kind = kind_, .target = target_, __VA_ARGS__ }

typedef struct command_line {
    const char *usage;       /* "vitrain sample --out DIR [options]" */
    const char *description; /* a sentence or two for the help */
    cli_option *options;     /* ends with a NULL name */
    int operands_allowed;
    const char **operands; /* [operand_count]: room for argc */
    int operand_count;
    int helped; /* --help was given and printed: nothing is left to do */
} command_line;

/* Parses argv[1] ... argv[argc - 1]. Returns 0, or prints a sentence and returns EXIT_USAGE. */
int parse_options(command_line *line, int argc, char **argv);

/* Whether the option was given. */
int option_given(const command_line *line, const char *name);

/* The nearest of the NULL-terminated names, or NULL if none is near. */
const char *nearest_name(const char *name, const char *const *names);

#endif
