/* vitrain: the program. Chooses the subcommand; everything that it can do is in the library. */
#include "commands.h"
#include "options.h"
#include "terminal.h"
#include "vitrain/vitrain.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"sample", command_sample, "draw a stand-in for the NIH chest X-ray data set"},
    {"prepare", command_prepare, "decode, resize and split images into a prepared data set"},
    {"show", command_show, "draw what the model will see: images, labels, augmentation"},
    {"check", command_check, "look at every image of a data set and say what is wrong with it"},
    {"train", command_train, "fine-tune a Vision Transformer"},
    {"eval", command_eval, "measure a model: loss, ROC-AUC, a table per label"},
    {"predict", command_predict, "write a model's probabilities for image files"},
    {"bench", command_bench, "measure this machine: speed of training and inference, share of its peak"},
    {"info", command_info, "describe a model, a data set, a checkpoint or this machine"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int print_usage(void) {
    say("vitrain %s: fine-tunes Vision Transformers on labelled images", vt_version());
    say("%s", "");
    say("usage: vitrain COMMAND [options]");
    say("%s", "");
    for (int i = 0; i < COMMANDS; i++) say("  %-10s%s", commands[i].name, commands[i].summary);
    say("%s", "");
    say("`vitrain COMMAND --help` lists a command's options; `vitrain --version` prints the version.");
    return 0;
}

static int refuse_command(const char *name) {
    const char *names[COMMANDS + 1] = {NULL};
    for (int i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
    const char *nearest = nearest_name(name, names);
    if (nearest) return fail_usage("unknown command '%s'; did you mean %s? `vitrain --help` lists all", name, nearest);
    return fail_usage("unknown command '%s'; `vitrain --help` lists all", name);
}

static int run(int argc, char **argv) {
    if (argc < 2) return fail_usage("a command is missing; `vitrain --help` lists them");
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) {
        say("vitrain %s", vt_version());
        return 0;
    }
    int help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    if (help && argc == 2) return print_usage();
    if (help) name = argv[2];
    for (int i = 0; i < COMMANDS; i++) {
        char *ask[] = {(char *)commands[i].name, "--help", NULL};
        if (strcmp(name, commands[i].name) == 0) return help ? commands[i].run(2, ask) : commands[i].run(argc - 1, argv + 1);
    }
    return refuse_command(name);
}

/* OpenMP's threads wait for each other by spinning for milliseconds, which on cores shared with other programs makes
 * training ten times slower; ten thousand turns, some 0.3 ms, keep the speed of cores that are not shared. libgomp reads the
 * variable when it is loaded, so the program starts itself once more, by its own path, so that its name stays. */
static void keep_waiting_short(char **argv) {
    char path[4096];
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY")) return;
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0 || setenv("GOMP_SPINCOUNT", "10000", 1) != 0) return;
    path[length] = '\0';
    execv(path, argv);
}

int main(int argc, char **argv) {
    keep_waiting_short(argv);
    terminal_open();
    return terminal_close(run(argc, argv));
}
