/* SPDX-License-Identifier: MIT */
#include "arm/quota.h"

#include <inttypes.h>
#include <stdlib.h>
#include <uthash.h>

#include "arm/resource.h"
#include "base/format.h"
#include "model/quota.h"

#define ROOT "/quotas"

/* -- Sums ------------------------------------------------------------------------------------ */

struct arm_quota_place arm_quota_place(const struct arm_call *c, struct str subscription,
                                       struct str location)
{
    const struct catalog_location *known = catalog_find_location(c->arm->catalog, location);

    return (struct arm_quota_place){ subscription, known ? str_from(known->name) : location };
}

static struct str place_key(struct arm_call *c, const struct arm_quota_place *place)
{
    return arena_lower(c->arena,
                       arena_printf(c->arena, ROOT "/%.*s/%.*s", STR_ARGS(place->subscription),
                                    STR_ARGS(place->location)));
}

static struct str sum_key(struct arm_call *c, const struct arm_quota_place *place,
                          const char *usage)
{
    return arena_lower(c->arena,
                       arena_printf(c->arena, "%.*s/%s", STR_ARGS(place_key(c, place)), usage));
}

/* `parent` is a key that no resource has. */
static bool write_row(struct arm_call *c, struct str key, struct str parent, struct str body,
                      struct error *err)
{
    char etag[GUID_TEXT_LEN + 1];
    struct store_resource r = {
        .key = key,
        .id = key,
        .type = STR("lazuli/quotas"),
        .parent = parent,
        .body = body,
        .created_at_ms = c->now_ms,
        .changed_at_ms = c->now_ms,
    };

    format_guid(etag);
    r.etag = arena_copy(c->arena, str_from(etag));
    return store_put(c->txn, &r, err);
}

static bool write_sum(struct arm_call *c, struct str key, uint64_t sum, struct error *err)
{
    return write_row(c, key, STR(ROOT), arena_printf(c->arena, "%" PRIu64, sum), err);
}

bool arm_quota_used(struct arm_call *c, const struct arm_quota_place *place, const char *usage,
                    uint64_t *used, struct error *err)
{
    struct store_resource r;
    bool found;

    *used = 0;
    if (!store_get(c->txn, sum_key(c, place, usage), &r, &found, err))
        return false;
    return !found || str_to_u64(r.body, UINT64_MAX, used) ||
           error_set(err, ERROR_STORE, "the sum '%.*s' is damaged", STR_ARGS(r.key));
}

static uint64_t limit_of(const struct arm_call *c, const struct arm_quota_place *place,
                         const struct catalog_usage *u)
{
    return quota_limit(c->arm->catalog, u, place->subscription, place->location);
}

bool arm_quota_available(struct arm_call *c, const struct arm_quota_place *place,
                         const struct catalog_usage *u, uint64_t *available, struct error *err)
{
    uint64_t used;

    if (!arm_quota_used(c, place, u->name, &used, err))
        return false;
    *available = quota_available(limit_of(c, place, u), used);
    return true;
}

/* More, if it fits; where it `must`, in any case. */
static bool add(struct arm_call *c, const struct arm_quota_place *place,
                const struct catalog_usage *u, uint64_t more, bool must, struct error *err)
{
    uint64_t used;

    if (!arm_quota_used(c, place, u->name, &used, err))
        return false;
    if (!must && !quota_check(u, limit_of(c, place, u), used, more, err))
        return false;
    return write_sum(c, sum_key(c, place, u->name), used + more, err);
}

static bool subtract(struct arm_call *c, const struct arm_quota_place *place,
                     const struct catalog_usage *u, uint64_t less, struct error *err)
{
    uint64_t used;

    if (!arm_quota_used(c, place, u->name, &used, err))
        return false;
    /* at a start with another catalog, what is overdue goes before all is counted anew */
    return write_sum(c, sum_key(c, place, u->name), used > less ? used - less : 0, err);
}

/* -- Deployments ----------------------------------------------------------------------------- */

const struct catalog_sku *arm_quota_sku(const struct catalog *catalog, yyjson_val *body)
{
    yyjson_val *model = json_at(body, "properties.model");
    const struct catalog_model *m =
        catalog_find_model(catalog, json_str(json_at(model, "format")),
                           json_str(json_at(model, "name")), json_str(json_at(model, "version")));

    return m ? catalog_find_sku(m, json_str(json_at(body, "sku.name"))) : NULL;
}

static uint64_t capacity_of(yyjson_val *body)
{
    return yyjson_get_uint(json_at(body, "sku.capacity"));
}

/* Of the account with that key. */
static bool find_place(struct arm_call *c, struct str account_key, struct arm_quota_place *place,
                       struct error *err)
{
    struct store_resource r;
    yyjson_val *body;
    bool found;

    if (!store_get(c->txn, account_key, &r, &found, err))
        return false;
    if (!found) {
        error_set(err, ERROR_STORE, "there is no account '%.*s' for its deployment",
                  STR_ARGS(account_key));
        return false;
    }
    body = arm_resource_body(c->arena, &r, err);
    if (!body)
        return false;
    *place = arm_quota_place(c, arm_id_segment(r.id, 1), json_str(json_at(body, "location")));
    return true;
}

bool arm_quota_take(struct arm_change *change, const struct catalog_sku *s, unsigned capacity,
                    struct error *err)
{
    struct arm_call *c = change->call;
    const struct catalog_sku *old =
        change->before ? arm_quota_sku(c->arm->catalog, change->old) : NULL;
    uint64_t had = old ? capacity_of(change->old) : 0;
    struct arm_quota_place place;

    if (old && old->usage == s->usage && had == capacity)
        return true;
    if (!find_place(c, change->after.parent, &place, err))
        return false;
    if (old && old->usage == s->usage)
        return capacity > had ? add(c, &place, s->usage, capacity - had, false, err)
                              : subtract(c, &place, s->usage, had - capacity, err);
    return add(c, &place, s->usage, capacity, false, err) &&
           (!old || subtract(c, &place, old->usage, had, err));
}

static bool add_document(struct arm_call *c, const struct store_resource *r, bool comes,
                         struct error *err)
{
    yyjson_val *body = arm_resource_body(c->arena, r, err);
    const struct catalog_sku *s;
    struct arm_quota_place place;

    if (!body)
        return false;
    s = arm_quota_sku(c->arm->catalog, body);
    if (!s)
        return true;
    if (!find_place(c, r->parent, &place, err))
        return false;
    return comes ? add(c, &place, s->usage, capacity_of(body), true, err)
                 : subtract(c, &place, s->usage, capacity_of(body), err);
}

bool arm_quota_add(struct arm_call *c, const struct store_resource *r, struct error *err)
{
    return add_document(c, r, true, err);
}

bool arm_quota_remove(struct arm_call *c, const struct store_resource *r, struct error *err)
{
    return add_document(c, r, false, err);
}

/* -- Accounts -------------------------------------------------------------------------------- */

bool arm_quota_take_account(struct arm_call *c, const struct arm_quota_place *place,
                            struct str name, struct error *err)
{
    uint64_t used;

    if (!arm_quota_used(c, place, quota_accounts.name, &used, err))
        return false;
    if (used >= limit_of(c, place, &quota_accounts) ||
        used >= limit_of(c, place, &quota_s0_accounts))
        return error_set(err, ERROR_ARM_QUOTA,
                         "Insufficient quota. Cannot create/update/move resource '%.*s'.",
                         STR_ARGS(name));
    return write_sum(c, sum_key(c, place, quota_accounts.name), used + 1, err);
}

bool arm_quota_remove_account(struct arm_call *c, const struct arm_quota_place *place,
                              struct error *err)
{
    return subtract(c, place, &quota_accounts, 1, err);
}

/* -- Counting all anew ----------------------------------------------------------------------- */

struct sum {
    struct str key;
    uint64_t value;
    UT_hash_handle hh;
};

static void count(struct arm_call *c, struct sum **all, struct str key, uint64_t more)
{
    struct sum *s;

    HASH_FIND(hh, *all, key.data, key.len, s);
    if (!s) {
        s = ARENA_ARRAY(c->arena, struct sum, 1);
        s->key = key;
        HASH_ADD_KEYPTR(hh, *all, s->key.data, s->key.len, s);
    }
    s->value += more;
}

static bool count_account(struct arm_call *c, struct sum **all, const struct store_resource *r,
                          struct error *err)
{
    yyjson_val *body = arm_resource_body(c->arena, r, err);
    struct arm_quota_place place;
    struct arm_documents found;

    if (!body || !arm_resource_read_below(c, &arm_deployment_type, r->key, &found, err))
        return false;
    place = arm_quota_place(c, arm_id_segment(r->id, 1), json_str(json_at(body, "location")));
    count(c, all, sum_key(c, &place, quota_accounts.name), 1);
    for (size_t i = 0; i < found.count; i++) {
        const struct catalog_sku *s = arm_quota_sku(c->arm->catalog, found.bodies[i]);

        if (s)
            count(c, all, sum_key(c, &place, s->usage->name), capacity_of(found.bodies[i]));
    }
    return true;
}

static bool count_accounts(struct arm_call *c, struct sum **all, const struct arm_type *type,
                           struct error *err)
{
    struct store_query query = { .type = arena_lower(c->arena, str_from(type->name)) };
    struct store_resource *found;
    size_t found_count;

    if (!store_list(c->txn, &query, &found, &found_count, err))
        return false;
    for (size_t i = 0; i < found_count; i++) {
        if (!count_account(c, all, &found[i], err))
            return false;
    }
    return true;
}

/* Stands for all of a catalog that decides where something counts. */
static struct str names_of(struct arm_call *c)
{
    const struct catalog *catalog = c->arm->catalog;
    uint64_t hash = STR_HASH_START;

    for (unsigned i = 0; i < catalog->model_count; i++) {
        const struct catalog_model *m = &catalog->models[i];

        for (unsigned n = 0; n < m->sku_count; n++)
            hash = str_hash(hash, arena_printf(c->arena, "%s/%s/%s/%s=%s\n", m->format, m->name,
                                               m->version, m->skus[n].name, m->skus[n].usage_name));
    }
    for (unsigned i = 0; i < catalog->location_count; i++)
        hash = str_hash(hash, arena_printf(c->arena, "%s\n", catalog->locations[i].name));
    return arena_printf(c->arena, "\"%016" PRIx64 "\"", hash);
}

static bool write_all(struct arm_call *c, struct sum *all, struct error *err)
{
    size_t gone;

    if (!store_delete_tree(c->txn, STR(ROOT), &gone, err))
        return false;
    for (struct sum *s = all; s; s = s->hh.next) {
        if (!write_sum(c, s->key, s->value, err))
            return false;
    }
    return write_row(c, STR(ROOT), STR_NONE, names_of(c), err);
}

bool arm_quota_recount(struct arm_call *c, struct error *err)
{
    struct store_resource r;
    struct sum *all = NULL;
    bool found, done;

    if (!store_get(c->txn, STR(ROOT), &r, &found, err))
        return false;
    if (found && str_equal(r.body, names_of(c)))
        return true;
    done = count_accounts(c, &all, &arm_account_type, err) &&
           count_accounts(c, &all, &arm_deleted_account_type, err) && write_all(c, all, err);
    HASH_CLEAR(hh, all);
    return done;
}
