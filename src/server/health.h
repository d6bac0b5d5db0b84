/*
 * What a supervisor or load balancer asks: does the process answer, and does it take traffic?
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_HEALTH_H
#define SERVER_HEALTH_H

#include "net/http_server.h"
#include "server/worker.h"

/* /healthz: 200 for as long as a loop turns. */
void health_reply_alive(struct worker *w, struct http_request *r);
/* /readyz: 200, or 503 while an engine that is loaded at the start has not come up and from a drain's
 * beginning on; the body says which, and how each engine is. */
void health_reply_ready(struct worker *w, struct http_request *r);

#endif
