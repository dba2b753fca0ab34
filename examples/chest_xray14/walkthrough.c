/* Fine-tuning a Vision Transformer on chest X-rays, chapter by chapter, on Vitrain's public API alone.
 *
 *     walkthrough --dataset-dir DIR --model MODEL --output-dir DIR [--image-size N] [--TRAINING-ARGUMENT VALUE ...]
 *
 * DIR is NIH ChestX-ray14 as it is downloaded (or drawn by `vitrain sample`), MODEL a folder in Hugging Face layout, such
 * as google/vit-base-patch16-224-in21k, or a preset with random weights. Any argument of `vitrain train` may be given too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vitrain/vitrain.h>

/* The library prints nothing itself: it hands complete lines and the progress bar to a console, and this is ours. The bar is
 * redrawn in place, if anybody is watching. */
static void print_progress(void *user, const char *text) {
    (void)user;
    if (isatty(STDERR_FILENO)) fprintf(stderr, "\r%-79.79s%s", text ? text : "", text ? "" : "\r");
}

static void print_line(void *user, vt_level level, const char *text) {
    print_progress(user, NULL);
    printf("%s%s\n", level == VT_LEVEL_WARNING ? "warning: " : "", text);
    fflush(stdout);
}
static const vt_console console = {.line = print_line, .progress = print_progress};

/* Every call that can fail returns a status and leaves one sentence. */
#define CHECK(call)                                                                                                            \
    do {                                                                                                                       \
        if ((call) != VT_OK) {                                                                                                 \
            fprintf(stderr, "walkthrough: error: %s\n", vt_error_message());                                                   \
            return 1;                                                                                                          \
        }                                                                                                                      \
    } while (0)

static void chapter(const char *title) {
    printf("\n=== %s ===\n\n", title);
}

int main(int argc, char **argv) {
    const char *dataset_dir = NULL, *model_name = "vit-base-patch16-224", *output_dir = "output", *image_size = "0";
    char prepared[VT_PATH_MAX], plots[VT_PATH_MAX], metadata[VT_PATH_MAX + 16], row[512];

    /* The hyper-parameters of the walk-through: a global batch of 128, three epochs, a cosine that warms up over the first
     * quarter. Everything else is as in Hugging Face's TrainingArguments. */
    vt_device *device;
    vt_training_arguments arguments;
    CHECK(vt_device_open("cpu", &device));
    vt_training_arguments_init(&arguments, device);
    arguments.per_device_train_batch_size = 16;
    arguments.gradient_accumulation_steps = 8;
    arguments.num_train_epochs = 3;
    arguments.learning_rate = 2e-4;
    arguments.lr_scheduler_type = VT_SCHEDULER_COSINE;
    arguments.warmup_ratio = 0.25;
    arguments.dataloader_drop_last = 1;
    arguments.logging_steps = 50;
    arguments.save_steps = 1000;
    arguments.overwrite_output_dir = 1;
    arguments.seed = 1337;

    for (int i = 1; i < argc; i += 2) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strncmp(name, "--", 2) != 0 || !value) {
            fprintf(stderr, "walkthrough: error: '%s': expected --NAME VALUE\n", name);
            return 2;
        }
        if (strcmp(name, "--dataset-dir") == 0)
            dataset_dir = value;
        else if (strcmp(name, "--model") == 0)
            model_name = value;
        else if (strcmp(name, "--output-dir") == 0)
            output_dir = value;
        else if (strcmp(name, "--image-size") == 0)
            image_size = value;
        else
            CHECK(vt_training_arguments_set(&arguments, name + 2, value));
    }
    if (!dataset_dir) {
        fprintf(stderr, "walkthrough: error: --dataset-dir DIR is missing: NIH ChestX-ray14, or what `vitrain sample` draws\n");
        return 2;
    }
    CHECK(vt_training_arguments_set(&arguments, "output-dir", output_dir));
    snprintf(prepared, sizeof prepared, "%s/data", output_dir);
    snprintf(plots, sizeof plots, "%s/plots", output_dir);
    snprintf(metadata, sizeof metadata, "%s/metadata.jsonl", prepared);

    chapter("Preparing the labels");
    /* Each image's "A|B|C" becomes an N-hot vector over the sorted unique labels, which are printed. All images are decoded
     * and resized once. 5 % become the validation split, and no patient is on both sides: the original walk-through splits
     * image by image, which VT_SPLIT_RANDOM would do. */
    vt_prepare_options prepare;
    vt_prepare_options_init(&prepare);
    prepare.data = dataset_dir;
    prepare.out = prepared;
    prepare.split = VT_SPLIT_PATIENT;
    prepare.seed = arguments.seed;
    prepare.write_metadata = 1;
    prepare.overwrite = 1;
    if (sscanf(image_size, "%d", &prepare.image_size) != 1) {
        fprintf(stderr, "walkthrough: error: --image-size '%s': expected a number of pixels\n", image_size);
        return 2;
    }
    /* A model folder says itself how its images are to be resized; a preset leaves that to us. */
    int is_preset = 0;
    for (const char *const *name = vt_preset_names(); *name; name++) is_preset |= strcmp(*name, model_name) == 0;
    if (!is_preset) prepare.model = model_name;
    CHECK(vt_prepare(&prepare, &console));

    chapter("The first ten rows");
    FILE *rows = fopen(metadata, "r");
    for (int i = 0; rows && i < 10 && fgets(row, sizeof row, rows); i++) fputs(row, stdout);
    if (rows) fclose(rows);

    chapter("The data set");
    /* It is mapped into memory, and `datasets.load_from_disk` opens it too. */
    vt_dataset *dataset;
    CHECK(vt_dataset_open(prepared, &dataset));
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    const vt_split *train = vt_dataset_get_split(dataset, "train"),
                   *validation = vt_dataset_get_split(dataset, arguments.eval_split);
    if (!train || !validation) {
        fprintf(stderr, "walkthrough: error: %s: too few patients for a train and a validation split\n", dataset_dir);
        return 1;
    }
    printf("train: %lld images, validation: %lld images; %d x %d pixels, %d labels\n", (long long)vt_split_size(train),
           (long long)vt_split_size(validation), info->width, info->height, info->num_labels);

    chapter("A look at the images");
    CHECK(vt_plot_examples(dataset, train, NULL, 12, arguments.seed, plots, "examples"));
    printf("%s/examples.png\n", plots);

    chapter("The model");
    /* Its classifier is replaced by a new one for our labels. */
    vt_model *model;
    vt_model_options model_options;
    vt_model_options_init(&model_options);
    model_options.num_labels = info->num_labels;
    model_options.label_names = info->label_names;
    model_options.problem_type = VT_PROBLEM_MULTI_LABEL;
    model_options.image_height = info->height;
    model_options.image_width = info->width;
    model_options.seed = arguments.seed;
    CHECK(vt_model_open(model_name, &model_options, &console, &model));

    chapter("Training");
    vt_train_result result;
    CHECK(vt_train(device, model, dataset, &arguments, &console, &result));

    chapter("The curves");
    CHECK(vt_plot_training(output_dir));
    printf("%s/loss.png\n%s/learning_rate.png\n", plots, plots);

    chapter("Evaluation");
    /* AUC by sigmoid, label by label, with confidence intervals; the original's softmax is VT_SCORE_SOFTMAX. Where training
     * was asked to evaluate, it has done so at its end. */
    vt_evaluation *evaluation = result.evaluation;
    if (!evaluation) {
        vt_evaluate_options evaluate;
        vt_evaluate_options_init(&evaluate, device);
        evaluate.precision = arguments.precision;
        float *pos_weight;
        CHECK(vt_training_pos_weight(&arguments, dataset, &pos_weight));
        evaluate.pos_weight = pos_weight;
        CHECK(vt_evaluate(device, model, dataset, validation, &evaluate, &console, &evaluation));
        free(pos_weight);
    }
    vt_evaluation_print(evaluation, &console);
    CHECK(vt_evaluation_save(evaluation, output_dir, "eval"));
    CHECK(vt_plot_evaluation(evaluation, plots));
    CHECK(vt_plot_examples(dataset, validation, evaluation, 12, arguments.seed, plots, "predictions"));
    CHECK(vt_write_report(output_dir, dataset, evaluation));
    printf("\nThe model, all pictures and report.html are in %s\n", output_dir);

    vt_evaluation_free(evaluation);
    vt_model_close(model);
    vt_dataset_close(dataset);
    vt_device_close(device);
    return 0;
}
