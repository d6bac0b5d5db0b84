/* Microsoft Graph: making, changing and deleting people and groups; what is told of any change.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#define APPS "/v1.0/applications"
#define USERS "/v1.0/users"
#define BOB(password)                                                     \
    "{\"displayName\":\"Bob\",\"userPrincipalName\":\"bob@contoso.com\"," \
    "\"passwordProfile\":{\"password\":\"" password "\"}}"
#define BOB_SIGNS_IN                                                                         \
    "grant_type=password&client_id=" CLI "&username=bob@contoso.com&scope=" ARM "/.default&" \
    "password="

static void who_may_not_assign_roles_changes_nothing(void **state)
{
    struct fixture *f = *state;
    yyjson_val *reply;

    authorize_as(f, OTHER_APP, GRAPH);
    reply = expect(f, 403, HTTP_POST, APPS, "{\"displayName\":\"x\"}");
    assert_string_equal(text_at(reply, "error.code"), "Authorization_RequestDenied");
    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 403, HTTP_POST, APPS "/" OTHER_ID "/addPassword", "{}");
    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 403, HTTP_PATCH, USERS "/" ANN_ID, "{\"displayName\":\"x\"}");
    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 403, HTTP_DELETE, USERS "/" ANN_ID, NULL);
    expect(f, 401, HTTP_DELETE, USERS "/" ANN_ID, NULL);
}

/* -- Users ----------------------------------------------------------------------------------- */

static void a_user_is_made_and_signs_in(void **state)
{
    struct fixture *f = *state;
    yyjson_val *user = graph(f, 201, HTTP_POST, USERS, BOB("battery staple"));

    assert_string_equal(text_at(user, "userPrincipalName"), "bob@contoso.com");
    assert_null(yyjson_obj_get(user, "passwordHash"));
    assert_null(yyjson_obj_get(user, "passwordProfile"));
    expect_token(f, BOB_SIGNS_IN "battery staple");
    graph(f, 400, HTTP_POST, USERS, BOB("battery staple")); /* the name is taken */
    graph(f, 204, HTTP_DELETE, USERS "/bob@contoso.com", NULL);
    expect_refusal(f, "invalid_grant", 50126, BOB_SIGNS_IN "battery staple");
}

static void passwords_have_a_fair_length(void **state)
{
    struct fixture *f = *state;
    unsigned hashed;

    graph(f, 400, HTTP_POST, USERS, BOB("1234567"));
    graph(f, 400, HTTP_POST, USERS, text_of(f, BOB("%0257d"), 0));
    graph(f, 400, HTTP_POST, USERS,
          "{\"displayName\":\"Bob\",\"userPrincipalName\":\"bob@contoso.com\"}");
    graph(f, 400, HTTP_POST, USERS,
          "{\"displayName\":\"Bob\",\"userPrincipalName\":\"bob@contoso.com\","
          "\"passwordProfile\":{\"password\":12345678}}");
    assert_int_equal(f->hashed, 0); /* refused before there is any work */
    graph(f, 201, HTTP_POST, USERS, BOB("12345678"));
    hashed = f->hashed;
    graph(f, 400, HTTP_PATCH, USERS "/bob@contoso.com", "{\"passwordProfile\":{}}");
    graph(f, 400, HTTP_PATCH, USERS "/bob@contoso.com",
          "{\"passwordProfile\":{\"password\":\"short\"}}");
    assert_int_equal(f->hashed, hashed);
}

static void a_new_password_takes_the_old_ones_place(void **state)
{
    struct fixture *f = *state;

    graph(f, 201, HTTP_POST, USERS, BOB("battery staple"));
    pass(f, MINUTE_MS);
    graph(f, 204, HTTP_PATCH, USERS "/bob@contoso.com",
          "{\"passwordProfile\":{\"password\":\"another one\"}}");
    expect_refusal(f, "invalid_grant", 50126, BOB_SIGNS_IN "battery staple");
    expect_token(f, BOB_SIGNS_IN "another one");
}

static void users_have_names_like_addresses(void **state)
{
    static const char *const names[] = { "",        "bob",   "@contoso.com", "bob@",
                                         "b b@x.y", "b/b@x", "b<b@x" };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        graph(f, 400, HTTP_POST, USERS,
              text_of(f,
                      "{\"displayName\":\"B\",\"userPrincipalName\":\"%s\","
                      "\"passwordProfile\":{\"password\":\"battery staple\"}}",
                      names[i]));
    assert_int_equal(f->hashed, 0);
}

/* "false", a text, would have left the account switched on. */
static void members_have_their_types(void **state)
{
    static const char *const bodies[] = { "{\"accountEnabled\":\"false\"}",
                                          "{\"accountEnabled\":0}",
                                          "{\"accountEnabled\":null}",
                                          "{\"displayName\":true}",
                                          "{\"displayName\":\"\"}",
                                          "{\"displayName\":null}",
                                          "{\"displayName\":{}}",
                                          "{\"mail\":[\"x\"]}",
                                          "[]",
                                          "x" };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        graph(f, 400, HTTP_PATCH, USERS "/" ANN_ID, bodies[i]);
    graph(f, 400, HTTP_PATCH, USERS "/" ANN_ID, text_of(f, "{\"jobTitle\":\"%0257d\"}", 0));
    graph(f, 204, HTTP_PATCH, USERS "/" ANN_ID,
          "{\"jobTitle\":\"x\",\"mail\":null,\"unknown\":{},\"accountEnabled\":false}");
    expect_refusal(f, "invalid_grant", 50057,
                   "grant_type=password&client_id=" CLI "&username=" ANN "&scope=" ARM
                   "/.default&password=" PASSWORD);
}

/* -- Groups ---------------------------------------------------------------------------------- */

#define MEMBER(id) "{\"@odata.id\":\"" GRAPH "/v1.0/directoryObjects/" id "\"}"

static void groups_have_members(void **state)
{
    struct fixture *f = *state;
    const char *id = id_of(
        graph(f, 201, HTTP_POST, "/v1.0/groups", "{\"displayName\":\"g\",\"mailNickname\":\"g\"}"));
    const char *members = text_of(f, "/v1.0/groups/%s/members", id);
    const char *refs = text_of(f, "%s/$ref", members);
    yyjson_val *reply;

    graph(f, 204, HTTP_POST, refs, MEMBER(ANN_ID));
    graph(f, 400, HTTP_POST, refs, MEMBER(ANN_ID));
    graph(f, 404, HTTP_POST, refs, MEMBER("bbbbbbbb-0000-0000-0000-00000000000f"));
    graph(f, 404, HTTP_POST, refs, "{\"@odata.id\":7}");
    graph(f, 404, HTTP_POST, refs, "{}");
    reply = graph(f, 200, HTTP_GET, members, NULL);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(reply, "value")), 1);
    graph(f, 204, HTTP_DELETE, text_of(f, "%s/" ANN_ID "/$ref", members), NULL);
    graph(f, 404, HTTP_DELETE, text_of(f, "%s/" ANN_ID "/$ref", members), NULL);
    graph(f, 404, HTTP_POST, "/v1.0/groups/" ANN_ID "/members/$ref", MEMBER(ANN_ID));
}

/* -- Passwords ------------------------------------------------------------------------------- */

#define ANN_SIGNS_IN \
    "grant_type=password&client_id=" CLI "&username=" ANN "&scope=" GRAPH "/.default&password="
#define CHANGE "/v1.0/me/changePassword"

static void a_password_may_be_for_once(void **state)
{
    static const char *const bad[] = {
        "{\"passwordProfile\":{\"forceChangePasswordNextSignIn\":\"true\"}}",
        "{\"passwordProfile\":{\"forceChangePasswordNextSignInWithMfa\":true}}",
        "{\"passwordProfile\":{\"forceChangePasswordNextSignIn\":true,\"password\":1}}",
    };
    struct fixture *f = *state;

    graph(f, 201, HTTP_POST, USERS,
          "{\"displayName\":\"Bob\",\"userPrincipalName\":\"bob@contoso.com\",\"passwordProfile\":"
          "{\"password\":\"battery staple\",\"forceChangePasswordNextSignIn\":true}}");
    expect_refusal(f, "invalid_grant", 50055, BOB_SIGNS_IN "battery staple");
    graph(f, 204, HTTP_PATCH, USERS "/bob@contoso.com",
          "{\"passwordProfile\":{\"forceChangePasswordNextSignIn\":false}}");
    expect_token(f, BOB_SIGNS_IN "battery staple");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        graph(f, 400, HTTP_PATCH, USERS "/" ANN_ID, bad[i]);
    graph(f, 204, HTTP_PATCH, USERS "/bob@contoso.com",
          "{\"passwordProfile\":{\"forceChangePasswordNextSignIn\":true}}");
    expect_refusal(f, "invalid_grant", 50055, BOB_SIGNS_IN "battery staple");
    graph(f, 204, HTTP_PATCH, USERS "/bob@contoso.com",
          "{\"passwordProfile\":{\"password\":\"another one\"}}");
    expect_token(f, BOB_SIGNS_IN "another one");
}

static void authorize_as_ann(struct fixture *f, const char *password)
{
    yyjson_val *reply = expect_token(f, text_of(f, ANN_SIGNS_IN "%s", password));

    f->next.authorization = arena_printf(f->arena, "Bearer %s", text_at(reply, "access_token"));
}

static void people_change_their_passwords(void **state)
{
    static const char *const bad[] = {
        "{\"currentPassword\":\"wrong\",\"newPassword\":\"battery staple\"}",
        "{\"currentPassword\":\"" PASSWORD "\",\"newPassword\":\"short\"}",
        "{\"currentPassword\":\"" PASSWORD "\",\"newPassword\":\"" PASSWORD "\"}",
        "{\"newPassword\":\"battery staple\"}",
        "{\"currentPassword\":\"" PASSWORD "\"}",
    };
    struct fixture *f = *state;
    struct str old;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        authorize_as_ann(f, PASSWORD);
        assert_string_equal(text_at(expect(f, 400, HTTP_POST, CHANGE, bad[i]), "error.code"),
                            "Request_BadRequest");
    }
    authorize_as_ann(f, PASSWORD);
    old = f->next.authorization;
    pass(f, MINUTE_MS);
    expect(f, 204, HTTP_POST, CHANGE,
           "{\"currentPassword\":\"" PASSWORD "\",\"newPassword\":\"battery staple\"}");
    f->next.authorization = old;
    expect(f, 401, HTTP_GET, "/v1.0/me", NULL);
    authorize_as_ann(f, "battery staple");
    expect(f, 200, HTTP_GET, "/v1.0/me", NULL);
    graph(f, 400, HTTP_POST, CHANGE, bad[0]); /* an application is nobody who could */
    expect(f, 401, HTTP_POST, CHANGE, bad[0]);
}

/* Whoever has got hold of a token finds no password out by it. */
static void wrong_passwords_lock_there_too(void **state)
{
    static const char wrong[] =
        "{\"currentPassword\":\"wrong\",\"newPassword\":\"battery staple\"}";
    struct fixture *f = *state;
    struct str token;

    authorize_as_ann(f, PASSWORD);
    token = f->next.authorization;
    for (unsigned i = 0; i < 10; i++) {
        f->next.authorization = token;
        expect(f, 400, HTTP_POST, CHANGE, wrong);
    }
    expect_refusal(f, "invalid_grant", 50053, text_of(f, ANN_SIGNS_IN "%s", PASSWORD));
}

/* -- What is told of it ---------------------------------------------------------------------- */

static void expect_change(struct fixture *f, const char *details)
{
    assert_string_equal(f->audit.event, "principal_changed");
    assert_true(f->audit.is_of_change);
    if (!str_equal(f->audit.details, str_from(text_of(f, "change=%s by=" OWNER_ID, details))))
        fail_msg("%.*s", STR_ARGS(f->audit.details));
}

static void changes_leave_a_trace(void **state)
{
    struct fixture *f = *state;
    const char *group = id_of(graph(f, 201, HTTP_POST, "/v1.0/groups", "{\"displayName\":\"G\"}"));
    const char *key;

    expect_change(f, text_of(f, "created kind=group id=%s", group));
    graph(f, 204, HTTP_POST, text_of(f, "/v1.0/groups/%s/members/$ref", group),
          "{\"@odata.id\":\"https://x/v1.0/directoryObjects/" ANN_ID "\"}");
    expect_change(f, text_of(f, "member_added kind=group id=%s other=" ANN_ID, group));
    graph(f, 204, HTTP_DELETE, text_of(f, "/v1.0/groups/%s/members/" ANN_ID "/$ref", group), NULL);
    expect_change(f, text_of(f, "member_removed kind=group id=%s other=" ANN_ID, group));
    graph(f, 204, HTTP_PATCH, USERS "/" ANN_ID, "{\"jobTitle\":\"x y=z\"}");
    expect_change(f, "updated kind=user id=" ANN_ID);
    graph(f, 204, HTTP_PATCH, USERS "/" ANN_ID,
          "{\"passwordProfile\":{\"password\":\"battery staple\"}}");
    expect_change(f, "password_set kind=user id=" ANN_ID);
    key = text_at(graph(f, 200, HTTP_POST, APPS "/" OTHER_ID "/addPassword", "{}"), "keyId");
    expect_change(f, text_of(f, "secret_added kind=application id=" OTHER_ID " other=%s", key));
    graph(f, 204, HTTP_POST, APPS "/" OTHER_ID "/removePassword",
          text_of(f, "{\"keyId\":\"%s\"}", key));
    expect_change(f, text_of(f, "secret_removed kind=application id=" OTHER_ID " other=%s", key));
    graph(f, 204, HTTP_PATCH, APPS "/" OTHER_ID, "{\"keyCredentials\":[]}");
    expect_change(f, "certificates_set kind=application id=" OTHER_ID);
    graph(f, 204, HTTP_DELETE, USERS "/" ANN_ID, NULL);
    expect_change(f, "deleted kind=user id=" ANN_ID);
    graph(f, 404, HTTP_DELETE, USERS "/" ANN_ID, NULL);
    assert_null(f->audit.event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_may_not_assign_roles_changes_nothing),
        TEST(a_user_is_made_and_signs_in),
        TEST(passwords_have_a_fair_length),
        TEST(a_new_password_takes_the_old_ones_place),
        TEST(users_have_names_like_addresses),
        TEST(members_have_their_types),
        TEST(groups_have_members),
        TEST(changes_leave_a_trace),
        TEST(a_password_may_be_for_once),
        TEST(people_change_their_passwords),
        TEST(wrong_passwords_lock_there_too),
    };

    return RUN_TESTS(tests);
}
