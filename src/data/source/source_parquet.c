/* Data sets as the Hub serves them, in Parquet files, and the cache that `datasets` keeps of them. Neither is read here: no
 * library for Parquet is in Debian. They are recognised, and what to run is said. */
#include "data/source/source.h"

#include "base/file.h"
#include <stdlib.h>
#include <string.h>

enum { FOLDERS_DEEP = 2 }; /* below the data set's own, such as data/train/ */

/* Whether there is a file of that suffix in `folder`, or in folders `deep` below it. */
static bool has_suffixed(const char *folder, const char *suffix, int deep) {
    vt_strings names = {0};
    bool found = false;
    if (vt_list_folder(folder, &names) != VT_OK) return false;
    for (size_t i = 0; i < names.count && !found; i++) {
        char *path = NULL;
        if (names.items[i][0] == '.' || vt_join(folder, names.items[i], &path) != VT_OK) continue;
        if (vt_is_folder(path))
            found = deep > 0 && has_suffixed(path, suffix, deep - 1);
        else
            found = vt_has_suffix(path, suffix);
        free(path);
    }
    vt_strings_free(&names);
    return found;
}

bool vt_source_is_parquet(const char *root) {
    return has_suffixed(root, ".parquet", FOLDERS_DEEP) || has_suffixed(root, ".arrow", 0);
}

vt_status vt_source_read_parquet(vt_source *source, const vt_console *console) {
    (void)console;
    size_t length = strlen(source->root);
    while (length > 1 && source->root[length - 1] == '/') length--;
    if (has_suffixed(source->root, ".parquet", FOLDERS_DEEP))
        return vt_fail(VT_ERROR_UNSUPPORTED,
                       "%s: holds Parquet files, which are not read; run python -c 'from datasets import load_dataset; "
                       "load_dataset(\"%.*s\").save_to_disk(\"%.*s-saved\")' once, and prepare %.*s-saved",
                       source->root, (int)length, source->root, (int)length, source->root, (int)length, source->root);
    return vt_fail(
        VT_ERROR_UNSUPPORTED,
        "%s: holds Arrow files, but not both state.json and dataset_info.json, such as the cache of datasets; save the "
        "data set by save_to_disk(), and prepare what that writes",
        source->root);
}
