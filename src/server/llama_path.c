/* SPDX-License-Identifier: MIT */
#include "server/llama_path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"
#include "server/program_path.h"

/* From build/lazuli, and from build/KIND/lazuli. */
static const char *const beside[] = {
    "/../.deps/llama/llama-server",
    "/../../.deps/llama/llama-server",
};

static char *if_executable(const char *path)
{
    return access(path, X_OK) == 0 ? memory_dup_text(path) : NULL;
}

static char *beside_program(void)
{
    char program[PATH_MAX / 2], path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    char *found = NULL;

    while (len > 0 && program[len - 1] != '/')
        len--;
    if (len <= 0)
        return NULL;
    program[len - 1] = '\0';
    for (size_t i = 0; !found && i < ARRAY_LEN(beside); i++) {
        snprintf(path, sizeof(path), "%s%s", program, beside[i]);
        found = if_executable(path);
    }
    return found;
}

char *llama_path_find(const char *configured)
{
    char *found;

    if (configured)
        return memory_dup_text(configured);
    found = program_path_find("llama-server");
    return found ? found : beside_program();
}
