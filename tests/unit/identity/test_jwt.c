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

/* RFC 7519, 4: who reads the last one of a name would see another subject. */
static void a_claim_that_is_there_twice_is_refused(void **state)
{
    static const char *const claims[] = { "{\"sub\":\"me\",\"sub\":\"you\"}",
                                          "{\"a\":1,\"sub\":\"me\",\"b\":{},\"s\\u0075b\":1}" };
    struct str head = encode("{\"alg\":\"RS256\"}");
    struct jwt token;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(claims); i++)
        refused(arena_printf(arena, "%.*s.%.*s.AAAA", STR_ARGS(head), STR_ARGS(encode(claims[i]))),
                "twice");
    /* names are told apart by case, and those within a claim are the issuer's own */
    parse(arena_printf(arena, "%.*s.%.*s.AAAA", STR_ARGS(head),
                       STR_ARGS(encode("{\"sub\":\"me\",\"Sub\":{\"a\":1,\"a\":2}}"))),
          &token);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_key_is_named_twice),
        TEST(what_was_signed_is_read_and_verified),
        TEST(a_public_key_verifies_and_a_private_one_survives_export),
        TEST(other_algorithms_are_refused),
        TEST(critical_headers_are_refused_whatever_they_are),
        TEST(a_claim_that_is_there_twice_is_refused),
        TEST(what_is_no_token_is_refused),
        TEST(what_is_no_base64_is_refused),
        TEST(any_change_is_found),
        TEST(a_signature_of_other_claims_does_not_pass),
    };

    return cmocka_run_group_tests(tests, set_up_keys, tear_down_keys);
}
