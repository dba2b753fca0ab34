/* The subcommands. Each parses its arguments (argv[0] is its own name), calls the library, prints, and returns the
 * program's exit code: 0, 1 for an error, 2 for a wrong command line, 128 + signal when it was asked to stop. */
#ifndef VT_CLI_COMMANDS_H
#define VT_CLI_COMMANDS_H

int command_sample(int argc, char **argv);
int command_prepare(int argc, char **argv);
int command_show(int argc, char **argv);
int command_check(int argc, char **argv);
int command_train(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_predict(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_info(int argc, char **argv);

#endif
