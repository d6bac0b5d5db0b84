/*
 * The credential that a data-plane request carries, and whether it opens an account.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_CREDENTIAL_H
#define IDENTITY_CREDENTIAL_H

#include <stdbool.h>

#include "model/directory.h"
#include "net/http.h"

enum credential_kind {
    CREDENTIAL_NONE,
    CREDENTIAL_KEY,
    CREDENTIAL_TOKEN, /* a bearer token: a JWT */
};

struct credential {
    enum credential_kind kind;
    struct str value; /* a part of the headers */
};

/* `api-key`, or its alias `Ocp-Apim-Subscription-Key`; when one of them is there, it decides, and
 * `Authorization: Bearer` is not looked at. With `bearer_may_be_key` (the v1 surface, where the
 * plain OpenAI SDKs send the key so) a bearer value that is no JWT is a key. */
struct credential credential_of(const struct http_headers *headers, bool bearer_may_be_key);
/* The token of "Bearer TOKEN" (RFC 6750, 2.1). STR_NONE when there is no such header, or it is of another
 * scheme. */
struct str credential_bearer(struct str authorization);
/* Does a header of that name hold a credential, be it one that nothing here looks at? Without regard to
 * case. */
bool credential_is_header(struct str name);

/* The digest is that of one of the account's two keys; takes the same time whichever it is. */
bool credential_matches(const struct directory_account *account,
                        const uint8_t digest[KEY_DIGEST_BYTES]);

#endif
