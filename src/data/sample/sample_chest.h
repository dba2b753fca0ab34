/* A drawn chest: its anatomy, which findings may change before it is drawn, and the drawing itself. */
#ifndef VT_DATA_SAMPLE_CHEST_H
#define VT_DATA_SAMPLE_CHEST_H

#include "base/random.h"
#include "data/image/image.h"
#include "data/sample/sample_canvas.h"
#include "data/sample/sample_plan.h"

/* One lung. Across, it is measured by the distance from the middle line; down, in chest coordinates. */
typedef struct vt_lung {
    double side;    /* -1: the patient's right, left in the picture; 1: left */
    double apex;    /* y of the top */
    double dome;    /* y of the diaphragm at its highest */
    double angle;   /* y of the costophrenic angle, where diaphragm and chest wall meet */
    double medial;  /* distance of the inner border */
    double lateral; /* greatest distance of the outer border */
} vt_lung;

typedef struct vt_chest {
    vt_lung lungs[2];                             /* right, left */
    double heart_x, heart_y;                      /* middle of the heart */
    double heart_right, heart_left, heart_height; /* extent to both sides, half its height */
    double mediastinum_x;                         /* shift of heart and great vessels; the spine stays */
    double vessel_strength;                       /* lung markings, about 1 */
    double darkness;                              /* of lungs, about 1 */
    double body_width, rib_slope, rib_spacing;    /* shape of the chest wall */
    double spine_bend;                            /* sideways, at its middle */
    int female, anterior_posterior;
    uint32_t texture;                  /* seed of noise */
    double strength[VT_FINDING_COUNT]; /* of each finding in this image, 0.55 to 1; 0 where it is absent */
    vt_random place[VT_FINDING_COUNT]; /* where a finding is: the same in all images of a patient */
} vt_chest;

/* Borders of a lung at height y, as distances from the middle line. */
double vt_lung_lateral(const vt_lung *lung, double y);
double vt_lung_medial(const vt_lung *lung, double y);

/* The point at a share u of the way from the inner to the outer border and v from the apex to the diaphragm's dome. */
void vt_lung_point(const vt_lung *lung, double u, double v, double *x, double *y);

/* What findings do to the anatomy, and what they add to the picture. */
void vt_findings_shape(vt_chest *chest);
void vt_findings_draw(const vt_canvas *canvas, vt_chest *chest);

/* Draws one image of size x size pixels: a function of (seed, image) alone. */
vt_status vt_chest_draw(uint64_t seed, const vt_sample_image *image, int size, vt_image *out) VT_CHECKED;

#endif
