/* Helpers of the model's tests: a console that remembers, and checkpoints derived from the golden ones. */
#ifndef VT_TESTS_MODEL_CHECKPOINTS_H
#define VT_TESTS_MODEL_CHECKPOINTS_H

#include "support.h"

#include "base/memory.h"
#include "formats/safetensors.h"
#include "model/model.h"

/* --- a console that remembers its lines --- */

static vt_text heard;

static inline void hear(void *user, vt_level level, const char *text) {
    (void)user;
    if (vt_text_add(&heard, "%s%s\n", level == VT_LEVEL_WARNING ? "warning: " : "", text) != VT_OK) fail();
}

static const vt_console listener = {.line = hear};

static inline void assert_heard(const char *words) {
    if (!heard.data || !strstr(heard.data, words)) fail_msg("'%s' was not said; this was:\n%s", words, heard.data);
}

static inline void assert_not_heard(const char *words) {
    if (heard.data && strstr(heard.data, words)) fail_msg("'%s' was said:\n%s", words, heard.data);
}

/* --- opening --- */

static inline vt_model_options default_options(void) {
    vt_model_options options;
    vt_model_options_init(&options);
    return options;
}

/* Opens a model, listening. */
static inline vt_status open_with(const char *folder, const vt_model_options *options, vt_model **model) {
    vt_text_free(&heard);
    heard = (vt_text){0};
    return vt_model_open(folder, options, &listener, model);
}

static inline vt_model *open_model(const char *folder) {
    vt_model_options options = default_options();
    vt_model *model;
    ASSERT_OK(open_with(folder, &options, &model));
    return model;
}

static inline int same_values(const vt_model *a, const vt_model *b) {
    return a->value_count == b->value_count && memcmp(a->values, b->values, (size_t)a->value_count * sizeof(float)) == 0;
}

/* --- checkpoints derived from a golden one --- */

static inline void copy_file(const char *from_folder, const char *to_folder, const char *name) {
    char *from, *to;
    uint8_t *data;
    size_t size;
    ASSERT_OK(vt_join(from_folder, name, &from));
    ASSERT_OK(vt_join(to_folder, name, &to));
    ASSERT_OK(vt_read_file(from, 1 << 24, &data, &size));
    ASSERT_OK(vt_write_file(to, data, size));
    free(data);
    free(from);
    free(to);
}

/* Changes the list of tensors before it is written; returns the new count. */
typedef size_t (*tensor_change)(vt_tensor *tensors, size_t count);

/* A folder called `name` with the golden checkpoint `golden`, its tensors changed. */
static inline const char *derive_checkpoint(const char *golden, const char *name, tensor_change change) {
    enum { ROOM = 64 };
    const char *folder = test_path(name);
    vt_safetensors *file;
    vt_tensor tensors[ROOM];
    char *path;
    ASSERT_OK(vt_make_folders(folder));
    copy_file(golden_path(golden), folder, "config.json");
    copy_file(golden_path(golden), folder, "preprocessor_config.json");
    ASSERT_OK(vt_safetensors_open_model(golden_path(golden), &file));
    size_t count = vt_safetensors_count(file);
    assert_true(count + 2 <= ROOM);
    for (size_t i = 0; i < count; i++) tensors[i] = *vt_safetensors_get(file, i);
    if (change) count = change(tensors, count);
    ASSERT_OK(vt_join(folder, "model.safetensors", &path));
    ASSERT_OK(vt_safetensors_write(path, tensors, count, NULL, NULL, 0, NULL));
    vt_safetensors_close(file);
    free(path);
    return folder;
}

#endif
