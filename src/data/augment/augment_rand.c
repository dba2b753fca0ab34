/* RandAugment (Cubuk et al. 2019) as timm's rand_augment_transform() has it: its strings, its operations, how magnitudes become
 * their arguments. Draws have the same distribution as timm's, not the same numbers. */
#include "data/augment/augment_ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL_DENOMINATOR 10.0 /* the magnitude at which an operation is at its strongest, as timm counts */
#define FILL              128  /* timm's, outside the image */

/* --- the text --- */

enum { KEY_M, KEY_N, KEY_P, KEY_MSTD, KEY_MMAX, KEY_INC, KEYS };

static const struct rand_key {
    const char *name;
    int whole; /* an integer */
    double low, high;
} RAND_KEYS[KEYS] = {
    {"m", 1, 0, 100}, {"n", 1, 1, VT_RAND_LAYERS_LIMIT}, {"p", 0, 0, 1}, {"mstd", 0, 0, 1e9}, {"mmax", 1, 1, 100},
    {"inc", 1, 0, 1},
};

static vt_status refuse_section(const char *text, size_t length, const char *section, size_t section_length) {
    return vt_fail(VT_ERROR_USAGE,
                   "augmentation '%.*s': '%.*s' is not known; sections are mN (magnitude, 0 to 100), nN (operations, 1 to %d), "
                   "pP (probability), mstdX, mmaxN, inc0 or inc1, and tweights, as in rand-m6-mstd0.5-inc1",
                   (int)(length < 80 ? length : 80), text, (int)(section_length < 40 ? section_length : 40), section,
                   VT_RAND_LAYERS_LIMIT);
}

/* "mstd0.5" -> KEY_MSTD and 0.5; -1 if it is no such thing. */
static int parse_section(const char *section, size_t length, double *value) {
    char copy[32], *end;
    if (length >= sizeof copy) return -1;
    memcpy(copy, section, length);
    copy[length] = '\0';
    size_t letters = strcspn(copy, "0123456789");
    if (letters == length) return -1;
    for (int key = 0; key < KEYS; key++) {
        if (strlen(RAND_KEYS[key].name) != letters || memcmp(copy, RAND_KEYS[key].name, letters) != 0) continue;
        *value = strtod(copy + letters, &end);
        if (*end || !(*value >= RAND_KEYS[key].low && *value <= RAND_KEYS[key].high)) return -1;
        return RAND_KEYS[key].whole && *value != floor(*value) ? -1 : key;
    }
    return -1;
}

vt_status vt_rand_parse(const char *text, size_t length, vt_rand_augment *out) {
    double values[KEYS] = {[KEY_M] = 10, [KEY_N] = 2, [KEY_P] = 0.5, [KEY_MMAX] = LEVEL_DENOMINATOR};
    int given[KEYS + 1] = {0};
    const char *end = text + length;
    size_t size;
    for (const char *section = text + strlen("rand"); section < end; section += size) {
        section++; /* the dash */
        const char *dash = memchr(section, '-', (size_t)(end - section));
        size = (size_t)((dash ? dash : end) - section);
        double value = 0;
        int weights = size == strlen("tweights") && memcmp(section, "tweights", size) == 0;
        int key = weights ? KEYS : parse_section(section, size, &value);
        if (key < 0 || given[key]) return refuse_section(text, length, section, size);
        given[key] = 1;
        if (!weights) values[key] = value;
    }
    *out = (vt_rand_augment){.layers = (int)values[KEY_N],
                             .magnitude = values[KEY_M],
                             .probability = values[KEY_P],
                             .magnitude_std = values[KEY_MSTD] > 100 ? INFINITY : values[KEY_MSTD],
                             .magnitude_max = values[KEY_MMAX],
                             .increasing = values[KEY_INC] == 1 || given[KEYS],
                             .weighted = given[KEYS]};
    return VT_OK;
}

/* --- drawing --- */

/* timm's _RAND_WEIGHTED_0, in hundredths. */
static const int WEIGHTS[VT_RAND_KINDS] = {
    [VT_RAND_ROTATE] = 300,      [VT_RAND_SHEAR_X] = 200,    [VT_RAND_SHEAR_Y] = 200,  [VT_RAND_TRANSLATE_X] = 100,
    [VT_RAND_TRANSLATE_Y] = 100, [VT_RAND_COLOR] = 25,       [VT_RAND_SHARPNESS] = 25, [VT_RAND_AUTO_CONTRAST] = 25,
    [VT_RAND_SOLARIZE] = 5,      [VT_RAND_SOLARIZE_ADD] = 5, [VT_RAND_CONTRAST] = 5,   [VT_RAND_BRIGHTNESS] = 5,
    [VT_RAND_EQUALIZE] = 5,      [VT_RAND_POSTERIZE] = 5,    [VT_RAND_INVERT] = 5,
};

/* Uniform, or by weight and then none twice. */
static vt_rand_kind draw_kind(const vt_rand_augment *rand, vt_random *random, int taken[VT_RAND_KINDS]) {
    if (!rand->weighted) return (vt_rand_kind)vt_random_below(random, VT_RAND_KINDS);
    int total = 0, kind = 0;
    for (int i = 0; i < VT_RAND_KINDS; i++) total += taken[i] ? 0 : WEIGHTS[i];
    int left = (int)vt_random_below(random, (uint64_t)total);
    while (taken[kind] || left >= WEIGHTS[kind]) {
        left -= taken[kind] ? 0 : WEIGHTS[kind];
        kind++;
    }
    taken[kind] = 1;
    return (vt_rand_kind)kind;
}

double vt_rand_argument(const vt_rand_augment *rand, vt_rand_kind kind, double magnitude, int negate) {
    double level = magnitude / LEVEL_DENOMINATOR, sign = negate ? -1.0 : 1.0;
    switch (kind) {
    case VT_RAND_ROTATE:
        return sign * (level * 30.0);
    case VT_RAND_SHEAR_X:
    case VT_RAND_SHEAR_Y:
        return sign * (level * 0.3);
    case VT_RAND_TRANSLATE_X:
    case VT_RAND_TRANSLATE_Y:
        return sign * (level * 0.45);
    case VT_RAND_POSTERIZE:
        return rand->increasing ? 4 - floor(level * 4) : floor(level * 4);
    case VT_RAND_SOLARIZE: {
        double threshold = fmin(256, floor(level * 256));
        return rand->increasing ? 256 - threshold : threshold;
    }
    case VT_RAND_SOLARIZE_ADD:
        return fmin(128, floor(level * 110));
    case VT_RAND_COLOR:
    case VT_RAND_CONTRAST:
    case VT_RAND_BRIGHTNESS:
    case VT_RAND_SHARPNESS:
        return rand->increasing ? fmax(0.1, 1.0 + sign * (level * 0.9)) : level * 1.8 + 0.1;
    default:
        return 0;
    }
}

int vt_rand_draw(const vt_rand_augment *rand, vt_random *random, vt_rand_step steps[VT_RAND_LAYERS_LIMIT]) {
    int taken[VT_RAND_KINDS] = {0}, count = 0;
    for (int layer = 0; layer < rand->layers; layer++) {
        vt_rand_kind kind = draw_kind(rand, random, taken);
        int applied = vt_random_uniform(random) < rand->probability;
        double magnitude = rand->magnitude;
        if (isinf(rand->magnitude_std))
            magnitude *= vt_random_uniform(random);
        else if (rand->magnitude_std > 0)
            magnitude += rand->magnitude_std * vt_random_normal(random);
        magnitude = fmax(0, fmin(magnitude, rand->magnitude_max));
        int negate = (int)vt_random_below(random, 2);
        vt_resample filter = vt_random_below(random, 2) ? VT_RESAMPLE_BICUBIC : VT_RESAMPLE_BILINEAR;
        if (applied)
            steps[count++] =
                (vt_rand_step){.kind = kind, .argument = vt_rand_argument(rand, kind, magnitude, negate), .filter = filter};
    }
    return count;
}

/* --- applying --- */

/* Pillow's Image.rotate(). */
static void rotate(vt_frame *frame, double degrees, vt_resample filter) {
    double turn = fmod(degrees, 360.0), matrix[6];
    if (turn == 0) return;
    double angle = -(turn < 0 ? turn + 360.0 : turn) * (M_PI / 180.0);
    double centre_x = frame->width / 2.0, centre_y = frame->height / 2.0;
    matrix[0] = matrix[4] = rint(cos(angle) * 1e15) / 1e15;
    matrix[1] = rint(sin(angle) * 1e15) / 1e15;
    matrix[3] = -matrix[1];
    matrix[2] = matrix[0] * -centre_x + matrix[1] * -centre_y + centre_x;
    matrix[5] = matrix[3] * -centre_x + matrix[4] * -centre_y + centre_y;
    vt_affine(frame, matrix, filter, FILL);
}

void vt_rand_apply(vt_frame *frame, const vt_rand_step *step) {
    double argument = step->argument, matrix[6] = {1, 0, 0, 0, 1, 0};
    switch (step->kind) {
    case VT_RAND_AUTO_CONTRAST:
        vt_auto_contrast(frame);
        return;
    case VT_RAND_EQUALIZE:
        vt_equalize(frame);
        return;
    case VT_RAND_INVERT:
        vt_invert(frame);
        return;
    case VT_RAND_ROTATE:
        rotate(frame, argument, step->filter);
        return;
    case VT_RAND_POSTERIZE:
        vt_posterize(frame, (int)argument);
        return;
    case VT_RAND_SOLARIZE:
        vt_solarize(frame, (int)argument);
        return;
    case VT_RAND_SOLARIZE_ADD:
        vt_solarize_add(frame, (int)argument);
        return;
    case VT_RAND_COLOR:
        vt_saturate(frame, argument);
        return;
    case VT_RAND_CONTRAST:
        vt_tones(frame, 1.0, argument, 1.0);
        return;
    case VT_RAND_BRIGHTNESS:
        vt_tones(frame, argument, 1.0, 1.0);
        return;
    case VT_RAND_SHARPNESS:
        vt_sharpen(frame, argument);
        return;
    case VT_RAND_SHEAR_X:
        matrix[1] = argument;
        break;
    case VT_RAND_SHEAR_Y:
        matrix[3] = argument;
        break;
    case VT_RAND_TRANSLATE_X:
        matrix[2] = argument * frame->width;
        break;
    case VT_RAND_TRANSLATE_Y:
        matrix[5] = argument * frame->height;
        break;
    case VT_RAND_KINDS:
        return;
    }
    vt_affine(frame, matrix, step->filter, FILL);
}
