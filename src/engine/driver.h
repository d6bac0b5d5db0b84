/*
 * What engine.c and client.c share with the drivers of the three kinds (llama.c, upstream.c,
 * sim.c). Not for other folders.
 *
 * Threads. A struct engine is made, opened and closed on the control loop; worker loops hold it
 * by a reference and look at its atomics. Two counters keep it: `refs` its memory, `in_flight`
 * (calls from start to end) its process. An engine that a reload removed is `retired`: a call
 * that has counted itself sees that flag and turns to the engine's successor, or else the control
 * loop sees the count and waits until the last call has ended. Successors are found by name; one
 * may have to wait for the end of its predecessor, since two processes need twice the memory.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_DRIVER_H
#define ENGINE_DRIVER_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/queue.h>

#include "engine/engine.h"
#include "engine/run_folder.h"
#include "net/http_client.h"

struct engine;

TAILQ_HEAD(engine_list, engine);
TAILQ_HEAD(engine_client_list, engine_client);
TAILQ_HEAD(engine_call_list, engine_call);

/* Of the engines of one name, of which a reload may bring forth several. */
struct engine_spending {
    _Alignas(64) struct rate_window day;
    SLIST_ENTRY(engine_spending) link;
    char *name;
};
SLIST_HEAD(engine_spending_list, engine_spending);

struct engines {
    struct loop *loop;
    struct run_folder run_folder;
    char run_folder_error[ENGINE_ERROR_BYTES]; /* when there is none */
    char *llama_server;                        /* NULL: none */
    char *embedded_model;                      /* NULL: none */
    struct http_client *http;                  /* of the control loop: for probes */
    bool is_http_closed;
    bool is_stopping;
    void (*on_stopped)(void *data);
    void *on_stopped_data;
    struct loop_task stopped_task;
    _Atomic unsigned generation;           /* counts reloads: clients drop what they remember */
    struct engine_spending_list spendings; /* control loop */

    pthread_mutex_t lock; /* for the lists */
    struct engine_list list;
    struct engine_client_list clients;
};

struct engine {
    TAILQ_ENTRY(engine) link;
    struct engines *owner;
    const struct engine_driver *driver;
    struct catalog *catalog; /* keeps the settings */
    const struct catalog_engine *settings;
    struct rate_window *spending;
    void *own; /* the driver's */
    _Atomic unsigned refs;
    _Atomic unsigned in_flight;
    atomic_bool retired;
    bool is_closing; /* control loop only */
    atomic_bool is_idle_posted;
    struct loop_task idle_task; /* the last call of a retired engine has ended */
    atomic_bool is_wake_posted;
    struct loop_task wake_task; /* a call waits for it */

    _Atomic int state;      /* enum engine_state */
    _Atomic unsigned lacks; /* READY: set of engine_feature that the model turned out not to have */
    _Atomic unsigned context_tokens; /* of a llama-server, once it has been READY */
    _Atomic unsigned restarts;
    _Atomic int pid;
    _Atomic uint64_t used_ms; /* when a call ended last, monotonic */
    pthread_mutex_t lock;     /* for last_error */
    char last_error[ENGINE_ERROR_BYTES];
};

struct engine_driver {
    size_t call_size; /* of its struct that begins with a struct engine_call */

    /* On the control loop. */
    void (*open)(struct engine *e);    /* sets the state */
    void (*close)(struct engine *e);   /* then calls engine_closed, at once or later */
    void (*release)(struct engine *e); /* frees `own`; any thread */
    void (*wake)(struct engine *e);    /* may be NULL */
    /* Two of the same name are not to run at a time (both may be NULL): a retired one hears how
     * long its calls may still take, and its successor when it has closed. */
    void (*make_room)(struct engine *e, uint64_t grace_ms);
    void (*take_over)(struct engine *e);
    /* Is it still what its settings say (files that they name)? May be NULL. */
    bool (*is_current)(struct engine *e);
    /* Adds what only the driver knows; any thread, may be NULL. */
    void (*fill_status)(struct engine *e, struct engine_status *status);

    /* On the client's loop. */
    void (*start)(struct engine_call *call);
    void (*cancel)(struct engine_call *call); /* frees it */
    void (*pause)(struct engine_call *call);
    void (*resume)(struct engine_call *call);
    /* The state of the engine that it waits for changed, or some time has passed; may be NULL. */
    void (*look_again)(struct engine_call *call);
};

extern const struct engine_driver engine_llama_driver;
extern const struct engine_driver engine_upstream_driver;
extern const struct engine_driver engine_sim_driver;

/* -- Engines, control loop ----------------------------------------------------------------- */

/* Sets the state and tells every client whose calls wait. */
void engine_set_state(struct engine *e, enum engine_state state);
/* Keeps the text for engines_status, and logs it as `engine_failed`. */
void engine_set_error(struct engine *e, const char *format, ...) PRINTF_LIKE(2, 3);
/* One that it takes over from has not closed yet. */
bool engine_has_predecessor(struct engine *e);
/* Has driver->close called, even though calls still run. */
void engine_close(struct engine *e);
/* From the driver, once after close. */
void engine_closed(struct engine *e);

/* -- Engines, any thread ------------------------------------------------------------------- */

struct engine *engine_ref(struct engine *e);
void engine_unref(struct engine *e);
/* Has driver->wake called on the control loop. */
void engine_wake(struct engine *e);
void engine_get_error(struct engine *e, char text[ENGINE_ERROR_BYTES]);
/* The engine of that name that takes calls; NULL: there is none. Holds engines->lock, or is the
 * control loop, which alone writes to the list. */
struct engine *engines_find(struct engines *es, struct str name);

/* -- Calls, the client's loop -------------------------------------------------------------- */

#define ENGINE_CLIENT_CACHE 32

struct engine_client {
    TAILQ_ENTRY(engine_client) link;
    struct engines *engines;
    struct loop *loop;
    struct http_client *http;
    uv_timer_t tick; /* looks at waiting calls twice a second */
    struct engine_call_list calls;
    struct engine_call_list waiting; /* look_again is called for them */
    struct engine_call_list failing; /* on_failure is due, out of engine_call_start */
    atomic_bool is_kicked;
    struct loop_task kick_task;
    bool is_closing;
    _Atomic unsigned open_parts; /* what must have ended before the memory goes */
    void (*on_closed)(void *data);
    void *on_closed_data;

    unsigned generation; /* of what is remembered */
    unsigned cache_count;
    struct {
        const struct catalog_engine *settings;
        struct engine *engine;
    } cache[ENGINE_CLIENT_CACHE];
};

struct engine_call {
    /* What each piece of an answer looks at, down to request.stream; see struct stream of net. */
    struct engine_client *client;
    struct engine *engine; /* NULL: there is none of that name */
    const struct engine_events *events;
    void *data;
    struct engine_request request;
    struct arena *arena;            /* holds the call, and what its driver wants */
    TAILQ_ENTRY(engine_call) link;  /* in client->calls */
    TAILQ_ENTRY(engine_call) turn;  /* in waiting, failing, or a list on the stack */
    struct engine_call_list *queue; /* that `turn` is in */
    struct error *failure;          /* due, when it is in `failing` */
    unsigned lacks; /* for on_failure; set by the driver before it has the call fail */
};

/* Of it, what each piece of an answer looks at. */
#define ENGINE_CALL_LINES 1
static_assert(offsetof(struct engine_call, request.stream) < ENGINE_CALL_LINES * MEMORY_LINE_BYTES,
              "what is looked at comes first");

/* Takes the call out of all lists and lets its engine go; the driver then frees the arena, and after
 * that calls the last event. */
void engine_call_ended(struct engine_call *call);
/* Ends it, frees it, and calls on_failure. Not out of start. */
void engine_call_fail(struct engine_call *call, const struct error *err);
/* As engine_call_fail, in another turn of the loop; from start only. The driver is not asked
 * again about this call, so that it must not have begun anything. */
void engine_call_fail_later(struct engine_call *call, const struct error *err);
/* The engine of the same kind that has replaced the call's, counted for the call; NULL: there is
 * none. It must be given to engine_call_move. */
struct engine *engine_call_successor(struct engine_call *call);
/* The call is that engine's now, and no longer its old one's. */
void engine_call_move(struct engine_call *call, struct engine *successor);
/* Puts it into client->waiting: look_again is called from now on. */
void engine_call_wait(struct engine_call *call);
void engine_call_stop_waiting(struct engine_call *call);

/* Handles of a driver on the client's loop: the client is not gone before they are. */
void engine_client_hold(struct engine_client *c);
void engine_client_release(struct engine_client *c);

/* Has look_again called for the client's waiting calls. Any thread; the client must not be able
 * to go away meanwhile (engines->lock, or its own loop). */
void engine_client_kick(struct engine_client *c);
/* The same for the calls of all clients. Any thread. */
void engine_kick_clients(struct engine *e);

/* What a failure of the HTTP client means for the data plane. */
void engine_http_error(struct error *err, const struct engine *e, enum http_failure failure,
                       const char *text);

#endif
