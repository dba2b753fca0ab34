/* Presets: the standard sizes of Vision Transformers, by name. */
#ifndef VT_MODEL_PRESETS_H
#define VT_MODEL_PRESETS_H

#include "vitrain/model.h"

/* Fills in the sizes of the preset called `name`; 0 if there is none. */
int vt_preset_find(const char *name, vt_vit_config *config);

#endif
