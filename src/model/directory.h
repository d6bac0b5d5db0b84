/*
 * The directory: what the data plane needs to know of accounts, deployments and roles, as an immutable
 * snapshot. It is made anew after each write of the control plane (accounts and deployments that
 * did not change are shared with the one before) and swapped in at once; an exchange keeps the one
 * it began with. Looking up takes no lock and touches no store.
 *
 * Counters (requests and tokens, utilization, in flight) live beside the snapshot and
 * survive a swap: a deployment that is replaced hands them to its successor of the same id.
 *
 * Whoever holds a reference to a snapshot may read all that is in it, and all that it points to.
 *
 * `struct directory_box` is the one place where the current snapshot is found; a `directory_view`
 * belongs to one thread and makes the usual look-up one load and one count.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_DIRECTORY_H
#define MODEL_DIRECTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/catalog.h"
#include "model/minute_meter.h"
#include "model/ptu_bucket.h"
#include "model/rate_limit.h"
#include "model/rbac.h"

#define KEY_DIGEST_BYTES 16

/* Shared by all snapshots that hold the deployment. Each on its own cache line. */
struct deployment_counters {
    struct rate_counters rates;            /* of the Standard family */
    struct rate_refusals refusals;         /* of these */
    struct ptu_bucket bucket;              /* of the Provisioned one */
    _Alignas(64) struct minute_meter work; /* of that, in input tokens */
    _Alignas(64) _Atomic int64_t in_flight;
    _Atomic int64_t work_in_flight; /* what these were taken for when they filled the bucket */
    _Atomic uint32_t answer_tokens; /* mean of the answers so far; 0: there was none */
    atomic_uint refs;
};

struct directory_deployment {
    struct str key;  /* lower-cased ARM id */
    struct str name; /* as shown */
    const struct catalog_model *model;
    const struct catalog_model *deployed; /* by a client; `model` is what became of it since */
    const struct catalog_engine *engine;
    struct str sku; /* "Standard" */
    unsigned capacity;
    struct rate_limits limits;    /* of the Standard family */
    uint64_t requests_per_minute; /* what they come to, as headers tell it */
    struct ptu_limit ptu;         /* of the Provisioned family; no tokens a minute: it is of
                                     * another, or the catalog does not say what units come to */
    unsigned ptu_output_ratio;    /* input tokens that one of an answer counts for there */
    struct str spillover;         /* name of the deployment that takes what this one of the
                                     * Provisioned family cannot; empty: none */
    bool is_ready;                /* false: `model` has retired, and nothing took its place */
    struct deployment_counters *counters;
};

struct directory_account {
    struct str key; /* lower-cased ARM id */
    struct str name;
    struct str kind;     /* "OpenAI", "AIServices" */
    struct str location; /* "eastus" */
    struct str region;   /* display name: "East US" */
    struct str subscription_id;
    struct str resource_group;
    struct str domain; /* custom subdomain, lower case; empty when there is none */
    bool local_auth_disabled;
    bool
        is_locked; /* the key of a vault, by which its keys are wrapped, is not there: it serves nobody */
    bool public_access_disabled; /* nobody is let in but by a private endpoint */
    bool has_private_endpoint;   /* one that is approved */
    bool denies_by_default;      /* only those whom ip_rules let in */
    bool has_virtual_networks;   /* and those in some, by the account's own endpoint only */
    struct str ip_rules;         /* as address_ranges_hold takes them */
    uint8_t key_digests[2][KEY_DIGEST_BYTES];
    struct directory_node *deployments; /* directory_deployment finds them */
};

/* A counted account with everything in it, made once and shared by snapshots. `template` is copied,
 * and so is every string. Its deployments are those of `previous` (NULL: none), which it may
 * replace. */
struct directory_entry;
struct directory_entry *directory_entry_new(const struct directory_account *template,
                                            const struct directory_entry *previous);
const struct directory_account *directory_entry_account(const struct directory_entry *e);

/* Before anybody else has the entry: adds a deployment, or replaces the one of that name. `template`
 * and every string in it are copied, but for its counters: those of the deployment of that name in
 * `previous` (may be NULL) are taken over. The catalog is kept alive. */
void directory_entry_put(struct directory_entry *e, const struct directory_deployment *template,
                         struct catalog *catalog, const struct directory_entry *previous);
/* Nothing happens when there is none of that name. */
void directory_entry_remove(struct directory_entry *e, struct str name);

struct directory;

/* All accounts at once, at start or after a catalog reload. Takes over the references to the
 * entries, each of another key; keeps a reference of its own to the catalog. */
struct directory *directory_new(struct catalog *catalog, struct directory_entry **entries,
                                size_t count);
/* A successor in which the account of that key is replaced, added, or (entry NULL) removed. Takes
 * over the reference of `entry`. */
struct directory *directory_with(const struct directory *d, struct str account_key,
                                 struct directory_entry *entry);
/* A successor with other roles. Takes over the reference of `roles`. */
struct directory *directory_with_roles(const struct directory *d, struct rbac *roles);
struct directory *directory_ref(struct directory *d);
void directory_unref(struct directory *d);

struct catalog *directory_catalog(const struct directory *d);
/* Who may do what; NULL: nobody anything, as it is in a directory that was made by itself. */
const struct rbac *directory_roles(const struct directory *d);
const struct directory_entry *directory_entry_of(const struct directory *d, struct str key);
size_t directory_count(const struct directory *d);

/* NULL when there is none. Names are found without regard to case. Where several resource groups
 * have an account of one name, by_name finds the one whose key comes first. */
const struct directory_account *directory_by_key_digest(const struct directory *d,
                                                        const uint8_t digest[KEY_DIGEST_BYTES]);
const struct directory_account *directory_by_name(const struct directory *d, struct str name);
const struct directory_account *directory_by_domain(const struct directory *d, struct str domain);
const struct directory_deployment *directory_deployment(const struct directory_account *a,
                                                        struct str name);
/* Is there an account of that name, in whichever group, and in it the deployment (empty: any)? */
bool directory_has(const struct directory *d, struct str account, struct str deployment);

/* All deployments, account by account, in no order of these. */
struct directory_visitor {
    void (*visit)(struct directory_visitor *v, const struct directory_account *a,
                  const struct directory_deployment *d);
};
void directory_each_deployment(const struct directory *d, struct directory_visitor *v);

/* The current snapshot, shared by all threads. */
struct directory_box;
struct directory_box *directory_box_new(struct directory *first); /* takes the reference */
void directory_box_free(struct directory_box *b);
/* Takes the reference; from the return on every new look-up on any thread sees `next`. What `next`
 * takes the place of is kept until the next swap: by then the views have let go of it, and it is
 * the swapping thread that frees it, which for a whole directory takes longer than a request may. */
void directory_box_swap(struct directory_box *b, struct directory *next);
/* A new reference to the current one. */
struct directory *directory_box_get(struct directory_box *b);

/* One thread's view. */
struct directory_view {
    struct directory_box *box;
    struct directory *current;
    uint64_t generation;
};
void directory_view_init(struct directory_view *v, struct directory_box *b);
void directory_view_done(struct directory_view *v);
/* A reference to the current snapshot for an exchange; directory_unref when it ends. */
struct directory *directory_view_get(struct directory_view *v);

#endif
