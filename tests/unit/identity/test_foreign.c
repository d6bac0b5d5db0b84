/* SPDX-License-Identifier: MIT */
#include "identity/foreign.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static struct arena *a;
static struct error err;
static struct issuers *list;

static int set_up(void **state)
{
    (void)state;
    a = arena_new(NULL);
    list = issuers_parse(STR("issuers:\n"
                             "  - issuer: https://one\n"
                             "    audiences: [api://lazuli, https://management.azure.com/,"
                             " https://cognitiveservices.azure.com]\n"
                             "  - issuer: https://two\n"
                             "    audiences: [api://lazuli]\n"),
                         "identity.yaml", &err);
    return list ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    issuers_unref(list);
    arena_free(a);
    return 0;
}

static struct jwt token(const char *claims)
{
    yyjson_doc *doc = json_parse(a, str_from(claims), &err);

    if (!doc)
        fail_msg("%s", err.text);
    return (struct jwt){ .claims = yyjson_doc_get_root(doc) };
}

static bool is_for(const char *claims, const struct token_audiences *surface)
{
    struct jwt t = token(claims);

    return foreign_check_audience(&list->items[0], &t, surface, &err);
}

/* Azure's audiences are those of one surface, where the operator's own are for all. */
static void an_audience_is_of_its_surface(void **state)
{
    static const struct token_audiences *const arm = &token_audiences_arm;
    static const struct token_audiences *const data = &token_audiences_data;

    (void)state;
    assert_true(is_for("{\"aud\":\"api://lazuli\"}", arm));
    assert_true(is_for("{\"aud\":\"api://lazuli\"}", data));
    assert_true(is_for("{\"aud\":\"https://management.azure.com\"}", arm));
    assert_false(is_for("{\"aud\":\"https://management.azure.com\"}", data));
    assert_int_equal(err.code, ERROR_ARM_TOKEN_AUDIENCE);
    assert_true(is_for("{\"aud\":\"https://cognitiveservices.azure.com/\"}", data));
    assert_false(is_for("{\"aud\":\"https://cognitiveservices.azure.com/\"}", arm));
    assert_true(is_for("{\"aud\":[\"x\",7,\"https://management.azure.com\"]}", arm));
    assert_false(is_for("{\"aud\":[\"x\",7,\"https://management.azure.com\"]}", data));
    /* Azure's, but not in the issuer's list */
    assert_false(is_for("{\"aud\":\"https://ai.azure.com\"}", data));
    assert_false(is_for("{\"aud\":\"\"}", arm));
    assert_false(is_for("{\"aud\":[]}", arm));
    assert_false(is_for("{\"aud\":{}}", arm));
    assert_false(is_for("{}", arm));
}

static struct principal bearer(size_t issuer, const char *claims)
{
    struct jwt t = token(claims);
    struct principal who;

    if (!foreign_read_bearer(&list->items[issuer], &t, a, &who, &err))
        fail_msg("%s", err.text);
    return who;
}

static void a_guid_stays_and_other_names_become_one(void **state)
{
    struct principal guid = bearer(0, "{\"oid\":\"AAAAAAAA-0000-4000-8000-000000000001\","
                                      "\"sub\":\"alice\"}");
    struct principal alice = bearer(0, "{\"sub\":\"alice\",\"groups\":[\"team\",7,\"\","
                                       "\"bbbbbbbb-0000-4000-8000-000000000002\"]}");
    struct principal again = bearer(0, "{\"sub\":\"alice\",\"upn\":\"alice@example.com\"}");

    (void)state;
    assert_true(str_equal(guid.object_id, STR("aaaaaaaa-0000-4000-8000-000000000001")));
    assert_true(str_equal(alice.object_id, again.object_id));
    /* version 8 (RFC 9562) of SHA-256 of issuer, line end, subject: assignments rest on it */
    assert_string_equal(alice.object_id.data, "b5adc43a-7f4d-8ef9-b3b1-403e9c728393");
    assert_false(str_equal(alice.object_id, bearer(0, "{\"sub\":\"bob\"}").object_id));
    assert_false(str_equal(alice.object_id, bearer(1, "{\"sub\":\"alice\"}").object_id));
    assert_int_equal(alice.group_count, 2);
    assert_true(str_equal(alice.groups[1], STR("bbbbbbbb-0000-4000-8000-000000000002")));
    assert_int_equal(alice.groups[0].len, 36);
    assert_false(alice.is_administrator);
}

static void a_name_makes_a_user(void **state)
{
    struct principal who = bearer(0, "{\"sub\":\"s\",\"email\":\"e\",\"upn\":\"u\"}");

    (void)state;
    assert_int_equal(who.kind, PRINCIPAL_USER);
    assert_true(str_equal(who.name, STR("u")));
    who = bearer(0, "{\"sub\":\"s\",\"azp\":\"app\"}");
    assert_int_equal(who.kind, PRINCIPAL_APPLICATION);
    assert_true(str_equal(who.name, STR("app")));
    assert_true(str_equal(bearer(0, "{\"sub\":\"s\"}").name, STR("s")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_audience_is_of_its_surface),
        cmocka_unit_test(a_guid_stays_and_other_names_become_one),
        cmocka_unit_test(a_name_makes_a_user),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
