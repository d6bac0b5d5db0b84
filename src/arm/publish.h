/*
 * What the data plane sees of the control plane: after each write the account or the deployment
 * concerned is made anew and swapped into the directory, on the store thread, in the order of the
 * commits. What was not written is not read again: the cost of a write does not grow with the
 * account. Upgrades and retirements, which come with their dates, are logged when they come into
 * force.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_PUBLISH_H
#define ARM_PUBLISH_H

#include "arm/call.h"

/* What is to be replaced in the directory, or removed from it: an account, a deployment, or all
 * roles and assignments; or the principals that the authority knows. In the call's arena. */
struct arm_publication {
    bool has_roles;                     /* then the rest is empty */
    struct rbac *roles;                 /* a reference */
    bool has_principals;                /* then the rest is empty */
    struct authority_state *principals; /* a reference */
    struct str account_key;
    struct str deployment_key;         /* empty: the account itself, which keeps its deployments */
    struct directory_account *account; /* NULL: it is gone */
    struct str lock;                   /* of an account that is locked: for the log, by which key */
    struct directory_deployment *deployment; /* NULL: it is gone, or cannot be served */
    struct catalog *catalog;                 /* a reference: what the deployment points into */
    struct arm_publication *next;
};

/* The account of that key has changed in this call. */
void arm_publish_account(struct arm_call *c, struct str account_key);
/* A deployment of it has. One whose account goes in the same call need not be named after it. */
void arm_publish_deployment(struct arm_call *c, struct str account_key, struct str deployment_key);
/* A role or an assignment has: what is read then is all of them, since they are few and seldom
 * written. */
void arm_publish_roles(struct arm_call *c);
/* A principal has: that of a managed identity. */
void arm_publish_principal(struct arm_call *c, struct str object_id);
/* What a part of the call has changed (part.h), behind what is there; `inner` ends with it. */
void arm_publish_adopt(struct arm_call *c, const struct arm_call *inner);
/* At the end of a call: reads what has changed, as it is now. */
MUST_CHECK bool arm_publish_prepare(struct arm_call *c, struct error *err);
/* After the commit, on the store thread: swaps it in. */
void arm_publish(struct arm *a, struct arm_publication *list);

/* All accounts of the store, and in `arena` a list of them and their deployments. NULL:
 * ERROR_STORE. */
MUST_CHECK struct directory *arm_publish_all(struct arm *a, struct store_txn *t,
                                             struct arena *arena, struct arm_publication **list,
                                             struct error *err);
/* After the commit, on the store thread: swaps it in. Takes the reference. */
void arm_publish_swap(struct arm *a, struct directory *all, const struct arm_publication *list);

#endif
