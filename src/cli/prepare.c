/* vitrain prepare: turns images and labels into a prepared data set. */
#include "commands.h"
#include "label_options.h"
#include "options.h"
#include "terminal.h"
#include "vitrain/dataset.h"

#include <stddef.h>

int command_prepare(int argc, char **argv) {
    static const char *const splits[] = {"auto", "patient", "official", "random", "folders", NULL};
    static const char *const filters[] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming", NULL};
    static const char *const intensities[] = {"full", "stretch", NULL};
    static const char *const policies[] = {"fail", "skip", NULL};
    vt_prepare_options settings;
    vt_prepare_options_init(&settings);
    int split = settings.split, bad_image = settings.bad_image, uncertain = 0, missing = 0, intensity = 0;
    cli_option options[] = {
        OPTION(
            "data", "DIR",
            "raw data set: NIH layout, folder with metadata.jsonl or .csv, table of labels, folder per class, folder saved by "
            "Hugging Face's datasets, or MedMNIST .npz file",
            OPTION_TEXT, &settings.data, .required = 1),
        OPTION("out", "DIR", "prepared data set to write", OPTION_TEXT, &settings.out, .required = 1),
        OPTION("model", "MODEL", "model folder whose preprocessor_config.json decides size and resampling", OPTION_TEXT,
               &settings.model),
        OPTION("image-size", "PIXELS", "width and height", OPTION_INTEGER, &settings.image_size, .low = 1, .high = 8192,
               .initial = "the model's, else 224"),
        OPTION("store-size", "PIXELS", "width and height of the stored images, room for training to crop", OPTION_INTEGER,
               &settings.store_size, .low = 1, .high = 8192, .initial = "the image size"),
        OPTION("resample", "FILTER", "resize with", OPTION_CHOICE, &settings.resample, .choices = filters,
               .initial = "the model's, else bilinear"),
        OPTION("split", "POLICY", "how images are split", OPTION_CHOICE, &split, .choices = splits,
               .initial = "auto: the folders' own, else patient where patients are known, else random"),
        OPTION("validation-fraction", "SHARE", "share of images for validation", OPTION_NUMBER, &settings.validation_fraction,
               .low = 0, .high = 0.999),
        OPTION("seed", "N", "of the split", OPTION_SEED, &settings.seed),
        LABEL_OPTIONS(settings.labels, uncertain, missing),
        OPTION("intensity", "RANGE", "of images of more than 8 bits: the file's full range, or each image's own", OPTION_CHOICE,
               &intensity, .choices = intensities),
        OPTION("on-bad-image", "WHAT", "an image that can't be decoded", OPTION_CHOICE, &bad_image, .choices = policies),
        OPTION("shard-size", "SIZE", "of the Arrow files that a split is written in, such as 500MB or 2GB", OPTION_BYTES,
               &settings.shard_bytes, .initial = "500MB"),
        OPTION("write-metadata", NULL, "also write metadata.jsonl with N-hot labels", OPTION_FLAG, &settings.write_metadata),
        OPTION("overwrite", NULL, "replace an existing prepared data set", OPTION_FLAG, &settings.overwrite),
        OPTION("threads", "N", "decoding threads", OPTION_INTEGER, &settings.threads, .low = 0, .high = 4096,
               .initial = "all cores"),
        {0},
    };
    command_line line = {.usage = "vitrain prepare --data DIR --out DIR [options]",
                         .description =
                             "Decodes and resizes every image once, splits the set without leaking patients, and writes a\n"
                             "folder that `datasets.load_from_disk` opens.",
                         .options = options};
    int code = parse_options(&line, argc, argv);
    if (code != 0 || line.helped) return code;
    settings.split = (vt_split_policy)split;
    settings.labels.uncertain = (vt_unknown_policy)uncertain;
    settings.labels.missing = (vt_unknown_policy)missing;
    settings.intensity = (vt_intensity)intensity;
    settings.bad_image = (vt_bad_image_policy)bad_image;
    vt_status status = vt_prepare(&settings, terminal_console());
    return status == VT_OK ? 0 : fail_status(status);
}
