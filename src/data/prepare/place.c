/* Everything is made in a folder beside the result and moved into place at the end, so that a failure, a stop or a kill leaves
 * what was there; what a killed run left is either gone on with or cleared. */
#define _GNU_SOURCE /* renameat2() */
#include "data/prepare/place.h"

#include "base/file.h"
#include "data/prepared/prepared.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static vt_status check_out(const char *out, bool overwrite) {
    vt_strings names = {0};
    if (!vt_path_exists(out)) return VT_OK;
    if (!vt_is_folder(out)) return vt_fail(VT_ERROR_USAGE, "%s: is a file; expected a folder to write", out);
    VT_TRY(vt_list_folder(out, &names));
    size_t count = names.count;
    vt_strings_free(&names);
    if (count == 0) return VT_OK;
    if (!vt_is_prepared(out))
        return vt_fail(VT_ERROR_USAGE, "%s: is neither empty nor a prepared data set; it is left alone, choose another folder",
                       out);
    if (!overwrite)
        return vt_fail(VT_ERROR_USAGE,
                       "%s: there is a prepared data set already; ask to overwrite it, or choose another folder", out);
    return VT_OK;
}

static bool is_spool(const char *name) {
    return strcmp(name, VT_SPOOL_PIXELS) == 0 || strcmp(name, VT_SPOOL_JOURNAL) == 0;
}

/* Whether a run of ours may have left `name` in a folder that it was making or replacing. */
static bool is_ours(const char *name) {
    static const char *const names[] = {"train", "validation", "test", "dataset_dict.json", VT_DATASET_JSON, "metadata.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return is_spool(name) || vt_has_suffix(name, ".tmp");
}

/* A folder that will be emptied must hold nothing of anybody else's. */
static vt_status check_leftover(const char *folder) {
    vt_strings names = {0};
    vt_status status = VT_OK;
    if (!vt_path_exists(folder)) return VT_OK;
    VT_TRY_GOTO(vt_list_folder(folder, &names));
    for (size_t i = 0; i < names.count && status == VT_OK; i++)
        if (!is_ours(names.items[i]))
            status = vt_fail(VT_ERROR_USAGE,
                             "%s: holds '%s', which no interrupted run can have left, and this folder is needed while "
                             "preparing; move it away, or choose another folder to write",
                             folder, names.items[i]);
done:
    vt_strings_free(&names);
    return status;
}

/* Empties a folder that an interrupted run may have left, except for a spool. */
static vt_status clear_folder(const char *folder) {
    vt_strings names = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_list_folder(folder, &names));
    for (size_t i = 0; i < names.count; i++) {
        char *path = NULL;
        if (is_spool(names.items[i])) continue;
        VT_TRY_GOTO(vt_join(folder, names.items[i], &path));
        status = vt_remove_tree(path);
        free(path);
        if (status != VT_OK) goto done;
    }
done:
    vt_strings_free(&names);
    return status;
}

vt_status vt_place_open(const char *out, bool overwrite, vt_place *place) {
    *place = (vt_place){.lock = -1};
    size_t length = strlen(out);
    while (length > 1 && out[length - 1] == '/') length--;
    VT_TRY(vt_copy_string_n(out, length, &place->out));
    VT_TRY(check_out(place->out, overwrite));
    VT_TRY(vt_format(&place->partial, "%s.partial", place->out));
    VT_TRY(vt_format(&place->before, "%s.before", place->out));
    VT_TRY(check_leftover(place->partial));
    VT_TRY(check_leftover(place->before));
    VT_TRY(vt_make_folders(place->partial));
    VT_TRY(vt_lock_folder(place->partial, &place->lock));
    VT_TRY(clear_folder(place->partial));
    return vt_check_writable(place->partial);
}

/* Puts the new folder in the place of the old, which ends as `before`: in one step, or, where the file system has none for it,
 * in two, between which a kill leaves both under their other names. */
static vt_status replace(const vt_place *place) {
    VT_TRY(vt_remove_tree(place->before));
    if (renameat2(AT_FDCWD, place->partial, AT_FDCWD, place->out, RENAME_EXCHANGE) == 0)
        return vt_rename_synced(place->partial, place->before);
    VT_TRY(vt_rename_synced(place->out, place->before));
    if (rename(place->partial, place->out) == 0) return VT_OK;
    vt_status status = vt_fail_errno("%s: cannot rename it to '%s'", place->partial, place->out);
    if (rename(place->before, place->out) != 0)
        status = vt_fail_prefix(status, "%s: what was there is now in '%s'", place->out, place->before);
    return status;
}

vt_status vt_place_commit(vt_place *place) {
    if (vt_path_exists(place->out))
        VT_TRY(replace(place));
    else
        VT_TRY(vt_rename_synced(place->partial, place->out));
    close(place->lock);
    place->lock = -1;
    return vt_remove_tree(place->before); /* also what a run left that was killed before it got here */
}

static vt_status remove_partial(const vt_place *place) {
    return vt_spool_is_there(place->partial) ? clear_folder(place->partial) : vt_remove_tree(place->partial);
}

vt_status vt_place_close(vt_place *place, vt_status status) {
    if (place->lock >= 0) {
        char *sentence = NULL; /* of the failure that led here */
        bool kept = vt_copy_string(vt_error_message(), &sentence) == VT_OK;
        if (remove_partial(place) != VT_OK && status == VT_OK)
            status = VT_ERROR_IO;
        else if (kept && status != VT_OK)
            status = vt_fail(status, "%s", sentence);
        free(sentence);
        close(place->lock);
    }
    free(place->out);
    free(place->partial);
    free(place->before);
    return status;
}
