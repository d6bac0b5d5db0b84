/* SPDX-License-Identifier: MIT */
#include "arm/publish.h"

#include "arm/resource.h"
#include "arm/types/deployment.h"
#include "base/log.h"
#include "identity/account_keys.h"

/* An account as it is read from the store, with what is needed to do so. */
struct reading {
    struct arm *arm;
    struct store_txn *txn;
    struct arena *arena;
};

/* -- Reading --------------------------------------------------------------------------------- */

/* False when the catalog has lost the model or its SKU: the deployment is not served then. */
static bool read_deployment(const struct reading *in, const struct store_resource *r,
                            yyjson_val *body, struct directory_deployment *d)
{
    struct catalog *catalog = in->arm->catalog;
    const struct catalog_model *m;
    struct deployment_facts f;

    deployment_read(catalog, body, clock_now_ms(in->arm->clock), &f);
    if (!f.sku)
        return false;
    m = f.runs ? f.runs : f.model;
    *d = (struct directory_deployment){
        .key = r->key,
        .name = arm_id_name(r->id),
        .model = m,
        .deployed = f.model,
        /* by its own name, not the one in paths */
        .engine = catalog_engine_for(catalog, m, arm_id_segment(r->id, 7), arm_id_name(r->id)),
        .sku = str_from(f.sku->name),
        .capacity = f.capacity,
        .tokens_per_minute = sku_tokens_per_minute(m, f.sku, f.capacity),
        .requests_per_minute = sku_requests_per_minute(m, f.sku, f.capacity),
        .is_ready = f.runs != NULL,
    };
    return true;
}

static bool read_deployments(const struct reading *in, struct directory_account *account,
                             struct error *err)
{
    struct store_query query = {
        .parent = account->key,
        .type = arena_lower(in->arena, str_from(arm_deployment_type.name)),
    };
    struct store_resource *found;
    yyjson_val *body;
    size_t count;

    if (!store_list(in->txn, &query, &found, &count, err))
        return false;
    account->deployments = ARENA_ARRAY(in->arena, struct directory_deployment, count);
    for (size_t i = 0; i < count; i++) {
        body = arm_resource_body(in->arena, &found[i], err);
        if (!body)
            return false;
        if (read_deployment(in, &found[i], body, &account->deployments[account->deployment_count]))
            account->deployment_count++;
    }
    return true;
}

/* Virtual networks let nobody in: there are none here. */
static void read_network(const struct reading *in, yyjson_val *properties,
                         struct directory_account *account)
{
    yyjson_val *rules = json_at(properties, "networkAcls.ipRules"), *rule;
    size_t i, count;

    account->public_access_disabled =
        yyjson_equals_str(json_at(properties, "publicNetworkAccess"), "Disabled");
    account->denies_by_default =
        yyjson_equals_str(json_at(properties, "networkAcls.defaultAction"), "Deny");
    account->has_virtual_networks =
        yyjson_arr_size(json_at(properties, "networkAcls.virtualNetworkRules")) > 0;
    yyjson_arr_foreach(rules, i, count, rule)
    {
        account->ip_rules = arena_printf(in->arena, "%.*s%s%.*s", STR_ARGS(account->ip_rules),
                                         i ? "," : "", STR_ARGS(json_str(json_at(rule, "value"))));
    }
}

static bool read_digests(const struct reading *in, const struct store_resource *r,
                         struct directory_account *account, struct error *err)
{
    struct account_keys keys;

    if (!account_keys_open(in->arm->box, in->arena, r->secret, r->key, &keys, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(account->key_digests); i++)
        key_hash_digest(in->arm->key_hash, str_from(keys.key[i]), account->key_digests[i]);
    account_keys_wipe(&keys);
    return true;
}

/* NULL: *err. */
static struct directory_account *read_account(const struct reading *in,
                                              const struct store_resource *r, struct error *err)
{
    struct directory_account *account = ARENA_NEW(in->arena, struct directory_account);
    yyjson_val *body = arm_resource_body(in->arena, r, err);
    const struct catalog_location *location;

    if (!body)
        return NULL;
    location = catalog_find_location(in->arm->catalog, json_str(json_at(body, "location")));
    account->key = r->key;
    account->name = json_str(json_at(body, "facts.route"));
    account->kind = json_str(json_at(body, "kind"));
    account->location = location ? str_from(location->name) : json_str(json_at(body, "location"));
    account->region = location ? str_from(location->display_name) : account->location;
    account->subscription_id = arm_id_segment(r->id, 1);
    account->resource_group = arm_id_segment(r->id, 3);
    account->domain =
        arena_lower(in->arena, json_str(json_at(body, "properties.customSubDomainName")));
    account->local_auth_disabled = yyjson_get_bool(json_at(body, "properties.disableLocalAuth"));
    read_network(in, json_at(body, "properties"), account);
    if (!read_digests(in, r, account, err) || !read_deployments(in, account, err))
        return NULL;
    return account;
}

/* -- What its models' dates make of an account ------------------------------------------------ */

static void log_passing(const struct directory_account *account,
                        const struct directory_deployment *before,
                        const struct directory_deployment *now)
{
    const struct catalog_model *from = before->model, *to = now->model;

    if (before->is_ready && !now->is_ready)
        log_info("deployment_retired", "account=%.*s deployment=%.*s model=%s version=%s",
                 STR_ARGS(account->name), STR_ARGS(now->name), to->name, to->version);
    else if (now->is_ready && to != now->deployed &&
             !str_equal(str_from(from->version), str_from(to->version)))
        log_info("deployment_upgraded", "account=%.*s deployment=%.*s model=%s from=%s to=%s",
                 STR_ARGS(account->name), STR_ARGS(now->name), to->name, from->version,
                 to->version);
}

/* Logs each upgrade and each retirement when it comes into force. A version that a client has
 * changed is neither. `previous` (may be NULL) is the account that `now` replaces. */
static void log_passings(const struct directory_entry *previous,
                         const struct directory_account *now)
{
    const struct directory_deployment *before;

    if (!previous)
        return;
    for (unsigned i = 0; i < now->deployment_count; i++) {
        before = directory_deployment(directory_entry_account(previous), now->deployments[i].name);
        if (before)
            log_passing(now, before, &now->deployments[i]);
    }
}

/* -- One call's changes ---------------------------------------------------------------------- */

void arm_publish_touch(struct arm_call *c, struct str account_key)
{
    struct arm_publication *p = c->publications;

    while (p && !str_equal(p->account_key, account_key))
        p = p->next;
    if (p)
        return;
    p = ARENA_NEW(c->arena, struct arm_publication);
    p->account_key = account_key;
    p->next = c->publications;
    c->publications = p;
}

static void release_catalog(void *data)
{
    catalog_unref(data);
}

bool arm_publish_prepare(struct arm_call *c, struct error *err)
{
    struct reading in = { c->arm, c->txn, c->arena };
    struct store_resource r;
    bool found;

    for (struct arm_publication *p = c->publications; p; p = p->next) {
        if (!store_get(c->txn, p->account_key, &r, &found, err))
            return false;
        if (!found)
            continue;
        p->account = read_account(&in, &r, err);
        if (!p->account)
            return false;
        p->catalog = catalog_ref(c->arm->catalog);
        arena_defer(c->arena, release_catalog, p->catalog);
    }
    return true;
}

void arm_publish(struct arm *a, struct arm_publication *list)
{
    struct directory *current = directory_box_get(a->directory), *next;
    const struct directory_entry *previous;
    struct directory_entry *entry;

    for (struct arm_publication *p = list; p; p = p->next) {
        entry = NULL;
        previous = directory_entry_of(current, p->account_key);
        if (p->account) {
            entry = directory_entry_new(p->account, p->catalog, previous);
            log_passings(previous, p->account);
        }
        next = directory_with(current, p->account_key, entry);
        directory_unref(current);
        current = next;
    }
    if (list)
        directory_box_swap(a->directory, current);
    else
        directory_unref(current);
}

/* -- All of them ----------------------------------------------------------------------------- */

struct directory *arm_publish_all(struct arm *a, struct store_txn *t, struct arena *arena,
                                  struct arm_publication **list, struct error *err)
{
    struct store_query query = { .type = arena_lower(arena, str_from(arm_account_type.name)) };
    struct reading in = { a, t, arena };
    struct arm_publication *accounts;
    struct directory_entry **entries;
    struct store_resource *found;
    struct directory *current, *all;
    size_t count;

    if (!store_list(t, &query, &found, &count, err))
        return NULL;
    accounts = ARENA_ARRAY(arena, struct arm_publication, count);
    *list = NULL;
    entries = ARENA_ARRAY(arena, struct directory_entry *, count);
    for (size_t i = 0; i < count; i++) {
        accounts[i].account = read_account(&in, &found[i], err);
        if (!accounts[i].account)
            return NULL;
        accounts[i].account_key = accounts[i].account->key;
        accounts[i].next = *list;
        *list = &accounts[i];
    }
    current = directory_box_get(a->directory);
    for (size_t i = 0; i < count; i++)
        entries[i] = directory_entry_new(accounts[i].account, a->catalog,
                                         directory_entry_of(current, accounts[i].account_key));
    all = directory_new(a->catalog, entries, count);
    directory_unref(current);
    return all;
}

void arm_publish_swap(struct arm *a, struct directory *all, const struct arm_publication *list)
{
    struct directory *current = directory_box_get(a->directory);

    for (const struct arm_publication *p = list; p; p = p->next)
        log_passings(directory_entry_of(current, p->account_key), p->account);
    directory_unref(current);
    directory_box_swap(a->directory, all);
}
