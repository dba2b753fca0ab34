/* A grid of example images with their labels and, given an evaluation, what the model says about them: a tick where it
 * is right, a cross where it raises a false alarm, a ring where it misses a label, so that no meaning rests on colour. A label
 * that nobody knows of an image has a question mark. */
#include "base/memory.h"
#include "base/random.h"
#include "data/image/image.h"
#include "report/picture.h"
#include "vitrain/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS    4
#define CELL       128.0 /* width of an image in points */
#define GAP        14.0
#define EDGE       10.0
#define ROW        11.5 /* height of a line of text */
#define MOST_LINES 5
#define TOP        (EDGE + VT_TITLE_SIZE + 8.0)

typedef enum vt_verdict { VERDICT_NONE, VERDICT_FOUND, VERDICT_FALSE_ALARM, VERDICT_MISSED, VERDICT_UNKNOWN } vt_verdict;

typedef struct grid_line {
    vt_verdict verdict;
    int label; /* -1: the text alone */
    float score;
    char text[128];
} grid_line;

typedef struct grid_cell {
    vt_image image; /* three channels, not larger than the paper shows */
    grid_line lines[MOST_LINES];
    int line_count;
} grid_cell;

typedef struct vt_grid {
    const char *title;
    int count, predicted;
    grid_cell *cells;
    double image_height; /* points */
    double width, height;
} vt_grid;

/* --- what is said about an image --- */

static int is_multi_label(const vt_dataset_info *info) {
    return strcmp(info->problem_type, "single_label_classification") != 0;
}

/* Whether the model says yes to a label: above the threshold of best F1 where there is one, else 0.5; of exclusive
 * labels the largest. */
static int says_yes(const vt_evaluation *evaluation, const vt_dataset_info *info, int64_t sample, int label) {
    const float *scores = evaluation->scores + sample * evaluation->num_labels;
    if (is_multi_label(info)) {
        double threshold = evaluation->labels[label].threshold;
        return scores[label] >= (isnan(threshold) ? 0.5 : threshold);
    }
    int largest = 0;
    for (int i = 1; i < evaluation->num_labels; i++)
        if (scores[i] > scores[largest]) largest = i;
    return label == largest;
}

/* True labels first, then false alarms, then unknown ones; the surer the model, the earlier. */
static int by_importance(const void *a, const void *b) {
    static const int ranks[] = {
        [VERDICT_NONE] = 0, [VERDICT_FOUND] = 0, [VERDICT_MISSED] = 0, [VERDICT_FALSE_ALARM] = 1, [VERDICT_UNKNOWN] = 2};
    const grid_line *left = a, *right = b;
    if (ranks[left->verdict] != ranks[right->verdict]) return ranks[left->verdict] - ranks[right->verdict];
    if (left->score != right->score) return left->score < right->score ? 1 : -1;
    return left->label - right->label;
}

/* Keeps the first lines that have room; the last says how many more there are. */
static void keep_lines(const grid_line *lines, int count, grid_cell *cell) {
    cell->line_count = count < MOST_LINES ? count : MOST_LINES;
    memcpy(cell->lines, lines, (size_t)cell->line_count * sizeof *lines);
    if (count <= MOST_LINES) return;
    grid_line *last = &cell->lines[MOST_LINES - 1];
    *last = (grid_line){.label = -1};
    snprintf(last->text, sizeof last->text, "and %d more", count - MOST_LINES + 1);
}

static vt_status describe(const vt_example *example, const vt_dataset_info *info, const vt_evaluation *evaluation,
                          int64_t sample, grid_cell *cell) {
    grid_line *lines;
    int count = 0;
    VT_TRY(vt_allocate(&lines, (size_t)info->num_labels + 1, sizeof *lines, "a picture"));
    for (int label = 0; label < info->num_labels; label++) {
        int truth = example->labels[label] > 0.5f, unknown = isnan(example->labels[label]);
        int yes = evaluation && says_yes(evaluation, info, sample, label);
        if (!truth && !yes && !unknown) continue;
        grid_line *line = &lines[count++];
        *line = (grid_line){.label = label, .verdict = unknown ? VERDICT_UNKNOWN : VERDICT_NONE};
        snprintf(line->text, sizeof line->text, "%.100s%s", info->label_names[label], unknown ? "?" : "");
        if (!evaluation) continue;
        if (!unknown) line->verdict = !yes ? VERDICT_MISSED : truth ? VERDICT_FOUND : VERDICT_FALSE_ALARM;
        line->score = evaluation->scores[sample * evaluation->num_labels + label];
    }
    qsort(lines, (size_t)count, sizeof *lines, by_importance);
    if (count == 0) {
        lines[count] = (grid_line){.label = -1};
        snprintf(lines[count++].text, sizeof lines[0].text, "no label");
    }
    keep_lines(lines, count, cell);
    free(lines);
    return VT_OK;
}

/* --- the images --- */

static vt_status copy_image(const vt_example *example, const vt_dataset_info *info, vt_image *out) {
    vt_image view = {.width = info->stored_width, .height = info->stored_height, .channels = info->channels};
    size_t size = (size_t)view.width * (size_t)view.height * (size_t)view.channels;
    VT_TRY(vt_allocate(&view.pixels, size, 1, "a picture"));
    memcpy(view.pixels, example->pixels, size);
    double shrink = CELL * VT_PIXELS_PER_POINT / view.width;
    vt_status status = VT_OK;
    if (shrink < 1.0) {
        int height = (int)fmax(1.0, round(view.height * shrink));
        status = vt_image_resize(&view, (int)(CELL * VT_PIXELS_PER_POINT), height, VT_RESAMPLE_BILINEAR, out);
        vt_image_free(&view);
    } else
        *out = view;
    return status == VT_OK ? vt_image_to_rgb(out) : status;
}

/* --- painting --- */

static vt_colour verdict_colour(vt_verdict verdict) {
    static const vt_colour colours[] = {
        {0, 0, 0}, {0.0, 0.45, 0.25}, {0.75, 0.15, 0.15}, {0.70, 0.40, 0.0}, {0.35, 0.35, 0.35}};
    return colours[verdict];
}

/* A mark in a box of 7 points whose left end is x, around the height y. */
static void draw_mark(cairo_t *cairo, vt_verdict verdict, double x, double y) {
    vt_set_colour(cairo, verdict_colour(verdict), 1.0);
    cairo_set_line_width(cairo, 1.5);
    if (verdict == VERDICT_FOUND) {
        cairo_move_to(cairo, x + 0.5, y + 0.3);
        cairo_line_to(cairo, x + 2.7, y + 2.6);
        cairo_line_to(cairo, x + 6.5, y - 2.8);
    } else if (verdict == VERDICT_FALSE_ALARM) {
        cairo_move_to(cairo, x + 1.0, y - 2.5);
        cairo_line_to(cairo, x + 6.0, y + 2.5);
        cairo_move_to(cairo, x + 6.0, y - 2.5);
        cairo_line_to(cairo, x + 1.0, y + 2.5);
    } else if (verdict == VERDICT_MISSED)
        cairo_arc(cairo, x + 3.5, y, 2.6, 0.0, 2.0 * M_PI);
    else if (verdict == VERDICT_UNKNOWN) {
        cairo_move_to(cairo, x + 1.0, y);
        cairo_line_to(cairo, x + 6.0, y);
    }
    cairo_stroke(cairo);
}

static void draw_lines(cairo_t *cairo, const grid_cell *cell, int predicted, double x, double y) {
    for (int i = 0; i < cell->line_count; i++, y += ROW) {
        const grid_line *line = &cell->lines[i];
        char text[160], score[16] = "";
        double indent = predicted && line->label >= 0 ? 11.0 : 0.0, room = CELL - indent;
        if (indent > 0.0) {
            draw_mark(cairo, line->verdict, x, y - VT_LEGEND_SIZE * 0.36);
            snprintf(score, sizeof score, "%.2f", (double)line->score);
            vt_text_draw(cairo, score, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL, verdict_colour(line->verdict), x + CELL, y,
                         VT_ALIGN_RIGHT);
            room -= 26.0;
        }
        vt_text_fit(cairo, line->text, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL, room, text, sizeof text);
        vt_text_draw(cairo, text, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL, verdict_colour(line->verdict), x + indent, y,
                     VT_ALIGN_LEFT);
    }
}

static int has_unknown(const vt_grid *grid) {
    for (int i = 0; i < grid->count; i++)
        for (int line = 0; line < grid->cells[i].line_count; line++)
            if (grid->cells[i].lines[line].verdict == VERDICT_UNKNOWN) return 1;
    return 0;
}

static void draw_key(cairo_t *cairo, const vt_grid *grid) {
    static const struct {
        vt_verdict verdict;
        const char *text;
    } keys[] = {{VERDICT_FOUND, "label found"},
                {VERDICT_FALSE_ALARM, "false alarm"},
                {VERDICT_MISSED, "label missed"},
                {VERDICT_UNKNOWN, "not known"}};
    const int count = has_unknown(grid) ? 4 : 3;
    double width = 0, y = grid->height - EDGE;
    for (int i = 0; i < count; i++) width += 11.0 + vt_text_width(cairo, keys[i].text, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL) + 18.0;
    double x = (grid->width - width + 18.0) / 2.0;
    for (int i = 0; i < count; i++) {
        draw_mark(cairo, keys[i].verdict, x, y - VT_LEGEND_SIZE * 0.36);
        vt_text_draw(cairo, keys[i].text, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, x + 11.0, y, VT_ALIGN_LEFT);
        x += 11.0 + vt_text_width(cairo, keys[i].text, VT_LEGEND_SIZE, VT_WEIGHT_NORMAL) + 18.0;
    }
}

/* How high a row of the grid is: an image and the most lines below one. */
static double row_height(const vt_grid *grid, int row) {
    int lines = 0;
    for (int i = row * COLUMNS; i < grid->count && i < (row + 1) * COLUMNS; i++)
        if (grid->cells[i].line_count > lines) lines = grid->cells[i].line_count;
    return grid->image_height + lines * ROW + 3.0;
}

static vt_status paint_grid(cairo_t *cairo, void *context) {
    const vt_grid *grid = context;
    double y = TOP;
    vt_text_draw(cairo, grid->title, VT_TITLE_SIZE, VT_WEIGHT_NORMAL, VT_BLACK, grid->width / 2.0, EDGE + VT_TITLE_SIZE * 0.8,
                 VT_ALIGN_CENTRE);
    for (int i = 0; i < grid->count; i++) {
        double x = EDGE + (i % COLUMNS) * (CELL + GAP);
        VT_TRY(vt_image_draw(cairo, &grid->cells[i].image, x, y, CELL, grid->image_height));
        draw_lines(cairo, &grid->cells[i], grid->predicted, x, y + grid->image_height + ROW);
        if (i % COLUMNS == COLUMNS - 1) y += row_height(grid, i / COLUMNS) + GAP;
    }
    if (grid->predicted) draw_key(cairo, grid);
    return VT_OK;
}

/* --- the choice --- */

static vt_status fill_grid(const vt_dataset *dataset, const vt_split *split, const vt_evaluation *evaluation,
                           const int64_t *order, vt_grid *grid) {
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    for (int i = 0; i < grid->count; i++) {
        vt_example example = vt_split_get(split, order[i]);
        VT_TRY(copy_image(&example, info, &grid->cells[i].image));
        VT_TRY(describe(&example, info, evaluation, order[i], &grid->cells[i]));
    }
    int rows = (grid->count + COLUMNS - 1) / COLUMNS, columns = grid->count < COLUMNS ? grid->count : COLUMNS;
    grid->image_height = CELL * info->height / info->width;
    grid->predicted = evaluation != NULL;
    grid->width = fmax(2 * EDGE + columns * (CELL + GAP) - GAP, 300.0);
    grid->height = TOP + EDGE - GAP + (grid->predicted ? 20.0 : 0.0);
    for (int row = 0; row < rows; row++) grid->height += row_height(grid, row) + GAP;
    return VT_OK;
}

vt_status vt_plot_examples(const vt_dataset *dataset, const vt_split *split, const vt_evaluation *evaluation, int count,
                           uint64_t seed, const char *folder, const char *name) {
    int64_t size = vt_split_size(split), *order = NULL;
    if (evaluation && (evaluation->samples != size || evaluation->num_labels != vt_dataset_get_info(dataset)->num_labels))
        return vt_fail(VT_ERROR_USAGE, "the evaluation has %lld samples, but the %s split has %lld: it is of another split",
                       (long long)evaluation->samples, vt_split_name(split), (long long)size);
    if (count < 1 || size < 1)
        return vt_fail(VT_ERROR_USAGE, "cannot show %d of the %lld images of the %s split: expected at least one", count,
                       (long long)size, vt_split_name(split));
    char title[96];
    snprintf(title, sizeof title, evaluation ? "Labels and predictions, %s split" : "Images and labels, %s split",
             vt_split_name(split));
    vt_grid grid = {.title = title, .count = size < count ? (int)size : count};
    vt_status status;
    VT_TRY_GOTO(vt_allocate(&order, (size_t)size, sizeof *order, "a picture"));
    VT_TRY_GOTO(vt_allocate(&grid.cells, (size_t)grid.count, sizeof *grid.cells, "a picture"));
    vt_random_permutation(seed, VT_PURPOSE_PLOT, 0, size, order);
    VT_TRY_GOTO(fill_grid(dataset, split, evaluation, order, &grid));
    status = vt_picture_write(folder, name, grid.width, grid.height, paint_grid, &grid);
done:
    for (int i = 0; grid.cells && i < grid.count; i++) vt_image_free(&grid.cells[i].image);
    free(grid.cells);
    free(order);
    return status;
}
