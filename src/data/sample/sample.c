/* Writes a drawn data set in the layout of ChestX-ray14: archives of PNG files, the table of labels, the two lists.
 * Who is in it is sample_plan.c's business, what the drawings show sample_chest.c's. */
#include "vitrain/sample.h"
#include "data/sample/sample_chest.h"

#include "base/file.h"
#include "base/progress.h"
#include "base/threads.h"
#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_IMAGES = 10000000, LEAST_SIZE = 32, MOST_SIZE = 4096 };

/* All archive members carry this time (2017-09-25, as the original's do), so that the same seed gives the same bytes. */
static const int64_t member_time = 1506297600;

static const char readme[] =
    "These are drawings, not radiographs.\n"
    "\n"
    "They were made by `vitrain sample` as a stand-in for the NIH ChestX-ray14 data set: every image is computed from\n"
    "a random seed, and no patient and no X-ray is behind any of them. Patients, ages and labels are invented, with\n"
    "the label frequencies of the original. Use them to try the program and to test it. A model trained on them has\n"
    "learned to read these drawings and nothing else; it is useless for medicine.\n"
    "\n"
    "The layout is that of the original: images_*.tar.gz, Data_Entry_2017_v2020.csv, train_val_list.txt and\n"
    "test_list.txt.\n";

void vt_sample_options_init(vt_sample_options *options) {
    *options = (vt_sample_options){.images = 1000, .image_size = 1024, .images_per_archive = 500};
}

static vt_status check_options(const vt_sample_options *options) {
    if (!options->out || !*options->out) return vt_fail(VT_ERROR_USAGE, "the folder to draw into is missing");
    if (options->images < 1 || options->images > MOST_IMAGES)
        return vt_fail(VT_ERROR_USAGE, "%" PRId64 " images can't be drawn; expected 1 to %d", options->images, MOST_IMAGES);
    if (options->image_size < LEAST_SIZE || options->image_size > MOST_SIZE)
        return vt_fail(VT_ERROR_USAGE, "an image size of %d can't be drawn; expected %d to %d", options->image_size, LEAST_SIZE,
                       MOST_SIZE);
    if (options->images_per_archive < 1)
        return vt_fail(VT_ERROR_USAGE, "%" PRId64 " images per archive make no sense; expected 1 or more",
                       options->images_per_archive);
    if (options->threads < 0)
        return vt_fail(VT_ERROR_USAGE, "%d threads make no sense; expected 0 (all cores) or more", options->threads);
    return VT_OK;
}

static vt_status check_folder(const char *path) {
    if (!vt_path_exists(path)) return vt_make_folders(path);
    if (!vt_is_folder(path)) return vt_fail(VT_ERROR_USAGE, "%s: is not a folder; name one that is absent or empty", path);
    vt_strings names = {0};
    VT_TRY(vt_list_folder(path, &names));
    size_t count = names.count;
    vt_strings_free(&names);
    if (count) return vt_fail(VT_ERROR_USAGE, "%s: the folder is not empty; name one that is absent or empty", path);
    return VT_OK;
}

/* ---- archives ---- */

/* A tar.gz that is written through a vt_writer, so that it appears whole or not at all. */
typedef struct tar_file {
    const char *path;
    struct archive *archive;
    vt_writer *writer;
    vt_status status; /* of the writer */
    int discarded;    /* whatever still comes is dropped */
} tar_file;

/* Never fails towards libarchive (3.6), which then leaks its compressor; tar_add() and tar_commit() look at the status. */
static la_ssize_t write_to_writer(struct archive *archive, void *context, const void *data, size_t size) {
    (void)archive;
    tar_file *tar = context;
    if (!tar->discarded && tar->status == VT_OK) tar->status = vt_writer_write(tar->writer, data, size);
    return (la_ssize_t)size;
}

/* The writer's failure, or else libarchive's. */
static vt_status tar_failed(const tar_file *tar) {
    if (tar->status != VT_OK) return tar->status;
    const char *reason = archive_error_string(tar->archive);
    return vt_fail(VT_ERROR_IO, "%s: can't be written: %s", tar->path, reason ? reason : "unknown reason");
}

static void tar_discard(tar_file *tar) {
    tar->discarded = 1;
    archive_write_free(tar->archive);
    vt_writer_discard(tar->writer);
}

/* Without a gzip time stamp, and stored: PNG data don't shrink again. */
static vt_status tar_begin(tar_file *tar) {
    if (archive_write_set_format_ustar(tar->archive) != ARCHIVE_OK ||
        archive_write_add_filter_gzip(tar->archive) != ARCHIVE_OK ||
        archive_write_set_options(tar->archive, "gzip:compression-level=0,gzip:!timestamp") != ARCHIVE_OK ||
        archive_write_open2(tar->archive, tar, NULL, write_to_writer, NULL, NULL) != ARCHIVE_OK)
        return tar_failed(tar);
    return VT_OK;
}

static vt_status tar_open(const char *path, tar_file *tar) {
    *tar = (tar_file){.path = path};
    VT_TRY(vt_writer_open(path, &tar->writer));
    tar->archive = archive_write_new();
    if (!tar->archive) {
        vt_writer_discard(tar->writer);
        return vt_fail_memory("an archive", 0);
    }
    vt_status status = tar_begin(tar);
    if (status != VT_OK) tar_discard(tar);
    return status;
}

/* A folder if `data` is NULL. */
static vt_status tar_add(tar_file *tar, const char *name, const void *data, size_t size) {
    struct archive_entry *entry = archive_entry_new();
    if (!entry) return vt_fail_memory("an archive member", 0);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, data ? AE_IFREG : AE_IFDIR);
    archive_entry_set_perm(entry, data ? 0644 : 0755);
    archive_entry_set_size(entry, (int64_t)size);
    archive_entry_set_mtime(entry, member_time, 0);
    int fine = archive_write_header(tar->archive, entry) == ARCHIVE_OK &&
               (size == 0 || archive_write_data(tar->archive, data, size) == (la_ssize_t)size);
    archive_entry_free(entry);
    return fine && tar->status == VT_OK ? VT_OK : tar_failed(tar);
}

static vt_status tar_commit(tar_file *tar) {
    if (archive_write_close(tar->archive) != ARCHIVE_OK || tar->status != VT_OK) {
        vt_status status = tar_failed(tar);
        tar_discard(tar);
        return status;
    }
    archive_write_free(tar->archive);
    return vt_writer_commit(tar->writer);
}

/* ---- drawing ---- */

/* Images drawn side by side, then written in order. */
enum { BATCH = 32 };

typedef struct sample_job {
    const vt_sample_options *options;
    const vt_console *console;
    vt_progress progress;
    vt_sample_image *images; /* [options->images]; owned */
    int64_t first;           /* image of encoded[0] */
    struct {
        uint8_t *data; /* owned */
        size_t size;
    } encoded[BATCH];
} sample_job;

static vt_status draw_one(void *context, int64_t index) {
    sample_job *job = context;
    vt_image image;
    VT_TRY(vt_chest_draw(job->options->seed, &job->images[job->first + index], job->options->image_size, &image));
    vt_status status = vt_image_encode_png(&image, &job->encoded[index].data, &job->encoded[index].size);
    vt_image_free(&image);
    return status;
}

static vt_status write_batch(sample_job *job, tar_file *tar, int64_t count) {
    if (vt_stop_requested())
        return vt_fail(VT_ERROR_INTERRUPTED, "interrupted while drawing; %s is left empty", job->options->out);
    vt_status status = vt_parallel_for(job->options->threads, count, draw_one, job);
    for (int64_t i = 0; i < count; i++) {
        char file[32], name[64];
        vt_sample_file_name(&job->images[job->first + i], file);
        snprintf(name, sizeof name, "images/%s", file);
        if (status == VT_OK) status = tar_add(tar, name, job->encoded[i].data, job->encoded[i].size);
        free(job->encoded[i].data);
        job->encoded[i].data = NULL;
    }
    return status;
}

/* Images first ... first + count - 1 into images_NNN.tar.gz. */
static vt_status write_archive(sample_job *job, int64_t number, int64_t first, int64_t count) {
    char *path = NULL;
    tar_file tar;
    VT_TRY(vt_format(&path, "%s/images_%03" PRId64 ".tar.gz", job->options->out, number));
    vt_status status = tar_open(path, &tar);
    if (status == VT_OK) {
        status = tar_add(&tar, "images/", NULL, 0);
        for (int64_t done = 0; status == VT_OK && done < count; done += BATCH) {
            int64_t batch = count - done < BATCH ? count - done : BATCH;
            job->first = first + done;
            status = write_batch(job, &tar, batch);
            vt_progress_update(&job->progress, job->first + batch, NULL);
        }
        if (status == VT_OK)
            status = tar_commit(&tar);
        else
            tar_discard(&tar);
    }
    free(path);
    return status;
}

/* ---- the files beside the archives ---- */

static vt_status write_text(const sample_job *job, const char *name, const char *data, size_t size) {
    char *path = NULL;
    VT_TRY(vt_join(job->options->out, name, &path));
    vt_status status = vt_write_file(path, data, size);
    free(path);
    return status;
}

/* One file name a line, without a newline after the last, as in the original. */
static vt_status write_list(const sample_job *job, const char *name, int test) {
    vt_text text = {0};
    vt_status status = VT_OK;
    for (int64_t i = 0; status == VT_OK && i < job->options->images; i++) {
        if (job->images[i].in_test_list != test) continue;
        char file[32];
        vt_sample_file_name(&job->images[i], file);
        status = vt_text_add(&text, "%s%s", text.length ? "\n" : "", file);
    }
    if (status == VT_OK) status = write_text(job, name, text.data, text.length);
    vt_text_free(&text);
    return status;
}

static vt_status write_csv(const sample_job *job) {
    vt_text csv = {0};
    vt_status status = vt_sample_csv(job->options->seed, job->options->images, job->images, &csv);
    if (status == VT_OK) status = write_text(job, "Data_Entry_2017_v2020.csv", csv.data, csv.length);
    vt_text_free(&csv);
    return status;
}

/* The table of labels comes last: a folder that has it is whole. */
static vt_status write_all(sample_job *job) {
    int64_t per_archive = job->options->images_per_archive, number = 1;
    VT_TRY(write_text(job, "README.txt", readme, sizeof readme - 1));
    for (int64_t first = 0; first < job->options->images; first += per_archive, number++) {
        int64_t left = job->options->images - first;
        VT_TRY(write_archive(job, number, first, left < per_archive ? left : per_archive));
    }
    VT_TRY(write_list(job, "train_val_list.txt", 0));
    VT_TRY(write_list(job, "test_list.txt", 1));
    return write_csv(job);
}

/* After a failure the folder, which was empty, is empty again. The failure's sentence is kept. */
static void clear_folder(const char *path) {
    vt_strings names = {0};
    if (vt_list_folder(path, &names) != VT_OK) return;
    for (size_t i = 0; i < names.count; i++) {
        char *file = NULL;
        if (vt_join(path, names.items[i], &file) == VT_OK) remove(file);
        free(file);
    }
    vt_strings_free(&names);
}

static void say_summary(const sample_job *job) {
    char images[32], patients[32];
    vt_format_count(job->options->images, images);
    vt_format_count(job->images[job->options->images - 1].patient, patients);
    vt_say(job->console, "%s: %s drawings of %d x %d pixels, %s invented patients. These are drawings, not radiographs.",
           job->options->out, images, job->options->image_size, job->options->image_size, patients);
}

vt_status vt_sample_write(const vt_sample_options *options, const vt_console *console) {
    VT_TRY(check_options(options));
    sample_job job = {.options = options, .console = console};
    VT_TRY(vt_allocate(&job.images, (size_t)options->images, sizeof *job.images, "the plan of a data set"));
    vt_sample_plan(options->seed, options->images, job.images);
    vt_status status = check_folder(options->out);
    if (status == VT_OK) {
        vt_progress_begin(&job.progress, console, "Drawing", "images", 0, options->images);
        status = write_all(&job);
        vt_progress_end(&job.progress);
        if (status != VT_OK) clear_folder(options->out);
    }
    if (status == VT_OK) say_summary(&job);
    free(job.images);
    return status;
}
