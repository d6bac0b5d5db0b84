/* SPDX-License-Identifier: MIT */
#include "engine/pid_file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define STAT_BYTES_MAX 1024

/* When the process started, in clock ticks since the machine did (proc(5), field 22 of stat);
 * 0 when there is none, or only its remains (state Z). */
static uint64_t started_at(int pid)
{
    char path[64], text[STAT_BYTES_MAX], state;
    uint64_t started = 0;
    const char *rest;
    size_t len;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    f = fopen(path, "re");
    if (!f)
        return 0;
    len = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[len] = '\0';
    rest = strrchr(text, ')'); /* the name before it may hold anything */
    if (!rest ||
        sscanf(rest,
               ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
               "%*s %" SCNu64,
               &state, &started) != 2 ||
        state == 'Z')
        return 0;
    return started;
}

bool pid_file_write(const char *file, int pid, struct error *err)
{
    FILE *f = fopen(file, "we");
    bool ok;

    if (!f)
        return error_set(err, ERROR_IO, "cannot write %s: %s", file, strerror(errno));
    ok = fprintf(f, "%d %" PRIu64 " %d %" PRIu64 "\n", pid, started_at(pid), (int)getpid(),
                 started_at(getpid())) > 0;
    ok = fclose(f) == 0 && ok;
    return ok || error_set(err, ERROR_IO, "cannot write %s: %s", file, strerror(errno));
}

/* True when the file is one of ours and nobody's any more; *ended says whether a process was. */
static bool sweep_file(const char *path, bool *ended)
{
    int pid, owner;
    uint64_t pid_started, owner_started;
    FILE *f = fopen(path, "re");
    int count;

    *ended = false;
    if (!f)
        return false;
    count = fscanf(f, "%d %" SCNu64 " %d %" SCNu64, &pid, &pid_started, &owner, &owner_started);
    fclose(f);
    if (count != 4 || pid <= 1 || owner <= 1 || started_at(owner) == owner_started)
        return false;
    if (pid_started && started_at(pid) == pid_started)
        *ended = kill(-pid, SIGKILL) == 0 || kill(pid, SIGKILL) == 0;
    return true;
}

unsigned pid_file_sweep(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *entry;
    unsigned count = 0;

    while (d && (entry = readdir(d))) {
        struct str name = str_from(entry->d_name);
        char path[PATH_MAX];
        bool ended;

        if (!str_ends_with(name, STR(".pid")) ||
            snprintf(path, sizeof(path) - 8, "%s/%s", folder, entry->d_name) >=
                (int)sizeof(path) - 8 ||
            !sweep_file(path, &ended))
            continue;
        count += ended;
        unlink(path);
        snprintf(path, sizeof(path), "%s/%.*s.sock", folder, (int)name.len - 4, name.data);
        unlink(path);
    }
    if (d)
        closedir(d);
    return count;
}
