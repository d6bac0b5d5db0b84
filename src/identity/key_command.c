/* SPDX-License-Identifier: MIT */
#include "identity/key_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

/* How long it takes at most until a command that is called off is ended. */
#define LOOK_MS 50

/* A command under way. */
struct run {
    const struct key_command *command;
    uint64_t deadline_us;
    pid_t child;
    bool has_ended; /* and has been waited for */
    bool is_silent;
};

static bool failed(const char *why, struct error *err)
{
    return error_set(err, ERROR_CONFIG, "Key command: %s", why);
}

/* Shall it be waited for still, as of `now_us`? */
static bool may_go_on(struct run *r, uint64_t now_us, struct error *err)
{
    const struct key_command *c = r->command;

    if (c->is_called_off && atomic_load(c->is_called_off)) {
        r->is_silent = true;
        return failed("was called off", err);
    }
    if (now_us < r->deadline_us)
        return true;
    r->is_silent = true;
    return error_set(err, ERROR_CONFIG, "Key command: took longer than %llu ms",
                     (unsigned long long)c->timeout_ms);
}

/* It leads a process group of its own and hears signals as if it were started by a shell, whatever
 * this thread and this process have of them. */
static void set_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETSIGDEF);
}

/* Its standard output goes to `out`. */
static bool start(struct run *r, int out, struct error *err)
{
    const struct key_command *c = r->command;
    char shell[] = "sh", option[] = "-c";
    char *line = memory_dup_text(c->line);
    char *arguments[] = { shell, option, line, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int rc;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    set_signals(&attributes);
    rc = posix_spawn(&r->child, "/bin/sh", &actions, &attributes, arguments, c->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(line);
    r->is_silent = rc != 0;
    r->has_ended = rc != 0;
    return rc == 0 || failed(strerror(rc), err);
}

/* Reads to the end of what the command prints; false when it takes too long or prints too much. */
static bool read_output(struct run *r, int from, char *text, size_t size, size_t *len,
                        struct error *err)
{
    struct pollfd end = { .fd = from, .events = POLLIN };

    *len = 0;
    for (;;) {
        uint64_t now = clock_monotonic_us(), left_ms;
        ssize_t n;

        if (!may_go_on(r, now, err))
            return false;
        left_ms = (r->deadline_us - now) / 1000 + 1;
        if (poll(&end, 1, left_ms < LOOK_MS ? (int)left_ms : LOOK_MS) <= 0)
            continue;
        n = read(from, text + *len, size - *len);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return failed(strerror(errno), err);
        *len += n > 0 ? (size_t)n : 0;
        if (*len == size)
            return failed("printed more than a key", err);
    }
}

static bool wait_for_exit(struct run *r, struct error *err)
{
    const struct timespec moment = { .tv_nsec = 5 * 1000 * 1000 };
    int status;
    pid_t pid;

    while ((pid = waitpid(r->child, &status, WNOHANG)) != r->child) {
        if (pid < 0 && errno != EINTR)
            return failed(strerror(errno), err);
        if (!may_go_on(r, clock_monotonic_us(), err))
            return false;
        nanosleep(&moment, NULL);
    }
    r->has_ended = true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFEXITED(status))
        return error_set(err, ERROR_CONFIG, "Key command: ended with status %d",
                         WEXITSTATUS(status));
    return error_set(err, ERROR_CONFIG, "Key command: was ended by signal %d", WTERMSIG(status));
}

/* With all that it has started, unless it has ended by itself: its number may be another's then. */
static void end(struct run *r)
{
    if (!r->has_ended && kill(-r->child, SIGKILL) == 0)
        waitpid(r->child, NULL, 0);
}

bool key_command_run(const struct key_command *c, char *text, size_t size, size_t *len,
                     bool *is_silent, struct error *err)
{
    struct run r = { .command = c, .deadline_us = clock_monotonic_us() + c->timeout_ms * 1000 };
    int ends[2];
    bool ok;

    *is_silent = true;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return failed(strerror(errno), err);
    ok = start(&r, ends[1], err);
    close(ends[1]);
    ok = ok && read_output(&r, ends[0], text, size, len, err) && wait_for_exit(&r, err);
    if (!ok)
        end(&r);
    close(ends[0]);
    *is_silent = r.is_silent;
    return ok;
}
