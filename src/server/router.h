/*
 * Which surface a request belongs to: the data plane, ARM, the identity provider, or the service's own pages. Surfaces are
 * a table; an HTTP server's events go to the surface that the path named.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_ROUTER_H
#define SERVER_ROUTER_H

#include "net/http_server.h"

/* For http_server_new; its data is the `struct worker`. */
extern const struct http_handler router_handler;

#endif
