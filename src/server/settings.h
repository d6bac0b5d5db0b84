/*
 * Settings of the service: defaults, then the configuration file, then environment variables
 * (LAZULI_LISTEN for `listen`), then flags (--listen). What may be set is one table,
 * settings_table.h.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "server/sandbox.h"
#include "server/settings_table.h"

struct settings {
#define TEXT(name, fallback, reloadable, help) char *name;
#define NUMBER(name, fallback, minimum, maximum, reloadable, help) uint64_t name;
#define FLAG(name, fallback, reloadable, help) bool name;
    SETTINGS(TEXT, NUMBER, FLAG)
#undef TEXT
#undef NUMBER
#undef FLAG
};

/* The defaults; the texts are the struct's own, until settings_done. */
void settings_init(struct settings *s);
void settings_done(struct settings *s);

/* Both are initialised; the texts are copied. */
void settings_copy(struct settings *to, const struct settings *from);

/* Unknown keys, wrong types and values out of range are ERROR_CONFIG with file, line and field;
 * *s is unchanged then. */
MUST_CHECK bool settings_load(struct settings *s, const char *file, struct error *err);
MUST_CHECK bool settings_from_environment(struct settings *s, struct error *err);
/* One setting from text, by its key; `-` and `_` are the same. `from` names the origin in the
 * error. Flags take true or false. An empty text means the default, here and in a file. */
MUST_CHECK bool settings_set(struct settings *s, struct str key, struct str value, const char *from,
                             struct error *err);
/* There is a setting of that name. */
bool settings_has(struct str key);
/* The setting is a FLAG: on the command line it needs no value. */
bool settings_is_flag(struct str key);

/* What concerns several settings: a certificate needs its key, and so on. */
MUST_CHECK bool settings_check(const struct settings *s, struct error *err);

/* What the words stand for; of settings that have been checked. */
enum log_level settings_log_level(const struct settings *s);
enum sandbox_mode settings_sandbox_mode(const struct settings *s);

/* Takes over the reloadable settings of `next`; the names of others that differ are appended to
 * `ignored`, separated by blanks, for the log. */
void settings_reload(struct settings *s, const struct settings *next, struct buf *ignored);

/* The text of docs/settings.md, a row a setting. */
MUST_CHECK bool settings_write_reference(struct buf *out);

/* "127.0.0.1:4270", "[::1]:80" -> host (to be freed) and port. */
MUST_CHECK bool settings_parse_listen(const char *listen, char **host, unsigned *port,
                                      struct error *err);

#endif
