/* SPDX-License-Identifier: MIT */
#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/lazuli-fuzz-XXXXXX";
static char database[sizeof(folder) + 8], key[sizeof(folder) + 8];

static void remove_folder(void)
{
    static const char *const names[] = { "db", "db-wal", "db-shm", "key" };
    char path[sizeof(folder) + 8];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

bool folder_make(void)
{
    if (!mkdtemp(folder) || atexit(remove_folder))
        return false;
    snprintf(database, sizeof(database), "%s/db", folder);
    snprintf(key, sizeof(key), "%s/key", folder);
    return true;
}

const char *folder_database(void)
{
    return database;
}

const char *folder_key(void)
{
    return key;
}
