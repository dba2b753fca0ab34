/* The anatomy of a drawn chest and its picture. Densities are chosen by eye: what matters is that the parts stand where
 * a reader of X-rays looks for them. Findings are drawn in sample_findings.c. */
#include "data/sample/sample_chest.h"

#include "data/image/image_formats.h"
#include <math.h>

/* Streams of random numbers, apart from those of the plan. */
enum {
    STREAM_ANATOMY = 16,
    STREAM_VESSELS = 17,
    STREAM_STRENGTH = 18,
    STREAM_EXPOSURE = 19,
    STREAM_NOISE = 20,
    STREAM_PLACE = 32 /* + finding */
};

/* Drawings are made at most this large, then enlarged: as soft as radiographs, and fast. */
enum { CANVAS_LIMIT = 640 };

static double between(vt_random *random, double low, double high) {
    return low + (high - low) * vt_random_uniform(random);
}

/* ---- shape ---- */

/* 0 at t = 0, rising as a quarter of an ellipse to 1 at t = `end`. */
static double quarter_ellipse(double t, double end) {
    double left = 1 - t / end;
    return t <= 0 ? 0 : left <= 0 ? 1 : sqrt(1 - left * left);
}

static double lung_share(const vt_lung *lung, double y) {
    return (y - lung->apex) / (lung->angle - lung->apex);
}

static double apex_distance(const vt_lung *lung) {
    return lung->medial + 0.24 * (lung->lateral - lung->medial);
}

double vt_lung_lateral(const vt_lung *lung, double y) {
    double apex = apex_distance(lung);
    return apex + (lung->lateral - apex) * quarter_ellipse(lung_share(lung, y), 0.8);
}

double vt_lung_medial(const vt_lung *lung, double y) {
    double apex = apex_distance(lung);
    return apex - (apex - lung->medial) * quarter_ellipse(lung_share(lung, y), 0.22);
}

/* y of the diaphragm at a distance from the middle line. */
static double diaphragm_height(const vt_lung *lung, double distance) {
    double middle = lung->medial + 0.38 * (lung->lateral - lung->medial);
    double outer = (distance - middle) / (lung->lateral - middle), inner = (middle - distance) / (middle - lung->medial);
    return distance > middle ? lung->dome + (lung->angle - lung->dome) * outer * outer : lung->dome + 0.07 * inner * inner;
}

void vt_lung_point(const vt_lung *lung, double u, double v, double *x, double *y) {
    *y = lung->apex + v * (lung->dome - lung->apex);
    double medial = vt_lung_medial(lung, *y);
    *x = lung->side * (medial + u * (vt_lung_lateral(lung, *y) - medial));
}

static vt_chest make_chest(uint64_t seed, const vt_sample_image *image) {
    vt_random who = vt_random_stream(seed, VT_PURPOSE_SAMPLE, STREAM_ANATOMY, image->patient);
    uint64_t key = (uint64_t)image->patient << 16 | image->follow_up;
    vt_random when = vt_random_stream(seed, VT_PURPOSE_SAMPLE, STREAM_STRENGTH, key);
    vt_chest chest = {.female = image->female, .anterior_posterior = image->anterior_posterior};
    double child = image->age < 16 ? 0.8 + 0.0125 * image->age : 1;
    double width = between(&who, 0.92, 1.07) * (image->female ? 0.96 : 1) * child;
    double length = between(&who, 0.93, 1.05) * child;
    double breath = between(&when, -0.04, 0.03) - (image->anterior_posterior ? 0.06 : 0);
    double apex = -0.72 * length, dome = 0.34 * length + breath;
    for (int i = 0; i < 2; i++)
        chest.lungs[i] = (vt_lung){.side = i ? 1 : -1,
                                   .apex = apex,
                                   .dome = dome + (i ? 0.035 : 0),
                                   .angle = dome + 0.21,
                                   .medial = 0.115,
                                   .lateral = 0.68 * width};
    double heart = between(&who, 0.92, 1.06) * (image->anterior_posterior ? 1.08 : 1) * width;
    chest.heart_x = 0.04;
    chest.heart_y = dome - 0.17;
    chest.heart_right = 0.215 * heart;
    chest.heart_left = 0.355 * heart;
    chest.heart_height = 0.29 * heart;
    chest.vessel_strength = between(&who, 0.8, 1.1);
    chest.darkness = between(&who, 0.92, 1.06);
    chest.body_width = width * between(&who, 0.95, 1.12);
    chest.rib_slope = between(&who, 0.14, 0.24);
    chest.rib_spacing = between(&who, 0.108, 0.122) * length;
    chest.spine_bend = between(&who, -0.02, 0.02);
    chest.texture = vt_random_u32(&when);
    for (int f = 0; f < VT_FINDING_COUNT; f++) {
        chest.place[f] = vt_random_stream(seed, VT_PURPOSE_SAMPLE, STREAM_PLACE + (uint32_t)f, image->patient);
        double strength = between(&when, 0.55, 1.0);
        if (image->findings & 1u << f) chest.strength[f] = strength;
    }
    return chest;
}

/* ---- soft tissue ---- */

/* Half the width of neck, shoulders and trunk at height y. */
static double body_half_width(const vt_chest *chest, double y) {
    static const double outline[][2] = {{-1.0, 0.20},  {-0.90, 0.22}, {-0.84, 0.46}, {-0.76, 0.88}, {-0.62, 1.10},
                                        {-0.32, 1.12}, {-0.12, 0.88}, {0.15, 0.83},  {0.5, 0.86},   {1.4, 0.92}};
    enum { COUNT = sizeof outline / sizeof outline[0] };
    int i = 0;
    while (i + 2 < COUNT && y > outline[i + 1][0]) i++;
    double t = vt_smooth_step(outline[i][0], outline[i + 1][0], y);
    return chest->body_width * (outline[i][1] + t * (outline[i + 1][1] - outline[i][1]));
}

static void draw_body(const vt_canvas *canvas, const vt_chest *chest) {
    for (int j = 0; j < canvas->side; j++) {
        double y = vt_canvas_position(canvas, j), half_width = body_half_width(chest, y);
        double below = 0.5 * (chest->lungs[0].dome + chest->lungs[1].dome);
        for (int i = 0; i < canvas->side; i++) {
            double x = vt_canvas_position(canvas, i), depth = (half_width - fabs(x)) / 0.22;
            if (depth <= 0) continue;
            double thickness = depth < 1 ? sqrt(depth * (2 - depth)) : 1;
            double tissue = 0.60 + 0.03 * vt_smooth_step(-0.9, 0.6, y) + 0.05 * vt_smooth_step(below, 0.9, y);
            double middle = fabs(x - 0.5 * chest->mediastinum_x);
            tissue += 0.13 * vt_smooth_step(0.24, 0.06, middle) * vt_smooth_step(-0.95, -0.6, y);
            canvas->dense[(size_t)j * (size_t)canvas->side + (size_t)i] += (float)(tissue * thickness);
        }
    }
}

static void draw_lung(const vt_canvas *canvas, const vt_chest *chest, const vt_lung *lung) {
    const double edge = 0.014;
    for (int j = vt_canvas_pixel(canvas, lung->apex); j < vt_canvas_pixel(canvas, lung->angle); j++) {
        double y = vt_canvas_position(canvas, j), medial = vt_lung_medial(lung, y), lateral = vt_lung_lateral(lung, y);
        double left = lung->side > 0 ? medial : -lateral, right = lung->side > 0 ? lateral : -medial;
        double shift = chest->mediastinum_x;
        for (int i = vt_canvas_pixel(canvas, left + fmin(shift, 0)); i < vt_canvas_pixel(canvas, right + fmax(shift, 0)); i++) {
            double distance = lung->side * vt_canvas_position(canvas, i);
            double inner = distance - medial - lung->side * shift, outer = lateral - distance;
            double above = diaphragm_height(lung, distance) - y;
            double share = vt_smooth_step(0, edge, inner) * vt_smooth_step(0, edge, outer) * vt_smooth_step(0, edge, above);
            double thickness = 0.72 + 0.28 * vt_smooth_step(0, 0.16, outer) * vt_smooth_step(0, 0.1, y - lung->apex);
            size_t at = (size_t)j * (size_t)canvas->side + (size_t)i;
            canvas->air[at] = (float)fmax(canvas->air[at], share * thickness);
        }
    }
}

/* Below the diaphragm: liver on the right, spleen and the stomach's air bubble on the left. */
static void draw_abdomen(const vt_canvas *canvas, const vt_chest *chest) {
    for (int j = 0; j < canvas->side; j++) {
        double y = vt_canvas_position(canvas, j);
        for (int i = 0; i < canvas->side; i++) {
            double x = vt_canvas_position(canvas, i), distance = fabs(x);
            const vt_lung *lung = &chest->lungs[x > 0];
            if (distance > lung->lateral + 0.1 || y < lung->dome) continue;
            double top = diaphragm_height(lung, fmin(distance, lung->lateral));
            double share =
                vt_smooth_step(0, 0.05, y - top) * vt_smooth_step(lung->lateral + 0.1, lung->lateral - 0.05, distance);
            canvas->dense[(size_t)j * (size_t)canvas->side + (size_t)i] += (float)(0.17 * share);
        }
    }
    vt_blob bubble = {.x = 0.30,
                      .y = chest->lungs[1].dome + 0.14,
                      .radius_x = 0.13,
                      .radius_y = 0.07,
                      .softness = 0.4,
                      .raggedness = 0.4,
                      .grain = 0.1,
                      .seed = chest->texture + 11};
    vt_canvas_add_blob(canvas, &bubble, -0.16);
}

/* The heart hides the air behind it: an egg lying on the left diaphragm. */
static void draw_heart(const vt_canvas *canvas, const vt_chest *chest) {
    double middle = chest->heart_x + chest->mediastinum_x;
    for (int j = 0; j < canvas->side; j++)
        for (int i = 0; i < canvas->side; i++) {
            double across = vt_canvas_position(canvas, i) - middle;
            double extent = across > 0 ? chest->heart_left : chest->heart_right;
            double u = across / extent,
                   v = (vt_canvas_position(canvas, j) - chest->heart_y - 0.22 * across) / chest->heart_height;
            double distance2 = u * u + v * v;
            if (distance2 > 1.1) continue;
            double share = vt_smooth_step(1.02, 0.94, sqrt(distance2));
            size_t at = (size_t)j * (size_t)canvas->side + (size_t)i;
            canvas->fill[at] = (float)(1 - (1 - canvas->fill[at]) * (1 - 0.93 * share));
            canvas->dense[at] += (float)(share * 0.06 * sqrt(fmax(0, 1 - distance2)));
        }
}

/* Aortic knob, pulmonary trunk and hila. */
static void draw_great_vessels(const vt_canvas *canvas, const vt_chest *chest) {
    double x = chest->mediastinum_x, y = chest->heart_y;
    vt_blob knob = {.x = x + 0.12, .y = y - 0.50, .radius_x = 0.075, .radius_y = 0.085, .softness = 0.25};
    vt_blob trunk = {.x = x + 0.12, .y = y - 0.33, .radius_x = 0.075, .radius_y = 0.12, .softness = 0.4};
    vt_blob cava = {.x = x - 0.09, .y = y - 0.40, .radius_x = 0.06, .radius_y = 0.30, .softness = 0.4};
    vt_canvas_fill_blob(canvas, &knob, 0.8);
    vt_canvas_fill_blob(canvas, &trunk, 0.7);
    vt_canvas_fill_blob(canvas, &cava, 0.6);
    for (int side = -1; side <= 1; side += 2) {
        vt_blob hilum = {.x = x + side * 0.19,
                         .y = y - 0.22 - 0.02 * side,
                         .radius_x = 0.065,
                         .radius_y = 0.11,
                         .softness = 0.9,
                         .raggedness = 0.6,
                         .mottling = 0.4,
                         .grain = 0.05,
                         .seed = chest->texture + 17};
        vt_canvas_fill_blob(canvas, &hilum, 0.5);
    }
}

/* One vessel and its branches, thinner and fainter outwards. */
static void draw_branches(const vt_canvas *canvas, vt_random *random, double x, double y, double angle, double length,
                          double half_width, double amount, int generations) {
    double end_x = x + length * cos(angle), end_y = y + length * sin(angle);
    vt_canvas_line(canvas, x, y, end_x, end_y, half_width, 0.75 * half_width, amount);
    if (generations == 0) return;
    for (int sign = -1; sign <= 1; sign += 2)
        draw_branches(canvas, random, end_x, end_y, angle + sign * between(random, 0.05, 0.6),
                      between(random, 0.6, 0.95) * length, 0.72 * half_width, 0.85 * amount, generations - 1);
}

static void draw_lung_vessels(const vt_canvas *canvas, const vt_chest *chest, vt_random *random, const vt_lung *lung) {
    enum { TRUNKS = 8 };
    for (int i = 0; i < TRUNKS; i++) {
        double angle = -1.35 + 2.75 * (i + between(random, 0.2, 0.8)) / TRUNKS; /* from up to down, outwards */
        if (lung->side < 0) angle = M_PI - angle;
        double x = lung->side * 0.15 + chest->mediastinum_x, y = chest->heart_y - 0.22, start = between(random, 0.02, 0.08);
        draw_branches(canvas, random, x + start * cos(angle), y + 1.5 * start * sin(angle),
                      angle + between(random, -0.25, 0.25), between(random, 0.12, 0.18), 0.016, 0.26 * chest->vessel_strength,
                      3);
    }
}

/* ---- bones ---- */

typedef struct rib {
    double side, start, drop, lateral;
} rib;

/* From the spine a little up, then outwards and down. */
static double posterior_rib(const void *context, double x) {
    const rib *r = context;
    double out = r->side * x / r->lateral;
    return r->start + r->drop * out * out - 0.09 * out * (1 - out);
}

/* From the side downwards to the breastbone. */
static double anterior_rib(const void *context, double x) {
    const rib *r = context;
    double in = 1 - r->side * x / r->lateral;
    return r->start + r->drop + 0.05 + 0.30 * in - 0.12 * in * in;
}

static void draw_ribs(const vt_canvas *canvas, const vt_chest *chest, const vt_lung *lung) {
    enum { RIBS = 11, ANTERIOR_RIBS = 6 };
    for (int i = 0; i < RIBS; i++) {
        double start = lung->apex + 0.02 + i * chest->rib_spacing;
        double drop = chest->rib_slope * (0.55 + 0.09 * i);
        rib r = {.side = lung->side, .start = start, .drop = drop};
        r.lateral = fmin(vt_lung_lateral(lung, start + drop) + 0.03, lung->lateral + 0.02);
        double near = lung->side * 0.07, far = lung->side * r.lateral, front = lung->side * 0.30 * lung->lateral / 0.68;
        vt_canvas_bar(canvas, posterior_rib, &r, fmin(near, far), fmax(near, far), 0.024, 0.115);
        if (i < ANTERIOR_RIBS && i > 0)
            vt_canvas_bar(canvas, anterior_rib, &r, fmin(front, far), fmax(front, far), 0.027, 0.07);
    }
}

static double clavicle(const void *context, double x) {
    const rib *r = context;
    double out = r->side * x / r->lateral;
    return r->start - 0.10 * out + 0.035 * sin(2 * M_PI * out);
}

static void draw_shoulder(const vt_canvas *canvas, const vt_chest *chest, const vt_lung *lung) {
    double width = chest->body_width, side = lung->side;
    rib collar = {.side = side, .start = lung->apex + 0.13, .lateral = 0.76 * width};
    double near = side * 0.06, far = side * 0.76 * width;
    vt_canvas_bar(canvas, clavicle, &collar, fmin(near, far), fmax(near, far), 0.030, 0.15);
    vt_blob head = {.x = side * 0.93 * width, .y = lung->apex + 0.15, .radius_x = 0.12, .radius_y = 0.13, .softness = 0.25};
    vt_canvas_add_blob(canvas, &head, 0.15);
    double inwards = chest->anterior_posterior ? 0.08 : 0;
    vt_blob blade = {.x = side * (0.76 * width - inwards),
                     .y = lung->apex + 0.40,
                     .radius_x = 0.13,
                     .radius_y = 0.30,
                     .softness = 0.2,
                     .raggedness = 0.15,
                     .grain = 0.3,
                     .seed = chest->texture + 5};
    vt_canvas_add_blob(canvas, &blade, 0.045);
}

/* Vertebral bodies with their discs and pedicles; the windpipe in front of the upper ones. */
static void draw_spine(const vt_canvas *canvas, const vt_chest *chest) {
    const double vertebra = 0.118;
    for (int j = 0; j < canvas->side; j++) {
        double y = vt_canvas_position(canvas, j), middle = chest->spine_bend * cos(1.5 * y);
        double phase = y / vertebra - floor(y / vertebra);
        double body = vt_smooth_step(0.0, 0.12, phase) * vt_smooth_step(1.0, 0.88, phase);
        double windpipe = vt_smooth_step(chest->heart_y - 0.32, chest->heart_y - 0.42, y);
        for (int i = vt_canvas_pixel(canvas, -0.13); i < vt_canvas_pixel(canvas, 0.13); i++) {
            double x = vt_canvas_position(canvas, i), off = fabs(x - middle);
            double bone = 0.065 * (0.4 + 0.6 * body) * vt_smooth_step(0.082, 0.07, off);
            double pedicle_x = (off - 0.048) / 0.014, pedicle_y = (phase - 0.4) / 0.2;
            bone += 0.04 * vt_smooth_step(1.0, 0.5, pedicle_x * pedicle_x + pedicle_y * pedicle_y);
            double airway = 0.09 * windpipe * vt_smooth_step(0.05, 0.015, fabs(x - 0.6 * chest->mediastinum_x));
            canvas->dense[(size_t)j * (size_t)canvas->side + (size_t)i] += (float)(bone - airway);
        }
    }
}

static void draw_breasts(const vt_canvas *canvas, const vt_chest *chest) {
    for (int side = -1; side <= 1; side += 2) {
        vt_blob breast = {.x = side * 0.46 * chest->body_width,
                          .y = chest->heart_y + 0.08,
                          .radius_x = 0.33,
                          .radius_y = 0.32,
                          .softness = 0.12};
        vt_canvas_add_blob(canvas, &breast, 0.055);
    }
}

static void draw_anatomy(const vt_canvas *canvas, vt_chest *chest, vt_random *random) {
    draw_body(canvas, chest);
    for (int i = 0; i < 2; i++) draw_lung(canvas, chest, &chest->lungs[i]);
    draw_abdomen(canvas, chest);
    for (int i = 0; i < 2; i++) {
        draw_lung_vessels(canvas, chest, random, &chest->lungs[i]);
        draw_ribs(canvas, chest, &chest->lungs[i]);
        draw_shoulder(canvas, chest, &chest->lungs[i]);
    }
    draw_spine(canvas, chest);
    draw_heart(canvas, chest);
    draw_great_vessels(canvas, chest);
    if (chest->female) draw_breasts(canvas, chest);
}

/* ---- exposure ---- */

/* How the picture was taken: the patient's position before the plate, the dose, and the window. */
typedef struct exposure {
    double cosine, sine, shift_x, shift_y; /* picture -> chest */
    double gain, offset, noise;            /* noise in grey levels */
    double collimated;                     /* beyond this distance from the middle all is black */
    double marker_x, marker_y;             /* of the letter L */
} exposure;

static exposure make_exposure(uint64_t seed, const vt_sample_image *image) {
    vt_random random =
        vt_random_stream(seed, VT_PURPOSE_SAMPLE, STREAM_EXPOSURE, (uint64_t)image->patient << 16 | image->follow_up);
    double tilt = between(&random, -0.06, 0.06) * (image->anterior_posterior ? 1.4 : 1), zoom = between(&random, 1.08, 1.24);
    exposure e = {.cosine = cos(tilt) / zoom, .sine = sin(tilt) / zoom};
    e.shift_x = between(&random, -0.05, 0.05);
    e.shift_y = between(&random, -0.05, 0.05) - 0.10;
    e.gain = between(&random, 0.95, 1.12);
    e.offset = between(&random, -0.04, 0.04) + (image->anterior_posterior ? 0.02 : 0);
    e.noise = between(&random, 1.0, 2.5) * (image->anterior_posterior ? 1.3 : 1);
    e.collimated = vt_random_uniform(&random) < 0.25 ? between(&random, 0.9, 0.98) : 2;
    e.marker_x = between(&random, 0.74, 0.86);
    e.marker_y = between(&random, -0.90, -0.78);
    return e;
}

/* Folds the planes into one, in `dense`: 0 is black, 1 white before exposure. */
static void compose(const vt_canvas *canvas, const vt_chest *chest) {
    size_t area = (size_t)canvas->side * (size_t)canvas->side;
    float lung = (float)(0.41 * chest->darkness);
    for (size_t i = 0; i < area; i++) canvas->dense[i] -= lung * canvas->air[i] * (1 - canvas->fill[i]);
}

static double bilinear(const vt_canvas *canvas, double x, double y) {
    double column = (x + 1) * 0.5 * canvas->side - 0.5, row = (y + 1) * 0.5 * canvas->side - 0.5, last = canvas->side - 1.001;
    column = column < 0 ? 0 : column > last ? last : column;
    row = row < 0 ? 0 : row > last ? last : row;
    int i = (int)column, j = (int)row;
    double u = column - i, v = row - j;
    const float *at = canvas->dense + (size_t)j * (size_t)canvas->side + (size_t)i, *below = at + canvas->side;
    return (at[0] * (1 - u) + at[1] * u) * (1 - v) + (below[0] * (1 - u) + below[1] * u) * v;
}

enum { TONES = 4096 }; /* steps of density from 0 to 2 */

/* Grey level of every density. White comes slowly, as on film. */
static void make_tones(const exposure *e, float tones[TONES]) {
    for (int i = 0; i < TONES; i++) {
        double density = i * 2.0 / TONES, value = e->gain * (density - 0.5) + 0.5 + e->offset * (density > 0.05);
        if (value > 0.8) value = 0.8 + 0.2 * (value - 0.8) / (value - 0.6);
        tones[i] = (float)(255 * fmax(value, 0));
    }
}

static uint8_t to_grey(double value) {
    return (uint8_t)(value <= 0 ? 0 : value >= 254.5 ? 255 : (int)(value + 0.5));
}

static void expose(const vt_canvas *canvas, const exposure *e, vt_random *random, vt_image *out) {
    float tones[TONES];
    make_tones(e, tones);
    uint64_t state = (uint64_t)vt_random_u32(random) << 32 | vt_random_u32(random) | 1;
    int size = out->width;
    for (int j = 0; j < size; j++)
        for (int i = 0; i < size; i++) {
            double x = (i + 0.5) * 2.0 / size - 1, y = (j + 0.5) * 2.0 / size - 1;
            if (fabs(x) > e->collimated || fabs(y) > e->collimated) continue;
            double density =
                bilinear(canvas, e->cosine * x + e->sine * y + e->shift_x, e->cosine * y - e->sine * x + e->shift_y);
            if (density <= 0) continue;
            /* Knuth's linear congruential generator; two bytes of it make a triangle of standard deviation 104.5. */
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            double grain = (double)((int)(state >> 40 & 255) + (int)(state >> 48 & 255) - 255) * (e->noise / 104.5);
            int tone = (int)(density * (TONES / 2));
            double value = tones[tone < TONES ? tone : TONES - 1] + grain * (density < 0.2 ? 5 * density : 1);
            out->pixels[(size_t)j * (size_t)size + (size_t)i] = to_grey(value);
        }
}

static void fill_rectangle(vt_image *image, double x0, double y0, double x1, double y1) {
    for (int j = (int)((y0 + 1) * 0.5 * image->height); j < (int)((y1 + 1) * 0.5 * image->height); j++)
        for (int i = (int)((x0 + 1) * 0.5 * image->width); i < (int)((x1 + 1) * 0.5 * image->width); i++)
            image->pixels[(size_t)j * (size_t)image->width + (size_t)i] = 235;
}

/* The letter L that marks the patient's left side. */
static void draw_marker(const exposure *e, vt_image *image) {
    double x = e->marker_x, y = e->marker_y;
    fill_rectangle(image, x, y, x + 0.013, y + 0.07);
    fill_rectangle(image, x, y + 0.057, x + 0.045, y + 0.07);
}

vt_status vt_chest_draw(uint64_t seed, const vt_sample_image *image, int size, vt_image *out) {
    *out = (vt_image){0};
    vt_chest chest = make_chest(seed, image);
    exposure e = make_exposure(seed, image);
    uint64_t key = (uint64_t)image->patient << 16 | image->follow_up;
    vt_findings_shape(&chest);
    vt_canvas canvas = {0};
    VT_TRY(vt_canvas_create(size < CANVAS_LIMIT ? size : CANVAS_LIMIT, &canvas));
    vt_random vessels = vt_random_stream(seed, VT_PURPOSE_SAMPLE, STREAM_VESSELS, image->patient);
    draw_anatomy(&canvas, &chest, &vessels);
    vt_findings_draw(&canvas, &chest);
    compose(&canvas, &chest);
    vt_status status = vt_image_allocate(size, size, 1, out);
    if (status == VT_OK) {
        vt_random noise = vt_random_stream(seed, VT_PURPOSE_SAMPLE, STREAM_NOISE, key);
        expose(&canvas, &e, &noise, out);
        draw_marker(&e, out);
    }
    vt_canvas_free(&canvas);
    return status;
}
