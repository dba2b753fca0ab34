/* preprocessor_config.json: how image files become a model's input, as Hugging Face's ViTImageProcessor has it. */
#ifndef VT_FORMATS_PREPROCESSOR_H
#define VT_FORMATS_PREPROCESSOR_H

#include "base/error.h"
#include "vitrain/model.h"

/* 224 x 224, bilinear, 1/255, mean and std 0.5. */
void vt_preprocessor_init(vt_preprocessor *preprocessor);

/* Reads folder/preprocessor_config.json: "size" as a number or {"height", "width"} (a "shortest_edge"
 * or a centre crop is refused, by name), "resample", "rescale_factor", "image_mean", "image_std", "do_*".
 * *found (NULL allowed) is 0 and the defaults stay if the file is absent. */
vt_status vt_preprocessor_load(const char *folder, vt_preprocessor *preprocessor, int *found) VT_CHECKED;
/* Reads JSON in memory (for tests and fuzzing). */
vt_status vt_preprocessor_parse(const void *data, size_t size, const char *name, vt_preprocessor *preprocessor) VT_CHECKED;
vt_status vt_preprocessor_save(const char *folder, const vt_preprocessor *preprocessor) VT_CHECKED;

#endif
