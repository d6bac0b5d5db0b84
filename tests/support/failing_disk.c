/*
 * Preloaded into the service: whatever is to be written below the folder that FAILING_FOLDER names
 * fails with the error number that the first four bytes of the file FAILING_FILE say, at any time,
 * unless that is 0. It is for where no file system can be mounted that is full or read-only. Of a
 * full one (ENOSPC) files can still be opened, cut and removed; of a read-only one (EROFS) they can
 * be read. Descriptors are known by their files' paths when they were opened; with FAILING_LOG not
 * empty, standard error is one of them.
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES_MAX 4096

static const volatile int32_t *failure;
static const char *folder;
static _Atomic bool is_below[FILES_MAX];

__attribute__((constructor)) static void open_failure(void)
{
    const char *path = getenv("FAILING_FILE");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd == -1 ? MAP_FAILED : mmap(NULL, sizeof(*failure), PROT_READ, MAP_SHARED, fd, 0);

    folder = getenv("FAILING_FOLDER");
    is_below[STDERR_FILENO] = getenv("FAILING_LOG") && *getenv("FAILING_LOG");
    if (at == MAP_FAILED || !folder) {
        fprintf(stderr, "failing_disk: cannot read FAILING_FILE, or there is no FAILING_FOLDER\n");
        abort();
    }
    syscall(SYS_close, fd);
    failure = at;
}

/* Of an absolute path: all of lazuli's are. */
static bool is_path_below(const char *path)
{
    size_t len = folder ? strlen(folder) : 0;

    return len && strncmp(path, folder, len) == 0 && (path[len] == '/' || !path[len]);
}

static bool fails(bool concerned, bool only_read_only)
{
    int number = concerned && failure ? *failure : 0;

    if (!number || (only_read_only && number != EROFS))
        return false;
    errno = number;
    return true;
}

static bool is_file_below(int fd)
{
    return fd >= 0 && fd < FILES_MAX && is_below[fd];
}

static int open_below(int at, const char *path, int flags, mode_t mode)
{
    bool concerned = is_path_below(path), writes = (flags & O_ACCMODE) != O_RDONLY;
    int fd;

    if (fails(concerned && (writes || (flags & O_CREAT)), true) ||
        (concerned && (flags & O_CREAT) && syscall(SYS_faccessat, at, path, F_OK) != 0 &&
         fails(true, false)))
        return -1;
    fd = (int)syscall(SYS_openat, at, path, flags, mode);
    if (fd >= 0 && fd < FILES_MAX)
        is_below[fd] = concerned && writes;
    return fd;
}

/* O_TMPFILE has the bit of O_DIRECTORY, which comes without a mode. */
static bool has_mode(int flags)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

#define OPEN(at, path, flags)                          \
    va_list more;                                      \
    mode_t mode;                                       \
                                                       \
    va_start(more, flags);                             \
    mode = has_mode(flags) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                      \
    return open_below(at, path, flags, mode)

int open(const char *path, int flags, ...)
{
    OPEN(AT_FDCWD, path, flags);
}

int open64(const char *path, int flags, ...)
{
    OPEN(AT_FDCWD, path, flags);
}

int openat(int at, const char *path, int flags, ...)
{
    OPEN(at, path, flags);
}

/* The C library's own calls within a stream are not seen here: of what opens for writing, the opening
 * fails. */
static FILE *stream_below(const char *function, const char *path, const char *mode)
{
    FILE *(*next)(const char *, const char *) =
        (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, function);

    return fails(*mode != 'r' && is_path_below(path), false) ? NULL : next(path, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    return stream_below("fopen", path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    return stream_below("fopen64", path, mode);
}

int close(int fd)
{
    if (fd >= 0 && fd < FILES_MAX)
        is_below[fd] = false;
    return (int)syscall(SYS_close, fd);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    return fails(is_file_below(fd), false) ? -1 : syscall(SYS_write, fd, bytes, len);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return fails(is_file_below(fd), false) ? -1 : syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    return pwrite(fd, bytes, len, at);
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
    return fails(is_file_below(fd), false) ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, len);
}

int posix_fallocate(int fd, off_t at, off_t len)
{
    return fallocate(fd, 0, at, len) ? errno : 0;
}

int ftruncate(int fd, off_t len)
{
    return fails(is_file_below(fd), true) ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate64(int fd, off64_t len)
{
    return ftruncate(fd, len);
}

int mkdir(const char *path, mode_t mode)
{
    return fails(is_path_below(path) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0, false)
               ? -1
               : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int rename(const char *from, const char *to)
{
    return fails(is_path_below(to), true)
               ? -1
               : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
    return fails(is_path_below(path), true) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int faccessat(int at, const char *path, int mode, int flags)
{
    if (mode & W_OK && fails(is_path_below(path), true))
        return -1;
    return (int)syscall(SYS_faccessat2, at, path, mode, flags);
}

int access(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, 0);
}
