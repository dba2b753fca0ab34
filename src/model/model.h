/* The host's copy of a model: configuration and every parameter in float32, in one flat buffer. */
#ifndef VT_MODEL_MODEL_H
#define VT_MODEL_MODEL_H

#include "compute/compute.h"
#include "vitrain/model.h"

typedef struct vt_parameter {
    char name[128]; /* as in ViTForImageClassification: "vit.encoder.layer.0.attention.attention.query.weight" */
    int rank;
    int64_t shape[4];
    int64_t count;
    int64_t offset; /* into `values`, in elements; a multiple of 16 unless packed */
    int decay;      /* weight decay applies: not a bias, not a layer norm */
    int packed;     /* follows the parameter before without a gap: key after query, value after key */
} vt_parameter;

struct vt_model {
    vt_vit_config config;
    vt_preprocessor preprocessor;
    vt_parameter *parameters; /* [parameter_count] */
    int parameter_count;
    int64_t value_count; /* length of values, padding (zeros) included */
    float *values;       /* [value_count] */
};

/* Where things stand in the flat buffer; query, key and value of a layer are adjacent, so that together they are one
 * [3 * hidden, hidden] weight (and one [3 * hidden] bias; -1 without qkv_bias). Offsets in elements. */
typedef struct vt_layer_offsets {
    int64_t norm1_gamma, norm1_beta, qkv_weight, qkv_bias, proj_weight, proj_bias;
    int64_t norm2_gamma, norm2_beta, fc1_weight, fc1_bias, fc2_weight, fc2_bias;
} vt_layer_offsets;

typedef struct vt_offsets {
    int64_t class_token, position, patch_weight, patch_bias;
    int64_t norm_gamma, norm_beta, head_weight, head_bias;
} vt_offsets;

void vt_model_offsets(const vt_model *model, vt_offsets *out);
void vt_model_layer_offsets(const vt_model *model, int layer, vt_layer_offsets *out);

/* Index of the parameter called `name`, or -1. */
int vt_model_find(const vt_model *model, const char *name);

/* Replaces every parameter by the tensors of folder/model.safetensors, which must match exactly (resuming). */
vt_status vt_model_restore(vt_model *model, const char *folder) VT_CHECKED;

#endif
