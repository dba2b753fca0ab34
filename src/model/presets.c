/* The standard sizes: tiny and small as in Touvron et al. 2021 (DeiT), base, large and huge as in Dosovitskiy et al.
 * 2021, and micro, which is for trying things out: it learns something within minutes on a laptop. */
#include "model/presets.h"

#include "model/config.h"
#include <stdio.h>
#include <string.h>

static const char *const names[] = {"vit-micro-patch16-224",
                                    "vit-tiny-patch16-224",
                                    "vit-tiny-patch16-384",
                                    "vit-small-patch16-224",
                                    "vit-small-patch32-224",
                                    "vit-small-patch16-384",
                                    "vit-small-patch32-384",
                                    "vit-base-patch16-224",
                                    "vit-base-patch32-224",
                                    "vit-base-patch16-384",
                                    "vit-base-patch32-384",
                                    "vit-large-patch16-224",
                                    "vit-large-patch32-224",
                                    "vit-large-patch16-384",
                                    "vit-large-patch32-384",
                                    "vit-huge-patch14-224",
                                    NULL};

static const struct {
    const char *size;
    int hidden_size, num_hidden_layers, num_attention_heads;
} sizes[] = {
    {"micro", 128, 6, 4},  {"tiny", 192, 12, 3},    {"small", 384, 12, 6},
    {"base", 768, 12, 12}, {"large", 1024, 24, 16}, {"huge", 1280, 32, 16},
};

const char *const *vt_preset_names(void) {
    return names;
}

/* "vit-base-patch32-384" -> "base", 32, 384 */
static int read_name(const char *name, char size[16], int *patch_size, int *image_size) {
    for (const char *const *known = names; *known; known++) {
        if (strcmp(name, *known) == 0) return sscanf(name, "vit-%15[a-z]-patch%d-%d", size, patch_size, image_size) == 3;
    }
    return 0;
}

int vt_preset_find(const char *name, vt_vit_config *config) {
    char size[16];
    int patch_size, image_size;
    if (!read_name(name, size, &patch_size, &image_size)) return 0;
    size_t i = 0;
    while (strcmp(sizes[i].size, size) != 0) i++;
    vt_config_init(config);
    config->hidden_size = sizes[i].hidden_size;
    config->num_hidden_layers = sizes[i].num_hidden_layers;
    config->num_attention_heads = sizes[i].num_attention_heads;
    config->intermediate_size = 4 * sizes[i].hidden_size;
    config->patch_size = patch_size;
    config->image_height = config->image_width = image_size;
    return 1;
}
