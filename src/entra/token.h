/*
 * What the grants of the token endpoint share.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_TOKEN_H
#define ENTRA_TOKEN_H

#include "base/json.h"
#include "entra/call.h"
#include "identity/principals.h"

/* The client's id, of whom nothing is known yet. ERROR_OAUTH_MISSING, ERROR_OAUTH_NO_APPLICATION. */
MUST_CHECK bool token_read_client(struct entra_call *c, struct str *client_id, struct error *err);
/* What the token is to be for: out of `resource` (v1) or `scope` (v2). */
MUST_CHECK bool token_read_resource(struct entra_call *c, struct str *resource, struct error *err);
/* `resource` where it is given, else the one that a word of `scope` names; empty: neither. */
struct str token_resource_of(struct str resource, struct str scope);
/* What a token for that resource says that it is for. */
struct str token_audience(const struct entra_call *c, struct str resource);
/* How a client has proved who it is: the claims appidacr and azpacr. */
#define TOKEN_PROOF_NONE "0"
#define TOKEN_PROOF_SECRET "1"
#define TOKEN_PROOF_ASSERTION "2"
/* The application that asks, by its secret or by an assertion (client_assertion.h), which may be a
 * managed identity's, too; *proof is one of the constants. */
MUST_CHECK bool token_authenticate_client(struct entra_call *c, struct principal_record *app,
                                          const char **proof, struct error *err);
/* 200 with a token for the application itself, in the form of the instance metadata service. */
MUST_CHECK bool token_reply_to_machine(struct entra_call *c,
                                       const struct principal_record *identity, struct str resource,
                                       struct error *err);
/* 200 with the token, in the form of v1 or v2; `root` may have members already. */
void token_reply(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *root,
                 struct str access_token, struct str resource);

#endif
