/* SPDX-License-Identifier: MIT */
#include "identity/key_hash.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* More cores than this share slots, which costs them a copy now and then. */
#define SLOTS 64

/* A copy of the prepared context that nobody is using. Its own cache line: cores do not meet. */
struct slot {
    alignas(64) _Atomic(EVP_MAC_CTX *) idle;
};

/*
 * A context is changed by its use, and to make one takes longer than the hash itself. So each core
 * has a slot for one: a caller takes that of its core, or makes one when it is gone, and puts it
 * back.
 */
struct key_hash {
    uint8_t secret[KEY_HASH_SECRET_BYTES];
    EVP_MAC *mac;
    struct slot *slots;
};

struct key_hash *key_hash_new(const uint8_t secret[KEY_HASH_SECRET_BYTES])
{
    struct key_hash *h = memory_alloc(sizeof(*h));

    memcpy(h->secret, secret, sizeof(h->secret));
    h->slots = memory_alloc_aligned(alignof(struct slot), SLOTS * sizeof(*h->slots));
    h->mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    assert(h->mac);
    return h;
}

void key_hash_free(struct key_hash *h)
{
    if (!h)
        return;
    /* OpenSSL wipes what it frees */
    for (size_t i = 0; i < SLOTS; i++)
        EVP_MAC_CTX_free(h->slots[i].idle);
    EVP_MAC_free(h->mac);
    free(h->slots);
    explicit_bzero(h->secret, sizeof(h->secret));
    free(h);
}

static EVP_MAC_CTX *context_new(const struct key_hash *h)
{
    size_t size = KEY_HASH_BYTES;
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                  OSSL_PARAM_construct_end() };
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(h->mac);
    bool ok = context && EVP_MAC_CTX_set_params(context, params);

    assert(ok);
    (void)ok;
    return context;
}

void key_hash_digest(const struct key_hash *h, struct str key, uint8_t digest[KEY_HASH_BYTES])
{
    /* where the core is not known, any slot will do */
    _Atomic(EVP_MAC_CTX *) *idle = &h->slots[(unsigned)sched_getcpu() % SLOTS].idle;
    EVP_MAC_CTX *context = atomic_exchange_explicit(idle, NULL, memory_order_acquire);
    EVP_MAC_CTX *none = NULL;
    size_t len;
    bool ok;

    if (!context)
        context = context_new(h);
    ok = EVP_MAC_init(context, h->secret, sizeof(h->secret), NULL) &&
         EVP_MAC_update(context, (const unsigned char *)key.data, key.len) &&
         EVP_MAC_final(context, digest, &len, KEY_HASH_BYTES);
    assert(ok && len == KEY_HASH_BYTES);
    (void)ok;
    if (!atomic_compare_exchange_strong_explicit(idle, &none, context, memory_order_release,
                                                 memory_order_relaxed))
        EVP_MAC_CTX_free(context);
}

bool key_hash_equal(const uint8_t a[KEY_HASH_BYTES], const uint8_t b[KEY_HASH_BYTES])
{
    return CRYPTO_memcmp(a, b, KEY_HASH_BYTES) == 0;
}
