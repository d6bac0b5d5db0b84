/*
 * lazuli reseal: another master key.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "cli/command.h"
#include "server/data_folder.h"
#include "server/reseal.h"
#include "server/sealing.h"

/* While a service has the folder it is refused: it would go on with the old key. */
static bool reseal(const struct settings *s, const char *key_file, size_t *count, struct error *err)
{
    struct secret_box *old = NULL, *new = NULL;
    struct store *store = NULL;
    struct data_folder folder;
    bool ok = data_folder_find(&folder, s->data, err) && data_folder_lock(&folder, err);

    if (ok)
        old = sealing_open(s, &folder, false, err);
    if (old)
        new = secret_box_new_from_file(key_file, true, err);
    if (new)
        store = store_open(folder.database, err);
    ok = store && reseal_store(store, old, new, count, err);
    if (store)
        store_close(store);
    secret_box_free(new);
    secret_box_free(old);
    data_folder_close(&folder);
    return ok;
}

static int run(int argc, char **argv)
{
    static const struct option_row rows[] = { { "new-key-file", .kind = OPTION_TEXT } };
    static const struct option_table options = { .rows = rows, .count = ARRAY_LEN(rows) };
    const char *key_file = NULL, *config;
    struct settings settings;
    struct error err;
    size_t count = 0;
    int status = 0;

    settings_init(&settings);
    if (!command_read_settings(argc, argv, &options, &key_file, &settings, &config, &err))
        status = command_fail(&err, EXIT_USAGE);
    if (!status && !key_file) {
        error_set(&err, ERROR_CONFIG,
                  "--new-key-file: name the file of the new key; it is made "
                  "when it is not there");
        status = command_fail(&err, EXIT_USAGE);
    }
    if (!status && !reseal(&settings, key_file, &count, &err))
        status = command_fail(&err, 1);
    if (!status)
        printf("%zu secrets are sealed by the key in %s now: set master_key_file to it, or move it "
               "to where the old one is\n",
               count, key_file);
    settings_done(&settings);
    return status;
}

const struct command command_reseal = {
    .name = "reseal",
    .arguments = "--new-key-file FILE [--data DIR] [--config FILE]",
    .help = "seal all stored secrets by another master key, while no service runs",
    .run = run,
    .has_secrets = true,
};
