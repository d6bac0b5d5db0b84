/* SPDX-License-Identifier: MIT */
#include "identity/jwt.h"

#include <assert.h>
#include <cjose/cjose.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/memory.h"

#define ALGORITHM "RS256"
#define KEY_BITS 2048
#define KEY_BITS_MAX 8192
#define PUBLIC_NUMBERS 2 /* n and e */
#define KEY_JSON_BYTES_MAX ((size_t)16 * 1024)

struct jwt_key {
    cjose_jwk_t *jwk;
};

/* -- Keys ------------------------------------------------------------------------------------ */

static struct jwt_key *key_of(cjose_jwk_t *jwk)
{
    struct jwt_key *k = memory_alloc(sizeof(*k));

    k->jwk = jwk;
    return k;
}

struct jwt_key *jwt_key_generate(struct str id)
{
    static const uint8_t exponent[] = { 1, 0, 1 };
    cjose_err why;
    cjose_jwk_t *jwk = cjose_jwk_create_RSA_random(KEY_BITS, exponent, sizeof(exponent), &why);

    assert(jwk); /* memory and entropy never fail here */
    cjose_jwk_set_kid(jwk, id.data, id.len, &why);
    return key_of(jwk);
}

/* cjose ends the process on what is no base64 of the kind that it takes: '=' in the wrong place, or a
 * length that no bytes have. */
static bool is_base64url(struct str s)
{
    return s.len % 4 != 1 && str_is_alnum_or(s, "-_");
}

/* An exponent of 1 makes every text its own signature; a long one makes whoever verifies work as hard as
 * who signs. OpenSSL has the same bound for large keys. */
static bool is_exponent(struct str bytes)
{
    uint64_t value = 0;

    while (bytes.len && !bytes.data[0])
        bytes = str_slice(bytes, 1, SIZE_MAX);
    for (size_t i = 0; i < bytes.len && i < sizeof(value); i++)
        value = value << 8 | (unsigned char)bytes.data[i];
    return bytes.len <= sizeof(value) && value > 1 && value % 2;
}

/* The members of an RSA key that cjose can read, written anew: cjose takes the last of two members of one
 * name, and none may reach it unseen. Of a private part that is not whole it keeps what it cannot use.
 * STR_NONE when it is no such key. */
static struct str checked_rsa(struct arena *a, struct str json)
{
    static const char *const numbers[] = { "n", "e", "d", "p", "q", "dp", "dq", "qi" };
    yyjson_mut_doc *checked = json_new(a);
    yyjson_mut_val *out = yyjson_mut_obj(checked);
    struct error why;
    yyjson_doc *doc = json_parse(a, json, &why);
    yyjson_val *root = doc ? yyjson_doc_get_root(doc) : NULL;
    yyjson_val *id = yyjson_obj_get(root, "kid");
    size_t count = 0;
    struct str exponent;

    if (!str_equal(json_str(yyjson_obj_get(root, "kty")), STR("RSA")) ||
        !format_parse_base64url(a, json_str(yyjson_obj_get(root, "e")), &exponent) ||
        !is_exponent(exponent))
        return STR_NONE;
    json_set_str(checked, out, "kty", STR("RSA"));
    if (yyjson_is_str(id))
        json_set_str(checked, out, "kid", json_str(id));
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        yyjson_val *number = yyjson_obj_get(root, numbers[i]);

        if (!number)
            continue;
        if (!yyjson_is_str(number) || !is_base64url(json_str(number)))
            return STR_NONE;
        json_set_str(checked, out, numbers[i], json_str(number));
        count++;
    }
    return count == PUBLIC_NUMBERS || count == ARRAY_LEN(numbers) ? json_write_mut(a, out)
                                                                  : STR_NONE;
}

static cjose_jwk_t *import_rsa(struct str json, struct error *err)
{
    struct arena *a = arena_new(NULL);
    struct str checked = STR_NONE;
    cjose_jwk_t *jwk = NULL;
    cjose_err why = { 0 };

    arena_keep_secret(a);
    if (json.len <= KEY_JSON_BYTES_MAX)
        checked = checked_rsa(a, json);
    if (!checked.len) {
        error_set(err, ERROR_CONFIG, "the key is too long, or no JSON Web Key of RSA");
    } else {
        jwk = cjose_jwk_import(checked.data, checked.len, &why);
        if (!jwk)
            error_set(err, ERROR_CONFIG, "the key is no JSON Web Key: %s", why.message);
    }
    arena_free(a);
    return jwk;
}

struct jwt_key *jwt_key_import(struct str json, struct error *err)
{
    cjose_jwk_t *jwk = import_rsa(json, err);
    cjose_err why;
    size_t bits;

    if (!jwk)
        return NULL;
    bits = cjose_jwk_get_keysize(jwk, &why);
    if (bits >= KEY_BITS && bits <= KEY_BITS_MAX)
        return key_of(jwk);
    cjose_jwk_release(jwk);
    error_set(err, ERROR_CONFIG, "the key is not of RSA with %u to %u bits", KEY_BITS,
              KEY_BITS_MAX);
    return NULL;
}

static size_t number_bytes(const BIGNUM *n, uint8_t *out, size_t size)
{
    int len = BN_num_bytes(n);

    return len > 0 && (size_t)len <= size ? (size_t)BN_bn2bin(n, out) : 0;
}

static cjose_jwk_t *jwk_of_public(EVP_PKEY *public)
{
    uint8_t n[KEY_BITS_MAX / 8], e[16];
    cjose_jwk_rsa_keyspec spec = { .n = n, .e = e };
    BIGNUM *modulus = NULL, *exponent = NULL;
    cjose_err why;

    if (EVP_PKEY_get_bn_param(public, "n", &modulus) &&
        EVP_PKEY_get_bn_param(public, "e", &exponent)) {
        spec.nlen = number_bytes(modulus, n, sizeof(n));
        spec.elen = number_bytes(exponent, e, sizeof(e));
    }
    BN_free(modulus);
    BN_free(exponent);
    return spec.nlen >= KEY_BITS / 8 && is_exponent(str_of((const char *)e, spec.elen))
               ? cjose_jwk_create_RSA_spec(&spec, &why)
               : NULL;
}

/* OpenSSL's own asks at the terminal, and waits there. */
static int no_password(char *out, int size, int is_written, void *data)
{
    (void)out;
    (void)size;
    (void)is_written;
    (void)data;
    return -1;
}

struct jwt_key *jwt_key_of_certificate(struct str pem, struct error *err)
{
    BIO *bytes = BIO_new_mem_buf(pem.data, (int)(pem.len > INT32_MAX ? 0 : pem.len));
    X509 *certificate = PEM_read_bio_X509(bytes, NULL, no_password, NULL);
    uint8_t digest[SHA_DIGEST_LENGTH];
    struct arena *a = arena_new(NULL);
    cjose_jwk_t *jwk = NULL;
    struct str id;
    cjose_err why;

    if (certificate && X509_digest(certificate, EVP_sha1(), digest, NULL))
        jwk = jwk_of_public(X509_get0_pubkey(certificate));
    if (jwk) {
        id = format_base64url(a, digest, sizeof(digest));
        cjose_jwk_set_kid(jwk, id.data, id.len, &why);
    } else {
        error_set(err, ERROR_CONFIG, "it is no certificate in PEM with a key of RSA");
    }
    arena_free(a);
    X509_free(certificate);
    BIO_free(bytes);
    return jwk ? key_of(jwk) : NULL;
}

void jwt_key_free(struct jwt_key *k)
{
    if (!k)
        return;
    cjose_jwk_release(k->jwk);
    free(k);
}

struct str jwt_key_id(const struct jwt_key *k)
{
    cjose_err why;
    const char *id = cjose_jwk_get_kid(k->jwk, &why);

    return id ? str_from(id) : STR_NONE;
}

struct str jwt_key_export(const struct jwt_key *k, struct arena *a, bool is_private)
{
    cjose_err why;
    char *json = cjose_jwk_to_json(k->jwk, is_private, &why);
    struct str copy;

    assert(json);
    copy = arena_copy(a, str_from(json));
    explicit_bzero(json, copy.len);
    cjose_get_dealloc()(json);
    return copy;
}

/* -- Tokens ---------------------------------------------------------------------------------- */

struct str jwt_sign(struct arena *a, const struct jwt_key *key, const char *type,
                    yyjson_mut_val *claims)
{
    struct str text = json_write_mut(a, claims), signed_text;
    cjose_err why;
    cjose_header_t *header = cjose_header_new(&why);
    const char *compact = NULL;
    cjose_jws_t *jws;

    cjose_header_set(header, CJOSE_HDR_ALG, ALGORITHM, &why);
    cjose_header_set(header, "typ", type, &why);
    cjose_header_set(header, CJOSE_HDR_KID, cjose_jwk_get_kid(key->jwk, &why), &why);
    /* Entra names its keys twice, and some verifiers look for the other one */
    cjose_header_set(header, "x5t", cjose_jwk_get_kid(key->jwk, &why), &why);
    jws = cjose_jws_sign(key->jwk, header, (const uint8_t *)text.data, text.len, &why);
    if (jws)
        cjose_jws_export(jws, &compact, &why);
    assert(compact);
    signed_text = arena_copy(a, str_from(compact));
    cjose_jws_release(jws);
    cjose_header_release(header);
    return signed_text;
}

static bool refuse(struct error *err, const char *what)
{
    return error_set(err, ERROR_ARM_BAD_TOKEN, "The access token is invalid: %s.", what);
}

static struct str header_text(struct arena *a, cjose_jws_t *jws, const char *name)
{
    cjose_err why;
    const char *value = cjose_header_get(cjose_jws_get_protected(jws), name, &why);

    return value ? arena_copy(a, str_from(value)) : STR_NONE;
}

static cjose_jws_t *import_token(struct str text)
{
    struct str rest = text, part;
    cjose_err why;

    while (str_split(&rest, '.', &part)) {
        if (!is_base64url(part))
            return NULL;
    }
    return cjose_jws_import(text.data, text.len, &why);
}

/* Extensions that a verifier must know (RFC 7515, 4.1.11): none is known here. Not asked of cjose, which
 * shows none that is not of the type that it should be. */
static bool check_critical_headers(struct arena *a, struct str text, struct error *err)
{
    struct error parse_error;
    struct str header, json;
    yyjson_doc *doc = NULL;

    if (str_split(&text, '.', &header) && format_parse_base64url(a, header, &json))
        doc = json_parse(a, json, &parse_error);
    if (!doc)
        return refuse(err, "its header is no JSON object");
    return !yyjson_obj_get(yyjson_doc_get_root(doc), "crit") ||
           refuse(err, "it has critical headers");
}

static bool read_parts(struct arena *a, cjose_jws_t *jws, struct jwt *token, struct error *err)
{
    uint8_t *payload = NULL;
    size_t len = 0;
    cjose_err why;
    struct error parse_error;
    yyjson_doc *doc;

    if (!str_equal(header_text(a, jws, CJOSE_HDR_ALG), STR(ALGORITHM)))
        return refuse(err, "it is not signed by " ALGORITHM);
    if (!check_critical_headers(a, token->text, err))
        return false;
    if (!cjose_jws_get_plaintext(jws, &payload, &len, &why))
        return refuse(err, "it has no payload");
    doc = json_parse(a, str_of((const char *)payload, len), &parse_error);
    if (!doc || !yyjson_is_obj(yyjson_doc_get_root(doc)))
        return refuse(err, "its payload is no JSON object");
    /* others would read the other one (RFC 7519, 4) */
    if (json_find_twice(a, yyjson_doc_get_root(doc)).data)
        return refuse(err, "it has a claim twice");
    token->claims = yyjson_doc_get_root(doc);
    token->key_id = header_text(a, jws, CJOSE_HDR_KID);
    return true;
}

bool jwt_parse(struct arena *a, struct str text, struct jwt *token, struct error *err)
{
    cjose_jws_t *jws;
    bool ok;

    *token = (struct jwt){ .text = text };
    if (text.len > JWT_BYTES_MAX)
        return refuse(err, "it is too long");
    jws = import_token(text);
    if (!jws)
        return refuse(err, "it is not a JSON Web Token");
    ok = read_parts(a, jws, token, err);
    cjose_jws_release(jws);
    return ok;
}

bool jwt_read_time(const struct jwt *token, const char *claim, int64_t *time_s)
{
    yyjson_val *value = yyjson_obj_get(token->claims, claim);
    double number = yyjson_get_num(value);

    if (!yyjson_is_num(value) || !(number >= 0 && number < 1e11))
        return false;
    *time_s = (int64_t)number;
    return true;
}

bool jwt_read_start(const struct jwt *token, int64_t *time_s)
{
    *time_s = 0;
    return !yyjson_obj_get(token->claims, "nbf") || jwt_read_time(token, "nbf", time_s);
}

bool jwt_verify(const struct jwt *token, const struct jwt_key *key)
{
    cjose_err why;
    cjose_jws_t *jws = import_token(token->text);
    bool ok = jws && cjose_jws_verify(jws, key->jwk, &why);

    cjose_jws_release(jws);
    return ok;
}
