/*
 * The data plane's neighbours without sockets: an HTTP request whose reply is looked at, in the
 * place of net/http_reply.c, and engine calls that the test answers by hand, in the place of
 * engine/client.c. Each checks that it is used as its header says: a reply is finished once, a call
 * ends or is cancelled once, and what a call borrows is there until then.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_INFERENCE_FAKES_H
#define TEST_INFERENCE_FAKES_H

#include "base/buf.h"
#include "engine/engine.h"
#include "net/http_server.h"

/* What became of the request. */
struct fake_reply {
    int status; /* 0: none yet */
    char phrase[64];
    struct buf headers; /* "name: value\n" each */
    struct buf body;
    unsigned writes; /* chunks */
    bool is_started;
    bool is_full; /* for the test to set */
    bool is_finished;
    bool is_aborted;
};

extern struct fake_reply fake_reply;
void fake_reply_clear(void);

/* The engine's side of the last call that was started. */
struct fake_engine {
    struct engine_call *call; /* NULL: none, ended or cancelled */
    unsigned started, ended, cancelled;
    bool is_paused;
    bool stream;
    bool has_fault;
    bool counts;
    unsigned context_tokens; /* for the test to set; at first, more than any test asks for */
    unsigned features;
    struct rate_window spending; /* of all engines */
    struct prefetch prefetch;
    int64_t created_s;
    char name[64];      /* of the engine */
    struct buf request; /* the body that it was sent */
};

extern struct fake_engine fake_engine;
void fake_engine_clear(void);

/* What the engine says; each needs a call. */
void fake_engine_head(int status, const char *type);
void fake_engine_head_with(int status, const struct http_headers *headers);
void fake_engine_body(struct str bytes);
/* A simulated fault begins. */
void fake_engine_fault(void);
void fake_engine_end(void);
void fake_engine_fail(enum error_code code);
/* It fails since its model has not these features (a set of engine_feature). */
void fake_engine_lacks(unsigned features);

#endif
