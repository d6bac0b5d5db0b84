/* SPDX-License-Identifier: MIT */
#include "identity/account_keys.h"

#include <assert.h>
#include <string.h>

#include "base/random.h"

/* Between the two keys in the sealed text. */
#define SEPARATOR '\n'

static void make_key(char *key, enum account_key_form form)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[ACCOUNT_KEY_CLASSIC_LEN / 2];

    if (form == ACCOUNT_KEY_LONG) {
        random_base62(key, ACCOUNT_KEY_LONG_LEN);
        return;
    }
    random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        key[i * 2] = digits[bytes[i] >> 4];
        key[i * 2 + 1] = digits[bytes[i] & 15];
    }
    key[ACCOUNT_KEY_CLASSIC_LEN] = '\0';
    explicit_bzero(bytes, sizeof(bytes));
}

void account_keys_generate(struct account_keys *k, enum account_key_form form)
{
    make_key(k->key[0], form);
    make_key(k->key[1], form);
}

void account_keys_regenerate(struct account_keys *k, size_t index, enum account_key_form form)
{
    assert(index < 2);
    make_key(k->key[index], form);
}

void account_keys_wipe(struct account_keys *k)
{
    explicit_bzero(k, sizeof(*k));
}

struct str account_keys_seal(const struct secret_box *b, struct arena *a,
                             const struct account_keys *k, struct str owner)
{
    struct str first = str_from(k->key[0]), second = str_from(k->key[1]), sealed;
    char plain[2 * ACCOUNT_KEY_LONG_LEN + 1];

    memcpy(plain, first.data, first.len);
    plain[first.len] = SEPARATOR;
    memcpy(plain + first.len + 1, second.data, second.len);
    sealed = secret_box_seal(b, a, str_of(plain, first.len + 1 + second.len), owner);
    explicit_bzero(plain, sizeof(plain));
    return sealed;
}

static bool is_key(struct str key)
{
    return key.len == ACCOUNT_KEY_LONG_LEN || key.len == ACCOUNT_KEY_CLASSIC_LEN;
}

bool account_keys_parse(struct str plain, struct account_keys *k, struct error *err)
{
    struct str rest = plain, first;

    if (!str_split(&rest, SEPARATOR, &first) || !is_key(first) || !is_key(rest))
        return error_set(err, ERROR_STORE, "A secret in the store holds no account keys.");
    memcpy(k->key[0], first.data, first.len);
    k->key[0][first.len] = '\0';
    memcpy(k->key[1], rest.data, rest.len);
    k->key[1][rest.len] = '\0';
    return true;
}

bool account_keys_open(const struct secret_box *b, struct arena *a, struct str sealed,
                       struct str owner, struct account_keys *k, struct error *err)
{
    struct str plain;
    bool ok;

    if (!secret_box_open(b, a, sealed, owner, &plain, err))
        return false;
    ok = account_keys_parse(plain, k, err);
    secret_wipe(plain);
    return ok;
}
