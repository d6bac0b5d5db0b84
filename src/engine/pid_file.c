/* SPDX-License-Identifier: MIT */
#include "engine/pid_file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/un.h>
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

bool pid_file_write(const char *file, int pid, const char *socket, struct error *err)
{
    FILE *f = fopen(file, "we");
    bool ok;

    if (!f)
        return error_set(err, ERROR_IO, "cannot write %s: %s", file, strerror(errno));
    ok = fprintf(f, "%d %" PRIu64 " %d %" PRIu64 "\n%s\n", pid, started_at(pid), (int)getpid(),
                 started_at(getpid()), socket) > 0;
    ok = fclose(f) == 0 && ok;
    return ok || error_set(err, ERROR_IO, "cannot write %s: %s", file, strerror(errno));
}

struct entry {
    int pid, owner;
    uint64_t pid_started, owner_started;
    char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

static bool read_entry(const char *path, struct entry *e)
{
    FILE *f = fopen(path, "re");
    int count;

    if (!f)
        return false;
    count = fscanf(f, "%d %" SCNu64 " %d %" SCNu64 "\n%107[^\n]", &e->pid, &e->pid_started,
                   &e->owner, &e->owner_started, e->socket);
    fclose(f);
    return count == 5 && e->pid > 1 && e->owner > 1 && e->socket[0] == '/' &&
           str_ends_with(str_from(e->socket), STR(".sock"));
}

/* The socket; and its folder, when that was made for sockets only (run_folder.h). */
static void remove_socket(char *socket, const char *folder)
{
    unlink(socket);
    *strrchr(socket, '/') = '\0';
    if (strcmp(socket, folder) != 0)
        rmdir(socket);
}

unsigned pid_file_sweep(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *entry;
    unsigned count = 0;

    while (d && (entry = readdir(d))) {
        char path[PATH_MAX];
        struct entry e;

        if (!str_ends_with(str_from(entry->d_name), STR(".pid")) ||
            snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= (int)sizeof(path) ||
            !read_entry(path, &e) || started_at(e.owner) == e.owner_started)
            continue;
        if (e.pid_started && started_at(e.pid) == e.pid_started)
            count += kill(-e.pid, SIGKILL) == 0 || kill(e.pid, SIGKILL) == 0;
        unlink(path);
        remove_socket(e.socket, folder);
    }
    if (d)
        closedir(d);
    return count;
}
