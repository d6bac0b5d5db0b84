/*
 * The keys of key vaults, by which customers have what belongs to their accounts wrapped: those that
 * are in use, in memory, and where they come from (key_vault_source.h). A key is asked for when it is
 * first named, and again at each refresh: one that its source does not have any more is forgotten, so
 * that nothing opens by it. One that the source did not answer for stays as it was.
 *
 * To ask may take as long as the source's time-out: a blocking function is for start-up, for commands,
 * and for the threads that key_vault_ask makes. The others wait for nothing.
 *
 * All functions from any thread, but that those about use are the store thread's, which knows who
 * uses a key.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_KEY_VAULT_H
#define IDENTITY_KEY_VAULT_H

#include <stdbool.h>

#include "identity/key_vault_source.h"
#include "identity/secret_box.h"
#include "net/loop.h"

struct key_vault;

struct key_vault *key_vault_new(void);
/* No ask may be under way. Wipes. NULL is fine. */
void key_vault_free(struct key_vault *v);
/* Where keys come from, from now on. Copies. */
void key_vault_configure(struct key_vault *v, const struct key_vault_source *source);

/* -- What is known -- */

/* Fills in the version of a key that was named without one: the newest, as it was when its source was
 * last asked. False when that is not known. The text lies in the arena. */
MUST_CHECK bool key_vault_resolve(struct key_vault *v, struct arena *a, struct key_reference *r);
/* A reference to the key of that version; NULL when it is not there. */
MUST_CHECK struct secret_box *key_vault_find(struct key_vault *v, const struct key_reference *r);
/* Why it is not there, for the log. In the arena. */
struct str key_vault_reason(struct key_vault *v, struct arena *a, const struct key_reference *r);

/* -- Use -- */

/* A look at everybody who uses keys begins; each is named; what nobody has named since the look
 * before is forgotten at the end. */
void key_vault_begin_look(struct key_vault *v);
void key_vault_note(struct key_vault *v, const struct key_reference *r);
void key_vault_end_look(struct key_vault *v);
/* Is one that was noted not there? */
bool key_vault_lacks(struct key_vault *v);

/* -- Asking -- */

/* Blocks. ERROR_CONFIG: why it is not to be had. */
MUST_CHECK bool key_vault_fetch(struct key_vault *v, const struct key_reference *r,
                                struct error *err);
/* Blocks. Asks for all keys that are in use, or for those of them that are not there. A vault that did
 * not answer is not asked for the next one, so that the time this takes does not grow with the keys. */
void key_vault_refresh(struct key_vault *v, bool only_missing);

/* One of the two by another thread; memory and texts are the caller's until `done`. */
struct key_vault_ask {
    struct key_vault *vault;
    struct key_reference key; /* vault empty: a refresh */
    bool only_missing;
    struct loop *loop; /* must not stop before `done` */
    void (*done)(struct key_vault_ask *ask);
    /* the outcome, of one key */
    bool has_key;
    struct error err;
    struct loop_task task; /* key_vault's own */
};
/* False when too many are being asked for: then `done` is not called. */
MUST_CHECK bool key_vault_ask(struct key_vault_ask *ask);
/* From now on nobody is asked any more; who is being asked is not waited for. For the end of the
 * process, which would last as long as all vaults that do not answer may take. */
void key_vault_stop(struct key_vault *v);

#endif
