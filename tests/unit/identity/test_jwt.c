/* Tokens: those that are ours, and those that only look so.
 * SPDX-License-Identifier: MIT */
#include "identity/jwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include <cjose/cjose.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>
#include <sys/wait.h>

#include "base/format.h"

#define CLAIMS "{\"sub\":\"me\"}"
#define HEADER "{\"alg\":\"RS256\",\"kid\":\"k\"}"

static struct arena *arena;
static struct jwt_key *key, *other;

static int set_up_keys(void **state)
{
    (void)state;
    key = jwt_key_generate(STR("key-1"));
    other = jwt_key_generate(STR("key-2"));
    return 0;
}

static int tear_down_keys(void **state)
{
    (void)state;
    jwt_key_free(key);
    jwt_key_free(other);
    return 0;
}

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

static struct str sign(const struct jwt_key *k)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *claims = yyjson_mut_obj(doc);

    json_set_str(doc, claims, "sub", STR("me"));
    return jwt_sign(arena, k, "JWT", claims);
}

static void refused(struct str text, const char *why)
{
    struct error err = { 0 };
    struct jwt token;

    assert_false(jwt_parse(arena, text, &token, &err));
    assert_int_equal(err.code, ERROR_ARM_BAD_TOKEN);
    if (!strstr(err.text, why))
        fail_msg("'%s' lacks '%s'", err.text, why);
}

static void parse(struct str text, struct jwt *token)
{
    struct error err = { 0 };

    if (!jwt_parse(arena, text, token, &err))
        fail_msg("%s", err.text);
}

/* By cjose itself, which signs what lazuli would not. */
static struct str sign_with_algorithm(const char *algorithm)
{
    struct str json = jwt_key_export(key, arena, true), copy;
    cjose_err why = { 0 };
    cjose_jwk_t *jwk = cjose_jwk_import(json.data, json.len, &why);
    cjose_header_t *header = cjose_header_new(&why);
    const char *compact;
    cjose_jws_t *jws;

    assert_true(cjose_header_set(header, CJOSE_HDR_ALG, algorithm, &why));
    jws = cjose_jws_sign(jwk, header, (const uint8_t *)CLAIMS, strlen(CLAIMS), &why);
    assert_non_null(jws);
    assert_true(cjose_jws_export(jws, &compact, &why));
    copy = arena_copy(arena, str_from(compact));
    cjose_jws_release(jws);
    cjose_header_release(header);
    cjose_jwk_release(jwk);
    return copy;
}

/* -- Tokens ---------------------------------------------------------------------------------- */

static void the_key_is_named_twice(void **state)
{
    struct str text = sign(key), header, json;
    struct error err;
    yyjson_val *root;

    (void)state;
    assert_true(str_split(&text, '.', &header));
    assert_true(format_parse_base64url(arena, header, &json));
    root = yyjson_doc_get_root(json_parse(arena, json, &err));
    assert_true(str_equal(json_str(yyjson_obj_get(root, "kid")), STR("key-1")));
    assert_true(str_equal(json_str(yyjson_obj_get(root, "x5t")), STR("key-1")));
}

static void what_was_signed_is_read_and_verified(void **state)
{
    struct jwt token;

    (void)state;
    parse(sign(key), &token);
    assert_true(str_equal(token.key_id, STR("key-1")));
    assert_true(str_equal(json_str(yyjson_obj_get(token.claims, "sub")), STR("me")));
    assert_true(jwt_verify(&token, key));
    assert_false(jwt_verify(&token, other));
}

static void a_public_key_verifies_and_a_private_one_survives_export(void **state)
{
    struct str public = jwt_key_export(key, arena, false), all = jwt_key_export(key, arena, true);
    struct error err = { 0 };
    struct jwt_key *verifier, *signer;
    struct jwt token;

    (void)state;
    assert_true(str_find(public, STR("\"d\"")) == SIZE_MAX);
    assert_true(str_find(all, STR("\"d\"")) != SIZE_MAX);
    verifier = jwt_key_import(public, &err);
    signer = jwt_key_import(all, &err);
    assert_non_null(verifier);
    assert_non_null(signer);
    assert_true(str_equal(jwt_key_id(signer), STR("key-1")));
    parse(sign(signer), &token);
    assert_true(jwt_verify(&token, verifier));
    jwt_key_free(verifier);
    jwt_key_free(signer);
}

/* RFC 8725, 2.1: no signature, or one by what everybody knows. */
static void other_algorithms_are_refused(void **state)
{
    struct str none = arena_printf(arena, "%.*s.%.*s.", STR_ARGS(encode("{\"alg\":\"none\"}")),
                                   STR_ARGS(encode(CLAIMS)));
    struct str public = jwt_key_export(key, arena, false);
    struct str input =
        arena_printf(arena, "%.*s.%.*s", STR_ARGS(encode("{\"alg\":\"HS256\",\"kid\":\"key-1\"}")),
                     STR_ARGS(encode(CLAIMS)));
    uint8_t mac[32];
    unsigned len = sizeof(mac);

    (void)state;
    refused(none, "");
    refused(arena_printf(arena, "%.*sAAAA", STR_ARGS(none)), "RS256");
    HMAC(EVP_sha256(), public.data, (int)public.len, (const uint8_t *)input.data, input.len, mac,
         &len);
    refused(arena_printf(arena, "%.*s.%.*s", STR_ARGS(input),
                         STR_ARGS(format_base64url(arena, mac, len))),
            "RS256");
    refused(sign_with_algorithm("RS384"), "RS256");
    refused(sign_with_algorithm("RS512"), "RS256");
    refused(sign_with_algorithm("PS256"), "RS256");
}

static struct str with_header(const char *header)
{
    return arena_printf(arena, "%.*s.%.*s.AAAA", STR_ARGS(encode(header)),
                        STR_ARGS(encode(CLAIMS)));
}

static void critical_headers_are_refused_whatever_they_are(void **state)
{
    static const char *const values[] = { "[\"exp\"]", "[\"b64\"]", "[]",   "\"b64\"",
                                          "{\"a\":1}", "null",      "true", "1" };
    struct jwt token;

    (void)state;
    parse(sign_with_algorithm("RS256"), &token);
    assert_true(jwt_verify(&token, key));
    parse(with_header("{\"alg\":\"RS256\",\"jku\":[\"exp\"]}"), &token);
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        refused(with_header(arena_printf(arena, "{\"alg\":\"RS256\",\"crit\":%s}", values[i]).data),
                "critical");
}

static void what_is_no_token_is_refused(void **state)
{
    struct str good = sign(key), head = encode(HEADER), claims = encode(CLAIMS);
    struct str parts[3], rest = good;
    struct str long_claims;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_true(str_split(&rest, '.', &parts[i]));
    refused(STR(""), "not a JSON Web Token");
    refused(STR("."), "not a JSON Web Token");
    refused(STR(".."), "not a JSON Web Token");
    refused(STR("..."), "not a JSON Web Token");
    refused(STR("x"), "not a JSON Web Token");
    refused(head, "not a JSON Web Token");
    refused(arena_printf(arena, "%.*s.%.*s", STR_ARGS(head), STR_ARGS(claims)),
            "not a JSON Web Token");
    refused(arena_printf(arena, "%.*s.AAAA", STR_ARGS(good)), "not a JSON Web Token");
    refused(arena_printf(arena, "%.*s..%.*s", STR_ARGS(parts[0]), STR_ARGS(parts[2])), "");
    refused(arena_printf(arena, "%.*s.!!!!.%.*s", STR_ARGS(parts[0]), STR_ARGS(parts[2])), "");
    refused(arena_printf(arena, "%.*s.%.*s.AAAA", STR_ARGS(encode("{")), STR_ARGS(claims)), "");
    refused(arena_printf(arena, "%.*s.%.*s.AAAA", STR_ARGS(encode("[]")), STR_ARGS(claims)), "");
    refused(
        arena_printf(arena, "%.*s.%.*s.AAAA", STR_ARGS(encode("{\"alg\":256}")), STR_ARGS(claims)),
        "");
    refused(arena_printf(arena, "%.*s.%.*s.AAAA", STR_ARGS(head), STR_ARGS(encode("no JSON"))),
            "no JSON object");
    refused(arena_printf(arena, "%.*s.%.*s.AAAA", STR_ARGS(head), STR_ARGS(encode("[1]"))),
            "no JSON object");
    refused(arena_printf(arena, "%.*s.%.*s.AAAA", STR_ARGS(head), STR_ARGS(encode("\"a\""))),
            "no JSON object");
    long_claims = arena_printf(arena, "{\"a\":\"%0*d\"}", (int)JWT_BYTES_MAX, 0);
    refused(
        arena_printf(arena, "%.*s.%.*s.AAAA", STR_ARGS(head), STR_ARGS(encode(long_claims.data))),
        "too long");
}

/* cjose ends the process on some of them. */
static void what_is_no_base64_is_refused(void **state)
{
    static const char *const parts[] = { "=",
                                         "==",
                                         "e30=",
                                         "e30==",
                                         "e3=0",
                                         "x=",
                                         "x",
                                         "scope=",
                                         "AAAAA",
                                         "A A",
                                         "A+A/",
                                         "A\nAA",
                                         ("\x80"
                                          "AAA") };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const char *p = parts[i];

        refused(str_from(p), "not a JSON Web Token");
        refused(arena_printf(arena, "%s.e30.AAAA", p), "not a JSON Web Token");
        refused(arena_printf(arena, "e30.%s.AAAA", p), "not a JSON Web Token");
        refused(arena_printf(arena, "e30.e30.%s", p), "not a JSON Web Token");
    }
}

/* The last characters of a part may hold bits that stand for nothing: a change there is none. */
static void any_change_is_found(void **state)
{
    struct str good = sign(key);
    char *text = arena_text(arena, good);
    size_t read = 0;

    (void)state;
    for (size_t i = 0; i < good.len; i++) {
        char before = text[i];
        struct error err;
        struct jwt token;

        text[i] = before == 'A' ? 'Z' : 'A'; /* differs in the bits that matter most, too */
        if (jwt_parse(arena, str_of(text, good.len), &token, &err)) {
            assert_false(jwt_verify(&token, key));
            read++;
        }
        text[i] = before;
    }
    assert_true(read > 100); /* changes of the signature at least */
}

static void a_signature_of_other_claims_does_not_pass(void **state)
{
    struct str good = sign(key), rest = good, head, claims;
    struct jwt token;

    (void)state;
    str_split(&rest, '.', &head);
    str_split(&rest, '.', &claims);
    parse(arena_printf(arena, "%.*s.%.*s.%.*s", STR_ARGS(head),
                       STR_ARGS(encode("{\"sub\":\"you\"}")), STR_ARGS(rest)),
          &token);
    assert_false(jwt_verify(&token, key));
    parse(arena_printf(arena, "%.*s.%.*s.%.*s", STR_ARGS(encode(HEADER)), STR_ARGS(claims),
                       STR_ARGS(rest)),
          &token);
    assert_false(jwt_verify(&token, key));
    parse(arena_printf(arena, "%.*s.%.*s.AAAA", STR_ARGS(head), STR_ARGS(claims)), &token);
    assert_false(jwt_verify(&token, key));
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
    struct jwt_key *k = jwt_key_of_certificate(pem, &err);
    struct jwt token;

    (void)state;
    assert_non_null(k);
    assert_int_equal(jwt_key_id(k).len, 27); /* 20 bytes in base64url */
    parse(sign_by(pkey, arena_printf(arena, "%.*s.%.*s", STR_ARGS(encode(HEADER)),
                                     STR_ARGS(encode(CLAIMS)))),
          &token);
    assert_true(jwt_verify(&token, k));
    assert_false(jwt_verify(&token, key));
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
        TEST(the_key_is_named_twice),
        TEST(what_was_signed_is_read_and_verified),
        TEST(a_public_key_verifies_and_a_private_one_survives_export),
        TEST(other_algorithms_are_refused),
        TEST(critical_headers_are_refused_whatever_they_are),
        TEST(what_is_no_token_is_refused),
        TEST(what_is_no_base64_is_refused),
        TEST(any_change_is_found),
        TEST(a_signature_of_other_claims_does_not_pass),
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

    return cmocka_run_group_tests(tests, set_up_keys, tear_down_keys);
}
