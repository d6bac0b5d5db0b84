/* SPDX-License-Identifier: MIT */
#include "identity/jwks.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"

struct jwks {
    _Atomic unsigned refs;
    size_t count;
    struct jwt_key *keys[JWKS_KEYS_MAX];
};

static bool is_text(yyjson_val *object, const char *name, const char *wanted)
{
    return yyjson_equals_str(yyjson_obj_get(object, name), wanted);
}

/* For signatures by an algorithm that is taken here? Each of these members may be absent. */
static bool is_usable(yyjson_val *key)
{
    return is_text(key, "kty", "RSA") &&
           (!yyjson_obj_get(key, "use") || is_text(key, "use", "sig")) &&
           (!yyjson_obj_get(key, "alg") || is_text(key, "alg", "RS256"));
}

/* Its public part alone: certificates and more may come with it. NULL: it is no good key. */
static struct jwt_key *import(struct arena *scratch, yyjson_val *key)
{
    static const char *const members[] = { "kty", "kid", "n", "e" };
    yyjson_mut_doc *doc = json_new(scratch);
    yyjson_mut_val *public = yyjson_mut_obj(doc);
    struct error ignored;

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        yyjson_val *value = yyjson_obj_get(key, members[i]);

        if (yyjson_is_str(value))
            json_set_str(doc, public, members[i], json_str(value));
    }
    return jwt_key_import(json_write_mut(scratch, public), &ignored);
}

static bool fill(struct jwks *set, struct arena *scratch, yyjson_val *keys, struct error *err)
{
    size_t i, count;
    yyjson_val *key;

    if (!yyjson_is_arr(keys))
        return error_set(err, ERROR_IO, "it is no JSON Web Key Set: it has no list 'keys'");
    if (yyjson_arr_size(keys) > JWKS_KEYS_MAX)
        return error_set(err, ERROR_IO, "it has more than %d keys", JWKS_KEYS_MAX);
    yyjson_arr_foreach(keys, i, count, key)
    {
        if (is_usable(key))
            set->keys[set->count] = import(scratch, key);
        if (set->keys[set->count])
            set->count++;
    }
    return set->count || error_set(err, ERROR_IO,
                                   "none of its %zu keys is an RSA key of 2048 bits or more for "
                                   "signatures by RS256",
                                   count);
}

static yyjson_val *parse(struct arena *scratch, struct str json, struct error *err)
{
    struct error why;
    yyjson_doc *doc = json_parse(scratch, json, &why);

    if (!doc)
        error_set(err, ERROR_IO, "it is no JSON: %s", why.text);
    return doc ? yyjson_doc_get_root(doc) : NULL;
}

struct jwks *jwks_parse(struct arena *scratch, struct str json, struct error *err)
{
    yyjson_val *root = parse(scratch, json, err);
    struct jwks *set;

    if (!root)
        return NULL;
    set = memory_alloc(sizeof(*set));
    atomic_init(&set->refs, 1);
    if (fill(set, scratch, yyjson_obj_get(root, "keys"), err))
        return set;
    jwks_unref(set);
    return NULL;
}

struct jwks *jwks_ref(struct jwks *set)
{
    atomic_fetch_add(&set->refs, 1);
    return set;
}

void jwks_unref(struct jwks *set)
{
    if (!set || atomic_fetch_sub(&set->refs, 1) != 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        jwt_key_free(set->keys[i]);
    free(set);
}

size_t jwks_count(const struct jwks *set)
{
    return set->count;
}

const struct jwt_key *jwks_find(const struct jwks *set, struct str id)
{
    if (str_is_empty(id))
        return set->count == 1 ? set->keys[0] : NULL;
    for (size_t i = 0; i < set->count; i++) {
        if (str_equal(jwt_key_id(set->keys[i]), id))
            return set->keys[i];
    }
    return NULL;
}

bool jwks_parse_discovery(struct arena *a, struct str json, struct str issuer, struct str *jwks_uri,
                          struct error *err)
{
    yyjson_val *root = parse(a, json, err);
    struct str found;

    if (!root)
        return false;
    found = json_str(yyjson_obj_get(root, "issuer"));
    if (!str_equal(found, issuer))
        return error_set(err, ERROR_IO, "it is of the issuer '%.*s'",
                         STR_ARGS(str_slice(found, 0, 200)));
    *jwks_uri = json_str(yyjson_obj_get(root, "jwks_uri"));
    return jwks_uri->len || error_set(err, ERROR_IO, "it has no jwks_uri");
}
