/* config.json: the description of a model, as Hugging Face's ViTConfig. */
#ifndef VT_MODEL_CONFIG_H
#define VT_MODEL_CONFIG_H

#include "base/error.h"
#include "vitrain/model.h"
#include <stddef.h>

/* ViTConfig's defaults, without labels. */
void vt_config_init(vt_vit_config *config);

/* Reads folder/config.json. Absent keys take ViTConfig's defaults; what can't be computed is refused by name.
 * The labels of *out are owned by the caller: vt_config_free_labels(). */
vt_status vt_config_load(const char *folder, vt_vit_config *out) VT_CHECKED;
/* As vt_config_load, from text that error sentences call `name`. */
vt_status vt_config_parse(const char *text, size_t length, const char *name, vt_vit_config *out) VT_CHECKED;

/* Writes folder/config.json. */
vt_status vt_config_save(const char *folder, const vt_vit_config *config) VT_CHECKED;

/* Whether a model of these sizes can be built; `name` begins the sentence. */
vt_status vt_config_check(const vt_vit_config *config, const char *name) VT_CHECKED;

/* Replaces the labels; names NULL: LABEL_0, LABEL_1, ... as Hugging Face has them. */
vt_status vt_config_set_labels(vt_vit_config *config, const char *const *names, int count) VT_CHECKED;
void vt_config_free_labels(vt_vit_config *config);

#endif
