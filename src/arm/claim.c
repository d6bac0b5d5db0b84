/* SPDX-License-Identifier: MIT */
#include "arm/claim.h"

#include "arm/resource.h"

static struct str claim_key(struct arm_call *c, enum arm_claim kind, struct str name)
{
    return arena_lower(c->arena,
                       arena_printf(c->arena, "/claims/%s/%.*s",
                                    kind == CLAIM_DOMAIN ? "domains" : "routes", STR_ARGS(name)));
}

bool arm_claim_exists(struct arm_call *c, enum arm_claim kind, struct str name, bool *exists,
                      struct error *err)
{
    struct store_resource r;

    return store_get(c->txn, claim_key(c, kind, name), &r, exists, err);
}

bool arm_claim_take(struct arm_call *c, enum arm_claim kind, struct str name, struct str owner,
                    bool *taken, struct error *err)
{
    /* who holds it; not the owner's key itself, whose children are its nested resources */
    struct str holder = arena_printf(c->arena, "/claims%.*s", STR_ARGS(owner));
    struct store_resource r;
    bool found;

    if (!store_get(c->txn, claim_key(c, kind, name), &r, &found, err))
        return false;
    *taken = !found || str_equal(r.parent, holder);
    if (found)
        return true;
    r = (struct store_resource){
        .key = claim_key(c, kind, name),
        .id = claim_key(c, kind, name),
        .type = STR("lazuli/claims"),
        .parent = holder,
    };
    return arm_resource_put_mark(c, &r, err);
}

bool arm_claim_release(struct arm_call *c, enum arm_claim kind, struct str name, struct error *err)
{
    bool existed;

    return store_delete(c->txn, claim_key(c, kind, name), &existed, err);
}
