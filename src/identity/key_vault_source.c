/* SPDX-License-Identifier: MIT */
#include "identity/key_vault_source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/memory.h"
#include "identity/key_command.h"

#define SCHEME STR("https://")
#define CURRENT "current"
#define VARIABLE_PREFIX "KEY_VAULT_"
#define VARIABLES 3

/* -- Names ------------------------------------------------------------------------------------ */

bool key_reference_is_name(struct str s)
{
    return s.len >= 1 && s.len <= KEY_VAULT_NAME_MAX && str_is_alnum_or(s, "-");
}

/* It begins with a letter or digit, so that it is no step of a path. */
struct str key_reference_vault(struct arena *a, struct str uri)
{
    struct str host;

    if (!str_starts_with_nocase(uri, SCHEME))
        return STR_NONE;
    host = str_slice(uri, SCHEME.len, SIZE_MAX);
    if (str_ends_with(host, STR("/")))
        host.len--;
    if (!host.len || host.len > KEY_VAULT_HOST_MAX || strchr("-.", host.data[0]) ||
        !str_is_alnum_or(host, "-."))
        return STR_NONE;
    return arena_lower(a, host);
}

/* -- Files ------------------------------------------------------------------------------------ */

static bool path_of(const struct key_vault_source *s, const struct key_reference *r,
                    struct str file, char path[PATH_MAX], struct error *err)
{
    int len = snprintf(path, PATH_MAX, "%s/%.*s/%.*s/%.*s", s->folder, STR_ARGS(r->vault),
                       STR_ARGS(r->name), STR_ARGS(file));

    return len < PATH_MAX || error_set(err, ERROR_CONFIG, "Key file: its path is too long");
}

/* The file's first line, which names the newest version. */
static bool read_current(const struct key_vault_source *s, const struct key_reference *r,
                         char version[KEY_VAULT_NAME_MAX + 1], struct error *err)
{
    char path[PATH_MAX], text[KEY_VAULT_NAME_MAX + 2];
    struct str name;
    ssize_t len;
    int fd;

    if (!path_of(s, r, STR(CURRENT), path, err))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would keep us waiting */
    len = fd < 0 ? -1 : read(fd, text, sizeof(text));
    if (len < 0)
        error_set(err, ERROR_CONFIG, "Key file '%s': %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (len < 0)
        return false;
    name = str_of(text, (size_t)len);
    name = str_slice(name, 0, str_find_char(name, '\n'));
    if (!key_reference_is_name(name))
        return error_set(err, ERROR_CONFIG, "Key file '%s': does not name a version", path);
    memcpy(version, name.data, name.len);
    version[name.len] = '\0';
    return true;
}

static bool get_from_file(const struct key_vault_source *s, const struct key_reference *r,
                          struct vault_key *key, struct error *err)
{
    char path[PATH_MAX];

    if (str_equal(r->version, STR(CURRENT)))
        return error_set(err, ERROR_CONFIG, "Key file: no version is called '" CURRENT "'");
    if (str_is_empty(r->version) && !read_current(s, r, key->version, err))
        return false;
    return path_of(s, r, str_from(key->version), path, err) &&
           master_key_from_file(path, false, key->bytes, err);
}

/* -- A command -------------------------------------------------------------------------------- */

/* Ours, but for what it may have had of the same names, and these. */
static char **environment_with(struct arena *a, const struct key_reference *r)
{
    size_t count = 0, n = VARIABLES;
    char **list;

    while (environ[count])
        count++;
    list = ARENA_ARRAY(a, char *, count + VARIABLES + 1);
    list[0] =
        arena_text(a, arena_printf(a, VARIABLE_PREFIX "URI=https://%.*s/", STR_ARGS(r->vault)));
    list[1] = arena_text(a, arena_printf(a, VARIABLE_PREFIX "KEY=%.*s", STR_ARGS(r->name)));
    list[2] = arena_text(a, arena_printf(a, VARIABLE_PREFIX "VERSION=%.*s", STR_ARGS(r->version)));
    for (size_t i = 0; i < count; i++) {
        if (!str_starts_with(str_from(environ[i]), STR(VARIABLE_PREFIX)))
            list[n++] = environ[i];
    }
    return list;
}

/* "[VERSION ]BASE64" and a line end. */
static bool parse_output(struct str text, struct vault_key *key, struct error *err)
{
    size_t blank = str_find_char(text, ' ');
    struct str version;

    if (blank != SIZE_MAX) {
        version = str_slice(text, 0, blank);
        text = str_slice(text, blank + 1, SIZE_MAX);
        if (!key_reference_is_name(version) ||
            (key->version[0] && !str_equal(version, str_from(key->version))))
            return error_set(err, ERROR_CONFIG, "Key command: printed another version's name");
        memcpy(key->version, version.data, version.len);
        key->version[version.len] = '\0';
    }
    if (!key->version[0])
        return error_set(err, ERROR_CONFIG,
                         "Key command: did not print the newest version's name before the key");
    return master_key_parse(text, key->bytes) ||
           error_set(err, ERROR_CONFIG, "Key command: did not print 32 bytes as base64");
}

static bool get_from_command(const struct key_vault_source *s, const struct key_reference *r,
                             struct vault_key *key, bool *is_silent, struct error *err)
{
    char text[KEY_VAULT_NAME_MAX + 1 + MASTER_KEY_TEXT_MAX];
    struct arena *a = arena_new(NULL);
    struct key_command command = { s->command, environment_with(a, r), s->timeout_ms,
                                   s->is_called_off };
    size_t len = 0;
    bool ok = key_command_run(&command, text, sizeof(text), &len, is_silent, err) &&
              parse_output(str_of(text, len), key, err);

    explicit_bzero(text, sizeof(text));
    arena_free(a);
    return ok;
}

bool key_vault_source_get(const struct key_vault_source *s, const struct key_reference *r,
                          struct vault_key *key, bool *is_silent, struct error *err)
{
    assert(r->version.len <= KEY_VAULT_NAME_MAX);
    memset(key, 0, sizeof(*key));
    *is_silent = false;
    if (r->version.len)
        memcpy(key->version, r->version.data, r->version.len);
    if (s->command)
        return get_from_command(s, r, key, is_silent, err);
    if (s->folder)
        return get_from_file(s, r, key, err);
    return error_set(err, ERROR_CONFIG, "neither vault_key_folder nor vault_key_command is set");
}
