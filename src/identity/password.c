/* SPDX-License-Identifier: MIT */
#include "identity/password.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/format.h"
#include "base/random.h"

struct cost {
    uint64_t n;
    uint64_t block;
    uint64_t lanes;
};

/* OWASP's recommendation for scrypt with 32 MiB. */
static const struct cost own_cost = { 32768, 8, 3 };
/* A hash that asks for more is none of ours: nobody's document may take the memory. */
#define COST_MAX (1u << 17)
#define BLOCK_MAX 16
#define LANES_MAX 16
#define MEMORY_MAX ((uint64_t)128 << 20)
#define SALT_BYTES 16
#define HASH_BYTES 32

static void derive(const struct cost *cost, struct str password, struct str salt,
                   uint8_t out[HASH_BYTES])
{
    int ok = EVP_PBE_scrypt(password.data, password.len, (const uint8_t *)salt.data, salt.len,
                            cost->n, cost->block, cost->lanes, MEMORY_MAX, out, HASH_BYTES);

    assert(ok == 1);
    (void)ok;
}

struct str password_hash(struct arena *a, struct str password)
{
    uint8_t salt[SALT_BYTES], hash[HASH_BYTES];
    struct str text;

    random_bytes(salt, sizeof(salt));
    derive(&own_cost, password, str_of((const char *)salt, sizeof(salt)), hash);
    text = arena_printf(a, "scrypt$%llu$%llu$%llu$%.*s$%.*s", (unsigned long long)own_cost.n,
                        (unsigned long long)own_cost.block, (unsigned long long)own_cost.lanes,
                        STR_ARGS(format_base64(a, salt, sizeof(salt))),
                        STR_ARGS(format_base64(a, hash, sizeof(hash))));
    explicit_bzero(hash, sizeof(hash));
    return text;
}

/* A number of the form that the parameters have. */
static bool read_number(struct str *rest, uint64_t max, uint64_t *number)
{
    struct str part;

    return str_split(rest, '$', &part) && str_to_u64(part, max, number) && *number > 0;
}

static bool split(struct arena *a, struct str text, struct cost *cost, struct str *salt,
                  struct str *hash)
{
    struct str rest = text, part;

    return str_split(&rest, '$', &part) && str_equal(part, STR("scrypt")) &&
           read_number(&rest, COST_MAX, &cost->n) && read_number(&rest, BLOCK_MAX, &cost->block) &&
           read_number(&rest, LANES_MAX, &cost->lanes) && cost->n > 1 &&
           (cost->n & (cost->n - 1)) == 0 && (cost->block > 1 || cost->n < 65536) &&
           128 * cost->n * cost->block <= MEMORY_MAX / 2 && str_split(&rest, '$', &part) &&
           format_parse_base64(a, part, salt) && rest.data && format_parse_base64(a, rest, hash) &&
           hash->len == HASH_BYTES;
}

bool password_matches(struct arena *a, struct str hash, struct str password)
{
    struct cost cost = own_cost;
    struct str salt, known;
    uint8_t own[HASH_BYTES];
    bool is_known = split(a, hash, &cost, &salt, &known), matches;

    if (!is_known) { /* who is not there takes as long */
        cost = own_cost;
        salt = STR("no such user's salt");
    }
    derive(&cost, password, salt, own);
    matches = is_known && CRYPTO_memcmp(own, known.data, HASH_BYTES) == 0;
    explicit_bzero(own, sizeof(own));
    return matches;
}
