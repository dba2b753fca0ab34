/* What a placed Vision Transformer holds; shared by the files vit*.c alone. */
#ifndef VT_MODEL_VIT_STATE_H
#define VT_MODEL_VIT_STATE_H

#include "model/vit.h"

/* One encoder layer. B = images, T = tokens, H = hidden_size, I = intermediate_size, heads = num_attention_heads.
 * Q = T, but 1 in the last layer, after which the class tokens alone are read: its other tokens only give keys and values.
 * When training, each layer has buffers of its own, which keep what backward needs; when recomputing, only its input is its
 * own, and the others are one set that backward fills again for one layer after the other. For inference all layers share one
 * set, in which input, middle and the next layer's input are the same buffer, except the last layer's middle. */
typedef struct vt_layer {
    vt_layer_offsets offsets;
    vt_linear *qkv, *proj, *fc1, *fc2;
    int64_t queries; /* Q */

    act *input;                  /* [B, T, H] */
    act *norm1;                  /* [B, T, H] */
    float *mean1, *inverse_std1; /* [B, T] */
    act *qkv_out;                /* [B, T, 3, heads, H / heads] */
    float *log_sum_exp;          /* [B, heads, Q] */
    act *attention;              /* [B, Q, H] */
    act *middle;                 /* [B, Q, H]: input + attention branch */
    act *norm2;                  /* [B, Q, H] */
    float *mean2, *inverse_std2; /* [B, Q] */
    act *activated;              /* [B, Q, I]: f(norm2 W^T + b) */
    act *derivative;             /* [B, Q, I]: f' at the same place; NULL for inference */
} vt_layer;

struct vt_vit {
    vt_device *device;
    vt_vit_config config; /* label_names is NULL: the model keeps them */
    vt_vit_options options;
    vt_offsets offsets;
    int64_t value_count;                   /* length of the four flat buffers */
    int64_t tokens, patches, patch_values; /* T, T - 1, channels * patch_size^2 */
    float pixel_scale[3], pixel_shift[3];  /* a byte p becomes p * scale + shift */
    vt_segment *segments;                  /* [segment_count]: what the optimizer goes over */
    int segment_count;
    vt_memory_plan memory;
    void *arena; /* all buffers below, and those of the layers */

    float *parameters, *gradients, *moment1, *moment2; /* [value_count] */

    vt_linear *patch;
    vt_layer *layers;  /* [num_hidden_layers] */
    uint8_t *pixels;   /* [B, height, width, pixel_channels] */
    act *patch_inputs; /* [B * patches, patch_values] */
    act *embedded;     /* [B, patches, H] */
    act *output;       /* [B, H]: the last layer's class tokens */
    act *branch;       /* [B, Q, H]: a residual branch before or after its dropout; NULL without dropout */
    act *pooled;       /* [B, H]: `output` after the final norm */
    float *pooled_mean, *pooled_inverse_std; /* [B] */
    float *logits, *targets, *dlogits;       /* [B, labels] */
    float *loss;                             /* [B] */
    float *pos_weight;                       /* [labels] */

    /* gradients of activations, when training */
    act *dhidden; /* [B, Q, H]: along the residual stream */
    act *dnarrow; /* [B, T, H]: of what a norm, or the attention, gave */
    act *dwide;   /* [B, T, max(I, 3 H)]: of qkv_out, and of what goes into the activation */
    act *dpooled; /* [B, H] */
};

/* Dropout sites are numbered so that a layer's do not depend on how many layers there are. */
enum { VT_SITE_EMBEDDINGS = 0, VT_SITE_ATTENTION_PROBS = 1, VT_SITE_ATTENTION_OUTPUT = 2, VT_SITE_MLP_OUTPUT = 3 };

/* The dropout at `site` of `layer`; none for step NULL. */
vt_dropout vt_vit_dropout(const vt_vit *vit, const vt_vit_step *step, int layer, int site);

/* Takes the arena and hands out its parts. */
vt_status vt_vit_plan_memory(vt_vit *vit) VT_CHECKED;

/* Pixels in vit->pixels -> vit->logits. Keeps what backward needs if step is given. */
vt_status vt_vit_run_forward(vt_vit *vit, int64_t batch, const vt_vit_step *step) VT_CHECKED;

/* Fills again what backward needs of a layer whose input is kept: everything but its output. */
vt_status vt_vit_recompute_layer(vt_vit *vit, int index, int64_t batch, const vt_vit_step *step) VT_CHECKED;

/* vit->dlogits -> gradients, from what the forward of the same batch and step left. */
vt_status vt_vit_run_backward(vt_vit *vit, int64_t batch, const vt_vit_step *step) VT_CHECKED;

#endif
