/*
 * What the parts of the server share: its start and end (server.c), its reload and what it does by
 * date (server_reload.c), its drain (server_drain.c), what it keeps of the money that engines cost
 * (server_spending.c). All on the control loop.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_SERVER_PRIVATE_H
#define SERVER_SERVER_PRIVATE_H

#include <stdatomic.h>

#include "server/bootstrap.h"
#include "server/data_folder.h"
#include "server/server.h"
#include "server/tls_source.h"
#include "server/worker.h"
#include "store/store.h"

/* What server_spending.c keeps. */
struct server_spending {
    uv_timer_t timer;
    struct store_job job;
    yyjson_val *kept;    /* at start */
    struct arena *arena; /* of text, once one has been written */
    struct str text;     /* what is stored, or is being; empty: it is not known */
    bool is_writing;
    bool has_failed; /* the last time */
};

struct server {
    struct server_options options;
    struct clock clock;
    struct data_folder folder;
    struct secret_box *box;
    struct key_vault *vault;
    struct store *store;
    struct key_hash *key_hash;
    struct catalog *catalog;
    struct arena *arena; /* of info */
    struct bootstrap_info info;
    struct admin_token *admin_token;
    struct federation *federation;
    struct tls_source tls_source;
    struct tls_context *tls;
    char *llama_server;

    struct loop *loop; /* the control loop */
    struct worker_shared shared;
    uv_signal_t signals[3];
    uv_timer_t drain_timer;  /* until the listeners close */
    struct drained *drained; /* one a worker */
    unsigned draining;
    unsigned publishing; /* jobs of the control plane that have not been done yet */
    bool engines_stopped;
    bool has_run;
    uv_timer_t memory_timer;
    uv_timer_t dates_timer;
    struct server_spending spending;
    unsigned dates_turns;
};

/* server_reload.c */

/* The file that the settings name, or the built-in one. The caller has a reference. ERROR_CONFIG. */
MUST_CHECK struct catalog *server_load_catalog(const struct settings *s, struct error *err);
/* SIGHUP: takes new settings, or logs why it does not. */
void server_on_hangup(struct server *s);
/* Begins to look at what happens at its date, and at memory that is free. */
void server_start_timers(struct server *s);
/* The first one, where there is none: not before the start, which would take several times as long, and
 * not with the first token, for which a disk that is full by then would have no room. */
void server_make_signing_key(struct server *s);

/* server_spending.c */

/* Reads what engines had cost when the last process ended. */
MUST_CHECK bool server_load_spending(struct server *s, struct error *err);
/* Once there are engines: they go on from there. */
void server_resume_spending(struct server *s);
/* Begins to keep it. */
void server_start_spending(struct server *s);
/* Keeps it now, if it has changed. */
void server_keep_spending(struct server *s);

/* server_drain.c */

/* Ends the control loop in order, once what is in flight has ended. */
void server_drain(struct server *s);
bool server_is_stopping(const struct server *s);
/* Stops the loop if nothing is left to wait for. */
void server_leave_when_done(struct server *s);

#endif
