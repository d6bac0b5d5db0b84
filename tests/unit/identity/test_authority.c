/* Which tokens are good.
 * SPDX-License-Identifier: MIT */
#include "authority_fixture.h"

#include "base/format.h"

static void good(struct authority_fixture *f, const char *changes)
{
    struct error err = { 0 };
    struct principal who;
    int64_t expires_at_ms;

    if (!authority_check(f->authority, f->arena, token_with(f, changes), &token_audiences_arm, &who,
                         &expires_at_ms, &err))
        fail_msg("%s: %s", changes, err.text);
}

static void refused_text(struct authority_fixture *f, struct str token, enum error_code code,
                         const char *words)
{
    struct error err = { 0 };
    struct principal who;
    int64_t expires_at_ms;

    assert_false(authority_check(f->authority, f->arena, token, &token_audiences_arm, &who,
                                 &expires_at_ms, &err));
    if (err.code != code || !strstr(err.text, words))
        fail_msg("%d '%s' instead of %d '%s'", err.code, err.text, code, words);
}

static void refused(struct authority_fixture *f, const char *changes, enum error_code code,
                    const char *words)
{
    refused_text(f, token_with(f, changes), code, words);
}

static const char *at(struct authority_fixture *f, const char *claim, int64_t from_now_s)
{
    return arena_printf(f->arena, "{\"%s\":%lld}", claim,
                        (long long)now_s(f) + (long long)from_now_s)
        .data;
}

static void a_good_token_tells_who_it_is(void **state)
{
    struct authority_fixture *f = *state;
    struct error err = { 0 };
    struct principal who;
    int64_t expires_at_ms;

    publish(f, "{}");
    assert_true(authority_check(f->authority, f->arena, token_with(f, "{}"), &token_audiences_arm,
                                &who, &expires_at_ms, &err));
    assert_int_equal(who.kind, PRINCIPAL_APPLICATION);
    assert_true(str_equal(who.object_id, STR(APP_ID)));
    assert_true(str_equal(who.name, STR("app")));
    assert_false(who.is_administrator);
    assert_int_equal(who.group_count, 1);
    assert_true(str_equal(who.groups[0], STR(GROUP_ID)));
    assert_in_range(expires_at_ms, (now_s(f) + 3590) * 1000, (now_s(f) + 3600) * 1000);
    assert_true(authority_check(f->authority, f->arena,
                                token_with(f, "{\"idtyp\":\"user\",\"upn\":\"ann@x\"}"),
                                &token_audiences_arm, &who, &expires_at_ms, &err));
    assert_int_equal(who.kind, PRINCIPAL_USER);
    assert_true(str_equal(who.name, STR("ann@x")));
}

static void what_it_signs_it_accepts(void **state)
{
    struct authority_fixture *f = *state;
    yyjson_mut_doc *doc = json_new(f->arena);
    yyjson_mut_val *claims = yyjson_mut_obj(doc);
    struct authority_state *s;
    struct error err = { 0 };
    struct principal who;
    int64_t expires_at_ms;
    struct str token;

    publish(f, "{}");
    json_set_str(doc, claims, "aud", STR(ARM));
    json_set_str(doc, claims, "oid", STR(APP_ID));
    s = authority_state(f->authority);
    token = authority_sign(f->authority, s, f->arena, doc, claims, 60000);
    authority_state_unref(s);
    assert_true(authority_check(f->authority, f->arena, token, &token_audiences_arm, &who,
                                &expires_at_ms, &err));
    clock_move_to(&f->clock, authority_now_ms(f->authority) + 60000);
    refused_text(f, token, ERROR_ARM_TOKEN_EXPIRED, "is earlier than current UTC time");
}

static void times_are_looked_at(void **state)
{
    struct authority_fixture *f = *state;

    publish(f, "{}");
    good(f, at(f, "exp", 60));
    refused(f, at(f, "exp", 0), ERROR_ARM_TOKEN_EXPIRED, "expiry UTC time");
    refused(f, at(f, "exp", -100000), ERROR_ARM_TOKEN_EXPIRED, "expiry UTC time");
    good(f, at(f, "nbf", 290)); /* clocks differ */
    refused(f, at(f, "nbf", 400), ERROR_ARM_BAD_TOKEN, "not valid yet");
    refused(f, "{\"nbf\":1e12}", ERROR_ARM_BAD_TOKEN, "not valid yet");
    refused(f, "{\"nbf\":\"0\"}", ERROR_ARM_BAD_TOKEN, "not valid yet");
    refused(f, at(f, "iat", 400), ERROR_ARM_BAD_TOKEN, "not valid yet");
    good(f, "{\"nbf\":null}");
    refused(f, "{\"exp\":null}", ERROR_ARM_BAD_TOKEN, "lacks the claim");
    refused(f, "{\"iat\":null}", ERROR_ARM_BAD_TOKEN, "lacks the claim");
    refused(f, "{\"exp\":\"9999999999\"}", ERROR_ARM_BAD_TOKEN, "lacks the claim");
    refused(f, "{\"exp\":1e300}", ERROR_ARM_BAD_TOKEN, "lacks the claim");
    refused(f, "{\"exp\":-1}", ERROR_ARM_BAD_TOKEN, "lacks the claim");
    refused(f, "{\"exp\":18446744073709551615}", ERROR_ARM_BAD_TOKEN, "lacks the claim");
    good(f, "{\"exp\":9999999999.5}");
}

static void it_must_be_for_this_service(void **state)
{
    struct authority_fixture *f = *state;

    publish(f, "{}");
    good(f, "{\"aud\":\"https://management.azure.com\"}");
    good(f, "{\"aud\":\"https://management.azure.com///\"}");
    good(f, "{\"aud\":\"https://MANAGEMENT.core.windows.net/\"}");
    refused(f, "{\"aud\":\"https://cognitiveservices.azure.com\"}", ERROR_ARM_TOKEN_AUDIENCE,
            "'https://cognitiveservices.azure.com'");
    refused(f, "{\"aud\":\"https://management.azure.com.evil.com/\"}", ERROR_ARM_TOKEN_AUDIENCE,
            "wrong audience");
    refused(f, "{\"aud\":\"https://management.azure.com/x\"}", ERROR_ARM_TOKEN_AUDIENCE,
            "wrong audience");
    refused(f, "{\"aud\":null}", ERROR_ARM_TOKEN_AUDIENCE, "wrong audience");
    refused(f, "{\"aud\":\"\"}", ERROR_ARM_TOKEN_AUDIENCE, "wrong audience");
    refused(f, "{\"aud\":\"/\"}", ERROR_ARM_TOKEN_AUDIENCE, "wrong audience");
    refused(f, "{\"aud\":[\"https://management.azure.com\"]}", ERROR_ARM_TOKEN_AUDIENCE,
            "wrong audience");
}

static void it_must_be_of_this_issuer(void **state)
{
    struct authority_fixture *f = *state;

    publish(f, "{}");
    refused(f, "{\"iss\":null}", ERROR_ARM_TOKEN_ISSUER, "wrong issuer");
    refused(f, "{\"iss\":\"https://sts.windows.net/\"}", ERROR_ARM_TOKEN_ISSUER, "wrong issuer");
    refused(f, "{\"iss\":\"https://sts.windows.net/" TENANT "\"}", ERROR_ARM_TOKEN_ISSUER,
            "wrong issuer");
    refused(f, "{\"iss\":\"https://localhost/" TENANT "/v2.0\"}", ERROR_ARM_TOKEN_ISSUER,
            "'https://localhost/" TENANT "/v2.0'");
}

/* The claims are the same; only who signs differs. */
static void only_known_keys_count(void **state)
{
    struct authority_fixture *f = *state;
    struct str token, rest, head, claims, header;
    struct jwt_key *strange, *same_name;
    yyjson_mut_doc *doc = json_new(f->arena);
    struct error err = { 0 };
    struct jwt parsed;

    publish(f, "{}");
    token = rest = token_with(f, "{}");
    assert_true(jwt_parse(f->arena, token, &parsed, &err));
    strange = jwt_key_generate(STR("strange"));
    same_name = jwt_key_generate(parsed.key_id);
    refused_text(f, jwt_sign(f->arena, strange, "JWT", yyjson_val_mut_copy(doc, parsed.claims)),
                 ERROR_ARM_BAD_TOKEN, "a key that is not known");
    refused_text(f, jwt_sign(f->arena, same_name, "JWT", yyjson_val_mut_copy(doc, parsed.claims)),
                 ERROR_ARM_BAD_TOKEN, "its signature does not match");
    assert_true(str_split(&rest, '.', &head));
    assert_true(str_split(&rest, '.', &claims));
    header = STR("{\"alg\":\"none\"}");
    refused_text(f,
                 arena_printf(f->arena, "%.*s.%.*s.",
                              STR_ARGS(format_base64url(f->arena, header.data, header.len)),
                              STR_ARGS(claims)),
                 ERROR_ARM_BAD_TOKEN, "invalid");
    refused_text(f, STR("x"), ERROR_ARM_BAD_TOKEN, "not a JSON Web Token");
    refused_text(f, STR_NONE, ERROR_ARM_BAD_TOKEN, "not a JSON Web Token");
    jwt_key_free(strange);
    jwt_key_free(same_name);
}

static void the_bearer_must_be_there(void **state)
{
    struct authority_fixture *f = *state;

    publish(f, "{}");
    refused(f, "{\"oid\":null}", ERROR_ARM_BAD_TOKEN, "has been deleted or disabled");
    refused(f, "{\"oid\":\"bbbbbbbb-0000-0000-0000-000000000001\"}", ERROR_ARM_BAD_TOKEN,
            "'bbbbbbbb-0000-0000-0000-000000000001' has been deleted");
    good(f, "{}");
    publish(f, "{\"accountEnabled\":false}");
    refused(f, "{}", ERROR_ARM_BAD_TOKEN, "deleted or disabled");
    publish(f, "{\"isServicePrincipal\":false}");
    refused(f, "{}", ERROR_ARM_BAD_TOKEN, "deleted or disabled");
    publish(f, "{}");
    good(f, "{}");
    publish(f, NULL);
    refused(f, "{}", ERROR_ARM_BAD_TOKEN, "deleted or disabled");
}

static void tokens_from_before_a_new_password_are_revoked(void **state)
{
    struct authority_fixture *f = *state;
    struct str old;

    publish(f, "{}");
    old = token_with(f, "{}");
    publish(
        f,
        arena_printf(f->arena, "{\"validFromMs\":%lld}", (long long)now_s(f) * 1000 + 1000).data);
    refused_text(f, old, ERROR_ARM_BAD_TOKEN, "the token was revoked");
    good(f, at(f, "iat", 2));
}

/* -- Changes --------------------------------------------------------------------------------- */

struct changing {
    struct authority_fixture *f;
    const char *id;
    enum principal_type type;
    const char *body;
    bool is_published;
    bool fails;
};

static bool run_change(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct changing *ch = data;
    struct principal_record p = { .type = ch->type,
                                  .object_id = str_from(ch->id),
                                  .name = str_from(ch->id) };
    yyjson_doc *doc = json_parse(a, str_from(ch->body), err);
    struct authority_state *state;

    if (!doc || !principals_put(
                    t, a, &p, yyjson_mut_doc_get_root(json_copy(a, yyjson_doc_get_root(doc))), err))
        return false;
    authority_note_change(ch->f->authority, p.object_id);
    state = authority_read_changed(ch->f->authority, t, a, false, err);
    assert_non_null(state);
    if (ch->is_published)
        authority_publish(ch->f->authority, state);
    else
        authority_state_unref(state);
    return !ch->fails || error_set(err, ERROR_CONFLICT, NULL);
}

static void change_app(struct authority_fixture *f, const char *body, bool fails)
{
    struct changing ch = { f, APP_ID, PRINCIPAL_TYPE_APPLICATION, body, false, fails };
    struct error err;

    assert_int_equal(store_run(f->store.store, run_change, &ch, &err), !fails);
}

/* Of which no state is in force yet, as between two jobs of a transaction. */
static void what_others_have_changed_is_in_the_next_state(void **state)
{
    struct authority_fixture *f = *state;
    struct changing group = { f, GROUP_ID, PRINCIPAL_TYPE_GROUP, "{}", true, false };

    publish(f, "{}");
    change_app(f, "{\"accountEnabled\":false}", false);
    good(f, "{}");
    must_run(&f->store, run_change, &group);
    refused(f, "{}", ERROR_ARM_BAD_TOKEN, "deleted or disabled");
    change_app(f, "{}", true); /* is taken back */
    must_run(&f->store, run_change, &group);
    refused(f, "{}", ERROR_ARM_BAD_TOKEN, "deleted or disabled");
    for (int i = 0; i < 300; i++) /* more than are remembered */
        change_app(f, i < 299 ? "{\"accountEnabled\":false}" : "{}", false);
    must_run(&f->store, run_change, &group);
    good(f, "{}");
}

static void before_anything_is_known_nothing_is_good(void **state)
{
    struct authority_fixture *f = *state;

    refused(f, "{}", ERROR_ARM_BAD_TOKEN, "no key is known");
    assert_null(authority_state(f->authority));
    assert_int_equal(authority_generation(f->authority), 0);
    publish(f, "{}");
    assert_int_equal(authority_generation(f->authority), 1);
    good(f, "{}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, authority_set_up, authority_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_token_tells_who_it_is),
        TEST(what_it_signs_it_accepts),
        TEST(times_are_looked_at),
        TEST(it_must_be_for_this_service),
        TEST(it_must_be_of_this_issuer),
        TEST(only_known_keys_count),
        TEST(the_bearer_must_be_there),
        TEST(tokens_from_before_a_new_password_are_revoked),
        TEST(what_others_have_changed_is_in_the_next_state),
        TEST(before_anything_is_known_nothing_is_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
