/* What train and eval do alike: say what is used, measure a split, and leave figures, pictures and the report behind. */
#ifndef VT_CLI_RESULTS_H
#define VT_CLI_RESULTS_H

#include "vitrain/vitrain.h"

/* One line each about the device, the data set (at `path`) and the model. */
void say_device(const vt_device *device, vt_precision precision);
void say_dataset(const vt_dataset *dataset, const char *path);
void say_model(const vt_model *model);

/* Saves an evaluation of `split` as eval_results.json in `folder`, draws it into folder/plots, and writes
 * folder/report.html. evaluation NULL: the report alone. */
vt_status leave_results(const vt_dataset *dataset, const vt_split *split, const vt_evaluation *evaluation, const char *folder,
                        uint64_t seed) VT_CHECKED;

#endif
