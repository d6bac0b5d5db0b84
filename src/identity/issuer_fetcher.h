/*
 * Fetches the keys of foreign issuers, and keeps them fresh: on one loop, for as long as it is there.
 *
 *   IDLE --time, or an unknown key--> DISCOVERY --> KEYS --> IDLE   new keys are in the box
 *     ^------------------ anything that goes wrong ---'             the old ones stay in use
 *
 * An issuer's keys are fetched at once, and again when what the answer's Cache-Control says is over
 * (an hour where it says nothing). A wish for an unknown key (issuer_keys_want) fetches at once, but
 * not twice within a minute. Keys that could not be fetched again for a day go. What a server
 * answers is limited in size and time; redirects are not followed.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_ISSUER_FETCHER_H
#define IDENTITY_ISSUER_FETCHER_H

#include "identity/issuer_keys.h"

struct issuer_fetcher;

struct issuer_fetcher_options {
    uint64_t refresh_ms;                     /* 1 h */
    uint64_t refresh_min_ms, refresh_max_ms; /* 5 min, 24 h: whatever Cache-Control says */
    uint64_t wanted_ms;                      /* 1 min: between two fetches for unknown keys */
    uint64_t retry_min_ms, retry_max_ms;     /* 1 min, doubled with each failure up to 30 min */
    uint64_t keep_ms;                        /* 24 h */
    uint64_t timeout_ms;                     /* 30 s: of one fetch, discovery included */
};
void issuer_fetcher_options_default(struct issuer_fetcher_options *options);

/* Takes a reference of the list. Keys of an issuer that is the same in the box's snapshot stay in
 * use. `options` NULL: the defaults. */
struct issuer_fetcher *issuer_fetcher_new(struct loop *loop, struct issuer_keys_box *box,
                                          struct issuers *list,
                                          const struct issuer_fetcher_options *options);
/* Stops; on_done comes later, when it is gone. What is in the box stays. */
void issuer_fetcher_close(struct issuer_fetcher *owner, void (*on_done)(void *data), void *data);

#endif
