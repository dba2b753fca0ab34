/* vitrain predict: probabilities for image files, as CSV or JSON lines. */
#include "commands.h"
#include "model_folder.h"
#include "options.h"
#include "output.h"
#include "terminal.h"
#include "text.h"
#include "vitrain/evaluate.h"

#include <stdlib.h>

enum format { FORMAT_CSV = 0, FORMAT_JSONL = 1 };

typedef struct predict_settings {
    const char *model, *device, *output;
    int format, batch_size, precision, bad_image;
} predict_settings;

typedef struct row_writer {
    output output;
    text line;
    enum format format;
    char **label_names;
} row_writer;

static void format_row(row_writer *rows, const char *file, const float *probabilities, int num_labels) {
    text *line = &rows->line;
    text_clear(line);
    if (rows->format == FORMAT_CSV) {
        text_add_csv(line, file);
        for (int i = 0; i < num_labels; i++) text_add(line, ",%.6f", (double)probabilities[i]);
        return;
    }
    text_add(line, "{\"file\": ");
    text_add_json(line, file);
    text_add(line, ", \"probabilities\": {");
    for (int i = 0; i < num_labels; i++) {
        if (i > 0) text_add(line, ", ");
        text_add_json(line, rows->label_names[i]);
        text_add(line, ": %.6f", (double)probabilities[i]);
    }
    text_add(line, "}}");
}

static vt_status write_row(void *user, const char *file, const float *probabilities, int num_labels) {
    row_writer *rows = user;
    format_row(rows, file, probabilities, num_labels);
    if (text_failed(&rows->line)) return VT_ERROR_MEMORY;
    return output_line(&rows->output, rows->line.data) ? VT_OK : VT_ERROR_IO;
}

static int write_header(row_writer *rows, int num_labels) {
    if (rows->format != FORMAT_CSV) return 1;
    text_add(&rows->line, "file");
    for (int i = 0; i < num_labels; i++) {
        text_add(&rows->line, ",");
        text_add_csv(&rows->line, rows->label_names[i]);
    }
    return !text_failed(&rows->line) && output_line(&rows->output, rows->line.data);
}

static int predict(const predict_settings *settings, vt_precision precision, vt_device *device, const vt_model *model,
                   const char *const *files, int count) {
    const vt_vit_config *config = vt_model_get_config(model);
    row_writer rows = {.format = (enum format)settings->format, .label_names = config->label_names};
    int code = output_open(&rows.output, settings->output);
    if (code != 0) return code;
    vt_status status = VT_OK;
    if (write_header(&rows, config->num_labels))
        status = vt_predict_files(device, model, files, count, settings->batch_size, precision,
                                  (vt_bad_image_policy)settings->bad_image, terminal_console(), write_row, &rows);
    int write_failed = rows.output.error != 0 || output_failed(), out_of_memory = text_failed(&rows.line);
    if (out_of_memory)
        code = fail("cannot write a row: out of memory");
    else if (status != VT_OK && !write_failed)
        code = fail_status(status);
    int closed = output_close(&rows.output, code == 0 && status == VT_OK);
    text_free(&rows.line);
    return code != 0 ? code : closed;
}

int command_predict(int argc, char **argv) {
    static const char *const formats[] = {"csv", "jsonl", NULL};
    static const char *const precisions[] = {"fp32", "bf16", NULL};
    static const char *const policies[] = {"fail", "skip", NULL};
    predict_settings settings = {.device = "cpu", .batch_size = 8};
    cli_option options[] = {
        OPTION("model", "DIR", "model folder", OPTION_TEXT, &settings.model, .required = 1),
        OPTION("format", "FORMAT", "what is written", OPTION_CHOICE, &settings.format, .choices = formats),
        OPTION("output", "FILE", "file to write", OPTION_TEXT, &settings.output, .initial = "standard output"),
        OPTION("batch-size", "N", "images computed together", OPTION_INTEGER, &settings.batch_size, .low = 1, .high = 65536),
        OPTION("precision", "KIND", "of products and activations", OPTION_CHOICE, &settings.precision, .choices = precisions,
               .initial = "bf16 where the device computes it natively, else fp32"),
        OPTION("device", "NAME", "where to compute", OPTION_TEXT, &settings.device),
        OPTION("on-bad-image", "WHAT", "an image that can't be decoded", OPTION_CHOICE, &settings.bad_image,
               .choices = policies),
        {0},
    };
    const char **files = calloc((size_t)argc, sizeof *files);
    if (!files) return fail("cannot start: out of memory");
    command_line line = {.usage = "vitrain predict --model DIR FILE|DIR|- ... [options]",
                         .description =
                             "Decodes and resizes images as the model's preprocessor_config.json says and writes one row of\n"
                             "probabilities for each. A folder stands for the images below it, - for standard input.",
                         .options = options,
                         .operands = files,
                         .operands_allowed = argc};
    vt_device *device = NULL;
    vt_model *model = NULL;
    int code = parse_options(&line, argc, argv);
    if (code == 0 && !line.helped && line.operand_count == 0) code = fail_usage("a file is missing: usage: %s", line.usage);
    if (code == 0 && !line.helped) code = refuse_unfinished_run(settings.model);
    if (code != 0 || line.helped) goto done;
    vt_model_options model_options;
    vt_model_options_init(&model_options);
    model_options.require_head = 1;
    vt_evaluate_options defaults;
    vt_status status = vt_device_open(settings.device, &device);
    if (status == VT_OK) {
        vt_evaluate_options_init(&defaults, device);
        status = vt_model_open(settings.model, &model_options, NULL, &model);
    }
    if (status != VT_OK) {
        code = fail_status(status);
        goto done;
    }
    vt_precision precision = option_given(&line, "precision") ? (vt_precision)settings.precision : defaults.precision;
    code = predict(&settings, precision, device, model, files, line.operand_count);
done:
    vt_model_close(model);
    vt_device_close(device);
    free(files);
    return code;
}
