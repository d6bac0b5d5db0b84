/* SPDX-License-Identifier: MIT */
#include "identity/secret_box.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "identity/master_key.h"

#define VERSION 1
#define KEY_ID_BYTES 4
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define HEAD_BYTES (1 + KEY_ID_BYTES)
/* Far above any secret of an account, far below what OpenSSL's int lengths take. */
#define PLAIN_MAX ((size_t)1 << 20)

struct secret_box {
    atomic_uint refs;
    uint8_t key[MASTER_KEY_BYTES];
    uint8_t head[HEAD_BYTES]; /* what sealed bytes begin with: version, key id */
};

/* The id tells keys apart and nothing about them. */
struct secret_box *secret_box_new(uint8_t key[MASTER_KEY_BYTES])
{
    static const char purpose[] = "lazuli key id";
    struct secret_box *b = memory_alloc(sizeof(*b));
    uint8_t digest[EVP_MAX_MD_SIZE];

    atomic_init(&b->refs, 1);
    memcpy(b->key, key, MASTER_KEY_BYTES);
    explicit_bzero(key, MASTER_KEY_BYTES);
    HMAC(EVP_sha256(), b->key, MASTER_KEY_BYTES, (const uint8_t *)purpose, sizeof(purpose) - 1,
         digest, NULL);
    b->head[0] = VERSION;
    memcpy(b->head + 1, digest, KEY_ID_BYTES);
    return b;
}

struct secret_box *secret_box_new_from_file(const char *path, bool create, struct error *err)
{
    uint8_t key[MASTER_KEY_BYTES];

    return master_key_from_file(path, create, key, err) ? secret_box_new(key) : NULL;
}

struct secret_box *secret_box_new_from_command(const char *command, struct error *err)
{
    uint8_t key[MASTER_KEY_BYTES];

    return master_key_from_command(command, key, err) ? secret_box_new(key) : NULL;
}

struct secret_box *secret_box_ref(struct secret_box *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void secret_box_free(struct secret_box *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) > 1)
        return;
    explicit_bzero(b, sizeof(*b));
    free(b);
}

void secret_wipe(struct str secret)
{
    if (secret.len)
        explicit_bzero((char *)(uintptr_t)secret.data, secret.len);
}

/* The cipher, told the key, the nonce and all that it binds but does not hide. */
static EVP_CIPHER_CTX *start(const struct secret_box *b, const uint8_t *nonce,
                             struct str associated, bool encrypt)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int len;
    bool ok = c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, b->key, nonce, encrypt) == 1 &&
              EVP_CipherUpdate(c, NULL, &len, b->head, HEAD_BYTES) == 1 &&
              (!associated.len || EVP_CipherUpdate(c, NULL, &len, (const uint8_t *)associated.data,
                                                   (int)associated.len) == 1);

    assert(ok);
    (void)ok;
    return c;
}

struct str secret_box_seal(const struct secret_box *b, struct arena *a, struct str plain,
                           struct str associated)
{
    size_t size = SECRET_BOX_OVERHEAD + plain.len;
    uint8_t *sealed = arena_alloc_bytes(a, size), *nonce = sealed + HEAD_BYTES;
    uint8_t *body = nonce + NONCE_BYTES;
    EVP_CIPHER_CTX *c;
    int len = 0;
    bool ok;

    assert(plain.len <= PLAIN_MAX && associated.len <= PLAIN_MAX);
    memcpy(sealed, b->head, HEAD_BYTES);
    random_bytes(nonce, NONCE_BYTES);
    c = start(b, nonce, associated, true);
    ok = (!plain.len ||
          EVP_EncryptUpdate(c, body, &len, (const uint8_t *)plain.data, (int)plain.len) == 1) &&
         EVP_EncryptFinal_ex(c, body + len, &len) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, body + plain.len) == 1;
    assert(ok);
    (void)ok;
    EVP_CIPHER_CTX_free(c);
    return str_of((char *)sealed, size);
}

/* Decrypts into `body`; false when the tag does not fit. */
static bool decrypt(const struct secret_box *b, struct str sealed, struct str associated,
                    uint8_t *body, size_t body_len)
{
    const uint8_t *nonce = (const uint8_t *)sealed.data + HEAD_BYTES;
    const uint8_t *from = nonce + NONCE_BYTES;
    uint8_t tag[TAG_BYTES];
    EVP_CIPHER_CTX *c = start(b, nonce, associated, false);
    int len = 0;
    bool ok;

    memcpy(tag, from + body_len, TAG_BYTES);
    ok = (!body_len || EVP_DecryptUpdate(c, body, &len, from, (int)body_len) == 1) &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1 &&
         EVP_DecryptFinal_ex(c, body + len, &len) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

bool secret_box_open(const struct secret_box *b, struct arena *a, struct str sealed,
                     struct str associated, struct str *plain, struct error *err)
{
    size_t body_len;
    uint8_t *body;

    if (sealed.len < SECRET_BOX_OVERHEAD || sealed.len > SECRET_BOX_OVERHEAD + PLAIN_MAX ||
        sealed.data[0] != VERSION || associated.len > PLAIN_MAX)
        return error_set(err, ERROR_STORE, "A secret in the store is damaged.");
    if (memcmp(sealed.data, b->head, HEAD_BYTES) != 0)
        return error_set(err, ERROR_STORE,
                         "A secret in the store was sealed with another key than the one that is "
                         "configured.");
    body_len = sealed.len - SECRET_BOX_OVERHEAD;
    body = arena_alloc_bytes(a, body_len + 1);
    body[body_len] = '\0';
    if (!decrypt(b, sealed, associated, body, body_len)) {
        explicit_bzero(body, body_len);
        return error_set(err, ERROR_STORE,
                         "A secret in the store was changed, or belongs to another resource.");
    }
    *plain = str_of((char *)body, body_len);
    return true;
}
