/* SPDX-License-Identifier: MIT */
#include "identity/account_secret.h"

#include <string.h>

#define WRAPPED 2
#define DIGESTS_BYTES (2 * KEY_HASH_BYTES)
#define HEAD_BYTES (1 + DIGESTS_BYTES)

/* What a wrapped secret is made of, once the master key has opened it. */
struct wrapped {
    const uint8_t *digests;
    struct key_reference key;
    struct str inner;
};

static void digest(const struct account_sealer *s, const struct account_keys *keys,
                   uint8_t digests[2][KEY_HASH_BYTES])
{
    for (size_t i = 0; i < 2; i++)
        key_hash_digest(s->hash, str_from(keys->key[i]), digests[i]);
}

static bool is_missing(struct error *err)
{
    return error_set(err, ERROR_ARM_KEY_VAULT, NULL);
}

/* To what the inner seal is bound. */
static struct str bound_to(struct arena *a, struct str owner, const struct key_reference *key)
{
    return arena_printf(a, "%.*s\n%.*s\n%.*s\n%.*s", STR_ARGS(owner), STR_ARGS(key->vault),
                        STR_ARGS(key->name), STR_ARGS(key->version));
}

bool account_secret_seal(const struct account_sealer *s, struct arena *a,
                         const struct account_keys *keys, struct str owner,
                         const struct key_reference *wrapper, struct str *sealed, struct error *err)
{
    uint8_t digests[2][KEY_HASH_BYTES];
    struct secret_box *box;
    struct str parts[4];

    if (!wrapper || str_is_empty(wrapper->vault)) {
        *sealed = account_keys_seal(s->box, a, keys, owner);
        return true;
    }
    box = key_vault_find(s->vault, wrapper);
    if (!box)
        return is_missing(err);
    digest(s, keys, digests);
    parts[0] = str_of((const char[]){ WRAPPED }, 1);
    parts[1] = str_of((const char *)digests, sizeof(digests));
    parts[2] = arena_printf(a, "%.*s\n%.*s\n%.*s\n", STR_ARGS(wrapper->vault),
                            STR_ARGS(wrapper->name), STR_ARGS(wrapper->version));
    parts[3] = account_keys_seal(box, a, keys, bound_to(a, owner, wrapper));
    *sealed = secret_box_seal(s->box, a, arena_join(a, parts, ARRAY_LEN(parts)), owner);
    secret_box_free(box);
    return true;
}

static bool is_wrapped(struct str plain)
{
    return plain.len > HEAD_BYTES && plain.data[0] == WRAPPED;
}

static bool read_wrapped(struct str plain, struct wrapped *w, struct error *err)
{
    struct str rest = str_slice(plain, HEAD_BYTES, SIZE_MAX);
    struct key_reference *key = &w->key;

    w->digests = (const uint8_t *)plain.data + 1;
    if (str_split(&rest, '\n', &key->vault) && str_split(&rest, '\n', &key->name) &&
        str_split(&rest, '\n', &key->version) && key->vault.len &&
        key->vault.len <= KEY_VAULT_HOST_MAX && key_reference_is_name(key->name) &&
        key_reference_is_name(key->version) && rest.len > SECRET_BOX_OVERHEAD) {
        w->inner = rest;
        return true;
    }
    return error_set(err, ERROR_STORE, "A wrapped secret in the store is damaged.");
}

/* By the vault's key. */
static bool open_inner(const struct account_sealer *s, struct arena *a, const struct wrapped *w,
                       struct str owner, struct account_keys *keys, struct error *err)
{
    struct secret_box *box = key_vault_find(s->vault, &w->key);
    bool ok = box && account_keys_open(box, a, w->inner, bound_to(a, owner, &w->key), keys, err);

    secret_box_free(box);
    return ok || is_missing(err);
}

bool account_secret_open(const struct account_sealer *s, struct arena *a, struct str sealed,
                         struct str owner, struct account_keys *keys, struct key_reference *wrapper,
                         struct error *err)
{
    struct wrapped w;
    struct str plain;
    bool ok;

    *wrapper = (struct key_reference){ 0 };
    if (!secret_box_open(s->box, a, sealed, owner, &plain, err))
        return false;
    if (!is_wrapped(plain)) {
        ok = account_keys_parse(plain, keys, err);
        secret_wipe(plain);
        return ok;
    }
    if (!read_wrapped(plain, &w, err))
        return false;
    *wrapper = w.key;
    return open_inner(s, a, &w, owner, keys, err);
}

/* Of a wrapped one. */
static bool look_inside(const struct account_sealer *s, struct arena *a, struct str plain,
                        struct str owner, struct account_secret_state *state, struct error *err)
{
    struct account_keys keys;
    struct wrapped w;

    state->is_wrapped = true;
    if (!read_wrapped(plain, &w, err))
        return false;
    state->key = w.key;
    state->is_locked = !open_inner(s, a, &w, owner, &keys, err);
    if (state->is_locked)
        memcpy(state->digests, w.digests, DIGESTS_BYTES);
    else
        digest(s, &keys, state->digests);
    account_keys_wipe(&keys);
    return true;
}

bool account_secret_look(const struct account_sealer *s, struct arena *a, struct str sealed,
                         struct str owner, struct account_secret_state *state, struct error *err)
{
    struct account_keys keys;
    struct str plain;
    bool ok;

    *state = (struct account_secret_state){ 0 };
    if (!secret_box_open(s->box, a, sealed, owner, &plain, err))
        return false;
    if (is_wrapped(plain))
        return look_inside(s, a, plain, owner, state, err);
    ok = account_keys_parse(plain, &keys, err);
    secret_wipe(plain);
    if (ok)
        digest(s, &keys, state->digests);
    account_keys_wipe(&keys);
    return ok;
}
