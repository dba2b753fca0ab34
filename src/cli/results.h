/* What train and eval leave behind alike: figures, pictures and the report. */
#ifndef VT_CLI_RESULTS_H
#define VT_CLI_RESULTS_H

#include "vitrain/vitrain.h"

/* Saves an evaluation of `split` as eval_results.json in `folder`, draws it into folder/plots, and writes
 * folder/report.html. evaluation NULL: the report alone. */
vt_status leave_results(const vt_dataset *dataset, const vt_split *split, const vt_evaluation *evaluation, const char *folder,
                        uint64_t seed) VT_CHECKED;

#endif
