/* vitrain sample: draws a stand-in for the NIH data set. */
#include "vitrain/sample.h"
#include "commands.h"
#include "options.h"
#include "terminal.h"

int command_sample(int argc, char **argv) {
    vt_sample_options settings;
    vt_sample_options_init(&settings);
    cli_option options[] = {
        OPTION("out", "DIR", "folder to create; absent or empty", OPTION_TEXT, &settings.out, .required = 1),
        OPTION("images", "N", "how many drawings, several per patient", OPTION_COUNT, &settings.images, .low = 1, .high = 1e9),
        OPTION("image-size", "PIXELS", "width and height", OPTION_INTEGER, &settings.image_size, .low = 32, .high = 8192),
        OPTION("images-per-archive", "N", "drawings in each images_NNN.tar.gz", OPTION_COUNT, &settings.images_per_archive,
               .low = 1, .high = 1e9),
        OPTION("seed", "N", "another seed, other drawings", OPTION_SEED, &settings.seed),
        OPTION("threads", "N", "drawing threads", OPTION_INTEGER, &settings.threads, .low = 0, .high = 4096,
               .initial = "all cores"),
        {0},
    };
    command_line line = {.usage = "vitrain sample --out DIR [options]",
                         .description =
                             "Draws chests in the layout of NIH ChestX-ray14, for those who don't have it. These are\n"
                             "drawings, not radiographs: good for trying the program, useless for medicine.",
                         .options = options};
    int code = parse_options(&line, argc, argv);
    if (code != 0 || line.helped) return code;
    vt_status status = vt_sample_write(&settings, terminal_console());
    return status == VT_OK ? 0 : fail_status(status);
}
