/* SPDX-License-Identifier: MIT */
#include "identity/master_key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/format.h"
#include "base/memory.h"
#include "base/random.h"
#include "identity/key_command.h"

#define COMMAND_TIMEOUT_MS 30000

bool master_key_parse(struct str text, uint8_t key[MASTER_KEY_BYTES])
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
    char text[MASTER_KEY_TEXT_MAX];
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
    ok = master_key_parse(str_of(text, (size_t)len), key) ||
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

bool master_key_from_command(const char *command, uint8_t key[MASTER_KEY_BYTES], struct error *err)
{
    const struct key_command c = { command, environ, COMMAND_TIMEOUT_MS, NULL };
    char text[MASTER_KEY_TEXT_MAX];
    size_t len = 0;
    bool is_silent, ok = key_command_run(&c, text, sizeof(text), &len, &is_silent, err);

    if (ok)
        ok = master_key_parse(str_of(text, len), key) ||
             error_set(err, ERROR_CONFIG, "Key command: did not print 32 bytes as base64");
    explicit_bzero(text, sizeof(text));
    return ok;
}
