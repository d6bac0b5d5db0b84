/*
 * Keeps one child process: starts it, waits until it is ready, restarts it after a crash, stops
 * it. What the process is, and how it is asked whether it is ready, is its owner's.
 *
 *   STOPPED --start--> STARTING --probed LOADING--> LOADING --probed READY--> READY <-> SILENT
 *      ^                  |  exit, time-out            |                        | exit   |
 *      |                  v                            v                        v        |
 *      |                FAILED <-----------------------+--------------------  RESTARTING <
 *      |                  | start, once the back-off is over                    | by itself,
 *      |                  +--> STARTING                  STARTING <-------------+ after it
 *      |
 *      +---- exit ---- DRAINING <--stop-- any of them (SIGTERM; SIGKILL when that does not help)
 *
 * One that is ready is probed on: it is SILENT when it has not answered, READY again when it
 * does, and killed after so many probes in a row: it hangs.
 *
 * A process that crashes after it was ready is started again by itself; one that never became
 * ready is not, unless `keep_up` is set: whoever needs it asks again. The back-off doubles from
 * failure to failure and starts anew after the process has run well for a while.
 *
 * All on one loop, the control loop. The process has its own session, so that a terminal's Ctrl-C
 * reaches lazuli alone, which then stops its processes in order.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_SUPERVISOR_H
#define ENGINE_SUPERVISOR_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "net/loop.h"

struct supervisor;

enum supervisor_state {
    SUPERVISOR_STOPPED,
    SUPERVISOR_STARTING,
    SUPERVISOR_LOADING,
    SUPERVISOR_READY,
    SUPERVISOR_SILENT,
    SUPERVISOR_DRAINING,
    SUPERVISOR_RESTARTING,
    SUPERVISOR_FAILED,
};

struct supervisor_limits {
    uint64_t backoff_first_ms; /* 500 */
    uint64_t backoff_max_ms;   /* 30 s */
    uint64_t well_ms;          /* ready for that long: the back-off starts anew; 60 s */
    uint64_t load_max_ms;      /* not ready by then: it is killed; 15 min */
    uint64_t probe_ms;         /* between probes, at least; 50, up to 1 s while it loads */
    uint64_t kill_after_ms;    /* SIGKILL that long after SIGTERM; 5 s */
    uint64_t watch_ms;         /* READY: from probe to probe; 0, the default: there is none */
    unsigned silences_max;     /* READY: probes in a row without an answer, then SIGKILL; 3 */
    bool keep_up;
};

void supervisor_limits_default(struct supervisor_limits *limits);

/* What to run. Lists end with NULL; all is borrowed or in the arena that `prepare` gets. */
struct supervisor_command {
    const char **argv;        /* argv[0] is looked for in PATH */
    const char **environment; /* "NAME=value", on top of our own */
    const char **hidden;      /* names that begin so are not passed on from our own; may be NULL */
};

struct supervisor_events {
    /* Before each start. False with the reason when it cannot be run. */
    bool (*prepare)(void *data, struct arena *a, struct supervisor_command *command,
                    struct error *err);
    /* The process runs: find out whether it is ready, then call supervisor_probed. */
    void (*probe)(void *data);
    /* `error` says why in FAILED and RESTARTING, else it is NULL. Must not call the supervisor's
     * functions that change its state. */
    void (*on_state)(void *data, enum supervisor_state state, const char *error);
    /* A line of its output, without its end; long ones are cut. Gives back the part of it that may
     * be shown as the reason of a failure; empty: the line says nothing of one. */
    struct str (*on_line)(void *data, struct str line);
};

struct supervisor *supervisor_new(struct loop *l, const struct supervisor_limits *limits,
                                  const struct supervisor_events *events, void *data);
/* Starts it, unless it runs or backs off. While it drains: as soon as it has stopped. */
void supervisor_start(struct supervisor *s);
enum supervisor_answer { SUPERVISOR_NO_ANSWER, SUPERVISOR_IS_LOADING, SUPERVISOR_IS_READY };
/* The answer to a probe. Once it is ready, any answer but none will do. */
void supervisor_probed(struct supervisor *s, enum supervisor_answer answer);
void supervisor_stop(struct supervisor *s);
/* Stops it, then frees the supervisor and calls on_done; no event comes any more. */
void supervisor_close(struct supervisor *s, void (*on_done)(void *data), void *data);

enum supervisor_state supervisor_state(const struct supervisor *s);
/* READY or SILENT. */
bool supervisor_is_up(const struct supervisor *s);
/* FAILED, RESTARTING: how long it backs off, from the failure on. */
uint64_t supervisor_backoff_ms(const struct supervisor *s);
int supervisor_pid(const struct supervisor *s); /* 0: none */

#endif
