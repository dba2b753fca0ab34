/* The temporary file of resized images: each is appended, and found again by its offset. The file is unlinked as
 * soon as it is open, so that nothing is ever left behind. */
#include "data/decode.h"

#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static uint64_t plane_bytes(const vt_spool *spool) {
    return (uint64_t)spool->height * (uint64_t)spool->width;
}

vt_status vt_spool_open(const char *folder, size_t items, int height, int width, vt_spool *spool) {
    char *path = NULL;
    vt_status status = VT_OK;
    *spool = (vt_spool){.descriptor = -1, .height = height, .width = width};
    VT_TRY_GOTO(vt_allocate(&spool->channels, items, sizeof *spool->channels, "the list of decoded images"));
    VT_TRY_GOTO(vt_allocate(&spool->offsets, items, sizeof *spool->offsets, "the list of decoded images"));
    VT_TRY_GOTO(vt_copy_string(folder, &spool->folder));
    VT_TRY_GOTO(vt_join(folder, "pixels.spool", &path));
    spool->descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (spool->descriptor < 0 || unlink(path) != 0) status = vt_fail_errno("%s: cannot create this temporary file", path);
done:
    free(path);
    return status;
}

void vt_spool_close(vt_spool *spool) {
    if (spool->descriptor >= 0) close(spool->descriptor);
    free(spool->channels);
    free(spool->offsets);
    free(spool->folder);
    *spool = (vt_spool){.descriptor = -1};
}

vt_status vt_spool_write(vt_spool *spool, size_t item, int channels, const uint8_t *pixels) {
    uint64_t left = plane_bytes(spool) * (uint64_t)channels, offset = atomic_fetch_add(&spool->end, left);
    spool->offsets[item] = offset;
    while (left > 0) {
        ssize_t count = pwrite(spool->descriptor, pixels, left, (off_t)offset);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return vt_fail_errno("%s: cannot write a temporary file of resized images", spool->folder);
        pixels += count;
        offset += (uint64_t)count;
        left -= (uint64_t)count;
    }
    spool->channels[item] = (uint8_t)channels;
    return VT_OK;
}

vt_status vt_spool_read(const vt_spool *spool, size_t item, int channels, uint8_t *pixels) {
    uint64_t plane = plane_bytes(spool), offset = spool->offsets[item], left = plane * spool->channels[item];
    uint8_t *to = pixels;
    while (left > 0) {
        ssize_t count = pread(spool->descriptor, to, left, (off_t)offset);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return vt_fail_errno("%s: cannot read a temporary file of resized images", spool->folder);
        to += count;
        offset += (uint64_t)count;
        left -= (uint64_t)count;
    }
    if (spool->channels[item] == 1 && channels == 3) /* backwards, so that nothing is overwritten before it is read */
        for (uint64_t i = plane; i-- > 0;) pixels[3 * i] = pixels[3 * i + 1] = pixels[3 * i + 2] = pixels[i];
    return VT_OK;
}
