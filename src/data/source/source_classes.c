/* One sub-folder of images per class, with or without train/, validation/ and test/ above them, as Hugging Face's
 * imagefolder has it: "train/cat/1.png", "my-train_images/cat/1.png" or "cat/1.png". Every image has one class, the name of its
 * folder. */
#include "data/source/source.h"

#include "base/file.h"
#include "base/progress.h"
#include "formats/utf8.h"
#include <stdlib.h>
#include <string.h>

/* Whether `folder` has an image directly in one of its sub-folders. Images directly in train/ or test/ have no class. */
static bool has_class_folders(const char *folder) {
    vt_strings names = {0};
    bool found = false;
    if (vt_list_folder(folder, &names) != VT_OK) return false;
    for (size_t i = 0; i < names.count && !found; i++) {
        char *path = NULL;
        vt_strings inside = {0};
        if (names.items[i][0] == '.' || vt_part_of_folder(names.items[i], strlen(names.items[i])) != VT_PART_NONE) continue;
        if (vt_join(folder, names.items[i], &path) != VT_OK) continue;
        if (vt_is_folder(path) && vt_list_folder(path, &inside) == VT_OK)
            for (size_t k = 0; k < inside.count && !found; k++) found = vt_is_image_name(inside.items[k]);
        vt_strings_free(&inside);
        free(path);
    }
    vt_strings_free(&names);
    return found;
}

typedef vt_part vt_part_finder(const char *name, size_t length);

/* Whether there is a folder for a part, as find_part() has it, with class folders in it. */
static bool has_folders_of_parts(const char *root, vt_part_finder *find_part) {
    vt_strings names = {0};
    bool found = false;
    if (vt_list_folder(root, &names) != VT_OK) return false;
    for (size_t i = 0; i < names.count && !found; i++) {
        char *path = NULL;
        if (find_part(names.items[i], strlen(names.items[i])) == VT_PART_NONE) continue;
        if (vt_join(root, names.items[i], &path) == VT_OK) found = has_class_folders(path);
        free(path);
    }
    vt_strings_free(&names);
    return found;
}

/* Folders such as "train_images" stand for parts only where no class lies beside them: "test-tube" may be one. */
static bool has_part_folders(const char *root) {
    return has_folders_of_parts(root, vt_part_of_folder) ||
           (has_folders_of_parts(root, vt_part_in_name) && !has_class_folders(root));
}

bool vt_source_is_classes(const char *root) {
    return has_part_folders(root) || has_class_folders(root);
}

/* Finds "class" in "class/1.png", or in "part/class/1.png" where there are part folders. False: no class. */
static bool find_class(const char *key, bool parts, const char **class_name, size_t *length, vt_part *part) {
    *part = VT_PART_NONE;
    const char *slash = strchr(key, '/');
    if (!slash) return false;
    if (parts) {
        *part = vt_part_in_name(key, (size_t)(slash - key));
        if (*part == VT_PART_NONE) return false;
        key = slash + 1;
        slash = strchr(key, '/');
        if (!slash) return false;
    }
    *class_name = key;
    *length = (size_t)(slash - key);
    return true;
}

/* Tables that vt_source_is_table() did not take for such. */
static vt_status report_tables(const char *root, const vt_console *console) {
    vt_strings names = {0};
    vt_status status = vt_list_folder(root, &names);
    for (size_t i = 0; i < names.count && status == VT_OK; i++)
        if (vt_has_suffix(names.items[i], ".csv"))
            vt_warn(console, "%s/%s: is not recognised as a table of labels and is left out; --table %s says why", root,
                    names.items[i], names.items[i]);
    vt_strings_free(&names);
    return status;
}

vt_status vt_source_read_classes(vt_source *source, const vt_console *console) {
    bool parts = has_part_folders(source->root);
    VT_TRY(vt_files_scan(source->root, VT_KEY_RELATIVE, &source->files));
    for (size_t i = 0; i < source->files.count; i++) {
        const char *key = source->files.items[i].key, *class_name;
        size_t length;
        vt_part part;
        if (!find_class(key, parts, &class_name, &length, &part)) continue;
        if (vt_utf8_valid_length(key, strlen(key)) != strlen(key))
            return vt_fail(VT_ERROR_INPUT, "%s/%s: the name is not UTF-8; rename it", source->root, key);
        VT_TRY(vt_source_add(source, key, source->root, 0));
        VT_TRY(vt_source_add_label(source, class_name, length));
        source->items[source->count - 1].part = part;
    }
    source->has_folders = parts;
    source->single_label = 1;
    char found[32];
    vt_format_count((int64_t)source->count, found);
    vt_say(console, "%s: one sub-folder per class%s; %zu classes, %s images found", source->root,
           parts ? ", below train, validation or test" : "", source->labels.count, found);
    if (source->labels.count == 1)
        vt_warn(console, "%s: '%s' is the only class, so that there is nothing to tell apart", source->root,
                source->labels.items[0]);
    return report_tables(source->root, console);
}
