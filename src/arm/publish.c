/* SPDX-License-Identifier: MIT */
#include "arm/publish.h"

#include "arm/resource.h"
#include "arm/types/deployment.h"
#include "arm/types/private_endpoint.h"
#include "arm/types/role.h"
#include "base/log.h"

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
        .limits = sku_limits(m, f.sku, f.capacity),
        .requests_per_minute = sku_requests_per_minute(m, f.sku, f.capacity),
        .ptu = { sku_ptu_tokens_per_minute(m, f.sku, f.capacity), m->ptu_burst_ms },
        .ptu_output_ratio = m->ptu_output_ratio,
        .spillover = json_str(json_at(body, "properties.spilloverDeploymentName")),
        .is_ready = f.runs != NULL,
    };
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

static bool read_keys(const struct reading *in, const struct store_resource *r,
                      struct arm_publication *p, struct error *err)
{
    const struct account_sealer *sealer = &in->arm->sealer;
    struct account_secret_state state;

    if (!account_secret_look(sealer, in->arena, r->secret, r->key, &state, err))
        return false;
    memcpy(p->account->key_digests, state.digests, sizeof(state.digests));
    p->account->is_locked = state.is_locked;
    if (state.is_locked)
        p->lock = arena_printf(in->arena, "vault=%.*s key=%.*s version=%.*s reason=\"%.*s\"",
                               STR_ARGS(state.key.vault), STR_ARGS(state.key.name),
                               STR_ARGS(state.key.version),
                               STR_ARGS(key_vault_reason(sealer->vault, in->arena, &state.key)));
    return true;
}

static bool read_account(const struct reading *in, const struct store_resource *r,
                         struct arm_publication *p, struct error *err)
{
    struct directory_account *account = ARENA_NEW(in->arena, struct directory_account);
    yyjson_val *body = arm_resource_body(in->arena, r, err);
    const struct catalog_location *location;

    if (!body)
        return false;
    p->account = account;
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
    return private_endpoint_find_approved(in->txn, in->arena, r->key,
                                          &account->has_private_endpoint, err) &&
           read_keys(in, r, p, err);
}

/* -- What its model's dates make of a deployment ---------------------------------------------- */

/* Logs an upgrade or a retirement when it comes into force. A version that a client has changed is
 * neither. `previous` (may be NULL) is the account before. */
static void log_passing(const struct directory_entry *previous,
                        const struct directory_deployment *now)
{
    const struct directory_account *account = previous ? directory_entry_account(previous) : NULL;
    const struct directory_deployment *before =
        account ? directory_deployment(account, now->name) : NULL;
    const struct catalog_model *to = now->model;

    if (!before)
        return;
    if (before->is_ready && !now->is_ready)
        log_info("deployment_retired", "account=%.*s deployment=%.*s model=%s version=%s",
                 STR_ARGS(account->name), STR_ARGS(now->name), to->name, to->version);
    else if (now->is_ready && to != now->deployed &&
             !str_equal(str_from(before->model->version), str_from(to->version)))
        log_info("deployment_upgraded", "account=%.*s deployment=%.*s model=%s from=%s to=%s",
                 STR_ARGS(account->name), STR_ARGS(now->name), to->name, before->model->version,
                 to->version);
}

/* Logs when an account is locked or unlocked. `previous` as above. */
static void log_lock(const struct directory_entry *previous, const struct arm_publication *p)
{
    bool was_locked = previous && directory_entry_account(previous)->is_locked;

    if (p->account->is_locked && !was_locked)
        log_warn("account_locked", "account=%.*s %.*s", STR_ARGS(p->account->name),
                 STR_ARGS(p->lock));
    else if (was_locked && !p->account->is_locked)
        log_info("account_unlocked", "account=%.*s", STR_ARGS(p->account->name));
}

/* -- One call's changes ---------------------------------------------------------------------- */

/* Hangs another one at *end, which moves on. */
static struct arm_publication *append(struct arena *a, struct arm_publication ***end,
                                      struct str account_key)
{
    struct arm_publication *p = ARENA_NEW(a, struct arm_publication);

    p->account_key = account_key;
    **end = p;
    *end = &p->next;
    return p;
}

static struct arm_publication *append_to(struct arm_call *c, struct str account_key)
{
    if (!c->publications)
        c->publications_end = &c->publications;
    return append(c->arena, &c->publications_end, account_key);
}

void arm_publish_deployment(struct arm_call *c, struct str account_key, struct str deployment_key)
{
    append_to(c, account_key)->deployment_key = deployment_key;
}

void arm_publish_account(struct arm_call *c, struct str account_key)
{
    arm_publish_deployment(c, account_key, STR_NONE);
}

/* One of all roles, or else of the principals. */
static bool has_one(const struct arm_call *c, bool of_roles)
{
    for (const struct arm_publication *p = c->publications; p; p = p->next) {
        if (of_roles ? p->has_roles : p->has_principals)
            return true;
    }
    return false;
}

void arm_publish_roles(struct arm_call *c)
{
    if (!has_one(c, true))
        append_to(c, STR_NONE)->has_roles = true;
}

void arm_publish_principal(struct arm_call *c, struct str object_id)
{
    authority_note_change(c->arm->authority, object_id);
    if (!has_one(c, false))
        append_to(c, STR_NONE)->has_principals = true;
}

void arm_publish_adopt(struct arm_call *c, const struct arm_call *inner)
{
    struct arm_publication *next;

    for (struct arm_publication *p = inner->publications; p; p = next) {
        next = p->next;
        if (p->has_roles ? has_one(c, true) : p->has_principals && has_one(c, false))
            continue; /* which reads all of them, as they are at the end */
        if (!c->publications)
            c->publications_end = &c->publications;
        p->next = NULL;
        *c->publications_end = p;
        c->publications_end = &p->next;
    }
}

static void release_roles(void *data)
{
    rbac_unref(data);
}

static void release_principals(void *data)
{
    authority_state_unref(data);
}

static void release_catalog(void *data)
{
    catalog_unref(data);
}

/* What is found under the publication's key. */
static bool prepare(struct arm_call *c, struct arm_publication *p, const struct store_resource *r,
                    struct error *err)
{
    struct reading in = { c->arm, c->txn, c->arena };
    struct directory_deployment d;
    yyjson_val *body;

    if (str_is_empty(p->deployment_key))
        return read_account(&in, r, p, err);
    body = arm_resource_body(c->arena, r, err);
    if (!body)
        return false;
    if (!read_deployment(&in, r, body, &d))
        return true;
    p->deployment = ARENA_NEW(c->arena, struct directory_deployment);
    *p->deployment = d;
    p->catalog = catalog_ref(c->arm->catalog);
    arena_defer(c->arena, release_catalog, p->catalog);
    return true;
}

static bool prepare_roles(struct arm_call *c, struct arm_publication *p, struct error *err)
{
    p->roles = roles_read(c->txn, c->arena, err);
    if (p->roles)
        arena_defer(c->arena, release_roles, p->roles);
    return p->roles != NULL;
}

/* Whoever signs makes keys where it is time; here they are only read. */
static bool prepare_principals(struct arm_call *c, struct arm_publication *p, struct error *err)
{
    p->principals = authority_read_changed(c->arm->authority, c->txn, c->arena, true, err);
    if (p->principals)
        arena_defer(c->arena, release_principals, p->principals);
    return p->principals != NULL;
}

bool arm_publish_prepare(struct arm_call *c, struct error *err)
{
    struct store_resource r;
    struct str key;
    bool found;

    for (struct arm_publication *p = c->publications; p; p = p->next) {
        if (p->has_roles || p->has_principals) {
            if (p->has_roles ? !prepare_roles(c, p, err) : !prepare_principals(c, p, err))
                return false;
            continue;
        }
        key = str_is_empty(p->deployment_key) ? p->account_key : p->deployment_key;
        if (!store_get(c->txn, key, &r, &found, err) || (found && !prepare(c, p, &r, err)))
            return false;
    }
    return true;
}

/* The account after the change; NULL when it is gone. */
static struct directory_entry *changed(const struct directory_entry *previous,
                                       const struct arm_publication *p)
{
    struct directory_entry *entry;

    if (str_is_empty(p->deployment_key)) {
        if (!p->account)
            return NULL;
        log_lock(previous, p);
        return directory_entry_new(p->account, previous);
    }
    if (!previous)
        return NULL; /* it went before its deployment, in the same call */
    entry = directory_entry_new(directory_entry_account(previous), previous);
    if (p->deployment) {
        directory_entry_put(entry, p->deployment, p->catalog, previous);
        log_passing(previous, p->deployment);
    } else {
        directory_entry_remove(entry, arm_id_name(p->deployment_key));
    }
    return entry;
}

void arm_publish(struct arm *a, struct arm_publication *list)
{
    struct directory *before = directory_box_get(a->directory), *current = before, *next;

    for (struct arm_publication *p = list; p; p = p->next) {
        if (p->has_principals) {
            authority_publish(a->authority, authority_state_ref(p->principals));
            continue;
        }
        next = p->has_roles
                   ? directory_with_roles(current, rbac_ref(p->roles))
                   : directory_with(current, p->account_key,
                                    changed(directory_entry_of(current, p->account_key), p));
        directory_unref(current);
        current = next;
    }
    if (current != before)
        directory_box_swap(a->directory, current);
    else
        directory_unref(current);
}

/* -- All of them ----------------------------------------------------------------------------- */

/* Hangs an account and, behind it, its deployments at *end. */
static bool read_whole(const struct reading *in, const struct store_resource *r,
                       struct arm_publication ***end, struct error *err)
{
    struct store_query query = {
        .parent = r->key,
        .type = arena_lower(in->arena, str_from(arm_deployment_type.name)),
    };
    struct directory_deployment *deployments;
    struct arm_documents all;

    if (!read_account(in, r, append(in->arena, end, r->key), err) ||
        !arm_resource_read_all(in->txn, in->arena, &query, &all, err))
        return false;
    deployments = ARENA_ARRAY(in->arena, struct directory_deployment, all.count);
    for (size_t i = 0; i < all.count; i++) {
        if (read_deployment(in, &all.items[i], all.bodies[i], &deployments[i]))
            append(in->arena, end, r->key)->deployment = &deployments[i];
    }
    return true;
}

struct directory *arm_publish_all(struct arm *a, struct store_txn *t, struct arena *arena,
                                  struct arm_publication **list, struct error *err)
{
    struct store_query query = { .type = arena_lower(arena, str_from(arm_account_type.name)) };
    struct reading in = { a, t, arena };
    const struct directory_entry *previous = NULL;
    struct arm_publication **end = list;
    struct directory_entry **entries;
    struct store_resource *found;
    struct directory *current, *accounts, *all;
    struct rbac *roles;
    size_t count, made = 0;

    *list = NULL;
    if (!store_list(t, &query, &found, &count, err))
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (!read_whole(&in, &found[i], &end, err))
            return NULL;
    }
    roles = roles_read(t, arena, err);
    if (!roles)
        return NULL;
    entries = ARENA_ARRAY(arena, struct directory_entry *, count);
    current = directory_box_get(a->directory);
    for (const struct arm_publication *p = *list; p; p = p->next) {
        if (p->account) {
            previous = directory_entry_of(current, p->account_key);
            entries[made++] = directory_entry_new(p->account, NULL);
        } else {
            directory_entry_put(entries[made - 1], p->deployment, a->catalog, previous);
        }
    }
    accounts = directory_new(a->catalog, entries, made);
    all = directory_with_roles(accounts, roles);
    directory_unref(accounts);
    directory_unref(current);
    return all;
}

void arm_publish_swap(struct arm *a, struct directory *all, const struct arm_publication *list)
{
    struct directory *current = directory_box_get(a->directory);

    for (const struct arm_publication *p = list; p; p = p->next) {
        const struct directory_entry *previous = directory_entry_of(current, p->account_key);

        if (p->account)
            log_lock(previous, p);
        else
            log_passing(previous, p->deployment);
    }
    directory_unref(current);
    directory_box_swap(a->directory, all);
}
