/*
 * A managed llama-server, between its two files: llama.c keeps the process (control loop),
 * llama_call.c makes calls to it (worker loops). Not for others.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_LLAMA_H
#define ENGINE_LLAMA_H

#include "base/buf.h"
#include "engine/driver.h"
#include "engine/supervisor.h"

struct llama {
    /* For all threads. */
    struct stream_address address; /* of its socket */
    unsigned places;               /* calls that it is sent at a time, at most */
    _Atomic unsigned sent;         /* calls that have a place */
    _Atomic unsigned waiting;      /* calls that wait until it is ready, or for a place */
    _Atomic unsigned queued;       /* those of them that wait for a place */
    _Atomic unsigned failures;     /* starts that failed */
    _Atomic uint64_t retry_ms;     /* FAILED: no start is tried before, clock_monotonic_ms */
    _Atomic uint64_t heard_ms;     /* when an answer's bytes came last, clock_monotonic_ms */
    atomic_bool is_given_up;       /* it hangs, or has to make room: we may end it amid calls */

    /* For the control loop. */
    struct engine *engine;
    struct supervisor *supervisor; /* NULL: the run folder cannot be used */
    char *socket_path;
    char *pid_path;
    struct http_client_call *probe;
    int probe_status;
    uint64_t probed_ms;    /* when the last one was sent, clock_monotonic_ms */
    struct buf properties; /* the answer to GET /props, while it comes */
    bool has_all_properties;
    uv_timer_t timer; /* looks whether it is idle; once retired, ends its calls' grace */
    bool is_making_room;
    unsigned open_parts; /* to be closed before the engine is */
};

/* For the loop of its client. */
struct llama_call {
    struct engine_call base;
    struct http_client_request http_request;
    struct http_client_call *http; /* NULL: not sent */
    struct http_header headers[4];
    uint64_t wait_until_ms;
    unsigned failures_seen; /* when it began */
    uint64_t sent_ms;
    uint64_t resend_ms; /* not sent again before */
    unsigned sent_in_vain;
    bool has_head;
    bool has_place;
    bool is_waiting;
    bool is_queued; /* is_waiting: for a place */
    bool is_paused;
};

void llama_call_start(struct engine_call *base);
void llama_call_cancel(struct engine_call *base);
void llama_call_pause(struct engine_call *base);
void llama_call_resume(struct engine_call *base);
void llama_call_look_again(struct engine_call *base);

#endif
