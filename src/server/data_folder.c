/* SPDX-License-Identifier: MIT */
#include "server/data_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* The bytes of models/tiny/lazuli-tiny.gguf, put into the program by the build. */
extern const unsigned char embedded_model[], embedded_model_end[];

/* A socket's path has at most 107 bytes (sun_path), of which an engine's name takes some. */
#define RUN_PATH_MAX 60

static char *join(const char *folder, const char *name)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    return path;
}

static bool make_folder(const char *path, struct error *err)
{
    struct stat st;

    if (mkdir(path, 0700) == 0)
        return true;
    if (errno == EEXIST && stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) || error_set(err, ERROR_IO, "%s: is no folder", path);
    return error_set(err, ERROR_IO, "%s: cannot make the folder: %s", path, strerror(errno));
}

/* Engines' sockets: in the folder, or, where its path is too long for a socket, in a folder of its
 * own below the system's one for temporary files, named by the data folder's inode. */
static bool make_run_folder(struct data_folder *f, struct error *err)
{
    struct stat st;

    f->run = join(f->path, "run");
    if (strlen(f->run) > RUN_PATH_MAX && stat(f->path, &st) == 0) {
        free(f->run);
        f->run = NULL;
        if (asprintf(&f->run, "/tmp/lazuli-%lx-%lx", (unsigned long)st.st_dev,
                     (unsigned long)st.st_ino) < 0)
            abort();
    }
    if (!make_folder(f->run, err))
        return false;
    /* not through a link: below /tmp anybody may have made it */
    if (lstat(f->run, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 077))
        return error_set(err, ERROR_IO, "%s: belongs to someone else or is open to others", f->run);
    return true;
}

static bool resolve(struct data_folder *f, const char *path, struct error *err)
{
    *f = (struct data_folder){ .lock_fd = -1 };
    f->path = realpath(path, NULL);
    if (!f->path)
        return error_set(err, ERROR_IO, "%s: %s", path, strerror(errno));
    f->database = join(f->path, "lazuli.db");
    f->master_key = join(f->path, "master.key");
    return true;
}

bool data_folder_open(struct data_folder *f, const char *path, struct error *err)
{
    char *models;
    bool ok;

    *f = (struct data_folder){ .lock_fd = -1 };
    if (!make_folder(path, err) || !resolve(f, path, err))
        return false;
    if (faccessat(AT_FDCWD, f->path, R_OK | W_OK | X_OK, AT_EACCESS) != 0)
        return error_set(err, ERROR_IO, "%s: cannot write into the folder: %s", f->path,
                         strerror(errno));
    models = join(f->path, "models");
    f->model = join(models, "lazuli-tiny.gguf");
    ok = make_folder(models, err) && make_run_folder(f, err);
    free(models);
    return ok;
}

bool data_folder_find(struct data_folder *f, const char *path, struct error *err)
{
    if (!resolve(f, path, err))
        return false;
    if (access(f->database, R_OK) == 0)
        return true;
    return error_set(err, ERROR_IO, "%s: %s", f->database, strerror(errno));
}

static bool refuse_second(const struct data_folder *f, struct error *err)
{
    char pid[32] = "";
    ssize_t len = read(f->lock_fd, pid, sizeof(pid) - 1);

    pid[len > 0 ? strcspn(pid, "\n") : 0] = '\0';
    if (*pid)
        return error_set(err, ERROR_IO, "%s: in use by the lazuli process %s", f->path, pid);
    return error_set(err, ERROR_IO,
                     "%s: in use by another lazuli process; its lazuli.pid does not name it, "
                     "probably since the disk was full",
                     f->path);
}

/* Over what is there, whose room a full disk may have for nothing else. */
static bool write_pid(int fd)
{
    char pid[32];
    int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    ssize_t written = pwrite(fd, pid, (size_t)len, 0);

    if (written >= 0 && written < len)
        errno = ENOSPC;
    return written == len && ftruncate(fd, len) == 0;
}

/* It is the lock that counts. A pid of before would be another process's. */
static bool tell_pid(const struct data_folder *f, struct error *err)
{
    int why;

    if (write_pid(f->lock_fd))
        return true;
    why = errno;
    if ((why != ENOSPC && why != EDQUOT) || ftruncate(f->lock_fd, 0) != 0)
        return error_set(err, ERROR_IO, "%s: cannot write lazuli.pid: %s", f->path, strerror(why));
    log_warn("pid_file_failed", "file=%s/lazuli.pid error=\"%s\"", f->path, strerror(why));
    return true;
}

bool data_folder_lock(struct data_folder *f, struct error *err)
{
    char *path = join(f->path, "lazuli.pid");

    f->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(path);
    if (f->lock_fd < 0)
        return error_set(err, ERROR_IO, "%s: cannot write there: %s", f->path, strerror(errno));
    if (flock(f->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return refuse_second(f, err);
    return tell_pid(f, err);
}

char *data_folder_make_below(const struct data_folder *f, const char *name, struct error *err)
{
    char *path = join(f->path, name);

    if (make_folder(path, err))
        return path;
    free(path);
    return NULL;
}

static bool write_whole(const char *path, struct str bytes, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t done = 0;

    while (fd >= 0 && done < bytes.len) {
        ssize_t n = write(fd, bytes.data + done, bytes.len - done);

        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    if (fd < 0 || done < bytes.len || fsync(fd) != 0) {
        error_set(err, ERROR_IO, "%s: cannot write the file: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    return true;
}

bool data_folder_write(const char *path, struct str bytes, struct error *err)
{
    char *part = NULL;
    bool ok;

    if (asprintf(&part, "%s.part", path) < 0)
        abort();
    ok = write_whole(part, bytes, err);
    if (ok && rename(part, path) != 0)
        ok = error_set(err, ERROR_IO, "%s: %s", path, strerror(errno));
    free(part);
    return ok;
}

/* Nobody reads it in the program once it is a file: whole pages of it need not stay resident. */
static void forget_pages(struct str bytes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = ((uintptr_t)bytes.data + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)bytes.data + bytes.len) / page * page;

    if (end > start)
        madvise((void *)start, end - start, MADV_DONTNEED);
}

bool data_folder_unpack_model(const struct data_folder *f, struct error *err)
{
    struct str model =
        str_of((const char *)embedded_model, (size_t)(embedded_model_end - embedded_model));
    struct stat st;
    bool ok;

    if (stat(f->model, &st) == 0 && (size_t)st.st_size == model.len)
        return true;
    ok = data_folder_write(f->model, model, err);
    forget_pages(model);
    return ok;
}

void data_folder_close(struct data_folder *f)
{
    if (f->lock_fd >= 0)
        close(f->lock_fd);
    free(f->path);
    free(f->database);
    free(f->master_key);
    free(f->run);
    free(f->model);
    *f = (struct data_folder){ .lock_fd = -1 };
}
