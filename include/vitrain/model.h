/* Vision Transformers for image classification, in Hugging Face's layout and names.
 *
 * A vt_model is the host's copy: configuration, preprocessing, and every parameter in float32. Training and
 * evaluation (train.h, evaluate.h) place it on a device and bring it back. */
#ifndef VITRAIN_MODEL_H
#define VITRAIN_MODEL_H

#include "vitrain/console.h"
#include "vitrain/dataset.h"
#include "vitrain/device.h"
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum vt_activation {
    VT_ACTIVATION_GELU = 0,      /* "gelu": x * Phi(x), by erf */
    VT_ACTIVATION_GELU_TANH = 1, /* "gelu_new", "gelu_pytorch_tanh", "gelu_fast" */
    VT_ACTIVATION_RELU = 2,      /* "relu" */
    VT_ACTIVATION_SILU = 3,      /* "silu", "swish" */
    VT_ACTIVATION_QUICK_GELU = 4 /* "quick_gelu": x * sigmoid(1.702 x) */
} vt_activation;

typedef enum vt_problem_type {
    VT_PROBLEM_UNSET = 0,
    VT_PROBLEM_MULTI_LABEL = 1,  /* "multi_label_classification": binary cross-entropy with logits */
    VT_PROBLEM_SINGLE_LABEL = 2, /* "single_label_classification": cross-entropy */
    VT_PROBLEM_REGRESSION = 3    /* "regression": mean squared error */
} vt_problem_type;

VT_API const char *vt_problem_type_name(vt_problem_type problem_type); /* Hugging Face's word; "" when unset */

/* ViTConfig; the fields are Hugging Face's. */
typedef struct vt_vit_config {
    int hidden_size;
    int num_hidden_layers;
    int num_attention_heads;
    int intermediate_size;
    vt_activation hidden_act;
    double hidden_dropout_prob;
    double attention_probs_dropout_prob;
    double initializer_range;
    double layer_norm_eps;
    int image_height, image_width; /* "image_size", one number or two */
    int patch_size;
    int num_channels;
    int qkv_bias;
    int num_labels;
    char **label_names; /* [num_labels]: id2label; owned by the model */
    vt_problem_type problem_type;
} vt_vit_config;

/* preprocessor_config.json: how a file becomes the model's input. */
typedef struct vt_preprocessor {
    int height, width;
    vt_resample resample;
    double rescale_factor;             /* 1/255 */
    float image_mean[3], image_std[3]; /* of rescaled pixels; a grey model uses the first */
    vt_intensity intensity;            /* "vitrain_intensity", which transformers passes over */
} vt_preprocessor;

typedef struct vt_model vt_model;

typedef struct vt_model_options {
    int num_labels;                      /* 0: as the model has them; else the head is replaced if its size or names differ */
    const char *const *label_names;      /* [num_labels], copied; NULL: the model's, or LABEL_0, LABEL_1, ... */
    vt_problem_type problem_type;        /* VT_PROBLEM_UNSET: as the model has it */
    int image_height, image_width;       /* 0: as the model has it; else position embeddings are interpolated */
    uint64_t seed;                       /* of newly initialised weights */
    int require_head;                    /* a missing or mismatched classifier is an error (evaluation, prediction) */
    double hidden_dropout_prob;          /* negative: as the model has it */
    double attention_probs_dropout_prob; /* negative: as the model has it */
    int describe_only;                   /* weights are neither read nor drawn: what the model is, and the memory it would take,
                                            can be asked, nothing else */
} vt_model_options;

VT_API void vt_model_options_init(vt_model_options *options);

/* Opens a model folder (config.json with model.safetensors, sharded or not) or makes a preset such as
 * "vit-tiny-patch16-224" with random weights. What was matched, missing, unexpected and newly initialised is
 * said on the console. `options` NULL: the defaults. *out is owned by the caller: vt_model_close(). */
VT_API vt_status vt_model_open(const char *model, const vt_model_options *options, const vt_console *console,
                               vt_model **out) VT_CHECKED;
VT_API void vt_model_close(vt_model *model); /* NULL allowed */

/* Both are owned by the model. */
VT_API const vt_vit_config *vt_model_get_config(const vt_model *model);
VT_API const vt_preprocessor *vt_model_get_preprocessor(const vt_model *model);

/* The number of parameters, all trainable. */
VT_API int64_t vt_model_parameter_count(const vt_model *model);

/* Writes config.json, model.safetensors and preprocessor_config.json into `folder` (created if absent), each
 * atomically. `transformers` opens the result as ViTForImageClassification. */
VT_API vt_status vt_model_save(const vt_model *model, const char *folder) VT_CHECKED;

/* What training or inference would do with a model, as far as memory depends on it. */
typedef struct vt_memory_options {
    vt_precision precision;
    int batch_size;             /* images in a micro-batch; default 32 */
    int pixel_channels;         /* of the images: 1 (the default), or as many as the model's */
    int train;                  /* 1 (the default): forward, backward and optimizer; 0: forward alone */
    int gradient_checkpointing; /* train by recomputing activations */
} vt_memory_options;

/* Bytes on the device. */
typedef struct vt_memory_plan {
    uint64_t weights;               /* float32 */
    uint64_t gradients;             /* float32 */
    uint64_t moments;               /* the optimizer's, float32 */
    uint64_t compute_weights;       /* copies of the weights as the device's products read them, padding included */
    uint64_t activations;           /* of the encoder's layers, kept for backward */
    uint64_t activations_per_layer; /* of these, what each layer takes beyond the first: 0 if all share one set */
    uint64_t activation_gradients;
    uint64_t ends;    /* pixels, patches and embeddings before the encoder; final norm, logits and loss behind it */
    uint64_t scratch; /* of operators, for all threads */
    uint64_t total;
} vt_memory_plan;

/* The device's default precision. */
VT_API void vt_memory_options_init(vt_memory_options *options, const vt_device *device);

/* The memory that a model takes on a device, exactly, without taking it; models opened with describe_only will do. What the
 * process has beside it: its code and libraries, batches that are being loaded, and files mapped into memory. */
VT_API vt_status vt_model_plan_memory(vt_device *device, const vt_model *model, const vt_memory_options *options,
                                      vt_memory_plan *out) VT_CHECKED;

/* The NULL-terminated list of preset names. */
VT_API const char *const *vt_preset_names(void);

#ifdef __cplusplus
}
#endif
#endif
