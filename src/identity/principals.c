/* SPDX-License-Identifier: MIT */
#include "identity/principals.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/format.h"

#define ROOT "/principals/"

static const char *const store_types[PRINCIPAL_TYPES] = {
    [PRINCIPAL_TYPE_APPLICATION] = "lazuli/applications",
    [PRINCIPAL_TYPE_MANAGED_IDENTITY] = "lazuli/managedidentities",
    [PRINCIPAL_TYPE_USER] = "lazuli/users",
    [PRINCIPAL_TYPE_GROUP] = "lazuli/groups",
};

static struct str key_of(struct arena *a, struct str object_id)
{
    return arena_lower(a, arena_printf(a, ROOT "%.*s", STR_ARGS(object_id)));
}

/* What the store calls the parent is the name: it is looked up by it. */
static struct str parent_of(struct arena *a, struct str name)
{
    return arena_lower(a, arena_printf(a, "/names/%.*s", STR_ARGS(name)));
}

static bool read_type(struct str stored, enum principal_type *type)
{
    for (unsigned i = 0; i < PRINCIPAL_TYPES; i++) {
        if (str_equal(stored, str_from(store_types[i]))) {
            *type = (enum principal_type)i;
            return true;
        }
    }
    return false;
}

static bool read_record(struct arena *a, const struct store_resource *r, struct principal_record *p,
                        struct error *err)
{
    yyjson_doc *doc = json_parse(a, r->body, err);
    enum principal_type type;

    if (!doc || !yyjson_is_obj(yyjson_doc_get_root(doc)) || !read_type(r->type, &type))
        return error_set(err, ERROR_STORE, "a stored principal is damaged");
    *p = (struct principal_record){
        .type = type,
        .object_id = str_slice(r->key, strlen(ROOT), SIZE_MAX),
        .body = yyjson_doc_get_root(doc),
        .name = r->id,
        .created_at_ms = r->created_at_ms,
    };
    return true;
}

bool principals_get(struct store_txn *t, struct arena *a, struct str object_id,
                    struct principal_record *p, bool *found, struct error *err)
{
    struct store_resource r;

    *found = false;
    if (!format_is_guid(object_id))
        return true;
    if (!store_get(t, key_of(a, object_id), &r, found, err))
        return false;
    return !*found || read_record(a, &r, p, err);
}

bool principals_find(struct store_txn *t, struct arena *a, struct str name,
                     struct principal_record *p, bool *found, struct error *err)
{
    struct store_query query = { .parent = parent_of(a, name), .limit = 1 };
    struct store_resource *r;
    size_t count;

    if (!store_list(t, &query, &r, &count, err))
        return false;
    *found = count > 0;
    return !*found || read_record(a, &r[0], p, err);
}

static bool list_query(struct store_txn *t, struct arena *a, const struct store_query *query,
                       struct principal_record **list, size_t *count, struct error *err)
{
    struct store_resource *r;

    if (!store_list(t, query, &r, count, err))
        return false;
    *list = ARENA_ARRAY(a, struct principal_record, *count);
    for (size_t i = 0; i < *count; i++) {
        if (!read_record(a, &r[i], &(*list)[i], err))
            return false;
    }
    return true;
}

bool principals_list(struct store_txn *t, struct arena *a, struct str after, size_t limit,
                     struct principal_record **list, size_t *count, struct error *err)
{
    struct store_query query = {
        .key_prefix = STR(ROOT),
        .after_key = after.len ? key_of(a, after) : STR_NONE,
        .limit = limit,
    };

    return list_query(t, a, &query, list, count, err);
}

bool principals_list_type(struct store_txn *t, struct arena *a, enum principal_type type,
                          struct principal_record **list, size_t *count, struct error *err)
{
    struct store_query query = { .key_prefix = STR(ROOT), .type = str_from(store_types[type]) };

    return list_query(t, a, &query, list, count, err);
}

bool principals_put(struct store_txn *t, struct arena *a, const struct principal_record *p,
                    yyjson_mut_val *body, struct error *err)
{
    char etag[GUID_TEXT_LEN + 1];
    struct store_resource r = {
        .key = key_of(a, p->object_id),
        .id = p->name,
        .type = str_from(store_types[p->type]),
        .parent = parent_of(a, p->name),
        .body = json_write_mut(a, body),
        .created_at_ms = p->created_at_ms,
        .changed_at_ms = p->created_at_ms,
    };

    format_guid(etag);
    r.etag = str_from(etag);
    return store_put(t, &r, err);
}

bool principals_delete(struct store_txn *t, struct arena *a, struct str object_id, bool *existed,
                       struct error *err)
{
    return store_delete(t, key_of(a, object_id), existed, err);
}

bool principal_is_enabled(const struct principal_record *p)
{
    return !yyjson_is_false(yyjson_obj_get(p->body, "accountEnabled")) &&
           !yyjson_is_false(yyjson_obj_get(p->body, "isServicePrincipal"));
}

/* -- Secrets --------------------------------------------------------------------------------- */

struct str principal_secret_hash(struct arena *a, struct str secret)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256((const uint8_t *)secret.data, secret.len, digest);
    return format_hex(a, digest, sizeof(digest));
}

static bool is_in_force(yyjson_val *item, int64_t now_ms)
{
    int64_t start_ms, end_ms;

    return format_parse_time(json_str(yyjson_obj_get(item, "startDateTime")), &start_ms) &&
           format_parse_time(json_str(yyjson_obj_get(item, "endDateTime")), &end_ms) &&
           start_ms <= now_ms && now_ms < end_ms;
}

bool principal_has_secret(struct arena *a, const struct principal_record *p, struct str secret,
                          int64_t now_ms)
{
    struct str hash = principal_secret_hash(a, secret);
    yyjson_val *item;
    bool matches = false;
    size_t i, count;

    yyjson_arr_foreach(yyjson_obj_get(p->body, "secrets"), i, count, item)
    {
        struct str known = json_str(yyjson_obj_get(item, "hash"));

        if (known.len == hash.len && CRYPTO_memcmp(known.data, hash.data, hash.len) == 0)
            matches |= is_in_force(item, now_ms);
    }
    return matches;
}

void principal_add_secret(yyjson_mut_doc *doc, yyjson_mut_val *body, struct arena *a,
                          struct str secret, struct str display_name, int64_t start_ms,
                          int64_t end_ms)
{
    yyjson_mut_val *list = yyjson_mut_obj_get(body, "secrets"), *item = yyjson_mut_obj(doc);
    char id[GUID_TEXT_LEN + 1];

    if (!list) {
        list = yyjson_mut_arr(doc);
        json_set(doc, body, "secrets", list);
    }
    format_guid(id);
    json_set_str(doc, item, "keyId", str_from(id));
    json_set_str(doc, item, "displayName", display_name);
    json_set_str(doc, item, "hint", str_slice(secret, 0, 3));
    json_set_str(doc, item, "hash", principal_secret_hash(a, secret));
    json_set_str(doc, item, "startDateTime", format_time_seconds(a, start_ms));
    json_set_str(doc, item, "endDateTime", format_time_seconds(a, end_ms));
    yyjson_mut_arr_append(list, item);
}
