/* How the names in a table of labels stand for image files: whole paths, paths that begin with the data set's own folder, or
 * bare names; with the file's suffix or without. One way holds for the whole table: the one in which most names find a file,
 * and no two the same. */
#ifndef VT_DATA_NAME_MATCH_H
#define VT_DATA_NAME_MATCH_H

#include "data/source/files.h"

typedef struct vt_name_match {
    const vt_files *files;
    int way;       /* -1: no name finds a file */
    vt_map *index; /* from what a name stands for to 1 + the file; NULL: the files' own serves */
} vt_name_match;

/* Chooses the way for `names`, in which a name may stand more than once. *match is to be freed, also after a failure. */
vt_status vt_name_match_make(const vt_files *files, const vt_strings *names, vt_name_match *match) VT_CHECKED;
void vt_name_match_free(vt_name_match *match);

/* The file that `name` stands for, or -1. */
int64_t vt_name_match_find(const vt_name_match *match, const char *name);

/* "path", "bare name without suffix", ... */
const char *vt_name_match_way(const vt_name_match *match);

#endif
