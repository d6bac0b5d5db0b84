/*
 * lazuli settings and lazuli version: what the program itself can tell.
 * SPDX-License-Identifier: MIT
 */
#include "server/settings.h"

#include <stdio.h>

#include "cli/command.h"

#define REFERENCE_BYTES_MAX ((size_t)256 * 1024)

static int run_settings(int argc, char **argv)
{
    struct buf text;
    bool ok;

    (void)argc;
    (void)argv;
    buf_init(&text, REFERENCE_BYTES_MAX);
    ok = settings_write_reference(&text);
    if (ok)
        fwrite(buf_str(&text).data, 1, buf_len(&text), stdout);
    buf_done(&text);
    return ok ? 0 : 1;
}

static int run_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("lazuli " LAZULI_VERSION);
    return 0;
}

const struct command command_settings = {
    .name = "settings",
    .arguments = "",
    .help = "print every setting with its default, as docs/settings.md has them",
    .run = run_settings,
    .prints = true,
};

const struct command command_version = {
    .name = "version",
    .arguments = "",
    .help = "print the version",
    .run = run_version,
    .prints = true,
};
