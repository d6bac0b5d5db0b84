/*
 * Tokens of people: access tokens, id tokens, and refresh tokens, which get others for any resource.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_USER_TOKEN_H
#define ENTRA_USER_TOKEN_H

#include "entra/token.h"

/* What a client was granted. */
struct user_grant {
    struct principal_record user;
    struct str client_id;
    struct str resource; /* what the access token is for */
    struct str scope;    /* as it was asked for; may be empty */
    struct str nonce;    /* of the id token; may be empty */
    const char *proof;   /* the client's, one of TOKEN_PROOF_...; NULL: it sent none */
};

/* As token_read_resource, for people: a scope that asks for no more than who they are (openid, profile)
 * is Graph's, as in Entra. */
MUST_CHECK bool user_token_read_resource(struct entra_call *c, struct str *resource,
                                         struct error *err);
struct str user_token_resource_of(struct str resource, struct str scope);

/* 200 with an access token, and, as the scope asks for them, an id token and a refresh token. */
MUST_CHECK bool user_token_reply(struct entra_call *c, const struct user_grant *g,
                                 struct error *err);

/* When an access token of a person for an application was issued; false: it does not say. To the
 * millisecond, which "iat" does not tell: what came before another password, be it in the same second, must
 * not be exchanged for tokens that come after it. */
bool user_token_read_issued(yyjson_val *claims, int64_t *issued_ms);

/* Opaque text that only this service can read, and of that purpose alone. */
struct str user_token_seal(struct entra_call *c, const char *purpose, yyjson_mut_val *value);
/* NULL: it is not one of ours. */
yyjson_val *user_token_open(struct entra_call *c, const char *purpose, struct str text);

/* Whom something was granted to, at that time. *is_good is false when the user is gone or switched off, or
 * what was issued before that time was revoked (the password is another). */
MUST_CHECK bool user_token_find_user(struct entra_call *c, struct str object_id, int64_t issued_ms,
                                     struct principal_record *user, bool *is_good,
                                     struct error *err);
/* The same of what the service has sealed: `granted` has "oid" and "issuedMs". */
MUST_CHECK bool user_token_find_granted(struct entra_call *c, yyjson_val *granted,
                                        struct principal_record *user, bool *is_good,
                                        struct error *err);

/* Grants: the users' part of the token endpoint. */
entra_handler user_token_by_password;
entra_handler user_token_by_refresh;

#endif
