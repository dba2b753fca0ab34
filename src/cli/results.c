/* The files that remain of an evaluation. */
#include "results.h"

#include "terminal.h"
#include <stdio.h>

enum { EXAMPLES = 12 }; /* images in the grid of predictions */

vt_status leave_results(const vt_dataset *dataset, const vt_split *split, const vt_evaluation *evaluation, const char *folder,
                        uint64_t seed) {
    char plots[VT_PATH_MAX + 16];
    vt_status status = VT_OK;
    snprintf(plots, sizeof plots, "%s/plots", folder);
    if (evaluation) {
        status = vt_evaluation_save(evaluation, folder, "eval");
        if (status == VT_OK) status = vt_plot_evaluation(evaluation, plots);
        if (status == VT_OK) status = vt_plot_examples(dataset, split, evaluation, EXAMPLES, seed, plots, "predictions");
    }
    if (status == VT_OK) status = vt_write_report(folder, dataset, evaluation);
    if (status == VT_OK) say("Pictures are in %s, the report is %s/report.html", plots, folder);
    return status;
}
