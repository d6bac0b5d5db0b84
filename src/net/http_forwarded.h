/*
 * Whom a request comes from, where something in front of the service has forwarded it.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_HTTP_FORWARDED_H
#define NET_HTTP_FORWARDED_H

#include "net/http_server.h"

/* The nearest address on the request's way that is none of `trusted`, ranges as address_ranges_hold
 * takes them: that of the connection, or, where proxies of those addresses have forwarded it, what the
 * last of them says in X-Forwarded-For. What stands further on there anybody may have written. Without
 * port; STR_NONE where a proxy wrote what is no address, or nothing: RFC 9110, 5.6.1.2 has empty parts of
 * a list passed over, but what stands before one is the client's own word. */
struct str http_forwarded_client(const struct http_request *r, struct str trusted);

#endif
