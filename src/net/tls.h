/*
 * TLS by OpenSSL: contexts (certificates, trust) that are shared by all loops, and the state of
 * one connection over memory, which stream.c feeds. TLS 1.2 and newer only; the protocol offered
 * and chosen by ALPN is http/1.1.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

/* Counted: connections keep the context that they started with, so certificates can be replaced
 * while connections are open. Any thread. */
struct tls_context;

/* Server side: PEM files with the chain and its key. ERROR_CONFIG naming the file and what is
 * wrong with it. */
MUST_CHECK struct tls_context *tls_context_new_server(const char *certificate_file,
                                                      const char *key_file, struct error *err);
/* Client side: `ca_file` (PEM) NULL means the system's trust store. Servers are always verified. */
MUST_CHECK struct tls_context *tls_context_new_client(const char *ca_file, struct error *err);
struct tls_context *tls_context_ref(struct tls_context *c);
/* NULL is fine. */
void tls_context_unref(struct tls_context *c);

/* One connection's state. At rest it holds no buffers: OpenSSL lets go of its own between two
 * records. One thread at a time. */
struct tls;

/* What is to be sent is appended to `wire_out`, which the caller empties after each call here;
 * several connections of one thread may share it. `server_name` only for the client side, where
 * it must be given: a name (sent as SNI) or a numeric address, checked against the certificate. */
struct tls *tls_new(struct tls_context *c, bool is_server, const char *server_name,
                    struct buf *wire_out);
/* NULL is fine. */
void tls_free(struct tls *t);

enum tls_result { TLS_OK, TLS_EOF, TLS_FAILED };

/* Starts a client's handshake. */
MUST_CHECK bool tls_start(struct tls *t);
/* Takes bytes of the wire and goes on with the handshake. `wire` is borrowed until tls_keep, which
 * copies what tls_read has not used by then: nothing is copied when all was read before. */
MUST_CHECK bool tls_feed(struct tls *t, struct str wire);
void tls_keep(struct tls *t);
/* The handshake is done. */
bool tls_is_ready(const struct tls *t);
/* Takes decrypted bytes out: TLS_OK with *len == 0 means that none are there now. TLS_EOF: the
 * peer has said goodbye. */
MUST_CHECK enum tls_result tls_read(struct tls *t, char *out, size_t size, size_t *len);
/* Bytes are there that tls_read has not seen, whole records or not. */
bool tls_has_pending(const struct tls *t);
/* Some of them are kept bytes of the wire: tls_read takes them, before more of the wire is fed. */
bool tls_has_kept(const struct tls *t);
/* Encrypts, one record per call when `plain` has at most TLS_RECORD_BYTES; only once
 * tls_is_ready. */
#define TLS_RECORD_BYTES ((size_t)16 * 1024)
MUST_CHECK bool tls_write(struct tls *t, struct str plain);
/* Says goodbye (close_notify). */
void tls_shutdown(struct tls *t);
/* Why it failed, for the log; "" when it has not. */
const char *tls_error(const struct tls *t);

#endif
