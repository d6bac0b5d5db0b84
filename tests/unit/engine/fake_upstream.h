/*
 * An OpenAI-like server on a free loopback port, with threads of its own, that answers as told
 * and keeps what it was asked.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_FAKE_UPSTREAM_H
#define TEST_FAKE_UPSTREAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum fake_mode {
    FAKE_OK,       /* 200 {"from":"NAME"} */
    FAKE_STREAM,   /* 200, events with pauses in between */
    FAKE_CUT,      /* as FAKE_STREAM, closed in the middle */
    FAKE_429,      /* with retry-after-ms: 60000 */
    FAKE_BIG_429,  /* 100 KiB of body */
    FAKE_HALF_429, /* the body's second half does not come */
    FAKE_502,
    FAKE_503,
    FAKE_504,
    FAKE_404,
    FAKE_500,
    FAKE_CLOSE, /* without an answer */
    FAKE_HANG,
};

#define FAKE_CONNECTIONS_MAX 1024

struct fake_upstream {
    const char *name;
    int fd;
    unsigned port;
    pthread_t thread;
    _Atomic int mode;
    atomic_bool is_sick;       /* GET /health answers 503 */
    _Atomic unsigned requests; /* health checks not counted */
    _Atomic unsigned halves;   /* of FAKE_HALF_429's answers */
    pthread_mutex_t lock;
    char last_request[8192];
    _Atomic unsigned connection_count;
    struct {
        int fd;
        pthread_t thread;
    } connections[FAKE_CONNECTIONS_MAX];
};

void fake_upstream_start(struct fake_upstream *f, const char *name, enum fake_mode mode);
/* From now on its port refuses. */
void fake_upstream_stop(struct fake_upstream *f);

#endif
