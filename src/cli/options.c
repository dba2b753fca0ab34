/* The option parser and the help that it prints from the same tables. */
#include "options.h"

#include "terminal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char plain(char letter) {
    return letter == '_' ? '-' : letter;
}

static int same_name(const char *a, const char *b, size_t b_length) {
    if (strlen(a) != b_length) return 0;
    for (size_t i = 0; i < b_length; i++)
        if (plain(a[i]) != plain(b[i])) return 0;
    return 1;
}

/* How many letters must be inserted, removed or replaced to make a into b (Levenshtein). */
static int edit_distance(const char *a, const char *b) {
    enum { LONGEST = 63 };
    int row[LONGEST + 1], b_length = (int)strnlen(b, LONGEST);
    for (int j = 0; j <= b_length; j++) row[j] = j;
    for (int i = 0; a[i]; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 1; j <= b_length; j++) {
            int replaced = diagonal + (plain(a[i]) != plain(b[j - 1]));
            diagonal = row[j];
            int shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = shorter < replaced ? shorter : replaced;
        }
    }
    return row[b_length];
}

const char *nearest_name(const char *name, const char *const *names) {
    const char *nearest = NULL;
    int least = 1 + (int)strlen(name) / 2;
    for (; *names; names++) {
        int distance = edit_distance(name, *names);
        if (distance >= least) continue;
        least = distance;
        nearest = *names;
    }
    return nearest;
}

/* --- help --- */

static void describe_default(const cli_option *option, char *text, size_t size) {
    text[0] = '\0';
    if (option->initial) {
        if (*option->initial) snprintf(text, size, "%s", option->initial);
        return;
    }
    if (option->required) return;
    switch (option->kind) {
    case OPTION_TEXT:
        if (*(const char **)option->target) snprintf(text, size, "%s", *(const char **)option->target);
        break;
    case OPTION_INTEGER:
        snprintf(text, size, "%d", *(int *)option->target);
        break;
    case OPTION_COUNT:
        snprintf(text, size, "%lld", (long long)*(int64_t *)option->target);
        break;
    case OPTION_SEED:
        snprintf(text, size, "%llu", (unsigned long long)*(uint64_t *)option->target);
        break;
    case OPTION_NUMBER:
        snprintf(text, size, "%g", *(double *)option->target);
        break;
    case OPTION_CHOICE:
        snprintf(text, size, "%s", option->choices[*(int *)option->target]);
        break;
    case OPTION_BYTES:
    case OPTION_FLAG:
    case OPTION_TRAINING:
        break;
    }
}

static void print_option(const cli_option *option) {
    enum { COLUMN = 36 };
    char left[96], initial[128], choices[160] = "";
    if (option->operand && option->value_optional)
        snprintf(left, sizeof left, "--%s [%s]", option->name, option->operand);
    else if (option->operand)
        snprintf(left, sizeof left, "--%s %s", option->name, option->operand);
    else
        snprintf(left, sizeof left, "--%s", option->name);
    for (int i = 0; option->kind == OPTION_CHOICE && option->choices[i]; i++)
        snprintf(choices + strlen(choices), sizeof choices - strlen(choices), "%s%s", i ? ", " : ": ", option->choices[i]);
    describe_default(option, initial, sizeof initial);
    if (strlen(left) + 4 > COLUMN) {
        say("  %s", left);
        *left = '\0';
    }
    say("  %-*s%s%s%s%s%s", COLUMN - 2, left, option->help, choices,
        option->required ? " (required)"
        : *initial       ? " (default: "
                         : "",
        initial, !option->required && *initial ? ")" : "");
}

static void print_help(const command_line *line) {
    say("usage: %s", line->usage);
    say("%s", "");
    say_text(line->description);
    say("%s", "");
    say("options:");
    for (const cli_option *option = line->options; option->name; option++) print_option(option);
    say("  %-34s%s", "--help", "print this and exit");
}

/* --- values --- */

static int refuse(const cli_option *option, const char *value, const char *expected) {
    return fail_usage("--%s: '%s' is not valid, expected %s", option->name, value, expected);
}

static int parse_integer(const cli_option *option, const char *value, int64_t *out) {
    char *end, expected[96];
    errno = 0;
    long long number = strtoll(value, &end, 10);
    snprintf(expected, sizeof expected, "an integer from %.0f to %.0f", option->low, option->high);
    if (errno || end == value || *end || (double)number < option->low || (double)number > option->high)
        return refuse(option, value, expected);
    *out = number;
    return 0;
}

static int parse_number(const cli_option *option, const char *value) {
    char *end, expected[96];
    double number = strtod(value, &end);
    snprintf(expected, sizeof expected, "a number from %g to %g", option->low, option->high);
    if (end == value || *end || !(number >= option->low && number <= option->high)) return refuse(option, value, expected);
    *(double *)option->target = number;
    return 0;
}

static int parse_seed(const cli_option *option, const char *value) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (errno || end == value || *end || strchr(value, '-')) return refuse(option, value, "an integer from 0 to 2^64 - 1");
    *(uint64_t *)option->target = number;
    return 0;
}

/* "500MB": a number and a unit, of which bytes are the least. */
static int parse_bytes(const cli_option *option, const char *value) {
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"", 1},      {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},
                 {"TB", 1e12}, {"KIB", 0x1p10}, {"MIB", 0x1p20}, {"GIB", 0x1p30}};
    char *end;
    double number = strtod(value, &end);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (end == value || strcasecmp(end, units[i].name) != 0) continue;
        if (!(number * units[i].bytes >= 1 && number * units[i].bytes <= 1e18)) break;
        *(uint64_t *)option->target = (uint64_t)(number * units[i].bytes);
        return 0;
    }
    return refuse(option, value, "a size such as 500MB or 2GB");
}

static int parse_choice(const cli_option *option, const char *value) {
    char expected[192] = "one of ";
    for (int i = 0; option->choices[i]; i++) {
        if (strcmp(option->choices[i], value) == 0) {
            *(int *)option->target = i;
            return 0;
        }
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%s", i ? ", " : "", option->choices[i]);
    }
    return refuse(option, value, expected);
}

/* `value` is NULL for an option that may stand alone and does. */
static int store_training(const cli_option *option, const char *value) {
    vt_status status = vt_training_arguments_set(option->target, option->name, value);
    return status == VT_OK ? 0 : fail_status(status);
}

static int store_value(const cli_option *option, const char *value) {
    int64_t number = 0;
    int code = 0;
    switch (option->kind) {
    case OPTION_TEXT:
        *(const char **)option->target = value;
        return *value ? 0 : fail_usage("--%s is empty, expected %s", option->name, option->operand);
    case OPTION_FLAG:
        *(int *)option->target = 1;
        return 0;
    case OPTION_INTEGER:
        code = parse_integer(option, value, &number);
        if (code == 0) *(int *)option->target = (int)number;
        return code;
    case OPTION_COUNT:
        return parse_integer(option, value, option->target);
    case OPTION_SEED:
        return parse_seed(option, value);
    case OPTION_NUMBER:
        return parse_number(option, value);
    case OPTION_BYTES:
        return parse_bytes(option, value);
    case OPTION_CHOICE:
        return parse_choice(option, value);
    case OPTION_TRAINING:
        return store_training(option, value);
    }
    return 0;
}

/* --- parsing --- */

static cli_option *find_option(const command_line *line, const char *name, size_t length) {
    for (cli_option *option = line->options; option->name; option++)
        if (same_name(option->name, name, length)) return option;
    return NULL;
}

static int refuse_unknown(const command_line *line, const char *argument, size_t length, const char *command) {
    enum { MOST = 128 };
    const char *names[MOST + 1];
    char given[96];
    int count = 0;
    snprintf(given, sizeof given, "%.*s", (int)length, argument);
    for (const cli_option *option = line->options; option->name && count < MOST; option++) names[count++] = option->name;
    names[count] = NULL;
    const char *nearest = nearest_name(given, names);
    if (nearest)
        return fail_usage("unknown option --%s; did you mean --%s? `vitrain %s --help` lists all", given, nearest, command);
    return fail_usage("unknown option --%s; `vitrain %s --help` lists all", given, command);
}

/* Parses the option at argv[*at] and moves *at to the last argument it used. */
static int parse_one(command_line *line, int argc, char **argv, int *at) {
    const char *name = argv[*at] + 2, *equals = strchr(name, '='), *value = equals ? equals + 1 : NULL;
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    cli_option *option = find_option(line, name, length);
    if (!option) return refuse_unknown(line, name, length, argv[0]);
    option->given = 1;
    if (option->kind == OPTION_FLAG && value) return fail_usage("--%s takes no value", option->name);
    if (option->kind == OPTION_FLAG || value) return store_value(option, value);
    const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
    if (option->value_optional && (!next || next[0] == '-')) return store_training(option, NULL);
    if (!next || strncmp(next, "--", 2) == 0) return fail_usage("--%s needs a value: %s", option->name, option->operand);
    ++*at;
    return store_value(option, next);
}

int parse_options(command_line *line, int argc, char **argv) {
    int only_operands = 0;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--") == 0)
            break;
        else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(line);
            line->helped = 1;
            return 0;
        }
    for (int i = 1; i < argc; i++) {
        int code = 0;
        if (!only_operands && strcmp(argv[i], "--") == 0)
            only_operands = 1;
        else if (!only_operands && strncmp(argv[i], "--", 2) == 0)
            code = parse_one(line, argc, argv, &i);
        else if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0')
            code = fail_usage("unknown option %s; `vitrain %s --help` lists all", argv[i], argv[0]);
        else if (line->operand_count >= line->operands_allowed)
            code = fail_usage("'%s' is one argument too many: usage: %s", argv[i], line->usage);
        else
            line->operands[line->operand_count++] = argv[i];
        if (code != 0) return code;
    }
    for (const cli_option *option = line->options; option->name; option++)
        if (option->required && !option->given)
            return fail_usage("--%s %s is missing: usage: %s", option->name, option->operand, line->usage);
    return 0;
}

int option_given(const command_line *line, const char *name) {
    const cli_option *option = find_option(line, name, strlen(name));
    return option && option->given;
}
