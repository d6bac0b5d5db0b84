/*
 * URLs: those that operators write for whom lazuli calls,
 *
 *   https://host/v1                     also http://, with :PORT, with [IPv6]
 *   http+unix:///path/to.sock:/v1       HTTP over a Unix socket
 *
 * and parts of those that others say. Pure.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_URL_H
#define NET_URL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

struct url {
    bool is_tls;
    const char *unix_path; /* NULL: host and port */
    const char *host;      /* without brackets */
    unsigned port;
    struct str authority; /* for the Host header */
    struct str path;      /* "" or "/v1": without a slash at its end */
};

/* A base URL: without user, query and fragment. Texts are copied into the arena. *why ends a sentence that
 * begins with what the URL is for. */
MUST_CHECK bool url_parse(struct arena *a, struct str text, struct url *parsed, const char **why);

/* "user@host:port" out of "https://user@host:port/path"; a URL without a scheme begins with it. */
struct str url_authority(struct str url);

struct url_parts {
    struct str user; /* empty: none */
    struct str host; /* an IPv6 address in its brackets */
    int port;        /* -1: none */
};
/* The parts of its authority: a host is there, and what follows it is a port or nothing. */
MUST_CHECK bool url_split(struct str url, struct url_parts *parts, const char **why);

/* The host alone, an IPv6 address in its brackets: "[::1]" out of "http://[::1]:80/". Empty: see url_split. */
struct str url_host(struct str url);
/* As it is connected to, or stands in a certificate: "::1" for "[::1]". */
struct str url_bare_host(struct str host);

#endif
