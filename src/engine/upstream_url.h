/*
 * The base URL of an upstream's address:
 *
 *   https://host/v1                     also http://, with :PORT, with [IPv6]
 *   http+unix:///path/to.sock:/v1       HTTP over a Unix socket
 *
 * Pure.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_UPSTREAM_URL_H
#define ENGINE_UPSTREAM_URL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

struct upstream_url {
    bool is_tls;
    const char *unix_path; /* NULL: host and port */
    const char *host;      /* without brackets */
    unsigned port;
    struct str authority; /* for the Host header */
    struct str path;      /* "" or "/v1": without a slash at its end */
};

/* Texts are copied into the arena. ERROR_CONFIG says what is wrong. */
MUST_CHECK bool upstream_url_parse(struct arena *a, struct str url, struct upstream_url *parsed,
                                   struct error *err);

#endif
