/*
 * What the data plane sees of the control plane: after each write the accounts concerned are made
 * anew and swapped into the directory, on the store thread, in the order of the commits. Upgrades
 * and retirements, which come with their dates, are logged when they come into force.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_PUBLISH_H
#define ARM_PUBLISH_H

#include "arm/call.h"

/* An account to be replaced in the directory, or removed from it. In the call's arena. */
struct arm_publication {
    struct str account_key;
    struct directory_account *account; /* NULL: it is gone */
    struct catalog *catalog;           /* a reference: what the account's models point into */
    struct arm_publication *next;
};

/* The account of that key has changed in this call, or one of its deployments. */
void arm_publish_touch(struct arm_call *c, struct str account_key);
/* At the end of a call: reads what was touched, as it is now. */
MUST_CHECK bool arm_publish_prepare(struct arm_call *c, struct error *err);
/* After the commit, on the store thread: swaps it in. */
void arm_publish(struct arm *a, struct arm_publication *list);

/* All accounts of the store, and in `arena` a list of them. NULL: ERROR_STORE. */
MUST_CHECK struct directory *arm_publish_all(struct arm *a, struct store_txn *t,
                                             struct arena *arena, struct arm_publication **list,
                                             struct error *err);
/* After the commit, on the store thread: swaps it in. Takes the reference. */
void arm_publish_swap(struct arm *a, struct directory *all, const struct arm_publication *list);

#endif
