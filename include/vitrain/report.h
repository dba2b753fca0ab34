/* Pictures and the page: training curves, ROC curves, AUC per label, grids of images, report.html.
 *
 * Every picture is written as PNG (150 dpi) and SVG, atomically, into a folder that is created if absent. */
#ifndef VITRAIN_REPORT_H
#define VITRAIN_REPORT_H

#include "vitrain/console.h"
#include "vitrain/dataset.h"
#include "vitrain/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* output_dir/plots/loss.{png,svg} and learning_rate.{png,svg} over epochs, from output_dir/trainer_state.json. */
VT_API vt_status vt_plot_training(const char *output_dir) VT_CHECKED;

/* folder/roc_curves.{png,svg} and folder/label_auc.{png,svg} (with confidence intervals). */
VT_API vt_status vt_plot_evaluation(const vt_evaluation *evaluation, const char *folder) VT_CHECKED;

/* folder/<name>.{png,svg}: up to `count` examples of the split with their labels, chosen by `seed`; with an
 * evaluation of the same split (NULL allowed) also its predictions. */
VT_API vt_status vt_plot_examples(const vt_dataset *dataset, const vt_split *split, const vt_evaluation *evaluation, int count,
                                  uint64_t seed, const char *folder, const char *name) VT_CHECKED;

typedef struct vt_show_options {
    const char *augment; /* as vitrain/augment.h tells; NULL or "": none */
    int images;          /* rows: images of the split, chosen by `seed`; default 6, at most 64 */
    int epochs;          /* columns: what the first epochs make of each; default 5, at most 32 */
    uint64_t seed;       /* of training; default 42 */
} vt_show_options;

VT_API void vt_show_options_init(vt_show_options *options);

/* Writes a PNG of what training with `seed` sees of images of the split: in each row an image as it is, then as each epoch's
 * augmentation makes it, with its labels and, where it is mixed with another, theirs. */
VT_API vt_status vt_show(const vt_dataset *dataset, const vt_split *split, const vt_show_options *options,
                         const char *path) VT_CHECKED;

/* output_dir/report.html: one page without outside references, from what the run has written so far:
 * arguments, data, curves, figures per label, pictures. `evaluation` may be NULL. */
VT_API vt_status vt_write_report(const char *output_dir, const vt_dataset *dataset, const vt_evaluation *evaluation) VT_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
