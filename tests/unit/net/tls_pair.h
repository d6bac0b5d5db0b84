/*
 * Two sides and a TLS listener on one loop, with certificates: what the tests of TLS start from.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_TLS_PAIR_H
#define TEST_TLS_PAIR_H

#include "certificate.h"
#include "net/listener.h"
#include "side.h"

extern struct certificate ours, others;
extern struct tls_context *server_tls, *client_tls; /* by `ours` */
extern struct loop *l;
extern struct listener *listener;
extern struct side client, server;
extern struct stream_address address; /* where the server listens, by the name localhost */
extern struct error err;

/* Once for all tests. */
int tls_pair_make_certificates(void **state);
int tls_pair_remove_certificates(void **state);

int tls_pair_set_up(void **state);
int tls_pair_tear_down(void **state);

/* One connection at a time becomes `server`. Called by tls_pair_set_up, with false. */
void tls_pair_listen(bool require_tls);
void tls_pair_run_until_connected(void);
/* Until both sides are closed. */
void tls_pair_run(void);
/* Connects; fails unless that is refused with `expected` in the reason. */
void tls_pair_refused(const char *expected);

#endif
