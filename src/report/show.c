/* What the model will see: rows of images, each as it is and as the first epochs of training augment it, with the labels that
 * go with it. Images are made while they are painted, one at a time, pixel for pixel where they are of a usual size. */
#include "base/memory.h"
#include "base/random.h"
#include "data/augment/augment.h"
#include "report/picture.h"
#include "vitrain/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pixels of the PNG. */
enum { EDGE = 20, GAP = 12, LINE = 24, TITLE_HEIGHT = 104, SMALLEST_CELL = 160, LARGEST_CELL = 256, LINES_LIMIT = 4 };
enum { IMAGES_LIMIT = 64, EPOCHS_LIMIT = 32 };

typedef struct showing {
    const vt_dataset_info *info;
    const vt_split *split;
    const vt_show_options *options;
    vt_augmentation *none, *augmentation;
    const int64_t *order;
    int rows, lines, cell_width, cell_height; /* lines: of labels below an image */
    double width, height;
    uint8_t *own, *partner, *scratch; /* [height, width, channels] twice; what an augmentation needs */
    float *labels;                    /* [num_labels] */
} showing;

static double points(double pixels) {
    return pixels / VT_PIXELS_PER_POINT;
}

void vt_show_options_init(vt_show_options *options) {
    *options = (vt_show_options){.images = 6, .epochs = 5, .seed = 42};
}

/* --- one image --- */

/* The sample as an epoch sees it; epoch -1: as it is. */
static void make_sample(const showing *show, int64_t sample, int epoch, vt_mix *mix) {
    const vt_augmentation *augmentation = epoch < 0 ? show->none : show->augmentation;
    uint64_t seed = show->options->seed;
    vt_example example = vt_split_get(show->split, sample);
    vt_augmentation_apply(augmentation, seed, epoch, sample, example.pixels, show->scratch, show->own);
    memcpy(show->labels, example.labels, (size_t)show->info->num_labels * sizeof *show->labels);
    vt_augmentation_mix(augmentation, seed, epoch, sample, vt_split_size(show->split), mix);
    if (mix->partner < 0) return;
    example = vt_split_get(show->split, mix->partner);
    vt_augmentation_apply(augmentation, seed, epoch, mix->partner, example.pixels, show->scratch, show->partner);
    vt_mix_pixels(augmentation, mix, show->partner, show->own);
    vt_mix_labels(mix, example.labels, show->info->num_labels, show->labels);
}

static vt_status draw_sample(cairo_t *cairo, const showing *show, double x, double y) {
    const vt_dataset_info *info = show->info;
    size_t size = (size_t)info->width * (size_t)info->height * (size_t)info->channels;
    vt_image image = {.width = info->width, .height = info->height, .channels = info->channels};
    VT_TRY(vt_allocate(&image.pixels, size, 1, "a picture"));
    memcpy(image.pixels, show->own, size);
    vt_status status = vt_image_to_rgb(&image);
    if (status == VT_OK)
        status = vt_image_draw(cairo, &image, points(x), points(y), points(show->cell_width), points(show->cell_height));
    vt_image_free(&image);
    return status;
}

static void draw_line(cairo_t *cairo, const showing *show, const char *line, vt_colour colour, double x, double y) {
    char text[160];
    vt_text_fit(cairo, line, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL, points(show->cell_width), text, sizeof text);
    vt_text_draw(cairo, text, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL, colour, points(x), points(y), VT_ALIGN_LEFT);
}

/* The label with the largest value, -1 if none reaches the 0.005 that a line would show. */
static int find_largest(const float *labels, int count) {
    int largest = -1;
    for (int i = 0; i < count; i++)
        if (labels[i] >= 0.005f && (largest < 0 || labels[i] > labels[largest])) largest = i;
    return largest;
}

/* A line for each label, the heaviest first, with its weight where labels are mixed; as many as there is room for. */
static void draw_labels(cairo_t *cairo, const showing *show, int mixed, double x, double y) {
    int count = 0, unknown = 0, shown = 0;
    char line[128];
    for (int i = 0; i < show->info->num_labels; i++) {
        count += show->labels[i] >= 0.005f;
        unknown += isnan(show->labels[i]);
    }
    int room = count + (unknown > 0) <= show->lines ? count : show->lines - 1;
    for (; shown < room; shown++) {
        int label = find_largest(show->labels, show->info->num_labels);
        if (mixed)
            snprintf(line, sizeof line, "%.2f %.100s", (double)show->labels[label], show->info->label_names[label]);
        else
            snprintf(line, sizeof line, "%.100s", show->info->label_names[label]);
        show->labels[label] = 0;
        draw_line(cairo, show, line, VT_BLACK, x, y + LINE * shown);
    }
    if (count > room && unknown > 0)
        snprintf(line, sizeof line, "and %d more, %d unknown", count - room, unknown);
    else if (count > room)
        snprintf(line, sizeof line, "and %d more", count - room);
    else if (unknown > 0)
        snprintf(line, sizeof line, "%d unknown", unknown);
    else if (count == 0)
        snprintf(line, sizeof line, "no label");
    else
        return;
    draw_line(cairo, show, line, VT_GREY, x, y + LINE * shown);
}

/* --- the grid --- */

static void draw_headings(cairo_t *cairo, const showing *show) {
    const char *augment = show->options->augment;
    char line[1200], text[1200];
    snprintf(line, sizeof line, "What the model sees: %s split, seed %llu", vt_split_name(show->split),
             (unsigned long long)show->options->seed);
    vt_text_fit(cairo, line, VT_TITLE_SIZE, VT_WEIGHT_NORMAL, points(show->width - 2 * EDGE), text, sizeof text);
    vt_text_draw(cairo, text, VT_TITLE_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, points(EDGE), points(EDGE + 20), VT_ALIGN_LEFT);
    snprintf(line, sizeof line, "augmentation: %s", augment && *augment ? augment : "none");
    vt_text_fit(cairo, line, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL, points(show->width - 2 * EDGE), text, sizeof text);
    vt_text_draw(cairo, text, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, points(EDGE), points(EDGE + 50), VT_ALIGN_LEFT);
    for (int column = 0; column <= show->options->epochs; column++) {
        double x = EDGE + column * (show->cell_width + GAP);
        snprintf(text, sizeof text, column ? "epoch %d" : "as it is", column);
        draw_line(cairo, show, text, VT_GREY, x, TITLE_HEIGHT);
    }
}

static vt_status paint(cairo_t *cairo, void *context) {
    const showing *show = context;
    draw_headings(cairo, show);
    for (int row = 0; row < show->rows; row++) {
        double y = TITLE_HEIGHT + GAP + row * (show->cell_height + show->lines * LINE + GAP);
        for (int column = 0; column <= show->options->epochs; column++) {
            double x = EDGE + column * (show->cell_width + GAP);
            vt_mix mix;
            make_sample(show, show->order[row], column - 1, &mix);
            VT_TRY(draw_sample(cairo, show, x, y));
            if (column == 0 || mix.partner >= 0) draw_labels(cairo, show, column > 0, x, y + show->cell_height + LINE - 4);
        }
    }
    return VT_OK;
}

static vt_status check_options(const vt_split *split, const vt_show_options *options) {
    if (options->images < 1 || options->images > IMAGES_LIMIT || options->epochs < 1 || options->epochs > EPOCHS_LIMIT)
        return vt_fail(VT_ERROR_USAGE, "cannot show %d images over %d epochs: expected 1 to %d and 1 to %d", options->images,
                       options->epochs, IMAGES_LIMIT, EPOCHS_LIMIT);
    if (vt_split_size(split) < 1) return vt_fail(VT_ERROR_USAGE, "the %s split has no image to show", vt_split_name(split));
    return VT_OK;
}

/* Image pixels are the PNG's, unless images are unusually small or large. */
static void lay_out(showing *show) {
    const vt_dataset_info *info = show->info;
    int width = info->width < SMALLEST_CELL ? SMALLEST_CELL : info->width > LARGEST_CELL ? LARGEST_CELL : info->width;
    double aspect = fmin(8, (double)info->height / info->width);
    show->cell_width = width;
    show->cell_height = (int)fmax(1, rint(width * aspect));
    show->lines = info->num_labels < LINES_LIMIT ? info->num_labels : LINES_LIMIT;
    show->rows = show->options->images;
    if (show->rows > vt_split_size(show->split)) show->rows = (int)vt_split_size(show->split);
    show->width = 2 * EDGE + (show->options->epochs + 1) * (show->cell_width + GAP) - GAP;
    show->height = TITLE_HEIGHT + GAP + show->rows * (show->cell_height + show->lines * LINE + GAP);
}

vt_status vt_show(const vt_dataset *dataset, const vt_split *split, const vt_show_options *options, const char *path) {
    VT_TRY(check_options(split, options));
    showing show = {.info = vt_dataset_get_info(dataset), .split = split, .options = options};
    size_t pixels = (size_t)show.info->width * (size_t)show.info->height * (size_t)show.info->channels;
    int64_t size = vt_split_size(split), *order = NULL;
    vt_status status;
    VT_TRY_GOTO(vt_augmentation_create(NULL, show.info, &show.none));
    VT_TRY_GOTO(vt_augmentation_create(options->augment, show.info, &show.augmentation));
    VT_TRY_GOTO(vt_allocate(&order, (size_t)size, sizeof *order, "a picture"));
    VT_TRY_GOTO(vt_allocate(&show.own, pixels, 1, "a picture"));
    VT_TRY_GOTO(vt_allocate(&show.partner, pixels, 1, "a picture"));
    VT_TRY_GOTO(vt_allocate(&show.labels, (size_t)show.info->num_labels, sizeof *show.labels, "a picture"));
    VT_TRY_GOTO(vt_allocate_aligned(&show.scratch, vt_augmentation_scratch(show.augmentation), 1, "augmentation"));
    vt_random_permutation(options->seed, VT_PURPOSE_PLOT, 0, size, order);
    show.order = order;
    lay_out(&show);
    status = vt_picture_write_png(path, points(show.width), points(show.height), paint, &show);
done:
    vt_augmentation_free(show.none);
    vt_augmentation_free(show.augmentation);
    free(order);
    free(show.own);
    free(show.partner);
    free(show.labels);
    free(show.scratch);
    return status;
}
