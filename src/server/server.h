/*
 * The service: everything assembled, started, reloaded and stopped. The control loop, on the
 * thread that calls server_run, hears signals and supervises engines; workers have threads of
 * their own, and so has the store.
 *
 *   SIGTERM, SIGINT   /readyz says "draining" and answers end their connections (drain_delay_ms);
 *                     then stop listening, let what is under way end (drain_ms at most), leave; a
 *                     second one leaves at once
 *   SIGHUP            configuration, catalog and certificates anew; what is in force stays when
 *                     the new is not valid
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>

#include "base/error.h"
#include "server/bootstrap.h"
#include "server/settings.h"

struct server;

struct server_options {
    struct settings *settings; /* complete; changed by a reload */
    /* For a reload: all of them once more, in the order in which they count, into what settings_init
     * has made. */
    bool (*read_settings)(void *data, struct settings *next, struct error *err);
    void *data;      /* its own */
    bool quickstart; /* make the first group, account and deployments */
};

/* From here on, a reload that is asked for waits: until server_run can do it, or, at the end, for ever; else
 * it would end the process. For who is about to read the configuration. */
void server_hold_reloads(void);
/* Opens the store, binds the port, makes what is missing. Nothing is answered yet. */
MUST_CHECK struct server *server_new(const struct server_options *options, struct error *err);
/* What the quickstart prints. */
const struct bootstrap_info *server_info(const struct server *s);
/* After that, the keys among it are gone. */
void server_forget_keys(struct server *s);
/* Answers requests until a signal ends it. */
void server_run(struct server *s);
/* After server_run, or without it; NULL is nothing. */
void server_free(struct server *s);

#endif
