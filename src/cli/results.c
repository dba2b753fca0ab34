/* Summaries before a run, and the files after it. */
#include "results.h"

#include "terminal.h"
#include <stdio.h>
#include <string.h>

void say_device(const vt_device *device, vt_precision precision) {
    vt_device_info info;
    vt_device_get_info(device, &info);
    say("Device: %s (%s), %s kernels, %d thread%s, %s, %s", info.name, info.description, info.isa, info.threads,
        info.threads == 1 ? "" : "s", info.library, vt_precision_name(precision));
}

void say_dataset(const vt_dataset *dataset, const char *path) {
    static const char *const names[] = {"train", "validation", "test"};
    const vt_dataset_info *info = vt_dataset_get_info(dataset);
    char sizes[160] = "";
    for (int i = 0; i < 3; i++) {
        const vt_split *split = vt_dataset_get_split(dataset, names[i]);
        if (!split) continue;
        size_t used = strlen(sizes);
        snprintf(sizes + used, sizeof sizes - used, "%s%s %lld", used ? ", " : "", names[i], (long long)vt_split_size(split));
    }
    say("Data: %s: %s images of %d x %d with %d channel%s, %d labels, split by %s", path, sizes, info->width, info->height,
        info->channels, info->channels == 1 ? "" : "s", info->num_labels, vt_split_policy_name(info->split_policy));
    if (info->shared_patients > 0)
        warn("%lld patients stand in more than one split, so figures on validation and test will look better than they are",
             (long long)info->shared_patients);
}

void say_model(const vt_model *model) {
    const vt_vit_config *config = vt_model_get_config(model);
    say("Model: %d layers, hidden size %d, %d heads, patches of %d, images of %d x %d, %d labels, %.2f million parameters, all "
        "trainable",
        config->num_hidden_layers, config->hidden_size, config->num_attention_heads, config->patch_size, config->image_width,
        config->image_height, config->num_labels, (double)vt_model_parameter_count(model) / 1e6);
}

vt_status leave_results(const vt_dataset *dataset, const vt_split *split, const vt_evaluation *evaluation, const char *folder,
                        uint64_t seed) {
    char plots[VT_PATH_MAX + 16];
    vt_status status = VT_OK;
    snprintf(plots, sizeof plots, "%s/plots", folder);
    if (evaluation) {
        status = vt_evaluation_save(evaluation, folder, "eval");
        if (status == VT_OK) status = vt_plot_evaluation(evaluation, plots);
        if (status == VT_OK) status = vt_plot_examples(dataset, split, evaluation, 12, seed, plots, "predictions");
    }
    if (status == VT_OK) status = vt_write_report(folder, dataset, evaluation);
    if (status == VT_OK) say("Pictures are in %s, the report is %s/report.html", plots, folder);
    return status;
}
