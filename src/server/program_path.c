/* SPDX-License-Identifier: MIT */
#include "server/program_path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"

static bool is_program(const char *path)
{
    struct stat st;

    return access(path, X_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

char *program_path_find(const char *name)
{
    struct str rest = str_from(getenv("PATH")), folder;
    char path[PATH_MAX];

    while (str_split(&rest, ':', &folder)) {
        if (snprintf(path, sizeof(path), "%.*s/%s", STR_ARGS(folder), name) < (int)sizeof(path) &&
            is_program(path))
            return memory_dup_text(path);
    }
    return NULL;
}
