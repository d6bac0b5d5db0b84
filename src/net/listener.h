/*
 * A listening socket of one loop: TCP or Unix socket. It belongs to who made it until listener_close;
 * the streams that it makes are their owner's, and live on after it.
 * One thread: that of the loop.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>

#include "base/error.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tls.h"

struct listener;

struct listener_options {
    const char *unix_path; /* when not NULL, host, port and reuse_port are ignored */
    const char *host;      /* numeric address */
    unsigned port;         /* 0: any free one, told by listener_port */
    /* Several loops of this process share the port (SO_REUSEPORT): each makes a listener with the
     * same host and port. Another process on the port is still refused. */
    bool reuse_port;
    /* When set, a connection whose first byte opens a TLS handshake is TLS, any other is plain
     * unless require_tls, where it ends in STREAM_END_RESET. The listener takes a reference.
     * Replaced by listener_set_tls. */
    struct tls_context *tls;
    bool require_tls;
};

/* on_accept gets a stream whose events are not set yet: it sets them, then starts reading. For
 * TLS that is before the handshake, whose bytes the stream keeps to itself; a client that stays
 * silent is the owner's to time out. NULL with ERROR_CONFIG (not a numeric address) or ERROR_IO
 * (address in use, not allowed), naming address and port. */
MUST_CHECK struct listener *listener_new(struct loop *l, const struct listener_options *options,
                                         void (*on_accept)(void *data, struct stream *s),
                                         void *data, struct error *err);
/* 0 for a Unix socket. */
unsigned listener_port(const struct listener *l);
/* For connections accepted from now on; takes a reference. */
void listener_set_tls(struct listener *l, struct tls_context *tls);
/* Stops accepting and frees the listener; streams made by it live on. Removes the Unix socket's
 * path. */
void listener_close(struct listener *l);

#endif
