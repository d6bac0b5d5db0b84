/* SPDX-License-Identifier: MIT */
#include "server/reseal.h"

#include "arm/types/deleted_account.h"
#include "base/format.h"

#define AT_ONCE 500

struct reseal {
    const struct secret_box *old;
    const struct secret_box *new;
    size_t count;
};

/* The settings that hold sealed bytes, as base64, each bound to its own name. Their owners:
 * bootstrap.c, key_secret.c, identity/signing_keys.c. */
static const char *const settings[] = { "admin_token", "client_secret", "key_hash_secret",
                                        "signing_keys" };

static bool seal_again(struct reseal *r, struct arena *a, struct str sealed, struct str associated,
                       struct str *again, struct error *err)
{
    struct str plain;

    if (!secret_box_open(r->old, a, sealed, associated, &plain, err))
        return false;
    *again = secret_box_seal(r->new, a, plain, associated);
    secret_wipe(plain);
    r->count++;
    return true;
}

static bool do_setting(struct reseal *r, struct store_txn *t, struct arena *a, struct str name,
                       struct error *err)
{
    struct str text, sealed;
    bool found;

    if (!store_get_setting(t, name, &text, &found, err) || !found)
        return !found;
    if (!format_parse_base64(a, text, &sealed))
        return error_set(err, ERROR_STORE, "the stored %.*s is damaged", STR_ARGS(name));
    return seal_again(r, a, sealed, name, &sealed, err) &&
           store_put_setting(t, name, format_base64(a, sealed.data, sealed.len), err);
}

/* Of what lies behind *after_key; *more is false at the end. */
static bool do_resources(struct reseal *r, struct store_txn *t, struct arena *a,
                         struct str *after_key, bool *more, struct error *err)
{
    struct store_query query = { .after_key = *after_key, .limit = AT_ONCE };
    struct store_resource *found;
    size_t count;

    if (!store_list(t, &query, &found, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct store_resource *one = &found[i];

        *after_key = one->key;
        if (str_is_empty(one->secret))
            continue;
        if (!seal_again(r, a, one->secret, deleted_account_owner(one->key), &one->secret, err) ||
            !store_put(t, one, err))
            return false;
    }
    *more = count == AT_ONCE;
    return true;
}

static bool run(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct reseal *r = data;
    struct str after_key = STR_NONE;
    bool more = true;

    arena_keep_secret(arena);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (!do_setting(r, t, arena, str_from(settings[i]), err))
            return false;
    }
    while (more) {
        if (!do_resources(r, t, arena, &after_key, &more, err))
            return false;
    }
    return true;
}

bool reseal_store(struct store *s, const struct secret_box *old, const struct secret_box *new,
                  size_t *count, struct error *err)
{
    struct reseal r = { .old = old, .new = new };
    bool ok = store_run(s, run, &r, err);

    *count = r.count;
    return ok;
}
