/* SPDX-License-Identifier: MIT */
#include "arm/claim.h"

#include "base/format.h"

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
    char etag[GUID_TEXT_LEN + 1];
    bool found;

    if (!store_get(c->txn, claim_key(c, kind, name), &r, &found, err))
        return false;
    *taken = !found || str_equal(r.parent, holder);
    if (found)
        return true;
    format_guid(etag);
    r = (struct store_resource){
        .key = claim_key(c, kind, name),
        .id = claim_key(c, kind, name),
        .type = STR("lazuli/claims"),
        .parent = holder,
        .etag = arena_copy(c->arena, str_from(etag)),
        .body = STR("{}"),
        .created_at_ms = c->now_ms,
        .changed_at_ms = c->now_ms,
    };
    return store_put(c->txn, &r, err);
}

bool arm_claim_release(struct arm_call *c, enum arm_claim kind, struct str name, struct error *err)
{
    bool existed;

    return store_delete(c->txn, claim_key(c, kind, name), &existed, err);
}
