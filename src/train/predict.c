/* Prediction: probabilities for images that belong to no data set, decoded and resized as the model's
 * preprocessor_config.json says. */
#include "train/evaluation.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/image/image.h"
#include "data/source/files.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIXELS_BATCH = 8 };

vt_status vt_predict_pixels(vt_device *device, const vt_model *model, const uint8_t *pixels, int64_t count, int channels,
                            vt_precision precision, float *logits) {
    const vt_vit_config *config = vt_model_get_config(model);
    const size_t image_size = (size_t)config->image_height * (size_t)config->image_width * (size_t)channels;
    vt_vit_options placement = {
        .precision = precision, .max_batch = PIXELS_BATCH, .pixel_channels = channels, .host = {.parameters = model->values}};
    vt_vit *vit;
    if (channels != 1 && channels != 3) return vt_fail(VT_ERROR_USAGE, "images have %d channels, expected 1 or 3", channels);
    VT_TRY(vt_vit_create(device, model, &placement, &vit));
    vt_status status = VT_OK;
    for (int64_t done = 0; status == VT_OK && done < count; done += PIXELS_BATCH) {
        int64_t batch = count - done < PIXELS_BATCH ? count - done : PIXELS_BATCH;
        status = vt_vit_forward(vit, pixels + (size_t)done * image_size, batch, NULL, logits + done * config->num_labels);
    }
    vt_vit_free(vit);
    return status;
}

/* --- the files --- */

/* Adds the images below `folder`, sorted within each folder. */
static vt_status add_folder(vt_strings *files, const char *folder, const vt_console *console) {
    vt_files found = {0};
    vt_status status = vt_files_scan(folder, VT_KEY_RELATIVE, &found);
    if (status == VT_OK && found.count == 0) status = vt_fail(VT_ERROR_INPUT, "%s: has no images in it", folder);
    for (size_t i = 0; status == VT_OK && i < found.count; i++)
        status = vt_strings_add(files, found.items[i].path, strlen(found.items[i].path));
    if (status == VT_OK && found.unsupported.count > 0)
        vt_warn(console, "%s: %zu image files are in formats that can't be read and are left out, such as '%s'", folder,
                found.unsupported.count, found.unsupported.items[0]);
    vt_files_free(&found);
    return status;
}

static vt_status list_files(const char *const *names, int64_t count, const vt_console *console, vt_strings *files) {
    int standard_inputs = 0;
    for (int64_t i = 0; i < count; i++) {
        int is_standard_input = strcmp(names[i], "-") == 0;
        standard_inputs += is_standard_input;
        if (standard_inputs > 1) return vt_fail(VT_ERROR_USAGE, "standard input ('-') is named twice; it can be read once");
        if (!is_standard_input && vt_is_folder(names[i]))
            VT_TRY(add_folder(files, names[i], console));
        else
            VT_TRY(vt_strings_add(files, names[i], strlen(names[i])));
    }
    return VT_OK;
}

/* Waits for bytes or the end; a request to stop is seen within a moment. */
static vt_status wait_for_input(void) {
    enum { MILLISECONDS = 100 };
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        int ready = poll(&input, 1, MILLISECONDS);
        if (vt_stop_requested()) return vt_fail(VT_ERROR_INTERRUPTED, "standard input: stopped while reading");
        if (ready > 0) return VT_OK;
        if (ready < 0 && errno != EINTR) return vt_fail_errno("standard input: cannot read");
    }
}

static vt_status read_standard_input(uint8_t **data, size_t *size) {
    size_t capacity = 0;
    *data = NULL;
    *size = 0;
    for (;;) {
        VT_TRY(vt_grow(data, &capacity, *size + (1 << 16), 1, "an image on standard input"));
        VT_TRY(wait_for_input());
        ssize_t got = read(STDIN_FILENO, *data + *size, capacity - *size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return vt_fail_errno("standard input: cannot read");
        if (got == 0) return VT_OK;
        *size += (size_t)got;
        if (*size > VT_ENCODED_IMAGE_LIMIT)
            return vt_fail(VT_ERROR_INPUT, "standard input: has more than %d bytes", VT_ENCODED_IMAGE_LIMIT);
    }
}

/* --- a batch of them --- */

typedef struct prediction {
    const vt_model *model;
    int channels;    /* of the model's pixels */
    int skip;        /* bad images are warnings */
    char **files;    /* [batch] */
    uint8_t *pixels; /* [batch, height, width, channels] */
    char **failures; /* [batch]: why a file can't be used, or NULL; owned */
} prediction;

static vt_status decode(const char *file, const char *name, vt_intensity intensity, vt_image *image) {
    uint8_t *data = NULL;
    size_t size;
    vt_status status =
        strcmp(file, "-") == 0 ? read_standard_input(&data, &size) : vt_read_file(file, VT_ENCODED_IMAGE_LIMIT, &data, &size);
    if (status == VT_OK) status = vt_image_read(data, size, name, intensity, image, NULL);
    free(data);
    return status;
}

/* Decodes and resizes one file into pixels [height, width, channels]. */
static vt_status load_image(const prediction *job, const char *file, uint8_t *pixels) {
    const vt_preprocessor *preprocessor = vt_model_get_preprocessor(job->model);
    const vt_vit_config *config = vt_model_get_config(job->model);
    const char *name = strcmp(file, "-") == 0 ? "standard input" : file;
    vt_image image = {0}, resized = {0};
    vt_status status;
    VT_TRY_GOTO(decode(file, name, preprocessor->intensity, &image));
    if (image.channels > job->channels)
        VT_TRY_GOTO(vt_fail(VT_ERROR_INPUT, "%s: is in colour, but the model takes grey images", name));
    VT_TRY_GOTO(vt_image_resize(&image, config->image_width, config->image_height, preprocessor->resample, &resized));
    if (resized.channels < job->channels) VT_TRY_GOTO(vt_image_to_rgb(&resized));
    memcpy(pixels, resized.pixels, (size_t)config->image_width * (size_t)config->image_height * (size_t)job->channels);
done:
    vt_image_free(&image);
    vt_image_free(&resized);
    return status;
}

static vt_status load_task(void *context, int64_t index) {
    const prediction *job = context;
    const vt_vit_config *config = vt_model_get_config(job->model);
    size_t image_size = (size_t)config->image_height * (size_t)config->image_width * (size_t)job->channels;
    vt_status status = load_image(job, job->files[index], job->pixels + (size_t)index * image_size);
    if (status == VT_OK || status == VT_ERROR_INTERRUPTED || status == VT_ERROR_MEMORY || !job->skip) return status;
    return vt_copy_string(vt_error_message(), &job->failures[index]);
}

static vt_status predict_batch(vt_vit *vit, const prediction *job, int64_t batch, float *logits, float *scores,
                               const vt_console *console, vt_prediction_sink sink, void *user) {
    const vt_vit_config *config = vt_model_get_config(job->model);
    vt_score_kind kind = vt_resolve_score_kind(VT_SCORE_AUTO, config->problem_type, config->num_labels);
    VT_TRY(vt_parallel_for(0, batch, load_task, (void *)job));
    VT_TRY(vt_vit_forward(vit, job->pixels, batch, NULL, logits));
    vt_scores_from_logits(kind, logits, batch, config->num_labels, scores);
    for (int64_t i = 0; i < batch; i++) {
        if (job->failures[i])
            vt_warn(console, "skipped: %s", job->failures[i]);
        else
            VT_TRY(sink(user, job->files[i], scores + i * config->num_labels, config->num_labels));
        free(job->failures[i]);
        job->failures[i] = NULL;
    }
    return VT_OK;
}

static vt_status predict_all(vt_vit *vit, prediction *job, const vt_strings *files, int64_t batch_size, float *logits,
                             float *scores, const vt_console *console, vt_prediction_sink sink, void *user) {
    vt_progress progress;
    vt_status status = VT_OK;
    vt_progress_begin(&progress, console, "Predicting", "images", 0, (int64_t)files->count);
    for (int64_t first = 0; status == VT_OK && first < (int64_t)files->count; first += batch_size) {
        int64_t left = (int64_t)files->count - first, batch = left < batch_size ? left : batch_size;
        job->files = files->items + first;
        status = vt_stop_requested() ? vt_fail(VT_ERROR_INTERRUPTED, "prediction was interrupted")
                                     : predict_batch(vit, job, batch, logits, scores, console, sink, user);
        vt_progress_update(&progress, first + batch, NULL);
    }
    vt_progress_end(&progress);
    return status;
}

vt_status vt_predict_files(vt_device *device, const vt_model *model, const char *const *names, int64_t count, int batch_size,
                           vt_precision precision, vt_bad_image_policy bad_image, const vt_console *console,
                           vt_prediction_sink sink, void *user) {
    const vt_vit_config *config = vt_model_get_config(model);
    prediction job = {.model = model, .channels = config->num_channels == 1 ? 1 : 3, .skip = bad_image == VT_BAD_IMAGE_SKIP};
    vt_vit_options placement = {
        .precision = precision, .max_batch = batch_size, .pixel_channels = job.channels, .host = {.parameters = model->values}};
    const size_t image_size = (size_t)config->image_height * (size_t)config->image_width * (size_t)job.channels;
    vt_strings files = {0};
    vt_vit *vit = NULL;
    float *logits = NULL, *scores = NULL;
    vt_status status;
    if (batch_size < 1) return vt_fail(VT_ERROR_USAGE, "the batch size is %d, expected at least 1", batch_size);
    const size_t batch = (size_t)batch_size, labels = (size_t)config->num_labels;
    VT_TRY_GOTO(list_files(names, count, console, &files));
    VT_TRY_GOTO(vt_allocate(&job.pixels, batch, image_size, "images"));
    VT_TRY_GOTO(vt_allocate(&job.failures, batch, sizeof *job.failures, "names of bad images"));
    VT_TRY_GOTO(vt_allocate(&logits, batch, labels * sizeof *logits, "logits"));
    VT_TRY_GOTO(vt_allocate(&scores, batch, labels * sizeof *scores, "probabilities"));
    VT_TRY_GOTO(vt_vit_create(device, model, &placement, &vit));
    VT_TRY_GOTO(predict_all(vit, &job, &files, batch_size, logits, scores, console, sink, user));
done:
    for (size_t i = 0; job.failures && i < batch; i++) free(job.failures[i]);
    free(job.failures);
    free(job.pixels);
    free(logits);
    free(scores);
    vt_vit_free(vit);
    vt_strings_free(&files);
    return status;
}
