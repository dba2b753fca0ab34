/* Looking into a folder that should hold a model. */
#include "model_folder.h"

#include "terminal.h"
#include "vitrain/train.h"
#include <stdio.h>
#include <unistd.h>

int folder_holds(const char *folder, const char *name) {
    char path[VT_PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    return length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0;
}

int refuse_unfinished_run(const char *folder) {
    char newest[VT_PATH_MAX];
    if (folder_holds(folder, "config.json")) return 0;
    if (vt_checkpoint_newest(folder, NULL, newest) != VT_OK || !newest[0]) return 0;
    return fail("%s: holds no finished model, for its run has not ended; its newest checkpoint is a model too: %s", folder,
                newest);
}
