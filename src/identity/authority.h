/*
 * The authority: what issues tokens here and tells whether one is good, as Entra ID does. Its keys
 * and the principals that there are lie in a snapshot that is swapped when they change, so that any
 * thread may check a token without asking the store.
 *
 * Access tokens have the form that Entra gives those for Azure's own services (version 1.0): issuer
 * https://sts.windows.net/TENANT/, the application as appid. They name no address of this service,
 * which may change.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_AUTHORITY_H
#define IDENTITY_AUTHORITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "identity/issuer_keys.h"
#include "identity/jwt.h"
#include "identity/principal.h"
#include "identity/principal_set.h"
#include "identity/principals.h"
#include "identity/secret_box.h"
#include "identity/token_audience.h"
#include "store/store.h"

struct authority;

/* What `box` and `clock` point to must outlive it; the tenant's id is copied. Nothing is known until
 * authority_publish. */
struct authority *authority_new(const struct secret_box *box, const struct clock *clock,
                                struct str tenant_id);
void authority_free(struct authority *a);
/* Tokens of foreign issuers are good, too, by the keys in the box. Before any thread checks one. */
void authority_trust(struct authority *a, struct issuer_keys_box *foreign);

/* In a job of the store: reads keys and principals, and makes keys where it is time, unless it shall
 * only read: then there may be none yet. */
struct authority_state;
MUST_CHECK struct authority_state *authority_read(struct authority *a, struct store_txn *t,
                                                  struct arena *arena, bool only_read,
                                                  struct error *err);
/* In a job that writes or deletes a principal: every one that does says so, or what another job of the
 * same transaction publishes does not have it. */
void authority_note_change(struct authority *a, struct str object_id);
/* As authority_read, in such a job: reads no other principals than those that have changed since what
 * is in force was read. */
MUST_CHECK struct authority_state *authority_read_changed(struct authority *a, struct store_txn *t,
                                                          struct arena *arena, bool only_read,
                                                          struct error *err);
/* How many principals there are. */
size_t authority_count(const struct authority_state *s);
bool authority_can_sign(const struct authority_state *s);
/* At start, before there are loops: reads, and publishes what it has found. */
MUST_CHECK bool authority_load(struct authority *a, struct store *store, struct error *err);
/* After the job's commit: in force from here on, on every thread. Takes the reference. */
void authority_publish(struct authority *a, struct authority_state *next);
/* A reference to what is in force; NULL until something has been published. */
struct authority_state *authority_state(struct authority *a);
struct authority_state *authority_state_ref(struct authority_state *s);
void authority_state_unref(struct authority_state *s);

/* NULL: there is none of that id. As long as the state. */
const struct principal_entry *authority_find(const struct authority_state *s, struct str object_id);

/* Changes whenever what is in force does: results of authority_check that were kept are stale. Any
 * thread. */
uint64_t authority_generation(const struct authority *a);

struct str authority_tenant(const struct authority *a);
int64_t authority_now_ms(const struct authority *a);

/* Signs claims; iss, iat, nbf, exp, tid and ver are added. */
struct str authority_sign(const struct authority *a, const struct authority_state *s,
                          struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *claims,
                          int64_t lifetime_ms);
struct str authority_render_keys(const struct authority *a, const struct authority_state *s,
                                 struct arena *arena);
/* "https://sts.windows.net/TENANT/" */
struct str authority_issuer(const struct authority *a, struct arena *arena);

/* Any thread. *who lies in the arena. ERROR_ARM_BAD_TOKEN, ERROR_ARM_TOKEN_EXPIRED,
 * ERROR_ARM_TOKEN_AUDIENCE, ERROR_ARM_TOKEN_ISSUER. */
MUST_CHECK bool authority_check(struct authority *a, struct arena *arena, struct str token,
                                const struct token_audiences *audiences, struct principal *who,
                                int64_t *expires_at_ms, struct error *err);

/* Whose hand a text that a client shows is of, whatever it says. */
enum authority_proof {
    AUTHORITY_PROVEN,
    AUTHORITY_NOT_LISTED,    /* the issuer that it names is not trusted */
    AUTHORITY_NO_KEY,        /* that issuer has no such key (that is known already) */
    AUTHORITY_BAD_SIGNATURE, /* the key is another's */
    AUTHORITY_OTHER_TENANT,  /* of an issuer of which one tenant only is trusted */
};
/* Is it the foreign issuer's that it names? Of those alone that the operator lists: nothing is fetched
 * from where a client says. Any thread. */
enum authority_proof authority_prove_foreign(const struct authority *a,
                                             const struct jwt *assertion);
/* Is it signed by a key of this service? */
enum authority_proof authority_prove_own(const struct authority_state *s, const struct jwt *token);

#endif
