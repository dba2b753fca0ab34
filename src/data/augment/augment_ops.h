/* The operations of augmentation, each for given parameters, and what draws those. Pixels are uint8 [height, width, channels]
 * with 1 or 3 channels; where a reference is named, they equal its bit for bit, a grey image being as one with three equal
 * channels. */
#ifndef VT_DATA_AUGMENT_OPS_H
#define VT_DATA_AUGMENT_OPS_H

#include "base/random.h"
#include "data/augment/augment.h"
#include <stddef.h>

/* An image in work, and room for another of its size. An operation that can't work in place swaps the two. */
typedef struct vt_frame {
    int width, height, channels;
    uint8_t *pixels, *spare;
} vt_frame;

typedef struct vt_range {
    double low, high;
} vt_range;

typedef struct vt_box {
    int top, left, height, width;
} vt_box;

double vt_draw_within(vt_random *random, vt_range range);

/* --- geometry --- */

/* torchvision's RandomResizedCrop.get_params() on an image of width x height. */
vt_box vt_draw_crop(vt_random *random, int width, int height, vt_range scale, vt_range ratio);

/* Left to right. */
void vt_flip(vt_frame *frame);

/* Pillow's Image.transform(AFFINE, matrix): the pixel at (x, y) is that at (m0 x + m1 y + m2, m3 x + m4 y + m5), coordinates
 * being of pixels' centres; `fill` where that is outside. Filters: bilinear or bicubic. */
void vt_affine(vt_frame *frame, const double matrix[6], vt_resample filter, uint8_t fill);

/* torchvision's matrix of turning by `degrees` about the centre, then moving by whole pixels. */
void vt_affine_turn(int width, int height, double degrees, int right, int down, double matrix[6]);

/* --- colour --- */

/* Pillow's ImageEnhance.Brightness and Contrast by a factor, torchvision's adjust_gamma by an exponent; in this order, and each
 * only if not 1. */
void vt_tones(vt_frame *frame, double brightness, double contrast, double gamma);

/* Pillow's ImageOps. */
void vt_auto_contrast(vt_frame *frame);
void vt_equalize(vt_frame *frame);
void vt_invert(vt_frame *frame);
void vt_posterize(vt_frame *frame, int bits);
void vt_solarize(vt_frame *frame, int threshold);
/* timm's solarize_add: `add` onto values below 128. */
void vt_solarize_add(vt_frame *frame, int add);
/* Pillow's ImageEnhance.Color and Sharpness. */
void vt_saturate(vt_frame *frame, double factor);
void vt_sharpen(vt_frame *frame, double factor);

/* --- RandAugment: timm's rand_augment_transform() --- */

enum { VT_RAND_LAYERS_LIMIT = 15 };

typedef struct vt_rand_augment {
    int layers; /* operations per image; 0: off */
    double magnitude, probability;
    double magnitude_std; /* INFINITY: uniform from 0 to magnitude */
    double magnitude_max;
    int increasing, weighted;
} vt_rand_augment;

typedef enum vt_rand_kind {
    VT_RAND_AUTO_CONTRAST,
    VT_RAND_EQUALIZE,
    VT_RAND_INVERT,
    VT_RAND_ROTATE,
    VT_RAND_POSTERIZE,
    VT_RAND_SOLARIZE,
    VT_RAND_SOLARIZE_ADD,
    VT_RAND_COLOR,
    VT_RAND_CONTRAST,
    VT_RAND_BRIGHTNESS,
    VT_RAND_SHARPNESS,
    VT_RAND_SHEAR_X,
    VT_RAND_SHEAR_Y,
    VT_RAND_TRANSLATE_X,
    VT_RAND_TRANSLATE_Y,
    VT_RAND_KINDS
} vt_rand_kind;

typedef struct vt_rand_step {
    vt_rand_kind kind;
    double argument;    /* timm's: degrees, bits, threshold, factor, shear, share of the side */
    vt_resample filter; /* bilinear or bicubic */
} vt_rand_step;

/* Parses "rand-m6-..." [length]. */
vt_status vt_rand_parse(const char *text, size_t length, vt_rand_augment *out) VT_CHECKED;

/* timm's argument of an operation at a magnitude from 0; negated if `negate` and the operation knows two directions. */
double vt_rand_argument(const vt_rand_augment *rand, vt_rand_kind kind, double magnitude, int negate);

/* Draws an image's steps; returns how many. */
int vt_rand_draw(const vt_rand_augment *rand, vt_random *random, vt_rand_step steps[VT_RAND_LAYERS_LIMIT]);
void vt_rand_apply(vt_frame *frame, const vt_rand_step *step);

/* --- erasing and mixing --- */

typedef enum vt_erase_mode { VT_ERASE_CONST, VT_ERASE_RAND, VT_ERASE_PIXEL } vt_erase_mode;

/* timm's RandomErasing: 0 if ten attempts found no box that fits. */
int vt_draw_erase(vt_random *random, int width, int height, vt_range scale, vt_range ratio, vt_box *box);
/* Colours come from `random`: normal, with mean and deviation 127.5. */
void vt_erase(vt_frame *frame, const vt_box *box, vt_erase_mode mode, vt_random *random);

/* Beta(alpha, alpha). */
double vt_draw_beta(vt_random *random, double alpha);

/* timm's rand_bbox() and its correction of lambda, for a centre at (x, y): the mix's box and weight. */
void vt_mix_place_box(int width, int height, double lambda, int x, int y, vt_mix *mix);

/* out [count] = weight * out + (1 - weight) * partner, rounded. */
void vt_mix_average(const uint8_t *partner, size_t count, float weight, uint8_t *out);
/* Copies the mix's box from partner to out. */
void vt_mix_copy_box(const uint8_t *partner, const vt_mix *mix, int width, int channels, uint8_t *out);

#endif
