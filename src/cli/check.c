/* vitrain check: looks at every image of a data set and says what is wrong with it. */
#include "vitrain/check.h"
#include "commands.h"
#include "label_options.h"
#include "options.h"
#include "output.h"
#include "terminal.h"

#include <stdlib.h>
#include <string.h>

/* For JSON on standard output: of the lines, only warnings. */
static void warnings_alone(void *user, vt_level level, const char *text) {
    (void)user;
    if (level == VT_LEVEL_WARNING) warn("%s", text);
}

static int write_json(const vt_check *check, const char *path) {
    char *text;
    output out;
    vt_status status = vt_check_json(check, &text);
    if (status != VT_OK) return fail_status(status);
    int code = output_open(&out, strcmp(path, "-") == 0 ? NULL : path);
    if (code == 0) {
        int written = output_line(&out, text);
        code = output_close(&out, written);
    }
    free(text);
    return code;
}

static int check(const vt_check_options *settings, const char *json) {
    vt_check *result;
    vt_console console = *terminal_console();
    if (json && strcmp(json, "-") == 0) console.line = warnings_alone;
    vt_status status = vt_check_run(settings, &console, &result);
    if (status != VT_OK) return fail_status(status);
    vt_check_print(result, &console);
    int code = json ? write_json(result, json) : 0, problems = vt_check_problems(result);
    if (code == 0 && problems > 0)
        code = problems == 1 ? fail("%s: one kind of thing is wrong", settings->data)
                             : fail("%s: %d kinds of things are wrong", settings->data, problems);
    vt_check_free(result);
    return code;
}

int command_check(int argc, char **argv) {
    static const char *const splits[] = {"auto", "patient", "official", "random", "folders", NULL};
    static const char *const intensities[] = {"full", "stretch", NULL};
    vt_check_options settings;
    vt_check_options_init(&settings);
    const char **operands = calloc((size_t)argc, sizeof *operands), *json = NULL;
    int split = settings.split, uncertain = 0, missing = 0, intensity = 0;
    if (!operands) return fail("cannot start: out of memory");
    cli_option options[] = {
        OPTION("json", "FILE", "also write all that was found as JSON; - is standard output, instead of the tables",
               OPTION_TEXT, &json),
        OPTION("split", "POLICY", "how images would be split", OPTION_CHOICE, &split, .choices = splits,
               .initial = "auto, as prepare has it"),
        OPTION("validation-fraction", "SHARE", "share of images for validation", OPTION_NUMBER, &settings.validation_fraction,
               .low = 0, .high = 0.999),
        OPTION("seed", "N", "of the split", OPTION_SEED, &settings.seed),
        LABEL_OPTIONS(settings.labels, uncertain, missing),
        OPTION("intensity", "RANGE", "of images of more than 8 bits: the file's full range, or each image's own", OPTION_CHOICE,
               &intensity, .choices = intensities),
        OPTION("threads", "N", "decoding threads", OPTION_INTEGER, &settings.threads, .low = 0, .high = 4096,
               .initial = "all cores"),
        {0},
    };
    command_line line = {
        .usage = "vitrain check DATA [options]",
        .description = "Reads every image of a raw or prepared data set and writes nothing: images that can't be decoded,\n"
                       "the same pixels twice, patients on both sides, counts, sizes. Exits with 1 if something is wrong.",
        .options = options,
        .operands = operands,
        .operands_allowed = 1};
    int code = parse_options(&line, argc, argv);
    settings.data = operands[0];
    settings.split = (vt_split_policy)split;
    settings.labels.uncertain = (vt_unknown_policy)uncertain;
    settings.labels.missing = (vt_unknown_policy)missing;
    settings.intensity = (vt_intensity)intensity;
    if (code == 0 && !line.helped && line.operand_count == 0) code = fail_usage("a data set is missing: usage: %s", line.usage);
    if (code == 0 && !line.helped) code = check(&settings, json);
    free(operands);
    return code;
}
