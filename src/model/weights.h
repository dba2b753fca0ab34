/* Weights of a checkpoint, matched with a model's parameters by name. */
#ifndef VT_MODEL_WEIGHTS_H
#define VT_MODEL_WEIGHTS_H

#include "model/model.h"

typedef struct vt_weights_options {
    int image_height, image_width; /* which the checkpoint's position embeddings are for */
    const char *new_head_reason;   /* why the checkpoint's classifier can't be used; NULL: it can if its shape fits */
    int require_head;              /* a classifier that can't be used is an error */
    uint64_t seed;                 /* of a newly initialised classifier */
} vt_weights_options;

/* Allocates model->values (the table must stand) and fills it from the weights in `folder`: names of
 * ViTForImageClassification or of a bare ViTModel, on disk or as newer releases of transformers spell them in memory.
 * Says on the console what was matched, missing, unexpected and newly initialised. */
vt_status vt_weights_load(vt_model *model, const char *folder, const vt_weights_options *options,
                          const vt_console *console) VT_CHECKED;

#endif
