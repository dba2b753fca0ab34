/* Patients and labels with the statistics of ChestX-ray14. The numbers in the tables are counted from its
 * Data_Entry_2017_v2020.csv (NIH Clinical Center; Wang et al., CVPR 2017): 112,120 images of 30,805 patients. */
#include "data/sample/sample_plan.h"

#include "base/random.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Per finding: images among the sets too rare for the table below, and the share of AP views among its images. */
static const struct {
    const char *name;
    int in_rare_sets;
    double anterior_posterior;
} findings[VT_FINDING_COUNT] = {[VT_FINDING_ATELECTASIS] = {"Atelectasis", 2330, 0.50},
                                [VT_FINDING_CARDIOMEGALY] = {"Cardiomegaly", 879, 0.44},
                                [VT_FINDING_CONSOLIDATION] = {"Consolidation", 1464, 0.67},
                                [VT_FINDING_EDEMA] = {"Edema", 830, 0.88},
                                [VT_FINDING_EFFUSION] = {"Effusion", 2855, 0.51},
                                [VT_FINDING_EMPHYSEMA] = {"Emphysema", 1044, 0.40},
                                [VT_FINDING_FIBROSIS] = {"Fibrosis", 670, 0.16},
                                [VT_FINDING_HERNIA] = {"Hernia", 117, 0.15},
                                [VT_FINDING_INFILTRATION] = {"Infiltration", 2582, 0.53},
                                [VT_FINDING_MASS] = {"Mass", 1791, 0.38},
                                [VT_FINDING_NODULE] = {"Nodule", 1451, 0.34},
                                [VT_FINDING_PLEURAL_THICKENING] = {"Pleural_Thickening", 1409, 0.29},
                                [VT_FINDING_PNEUMONIA] = {"Pneumonia", 665, 0.56},
                                [VT_FINDING_PNEUMOTHORAX] = {"Pneumothorax", 1475, 0.36}};
static const double no_finding_anterior_posterior = 0.35;

/* Every combination of labels with at least 100 images, and how many images have it. */
static const struct {
    int images;
    const char *labels;
} label_sets[] = {
    {60361, "No Finding"},
    {9547, "Infiltration"},
    {4215, "Atelectasis"},
    {3955, "Effusion"},
    {2705, "Nodule"},
    {2194, "Pneumothorax"},
    {2139, "Mass"},
    {1603, "Effusion|Infiltration"},
    {1350, "Atelectasis|Infiltration"},
    {1310, "Consolidation"},
    {1165, "Atelectasis|Effusion"},
    {1126, "Pleural_Thickening"},
    {1093, "Cardiomegaly"},
    {892, "Emphysema"},
    {829, "Infiltration|Nodule"},
    {737, "Atelectasis|Effusion|Infiltration"},
    {727, "Fibrosis"},
    {628, "Edema"},
    {484, "Cardiomegaly|Effusion"},
    {441, "Consolidation|Infiltration"},
    {420, "Infiltration|Mass"},
    {403, "Effusion|Pneumothorax"},
    {402, "Effusion|Mass"},
    {398, "Atelectasis|Consolidation"},
    {394, "Mass|Nodule"},
    {392, "Edema|Infiltration"},
    {345, "Infiltration|Pneumothorax"},
    {337, "Emphysema|Pneumothorax"},
    {337, "Consolidation|Effusion"},
    {322, "Pneumonia"},
    {251, "Effusion|Pleural_Thickening"},
    {249, "Effusion|Nodule"},
    {240, "Atelectasis|Pneumothorax"},
    {210, "Infiltration|Pleural_Thickening"},
    {200, "Cardiomegaly|Infiltration"},
    {200, "Atelectasis|Consolidation|Effusion"},
    {199, "Infiltration|Pneumonia"},
    {199, "Atelectasis|Nodule"},
    {189, "Edema|Effusion"},
    {185, "Fibrosis|Infiltration"},
    {178, "Mass|Pneumothorax"},
    {175, "Atelectasis|Mass"},
    {151, "Consolidation|Mass"},
    {140, "Nodule|Pleural_Thickening"},
    {137, "Edema|Infiltration|Pneumonia"},
    {134, "Consolidation|Effusion|Infiltration"},
    {132, "Mass|Pleural_Thickening"},
    {130, "Nodule|Pneumothorax"},
    {128, "Consolidation|Nodule"},
    {127, "Edema|Effusion|Infiltration"},
    {126, "Emphysema|Infiltration"},
    {120, "Cardiomegaly|Effusion|Infiltration"},
    {117, "Atelectasis|Emphysema"},
    {117, "Atelectasis|Pleural_Thickening"},
    {110, "Hernia"},
    {108, "Atelectasis|Pneumonia"},
    {106, "Effusion|Infiltration|Nodule"},
    {104, "Atelectasis|Fibrosis"},
    {104, "Atelectasis|Consolidation|Infiltration"},
};
enum {
    LABEL_SET_COUNT = sizeof label_sets / sizeof label_sets[0],
    RARE_SET_IMAGES = 6303, /* images with any other combination, of 3.1 findings on average */
    RARE_SET_SIZE = 3
};

/* How many patients have 1, 2, ... 11, and 12 or more images. */
static const int patients_by_images[] = {17503, 4113, 2100, 1330, 938, 787, 608, 494, 387, 320, 281, 1944};
enum { MOST_IMAGES = sizeof patients_by_images / sizeof patients_by_images[0] };

/* Deciles of the age at a patient's first image, with ends. */
static const double age_deciles[] = {2, 23, 30, 37, 42, 47, 51, 56, 60, 66, 90};

static const double female_share = 0.46;
/* Of two images of a patient that follow each other, 41 % have the same labels; chance alone makes that 30 %. */
static const double labels_stay_share = 0.157;
/* The share of the patients in the official test list, by images. */
static const double test_share = 0.228;

/* Sizes and pixel spacings (millimetres) before the reduction to 1024 x 1024: the commonest of each view. */
static const struct {
    double share; /* of the view's images, cumulated */
    const char *columns;
} originals[2][4] = {
    {{0.57, "2992,2991,0.14300000000000002,0.14300000000000002"},
     {0.76, "2500,2048,0.168,0.168"},
     {0.89, "2048,2500,0.168,0.168"},
     {1.00, "2021,2021,0.19431099999999998,0.19431099999999998"}},
    {{0.54, "2500,2048,0.168,0.168"},
     {0.86, "3056,2544,0.139,0.139"},
     {0.96, "2500,2048,0.171,0.171"},
     {1.00, "2048,2500,0.168,0.168"}},
};

/* Streams of random numbers, one per kind of decision. */
enum { STREAM_PATIENT = 1, STREAM_ORIGINAL = 2 };

/* An index with probability proportional to its weight. */
static int draw_weighted(vt_random *random, const int *weights, int count) {
    int64_t total = 0;
    for (int i = 0; i < count; i++) total += weights[i];
    int64_t left = (int64_t)vt_random_below(random, (uint64_t)total);
    int index = 0;
    while (left >= weights[index]) left -= weights[index++];
    return index;
}

static vt_finding_set parse_labels(const char *labels) {
    vt_finding_set set = 0;
    for (const char *at = labels; *at;) {
        size_t length = strcspn(at, "|");
        for (int f = 0; f < VT_FINDING_COUNT; f++)
            if (strlen(findings[f].name) == length && memcmp(findings[f].name, at, length) == 0) set |= 1u << f;
        at += length + (at[length] == '|');
    }
    return set;
}

static vt_finding_set draw_findings(vt_random *random) {
    int weights[LABEL_SET_COUNT + 1];
    for (int i = 0; i < LABEL_SET_COUNT; i++) weights[i] = label_sets[i].images;
    weights[LABEL_SET_COUNT] = RARE_SET_IMAGES;
    int index = draw_weighted(random, weights, LABEL_SET_COUNT + 1);
    if (index < LABEL_SET_COUNT) return parse_labels(label_sets[index].labels);
    int rare[VT_FINDING_COUNT];
    for (int f = 0; f < VT_FINDING_COUNT; f++) rare[f] = findings[f].in_rare_sets;
    vt_finding_set set = 0;
    for (int n = 0; n < RARE_SET_SIZE; n++) {
        int f = draw_weighted(random, rare, VT_FINDING_COUNT);
        rare[f] = 0;
        set |= 1u << f;
    }
    return set;
}

static int draw_anterior_posterior(vt_random *random, vt_finding_set set) {
    double share = 0;
    int count = 0;
    for (int f = 0; f < VT_FINDING_COUNT; f++)
        if (set & 1u << f) {
            share += findings[f].anterior_posterior;
            count++;
        }
    return vt_random_uniform(random) < (count ? share / count : no_finding_anterior_posterior);
}

static double draw_age(vt_random *random) {
    double decile = vt_random_uniform(random) * 10;
    int below = (int)decile;
    return age_deciles[below] + (decile - below) * (age_deciles[below + 1] - age_deciles[below]);
}

/* Patients are spread over the lists evenly, so that any size of set has about the right share in each. */
static int patient_in_test_list(uint32_t patient) {
    return (int)(patient * test_share) > (int)((patient - 1) * test_share);
}

void vt_sample_plan(uint64_t seed, int64_t count, vt_sample_image *images) {
    int64_t done = 0;
    for (uint32_t patient = 1; done < count; patient++) {
        vt_random random = vt_random_stream(seed, VT_PURPOSE_SAMPLE, STREAM_PATIENT, patient);
        int wanted = 1 + draw_weighted(&random, patients_by_images, MOST_IMAGES);
        int female = vt_random_uniform(&random) < female_share;
        double age = draw_age(&random);
        vt_finding_set set = 0;
        for (int follow_up = 0; follow_up < wanted && done < count; follow_up++) {
            if (follow_up == 0 || vt_random_uniform(&random) >= labels_stay_share) set = draw_findings(&random);
            images[done++] = (vt_sample_image){.patient = patient,
                                               .follow_up = (uint32_t)follow_up,
                                               .findings = set,
                                               .age = (int)age,
                                               .female = female,
                                               .anterior_posterior = draw_anterior_posterior(&random, set),
                                               .in_test_list = patient_in_test_list(patient)};
            age += 0.5 * vt_random_uniform(&random);
        }
    }
}

void vt_sample_file_name(const vt_sample_image *image, char name[32]) {
    snprintf(name, 32, "%08" PRIu32 "_%03" PRIu32 ".png", image->patient, image->follow_up);
}

static vt_status add_labels(vt_text *csv, vt_finding_set set) {
    if (!set) return vt_text_add(csv, "No Finding");
    const char *separator = "";
    for (int f = 0; f < VT_FINDING_COUNT; f++)
        if (set & 1u << f) {
            VT_TRY(vt_text_add(csv, "%s%s", separator, findings[f].name));
            separator = "|";
        }
    return VT_OK;
}

vt_status vt_sample_csv(uint64_t seed, int64_t count, const vt_sample_image *images, vt_text *csv) {
    VT_TRY(vt_text_add(csv, "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
                            "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n"));
    for (int64_t i = 0; i < count; i++) {
        const vt_sample_image *image = &images[i];
        char name[32];
        vt_sample_file_name(image, name);
        vt_random random = vt_random_stream(seed, VT_PURPOSE_SAMPLE, STREAM_ORIGINAL, (uint64_t)i);
        double draw = vt_random_uniform(&random);
        int original = 0;
        while (draw >= originals[image->anterior_posterior][original].share) original++;
        VT_TRY(vt_text_add(csv, "%s,", name));
        VT_TRY(add_labels(csv, image->findings));
        VT_TRY(vt_text_add(csv, ",%" PRIu32 ",%" PRIu32 ",%d,%c,%s,%s\n", image->follow_up, image->patient, image->age,
                           image->female ? 'F' : 'M', image->anterior_posterior ? "AP" : "PA",
                           originals[image->anterior_posterior][original].columns));
    }
    return VT_OK;
}
