/* The next image for whoever asks. Loose files go first, in the items' order, and are left for the taker to read; then
 * containers, each of which is read by one thread at a time. Members of archives are matched with items as they stream by. */
#include "data/stream/supply.h"

#include "base/file.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A container that is being read. */
typedef struct vt_lane {
    vt_stream *stream; /* NULL before it is opened, and after its end */
    bool busy;         /* a thread is reading it */
    bool exhausted, bad, reported;
    int64_t taken; /* images that have not been given back */
    int64_t unlisted;
    uint64_t position;
} vt_lane;

struct vt_supply {
    const vt_decode_request *request;
    const vt_source *source;
    vt_map *item_by_name;  /* for members of archives; NULL if there are none */
    int64_t *item_of_file; /* [files]: -1: no item has it */
    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t changed;
    bool ended;
    size_t next_loose;    /* item */
    uint64_t loose_bytes; /* of files given back */
    int32_t *origins;     /* [items]: where it was found in this pass */
    vt_lane *lanes;       /* [containers] */
    size_t begun;         /* containers that were opened, or passed over */
    vt_strings unlisted;  /* sorted */
    int64_t unlisted_count;
};

static const vt_raw_file *file_of(const vt_source *source, size_t item) {
    int64_t file = source->items[item].file;
    return file >= 0 ? &source->files.items[file] : NULL;
}

static bool is_loose(const vt_source *source, size_t item) {
    const vt_raw_file *file = file_of(source, item);
    return file && file->container < 0;
}

static int32_t past_origin(const vt_decode_request *request, size_t item) {
    return request->past ? request->past->origins[item] : VT_NOWHERE;
}

static bool is_finished(const vt_decode_request *request, size_t container) {
    return request->past && request->past->finished[container];
}

static bool is_wanted(const vt_decode_request *request, size_t item) {
    return !(request->skip && request->skip[item]) && past_origin(request, item) == VT_NOWHERE;
}

uint64_t vt_decode_bytes(const vt_decode_request *request) {
    const vt_source *source = request->source;
    uint64_t bytes = 0;
    for (size_t i = 0; i < source->files.container_count; i++)
        if (!is_finished(request, i)) bytes += source->files.containers[i].bytes;
    for (size_t i = 0; i < source->count; i++)
        if (is_loose(source, i) && is_wanted(request, i)) bytes += file_of(source, i)->bytes;
    return bytes;
}

void vt_supply_count(const vt_decode_request *request, int64_t *known, int64_t *archived) {
    *known = *archived = 0;
    for (size_t i = 0; i < request->source->count; i++) {
        if (!is_wanted(request, i)) continue;
        if (file_of(request->source, i))
            ++*known;
        else
            ++*archived;
    }
}

/* --- matching --- */

static vt_status index_items(vt_supply *supply) {
    const vt_source *source = supply->source;
    bool archives = false;
    for (size_t i = 0; i < source->files.container_count; i++)
        archives = archives || source->files.containers[i].kind == VT_CONTAINER_ARCHIVE;
    if (archives) VT_TRY(vt_map_create(&supply->item_by_name));
    for (size_t i = 0; i < source->files.count; i++) supply->item_of_file[i] = -1;
    for (size_t i = 0; i < source->count; i++) {
        const vt_item *item = &source->items[i];
        const vt_raw_file *file = file_of(source, i);
        supply->origins[i] = file ? file->container < 0 ? VT_LOOSE : file->container : VT_NOWHERE;
        if (item->file >= 0) supply->item_of_file[item->file] = (int64_t)i;
        if (archives) VT_TRY(vt_map_set(supply->item_by_name, item->file_name, strlen(item->file_name), (int64_t)i));
    }
    return VT_OK;
}

static vt_status fail_duplicate(const vt_supply *supply, size_t item, int32_t first, int second, const char *member) {
    const vt_container *containers = supply->source->files.containers;
    return vt_fail(VT_ERROR_INPUT, "'%s' is there twice: in '%s' and in '%s: %s'; remove one of them",
                   supply->source->items[item].file_name,
                   first == VT_LOOSE ? file_of(supply->source, item)->path : containers[first].path, containers[second].path,
                   member);
}

/* Counts an image that is no item, and keeps its name if it is among the first in byte order. */
static vt_status note_unlisted(vt_supply *supply, int container, const char *name) {
    vt_strings *names = &supply->unlisted;
    size_t low = 0, high = names->count;
    supply->unlisted_count++;
    supply->lanes[container].unlisted++;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(names->items[middle], name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == VT_UNLISTED_LIMIT) return VT_OK;
    VT_TRY(vt_strings_add(names, name, strlen(name)));
    char *added = names->items[names->count - 1];
    memmove(names->items + low + 1, names->items + low, (names->count - 1 - low) * sizeof *names->items);
    names->items[low] = added;
    if (names->count > VT_UNLISTED_LIMIT) free(names->items[--names->count]);
    return VT_OK;
}

/* Finds the item of a member, and whether it is to be read. The mutex is held. */
static vt_status match(vt_supply *supply, int container, const vt_stream_member *member, size_t *item, bool *wanted) {
    const vt_container *from = &supply->source->files.containers[container];
    int64_t known;
    *wanted = false;
    if (from->kind == VT_CONTAINER_ARCHIVE) {
        const char *name = vt_basename(member->path);
        known = vt_map_get(supply->item_by_name, name, strlen(name));
        if (known < 0) return note_unlisted(supply, container, name);
        int32_t before = supply->origins[known], past = past_origin(supply->request, (size_t)known);
        if (before == VT_NOWHERE && past != container) before = past;
        if (before != VT_NOWHERE) return fail_duplicate(supply, (size_t)known, before, container, member->path);
    } else {
        known = member->row < from->rows ? supply->item_of_file[from->first_file + member->row] : -1;
        if (known < 0) return VT_OK;
    }
    supply->origins[known] = container;
    *item = (size_t)known;
    *wanted = is_wanted(supply->request, *item);
    return VT_OK;
}

/* --- containers --- */

static vt_status describe_place(const vt_container *container, const vt_stream_member *member, char **out) {
    if (container->kind == VT_CONTAINER_ARCHIVE) return vt_format(out, "%s: %s", container->path, member->path);
    return vt_format(out, "%s: %s%srow %lld", container->path, container->member ? container->member : "",
                     container->member ? ", " : "", (long long)member->row);
}

/* Reads the next wanted image of a container that is this thread's alone; *more is false at its end. */
static vt_status read_lane(vt_supply *supply, int container, vt_encoded *out, bool *more) {
    const vt_container *from = &supply->source->files.containers[container];
    vt_lane *lane = &supply->lanes[container];
    vt_stream_member member;
    bool wanted = false;
    *more = false;
    if (!lane->stream) VT_TRY(vt_stream_open(from, &lane->stream));
    while (!wanted) {
        int another;
        VT_TRY(vt_stream_next(lane->stream, &member, &another));
        if (!another) return VT_OK;
        pthread_mutex_lock(&supply->mutex);
        vt_status status = match(supply, container, &member, &out->item, &wanted);
        lane->position = vt_stream_position(lane->stream);
        bool ended = supply->ended;
        pthread_mutex_unlock(&supply->mutex);
        VT_TRY(status);
        if (ended) return VT_OK;
    }
    out->container = container;
    VT_TRY(describe_place(from, &member, &out->place));
    VT_TRY(vt_stream_read(lane->stream, &out->image));
    *more = true;
    return VT_OK;
}

/* A container that no thread is reading, a new one if all that are open are busy, or -1. The mutex is held. */
static int free_lane(vt_supply *supply) {
    for (size_t i = 0; i < supply->begun; i++)
        if (!supply->lanes[i].busy && !supply->lanes[i].exhausted) return (int)i;
    while (supply->begun < supply->source->files.container_count) {
        size_t next = supply->begun++;
        if (!is_finished(supply->request, next)) return (int)next;
        supply->lanes[next].exhausted = true;
    }
    return -1;
}

static bool any_busy(const vt_supply *supply) {
    for (size_t i = 0; i < supply->begun; i++)
        if (supply->lanes[i].busy) return true;
    return false;
}

/* Whether a container has just become finished. The mutex is held. */
static bool has_finished(vt_lane *lane) {
    if (!lane->exhausted || lane->taken > 0 || lane->bad || lane->reported) return false;
    lane->reported = true;
    return true;
}

static vt_status report_finished(vt_supply *supply, int container) {
    const vt_decode_request *request = supply->request;
    return request->finished ? request->finished(request->context, container, supply->lanes[container].unlisted) : VT_OK;
}

/* Reads from a container that was marked busy. The mutex is held, but not while reading. */
static vt_status take_from(vt_supply *supply, int container, vt_encoded *out, bool *more) {
    vt_lane *lane = &supply->lanes[container];
    pthread_mutex_unlock(&supply->mutex);
    vt_status status = read_lane(supply, container, out, more);
    bool at_end = status != VT_OK || !*more;
    uint64_t position = lane->stream ? vt_stream_position(lane->stream) : 0;
    if (at_end) {
        vt_stream_close(lane->stream);
        lane->stream = NULL;
    }
    pthread_mutex_lock(&supply->mutex);
    lane->busy = false;
    lane->position = position;
    if (at_end) {
        lane->exhausted = true;
        lane->bad = lane->bad || status != VT_OK || supply->ended;
    } else {
        lane->taken++;
    }
    bool finished = has_finished(lane);
    pthread_cond_broadcast(&supply->changed);
    if (finished) {
        pthread_mutex_unlock(&supply->mutex);
        status = report_finished(supply, container);
        pthread_mutex_lock(&supply->mutex);
    }
    return status;
}

/* --- what the takers call --- */

/* The mutex is held. */
static vt_status take_loose(vt_supply *supply, vt_encoded *out, bool *more) {
    const vt_source *source = supply->source;
    *more = false;
    while (supply->next_loose < source->count && !*more) {
        size_t item = supply->next_loose++;
        if (!is_loose(source, item) || !is_wanted(supply->request, item)) continue;
        out->item = item;
        out->container = VT_LOOSE;
        VT_TRY(vt_copy_string(file_of(source, item)->path, &out->place));
        VT_TRY(vt_copy_string(out->place, &out->image.file));
        *more = true;
    }
    return VT_OK;
}

static void free_encoded(vt_encoded *encoded) {
    vt_stream_image_free(&encoded->image);
    free(encoded->place);
    *encoded = (vt_encoded){0};
}

vt_status vt_supply_take(vt_supply *supply, vt_encoded *out, bool *more) {
    *out = (vt_encoded){0};
    *more = false;
    pthread_mutex_lock(&supply->mutex);
    vt_status status = supply->ended ? VT_OK : take_loose(supply, out, more);
    while (status == VT_OK && !supply->ended && !*more) {
        int container = free_lane(supply);
        if (container >= 0) {
            supply->lanes[container].busy = true;
            status = take_from(supply, container, out, more);
        } else if (any_busy(supply)) {
            pthread_cond_wait(&supply->changed, &supply->mutex);
        } else {
            break;
        }
    }
    pthread_mutex_unlock(&supply->mutex);
    if (status != VT_OK || !*more) free_encoded(out);
    return status;
}

vt_status vt_supply_give_back(vt_supply *supply, vt_encoded *encoded, bool bad) {
    int container = encoded->container;
    bool finished = false;
    pthread_mutex_lock(&supply->mutex);
    if (container == VT_LOOSE) {
        supply->loose_bytes += file_of(supply->source, encoded->item)->bytes;
    } else {
        vt_lane *lane = &supply->lanes[container];
        lane->taken--;
        lane->bad = lane->bad || bad;
        finished = has_finished(lane);
    }
    pthread_mutex_unlock(&supply->mutex);
    free_encoded(encoded);
    return finished ? report_finished(supply, container) : VT_OK;
}

void vt_supply_end(vt_supply *supply) {
    pthread_mutex_lock(&supply->mutex);
    supply->ended = true;
    pthread_cond_broadcast(&supply->changed);
    pthread_mutex_unlock(&supply->mutex);
}

uint64_t vt_supply_position(vt_supply *supply) {
    pthread_mutex_lock(&supply->mutex);
    uint64_t position = supply->loose_bytes;
    for (size_t i = 0; i < supply->begun; i++)
        if (!is_finished(supply->request, i))
            position += supply->lanes[i].exhausted ? supply->source->files.containers[i].bytes : supply->lanes[i].position;
    pthread_mutex_unlock(&supply->mutex);
    return position;
}

void vt_supply_report(vt_supply *supply, vt_decode_result *result) {
    for (size_t i = 0; i < supply->source->count; i++)
        result->found[i] = supply->origins[i] != VT_NOWHERE || past_origin(supply->request, i) != VT_NOWHERE;
    result->unlisted = supply->unlisted;
    result->unlisted_count = supply->unlisted_count;
    supply->unlisted = (vt_strings){0};
}

vt_status vt_supply_open(const vt_decode_request *request, vt_supply **out) {
    const vt_source *source = request->source;
    vt_supply *supply;
    *out = NULL;
    VT_TRY(vt_allocate(&supply, 1, sizeof *supply, "the supply of images"));
    supply->request = request;
    supply->source = source;
    pthread_mutex_init(&supply->mutex, NULL);
    pthread_cond_init(&supply->changed, NULL);
    vt_status status = VT_OK;
    VT_TRY_GOTO(vt_allocate(&supply->item_of_file, source->files.count, sizeof *supply->item_of_file, "the order of images"));
    VT_TRY_GOTO(vt_allocate(&supply->origins, source->count, sizeof *supply->origins, "the order of images"));
    VT_TRY_GOTO(vt_allocate(&supply->lanes, source->files.container_count, sizeof *supply->lanes, "the order of images"));
    VT_TRY_GOTO(index_items(supply));
    *out = supply;
    supply = NULL;
done:
    vt_supply_close(supply);
    return status;
}

void vt_supply_close(vt_supply *supply) {
    if (!supply) return;
    for (size_t i = 0; supply->lanes && i < supply->source->files.container_count; i++)
        vt_stream_close(supply->lanes[i].stream);
    pthread_mutex_destroy(&supply->mutex);
    pthread_cond_destroy(&supply->changed);
    vt_map_free(supply->item_by_name);
    free(supply->item_of_file);
    free(supply->origins);
    free(supply->lanes);
    vt_strings_free(&supply->unlisted);
    free(supply);
}
