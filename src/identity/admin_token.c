/* SPDX-License-Identifier: MIT */
#include "identity/admin_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/memory.h"

#define DIGEST_BYTES 32

struct admin_token {
    unsigned char digest[DIGEST_BYTES];
};

static bool digest_of(struct str token, unsigned char digest[DIGEST_BYTES])
{
    return EVP_Digest(token.data ? token.data : "", token.len, digest, NULL, EVP_sha256(), NULL);
}

struct admin_token *admin_token_new(struct str token)
{
    struct admin_token *t = memory_alloc(sizeof(*t));

    if (!digest_of(token, t->digest))
        abort();
    return t;
}

void admin_token_free(struct admin_token *t)
{
    free(t);
}

bool admin_token_matches(const struct admin_token *t, struct str token)
{
    unsigned char digest[DIGEST_BYTES];

    return digest_of(token, digest) && CRYPTO_memcmp(digest, t->digest, DIGEST_BYTES) == 0;
}
