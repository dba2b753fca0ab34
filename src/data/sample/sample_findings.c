/* The fourteen findings as a drawing can show them: each the textbook's picture of it, larger and clearer than life. */
#include "data/sample/sample_chest.h"

#include <math.h>

static double between(vt_random *random, double low, double high) {
    return low + (high - low) * vt_random_uniform(random);
}

/* The lung in which a one-sided finding sits: 0 right, 1 left. */
static int affected_lung(vt_random *place) {
    return vt_random_uniform(place) < 0.5 ? 0 : 1;
}

/* ---- what changes the anatomy ---- */

/* The same numbers as the drawing will draw: the stream is passed by value. */
static int side_of(vt_random place) {
    return affected_lung(&place);
}

void vt_findings_shape(vt_chest *chest) {
    const double *strength = chest->strength;
    double s = strength[VT_FINDING_CARDIOMEGALY];
    if (s > 0) {
        chest->heart_left *= 1.20 + 0.38 * s;
        chest->heart_right *= 1.15 + 0.38 * s;
        chest->heart_height *= 1.10 + 0.15 * s;
        chest->heart_y -= 0.04 * s;
    }
    s = strength[VT_FINDING_EMPHYSEMA]; /* overfilled: long dark lungs, flat diaphragm, slim heart, few vessels */
    if (s > 0) {
        for (int i = 0; i < 2; i++) {
            chest->lungs[i].dome += 0.20 * s;
            chest->lungs[i].angle += 0.08 * s;
            chest->lungs[i].lateral *= 1 + 0.06 * s;
        }
        chest->heart_y += 0.08 * s;
        chest->heart_left *= 1 - 0.22 * s;
        chest->heart_right *= 1 - 0.22 * s;
        chest->darkness *= 1 + 0.20 * s;
        chest->vessel_strength *= 1 - 0.5 * s;
    }
    s = strength[VT_FINDING_FIBROSIS]; /* shrunken lungs */
    for (int i = 0; i < 2; i++) chest->lungs[i].dome -= 0.10 * s, chest->lungs[i].angle -= 0.05 * s;
    s = strength[VT_FINDING_ATELECTASIS]; /* one lung loses volume: the diaphragm rises and the heart moves over */
    if (s > 0) {
        vt_lung *lung = &chest->lungs[side_of(chest->place[VT_FINDING_ATELECTASIS])];
        lung->dome -= 0.19 * s;
        lung->angle -= 0.10 * s;
        chest->mediastinum_x += 0.07 * s * lung->side;
    }
    s = strength[VT_FINDING_PNEUMOTHORAX]; /* pushes the heart away */
    if (s > 0) chest->mediastinum_x -= 0.05 * s * chest->lungs[side_of(chest->place[VT_FINDING_PNEUMOTHORAX])].side;
    chest->vessel_strength *= 1 + 0.8 * strength[VT_FINDING_EDEMA];
}

/* ---- what is added to the picture ---- */

/* Fluid below a level that climbs towards the chest wall. */
static void fill_with_fluid(const vt_canvas *canvas, const vt_lung *lung, double height) {
    double level = lung->dome + 0.03 - height;
    for (int j = vt_canvas_pixel(canvas, level - 0.3); j < vt_canvas_pixel(canvas, lung->angle); j++)
        for (int i = 0; i < canvas->side; i++) {
            double distance = lung->side * vt_canvas_position(canvas, i), out = distance / lung->lateral;
            size_t at = (size_t)j * (size_t)canvas->side + (size_t)i;
            if (out < 0 || canvas->air[at] <= 0) continue;
            double surface = level - 0.22 * out * out * out * out;
            double share = vt_smooth_step(surface - 0.01, surface + 0.04, vt_canvas_position(canvas, j));
            canvas->fill[at] = (float)(1 - (1 - canvas->fill[at]) * (1 - 0.97 * share));
            canvas->dense[at] += (float)(0.13 * share * canvas->air[at]); /* as white as the liver below */
        }
}

static void draw_effusion(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s) {
    int side = affected_lung(place), both = vt_random_uniform(place) < 0.35;
    fill_with_fluid(canvas, &chest->lungs[side], 0.08 + 0.36 * (s - 0.4));
    if (both) fill_with_fluid(canvas, &chest->lungs[1 - side], 0.06 + 0.22 * (s - 0.4));
}

/* Plates of airless lung above the raised diaphragm, and a wedge where the lobe has folded up. */
static void draw_atelectasis(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s) {
    const vt_lung *lung = &chest->lungs[affected_lung(place)];
    for (int n = 0; n < 3; n++) {
        double x0, y0, x1, y1, v = 0.78 + 0.085 * n;
        vt_lung_point(lung, between(place, 0.10, 0.25), v + between(place, -0.03, 0.03), &x0, &y0);
        vt_lung_point(lung, between(place, 0.70, 0.95), v + between(place, -0.06, 0.02), &x1, &y1);
        vt_canvas_line(canvas, x0, y0, x1, y1, 0.018, 0.012, 0.75 * s);
    }
    double x, y;
    vt_lung_point(lung, 0.25, 0.95, &x, &y);
    vt_blob wedge = {.x = x,
                     .y = y,
                     .radius_x = 0.24,
                     .radius_y = 0.16,
                     .softness = 0.6,
                     .raggedness = 0.2,
                     .grain = 0.1,
                     .seed = chest->texture + 31};
    vt_canvas_fill_blob(canvas, &wedge, 0.75 * s);
}

/* Small cotton-wool patches over the lower two thirds of one lung or both. */
static void draw_infiltration(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s) {
    int side = affected_lung(place), both = vt_random_uniform(place) < 0.55;
    for (int n = 0; n < (both ? 14 : 8); n++) {
        const vt_lung *lung = &chest->lungs[both ? n % 2 : side];
        vt_blob patch = {
            .softness = 0.9, .raggedness = 0.7, .mottling = 0.7, .grain = 0.06, .seed = chest->texture + 41 + (uint32_t)n};
        vt_lung_point(lung, between(place, 0.2, 0.8), between(place, 0.35, 0.95), &patch.x, &patch.y);
        patch.radius_x = between(place, 0.08, 0.14);
        patch.radius_y = between(place, 0.08, 0.14);
        vt_canvas_fill_blob(canvas, &patch, 0.62 * s);
    }
}

/* Round, dense and sharp: a mass is wider than three centimetres, about 0.1 here. */
static void draw_mass(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s) {
    const vt_lung *lung = &chest->lungs[affected_lung(place)];
    vt_blob mass = {.softness = 0.22, .raggedness = 0.25, .grain = 0.08, .seed = chest->texture + 61};
    vt_lung_point(lung, between(place, 0.4, 0.7), between(place, 0.25, 0.75), &mass.x, &mass.y);
    mass.radius_x = between(place, 0.10, 0.14) * (0.75 + 0.35 * s);
    mass.radius_y = mass.radius_x * between(place, 0.85, 1.15);
    vt_canvas_fill_blob(canvas, &mass, 0.97);
    vt_canvas_add_blob(canvas, &mass, 0.03);
}

static void draw_nodule(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s) {
    int count = 1 + (int)vt_random_below(place, 4);
    for (int n = 0; n < count; n++) {
        const vt_lung *lung = &chest->lungs[affected_lung(place)];
        vt_blob nodule = {.softness = 0.35};
        vt_lung_point(lung, between(place, 0.3, 0.8), between(place, 0.2, 0.85), &nodule.x, &nodule.y);
        nodule.radius_x = nodule.radius_y = between(place, 0.038, 0.052) * (0.7 + 0.3 * s);
        vt_canvas_fill_blob(canvas, &nodule, 0.95);
        vt_canvas_add_blob(canvas, &nodule, 0.05);
    }
}

/* One dense, ragged patch in a lower or middle zone. */
static void draw_pneumonia(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s) {
    const vt_lung *lung = &chest->lungs[affected_lung(place)];
    vt_blob patch = {.softness = 0.5, .raggedness = 0.6, .mottling = 0.35, .grain = 0.09, .seed = chest->texture + 71};
    vt_lung_point(lung, between(place, 0.4, 0.6), between(place, 0.6, 0.85), &patch.x, &patch.y);
    patch.radius_x = between(place, 0.20, 0.25);
    patch.radius_y = between(place, 0.18, 0.26);
    vt_canvas_fill_blob(canvas, &patch, 0.95 * s);
}

/* A whole lobe, even and dense up to the fissure, with the bronchi dark in it. */
static void draw_consolidation(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s) {
    const vt_lung *lung = &chest->lungs[affected_lung(place)];
    int upper = vt_random_uniform(place) < 0.45;
    double fissure = lung->apex + (upper ? 0.50 : 0.55) * (lung->dome - lung->apex), tilt = upper ? 0.05 : 0.25;
    for (int j = vt_canvas_pixel(canvas, lung->apex); j < vt_canvas_pixel(canvas, lung->angle); j++)
        for (int i = 0; i < canvas->side; i++) {
            double distance = lung->side * vt_canvas_position(canvas, i), below = vt_canvas_position(canvas, j) - fissure;
            size_t at = (size_t)j * (size_t)canvas->side + (size_t)i;
            if (distance < 0 || canvas->air[at] <= 0) continue;
            below -= tilt * (distance - 0.35);
            double share = (0.55 + 0.38 * s) * vt_smooth_step(0, 0.035, upper ? -below : below);
            canvas->fill[at] = (float)(1 - (1 - canvas->fill[at]) * (1 - share));
        }
    for (int n = 0; n < 5; n++) {
        double x0, y0, x1, y1, v = upper ? 0.42 : 0.68, reach = upper ? -0.22 : 0.18;
        vt_lung_point(lung, 0.15, v, &x0, &y0);
        vt_lung_point(lung, 0.35 + 0.1 * n, v + reach * between(place, 0.4, 1.0), &x1, &y1);
        vt_canvas_line(canvas, x0, y0, x1, y1, 0.012, 0.006, -0.35);
    }
}

/* Bat wings around both hila, and Kerley's lines at the bases. */
static void draw_edema(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s) {
    for (int side = 0; side < 2; side++) {
        const vt_lung *lung = &chest->lungs[side];
        vt_blob wing = {.radius_x = 0.30,
                        .radius_y = 0.40,
                        .softness = 1.0,
                        .raggedness = 0.4,
                        .mottling = 0.35,
                        .grain = 0.07,
                        .seed = chest->texture + 81 + (uint32_t)side};
        vt_lung_point(lung, 0.38, 0.60, &wing.x, &wing.y);
        vt_canvas_fill_blob(canvas, &wing, 0.80 * s);
        for (int n = 0; n < 9; n++) {
            double x0, y0, x1, y1, v = between(place, 0.70, 1.0);
            vt_lung_point(lung, 0.86, v, &x0, &y0);
            vt_lung_point(lung, 0.99, v, &x1, &y1);
            vt_canvas_line(canvas, x0, y0, x1, y1, 0.005, 0.005, 0.5);
        }
    }
}

/* Bullae: round holes without markings, thinly walled, mostly high up. */
static void draw_emphysema(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s) {
    for (int n = 0; n < 6; n++) {
        const vt_lung *lung = &chest->lungs[n % 2];
        vt_blob bulla = {.softness = 0.25};
        vt_lung_point(lung, between(place, 0.35, 0.75), between(place, 0.12, 0.5), &bulla.x, &bulla.y);
        bulla.radius_x = bulla.radius_y = between(place, 0.06, 0.11);
        vt_canvas_add_blob(canvas, &bulla, 0.05 * s);
        bulla.radius_x = bulla.radius_y = bulla.radius_x - 0.012;
        vt_canvas_add_blob(canvas, &bulla, -0.10 * s);
    }
}

/* A net of fine scars, densest at the bases and near the wall. */
static void draw_fibrosis(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s) {
    for (int n = 0; n < 420; n++) {
        const vt_lung *lung = &chest->lungs[n % 2];
        double u = sqrt(vt_random_uniform(place)), v = sqrt(between(place, 0.12, 1.05)), x, y;
        vt_lung_point(lung, u, v, &x, &y);
        double angle = between(place, 0, M_PI), length = between(place, 0.03, 0.06);
        vt_canvas_line(canvas, x, y, x + length * cos(angle), y + length * sin(angle), 0.007, 0.005, 0.55 * s);
    }
}

/* A white rind between lung and chest wall, over the apex too. */
static void draw_pleural_thickening(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s) {
    int side = affected_lung(place), both = vt_random_uniform(place) < 0.4;
    for (int n = 0; n < 2; n++) {
        if (n != side && !both) continue;
        const vt_lung *lung = &chest->lungs[n];
        for (int j = vt_canvas_pixel(canvas, lung->apex); j < vt_canvas_pixel(canvas, lung->angle); j++) {
            double y = vt_canvas_position(canvas, j), lateral = vt_lung_lateral(lung, y);
            double rind = s * (0.055 + 0.05 * vt_noise(chest->texture + 91, y / 0.15, n)), cap = lung->apex + 1.3 * rind;
            for (int i = 0; i < canvas->side; i++) {
                double distance = lung->side * vt_canvas_position(canvas, i);
                size_t at = (size_t)j * (size_t)canvas->side + (size_t)i;
                if (distance < 0 || canvas->air[at] <= 0) continue;
                double share =
                    fmax(vt_smooth_step(lateral - rind, lateral - rind + 0.02, distance), vt_smooth_step(cap, cap - 0.03, y));
                canvas->fill[at] = (float)(1 - (1 - canvas->fill[at]) * (1 - 0.9 * share));
            }
        }
    }
}

/* Air without markings outside the thin line of the collapsing lung. */
static void draw_pneumothorax(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s) {
    const vt_lung *lung = &chest->lungs[affected_lung(place)];
    vt_lung collapsed = *lung;
    collapsed.apex += 0.20 * s;
    collapsed.medial += lung->side * chest->mediastinum_x; /* which is pushed away */
    collapsed.lateral -= 0.55 * s * (lung->lateral - lung->medial);
    for (int j = vt_canvas_pixel(canvas, lung->apex); j < vt_canvas_pixel(canvas, lung->angle); j++) {
        double y = vt_canvas_position(canvas, j), border = vt_lung_lateral(&collapsed, y);
        int above = y < collapsed.apex;
        for (int i = 0; i < canvas->side; i++) {
            double distance = lung->side * vt_canvas_position(canvas, i);
            size_t at = (size_t)j * (size_t)canvas->side + (size_t)i;
            if (distance < 0 || canvas->air[at] <= 0) continue;
            double beyond = fmax(distance - border, vt_lung_medial(&collapsed, y) - distance);
            double outside = above ? 1 : vt_smooth_step(0, 0.012, beyond);
            double line = above ? 0 : vt_smooth_step(0.014, 0.005, fabs(beyond));
            canvas->fill[at] = (float)((1 - outside) * (1 - (1 - canvas->fill[at]) * (1 - 0.22 * s)));
            canvas->dense[at] += (float)(0.13 * line - 0.10 * outside) * canvas->air[at];
        }
    }
}

/* The stomach behind the heart: a round shadow with air above a fluid level. */
static void draw_hernia(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s) {
    double middle = chest->mediastinum_x + between(place, 0.02, 0.08), y0 = chest->lungs[1].dome - 0.10;
    double radius = 0.15 + 0.06 * s;
    vt_blob stomach = {.x = middle, .y = y0, .radius_x = 1.15 * radius, .radius_y = radius, .softness = 0.12};
    vt_canvas_fill_blob(canvas, &stomach, 0.95);
    vt_canvas_add_blob(canvas, &stomach, 0.06);
    for (int j = vt_canvas_pixel(canvas, y0 - radius); j < vt_canvas_pixel(canvas, y0); j++)
        for (int i = vt_canvas_pixel(canvas, middle - 1.2 * radius); i < vt_canvas_pixel(canvas, middle + 1.2 * radius); i++) {
            double u = (vt_canvas_position(canvas, i) - middle) / (1.15 * radius),
                   v = (vt_canvas_position(canvas, j) - y0) / radius;
            double share = vt_smooth_step(0.90, 0.80, sqrt(u * u + v * v)) * vt_smooth_step(-0.02, -0.08, v);
            canvas->dense[(size_t)j * (size_t)canvas->side + (size_t)i] -= (float)(0.30 * share);
        }
}

/* What lies in the lung comes before what lies around it. Cardiomegaly is all shape. */
void vt_findings_draw(const vt_canvas *canvas, vt_chest *chest) {
    static const struct {
        vt_finding finding;
        void (*draw)(const vt_canvas *canvas, const vt_chest *chest, vt_random *place, double s);
    } order[] = {
        {VT_FINDING_INFILTRATION, draw_infiltration},
        {VT_FINDING_PNEUMONIA, draw_pneumonia},
        {VT_FINDING_CONSOLIDATION, draw_consolidation},
        {VT_FINDING_ATELECTASIS, draw_atelectasis},
        {VT_FINDING_EDEMA, draw_edema},
        {VT_FINDING_EMPHYSEMA, draw_emphysema},
        {VT_FINDING_FIBROSIS, draw_fibrosis},
        {VT_FINDING_MASS, draw_mass},
        {VT_FINDING_NODULE, draw_nodule},
        {VT_FINDING_HERNIA, draw_hernia},
        {VT_FINDING_PNEUMOTHORAX, draw_pneumothorax},
        {VT_FINDING_PLEURAL_THICKENING, draw_pleural_thickening},
        {VT_FINDING_EFFUSION, draw_effusion},
    };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        vt_finding f = order[i].finding;
        if (chest->strength[f] > 0) order[i].draw(canvas, chest, &chest->place[f], chest->strength[f]);
    }
}
