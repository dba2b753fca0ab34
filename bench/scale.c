/* A prepared data set of the real thing's size, drawn on the spot: how long it takes to open and to begin training, how much
 * memory training takes, and how long it waits for data.
 *
 *     bench_scale folder [images [preset [seconds [augmentation]]]]      112120 vit-tiny-patch16-224 60 ""
 *
 * Writes `folder` (5.6 GB at the default; the spool beside it takes as much again for a moment) and removes it at the end; with
 * 0 seconds it trains nothing and leaves folder/data there, for bench/peers/scale.py. "Cold" is after the files were dropped
 * from the page cache. Memory is told apart as the kernel does: the program's own (RssAnon), and pages of the mapped files
 * (RssFile), which it takes back whenever it wants to. */
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/threads.h"
#include "data/prepared/loader.h"
#include "data/prepared/prepared.h"
#include "vitrain/train.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SIDE = 224, PIXELS = SIDE * SIDE, LABELS = 14, DRAWINGS = 64, BATCH = 32, CURVE_POINTS = 8 };

typedef struct bench {
    const char *folder, *preset, *augment;
    int64_t images;
    double seconds;
    char *data, *run; /* folders below `folder` */
} bench;

/* --- drawing --- */

/* Shares of ChestX-ray14's images that have each finding, Infiltration first, Hernia last. */
static const double SHARES[LABELS] = {.177, .119, .103, .056, .052, .047, .042, .030, .025, .022, .021, .015, .013, .002};

static void draw_image(int64_t number, uint8_t *pixels) {
    vt_random random = vt_random_stream(1, VT_PURPOSE_TEST, 0, (uint64_t)number);
    double across = vt_random_uniform(&random) * 0.2, down = vt_random_uniform(&random) * 0.2;
    for (int i = 0; i < PIXELS; i++)
        pixels[i] = (uint8_t)((int)(across * (i % SIDE) + down * (i / SIDE)) * 8 + (int)(vt_random_u32(&random) & 31));
}

static vt_status describe_images(const bench *b, vt_source *source) {
    char name[32];
    source->patients_known = 1;
    for (int64_t i = 0; i < b->images; i++) {
        vt_random random = vt_random_stream(1, VT_PURPOSE_TEST, 1, (uint64_t)i);
        snprintf(name, sizeof name, "%08lld_000.png", (long long)i);
        VT_TRY(vt_source_add(source, name, "the benchmark", i + 1));
        snprintf(name, sizeof name, "%lld", (long long)(i * 30805 / 112120)); /* patients, images of ChestX-ray14 */
        source->items[i].file = VT_FILE_ARCHIVED;
        VT_TRY(vt_source_set_patient(source, name, "the benchmark", i + 1));
        for (int label = 0; label < LABELS; label++) {
            snprintf(name, sizeof name, "Finding %02d", label);
            if (vt_random_uniform(&random) < SHARES[label]) VT_TRY(vt_source_add_label(source, name, strlen(name)));
        }
    }
    return VT_OK;
}

static vt_status spool_images(const bench *b, vt_spool *spool) {
    static uint8_t drawings[DRAWINGS][PIXELS];
    for (int i = 0; i < DRAWINGS; i++) draw_image(i, drawings[i]);
    for (int64_t i = 0; i < b->images; i++) {
        uint8_t *pixels = drawings[i % DRAWINGS];
        memcpy(pixels, &i, sizeof i); /* no two are equal */
        VT_TRY(vt_spool_write(spool, (size_t)i, VT_LOOSE, 1, false, pixels));
    }
    return VT_OK;
}

static vt_status write_data_set(const bench *b) {
    const vt_label_options labels = {0};
    vt_source source = {.root = "the benchmark", .options = &labels};
    const vt_split_request request = {.policy = VT_SPLIT_PATIENT, .validation_fraction = 0.05, .seed = 42};
    const vt_spool_format format = {.height = SIDE, .width = SIDE, .resample = VT_RESAMPLE_BILINEAR};
    vt_split_plan plan = {0};
    uint8_t *skip = NULL; /* none */
    vt_spool spool = {.pixels = -1, .journal = -1};
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_map_create(&source.by_name));
    VT_TRY_GOTO(vt_map_create(&source.by_label));
    VT_TRY_GOTO(describe_images(b, &source));
    VT_TRY_GOTO(vt_split_plan_make(&source, &request, &plan));
    VT_TRY_GOTO(vt_make_folders(b->data));
    VT_TRY_GOTO(vt_allocate(&skip, source.count, 1, "the images"));
    VT_TRY_GOTO(vt_spool_open(b->folder, &source, skip, &format, &spool));
    VT_TRY_GOTO(spool_images(b, &spool));
    double started = vt_now();
    const vt_prepared prepared = {.source = &source,
                                  .plan = &plan,
                                  .request = &request,
                                  .spool = &spool,
                                  .resample = VT_RESAMPLE_BILINEAR,
                                  .image_height = SIDE,
                                  .image_width = SIDE,
                                  .threads = vt_core_count()};
    VT_TRY_GOTO(vt_prepared_write(b->data, &prepared, NULL));
    double took = vt_now() - started;
    printf("written: %lld images of %d x %d in %.1f s, %.2f GB/s\n", (long long)b->images, SIDE, SIDE, took,
           1e-9 * (double)b->images * PIXELS / took);
done:
    vt_spool_close(&spool);
    vt_split_plan_free(&plan);
    vt_source_free(&source);
    free(skip);
    return status == VT_OK ? vt_spool_remove(b->folder) : status;
}

/* --- opening --- */

/* Drops the Arrow files below `folder` from the page cache; they are synced already. */
static vt_status drop_from_cache(const char *folder) {
    vt_strings names = {0};
    vt_status status = vt_list_folder(folder, &names);
    for (size_t i = 0; status == VT_OK && i < names.count; i++) {
        char *path;
        status = vt_join(folder, names.items[i], &path);
        if (status != VT_OK) break;
        if (vt_is_folder(path)) status = drop_from_cache(path);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
            close(file);
        }
        free(path);
    }
    vt_strings_free(&names);
    return status;
}

static vt_status time_opening(const bench *b, const char *when) {
    vt_dataset *dataset;
    double started = vt_now();
    VT_TRY(vt_dataset_open(b->data, &dataset));
    printf("opened %s: %.0f ms\n", when, 1e3 * (vt_now() - started));
    vt_dataset_close(dataset);
    return VT_OK;
}

/* --- loading --- */

/* Shuffled batches by one worker, that nobody computes anything of. */
static vt_status time_loading(const bench *b, const char *when) {
    const double seconds = 5;
    vt_dataset *dataset;
    vt_loader *loader = NULL;
    vt_batch batch;
    int64_t images = 0;
    vt_status status = VT_OK;
    VT_TRY(vt_dataset_open(b->data, &dataset));
    const vt_loader_options options = {.batch_size = BATCH, .shuffle = 1, .seed = 1, .augment = b->augment, .workers = 1};
    VT_TRY_GOTO(vt_loader_create(dataset, vt_dataset_get_split(dataset, "train"), &options, &loader));
    double started = vt_now();
    while (vt_now() < started + seconds) {
        VT_TRY_GOTO(vt_loader_next(loader, &batch));
        images += batch.size;
    }
    printf("loaded %s, by one worker: %.0f images/s\n", when, (double)images / (vt_now() - started));
done:
    vt_loader_free(loader);
    vt_dataset_close(dataset);
    return status;
}

/* --- memory --- */

typedef struct curve {
    double interval, started;
    atomic_bool stop;
    double highest; /* of the program's own memory, MB */
} curve;

/* A line of /proc/self/status in MB. */
static double status_megabytes(const char *key) {
    char line[256];
    double value = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0) value = 1.024e-3 * strtod(line + strlen(key) + 1, NULL);
    if (file) fclose(file);
    return value;
}

static void *draw_curve(void *argument) {
    curve *c = argument;
    double next = c->interval;
    while (!atomic_load(&c->stop)) {
        const struct timespec tenth = {.tv_nsec = 100000000};
        nanosleep(&tenth, NULL);
        double own = status_megabytes("RssAnon:"), now = vt_now() - c->started;
        if (own > c->highest) c->highest = own;
        if (now < next) continue;
        printf("  %5.1f s: own memory %6.0f MB, file pages %6.0f MB\n", now, own, status_megabytes("RssFile:"));
        fflush(stdout);
        next += c->interval;
    }
    return NULL;
}

/* --- training --- */

typedef struct first_step {
    double started, took; /* took 0: not yet */
} first_step;

/* The first log line is that of the first step. */
static void note_line(void *user, vt_level level, const char *text) {
    first_step *step = user;
    if (level == VT_LEVEL_WARNING) printf("%s\n", text);
    if (step->took == 0 && strncmp(text, "{'loss'", 7) == 0) step->took = vt_now() - step->started;
}

/* From a closed data set to a trained model; *step: the time until the first optimizer step was done. */
static vt_status train(const bench *b, int64_t steps, first_step *step, vt_train_result *result) {
    static vt_training_arguments arguments;
    const vt_console console = {.user = step, .line = note_line};
    vt_device *device = NULL;
    vt_dataset *dataset = NULL;
    vt_model *model = NULL;
    vt_model_options options;
    vt_status status = VT_OK;
    *step = (first_step){.started = vt_now()};
    VT_TRY_GOTO(vt_device_open("cpu", &device));
    vt_training_arguments_init(&arguments, device);
    arguments.per_device_train_batch_size = BATCH;
    arguments.max_steps = steps;
    arguments.logging_first_step = arguments.overwrite_output_dir = 1;
    arguments.save_strategy = VT_STRATEGY_NO;
    VT_TRY_GOTO(vt_training_arguments_set(&arguments, "output_dir", b->run));
    VT_TRY_GOTO(vt_training_arguments_set(&arguments, "augment", b->augment));
    VT_TRY_GOTO(vt_dataset_open(b->data, &dataset));
    vt_model_options_init(&options);
    options.num_labels = vt_dataset_get_info(dataset)->num_labels;
    options.label_names = vt_dataset_get_info(dataset)->label_names;
    options.problem_type = VT_PROBLEM_MULTI_LABEL;
    VT_TRY_GOTO(vt_model_open(b->preset, &options, NULL, &model));
    status = vt_train(device, model, dataset, &arguments, &console, result);
done:
    vt_model_close(model);
    vt_dataset_close(dataset);
    vt_device_close(device);
    return status;
}

/* A few steps tell how long the first one takes to come, and how many fill the time. */
static vt_status measure_training(const bench *b) {
    enum { TRIAL_STEPS = 5 };
    first_step step;
    vt_train_result result;
    pthread_t thread;
    VT_TRY(drop_from_cache(b->data));
    VT_TRY(train(b, TRIAL_STEPS, &step, &result));
    printf("first step done, cold: %.0f ms after the start\n", 1e3 * step.took);
    double rate = result.train_steps_per_second;
    curve memory = {.interval = b->seconds / CURVE_POINTS, .started = vt_now()};
    VT_TRY(drop_from_cache(b->data));
    if (pthread_create(&thread, NULL, draw_curve, &memory) != 0) return vt_fail(VT_ERROR_MEMORY, "cannot start a thread");
    vt_status status = train(b, 1 + (int64_t)(b->seconds * rate), &step, &result);
    atomic_store(&memory.stop, true);
    pthread_join(thread, NULL);
    VT_TRY(status);
    printf("%s%s%s: %.1f images/s for %.0f s, %.2f %% of it waiting for data; own memory at most %.0f MB\n", b->preset,
           *b->augment ? ", " : "", b->augment, result.train_samples_per_second, result.train_runtime,
           100 * result.train_data_wait_share, memory.highest);
    return VT_OK;
}

static vt_status run(const bench *b) {
    printf("own memory at the start: %.0f MB\n", status_megabytes("RssAnon:"));
    VT_TRY(write_data_set(b));
    VT_TRY(drop_from_cache(b->data));
    VT_TRY(time_opening(b, "cold"));
    VT_TRY(time_opening(b, "warm"));
    VT_TRY(drop_from_cache(b->data));
    VT_TRY(time_loading(b, "cold"));
    VT_TRY(time_loading(b, "warm"));
    return b->seconds > 0 ? measure_training(b) : VT_OK;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        puts("not run: give it a folder to make, on a disk with room for 12 GB");
        return 0;
    }
    bench b = {.folder = argv[1],
               .images = argc > 2 ? atoll(argv[2]) : 112120,
               .preset = argc > 3 ? argv[3] : "vit-tiny-patch16-224",
               .seconds = argc > 4 ? atof(argv[4]) : 60,
               .augment = argc > 5 ? argv[5] : ""};
    vt_status status = VT_OK;
    if (vt_path_exists(b.folder)) VT_TRY_GOTO(vt_fail(VT_ERROR_USAGE, "%s: is there already, and would be removed", b.folder));
    VT_TRY_GOTO(vt_join(b.folder, "data", &b.data));
    VT_TRY_GOTO(vt_join(b.folder, "run", &b.run));
    status = run(&b);
    if (status != VT_OK) fprintf(stderr, "%s\n", vt_error_message());
    if ((status != VT_OK || b.seconds > 0) && vt_remove_tree(b.folder) != VT_OK) fprintf(stderr, "%s\n", vt_error_message());
    free(b.data);
    free(b.run);
    return status == VT_OK ? 0 : 1;
done:
    fprintf(stderr, "%s\n", vt_error_message());
    free(b.data);
    free(b.run);
    return 1;
}
