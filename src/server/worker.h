/*
 * A worker: one event loop on one thread, with its HTTP server, its way to the engines and its part
 * of the data plane. On the way of a request there are three locks, each held for a moment: that of
 * the worker's own metrics, which only a scrape wants besides; that of the list of engines, when the
 * worker does not remember the request's engine; and that of the log of refusals, when it is refused
 * for a limit.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "arm/arm.h"
#include "entra/entra.h"
#include "engine/engine.h"
#include "inference/inference.h"
#include "net/http_server.h"
#include "server/settings.h"
#include "telemetry/metrics.h"

struct worker;

/* What all workers use; outlives them. */
struct worker_shared {
    const struct settings *settings;
    const struct clock *clock;
    struct directory_box *directory;
    struct engines *engines;
    struct arm *arm;
    struct entra *entra;
    struct authority *authority;
    const struct key_hash *key_hash;
    struct metrics *metrics;
    struct refusal_log *refusals;
    /* As struct inference_options has them. */
    bool (*authenticate)(void *data, struct http_request *r, struct str token,
                         struct principal *who, struct error *err);
    void *authenticate_data;
    struct str authority_pem; /* of the development CA; empty where it is not in use */
    struct worker **workers;  /* all of them, for sums */
    unsigned worker_count;
    _Atomic bool is_draining;
};

/* The loop and its server, already listening on `host`; *port is the port that it got. Nothing is
 * answered before worker_start. */
MUST_CHECK struct worker *worker_new(const struct worker_shared *shared, unsigned index,
                                     const char *host, unsigned *port, struct tls_context *tls,
                                     struct error *err);
/* Starts the thread. */
void worker_start(struct worker *w);
/* Answers say from now on that their connection ends. Any thread, once, before worker_drain. */
void worker_announce_drain(struct worker *w);
/* Stops listening, ends what is under way within `grace_ms`, then has `done` posted to `loop`. Any
 * thread, once. */
void worker_drain(struct worker *w, uint64_t grace_ms, struct loop *loop, struct loop_task *done);
/* New certificates. Any thread; takes a reference. */
void worker_set_tls(struct worker *w, struct tls_context *tls);
/* After `done`, or when it never was started. */
void worker_free(struct worker *w);

struct inference *worker_inference(struct worker *w);
const struct worker_shared *worker_get_shared(const struct worker *w);

/* As the worker last told before it waited for events. Any thread. */
struct worker_stats {
    uint64_t connections_accepted;
    uint64_t connections_refused;
    uint64_t connections_open;
    uint64_t requests_active;
};
struct worker_stats worker_stats(const struct worker *w);

#endif
