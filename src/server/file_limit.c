/* SPDX-License-Identifier: MIT */
#include "server/file_limit.h"

#include <stdbool.h>
#include <sys/resource.h>

#include "base/log.h"

/* Besides connections: loops, the store, the log, sockets and pipes of engines. */
#define OTHER_FILES 512

static bool set(rlim_t soft, rlim_t hard)
{
    return setrlimit(RLIMIT_NOFILE, &(struct rlimit){ soft, hard }) == 0;
}

void file_limit_raise(unsigned long connections)
{
    rlim_t wanted = 2 * (rlim_t)connections + OTHER_FILES;
    struct rlimit now;

    if (getrlimit(RLIMIT_NOFILE, &now) || now.rlim_cur >= wanted)
        return;
    if (now.rlim_max >= wanted ? set(wanted, now.rlim_max) : set(wanted, wanted))
        return;
    if (!set(now.rlim_max, now.rlim_max))
        now.rlim_max = now.rlim_cur;
    log_warn("open_files_limited",
             "files=%llu wanted=%llu advice=\"raise the limit of open files (ulimit -Hn, or "
             "LimitNOFILE of systemd), or lower connections_max\"",
             (unsigned long long)now.rlim_max, (unsigned long long)wanted);
}
