/*
 * The program's commands, one descriptor a file, and what they share.
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/error.h"
#include "cli/options.h"
#include "server/settings.h"

/* Exit statuses: 0 done, 1 failed, 2 wrong usage or configuration. */
#define EXIT_USAGE 2

struct command {
    const char *name;
    const char *arguments;             /* "[--data DIR] [--format sh|json]" */
    const char *help;                  /* one line */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
    /* to another program: --help among them is not for us unless it comes first */
    bool passes_words;
    /* has keys or tokens: its memory is hidden from the beginning. serve and up do that by themselves,
     * where the setting core_dumps does not forbid it */
    bool has_secrets;
    bool prints; /* an answer: it has failed where standard output did not take all of it */
};

extern const struct command command_up;
extern const struct command command_serve;
extern const struct command command_az;
extern const struct command command_az_setup;
extern const struct command command_bench;
extern const struct command command_env;
extern const struct command command_calc;
extern const struct command command_explain;
extern const struct command command_settings;
extern const struct command command_reseal;
extern const struct command command_version;

/* The settings: the file named by --config, then the environment, then the command line
 * ("--setting value", "--setting=value", "--flag"). `own` are the command's own options, which fill
 * `filled`; both may be NULL. *config is the file's name, or NULL. */
MUST_CHECK bool command_read_settings(int argc, char **argv, const struct option_table *own,
                                      void *filled, struct settings *s, const char **config,
                                      struct error *err);
/* On standard output, for a shell: the value in quotes; "export NAME='value'" and a line end. */
void command_print_quoted(struct str value);
void command_print_export(const char *name, struct str value);
/* "lazuli: text" on standard error. */
int command_fail(const struct error *err, int status);

#endif
