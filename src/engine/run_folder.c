/* SPDX-License-Identifier: MIT */
#include "engine/run_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "engine/pid_file.h"

bool run_folder_open(struct run_folder *f, const char *wanted, unsigned *ended, struct error *err)
{
    char temporary[] = "/tmp/lazuli-XXXXXX";
    struct stat found;

    *f = (struct run_folder){ 0 };
    if (mkdir(wanted, 0700) && errno != EEXIST)
        return error_set(err, ERROR_IO, "cannot make the folder %s: %s", wanted, strerror(errno));
    if (stat(wanted, &found) == 0 && !S_ISDIR(found.st_mode))
        return error_set(err, ERROR_IO, "%s is not a folder", wanted);
    f->path = realpath(wanted, NULL);
    if (!f->path)
        return error_set(err, ERROR_IO, "cannot use the folder %s: %s", wanted, strerror(errno));
    *ended = pid_file_sweep(f->path);
    if (strlen(f->path) + 1 + RUN_FOLDER_NAME_MAX <
        sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        f->sockets = memory_dup_text(f->path);
        return true;
    }
    if (!mkdtemp(temporary)) {
        run_folder_close(f);
        return error_set(err, ERROR_IO, "cannot make a folder in /tmp: %s", strerror(errno));
    }
    f->sockets = memory_dup_text(temporary);
    return true;
}

void run_folder_close(struct run_folder *f)
{
    if (f->sockets && strcmp(f->sockets, f->path) != 0)
        rmdir(f->sockets);
    free(f->sockets);
    free(f->path);
    *f = (struct run_folder){ 0 };
}
