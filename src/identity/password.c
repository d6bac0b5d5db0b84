/* SPDX-License-Identifier: MIT */
#include "identity/password.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/format.h"
#include "base/random.h"

/* OWASP's recommendation for scrypt with 32 MiB. */
#define COST 32768
#define BLOCK 8
#define LANES 3
#define MEMORY_MAX ((uint64_t)128 << 20)
#define SALT_BYTES 16
#define HASH_BYTES 32

static void derive(struct str password, const void *salt, size_t salt_len, uint8_t out[HASH_BYTES])
{
    int ok = EVP_PBE_scrypt(password.data, password.len, salt, salt_len, COST, BLOCK, LANES,
                            MEMORY_MAX, out, HASH_BYTES);

    assert(ok == 1);
    (void)ok;
}

struct str password_hash(struct arena *a, struct str password)
{
    uint8_t salt[SALT_BYTES], hash[HASH_BYTES];
    struct str text;

    random_bytes(salt, sizeof(salt));
    derive(password, salt, sizeof(salt), hash);
    text = arena_printf(a, "scrypt$%d$%d$%d$%.*s$%.*s", COST, BLOCK, LANES,
                        STR_ARGS(format_base64(a, salt, sizeof(salt))),
                        STR_ARGS(format_base64(a, hash, sizeof(hash))));
    explicit_bzero(hash, sizeof(hash));
    return text;
}

static bool split(struct arena *a, struct str text, struct str *salt, struct str *hash)
{
    struct str prefix = arena_printf(a, "scrypt$%d$%d$%d$", COST, BLOCK, LANES), rest, part;

    if (!str_starts_with(text, prefix))
        return false;
    rest = str_slice(text, prefix.len, SIZE_MAX);
    return str_split(&rest, '$', &part) && format_parse_base64(a, part, salt) && rest.data &&
           format_parse_base64(a, rest, hash) && hash->len == HASH_BYTES;
}

bool password_matches(struct arena *a, struct str hash, struct str password)
{
    struct str salt, known;
    uint8_t own[HASH_BYTES];
    bool is_known = split(a, hash, &salt, &known), matches;

    if (!is_known)
        salt = STR("no such user's salt");
    derive(password, salt.data, salt.len, own);
    matches = is_known && CRYPTO_memcmp(own, known.data, HASH_BYTES) == 0;
    explicit_bzero(own, sizeof(own));
    return matches;
}
