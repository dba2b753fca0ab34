/* Helpers of the training tests: a tiny prepared data set, a tiny model, a console that remembers. */
#ifndef VT_TESTS_TRAIN_SUPPORT_H
#define VT_TESTS_TRAIN_SUPPORT_H

#include "support.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/image/image.h"
#include "model/model.h"
#include "vitrain/evaluate.h"
#include "vitrain/train.h"
#include <omp.h>

static vt_device *device;

static inline int open_device(void **state) {
    (void)state;
    omp_set_num_threads(1); /* the models are tiny, and tests run beside each other */
    return vt_device_open("cpu", &device) == VT_OK ? 0 : -1;
}

static inline int close_device(void **state) {
    (void)state;
    vt_device_close(device);
    return 0;
}

/* --- a console that remembers its lines --- */

static vt_text heard;

static inline void hear(void *user, vt_level level, const char *text) {
    (void)user;
    if (vt_text_add(&heard, "%s%s\n", level == VT_LEVEL_WARNING ? "warning: " : "", text) != VT_OK) fail();
}

static const vt_console listener = {.line = hear};

static inline void forget(void) {
    vt_text_free(&heard);
    heard = (vt_text){0};
}

static inline void assert_heard(const char *words) {
    if (!heard.data || !strstr(heard.data, words)) fail_msg("'%s' was not said; this was:\n%s", words, heard.data);
}

/* --- data --- */

static inline const char *path_in(const char *folder, const char *name) {
    static char paths[4][VT_PATH_MAX + 64];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

enum { IMAGE_SIDE = 32 };

/* Writes one image whose brightness at three places goes with its labels. */
static inline void write_image(const char *path, int index, unsigned labels, int channels) {
    static uint8_t pixels[IMAGE_SIDE * IMAGE_SIDE * 3];
    vt_random random = vt_random_stream(3, VT_PURPOSE_TEST, 0, (uint64_t)index);
    vt_image image = {IMAGE_SIDE, IMAGE_SIDE, channels, pixels};
    uint8_t *data;
    size_t size;
    for (int i = 0; i < IMAGE_SIDE * IMAGE_SIDE * channels; i++) {
        unsigned band = (unsigned)(i / channels / IMAGE_SIDE) * 3 / IMAGE_SIDE;
        pixels[i] = (uint8_t)(vt_random_below(&random, 128) + (labels >> band & 1) * 100);
    }
    ASSERT_OK(vt_image_encode_png(&image, &data, &size));
    write_test_file(path, data, size);
    free(data);
}

/* A prepared data set of `train` + `validation` images labelled Effusion, Hernia (rare), Nodule or No Finding. Returns its
 * path.
 */
static inline const char *make_dataset(const char *name, int train, int validation, int channels) {
    char raw[64], path[600];
    vt_text table = {0};
    vt_prepare_options options;
    snprintf(raw, sizeof raw, "%s-raw", name);
    ASSERT_OK(vt_make_folders(test_path(raw)));
    ASSERT_OK(vt_text_add(&table, "file_name,labels,patient_id\n"));
    for (int i = 0; i < train + validation; i++) {
        unsigned labels = i % 11 == 7 ? 3 : (unsigned)(i * 5 / 3) % 2 + (i % 3 == 0 ? 4 : 0);
        const char *part = i < train ? "train" : "validation";
        snprintf(path, sizeof path, "%s/%s", test_path(raw), part);
        ASSERT_OK(vt_make_folders(path));
        snprintf(path, sizeof path, "%s/%s/%04d.png", test_path(raw), part, i);
        write_image(path, i, labels, channels);
        static const char *const names[] = {"No Finding", "Effusion",        "Hernia",        "Effusion|Hernia",
                                            "Nodule",     "Effusion|Nodule", "Hernia|Nodule", "Effusion|Hernia|Nodule"};
        ASSERT_OK(vt_text_add(&table, "%s/%04d.png,%s,p%d\n", part, i, names[labels], i));
    }
    snprintf(path, sizeof path, "%s/metadata.csv", test_path(raw));
    write_test_file(path, table.data, table.length);
    vt_text_free(&table);
    vt_prepare_options_init(&options);
    snprintf(path, sizeof path, "%s", test_path(raw));
    options.data = path;
    options.out = test_path(name);
    options.image_size = IMAGE_SIDE;
    options.threads = 1;
    ASSERT_OK(vt_prepare(&options, NULL));
    return test_path(name);
}

/* Whether nobody knows a label of an image of the data set below: every third of an image's, and all of the first image's. */
static inline int is_masked(int64_t index, int label) {
    return index == 0 || (index + label) % 3 == 0;
}

/* A prepared data set of the same four labels, some of which nobody knows: a table with a column for each. */
static inline const char *make_masked_dataset(const char *name, int train, int validation) {
    char raw[64], path[600];
    vt_text table = {0};
    vt_prepare_options options;
    snprintf(raw, sizeof raw, "%s-raw", name);
    ASSERT_OK(vt_text_add(&table, "file_name,Effusion,Hernia,No Finding,Nodule\n"));
    for (int i = 0; i < train + validation; i++) {
        int index = i < train ? i : i - train;
        snprintf(path, sizeof path, "%s/%s", test_path(raw), i < train ? "train" : "validation");
        ASSERT_OK(vt_make_folders(path));
        snprintf(path + strlen(path), sizeof path - strlen(path), "/%04d.png", i);
        write_image(path, i, (unsigned)i % 8, 1);
        ASSERT_OK(vt_text_add(&table, "%s/%04d.png", i < train ? "train" : "validation", i));
        for (int label = 0; label < 4; label++)
            ASSERT_OK(vt_text_add(&table, ",%s", is_masked(index, label) ? "" : (i >> label & 1) ? "1" : "0"));
        ASSERT_OK(vt_text_add(&table, "\n"));
    }
    write_test_file(path_in(test_path(raw), "labels.csv"), table.data, table.length);
    vt_text_free(&table);
    vt_prepare_options_init(&options);
    snprintf(path, sizeof path, "%s", test_path(raw));
    options.data = path;
    options.out = test_path(name);
    options.image_size = IMAGE_SIDE;
    options.threads = 1;
    ASSERT_OK(vt_prepare(&options, NULL));
    return test_path(name);
}

static inline vt_dataset *open_dataset(const char *path) {
    vt_dataset *dataset;
    ASSERT_OK(vt_dataset_open(path, &dataset));
    return dataset;
}

/* The golden ViT of 2 layers with a new head for the data set's labels; dropout as given. */
static inline vt_model *open_model_for(const vt_dataset *dataset, double dropout) {
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    vt_model_options options;
    vt_model *model;
    vt_model_options_init(&options);
    options.num_labels = info->num_labels;
    options.label_names = info->label_names;
    options.seed = 5;
    options.hidden_dropout_prob = options.attention_probs_dropout_prob = dropout;
    ASSERT_OK(vt_model_open(golden_path("vit-base"), &options, NULL, &model));
    return model;
}

/* --- runs --- */

static inline vt_training_arguments arguments_for(const char *output_dir) {
    vt_training_arguments arguments;
    vt_training_arguments_init(&arguments, NULL);
    snprintf(arguments.output_dir, sizeof arguments.output_dir, "%s", output_dir);
    arguments.per_device_train_batch_size = 2;
    arguments.learning_rate = 1e-3;
    arguments.logging_steps = 1;
    return arguments;
}

/* Trains a fresh model; the result is in output_dir. */
static inline vt_status train_fresh(const vt_dataset *dataset, const vt_training_arguments *arguments,
                                    const vt_console *console, vt_train_result *result) {
    vt_train_result own, *left = result ? result : &own;
    vt_model *model = open_model_for(dataset, 0.1);
    vt_status status = vt_train(device, model, dataset, arguments, console, left);
    if (status == VT_OK) vt_evaluation_free(left->evaluation);
    vt_model_close(model);
    return status;
}

static inline void assert_same_file(const char *a, const char *b) {
    uint8_t *first, *second;
    size_t first_size, second_size;
    ASSERT_OK(vt_read_file(a, 1 << 26, &first, &first_size));
    ASSERT_OK(vt_read_file(b, 1 << 26, &second, &second_size));
    if (first_size != second_size || memcmp(first, second, first_size) != 0) fail_msg("%s and %s differ", a, b);
    free(first);
    free(second);
}

static inline int is_timing(const char *key) {
    return strstr(key, "runtime") || strstr(key, "per_second") || strstr(key, "data_wait_share");
}

/* The log of a run without its timings. */
static inline json_t *log_of(const char *output_dir) {
    json_t *root, *history, *entry, *value;
    size_t i;
    const char *key;
    void *next;
    ASSERT_OK(vt_json_load(path_in(output_dir, "trainer_state.json"), &root));
    history = json_incref(json_object_get(root, "log_history"));
    json_decref(root);
    json_array_foreach(history, i, entry) {
        json_object_foreach_safe(entry, next, key, value) if (is_timing(key)) json_object_del(entry, key);
    }
    return history;
}

/* Same weights, bit for bit, and same log but for timings. */
static inline void assert_same_run(const char *a, const char *b) {
    assert_same_file(path_in(a, "model.safetensors"), path_in(b, "model.safetensors"));
    json_t *first = log_of(a), *second = log_of(b);
    if (!json_equal(first, second))
        fail_msg("logs differ:\n%s\n%s", json_dumps(first, JSON_COMPACT), json_dumps(second, JSON_COMPACT));
    json_decref(first);
    json_decref(second);
}

#endif
