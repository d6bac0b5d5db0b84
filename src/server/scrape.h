/*
 * /metrics: what the workers have counted, and gauges of connections and engines read at the moment,
 * in Prometheus' text form.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_SCRAPE_H
#define SERVER_SCRAPE_H

#include "net/http_server.h"
#include "server/worker.h"

/* Replies with them, 200. */
void scrape_reply(struct worker *w, struct http_request *r);

#endif
