/* The spool and its journal. A record names its image's file by a stamp over the file's name, size and time, so that records
 * stay right when other files come, go or change. */
#include "data/prepare/spool.h"

#include "base/file.h"
#include "base/hash.h"
#include "vitrain/vitrain.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

typedef enum vt_record_kind { RECORD_BEGIN = 1, RECORD_IMAGE = 2, RECORD_FINISHED = 3 } vt_record_kind;

/* As it stands in the journal, in the machine's own byte order. */
typedef struct vt_record {
    uint32_t crc;      /* CRC-32 of what follows */
    uint32_t kind;     /* a vt_record_kind */
    uint64_t stamp;    /* of the image's file or container; BEGIN: of the items and the format */
    uint64_t number;   /* IMAGE: the item; FINISHED: images that are no item; BEGIN: items */
    uint64_t offset;   /* IMAGE: in the spool */
    uint64_t channels; /* and DIM_BIT */
} vt_record;

enum { DIM_BIT = 1 << 8 };

static uint64_t plane_bytes(const vt_spool *spool) {
    return (uint64_t)spool->height * (uint64_t)spool->width;
}

static vt_status fail_disk(const vt_spool *spool, const char *verb) {
    return vt_fail_errno("%s: cannot %s the resized images there", spool->folder, verb);
}

static vt_status write_at(const vt_spool *spool, int descriptor, const void *data, uint64_t left, uint64_t offset) {
    const uint8_t *from = data;
    while (left > 0) {
        ssize_t count = pwrite(descriptor, from, left, (off_t)offset);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return fail_disk(spool, "write");
        from += count;
        offset += (uint64_t)count;
        left -= (uint64_t)count;
    }
    return VT_OK;
}

static vt_status read_at(const vt_spool *spool, int descriptor, void *data, uint64_t left, uint64_t offset) {
    uint8_t *to = data;
    while (left > 0) {
        ssize_t count = pread(descriptor, to, left, (off_t)offset);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return fail_disk(spool, "read");
        to += count;
        offset += (uint64_t)count;
        left -= (uint64_t)count;
    }
    return VT_OK;
}

/* --- what records go by --- */

static uint64_t add_number(uint64_t hash, uint64_t number) {
    return vt_fnv1a(hash, &number, sizeof number);
}

static uint64_t stamp_of(const char *name, const char *member, uint64_t bytes, int64_t modified) {
    uint64_t hash = vt_fnv1a(VT_FNV_OFFSET, name, strlen(name) + 1);
    if (member) hash = vt_fnv1a(hash, member, strlen(member) + 1);
    return add_number(add_number(hash, bytes), (uint64_t)modified);
}

/* By the path below the data set's folder, which may itself be called by another name the next time. */
static uint64_t container_stamp(const vt_source *source, size_t index) {
    const vt_container *container = &source->files.containers[index];
    size_t root = strlen(source->root);
    const char *path = strncmp(container->path, source->root, root) == 0 ? container->path + root : container->path;
    while (*path == '/') path++;
    return stamp_of(path, container->member, container->bytes, container->modified);
}

/* 0 of an item that has no file of its own. */
static uint64_t loose_stamp(const vt_source *source, size_t item) {
    int64_t index = source->items[item].file;
    const vt_raw_file *file = index >= 0 ? &source->files.items[index] : NULL;
    return file && file->container < 0 ? stamp_of(file->key, NULL, file->bytes, file->modified) : 0;
}

/* Over all that a spool's pixels depend on beside their files: a spool of another stamp is of no use. */
static uint64_t spool_stamp(const vt_source *source, const uint8_t *skip, const vt_spool_format *format) {
    uint64_t hash = vt_fnv1a(VT_FNV_OFFSET, vt_version(), strlen(vt_version()));
    hash = add_number(add_number(hash, (uint64_t)format->height), (uint64_t)format->width);
    hash = add_number(add_number(hash, (uint64_t)format->resample), (uint64_t)format->intensity);
    for (size_t i = 0; i < source->count; i++)
        hash = vt_fnv1a(hash, source->items[i].file_name, strlen(source->items[i].file_name) + 1);
    return vt_fnv1a(hash, skip, source->count);
}

/* --- the journal --- */

static uint32_t record_crc(const vt_record *record) {
    return (uint32_t)crc32_z(0, (const uint8_t *)record + sizeof record->crc, sizeof *record - sizeof record->crc);
}

/* Adds a record to those that wait for the next sync. */
static vt_status add_record(vt_spool *spool, vt_record record) {
    record.crc = record_crc(&record);
    pthread_mutex_lock(&spool->mutex);
    vt_status status = vt_text_add_bytes(&spool->pending, &record, sizeof record);
    pthread_mutex_unlock(&spool->mutex);
    return status;
}

/* The container of a stamp, or -1. */
static int find_container(const uint64_t *stamps, size_t count, uint64_t stamp) {
    for (size_t i = 0; i < count; i++)
        if (stamps[i] == stamp) return (int)i;
    return -1;
}

/* A container of which all is done, or one that must be read again whatever the journal says. */
enum { FINISHED = 1, REOPENED = 2 };

static void take_finished(vt_spool *spool, const vt_record *record, int container) {
    if (container < 0 || spool->past.finished[container]) return;
    spool->past.finished[container] = FINISHED;
    spool->unlisted += (int64_t)record->number;
}

/* Takes up what a record says, if its file is there as it was. stamps [containers]; size: of the spool. */
static void take_record(vt_spool *spool, const vt_record *record, const uint64_t *stamps, uint64_t size) {
    const vt_source *source = spool->source;
    int container = find_container(stamps, source->files.container_count, record->stamp);
    if (record->kind == RECORD_FINISHED) take_finished(spool, record, container);
    const uint64_t channels = record->channels & ~(uint64_t)DIM_BIT;
    if (record->kind != RECORD_IMAGE || record->number >= source->count || (channels != 1 && channels != 3)) return;
    size_t item = (size_t)record->number;
    uint64_t bytes = plane_bytes(spool) * channels, loose = loose_stamp(source, item);
    if (record->offset > size || bytes > size - record->offset) return;
    if (record->offset + bytes > spool->end) spool->end = record->offset + bytes;
    if (loose && container >= 0) spool->past.finished[container] = REOPENED; /* the image is there twice by now */
    if (loose ? record->stamp != loose : container < 0) return;
    if (spool->channels[item] == 0) {
        spool->count++;
        spool->dim += (record->channels & DIM_BIT) != 0;
    }
    spool->channels[item] = (uint8_t)channels;
    spool->offsets[item] = record->offset;
    spool->past.origins[item] = loose ? VT_LOOSE : container;
}

/* Takes up the records of the journal as far as they are whole, if they are of a spool of this stamp. */
static vt_status read_journal(vt_spool *spool, uint64_t stamp, const uint64_t *stamps) {
    vt_record record;
    struct stat pixels, journal;
    size_t containers = spool->source->files.container_count;
    if (fstat(spool->pixels, &pixels) != 0 || fstat(spool->journal, &journal) != 0) return fail_disk(spool, "read");
    uint64_t left = (uint64_t)journal.st_size;
    for (; left >= sizeof record; left -= sizeof record, spool->journal_bytes += sizeof record) {
        bool first = spool->journal_bytes == 0;
        VT_TRY(read_at(spool, spool->journal, &record, sizeof record, spool->journal_bytes));
        if (record.crc != record_crc(&record)) break;
        if (first != (record.kind == RECORD_BEGIN)) break;
        if (first && (record.stamp != stamp || record.number != spool->source->count)) break;
        if (!first) take_record(spool, &record, stamps, (uint64_t)pixels.st_size);
    }
    spool->kept = spool->count;
    spool->discarded = spool->journal_bytes == 0 && journal.st_size > (off_t)sizeof record;
    for (size_t i = 0; i < containers; i++) spool->past.finished[i] = spool->past.finished[i] == FINISHED;
    return VT_OK;
}

/* --- opening --- */

static vt_status open_file(const char *folder, const char *name, int *descriptor) {
    char *path;
    VT_TRY(vt_join(folder, name, &path));
    vt_status status = VT_OK;
    *descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*descriptor < 0) status = vt_fail_errno("%s: cannot create this file", path);
    free(path);
    return status;
}

/* Goes on with what is there, or begins. */
static vt_status go_on(vt_spool *spool, uint64_t stamp) {
    size_t containers = spool->source->files.container_count;
    uint64_t *stamps;
    VT_TRY(vt_allocate(&stamps, containers, sizeof *stamps, "the journal of resized images"));
    for (size_t i = 0; i < containers; i++) stamps[i] = container_stamp(spool->source, i);
    vt_status status = read_journal(spool, stamp, stamps);
    free(stamps);
    VT_TRY(status);
    if (ftruncate(spool->journal, (off_t)spool->journal_bytes) != 0) return fail_disk(spool, "write");
    if (spool->journal_bytes > 0) return VT_OK;
    if (ftruncate(spool->pixels, 0) != 0) return fail_disk(spool, "write");
    VT_TRY(add_record(spool, (vt_record){.kind = RECORD_BEGIN, .stamp = stamp, .number = spool->source->count}));
    VT_TRY(vt_spool_sync(spool));
    return vt_sync_folder(spool->folder);
}

vt_status vt_spool_open(const char *folder, const vt_source *source, const uint8_t *skip, const vt_spool_format *format,
                        vt_spool *spool) {
    *spool = (vt_spool){.source = source, .pixels = -1, .journal = -1, .height = format->height, .width = format->width};
    pthread_mutex_init(&spool->mutex, NULL);
    VT_TRY(vt_copy_string(folder, &spool->folder));
    VT_TRY(vt_allocate(&spool->channels, source->count, sizeof *spool->channels, "the list of decoded images"));
    VT_TRY(vt_allocate(&spool->offsets, source->count, sizeof *spool->offsets, "the list of decoded images"));
    VT_TRY(vt_allocate(&spool->past.origins, source->count, sizeof *spool->past.origins, "the list of decoded images"));
    VT_TRY(vt_allocate(&spool->past.finished, source->files.container_count, 1, "the list of archives"));
    for (size_t i = 0; i < source->count; i++) spool->past.origins[i] = VT_NOWHERE;
    VT_TRY(open_file(folder, VT_SPOOL_PIXELS, &spool->pixels));
    VT_TRY(open_file(folder, VT_SPOOL_JOURNAL, &spool->journal));
    return go_on(spool, spool_stamp(source, skip, format));
}

void vt_spool_close(vt_spool *spool) {
    if (!spool->source) return;
    if (spool->pixels >= 0) close(spool->pixels);
    if (spool->journal >= 0) close(spool->journal);
    pthread_mutex_destroy(&spool->mutex);
    vt_text_free(&spool->pending);
    free(spool->channels);
    free(spool->offsets);
    free(spool->past.origins);
    free(spool->past.finished);
    free(spool->folder);
    *spool = (vt_spool){0};
}

bool vt_spool_is_there(const char *folder) {
    char *path = NULL;
    bool there = vt_join(folder, VT_SPOOL_JOURNAL, &path) == VT_OK && vt_path_exists(path);
    free(path);
    return there;
}

vt_status vt_spool_remove(const char *folder) {
    static const char *const names[] = {VT_SPOOL_JOURNAL, VT_SPOOL_PIXELS}; /* pixels without a journal are nobody's */
    for (int i = 0; i < 2; i++) {
        char *path = NULL;
        VT_TRY(vt_join(folder, names[i], &path));
        vt_status status = vt_remove_tree(path);
        free(path);
        VT_TRY(status);
    }
    return VT_OK;
}

/* --- images --- */

vt_status vt_spool_write(vt_spool *spool, size_t item, int container, int channels, bool dim, const uint8_t *pixels) {
    uint64_t bytes = plane_bytes(spool) * (uint64_t)channels, offset = atomic_fetch_add(&spool->end, bytes);
    VT_TRY(write_at(spool, spool->pixels, pixels, bytes, offset));
    spool->offsets[item] = offset;
    spool->channels[item] = (uint8_t)channels;
    if (dim) atomic_fetch_add(&spool->dim, 1);
    if (container == VT_POINTED_TO) return VT_OK;
    atomic_fetch_add(&spool->kept, 1);
    uint64_t stamp =
        container == VT_LOOSE ? loose_stamp(spool->source, item) : container_stamp(spool->source, (size_t)container);
    return add_record(spool, (vt_record){.kind = RECORD_IMAGE,
                                         .stamp = stamp,
                                         .number = item,
                                         .offset = offset,
                                         .channels = (uint64_t)channels | (dim ? DIM_BIT : 0)});
}

vt_status vt_spool_finish(vt_spool *spool, int container, int64_t unlisted) {
    return add_record(spool, (vt_record){.kind = RECORD_FINISHED,
                                         .stamp = container_stamp(spool->source, (size_t)container),
                                         .number = (uint64_t)unlisted});
}

vt_status vt_spool_sync(vt_spool *spool) {
    pthread_mutex_lock(&spool->mutex);
    vt_text records = spool->pending;
    spool->pending = (vt_text){0};
    pthread_mutex_unlock(&spool->mutex);
    vt_status status = VT_OK;
    if (records.length == 0) return VT_OK;
    if (fdatasync(spool->pixels) != 0) status = fail_disk(spool, "write");
    if (status == VT_OK) status = write_at(spool, spool->journal, records.data, records.length, spool->journal_bytes);
    if (status == VT_OK) spool->journal_bytes += records.length;
    vt_text_free(&records);
    return status;
}

void vt_spool_drop_absent(vt_spool *spool) {
    size_t kept = 0;
    for (size_t i = 0; i < spool->source->count; i++) {
        if (spool->source->items[i].file == VT_FILE_ABSENT) continue;
        spool->channels[kept] = spool->channels[i];
        spool->offsets[kept++] = spool->offsets[i];
    }
}

vt_status vt_spool_read(const vt_spool *spool, size_t item, int channels, uint8_t *pixels) {
    uint64_t plane = plane_bytes(spool);
    VT_TRY(read_at(spool, spool->pixels, pixels, plane * spool->channels[item], spool->offsets[item]));
    if (spool->channels[item] == 1 && channels == 3) /* backwards, so that nothing is overwritten before it is read */
        for (uint64_t i = plane; i-- > 0;) pixels[3 * i] = pixels[3 * i + 1] = pixels[3 * i + 2] = pixels[i];
    return VT_OK;
}
