/* Keys that are taken, as JSON Web Keys and out of certificates, and those that are not.
 * SPDX-License-Identifier: MIT */
#include "identity/jwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>
#include <sys/wait.h>

#include "base/format.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct str encode(const char *text)
{
    return format_base64url(arena, text, strlen(text));
}

/* -- Keys ------------------------------------------------------------------------------------ */

static void refused_key(struct str json)
{
    struct error err = { 0 };

    assert_null(jwt_key_import(json, &err));
    assert_int_equal(err.code, ERROR_CONFIG);
}

static struct str jwk_of(const char *n, const char *e)
{
    return arena_printf(arena, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}", n, e);
}

static struct str number_of(size_t bits)
{
    size_t len = bits / 8;
    uint8_t *bytes = arena_alloc(arena, len);

    memset(bytes, 0xFF, len);
    return format_base64url(arena, bytes, len);
}

static void only_keys_of_rsa_of_a_fair_size_are_taken(void **state)
{
    struct error err = { 0 };
    struct jwt_key *k;

    (void)state;
    k = jwt_key_import(jwk_of(number_of(2048).data, "AQAB"), &err);
    assert_non_null(k);
    jwt_key_free(k);
    refused_key(jwk_of(number_of(1024).data, "AQAB"));
    refused_key(jwk_of(number_of(2040).data, "AQAB"));
    refused_key(jwk_of(number_of(8200).data, "AQAB"));
    refused_key(STR("{\"kty\":\"EC\",\"crv\":\"P-256\","
                    "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}"));
    refused_key(arena_printf(arena, "{\"kty\":\"oct\",\"k\":\"%.*s\"}", STR_ARGS(number_of(2048))));
    refused_key(arena_printf(arena, "{\"x\":\"%0*d\"}", 20000, 0));
}

/* By an exponent of 1 everybody signs; a long one takes the verifier as long as signing takes. */
static void exponents_are_odd_and_short(void **state)
{
    static const char *const bad[] = { "AA", "AQ", "Ag", "AQAA", "AAAAAAAAAAAB", "AQAAAAAAAAAB" };
    static const char *const good[] = { "Aw", "EQ", "AQAB", "AAEAAQ", "__________8" };
    struct error err = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        refused_key(jwk_of(number_of(2048).data, bad[i]));
    refused_key(jwk_of(number_of(2048).data, number_of(2048).data));
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct jwt_key *k = jwt_key_import(jwk_of(number_of(2048).data, good[i]), &err);

        assert_non_null(k);
        jwt_key_free(k);
    }
}

static void numbers_that_are_no_base64_are_refused(void **state)
{
    static const char *const names[] = { "n", "e", "d", "p", "q", "dp", "dq", "qi" };
    static const char *const numbers[] = { "\"=\"",    "\"scope=\"", "\"AQABA\"",
                                           "\"A=AA\"", "7",          "null" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
            refused_key(arena_printf(arena,
                                     "{\"kty\":\"RSA\",\"%s\":%s,\"n\":\"%.*s\",\"e\":\"AQAB\"}",
                                     names[i], numbers[k], STR_ARGS(number_of(2048))));
    }
}

/* cjose takes the last one. */
static void a_number_that_comes_twice_is_read_once(void **state)
{
    static const char *const others[] = { "\"A=AA\"", "\"AQABA\"", "7" };
    struct str n = number_of(2048);
    struct error err = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct jwt_key *k = jwt_key_import(
            arena_printf(arena, "{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"AQAB\",\"n\":%s}",
                         STR_ARGS(n), others[i]),
            &err);

        assert_non_null(k);
        assert_non_null(strstr(jwt_key_export(k, arena, false).data, n.data));
        jwt_key_free(k);
    }
}

/* cjose would leak what there is. */
static void half_a_private_part_is_refused(void **state)
{
    static const char *const names[] = { "d", "p", "q", "dp", "dq", "qi" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        refused_key(arena_printf(arena,
                                 "{\"kty\":\"RSA\",\"%s\":\"AQAB\",\"n\":\"%.*s\",\"e\":\"AQAB\"}",
                                 names[i], STR_ARGS(number_of(2048))));
}

static void what_is_no_key_is_refused(void **state)
{
    static const char *const texts[] = { "",
                                         "{",
                                         "null",
                                         "[]",
                                         "{}",
                                         "\"RSA\"",
                                         "{\"kty\":1}",
                                         "{\"kty\":\"RSA\"}",
                                         "{\"kty\":\"RSA\",\"n\":1,\"e\":2}",
                                         "{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"\"}",
                                         "{\"kty\":\"RSA\",\"n\":\"!\",\"e\":\"AQAB\"}",
                                         "{\"kty\":\"RSA\",\"n\":\"AQAB\"}" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        refused_key(str_from(texts[i]));
}

/* Nothing is written beyond its end, and what it signs does not verify. */
static void garbage_in_the_private_part_does_no_harm(void **state)
{
    struct str n = number_of(2048);
    struct error err = { 0 };
    struct jwt_key *k = jwt_key_import(
        arena_printf(arena,
                     "{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"AQAB\",\"d\":\"%.*s\",\"p\":\"Aw\","
                     "\"q\":\"\",\"dp\":\"%.*s\",\"dq\":\"AA\",\"qi\":\"!!\"}",
                     STR_ARGS(n), STR_ARGS(n), STR_ARGS(n)),
        &err);

    (void)state;
    if (!k)
        assert_int_equal(err.code, ERROR_CONFIG);
    jwt_key_free(k);
}

/* -- Certificates ---------------------------------------------------------------------------- */

static struct str bytes_of(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    struct str copy = arena_copy(arena, str_of(data, (size_t)len));

    BIO_free(bio);
    return copy;
}

static X509 *make_certificate(EVP_PKEY *pkey)
{
    X509 *certificate = X509_new();

    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, pkey);
    assert_true(X509_sign(certificate, pkey, EVP_sha256()) > 0);
    return certificate;
}

static struct str pem_of(EVP_PKEY *pkey)
{
    X509 *certificate = make_certificate(pkey);
    BIO *bio = BIO_new(BIO_s_mem());

    assert_true(PEM_write_bio_X509(bio, certificate));
    X509_free(certificate);
    return bytes_of(bio);
}

static struct str sign_by(EVP_PKEY *pkey, struct str input)
{
    uint8_t signature[512];
    size_t len = sizeof(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    assert_true(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, pkey) == 1);
    assert_true(EVP_DigestSign(context, signature, &len, (const uint8_t *)input.data, input.len) ==
                1);
    EVP_MD_CTX_free(context);
    return arena_printf(arena, "%.*s.%.*s", STR_ARGS(input),
                        STR_ARGS(format_base64url(arena, signature, len)));
}

static void a_certificate_verifies_what_its_key_signs(void **state)
{
    EVP_PKEY *pkey = EVP_RSA_gen(2048);
    struct str pem = pem_of(pkey);
    struct error err = { 0 };
    struct jwt_key *k = jwt_key_of_certificate(pem, &err), *other = jwt_key_generate(STR("other"));
    struct str text;
    struct jwt token;

    (void)state;
    assert_non_null(k);
    assert_int_equal(jwt_key_id(k).len, 27); /* 20 bytes in base64url */
    text = sign_by(pkey, arena_printf(arena, "%.*s.%.*s", STR_ARGS(encode("{\"alg\":\"RS256\"}")),
                                      STR_ARGS(encode("{\"sub\":\"me\"}"))));
    assert_true(jwt_parse(arena, text, &token, &err));
    assert_true(jwt_verify(&token, k));
    assert_false(jwt_verify(&token, other));
    jwt_key_free(other);
    jwt_key_free(k);
    EVP_PKEY_free(pkey);
}

static void refused_certificate(struct str pem)
{
    struct error err = { 0 };

    assert_null(jwt_key_of_certificate(pem, &err));
    assert_int_equal(err.code, ERROR_CONFIG);
}

static void other_certificates_are_refused(void **state)
{
    EVP_PKEY *curve = EVP_EC_gen("P-256"), *small = EVP_RSA_gen(1024);
    struct str pem = pem_of(curve);

    (void)state;
    refused_certificate(pem);
    refused_certificate(pem_of(small));
    refused_certificate(STR(""));
    refused_certificate(STR("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
    refused_certificate(str_slice(pem, 0, pem.len / 2));
    EVP_PKEY_free(curve);
    EVP_PKEY_free(small);
}

/* OpenSSL would ask whoever sits at the terminal for its password, and wait: here, one that answers. */
static void an_encrypted_certificate_asks_nobody(void **state)
{
    EVP_PKEY *pkey = EVP_RSA_gen(2048);
    X509 *certificate = make_certificate(pkey);
    BIO *bio = BIO_new(BIO_s_mem());
    struct error err = { 0 };
    int ends[2], status;
    struct str pem;
    pid_t child;

    (void)state;
    assert_true(PEM_ASN1_write_bio((i2d_of_void *)(void *)i2d_X509, PEM_STRING_X509, bio,
                                   certificate, EVP_aes_128_cbc(), (const uint8_t *)"secret", 6,
                                   NULL, NULL));
    pem = bytes_of(bio);
    assert_true(str_find(pem, STR("ENCRYPTED")) != SIZE_MAX);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "secret\n", 7), 7);
    close(ends[1]);
    child = fork();
    if (child == 0) { /* without a terminal, standard input is asked */
        setsid();
        dup2(ends[0], STDIN_FILENO);
        _exit(jwt_key_of_certificate(pem, &err) ? 1 : 0);
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    X509_free(certificate);
    EVP_PKEY_free(pkey);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_keys_of_rsa_of_a_fair_size_are_taken),
        TEST(exponents_are_odd_and_short),
        TEST(numbers_that_are_no_base64_are_refused),
        TEST(a_number_that_comes_twice_is_read_once),
        TEST(half_a_private_part_is_refused),
        TEST(what_is_no_key_is_refused),
        TEST(garbage_in_the_private_part_does_no_harm),
        TEST(a_certificate_verifies_what_its_key_signs),
        TEST(other_certificates_are_refused),
        TEST(an_encrypted_certificate_asks_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
