/* vitrain show: a picture of what the model will see of a prepared data set. */
#include "commands.h"
#include "options.h"
#include "terminal.h"
#include "vitrain/report.h"

typedef struct show_settings {
    const char *data, *split, *out;
    vt_show_options show;
} show_settings;

static int show(const show_settings *settings) {
    vt_dataset *dataset;
    vt_status status = vt_dataset_open(settings->data, &dataset);
    if (status != VT_OK) return fail_status(status);
    const vt_split *split = vt_dataset_get_split(dataset, settings->split);
    int code = 0;
    if (!split) {
        code = fail_usage("%s has no split '%s'; expected train, validation or test", settings->data, settings->split);
    } else {
        status = vt_show(dataset, split, &settings->show, settings->out);
        if (status != VT_OK) code = fail_status(status);
    }
    vt_dataset_close(dataset);
    if (code == 0) say("Wrote %s", settings->out);
    return code;
}

int command_show(int argc, char **argv) {
    show_settings settings = {.split = "train"};
    vt_show_options_init(&settings.show);
    cli_option options[] = {
        OPTION("out", "FILE", "PNG file to write", OPTION_TEXT, &settings.out, .required = 1),
        OPTION("split", "NAME", "train, validation or test", OPTION_TEXT, &settings.split),
        OPTION("augment", "TEXT", "as of `vitrain train`, such as \"crop=0.35-1.0 flip=0.5\" (docs/training.md)", OPTION_TEXT,
               &settings.show.augment, .initial = "none"),
        OPTION("count", "N", "images, one in each row", OPTION_INTEGER, &settings.show.images, .low = 1, .high = 64),
        OPTION("epochs", "N", "epochs, one in each column", OPTION_INTEGER, &settings.show.epochs, .low = 1, .high = 32),
        OPTION("seed", "N", "of training: what is shown is what `vitrain train --seed N` sees", OPTION_SEED,
               &settings.show.seed),
        {0},
    };
    command_line line = {.usage = "vitrain show PREPARED --out FILE [options]",
                         .description =
                             "Draws what the model will see of a prepared data set: in each row an image as it is, then as\n"
                             "each epoch's augmentation makes it, with its labels and those of images mixed into it.",
                         .options = options,
                         .operands = &settings.data,
                         .operands_allowed = 1};
    int code = parse_options(&line, argc, argv);
    if (code != 0 || line.helped) return code;
    if (!settings.data) return fail_usage("a prepared data set is missing: vitrain show PREPARED --out FILE");
    return show(&settings);
}
