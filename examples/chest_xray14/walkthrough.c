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

enum { EXAMPLES = 12 }; /* images in a grid */

static void chapter(const char *title) {
    printf("\n=== %s ===\n\n", title);
}

/* What one chapter hands on to the next. */
typedef struct run_state {
    const char *dataset_dir, *model_name, *output_dir;
    int image_size; /* 0: as the model says, else 224 */
    char prepared[VT_PATH_MAX], plots[VT_PATH_MAX];
    vt_training_arguments arguments;
    vt_device *device;
    vt_dataset *dataset;
    const vt_split *train, *validation;
    vt_model *model;
    vt_evaluation *evaluation;
} run_state;

/* The hyper-parameters of the walk-through: a global batch of 128, three epochs, a cosine that warms up over the first
 * quarter. Everything else is as in Hugging Face's TrainingArguments. */
static int set_defaults(run_state *run) {
    run->model_name = "vit-base-patch16-224";
    run->output_dir = "output";
    CHECK(vt_device_open("cpu", &run->device));
    vt_training_arguments_init(&run->arguments, run->device);
    run->arguments.per_device_train_batch_size = 16;
    run->arguments.gradient_accumulation_steps = 8;
    run->arguments.num_train_epochs = 3;
    run->arguments.learning_rate = 2e-4;
    run->arguments.lr_scheduler_type = VT_SCHEDULER_COSINE;
    run->arguments.warmup_ratio = 0.25;
    run->arguments.dataloader_drop_last = 1;
    run->arguments.logging_steps = 50;
    run->arguments.save_steps = 1000;
    run->arguments.overwrite_output_dir = 1;
    run->arguments.seed = 1337;
    return 0;
}

static int read_arguments(run_state *run, int argc, char **argv) {
    for (int i = 1; i < argc; i += 2) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strncmp(name, "--", 2) != 0 || !value) {
            fprintf(stderr, "walkthrough: error: '%s': expected --NAME VALUE\n", name);
            return 2;
        }
        if (strcmp(name, "--dataset-dir") == 0)
            run->dataset_dir = value;
        else if (strcmp(name, "--model") == 0)
            run->model_name = value;
        else if (strcmp(name, "--output-dir") == 0)
            run->output_dir = value;
        else if (strcmp(name, "--image-size") != 0)
            CHECK(vt_training_arguments_set(&run->arguments, name + 2, value));
        else if (sscanf(value, "%d", &run->image_size) != 1) {
            fprintf(stderr, "walkthrough: error: --image-size '%s': expected a number of pixels\n", value);
            return 2;
        }
    }
    if (!run->dataset_dir) {
        fprintf(stderr, "walkthrough: error: --dataset-dir DIR is missing: NIH ChestX-ray14, or what `vitrain sample` draws\n");
        return 2;
    }
    CHECK(vt_training_arguments_set(&run->arguments, "output-dir", run->output_dir));
    snprintf(run->prepared, sizeof run->prepared, "%s/data", run->output_dir);
    snprintf(run->plots, sizeof run->plots, "%s/plots", run->output_dir);
    return 0;
}

/* Each image's "A|B|C" becomes an N-hot vector over the sorted unique labels, which are printed. All images are decoded
 * and resized once. 5 % become the validation split, and no patient is on both sides: the original walk-through splits
 * image by image, which VT_SPLIT_RANDOM would do. */
static int prepare_labels(run_state *run) {
    chapter("Preparing the labels");
    vt_prepare_options prepare;
    vt_prepare_options_init(&prepare);
    prepare.data = run->dataset_dir;
    prepare.out = run->prepared;
    prepare.image_size = run->image_size;
    prepare.split = VT_SPLIT_PATIENT;
    prepare.seed = run->arguments.seed;
    prepare.write_metadata = 1;
    prepare.overwrite = 1;
    /* A model folder says itself how its images are to be resized; a preset leaves that to us. */
    int is_preset = 0;
    for (const char *const *name = vt_preset_names(); *name; name++) is_preset |= strcmp(*name, run->model_name) == 0;
    if (!is_preset) prepare.model = run->model_name;
    CHECK(vt_prepare(&prepare, &console));
    return 0;
}

static int show_first_rows(const run_state *run) {
    chapter("The first ten rows");
    char metadata[VT_PATH_MAX + 16], row[512];
    snprintf(metadata, sizeof metadata, "%s/metadata.jsonl", run->prepared);
    FILE *rows = fopen(metadata, "r");
    for (int i = 0; rows && i < 10 && fgets(row, sizeof row, rows); i++) fputs(row, stdout);
    if (rows) fclose(rows);
    return 0;
}

/* The prepared data set is mapped into memory, and `datasets.load_from_disk` opens it too. */
static int open_dataset(run_state *run) {
    chapter("The data set");
    CHECK(vt_dataset_open(run->prepared, &run->dataset));
    const vt_dataset_info *info = vt_dataset_get_info(run->dataset);
    run->train = vt_dataset_get_split(run->dataset, "train");
    run->validation = vt_dataset_get_split(run->dataset, run->arguments.eval_split);
    if (!run->train || !run->validation) {
        fprintf(stderr, "walkthrough: error: %s: too few patients for a train and a validation split\n", run->dataset_dir);
        return 1;
    }
    printf("train: %lld images, validation: %lld images; %d x %d pixels, %d labels\n", (long long)vt_split_size(run->train),
           (long long)vt_split_size(run->validation), info->width, info->height, info->num_labels);
    return 0;
}

static int look_at_images(const run_state *run) {
    chapter("A look at the images");
    CHECK(vt_plot_examples(run->dataset, run->train, NULL, EXAMPLES, run->arguments.seed, run->plots, "examples"));
    printf("%s/examples.png\n", run->plots);
    return 0;
}

/* The model's classifier is replaced by a new one for our labels. */
static int open_model(run_state *run) {
    chapter("The model");
    const vt_dataset_info *info = vt_dataset_get_info(run->dataset);
    vt_model_options options;
    vt_model_options_init(&options);
    options.num_labels = info->num_labels;
    options.label_names = info->label_names;
    options.problem_type = VT_PROBLEM_MULTI_LABEL;
    options.image_height = info->height;
    options.image_width = info->width;
    options.seed = run->arguments.seed;
    CHECK(vt_model_open(run->model_name, &options, &console, &run->model));
    return 0;
}

static int train(run_state *run) {
    chapter("Training");
    vt_train_result result;
    CHECK(vt_train(run->device, run->model, run->dataset, &run->arguments, &console, &result));
    run->evaluation = result.evaluation;
    return 0;
}

static int draw_curves(const run_state *run) {
    chapter("The curves");
    CHECK(vt_plot_training(run->output_dir));
    printf("%s/loss.png\n%s/learning_rate.png\n", run->plots, run->plots);
    return 0;
}

/* AUC by sigmoid, label by label, with confidence intervals; the original's softmax is VT_SCORE_SOFTMAX. Where training
 * was asked to evaluate, it has done so at its end. */
static int evaluate(run_state *run) {
    chapter("Evaluation");
    if (!run->evaluation) {
        vt_evaluate_options options;
        vt_evaluate_options_init(&options, run->device);
        options.precision = run->arguments.precision;
        float *pos_weight;
        CHECK(vt_training_pos_weight(&run->arguments, run->dataset, &pos_weight));
        options.pos_weight = pos_weight;
        options.label_smoothing_factor = run->arguments.label_smoothing_factor;
        vt_status status =
            vt_evaluate(run->device, run->model, run->dataset, run->validation, &options, &console, &run->evaluation);
        free(pos_weight);
        CHECK(status);
    }
    vt_evaluation_print(run->evaluation, &console);
    CHECK(vt_evaluation_save(run->evaluation, run->output_dir, "eval"));
    CHECK(vt_plot_evaluation(run->evaluation, run->plots));
    CHECK(vt_plot_examples(run->dataset, run->validation, run->evaluation, EXAMPLES, run->arguments.seed, run->plots,
                           "predictions"));
    CHECK(vt_write_report(run->output_dir, run->dataset, run->evaluation));
    printf("\nThe model, all pictures and report.html are in %s\n", run->output_dir);
    return 0;
}

int main(int argc, char **argv) {
    run_state run = {0};
    int code = set_defaults(&run);
    if (code == 0) code = read_arguments(&run, argc, argv);
    if (code == 0) code = prepare_labels(&run);
    if (code == 0) code = show_first_rows(&run);
    if (code == 0) code = open_dataset(&run);
    if (code == 0) code = look_at_images(&run);
    if (code == 0) code = open_model(&run);
    if (code == 0) code = train(&run);
    if (code == 0) code = draw_curves(&run);
    if (code == 0) code = evaluate(&run);
    vt_evaluation_free(run.evaluation);
    vt_model_close(run.model);
    vt_dataset_close(run.dataset);
    vt_device_close(run.device);
    return code;
}
