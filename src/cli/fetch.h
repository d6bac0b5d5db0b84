/*
 * One GET of a service, for commands: waits until the whole answer is there.
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_FETCH_H
#define CLI_FETCH_H

#include "base/arena.h"
#include "base/error.h"

struct fetch_request {
    struct str endpoint; /* "http://HOST:PORT", also https:// and with a path */
    const char *ca_file; /* that vouches for an https one; NULL: the system's */
    struct str path;     /* behind the endpoint's */
    struct str header;   /* one line without its end: "api-key: ..." */
};

struct fetch_answer {
    int status;
    struct str body;
};

/* ERROR_CONFIG for an endpoint that is none, ERROR_IO when no whole answer came. */
MUST_CHECK bool fetch(struct arena *a, const struct fetch_request *request,
                      struct fetch_answer *answer, struct error *err);

#endif
