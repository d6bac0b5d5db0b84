/*
 * The first resources of a new data folder: a tenant, a subscription, and, for `lazuli up`, a
 * resource group and an account with its deployments. What is there already is left alone, so that
 * a second start finds what the first one left.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_BOOTSTRAP_H
#define SERVER_BOOTSTRAP_H

#include <stdbool.h>

#include "arm/arm.h"
#include "base/arena.h"
#include "base/error.h"
#include "identity/key_vault.h"
#include "identity/secret_box.h"
#include "store/store.h"

#define BOOTSTRAP_GROUP "lazuli"
#define BOOTSTRAP_ACCOUNT "lazuli-openai"
#define BOOTSTRAP_LOCATION "eastus"

/* How the service is reached. */
struct bootstrap_endpoint {
    struct str public_base;
    struct str secure_base;    /* the same over TLS; empty where none is served */
    struct str authority_file; /* below the data folder: the CA that vouches for that; or empty */
};

/* What a data folder says of itself; strings live in the arena that was passed. */
struct bootstrap_info {
    struct str tenant_id;
    struct str subscription_id;
    struct str admin_token;
    /* The first service principal, which owns the subscription. */
    struct str client_id;
    struct str client_secret;
    struct str object_id;
    struct bootstrap_endpoint endpoint; /* of the last start */
    struct str resource_group;          /* empty when the folder was not made by `up` */
    struct str account;
    struct str key1;
    struct key_reference missing_key; /* of a vault, without which key1 does not open */
};

/* Makes ids, the admin token and the client secret where they are missing. Before arm_new, which wants the
 * tenant. */
MUST_CHECK bool bootstrap_identity(struct store *s, const struct secret_box *box,
                                   const struct bootstrap_endpoint *endpoint, struct arena *a,
                                   struct bootstrap_info *info, struct error *err);
/* For other commands, which find the service by it; a new folder has it with the identity. */
MUST_CHECK bool bootstrap_note_endpoint(struct store *s, const struct bootstrap_endpoint *endpoint,
                                        struct arena *a, struct error *err);
/* The subscription with its owner, and with `quickstart` the group, the account and its
 * deployments. */
MUST_CHECK bool bootstrap_resources(struct store *s, struct arm *arm, bool quickstart,
                                    const struct bootstrap_info *info, struct error *err);
/* What is there, with the quickstart account's first key, if it opens. */
MUST_CHECK bool bootstrap_read(struct store *s, const struct secret_box *box,
                               struct key_vault *vault, struct arena *a,
                               struct bootstrap_info *info, struct error *err);

#endif
