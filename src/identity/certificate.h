/*
 * X.509 certificates with keys of their own (EC P-256), for a certificate authority that signs the
 * certificate of the server that it lives in, and nothing else. In memory only; files are somebody
 * else's.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_CERTIFICATE_H
#define IDENTITY_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/macros.h"
#include "base/str.h"

struct certificate;

/* Numeric addresses and DNS names, which may begin with "*."; see certificate_is_name. */
struct certificate_names {
    const struct str *items;
    size_t count;
};

/* Something that a certificate can name. */
bool certificate_is_name(struct str name);

#define CERTIFICATE_DAY_MS ((int64_t)24 * 60 * 60 * 1000)
#define CERTIFICATE_AUTHORITY_DAYS 3650
#define CERTIFICATE_SERVER_DAYS 397 /* more, and browsers refuse it */

/* A new authority. Whoever trusts it is told in it (RFC 5280, 4.2.1.10) that it vouches only for
 * loopback and private addresses, for `names`, and for what is below these. */
struct certificate *certificate_new_authority(const struct certificate_names *names,
                                              int64_t now_ms);
/* A new server's, for these names, signed by an authority whose key is at hand. It does not outlive
 * the authority. */
struct certificate *certificate_new_server(const struct certificate *authority,
                                           const struct certificate_names *names, int64_t now_ms);
/* Of PEM. `key` STR_NONE: without its key. NULL when it is not understood or the key is another's;
 * *why then says so, in a literal. */
MUST_CHECK struct certificate *certificate_parse(struct str certificate, struct str key,
                                                 const char **why);
/* Wipes the key. NULL is fine. */
void certificate_free(struct certificate *c);

struct str certificate_pem(const struct certificate *c, struct arena *a);
/* secret_wipe it when it has been used. */
struct str certificate_key_pem(const struct certificate *c, struct arena *a);
int64_t certificate_end_ms(const struct certificate *c);

/* A client that trusts this authority alone will accept it at that time, for exactly these names. */
bool certificate_serves(const struct certificate *c, const struct certificate *authority,
                        const struct certificate_names *names, int64_t at_ms);

#endif
