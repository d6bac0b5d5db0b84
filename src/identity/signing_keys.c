/* SPDX-License-Identifier: MIT */
#include "identity/signing_keys.h"

#include <assert.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/memory.h"

#define SETTING STR("signing_keys") /* sealed, base64: {"keys":[{"createdAt":MS,"key":JWK}]} */
#define KEYS_MAX 16

struct signing_key {
    struct jwt_key *key;
    int64_t created_at_ms;
};

struct signing_keys {
    struct signing_key items[KEYS_MAX]; /* oldest first */
    unsigned count;
};

static void add(struct signing_keys *k, struct jwt_key *key, int64_t created_at_ms)
{
    assert(k->count < KEYS_MAX);
    k->items[k->count++] = (struct signing_key){ key, created_at_ms };
}

void signing_keys_free(struct signing_keys *k)
{
    if (!k)
        return;
    for (unsigned i = 0; i < k->count; i++)
        jwt_key_free(k->items[i].key);
    free(k);
}

/* -- Which key, and when --------------------------------------------------------------------- */

/* Of any but the oldest one, which signs until then. */
static int64_t signs_from(const struct signing_key *key)
{
    return key->created_at_ms + SIGNING_KEY_OVERLAP_MS;
}

static bool renew(struct signing_keys *k, int64_t now_ms)
{
    char id[GUID_TEXT_LEN + 1];

    if (k->count && now_ms - k->items[k->count - 1].created_at_ms < SIGNING_KEY_PERIOD_MS)
        return false;
    format_guid(id);
    add(k, jwt_key_generate(str_from(id)), now_ms);
    return true;
}

static bool drop_old(struct signing_keys *k, int64_t now_ms)
{
    bool dropped = false;

    while (k->count > 1 && signs_from(&k->items[1]) + SIGNING_KEY_OVERLAP_MS <= now_ms) {
        jwt_key_free(k->items[0].key);
        memmove(k->items, k->items + 1, --k->count * sizeof(k->items[0]));
        dropped = true;
    }
    return dropped;
}

/* While the clock was far ahead a key was dated by it: until then no other one would be made. */
static bool bring_back(struct signing_keys *k, int64_t now_ms)
{
    bool changed = false;

    for (unsigned i = 0; i < k->count; i++) {
        if (k->items[i].created_at_ms - now_ms <= SIGNING_KEY_PERIOD_MS)
            continue;
        k->items[i].created_at_ms = now_ms;
        changed = true;
    }
    return changed;
}

bool signing_keys_is_empty(const struct signing_keys *k)
{
    return k->count == 0;
}

const struct jwt_key *signing_keys_signer(const struct signing_keys *k, int64_t now_ms)
{
    unsigned i = k->count - 1;

    while (i > 0 && signs_from(&k->items[i]) > now_ms)
        i--;
    return k->items[i].key;
}

const struct jwt_key *signing_keys_find(const struct signing_keys *k, struct str id)
{
    for (unsigned i = 0; i < k->count; i++) {
        if (str_equal(jwt_key_id(k->items[i].key), id))
            return k->items[i].key;
    }
    return NULL;
}

/* -- In the store ---------------------------------------------------------------------------- */

static bool read_keys(struct signing_keys *k, struct arena *a, struct str plain, struct error *err)
{
    yyjson_doc *doc = json_parse(a, plain, err);
    yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), "keys"), *item;
    size_t i, count;

    if (!doc)
        return error_set(err, ERROR_STORE, "the stored signing keys are damaged");
    yyjson_arr_foreach(list, i, count, item)
    {
        struct str json = json_write(a, yyjson_obj_get(item, "key"));
        struct jwt_key *key = k->count < KEYS_MAX ? jwt_key_import(json, err) : NULL;

        secret_wipe(json);
        if (!key)
            return error_set(err, ERROR_STORE, "the stored signing keys are damaged");
        add(k, key, yyjson_get_sint(yyjson_obj_get(item, "createdAt")));
    }
    return k->count || error_set(err, ERROR_STORE, "the stored signing keys are damaged");
}

static bool load(struct signing_keys *k, struct store_txn *t, struct arena *a,
                 const struct secret_box *box, struct error *err)
{
    struct str text, sealed, plain;
    bool found, ok;

    if (!store_get_setting(t, SETTING, &text, &found, err) || !found)
        return !found;
    if (!format_parse_base64(a, text, &sealed))
        return error_set(err, ERROR_STORE, "the stored signing keys are damaged");
    if (!secret_box_open(box, a, sealed, SETTING, &plain, err))
        return false;
    ok = read_keys(k, a, plain, err);
    secret_wipe(plain);
    return ok;
}

static bool save(const struct signing_keys *k, struct store_txn *t, struct arena *a,
                 const struct secret_box *box, struct error *err)
{
    struct str plain = STR("{\"keys\":["), sealed;

    for (unsigned i = 0; i < k->count; i++)
        plain = arena_printf(a, "%.*s%s{\"createdAt\":%lld,\"key\":%.*s}", STR_ARGS(plain),
                             i ? "," : "", (long long)k->items[i].created_at_ms,
                             STR_ARGS(jwt_key_export(k->items[i].key, a, true)));
    plain = arena_printf(a, "%.*s]}", STR_ARGS(plain));
    sealed = secret_box_seal(box, a, plain, SETTING);
    return store_put_setting(t, SETTING, format_base64(a, sealed.data, sealed.len), err);
}

struct signing_keys *signing_keys_load(struct store_txn *t, struct arena *a,
                                       const struct secret_box *box, int64_t now_ms, bool only_read,
                                       struct error *err)
{
    struct signing_keys *k = memory_alloc(sizeof(*k));
    bool ok, changed;

    arena_keep_secret(a);
    ok = load(k, t, a, box, err);
    if (ok && !only_read) {
        changed = bring_back(k, now_ms);
        changed |= renew(k, now_ms);
        changed |= drop_old(k, now_ms);
        ok = !changed || save(k, t, a, box, err);
    }
    if (ok)
        return k;
    signing_keys_free(k);
    return NULL;
}

/* -- For verifiers --------------------------------------------------------------------------- */

struct str signing_keys_render(const struct signing_keys *k, struct arena *a, struct str issuer)
{
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    struct error err;

    for (unsigned i = 0; i < k->count; i++) {
        struct str id = jwt_key_id(k->items[i].key);
        yyjson_doc *key = json_parse(a, jwt_key_export(k->items[i].key, a, false), &err);
        yyjson_mut_val *shown;

        assert(key); /* cjose writes JSON */
        shown = yyjson_val_mut_copy(doc, yyjson_doc_get_root(key));
        json_set_str(doc, shown, "use", STR("sig"));
        json_set_str(doc, shown, "x5t", id);
        json_set_str(doc, shown, "issuer", issuer);
        yyjson_mut_arr_append(list, shown);
    }
    json_set(doc, root, "keys", list);
    return json_write_mut(a, root);
}
