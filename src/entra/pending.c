/* SPDX-License-Identifier: MIT */
#include "entra/pending.h"

#include "base/format.h"

/* Of one kind, waiting at the same time; strangers can make device codes. */
#define PENDING_MAX 2000
#define PRUNED_AT_ONCE 500
/* To look for them reads all that wait: not for each stranger's request. */
#define PRUNE_PERIOD_MS 1000
/* What is to wait for longer was dated by a clock that was ahead. */
#define LIFETIME_MAX_MS ((int64_t)3600 * 1000)

static const char *const names[PENDING_KINDS] = {
    [PENDING_DEVICE_CODE] = "device_code",
    [PENDING_REDEEMED_CODE] = "authorization_code",
};

static struct str key_of(struct entra_call *c, enum pending_kind kind, struct str id)
{
    return arena_lower(c->arena,
                       arena_printf(c->arena, "/pending/%s/%.*s", names[kind], STR_ARGS(id)));
}

static struct str parent_of(struct entra_call *c, enum pending_kind kind)
{
    return arena_printf(c->arena, "/pending/%s", names[kind]);
}

/* Expiry is the document's change time, so that what has expired is told without reading bodies. */
static bool prune(struct entra_call *c, enum pending_kind kind, int64_t now_ms, struct error *err)
{
    struct store_query query = { .parent = parent_of(c, kind), .limit = PENDING_MAX };
    struct entra_pending *p = &c->entra->pending[kind];
    struct store_resource *list;
    size_t count, pruned = 0;
    bool existed;

    if (!store_list(c->txn, &query, &list, &count, err))
        return false;
    for (size_t i = 0; i < count && pruned < PRUNED_AT_ONCE; i++) {
        if (list[i].changed_at_ms > now_ms && list[i].changed_at_ms - now_ms <= LIFETIME_MAX_MS)
            continue;
        if (!store_delete(c->txn, list[i].key, &existed, err))
            return false;
        pruned++;
    }
    *p = (struct entra_pending){ .count = count - pruned, .pruned_at_ms = now_ms };
    return true;
}

/* Is there room for one more? It is counted here; one whose job fails after all, or that is deleted, is
 * no longer counted from the next look at the store on. */
static bool make_room(struct entra_call *c, enum pending_kind kind, struct error *err)
{
    struct entra_pending *p = &c->entra->pending[kind];
    int64_t now_ms = authority_now_ms(c->entra->authority);

    if ((now_ms < p->pruned_at_ms || now_ms - p->pruned_at_ms >= PRUNE_PERIOD_MS) &&
        !prune(c, kind, now_ms, err))
        return false;
    if (p->count >= PENDING_MAX)
        return error_set(err, ERROR_OAUTH_REQUEST, "Too many requests wait for an answer.");
    p->count++;
    return true;
}

bool pending_put(struct entra_call *c, enum pending_kind kind, struct str id, yyjson_mut_val *body,
                 int64_t expires_at_ms, struct error *err)
{
    char etag[GUID_TEXT_LEN + 1];
    struct store_resource old, r = {
        .key = key_of(c, kind, id),
        .id = id,
        .type = STR("lazuli/pending"),
        .parent = parent_of(c, kind),
        .body = json_write_mut(c->arena, body),
        .created_at_ms = authority_now_ms(c->entra->authority),
        .changed_at_ms = expires_at_ms,
    };
    bool exists;

    format_guid(etag);
    r.etag = str_from(etag);
    if (!store_get(c->txn, r.key, &old, &exists, err))
        return false;
    return (exists || make_room(c, kind, err)) && store_put(c->txn, &r, err);
}

bool pending_get(struct entra_call *c, enum pending_kind kind, struct str id, yyjson_val **body,
                 struct error *err)
{
    struct store_resource r;
    yyjson_doc *doc;
    bool found;

    *body = NULL;
    if (!store_get(c->txn, key_of(c, kind, id), &r, &found, err))
        return false;
    if (!found || r.changed_at_ms <= authority_now_ms(c->entra->authority))
        return true;
    doc = json_parse(c->arena, r.body, err);
    if (!doc)
        return error_set(err, ERROR_STORE, "what waits is damaged");
    *body = yyjson_doc_get_root(doc);
    return true;
}

bool pending_delete(struct entra_call *c, enum pending_kind kind, struct str id, struct error *err)
{
    bool existed;

    return store_delete(c->txn, key_of(c, kind, id), &existed, err);
}
