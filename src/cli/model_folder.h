/* Folders that the user names as a model. */
#ifndef VT_CLI_MODEL_FOLDER_H
#define VT_CLI_MODEL_FOLDER_H

/* Whether there is a file `name` in `folder`. */
int folder_holds(const char *folder, const char *name);

/* A run that has not ended leaves checkpoints, but no model beside them: says so with the newest one's name and returns the
 * exit code. 0 if `folder` is no such thing. */
int refuse_unfinished_run(const char *folder);

#endif
