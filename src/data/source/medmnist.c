/* The labels of MedMNIST's two-dimensional sets, which its files number but don't name (Yang et al. 2023, MedMNIST v2). */
#include "data/stream/npz_images.h"

#include "base/file.h"
#include <string.h>

#define LABELS(...)                                                                                                            \
    (const char *const[]) {                                                                                                    \
        __VA_ARGS__, NULL                                                                                                      \
    }
#define ORGANS                                                                                                                 \
    LABELS("bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver", "lung-left", "lung-right", \
           "pancreas", "spleen")

static const struct medmnist_set {
    const char *name;
    const char *const *labels; /* NULL-terminated */
} sets[] = {
    {"pathmnist", LABELS("adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle", "normal colon mucosa",
                         "cancer-associated stroma", "colorectal adenocarcinoma epithelium")},
    {"chestmnist", LABELS("atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia",
                          "pneumothorax", "consolidation", "edema", "emphysema", "fibrosis", "pleural", "hernia")},
    {"dermamnist",
     LABELS("actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma", "benign keratosis-like lesions",
            "dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions")},
    {"octmnist", LABELS("choroidal neovascularization", "diabetic macular edema", "drusen", "normal")},
    {"pneumoniamnist", LABELS("normal", "pneumonia")},
    {"retinamnist", LABELS("0", "1", "2", "3", "4")},
    {"breastmnist", LABELS("malignant", "normal, benign")},
    {"bloodmnist",
     LABELS("basophil", "eosinophil", "erythroblast", "immature granulocytes(myelocytes, metamyelocytes and promyelocytes)",
            "lymphocyte", "monocyte", "neutrophil", "platelet")},
    {"tissuemnist",
     LABELS("Collecting Duct, Connecting Tubule", "Distal Convoluted Tubule", "Glomerular endothelial cells",
            "Interstitial endothelial cells", "Leukocytes", "Podocytes", "Proximal Tubule Segments", "Thick Ascending Limb")},
    {"organamnist", ORGANS},
    {"organcmnist", ORGANS},
    {"organsmnist", ORGANS},
};

const char *const *vt_medmnist_labels(const char *path, int *count) {
    const char *name = vt_basename(path);
    *count = 0;
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        size_t length = strlen(sets[i].name);
        if (strncmp(name, sets[i].name, length) != 0 || (name[length] != '.' && name[length] != '_')) continue;
        while (sets[i].labels[*count]) ++*count;
        return sets[i].labels;
    }
    return NULL;
}
