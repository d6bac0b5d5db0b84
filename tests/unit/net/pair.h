/*
 * Two sides and a listener on one loop: what most tests of streams start from.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_PAIR_H
#define TEST_PAIR_H

#include "net/listener.h"
#include "side.h"

extern struct loop *l;
extern struct listener *listener;
extern struct side client, server;
extern struct stream_address address; /* where the server listens */

int pair_set_up(void **state);
int pair_tear_down(void **state);

/* The listener accepts one connection, which becomes `server`, then closes. */
void pair_listen(const struct listener_options *options);
void pair_listen_tcp(void);
/* As on_accept of a listener. */
void pair_accept(void *data, struct stream *s);

/* The descriptor of a stream's socket. */
int pair_socket(const struct stream *s);

/* Runs until both sides are closed. */
void pair_run(void);

#endif
