/* Writing, validating, loading and rotating checkpoints; the header says what they hold and promise. */
#include "train/checkpoint.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "formats/safetensors.h"
#include "train/arguments.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char MANIFEST[] = "manifest.json";
static const char *const MOMENT_NAMES[] = {"exp_avg", "exp_avg_sq"}; /* as torch.optim.AdamW calls them */

/* The files without which no run can be continued. */
static const char *const REQUIRED[] = {"config.json", "model.safetensors", "optimizer.safetensors", "trainer_state.json",
                                       "training_args.json"};

uint64_t vt_checkpoint_bytes(const vt_model *model, int moments) {
    const uint64_t text_files = 4 << 20; /* configuration, state, safetensors headers, blocks of the file system */
    return (uint64_t)vt_model_parameter_count(model) * sizeof(float) * (uint64_t)(1 + moments) + text_files;
}

/* --- writing --- */

/* The moments as tensors of the parameters' shapes; tensors and names [moments * parameters]. */
static void describe_moments(const vt_checkpoint *checkpoint, vt_tensor *tensors, char (*names)[160]) {
    const vt_model *model = checkpoint->model;
    const float *moments[] = {checkpoint->moment1, checkpoint->moment2};
    for (int m = 0; m < 2 && moments[m]; m++)
        for (int p = 0; p < model->parameter_count; p++) {
            const vt_parameter *parameter = &model->parameters[p];
            int i = m * model->parameter_count + p;
            snprintf(names[i], sizeof names[i], "%s.%s", parameter->name, MOMENT_NAMES[m]);
            tensors[i] =
                (vt_tensor){names[i], VT_DTYPE_F32, parameter->rank, {0}, parameter->count, moments[m] + parameter->offset};
            memcpy(tensors[i].shape, parameter->shape, (size_t)parameter->rank * sizeof parameter->shape[0]);
        }
}

static vt_status save_optimizer(const vt_checkpoint *checkpoint, const char *path) {
    size_t count = (size_t)checkpoint->model->parameter_count * (checkpoint->moment2 ? 2 : 1);
    vt_tensor *tensors = NULL;
    char(*names)[160] = NULL;
    vt_status status = vt_allocate(&tensors, count, sizeof *tensors, "optimizer tensors");
    if (status == VT_OK) status = vt_allocate(&names, count, sizeof *names, "names of optimizer tensors");
    if (status == VT_OK) describe_moments(checkpoint, tensors, names);
    if (status == VT_OK) status = vt_safetensors_write(path, tensors, count, NULL, NULL, 0, NULL);
    free(tensors);
    free(names);
    return status;
}

/* Adds {"size": ..., "crc32": "..."} of one file. */
static vt_status add_to_manifest(json_t *files, const char *folder, const char *name) {
    char *path, crc_text[9];
    uint32_t crc;
    uint64_t size;
    VT_TRY(vt_join(folder, name, &path));
    vt_status status = vt_file_crc32(path, &crc, &size);
    free(path);
    VT_TRY(status);
    snprintf(crc_text, sizeof crc_text, "%08x", crc);
    json_t *entry = json_pack("{s:I, s:s}", "size", (json_int_t)size, "crc32", crc_text);
    return json_object_set_new(files, name, entry) == 0 ? VT_OK : vt_fail_memory("a checkpoint's manifest", 0);
}

static vt_status save_manifest(const char *folder, const char *path) {
    vt_strings names = {0};
    json_t *files = json_object();
    vt_status status = vt_list_folder(folder, &names);
    for (size_t i = 0; status == VT_OK && i < names.count; i++) status = add_to_manifest(files, folder, names.items[i]);
    json_t *manifest = json_pack("{s:i, s:o}", "version", 1, "files", files);
    if (status == VT_OK) status = vt_json_save(path, manifest);
    json_decref(manifest);
    vt_strings_free(&names);
    return status;
}

static vt_status write_files(const vt_checkpoint *checkpoint, const char *folder) {
    char *optimizer = NULL, *state = NULL, *arguments = NULL, *manifest = NULL;
    vt_status status = vt_join(folder, "optimizer.safetensors", &optimizer);
    if (status == VT_OK) status = vt_join(folder, "trainer_state.json", &state);
    if (status == VT_OK) status = vt_join(folder, "training_args.json", &arguments);
    if (status == VT_OK) status = vt_join(folder, MANIFEST, &manifest);
    if (status == VT_OK) status = vt_make_folders(folder);
    if (status == VT_OK) status = vt_model_save(checkpoint->model, folder);
    if (status == VT_OK) status = save_optimizer(checkpoint, optimizer);
    if (status == VT_OK) status = vt_trainer_state_save(checkpoint->state, checkpoint->arguments, state);
    if (status == VT_OK) status = vt_training_arguments_save(checkpoint->arguments, arguments);
    if (status == VT_OK) status = save_manifest(folder, manifest);
    if (status == VT_OK) status = vt_sync_folder(folder);
    free(optimizer);
    free(state);
    free(arguments);
    free(manifest);
    return status;
}

vt_status vt_checkpoint_save(const vt_checkpoint *checkpoint, const char *output_dir) {
    long long step = (long long)checkpoint->state->global_step;
    char *temporary = NULL, *folder = NULL;
    vt_status status = vt_format(&temporary, "%s/.checkpoint-%lld.partial", output_dir, step);
    if (status == VT_OK) status = vt_format(&folder, "%s/checkpoint-%lld", output_dir, step);
    if (status == VT_OK) status = vt_remove_tree(temporary);
    if (status == VT_OK) status = write_files(checkpoint, temporary);
    /* One of the same step can only be a damaged one that was passed over, or equal to this. */
    if (status == VT_OK) status = vt_remove_tree(folder);
    if (status == VT_OK) status = vt_rename_synced(temporary, folder);
    if (status != VT_OK && temporary) {
        char sentence[1024];
        snprintf(sentence, sizeof sentence, "%s", vt_error_message());
        vt_status removed = vt_remove_tree(temporary);
        vt_fail(status, "checkpoint-%lld was not saved%s: %s", step,
                removed == VT_OK ? "" : " and its remains can't be removed", sentence);
    }
    free(temporary);
    free(folder);
    return status;
}

/* --- reading --- */

static vt_status validate_file(const char *folder, const char *name, const json_t *entry) {
    const char *crc_text = "";
    int64_t expected_size = -1;
    uint64_t size;
    uint32_t crc;
    char *path, computed[9];
    if (strchr(name, '/'))
        return vt_fail(VT_ERROR_INPUT, "%s/%s: names '%s', expected plain file names", folder, MANIFEST, name);
    VT_TRY(vt_join(folder, name, &path));
    vt_status status = vt_json_get_int(entry, path, "size", 0, INT64_MAX, &expected_size);
    if (status == VT_OK) status = vt_json_get_string(entry, path, "crc32", &crc_text);
    if (status == VT_OK) status = vt_file_size(path, &size);
    if (status == VT_OK && size != (uint64_t)expected_size)
        status = vt_fail(VT_ERROR_INPUT, "%s: has %llu bytes, expected %lld", path, (unsigned long long)size,
                         (long long)expected_size);
    if (status == VT_OK) status = vt_file_crc32(path, &crc, &size);
    if (status == VT_OK) {
        snprintf(computed, sizeof computed, "%08x", crc);
        if (strcmp(computed, crc_text) != 0)
            status = vt_fail(VT_ERROR_INPUT, "%s: its checksum is %s, expected %.20s", path, computed, crc_text);
    }
    free(path);
    return status;
}

static vt_status validate_manifest(const char *folder, const json_t *manifest) {
    json_t *files = json_object_get(manifest, "files"), *entry;
    const char *name;
    for (size_t i = 0; i < sizeof REQUIRED / sizeof *REQUIRED; i++)
        if (!json_is_object(json_object_get(files, REQUIRED[i])))
            return vt_fail(VT_ERROR_INPUT, "%s/%s: does not list %s", folder, MANIFEST, REQUIRED[i]);
    json_object_foreach(files, name, entry) VT_TRY(validate_file(folder, name, entry));
    return VT_OK;
}

vt_status vt_checkpoint_validate(const char *folder) {
    char *path;
    json_t *manifest;
    VT_TRY(vt_join(folder, MANIFEST, &path));
    vt_status status = vt_json_load(path, &manifest);
    free(path);
    VT_TRY(status);
    status = validate_manifest(folder, manifest);
    json_decref(manifest);
    return status;
}

vt_status vt_checkpoint_load_state(const char *folder, vt_trainer_state *state, vt_training_arguments *arguments) {
    char *path = NULL, *arguments_path = NULL;
    json_t *object = NULL;
    vt_status status;
    VT_TRY_GOTO(vt_join(folder, "trainer_state.json", &path));
    VT_TRY_GOTO(vt_join(folder, "training_args.json", &arguments_path));
    VT_TRY_GOTO(vt_trainer_state_load(state, path));
    VT_TRY_GOTO(vt_json_load(arguments_path, &object));
    vt_training_arguments_init(arguments, NULL);
    VT_TRY_GOTO(vt_training_arguments_from_json(arguments, object, arguments_path));
done:
    json_decref(object);
    free(path);
    free(arguments_path);
    return status;
}

static vt_status load_moment(const vt_safetensors *file, const char *path, const vt_parameter *parameter, const char *suffix,
                             float *values) {
    char name[160];
    snprintf(name, sizeof name, "%s.%s", parameter->name, suffix);
    const vt_tensor *tensor = vt_safetensors_find(file, name);
    if (!tensor) return vt_fail(VT_ERROR_INPUT, "%s: has no tensor '%s'", path, name);
    if (tensor->count != parameter->count)
        return vt_fail(VT_ERROR_INPUT, "%s: tensor '%s' has %lld elements, expected %lld", path, name, (long long)tensor->count,
                       (long long)parameter->count);
    vt_status status = vt_tensor_to_float(tensor, values + parameter->offset);
    return status == VT_OK ? VT_OK : vt_fail_prefix(status, "%s", path);
}

vt_status vt_checkpoint_load_weights(const char *folder, vt_model *model, float *moment1, float *moment2) {
    float *moments[] = {moment1, moment2};
    char *path;
    vt_safetensors *file = NULL;
    VT_TRY(vt_model_restore(model, folder));
    VT_TRY(vt_join(folder, "optimizer.safetensors", &path));
    vt_status status = vt_safetensors_open(path, &file);
    for (int m = 0; m < 2 && moments[m]; m++)
        for (int p = 0; status == VT_OK && p < model->parameter_count; p++)
            status = load_moment(file, path, &model->parameters[p], MOMENT_NAMES[m], moments[m]);
    vt_safetensors_close(file);
    free(path);
    return status;
}

/* --- the checkpoints of a run --- */

/* N of "checkpoint-N", or -1. */
static int64_t step_of_name(const char *name) {
    static const char prefix[] = "checkpoint-";
    const char *digits = name + sizeof prefix - 1;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || !*digits || strlen(digits) > 15) return -1;
    if (strspn(digits, "0123456789") != strlen(digits)) return -1;
    return strtoll(digits, NULL, 10);
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

vt_status vt_checkpoint_list(const char *output_dir, int64_t **steps, size_t *count) {
    vt_strings names = {0};
    *steps = NULL;
    *count = 0;
    if (!vt_is_folder(output_dir)) return VT_OK;
    VT_TRY(vt_list_folder(output_dir, &names));
    vt_status status = vt_allocate(steps, names.count, sizeof **steps, "a list of checkpoints");
    for (size_t i = 0; status == VT_OK && i < names.count; i++) {
        int64_t step = step_of_name(names.items[i]);
        if (step >= 0) (*steps)[(*count)++] = step;
    }
    if (status == VT_OK) qsort(*steps, *count, sizeof **steps, ascending);
    vt_strings_free(&names);
    return status;
}

vt_status vt_checkpoint_find_newest(const char *output_dir, const vt_console *console, char **folder) {
    int64_t *steps;
    size_t count;
    *folder = NULL;
    VT_TRY(vt_checkpoint_list(output_dir, &steps, &count));
    vt_status status = VT_OK;
    while (status == VT_OK && count-- > 0) {
        status = vt_format(folder, "%s/checkpoint-%lld", output_dir, (long long)steps[count]);
        if (status != VT_OK || vt_checkpoint_validate(*folder) == VT_OK) break;
        vt_warn(console, "%s is damaged and passed over: %s", *folder, vt_error_message());
        free(*folder);
        *folder = NULL;
    }
    free(steps);
    return status;
}

static vt_status remove_step(const char *output_dir, int64_t step) {
    char *folder;
    VT_TRY(vt_format(&folder, "%s/checkpoint-%lld", output_dir, (long long)step));
    vt_status status = vt_remove_tree(folder);
    free(folder);
    return status;
}

vt_status vt_checkpoint_rotate(const char *output_dir, int64_t limit, int64_t newest_step, int64_t best_step) {
    int64_t *steps;
    size_t count;
    if (limit <= 0) return VT_OK;
    VT_TRY(vt_checkpoint_list(output_dir, &steps, &count));
    vt_status status = VT_OK;
    int64_t left = (int64_t)count;
    for (size_t i = 0; status == VT_OK && i < count && left > limit; i++) {
        if (steps[i] == newest_step || steps[i] == best_step) continue;
        status = remove_step(output_dir, steps[i]);
        left--;
    }
    free(steps);
    return status;
}

vt_status vt_checkpoint_remove_all(const char *output_dir) {
    int64_t *steps;
    size_t count;
    VT_TRY(vt_checkpoint_list(output_dir, &steps, &count));
    vt_status status = VT_OK;
    for (size_t i = 0; status == VT_OK && i < count; i++) status = remove_step(output_dir, steps[i]);
    free(steps);
    return status;
}

/* ".checkpoint-N.partial", or a file of vt_writer's ending in ".<pid>-<n>.tmp". */
static int is_leftover(const char *name) {
    if (name[0] == '.' && strncmp(name, ".checkpoint-", 12) == 0) return vt_has_suffix(name, ".partial");
    if (!vt_has_suffix(name, ".tmp")) return 0;
    const char *start = name + strlen(name) - strlen(".tmp");
    int dashes = 0, digits = 0;
    while (start > name && (start[-1] == '-' || (start[-1] >= '0' && start[-1] <= '9'))) {
        start--;
        dashes += *start == '-';
        digits += *start != '-';
    }
    return dashes == 1 && digits >= 2 && start > name && start[-1] == '.';
}

vt_status vt_checkpoint_clean(const char *output_dir) {
    vt_strings names = {0};
    VT_TRY(vt_list_folder(output_dir, &names));
    vt_status status = VT_OK;
    for (size_t i = 0; status == VT_OK && i < names.count; i++) {
        char *path;
        if (!is_leftover(names.items[i])) continue;
        status = vt_join(output_dir, names.items[i], &path);
        if (status != VT_OK) break;
        status = vt_remove_tree(path);
        free(path);
    }
    vt_strings_free(&names);
    return status;
}
