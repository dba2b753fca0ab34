/* Finds out how a table names its image files, by trying every way on all of its names. */
#include "data/source/name_match.h"

#include "base/file.h"
#include <stdlib.h>
#include <string.h>

/* In the order of preference between equals. */
static const struct vt_way {
    const char *name;
    bool without_first_folder, bare, without_suffix;
} ways[] = {
    {"path", false, false, false},
    {"path that begins with the data set's own folder", true, false, false},
    {"path without suffix", false, false, true},
    {"path that begins with the data set's own folder, without suffix", true, false, true},
    {"bare name", false, true, false},
    {"bare name without suffix", false, true, true},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

/* The part of a name by which it is looked up. */
typedef struct vt_name_key {
    const char *text;
    size_t length;
} vt_name_key;

static vt_name_key key_of(const struct vt_way *way, const char *name) {
    if (way->bare) name = vt_basename(name);
    size_t length = strlen(name);
    if (way->without_suffix && vt_is_image_name(name)) length = (size_t)(strrchr(name, '.') - name);
    return (vt_name_key){name, length};
}

/* "a/b.png" of "./a/b.png". */
static const char *without_dots(const char *name) {
    while (strncmp(name, "./", 2) == 0) name += 2;
    return name;
}

static vt_name_key key_of_name(const struct vt_way *way, const char *name) {
    name = without_dots(name);
    if (way->without_first_folder) {
        const char *slash = strchr(name, '/');
        name = slash ? slash + 1 : "";
    }
    return key_of(way, name);
}

/* *index = a map from the files' keys to 1 + the file, or 0 where several have the same; NULL where the keys are whole, and the
 * files' own index serves. */
static vt_status index_files(const vt_files *files, const struct vt_way *way, vt_map **index) {
    *index = NULL;
    if (!way->bare && !way->without_suffix) return VT_OK;
    VT_TRY(vt_map_create(index));
    for (size_t i = 0; i < files->count; i++) {
        vt_name_key key = key_of(way, files->items[i].key);
        bool taken = vt_map_get(*index, key.text, key.length) >= 0;
        VT_TRY(vt_map_set(*index, key.text, key.length, taken ? 0 : (int64_t)i + 1));
    }
    return VT_OK;
}

static int64_t find(const vt_files *files, const struct vt_way *way, const vt_map *index, const char *name) {
    vt_name_key key = key_of_name(way, name);
    if (!index) return vt_files_find(files, key.text);
    int64_t found = vt_map_get(index, key.text, key.length);
    return found > 0 ? found - 1 : -1;
}

/* How many files the names stand for; 0 if two different names stand for one. named_by [files] is overwritten. */
static size_t count_matches(const vt_files *files, const vt_strings *names, const struct vt_way *way, const vt_map *index,
                            const char **named_by) {
    size_t matches = 0;
    memset(named_by, 0, files->count * sizeof *named_by);
    for (size_t i = 0; i < names->count; i++) {
        int64_t file = find(files, way, index, names->items[i]);
        if (file < 0) continue;
        const char *name = without_dots(names->items[i]);
        if (named_by[file] && strcmp(named_by[file], name) != 0) return 0;
        matches += !named_by[file];
        named_by[file] = name;
    }
    return matches;
}

vt_status vt_name_match_make(const vt_files *files, const vt_strings *names, vt_name_match *match) {
    const char **named_by = NULL;
    vt_map *index = NULL;
    size_t most = 0;
    vt_status status = VT_OK;
    *match = (vt_name_match){.files = files, .way = -1};
    VT_TRY_GOTO(vt_allocate(&named_by, files->count, sizeof *named_by, "the names of images"));
    for (int way = 0; way < WAYS && most < files->count; way++) {
        VT_TRY_GOTO(index_files(files, &ways[way], &index));
        size_t matches = count_matches(files, names, &ways[way], index, named_by);
        if (matches > most) {
            vt_map_free(match->index);
            match->index = index;
            match->way = way;
            most = matches;
        } else {
            vt_map_free(index);
        }
        index = NULL;
    }
done:
    vt_map_free(index);
    free(named_by);
    return status;
}

void vt_name_match_free(vt_name_match *match) {
    vt_map_free(match->index);
    *match = (vt_name_match){.way = -1};
}

int64_t vt_name_match_find(const vt_name_match *match, const char *name) {
    return match->way < 0 ? -1 : find(match->files, &ways[match->way], match->index, name);
}

const char *vt_name_match_way(const vt_name_match *match) {
    return match->way < 0 ? "none" : ways[match->way].name;
}
