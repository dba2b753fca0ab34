/* Who is in a drawn data set: patients, their images, findings, ages and views, with the statistics of ChestX-ray14. */
#ifndef VT_DATA_SAMPLE_PLAN_H
#define VT_DATA_SAMPLE_PLAN_H

#include "base/memory.h"
#include <stdint.h>

/* The findings of ChestX-ray14, in the order in which its CSV lists them within a row. */
typedef enum vt_finding {
    VT_FINDING_ATELECTASIS,
    VT_FINDING_CARDIOMEGALY,
    VT_FINDING_CONSOLIDATION,
    VT_FINDING_EDEMA,
    VT_FINDING_EFFUSION,
    VT_FINDING_EMPHYSEMA,
    VT_FINDING_FIBROSIS,
    VT_FINDING_HERNIA,
    VT_FINDING_INFILTRATION,
    VT_FINDING_MASS,
    VT_FINDING_NODULE,
    VT_FINDING_PLEURAL_THICKENING,
    VT_FINDING_PNEUMONIA,
    VT_FINDING_PNEUMOTHORAX,
    VT_FINDING_COUNT
} vt_finding;

/* A set of findings as bits 1 << vt_finding; 0 is "No Finding". */
typedef uint32_t vt_finding_set;

typedef struct vt_sample_image {
    uint32_t patient;   /* from 1 */
    uint32_t follow_up; /* from 0 */
    vt_finding_set findings;
    int age; /* years */
    int female;
    int anterior_posterior; /* 1: "AP", taken lying or sitting; 0: "PA", standing */
    int in_test_list;
} vt_sample_image;

/* images [count], a function of the seed alone, ordered by patient and follow-up. */
void vt_sample_plan(uint64_t seed, int64_t count, vt_sample_image *images);

/* "00000001_000.png"; `name` has room for 32 bytes. */
void vt_sample_file_name(const vt_sample_image *image, char name[32]);

/* Data_Entry_2017_v2020.csv: header and one row per image. */
vt_status vt_sample_csv(uint64_t seed, int64_t count, const vt_sample_image *images, vt_text *csv) VT_CHECKED;

#endif
