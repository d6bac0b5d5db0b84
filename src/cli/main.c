/*
 * The program: finds the command and runs it.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "cli/command.h"
#include "server/sandbox.h"

static const struct command *const commands[] = {
    &command_up,       &command_serve,  &command_env,     &command_az,
    &command_az_setup, &command_calc,   &command_bench,   &command_explain,
    &command_settings, &command_reseal, &command_version,
};

static void print_command(FILE *out, const struct command *c)
{
    fprintf(out, "  %-9s %s\n", c->name, c->help);
    if (*c->arguments)
        fprintf(out, "            %s\n", c->arguments);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int usage(FILE *out, int status)
{
    fputs("lazuli: Azure OpenAI Service on your own metal\n\nusage: lazuli COMMAND [options]\n\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        print_command(out, commands[i]);
    fputs("\nEvery setting (lazuli settings) is an option too: --log-level debug\n", out);
    return status;
}

static bool asks_for_help(const struct command *c, int argc, char **argv)
{
    for (int i = 1; i < argc && (i == 1 || !c->passes_words); i++) {
        if (is_help(argv[i]))
            return true;
    }
    return false;
}

/* Nobody hears of it who has stopped reading. */
static int check_printed(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (errno != EPIPE)
        fprintf(stderr, "lazuli: standard output: %s\n", strerror(errno));
    return status ? status : EXIT_FAILURE;
}

static int run(const struct command *c, int argc, char **argv)
{
    if (c->has_secrets)
        sandbox_hide_memory();
    if (!asks_for_help(c, argc, argv))
        return c->prints ? check_printed(c->run(argc, argv)) : c->run(argc, argv);
    printf("usage: lazuli %s %s\n\n%s\n", c->name, c->arguments, c->help);
    return 0;
}

int main(int argc, char **argv)
{
    /* A client that goes away is an error of its socket, not of the program. */
    signal(SIGPIPE, SIG_IGN);
    /* Nor is a file that may not grow (ulimit -f): the write says so. */
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2)
        return usage(stderr, EXIT_USAGE);
    if (is_help(argv[1]) || strcmp(argv[1], "help") == 0)
        return usage(stdout, 0);
    if (strcmp(argv[1], "--version") == 0)
        return run(&command_version, argc - 1, argv + 1);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[1], commands[i]->name) == 0)
            return run(commands[i], argc - 1, argv + 1);
    }
    fprintf(stderr, "lazuli: there is no command '%s'\n", argv[1]);
    return usage(stderr, EXIT_USAGE);
}
