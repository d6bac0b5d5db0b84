/*
 * Federated identity credentials: whom of a foreign issuer an application or a user-assigned managed
 * identity takes for itself, so that a token of that issuer is as good as a secret (RFC 7521, 4.2). An
 * application's stand in its principal's document, as "federatedCredentials"; a managed identity's are
 * resources below it. Everything that reads runs in a job of the store.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_FEDERATED_CREDENTIAL_H
#define IDENTITY_FEDERATED_CREDENTIAL_H

#include "identity/jwt.h"
#include "identity/principals.h"

/* Entra's own: of one principal, and characters of a text and of a name. */
#define FEDERATED_CREDENTIALS_MAX 20
#define FEDERATED_CREDENTIAL_TEXT_MAX 600
#define FEDERATED_CREDENTIAL_NAME_MIN 3
#define FEDERATED_CREDENTIAL_NAME_MAX 120
/* Where an application's document has them. */
#define FEDERATED_CREDENTIALS "federatedCredentials"

/* Texts are those of what it was read from. */
struct federated_credential {
    struct str name;
    struct str issuer; /* what tokens must say as iss, sub and aud, to the letter */
    struct str subject;
    struct str audience; /* empty: the list has none, or several */
};

/* `value` has "issuer", "subject" and "audiences", as Graph's and ARM's documents do. */
struct federated_credential federated_credential_read(struct str name, yyjson_val *value);
/* Why it may not be kept, and *member the one that is wrong; NULL: it may. */
const char *federated_credential_fault(const struct federated_credential *f, const char **member);

/* Those of a principal, none of one that can have none. ERROR_STORE. */
MUST_CHECK bool federated_credentials_list(struct store_txn *t, struct arena *a,
                                           const struct principal_record *p,
                                           struct federated_credential **list, size_t *count,
                                           struct error *err);
/* Those of the user-assigned managed identity that is this resource. ERROR_STORE. */
MUST_CHECK bool federated_credentials_list_below(struct store_txn *t, struct arena *a,
                                                 struct str resource_id,
                                                 struct federated_credential **list, size_t *count,
                                                 struct error *err);
/* The one for that issuer's subject, of which there is one at most, but that of the name `but` (may be
 * empty). NULL: there is none. */
const struct federated_credential *
federated_credentials_find(const struct federated_credential *list, size_t count,
                           const struct federated_credential *wanted, struct str but);

/* How far the best of them goes along with what a token says; whether that is true is another question. */
enum federated_fit {
    FEDERATED_OTHER_ISSUER,
    FEDERATED_OTHER_SUBJECT,
    FEDERATED_OTHER_AUDIENCE,
    FEDERATED_FITS,
};
enum federated_fit federated_credentials_fit(const struct federated_credential *list, size_t count,
                                             const struct jwt *token);

#endif
