/*
 * lazuli az and lazuli az-setup: the user's own Azure CLI against this service, in a configuration
 * apart from the user's own; and the steps that do the same in that one.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/az_profile.h"
#include "cli/command.h"
#include "server/program_path.h"

/* ---- what both begin with ---- */

struct az_session {
    struct settings settings;
    struct arena *arena;
    struct service_info service;
    struct az_profile profile;
};

/* `argc` words, the command's name and options of lazuli. */
static bool open_session(struct az_session *s, int argc, char **argv, struct error *err)
{
    const char *config;

    settings_init(&s->settings);
    s->arena = arena_new(NULL);
    arena_keep_secret(s->arena);
    return command_read_settings(argc, argv, NULL, NULL, &s->settings, &config, err) &&
           service_info_read(&s->settings, s->arena, &s->service, err) &&
           az_profile_open(&s->profile, &s->service, s->arena, err);
}

static void close_session(struct az_session *s)
{
    settings_done(&s->settings);
    arena_free(s->arena);
}

/* The data folder is for its owner alone. */
static int fail(const struct error *err)
{
    int status = command_fail(err, err->code == ERROR_CONFIG ? EXIT_USAGE : 1);

    if (err->code != ERROR_CONFIG)
        fputs(
            "lazuli: this reads and writes the data folder of the service (--data DIR, before az's "
            "own words): run it as the user who runs the service\n",
            stderr);
    return status;
}

/* ---- lazuli az ---- */

/* How many of the first words are lazuli's: its name, and --data DIR. */
static int own_words(int argc, char **argv)
{
    int count = 1;

    while (count < argc) {
        if (strcmp(argv[count], "--data") == 0)
            count += 2;
        else if (strncmp(argv[count], "--data=", 7) == 0)
            count++;
        else
            break;
    }
    return count < argc ? count : argc;
}

static int become(const char *az, char **argv)
{
    char *name = argv[0];

    argv[0] = (char *)(uintptr_t)az;
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    execv(az, argv);
    fprintf(stderr, "lazuli: %s: %s\n", az, strerror(errno));
    argv[0] = name;
    return 1;
}

static int fail_without_az(void)
{
    fputs(
        "lazuli: there is no 'az' on the PATH; install the Azure CLI, 2.54 or newer: pipx install "
        "azure-cli, or https://learn.microsoft.com/cli/azure/install-azure-cli\n",
        stderr);
    return EXIT_USAGE;
}

static int fail_without_words(void)
{
    fprintf(stderr, "lazuli: az needs what az shall do\n\nusage: lazuli %s %s\n", command_az.name,
            command_az.arguments);
    return EXIT_USAGE;
}

static int run_az(int argc, char **argv)
{
    int own = own_words(argc, argv), status = 0;
    char *az = program_path_find("az");
    struct az_session session;
    struct error err;

    if (own == argc)
        status = fail_without_words();
    else if (!az)
        status = fail_without_az();
    if (status) {
        free(az);
        return status;
    }
    if (!open_session(&session, own, argv, &err)) {
        status = fail(&err);
    } else {
        az_profile_set_environment(&session.profile);
        if (!az_profile_sign_in(&session.profile, az, &err))
            status = fail(&err);
    }
    close_session(&session);
    if (!status)
        status = become(az, argv + own - 1);
    free(az);
    return status;
}

const struct command command_az = {
    .name = "az",
    .arguments = "[--data DIR] ARGS...",
    .help = "run your az against the service of a data folder, apart from your other clouds",
    .run = run_az,
    .has_secrets = true,
    .passes_words = true,
};

/* ---- lazuli az-setup ---- */

static void print_steps(const struct az_profile *p)
{
    const struct bootstrap_info *known = &p->service->known;
    struct str base = known->endpoint.secure_base;

    printf("# az, and Azure's SDKs, against lazuli at %.*s, in your own profile.\n",
           STR_ARGS(base));
    if (p->ca_bundle.len) {
        puts("# What they trust, in this shell: your system's CAs, and the service's own.");
        command_print_export("REQUESTS_CA_BUNDLE", p->ca_bundle);
        command_print_export("SSL_CERT_FILE", p->ca_bundle);
        command_print_export("NODE_EXTRA_CA_CERTS", p->service->authority_file);
    }
    printf("az cloud register --name " AZ_CLOUD " --endpoint-resource-manager '%.*s/'\n"
           "az cloud set --name " AZ_CLOUD "\n"
           "az config set core.instance_discovery=false\n"
           "az login --service-principal --username '%.*s' --password '%.*s' --tenant '%.*s'\n"
           "\n# And back:\n"
           "#   az logout --username '%.*s'\n"
           "#   az cloud set --name AzureCloud\n"
           "#   az cloud unregister --name " AZ_CLOUD "\n"
           "#   az config unset core.instance_discovery\n",
           STR_ARGS(base), STR_ARGS(known->client_id), STR_ARGS(known->client_secret),
           STR_ARGS(known->tenant_id), STR_ARGS(known->client_id));
    if (p->ca_bundle.len)
        puts("#   unset REQUESTS_CA_BUNDLE SSL_CERT_FILE NODE_EXTRA_CA_CERTS");
}

static int run_az_setup(int argc, char **argv)
{
    struct az_session session;
    struct error err;
    int status = 0;

    if (open_session(&session, argc, argv, &err))
        print_steps(&session.profile);
    else
        status = fail(&err);
    close_session(&session);
    return status;
}

const struct command command_az_setup = {
    .name = "az-setup",
    .arguments = "[--data DIR] [--config FILE]",
    .help = "print what does the same in your own profile of az, secret included, and undoes it",
    .run = run_az_setup,
    .has_secrets = true,
};
