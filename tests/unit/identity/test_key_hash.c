/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>

#include "identity/key_hash.h"

static void assert_digest(const struct key_hash *h, struct str key, const char *hex)
{
    uint8_t digest[KEY_HASH_BYTES], expected[KEY_HASH_BYTES];
    size_t len;

    assert_int_equal(OPENSSL_hexstr2buf_ex(expected, sizeof(expected), &len, hex, '\0'), 1);
    assert_int_equal(len, sizeof(expected));
    key_hash_digest(h, key, digest);
    assert_memory_equal(digest, expected, sizeof(digest));
}

/* The 128-bit vectors of SipHash's authors (vectors.h of the reference code): the secret is 00 01 02
 * ..., and so is the text. */
static void is_siphash(void **state)
{
    uint8_t secret[KEY_HASH_SECRET_BYTES];
    char text[15];
    struct key_hash *h;

    (void)state;
    for (size_t i = 0; i < sizeof(secret); i++)
        secret[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)i;
    h = key_hash_new(secret);
    memset(secret, 'x', sizeof(secret)); /* it keeps no pointer to it */
    /* again and again: a context that was used must start afresh */
    for (int i = 0; i < 3; i++) {
        assert_digest(h, STR_NONE, "a3817f04ba25a8e66df67214c7550293");
        assert_digest(h, str_of(text, 1), "da87c1d86b99af44347659119b22fc45");
        assert_digest(h, str_of(text, 15), "5493e99933b0a8117e08ec0f97cfc3d9");
    }
    key_hash_free(h);
    key_hash_free(NULL);
}

static void tells_keys_and_secrets_apart(void **state)
{
    uint8_t secret[KEY_HASH_SECRET_BYTES] = { 1 }, one[KEY_HASH_BYTES], other[KEY_HASH_BYTES];
    struct key_hash *h = key_hash_new(secret), *g;

    (void)state;
    secret[KEY_HASH_SECRET_BYTES - 1] = 1;
    g = key_hash_new(secret);
    key_hash_digest(h, STR("key"), one);
    key_hash_digest(h, STR("key"), other);
    assert_true(key_hash_equal(one, other));
    key_hash_digest(h, STR("kez"), other);
    assert_false(key_hash_equal(one, other));
    key_hash_digest(g, STR("key"), other);
    assert_false(key_hash_equal(one, other));
    key_hash_digest(h, STR_NONE, other);
    assert_false(key_hash_equal(one, other));
    for (size_t i = 0; i < KEY_HASH_BYTES; i++) {
        memcpy(other, one, sizeof(one));
        other[i] ^= 0x80;
        assert_false(key_hash_equal(one, other));
    }
    key_hash_free(h);
    key_hash_free(g);
}

struct hasher {
    pthread_t thread;
    const struct key_hash *h;
    char key[ARRAY_LEN("key 0")];
    uint8_t expected[KEY_HASH_BYTES];
    bool ok;
};

static void *hash_often(void *data)
{
    struct hasher *w = data;

    for (int i = 0; i < 5000; i++) {
        uint8_t digest[KEY_HASH_BYTES];

        key_hash_digest(w->h, str_from(w->key), digest);
        w->ok &= key_hash_equal(digest, w->expected);
    }
    return NULL;
}

/* More threads than cores: they meet in a slot. */
static void serves_many_threads(void **state)
{
    uint8_t secret[KEY_HASH_SECRET_BYTES] = { 7 };
    struct key_hash *h = key_hash_new(secret);
    struct hasher hashers[8];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hashers); i++) {
        struct hasher *w = &hashers[i];

        *w = (struct hasher){ .h = h, .key = "key 0", .ok = true };
        w->key[4] = (char)('0' + i);
        key_hash_digest(h, str_from(w->key), w->expected);
    }
    for (size_t i = 0; i < ARRAY_LEN(hashers); i++)
        assert_int_equal(pthread_create(&hashers[i].thread, NULL, hash_often, &hashers[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(hashers); i++) {
        pthread_join(hashers[i].thread, NULL);
        assert_true(hashers[i].ok);
    }
    key_hash_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_siphash),
        cmocka_unit_test(tells_keys_and_secrets_apart),
        cmocka_unit_test(serves_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
