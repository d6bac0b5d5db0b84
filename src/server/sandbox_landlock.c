/*
 * Files are written in few places; all others are read at most.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/sandbox_parts.h"

/* Younger than the headers of some that build this. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

#define WRITING                                                                                    \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* What a file can be allowed, as a folder's files can. */
#define WRITING_FILES (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)

/* Patterns: sockets of engines whose data folder has a long path; memory that processes share; what
 * every program has; graphics cards and the like, by the names of their drivers. Of the rest of /dev
 * root could write to disks, and of /proc change the whole machine. */
static const char *const places[] = {
    "/tmp",         "/dev/shm",        "/dev/hugepages", "/dev/null",     "/dev/zero",
    "/dev/full",    "/dev/random",     "/dev/urandom",   "/dev/tty",      "/dev/nvidia*",
    "/dev/nvgpu",   "/dev/nvhost*",    "/dev/nvmap",     "/dev/dri",      "/dev/kfd",
    "/dev/accel",   "/dev/dxg",        "/dev/mali*",     "/dev/davinci*", "/dev/dma_heap",
    "/dev/udmabuf", "/dev/infiniband",
};

/* What drivers of graphics cards keep from start to start: in folders that these variables name,
 * or below the user's own. */
static const char *const variables[] = { "TMPDIR", "XDG_CACHE_HOME", "CUDA_CACHE_PATH" };
static const char *const own_folders[] = { ".cache", ".nv" };

/* What may be asked for depends on how new the kernel is. */
static uint64_t rights_of(long version)
{
    return WRITING | (version >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) |
           (version >= 3 ? LANDLOCK_ACCESS_FS_TRUNCATE : 0);
}

/* What is not there is nothing to write to. */
static bool allow(int rules, uint64_t rights, const char *path)
{
    struct landlock_path_beneath_attr rule = { .allowed_access = rights };
    struct stat st;
    bool ok;

    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return true;
    if (fstat(rule.parent_fd, &st) || !S_ISDIR(st.st_mode))
        rule.allowed_access &= WRITING_FILES;
    ok = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    close(rule.parent_fd);
    return ok;
}

static bool allow_each(int rules, uint64_t rights, const char *pattern)
{
    glob_t found;
    bool ok = true;

    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return true;
    for (size_t i = 0; i < found.gl_pathc; i++)
        ok = ok && allow(rules, rights, found.gl_pathv[i]);
    globfree(&found);
    return ok;
}

static bool allow_own(int rules, uint64_t rights, const char *home, const char *name)
{
    char *folder;
    bool ok;

    if (!home || *home != '/')
        return true;
    if (asprintf(&folder, "%s/%s", home, name) < 0)
        abort(); /* out of memory */
    ok = allow(rules, rights, folder);
    free(folder);
    return ok;
}

static bool allow_all(int rules, uint64_t rights, const char *data)
{
    bool ok = allow(rules, rights, data);

    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        ok = ok && allow_each(rules, rights, places[i]);
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        const char *folder = getenv(variables[i]);

        ok = ok && (!folder || allow(rules, rights, folder));
    }
    for (size_t i = 0; i < ARRAY_LEN(own_folders); i++)
        ok = ok && allow_own(rules, rights, getenv("HOME"), own_folders[i]);
    return ok;
}

bool sandbox_restrict_writes(const char *data)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct landlock_ruleset_attr attributes = { .handled_access_fs = rights_of(version) };
    int rules = -1, why;
    bool ok;

    if (version > 0)
        rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
    if (rules < 0)
        return false;
    ok = allow_all(rules, attributes.handled_access_fs, data) &&
         syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    why = errno;
    close(rules);
    errno = why;
    return ok;
}
