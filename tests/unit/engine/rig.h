/*
 * Engines under test as they run in the service: the control loop on a thread of its own, a
 * worker loop with a client on the test's thread.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "engine/engine.h"

struct rig {
    struct loop *control, *worker;
    pthread_t thread;
    struct catalog *catalog;
    struct engines *engines;
    struct engine_client *client;
    struct engines_options options;
    uv_timer_t guard; /* ends a test that waits for what does not come */
    bool is_client_closed;
    uint64_t grace_ms; /* of a reload; 0: long enough */
};

/* `options` may leave the loop out; `yaml` is a catalog's text. */
void rig_start(struct rig *r, const char *yaml, const struct engines_options *options);
/* Before rig_start has its thread: for what else shall run on the control loop. */
void rig_make_loops(struct rig *r);
void rig_reload(struct rig *r, const char *yaml);
/* Runs fn on the control loop and waits for it. */
void rig_on_control(struct rig *r, void (*fn)(void *data), void *data);
/* Closes all in the service's order. `last` (may be NULL) runs on the control loop before. */
void rig_stop(struct rig *r, void (*last)(void *data), void *data);
/* Turns the worker loop until the condition holds. */
void rig_wait(struct rig *r, bool (*condition)(void *data), void *data);
void rig_sleep(struct rig *r, uint64_t ms);
/* Turns the worker loop until the engine is in that state. */
void rig_wait_state(struct rig *r, const char *engine, enum engine_state state);
struct engine_status rig_status(struct rig *r, const char *engine);

/* One call, with what became of it. */
struct rig_call {
    struct rig *rig;
    struct engine_call *call; /* NULL: ended */
    struct str part;
    struct engine_request
        request; /* its body_parts may be set before; then `body` only says whether it streams */
    enum { RIG_NEVER, RIG_ON_HEAD, RIG_ON_BODY, RIG_ON_DONE } cancels;
    unsigned pauses_after; /* bodies; 0: never */
    int status;
    char retry_after_ms[32], content_type[64];
    struct buf body;
    unsigned bodies;
    bool has_ended, has_failed, has_fault;
    struct error err;
    unsigned lacks; /* why it failed, as `err` */
};

void rig_call_start(struct rig *r, struct rig_call *call, const char *engine,
                    enum engine_operation operation, const char *body);
bool rig_call_is_over(void *call);
bool rig_call_has_body(void *call);
/* Starts, and waits for its end. */
void rig_call_run(struct rig *r, struct rig_call *call, const char *engine,
                  enum engine_operation operation, const char *body);
void rig_call_done(struct rig_call *call);
/* The body, ended by a NUL. */
const char *rig_call_text(struct rig_call *call);

#endif
