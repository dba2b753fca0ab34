/* Finds image files and containers: walks folders, opens nothing, and judges no name beyond its suffix. */
#include "data/source/files.h"

#include "base/file.h"
#include "base/threads.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool has_any_suffix(const char *name, const char *const *suffixes) {
    for (; *suffixes; suffixes++)
        if (vt_has_suffix(name, *suffixes)) return true;
    return false;
}

bool vt_is_image_name(const char *path) {
    static const char *const suffixes[] = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm", ".dicom", NULL};
    const char *name = vt_basename(path);
    return name[0] != '.' && has_any_suffix(name, suffixes);
}

/* Whether the suffix is that of an image in a format that Vitrain does not read. */
static bool is_unsupported_image(const char *name) {
    static const char *const suffixes[] = {".bmp", ".gif", ".webp", ".jp2", ".avif", ".heic", NULL};
    return has_any_suffix(name, suffixes);
}

static bool is_archive_name(const char *name) {
    return strncmp(name, "images", 6) == 0 &&
           (vt_has_suffix(name, ".tar.gz") || vt_has_suffix(name, ".tgz") || vt_has_suffix(name, ".tar"));
}

static int64_t modified_at(const struct stat *entry) {
    return (int64_t)entry->st_mtim.tv_sec * 1000000000 + entry->st_mtim.tv_nsec;
}

/* "arrays.npz: key" or the loose file's path. */
static vt_status describe_place(const vt_files *files, const vt_raw_file *file, char **out) {
    if (file->container < 0) return vt_copy_string(file->path, out);
    return vt_format(out, "%s: %s", files->containers[file->container].path, file->key);
}

static vt_status fail_duplicate(const vt_files *files, const vt_raw_file *first, const vt_raw_file *second) {
    char *a = NULL, *b = NULL;
    vt_status status = VT_OK;
    VT_TRY_GOTO(describe_place(files, first, &a));
    VT_TRY_GOTO(describe_place(files, second, &b));
    status = vt_fail(VT_ERROR_INPUT, "'%s' is there twice: in '%s' and in '%s'; remove one of them", first->key, a, b);
done:
    free(a);
    free(b);
    return status;
}

/* Adds `file`, whose strings are copied. */
static vt_status add_file(vt_files *files, const vt_raw_file *file) {
    if (!files->by_key) VT_TRY(vt_map_create(&files->by_key));
    VT_TRY(vt_grow(&files->items, &files->capacity, files->count + 1, sizeof *files->items, "the list of images"));
    vt_raw_file *added = &files->items[files->count++]; /* from here on vt_files_free() frees its strings */
    *added = *file;
    added->key = added->path = NULL;
    VT_TRY(vt_copy_string(file->key, &added->key));
    if (file->path) VT_TRY(vt_copy_string(file->path, &added->path));
    int64_t known = vt_map_get(files->by_key, added->key, strlen(added->key));
    if (known >= 0) return fail_duplicate(files, &files->items[known], added);
    return vt_map_set(files->by_key, added->key, strlen(added->key), (int64_t)files->count - 1);
}

/* A folder being walked and those above it, so that a symbolic link to one of them ends the walk. */
typedef struct vt_walk {
    const struct vt_walk *above;
    dev_t device;
    ino_t inode;
} vt_walk;

static bool is_being_walked(const vt_walk *above, const struct stat *entry) {
    for (; above; above = above->above)
        if (above->device == entry->st_dev && above->inode == entry->st_ino) return true;
    return false;
}

static vt_status scan_folder(const char *folder, size_t root_length, vt_file_key key, const vt_walk *above, vt_files *files);

static vt_status scan_entry(char *path, size_t root_length, vt_file_key key, const vt_walk *above, vt_files *files) {
    struct stat entry;
    if (stat(path, &entry) != 0) {
        if ((errno == ENOENT || errno == ELOOP) && !vt_is_image_name(path)) return VT_OK; /* a link to nothing, or to itself */
        return vt_fail_errno("%s: cannot look at this file", path);
    }
    if (S_ISDIR(entry.st_mode)) {
        if (is_being_walked(above, &entry)) return VT_OK;
        vt_walk here = {.above = above, .device = entry.st_dev, .inode = entry.st_ino};
        return scan_folder(path, root_length, key, &here, files);
    }
    if (!S_ISREG(entry.st_mode)) return VT_OK;
    if (is_unsupported_image(path)) return vt_strings_add(&files->unsupported, path, strlen(path));
    if (!vt_is_image_name(path)) return VT_OK;
    char *name = key == VT_KEY_BASENAME ? path + (vt_basename(path) - path) : path + root_length;
    vt_raw_file file = {
        .key = name, .path = path, .container = -1, .bytes = (uint64_t)entry.st_size, .modified = modified_at(&entry)};
    return add_file(files, &file);
}

static vt_status scan_folder(const char *folder, size_t root_length, vt_file_key key, const vt_walk *above, vt_files *files) {
    vt_strings names = {0};
    vt_status status = VT_OK;
    if (vt_stop_requested()) return vt_fail(VT_ERROR_INTERRUPTED, "%s: stopped while looking for images", folder);
    VT_TRY_GOTO(vt_list_folder(folder, &names));
    for (size_t i = 0; i < names.count; i++) {
        if (names.items[i][0] == '.') continue;
        char *path = NULL;
        VT_TRY_GOTO(vt_join(folder, names.items[i], &path));
        status = scan_entry(path, root_length, key, above, files);
        free(path);
        if (status != VT_OK) goto done;
    }
done:
    vt_strings_free(&names);
    return status;
}

vt_status vt_files_scan(const char *root, vt_file_key key, vt_files *files) {
    struct stat entry;
    if (stat(root, &entry) != 0) return vt_fail_errno("%s: cannot open this folder", root);
    vt_walk here = {.device = entry.st_dev, .inode = entry.st_ino};
    size_t length = strlen(root);
    return scan_folder(root, root[length - 1] == '/' ? length : length + 1, key, &here, files);
}

vt_status vt_files_add_container(vt_files *files, const vt_container *container) {
    VT_TRY(vt_grow(&files->containers, &files->container_capacity, files->container_count + 1, sizeof *files->containers,
                   "the list of archives"));
    struct stat entry;
    if (stat(container->path, &entry) != 0) return vt_fail_errno("%s: cannot look at this file", container->path);
    vt_container *added = &files->containers[files->container_count++];
    *added = *container;
    added->path = added->member = NULL;
    added->modified = modified_at(&entry);
    VT_TRY(vt_copy_string(container->path, &added->path));
    return container->member ? vt_copy_string(container->member, &added->member) : VT_OK;
}

vt_status vt_files_add_row(vt_files *files, const char *key) {
    int last = (int)files->container_count - 1;
    vt_container *container = &files->containers[last];
    if (container->rows == 0) container->first_file = (int64_t)files->count;
    container->rows++;
    return add_file(files, &(vt_raw_file){.key = (char *)key, .container = last});
}

vt_status vt_files_add_archives(const char *root, vt_files *files) {
    vt_strings names = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_list_folder(root, &names));
    for (size_t i = 0; i < names.count; i++) {
        if (!is_archive_name(names.items[i])) continue;
        char *path = NULL;
        VT_TRY_GOTO(vt_join(root, names.items[i], &path));
        vt_container archive = {.kind = VT_CONTAINER_ARCHIVE, .path = path, .first_file = -1};
        status = vt_file_size(path, &archive.bytes);
        if (status == VT_OK) status = vt_files_add_container(files, &archive);
        free(path);
        if (status != VT_OK) goto done;
    }
done:
    vt_strings_free(&names);
    return status;
}

int64_t vt_files_find(const vt_files *files, const char *key) {
    return files->by_key ? vt_map_get(files->by_key, key, strlen(key)) : -1;
}

void vt_files_free(vt_files *files) {
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].key);
        free(files->items[i].path);
    }
    free(files->items);
    vt_map_free(files->by_key);
    for (size_t i = 0; i < files->container_count; i++) {
        free(files->containers[i].path);
        free(files->containers[i].member);
    }
    free(files->containers);
    vt_strings_free(&files->unsupported);
    *files = (vt_files){0};
}
