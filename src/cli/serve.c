/*
 * lazuli up and lazuli serve: the same service, for trying it out and for production.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/command.h"
#include "identity/jwt_libraries.h"
#include "server/server.h"

/* Keys are printed to whoever asked for a quickstart, and leave no copy in a buffer of stdio's. */
static void print_quickstart(const struct bootstrap_info *info, const char *data)
{
    static char space[BUFSIZ];

    setvbuf(stdout, space, _IOFBF, sizeof(space));
    printf("\nlazuli is up\n\n"
           "  endpoint     %.*s\n"
           "  key1         %.*s\n"
           "  admin token  %.*s   (Authorization: Bearer, for ARM)\n\n"
           "Environment of Azure OpenAI's quickstarts, ready to paste:\n\n"
           "  export AZURE_OPENAI_ENDPOINT=%.*s\n"
           "  export AZURE_OPENAI_KEY=%.*s\n"
           "  export AZURE_OPENAI_API_KEY=%.*s\n\n"
           "A first call, streamed:\n\n"
           "  curl -N '%.*s/openai/deployments/gpt-4/chat/completions?api-version=2024-02-01' \\\n"
           "    -H 'Content-Type: application/json' -H 'api-key: %.*s' \\\n"
           "    -d '{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"What is a "
           "deployment?\"}]}'\n\n",
           STR_ARGS(info->endpoint.public_base), STR_ARGS(info->key1), STR_ARGS(info->admin_token),
           STR_ARGS(info->endpoint.public_base), STR_ARGS(info->key1), STR_ARGS(info->key1),
           STR_ARGS(info->endpoint.public_base), STR_ARGS(info->key1));
    if (info->endpoint.secure_base.len) {
        fputs("The Azure CLI, from another terminal, apart from your other clouds:\n\n"
              "  lazuli az --data ",
              stdout);
        command_print_quoted(str_from(data));
        fputs(" cognitiveservices account list --output table\n\n", stdout);
    }
    fflush(stdout);
    explicit_bzero(space, sizeof(space));
}

/* What the settings are read from besides the environment. */
struct command_line {
    int argc;
    char **argv;
    bool quickstart;
    const char *config; /* once they are read; NULL: no file */
};

static bool read_settings(void *data, struct settings *s, struct error *err)
{
    struct command_line *c = data;

    s->dev = s->tls_development = c->quickstart;
    return command_read_settings(c->argc, c->argv, NULL, NULL, s, &c->config, err);
}

static int serve(struct settings *settings, struct command_line *c)
{
    struct server_options options = {
        .settings = settings, .read_settings = read_settings, .data = c, .quickstart = c->quickstart
    };
    struct server *s;
    struct error err;

    memory_return_freed();
    jwt_libraries_set_up();
    log_set_level(settings_log_level(settings));
    s = server_new(&options, &err);
    if (!s)
        return command_fail(&err, EXIT_USAGE);
    if (c->quickstart)
        print_quickstart(server_info(s), settings->data);
    server_forget_keys(s);
    server_run(s);
    server_free(s);
    return 0;
}

/* Without a file it would make a service in whatever folder it was started. */
static int fail_without_config(void)
{
    fprintf(stderr, "lazuli: serve needs --config\n\nusage: lazuli %s %s\n", command_serve.name,
            command_serve.arguments);
    return EXIT_USAGE;
}

static int run(int argc, char **argv, bool quickstart)
{
    struct command_line c = { argc, argv, quickstart, NULL };
    struct settings settings;
    struct error err;
    int status;

    server_hold_reloads();
    settings_init(&settings);
    if (!read_settings(&c, &settings, &err))
        status = command_fail(&err, EXIT_USAGE);
    else if (!quickstart && !c.config)
        status = fail_without_config();
    else
        status = serve(&settings, &c);
    settings_done(&settings);
    return status;
}

static int run_up(int argc, char **argv)
{
    return run(argc, argv, true);
}

static int run_serve(int argc, char **argv)
{
    return run(argc, argv, false);
}

const struct command command_up = {
    .name = "up",
    .arguments = "[--listen ADDR:PORT] [--data DIR] [--catalog FILE] [--SETTING VALUE]...",
    .help =
        "try it out: makes a first account with deployments, prints how to call them, and serves",
    .run = run_up,
};

const struct command command_serve = {
    .name = "serve",
    .arguments = "--config FILE [--SETTING VALUE]...",
    .help = "serve in production",
    .run = run_serve,
};
