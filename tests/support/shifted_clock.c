/*
 * Preloaded into the service: the wall clock shows as many seconds more as the file that SHIFT_FILE
 * names says in its first eight bytes, at any time. Clocks that never go back are left alone, as
 * they are by whoever sets a machine's clock. (libfaketime hangs beside AddressSanitizer.)
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift_s;

__attribute__((constructor)) static void open_shift(void)
{
    const char *path = getenv("SHIFT_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd == -1 ? MAP_FAILED : mmap(NULL, sizeof(*shift_s), PROT_READ, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED) {
        fprintf(stderr, "shifted_clock: cannot read SHIFT_FILE\n");
        abort();
    }
    close(fd);
    shift_s = at;
}

static void read_wall(struct timespec *t)
{
    syscall(SYS_clock_gettime, CLOCK_REALTIME, t);
    if (shift_s)
        t->tv_sec += *shift_s;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, id, t);
    read_wall(t);
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec t;

    (void)zone;
    read_wall(&t);
    *now = (struct timeval){ t.tv_sec, t.tv_nsec / 1000 };
    return 0;
}

time_t time(time_t *now)
{
    struct timespec t;

    read_wall(&t);
    if (now)
        *now = t.tv_sec;
    return t.tv_sec;
}
