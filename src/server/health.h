/*
 * The service's own pages: /healthz (the process answers), /readyz (it takes traffic), /metrics.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_HEALTH_H
#define SERVER_HEALTH_H

#include "net/http_server.h"
#include "server/worker.h"

bool health_matches(struct str path);
void health_on_head(struct worker *w, struct http_request *r);
/* 404 in the gateway's envelope, for paths that belong to nobody. */
void health_on_unknown_path(struct worker *w, struct http_request *r);

#endif
