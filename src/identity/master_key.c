/* SPDX-License-Identifier: MIT */
#include "identity/master_key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/memory.h"
#include "base/random.h"

/* A key is 44 characters and a line end; more than this is something else. */
#define TEXT_MAX 256
#define COMMAND_SECONDS 30

/* The text's 32 bytes; false when it holds anything else. */
static bool parse_key(struct str text, uint8_t key[MASTER_KEY_BYTES])
{
    struct arena *a = arena_new(NULL);
    struct str bytes = STR_NONE;
    bool ok;

    while (text.len && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
        text.len--;
    ok = format_parse_base64(a, text, &bytes);
    if (ok && bytes.len == MASTER_KEY_BYTES)
        memcpy(key, bytes.data, MASTER_KEY_BYTES);
    else
        ok = false;
    if (bytes.len)
        explicit_bzero((char *)(uintptr_t)bytes.data, bytes.len);
    arena_free(a);
    return ok;
}

/* -- From a file --------------------------------------------------------------------------- */

static bool file_failed(const char *path, const char *doing, struct error *err)
{
    return error_set(err, ERROR_CONFIG, "Key file '%s': cannot %s: %s", path, doing,
                     strerror(errno));
}

static bool write_key(int fd)
{
    uint8_t key[MASTER_KEY_BYTES];
    struct arena *a = arena_new(NULL);
    struct str text;
    bool ok;

    random_bytes(key, sizeof(key));
    text = format_base64(a, key, sizeof(key));
    ok = write(fd, text.data, text.len) == (ssize_t)text.len && write(fd, "\n", 1) == 1 &&
         fsync(fd) == 0;
    explicit_bzero((char *)(uintptr_t)text.data, text.len);
    explicit_bzero(key, sizeof(key));
    arena_free(a);
    return ok;
}

/* The name in the folder must be on disk before anything is sealed with the key. */
static bool sync_folder(const char *path)
{
    char *copy = memory_dup_text(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    free(copy);
    return ok;
}

/* A crash on the way leaves a file that is refused, and nothing that was sealed with it. */
static bool make_file(const char *path, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    bool ok;

    if (fd < 0)
        return file_failed(path, "make it", err);
    ok = write_key(fd) && sync_folder(path);
    if (!ok) {
        file_failed(path, "write it", err);
        unlink(path);
    }
    close(fd);
    return ok;
}

static bool read_file(int fd, const char *path, uint8_t key[MASTER_KEY_BYTES], struct error *err)
{
    char text[TEXT_MAX];
    struct stat st;
    ssize_t len;
    bool ok;

    if (fstat(fd, &st) != 0)
        return file_failed(path, "look at it", err);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_CONFIG, "Key file '%s': is not a regular file", path);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return error_set(err, ERROR_CONFIG,
                         "Key file '%s': has mode %04o, others than its owner may use it; "
                         "set it to 0600",
                         path, (unsigned)(st.st_mode & 07777));
    len = read(fd, text, sizeof(text));
    if (len < 0)
        return file_failed(path, "read it", err);
    ok = parse_key(str_of(text, (size_t)len), key) ||
         error_set(err, ERROR_CONFIG, "Key file '%s': does not hold 32 bytes as base64", path);
    explicit_bzero(text, sizeof(text));
    return ok;
}

bool master_key_from_file(const char *path, bool create, uint8_t key[MASTER_KEY_BYTES],
                          struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would keep us waiting */
    bool ok;

    if (fd < 0 && errno == ENOENT && create) {
        if (!make_file(path, err))
            return false;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    }
    if (fd < 0)
        return file_failed(path, "open it", err);
    ok = read_file(fd, path, key, err);
    close(fd);
    return ok;
}

/* -- From a command ------------------------------------------------------------------------ */

static bool command_failed(const char *why, struct error *err)
{
    return error_set(err, ERROR_CONFIG, "Key command: %s", why);
}

/* Its standard output goes to `out`; it leads a process group of its own, and its standard error
 * is ours, so that the operator sees what it complains of. */
static bool start_command(const char *command, int out, pid_t *child, struct error *err)
{
    char shell[] = "sh", option[] = "-c";
    char *text = memory_dup_text(command);
    char *arguments[] = { shell, option, text, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int rc;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    rc = posix_spawn(child, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(text);
    return rc == 0 || command_failed(strerror(rc), err);
}

/* Reads to the end of what the command prints; false when it takes too long or prints too much. */
static bool read_output(int from, uint64_t deadline_us, char *text, size_t size, size_t *len,
                        struct error *err)
{
    struct pollfd end = { .fd = from, .events = POLLIN };

    *len = 0;
    for (;;) {
        uint64_t now = clock_monotonic_us();
        ssize_t n;

        if (now >= deadline_us)
            return command_failed("took longer than 30 s", err);
        if (poll(&end, 1, (int)((deadline_us - now) / 1000 + 1)) <= 0)
            continue;
        n = read(from, text + *len, size - *len);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return command_failed(strerror(errno), err);
        *len += n > 0 ? (size_t)n : 0;
        if (*len == size)
            return command_failed("printed more than a key", err);
    }
}

static bool wait_for_exit(pid_t child, uint64_t deadline_us, struct error *err)
{
    const struct timespec moment = { .tv_nsec = 5 * 1000 * 1000 };
    int status;
    pid_t pid;

    while ((pid = waitpid(child, &status, WNOHANG)) != child) {
        if (pid < 0 && errno != EINTR)
            return command_failed(strerror(errno), err);
        if (clock_monotonic_us() >= deadline_us)
            return command_failed("took longer than 30 s", err);
        nanosleep(&moment, NULL);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFEXITED(status))
        return error_set(err, ERROR_CONFIG, "Key command: ended with status %d",
                         WEXITSTATUS(status));
    return error_set(err, ERROR_CONFIG, "Key command: was ended by signal %d", WTERMSIG(status));
}

bool master_key_from_command(const char *command, uint8_t key[MASTER_KEY_BYTES], struct error *err)
{
    uint64_t deadline_us = clock_monotonic_us() + COMMAND_SECONDS * 1000000u;
    char text[TEXT_MAX];
    size_t len = 0;
    int ends[2];
    pid_t child;
    bool ok;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return command_failed(strerror(errno), err);
    ok = start_command(command, ends[1], &child, err);
    close(ends[1]);
    if (ok) {
        ok = read_output(ends[0], deadline_us, text, sizeof(text), &len, err) &&
             wait_for_exit(child, deadline_us, err);
        if (!ok && kill(-child, SIGKILL) == 0)
            waitpid(child, NULL, 0);
    }
    close(ends[0]);
    if (ok)
        ok = parse_key(str_of(text, len), key) ||
             command_failed("did not print 32 bytes as base64", err);
    explicit_bzero(text, sizeof(text));
    return ok;
}
