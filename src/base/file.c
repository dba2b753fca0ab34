/* Files and folders as the rest of the program needs them: whole reads, maps, making, removing, listing. */
#define _GNU_SOURCE
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>

enum { READ_SIZE = 1 << 18 };

/* Opens a regular file and tells its size; a pipe can't block it. */
static vt_status open_regular(const char *path, int *descriptor, uint64_t *size) {
    struct stat info;
    *descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*descriptor < 0) return vt_fail_errno("%s: cannot open", path);
    vt_status status = VT_OK;
    if (fstat(*descriptor, &info) != 0)
        status = vt_fail_errno("%s: cannot open", path);
    else if (!S_ISREG(info.st_mode))
        status = vt_fail(VT_ERROR_IO, "%s: is a %s, expected a file", path, S_ISDIR(info.st_mode) ? "folder" : "special file");
    if (status != VT_OK) {
        close(*descriptor);
        return status;
    }
    *size = (uint64_t)info.st_size;
    return VT_OK;
}

vt_status vt_map_file(const char *path, vt_mapping *out) {
    int descriptor;
    uint64_t size = 0;
    *out = (vt_mapping){0};
    VT_TRY(open_regular(path, &descriptor, &size));
    if (size == 0) {
        close(descriptor);
        return VT_OK;
    }
    void *data = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    vt_status status = data == MAP_FAILED ? vt_fail_errno("%s: cannot map", path) : VT_OK;
    close(descriptor);
    if (status == VT_OK) *out = (vt_mapping){data, (size_t)size};
    return status;
}

void vt_mapping_expect_random(const vt_mapping *mapping) {
    if (mapping->size > 0) madvise((void *)mapping->data, mapping->size, MADV_RANDOM);
}

void vt_mapping_prefetch(const void *data, size_t size) {
    size_t before = (uintptr_t)data % (uintptr_t)sysconf(_SC_PAGESIZE); /* madvise() takes whole pages */
    madvise((uint8_t *)data - before, before + size, MADV_WILLNEED);
}

void vt_unmap_file(vt_mapping *mapping) {
    if (mapping->data) munmap((void *)mapping->data, mapping->size);
    *mapping = (vt_mapping){0};
}

/* Reads up to `size` bytes; fewer only at the end of the file. */
static vt_status read_fully(int descriptor, const char *path, uint8_t *data, size_t size, size_t *count) {
    *count = 0;
    while (*count < size) {
        ssize_t got = read(descriptor, data + *count, size - *count);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return vt_fail_errno("%s: cannot read", path);
        if (got == 0) break;
        *count += (size_t)got;
    }
    return VT_OK;
}

vt_status vt_read_file(const char *path, size_t limit, uint8_t **data, size_t *size) {
    uint8_t *bytes = NULL;
    size_t capacity = 0, used = 0, got;
    vt_status status = VT_OK;
    *data = NULL;
    *size = 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC); /* not only regular files: a shell's <(...) is a pipe */
    if (descriptor < 0) return vt_fail_errno("%s: cannot open", path);
    do {
        VT_TRY_GOTO(vt_grow(&bytes, &capacity, used + READ_SIZE + 1, 1, path));
        size_t room = capacity - used - 1, allowed = limit - used; /* one byte more tells that there is more */
        VT_TRY_GOTO(read_fully(descriptor, path, bytes + used, room <= allowed ? room : allowed + 1, &got));
        used += got;
        if (used > limit) {
            status = vt_fail(VT_ERROR_INPUT, "%s: is larger than the %zu bytes allowed", path, limit);
            goto done;
        }
    } while (got);
    bytes[used] = '\0';
    *data = bytes;
    *size = used;
    bytes = NULL;
done:
    free(bytes);
    close(descriptor);
    return status;
}

vt_status vt_file_crc32(const char *path, uint32_t *crc, uint64_t *size) {
    int descriptor;
    uint8_t *buffer = NULL;
    size_t got;
    VT_TRY(open_regular(path, &descriptor, size));
    vt_status status = vt_allocate(&buffer, READ_SIZE, 1, "a file buffer");
    *crc = 0;
    *size = 0;
    while (status == VT_OK) {
        status = read_fully(descriptor, path, buffer, READ_SIZE, &got);
        if (status != VT_OK || got == 0) break;
        *crc = (uint32_t)crc32_z(*crc, buffer, got);
        *size += got;
    }
    free(buffer);
    close(descriptor);
    return status;
}

bool vt_path_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0;
}

bool vt_is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

vt_status vt_file_size(const char *path, uint64_t *size) {
    int descriptor;
    VT_TRY(open_regular(path, &descriptor, size));
    close(descriptor);
    return VT_OK;
}

vt_status vt_make_folders(const char *path) {
    char *partial;
    VT_TRY(vt_copy_string(path, &partial));
    vt_status status = VT_OK;
    for (char *end = partial; *end && status == VT_OK;) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        char kept = *end;
        *end = '\0';
        int failure = mkdir(partial, 0777) != 0 ? errno : 0;
        if (failure && !vt_is_folder(partial)) {
            errno = failure; /* vt_is_folder() has its own */
            status = errno == EEXIST ? vt_fail(VT_ERROR_IO, "%s: cannot create the folder: it exists and is a file", partial)
                                     : vt_fail_errno("%s: cannot create the folder", partial);
        }
        *end = kept;
    }
    free(partial);
    return status;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info, (void)type, (void)walk;
    return remove(path) == 0 || errno == ENOENT ? 0 : (int)vt_fail_errno("%s: cannot remove", path);
}

vt_status vt_remove_tree(const char *path) {
    struct stat info;
    if (lstat(path, &info) != 0 && errno == ENOENT) return VT_OK;
    int result = nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return result < 0 ? vt_fail_errno("%s: cannot remove", path) : (vt_status)result;
}

/* *out = the folder that holds `path`. */
static vt_status parent_folder(const char *path, char **out) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    while (length > 0 && path[length - 1] != '/') length--;
    while (length > 1 && path[length - 1] == '/') length--;
    return length ? vt_copy_string_n(path, length, out) : vt_copy_string(".", out);
}

vt_status vt_sync_folder(const char *path) {
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return vt_fail_errno("%s: cannot open the folder", path);
    vt_status status = VT_OK;
    if (fsync(descriptor) != 0 && errno != EINVAL) /* some file systems can't sync a folder */
        status = vt_fail_errno("%s: cannot sync the folder", path);
    close(descriptor);
    return status;
}

vt_status vt_rename_synced(const char *from, const char *to) {
    char *folder;
    if (rename(from, to) != 0) return vt_fail_errno("%s: cannot rename to %s", from, to);
    VT_TRY(parent_folder(to, &folder));
    vt_status status = vt_sync_folder(folder);
    free(folder);
    return status;
}

vt_status vt_free_space(const char *path, uint64_t *bytes) {
    struct statvfs info;
    if (statvfs(path, &info) == 0) {
        *bytes = (uint64_t)info.f_bavail * info.f_frsize;
        return VT_OK;
    }
    if (errno != ENOENT || strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
        return vt_fail_errno("%s: cannot tell the free space", path);
    char *folder; /* what is not there yet will be made on its parent's file system */
    VT_TRY(parent_folder(path, &folder));
    vt_status status = vt_free_space(folder, bytes);
    free(folder);
    return status;
}

vt_status vt_check_writable(const char *folder) {
    char *probe;
    VT_TRY(vt_make_folders(folder));
    VT_TRY(vt_format(&probe, "%s/.vitrain-%ld.tmp", folder, (long)getpid()));
    vt_status status = VT_OK;
    int descriptor = open(probe, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        status = vt_fail_errno("%s: cannot create files in this folder", folder);
    } else {
        close(descriptor);
        unlink(probe);
    }
    free(probe);
    return status;
}

vt_status vt_lock_folder(const char *folder, int *lock) {
    *lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0) return vt_fail_errno("%s: cannot open this folder", folder);
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return VT_OK; /* some file systems have no locks */
    close(*lock);
    *lock = -1;
    return vt_fail(VT_ERROR_IO, "%s: another run is writing here; wait for it, or choose another folder", folder);
}

vt_status vt_list_folder(const char *path, vt_strings *names) {
    *names = (vt_strings){0};
    DIR *folder = opendir(path);
    if (!folder) return vt_fail_errno("%s: cannot open the folder", path);
    vt_status status = VT_OK;
    while (status == VT_OK) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) {
            if (errno) status = vt_fail_errno("%s: cannot read the folder", path);
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        status = vt_strings_add(names, entry->d_name, strlen(entry->d_name));
    }
    closedir(folder);
    if (status == VT_OK)
        vt_strings_sort(names);
    else
        vt_strings_free(names);
    return status;
}

vt_status vt_join(const char *a, const char *b, char **out) {
    size_t length = strlen(a);
    const char *between = length == 0 || a[length - 1] == '/' ? "" : "/";
    return vt_format(out, "%s%s%s", a, between, b);
}

const char *vt_basename(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool vt_has_suffix(const char *text, const char *suffix) {
    size_t length = strlen(text), ending = strlen(suffix);
    return length >= ending && strcasecmp(text + length - ending, suffix) == 0;
}
