/*
 * JSON Web Tokens (RFC 7519) signed by RS256, and the keys for them, by libcjose. Any other
 * algorithm is refused before a key is looked at, "none" and those of shared secrets among them
 * (RFC 8725, 2.1 and 3.1).
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_JWT_H
#define IDENTITY_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/macros.h"
#include "base/str.h"

/* A longer one is refused: Entra's with 200 groups have some 10 kB. */
#define JWT_BYTES_MAX ((size_t)32 * 1024)

/* An RSA key, with or without its private part. Immutable once it is made; any thread. */
struct jwt_key;

/* A new pair of 2048 bits; takes a tenth of a second. */
struct jwt_key *jwt_key_generate(struct str id);
/* A JSON Web Key (RFC 7517). ERROR_CONFIG when it is none of RSA, of 2048 to 8192 bits. */
MUST_CHECK struct jwt_key *jwt_key_import(struct str json, struct error *err);
/* The key of a certificate in PEM; its id is the certificate's SHA-1 thumbprint in base64url, by
 * which client assertions name it (x5t). ERROR_CONFIG. */
MUST_CHECK struct jwt_key *jwt_key_of_certificate(struct str pem, struct error *err);
/* NULL is fine. */
void jwt_key_free(struct jwt_key *k);
struct str jwt_key_id(const struct jwt_key *k);
/* As JSON. With `is_private`, the caller wipes it. */
struct str jwt_key_export(const struct jwt_key *k, struct arena *a, bool is_private);

/* Compact form; `type` is the header's typ. `key` has its private part. */
struct str jwt_sign(struct arena *a, const struct jwt_key *key, const char *type,
                    yyjson_mut_val *claims);

/* A token that was read, and not verified. */
struct jwt {
    struct str key_id;  /* kid; empty when there is none */
    yyjson_val *claims; /* an object */
    struct str text;
};

/* Seconds since 1970 that a claim says (RFC 7519, 2, NumericDate); false when it is not there, or no
 * number of a sane size. */
bool jwt_read_time(const struct jwt *token, const char *claim, int64_t *time_s);
/* From when on it is good, in the same seconds: 0 for one without "nbf"; false when that is no time. */
bool jwt_read_start(const struct jwt *token, int64_t *time_s);

/* *err is ERROR_ARM_BAD_TOKEN, saying what is wrong. */
MUST_CHECK bool jwt_parse(struct arena *a, struct str text, struct jwt *token, struct error *err);
/* Was it signed by this key? */
MUST_CHECK bool jwt_verify(const struct jwt *token, const struct jwt_key *key);

#endif
