/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(int fd, int number, const char *reason, const char **why)
{
    if (fd >= 0)
        close(fd);
    errno = number;
    *why = reason;
    return -1;
}

int file_open_up_to(const char *path, size_t max, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0)
        return refuse(fd, errno, strerror(errno), why);
    if (S_ISDIR(st.st_mode))
        return refuse(fd, EISDIR, strerror(EISDIR), why);
    if (!S_ISREG(st.st_mode))
        return refuse(fd, EINVAL, "it is not a regular file", why);
    if ((uint64_t)st.st_size > max)
        return refuse(fd, EFBIG, "it is too large", why);
    return fd;
}

int file_open(const char *path, const char **why)
{
    return file_open_up_to(path, SIZE_MAX, why);
}

ssize_t file_read(int fd, char *out, size_t max)
{
    size_t len = 0;

    while (len < max) {
        ssize_t n = read(fd, out + len, max - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

const char *file_why_not(const char *path, size_t max)
{
    const char *why = NULL;
    int fd = file_open_up_to(path, max, &why);

    if (fd >= 0)
        close(fd);
    return why;
}
