/* Finds image files: walks folders and lists archives. It opens no image and judges no name beyond its suffix. */
#include "data/files.h"

#include "base/file.h"
#include "base/threads.h"
#include "data/archive.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool vt_is_image_name(const char *path) {
    const char *name = vt_basename(path);
    return name[0] != '.' && (vt_has_suffix(name, ".png") || vt_has_suffix(name, ".jpg") || vt_has_suffix(name, ".jpeg"));
}

/* Whether the suffix is that of an image in a format that Vitrain does not read. */
static bool is_unsupported_image(const char *name) {
    static const char *const suffixes[] = {".tif", ".tiff",  ".bmp", ".gif",  ".webp",
                                           ".dcm", ".dicom", ".jp2", ".avif", ".heic"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (vt_has_suffix(name, suffixes[i])) return true;
    return false;
}

static bool is_archive_name(const char *name) {
    return strncmp(name, "images", 6) == 0 &&
           (vt_has_suffix(name, ".tar.gz") || vt_has_suffix(name, ".tgz") || vt_has_suffix(name, ".tar"));
}

/* "archive.tar.gz: member", "arrays.npz: key" or the loose file's path. */
static vt_status describe_place(const vt_files *files, const vt_raw_file *file, char **out) {
    if (file->container < 0) return vt_copy_string(file->path, out);
    return vt_format(out, "%s: %s", files->containers[file->container].path, file->path ? file->path : file->key);
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

static vt_status add_file(vt_files *files, const char *key, const char *path, int container, uint64_t bytes) {
    if (!files->by_key) VT_TRY(vt_map_create(&files->by_key));
    VT_TRY(vt_grow(&files->items, &files->capacity, files->count + 1, sizeof *files->items, "the list of images"));
    vt_raw_file *file = &files->items[files->count];
    *file = (vt_raw_file){.container = container, .bytes = bytes};
    files->count++; /* from here on vt_files_free() frees its strings */
    VT_TRY(vt_copy_string(key, &file->key));
    if (path) VT_TRY(vt_copy_string(path, &file->path));
    int64_t known = vt_map_get(files->by_key, key, strlen(key));
    if (known >= 0) return fail_duplicate(files, &files->items[known], file);
    return vt_map_set(files->by_key, key, strlen(key), (int64_t)files->count - 1);
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

static vt_status scan_entry(const char *path, size_t root_length, vt_file_key key, const vt_walk *above, vt_files *files) {
    struct stat entry;
    if (stat(path, &entry) != 0) return vt_fail_errno("%s: cannot look at this file", path);
    if (S_ISDIR(entry.st_mode)) {
        if (is_being_walked(above, &entry)) return VT_OK;
        vt_walk here = {.above = above, .device = entry.st_dev, .inode = entry.st_ino};
        return scan_folder(path, root_length, key, &here, files);
    }
    if (!S_ISREG(entry.st_mode)) return VT_OK;
    if (is_unsupported_image(path)) return vt_strings_add(&files->unsupported, path, strlen(path));
    if (!vt_is_image_name(path)) return VT_OK;
    return add_file(files, key == VT_KEY_BASENAME ? vt_basename(path) : path + root_length, path, -1, (uint64_t)entry.st_size);
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

/* What one archive holds, listed by a thread of its own. */
typedef struct vt_listing {
    const char *path;
    vt_strings members;
    uint64_t *bytes; /* [members.count] */
    size_t capacity;
} vt_listing;

static vt_status list_archive(void *context, int64_t index) {
    vt_listing *list = (vt_listing *)context + index;
    vt_archive *archive = NULL;
    vt_archive_member member;
    VT_TRY(vt_archive_open(list->path, &archive));
    vt_status status = VT_OK;
    for (;;) {
        VT_TRY_GOTO(vt_archive_next(archive, &member));
        if (!member.path) break;
        VT_TRY_GOTO(vt_grow(&list->bytes, &list->capacity, list->members.count + 1, sizeof *list->bytes, "an archive's list"));
        list->bytes[list->members.count] = member.bytes;
        VT_TRY_GOTO(vt_strings_add(&list->members, member.path, strlen(member.path)));
    }
done:
    vt_archive_close(archive);
    return status;
}

vt_status vt_files_add_container(vt_files *files, const vt_container *container) {
    VT_TRY(vt_grow(&files->containers, &files->container_capacity, files->container_count + 1, sizeof *files->containers,
                   "the list of archives"));
    vt_container *added = &files->containers[files->container_count++];
    *added = *container;
    added->path = added->member = NULL;
    VT_TRY(vt_copy_string(container->path, &added->path));
    return container->member ? vt_copy_string(container->member, &added->member) : VT_OK;
}

vt_status vt_files_add_row(vt_files *files, const char *key) {
    int last = (int)files->container_count - 1;
    vt_container *container = &files->containers[last];
    if (container->rows == 0) container->first_file = (int64_t)files->count;
    container->rows++;
    return add_file(files, key, NULL, last, 0);
}

static vt_status find_archives(const char *root, vt_files *files) {
    vt_strings names = {0};
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_list_folder(root, &names));
    for (size_t i = 0; i < names.count; i++) {
        if (!is_archive_name(names.items[i])) continue;
        char *path = NULL;
        VT_TRY_GOTO(vt_join(root, names.items[i], &path));
        struct stat entry;
        vt_container archive = {.kind = VT_CONTAINER_ARCHIVE, .path = path, .first_file = -1};
        if (stat(path, &entry) == 0) archive.bytes = (uint64_t)entry.st_size;
        status = vt_files_add_container(files, &archive);
        free(path);
        if (status != VT_OK) goto done;
    }
done:
    vt_strings_free(&names);
    return status;
}

vt_status vt_files_add_archives(const char *root, int threads, vt_files *files) {
    vt_listing *lists = NULL;
    vt_status status = VT_OK;
    VT_TRY(find_archives(root, files));
    size_t count = files->container_count;
    VT_TRY(vt_allocate(&lists, count, sizeof *lists, "the archives' lists"));
    for (size_t i = 0; i < count; i++) lists[i].path = files->containers[i].path;
    VT_TRY_GOTO(vt_parallel_for(threads, (int64_t)count, list_archive, lists));
    for (size_t i = 0; i < count; i++)
        for (size_t m = 0; m < lists[i].members.count; m++) {
            const char *path = lists[i].members.items[m];
            VT_TRY_GOTO(add_file(files, vt_basename(path), path, (int)i, lists[i].bytes[m]));
        }
done:
    for (size_t i = 0; i < count; i++) {
        vt_strings_free(&lists[i].members);
        free(lists[i].bytes);
    }
    free(lists);
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
