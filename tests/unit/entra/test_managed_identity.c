/* Programs of this machine, and who only looks like one.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdlib.h>

#include "base/memory.h"
#include "identity/managed_identity.h"

#define ENDPOINT "/metadata/identity/oauth2/token"
#define PATH ENDPOINT "?api-version=2018-02-01&resource=" ARM "/"

static struct answer ask(struct fixture *f, const char *peer, const char *metadata)
{
    f->next.peer = str_from(peer);
    f->next.metadata = str_from(metadata);
    return call(f, HTTP_GET, PATH, NULL);
}

static void a_program_of_the_machine_gets_a_token(void **state)
{
    static const char *const peers[] = { "127.0.0.1", "127.0.0.53", "::1" };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(peers); i++) {
        struct answer a = ask(f, peers[i], "true");
        yyjson_val *claims;

        assert_int_equal(a.status, 200);
        claims = claims_of(f, text_at(a.body, "access_token"));
        assert_string_equal(text_at(claims, "oid"), OTHER_ID);
        assert_string_equal(text_at(claims, "aud"), ARM "/");
        assert_string_equal(text_at(a.body, "client_id"), OTHER_APP);
    }
}

static void nobody_else_does(void **state)
{
    static const char *const peers[] = { "10.0.0.1", "128.0.0.1", "::2", "1270.0.0.1", "unix" };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(peers); i++)
        assert_int_equal(ask(f, peers[i], "true").status, 400);
    f->next.client_address = STR("127.0.0.1"); /* as a proxy says */
    assert_int_equal(ask(f, "10.0.0.1", "true").status, 400);
    assert_int_equal(ask(f, "127.0.0.1", "").status, 400);
    assert_int_equal(ask(f, "127.0.0.1", "false").status, 400);
    f->next.is_forwarded = true;
    assert_int_equal(ask(f, "127.0.0.1", "true").status, 400);
}

static void what_stands_in_front_gives_itself_away(void **state)
{
    static const char *const names[] = {
        "x-forwarded-for", "Forwarded", "via", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto"
    };
    struct http_header header = { STR("X-Forwarded"), STR("1") };
    struct http_headers headers = { .items = &header, .count = 1 };

    (void)state;
    assert_false(entra_is_forwarded(&headers));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        header.name = str_from(names[i]);
        assert_true(entra_is_forwarded(&headers));
    }
}

/* A page of a site whose name was made to mean this machine asks like a program, header and all; the
 * name that it asks for gives it away. */
static void a_site_that_points_here_gets_nothing(void **state)
{
    static const char *const good[] = { "http://127.0.0.1:4270",  "http://localhost",
                                        "https://localhost:1",    "http://[::1]:4270",
                                        "http://169.254.169.254", BASE };
    static const char *const bad[] = { "http://evil.com", "http://localhost.evil.com",
                                       "http://127.0.0.1.evil.com", "http://169.254.169.254.com",
                                       "https://evil.com:8443" };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        f->next.base = str_from(good[i]);
        if (ask(f, "127.0.0.1", "true").status != 200)
            fail_msg("%s is refused", good[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        f->next.base = str_from(bad[i]);
        if (ask(f, "127.0.0.1", "true").status != 400)
            fail_msg("%s gets a token", bad[i]);
    }
}

static void the_resource_is_one(void **state)
{
    struct fixture *f = *state;

    f->next.metadata = STR("true");
    expect(f, 400, HTTP_GET, "/metadata/identity/oauth2/token", NULL);
    f->next.metadata = STR("true");
    expect(f, 400, HTTP_GET, "/metadata/identity/oauth2/token?resource=x", NULL);
    f->next.metadata = STR("true");
    expect(f, 400, HTTP_GET,
           text_of(f, "/metadata/identity/oauth2/token?resource=https://%0600d", 0), NULL);
}

static void the_identity_must_be_the_one_that_is_there(void **state)
{
    struct fixture *f = *state;

    f->next.metadata = STR("true");
    expect(f, 200, HTTP_GET, PATH "&client_id=" OTHER_APP "&object_id=" OTHER_ID, NULL);
    f->next.metadata = STR("true");
    expect(f, 400, HTTP_GET, PATH "&client_id=" OWNER_APP, NULL);
    f->next.metadata = STR("true");
    expect(f, 400, HTTP_GET, PATH "&object_id=" OWNER_ID, NULL);
    change(f, OTHER_ID, "{\"accountEnabled\":false}");
    f->next.metadata = STR("true");
    expect(f, 400, HTTP_GET, PATH, NULL);
}

/* -- One of several ---------------------------------------------------------------------------- */

#define GROUP "/subscriptions/" SUBSCRIPTION "/resourceGroups/g"
#define MINE GROUP "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mine"
#define YOURS GROUP "2/providers/Microsoft.ManagedIdentity/userAssignedIdentities/yours"
#define ACCOUNT GROUP "/providers/Microsoft.CognitiveServices/accounts/mine"

struct made {
    struct managed_identity mine, yours, account;
    struct arena *keep;
};

static bool make(struct store_txn *t, struct arena *a, struct made *made, const char *id,
                 bool is_user_assigned, struct managed_identity *identity, struct error *err)
{
    if (!managed_identity_make(t, a, str_from(id), is_user_assigned, 0, identity, err))
        return false;
    identity->object_id = arena_copy(made->keep, identity->object_id);
    identity->client_id = arena_copy(made->keep, identity->client_id);
    return true;
}

static bool run_make(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct made *made = data;

    return make(t, a, made, MINE, true, &made->mine, err) &&
           make(t, a, made, YOURS, true, &made->yours, err) &&
           make(t, a, made, ACCOUNT, false, &made->account, err);
}

static struct made make_identities(struct fixture *f)
{
    struct made made = { .keep = f->arena };
    struct error err = { 0 };

    assert_true(store_run(f->store, run_make, &made, &err));
    return made;
}

/* As the operator says it. */
static void have(struct fixture *f, const char *own, const char *listed)
{
    free(f->entra->machine_identity);
    free(f->entra->machine_identities);
    f->entra->machine_identity = memory_dup(own, strlen(own));
    f->entra->machine_identities = memory_dup(listed, strlen(listed));
}

/* Whose token a choice gets; NULL: none. */
static const char *bearer(struct fixture *f, const char *choice)
{
    struct answer a;

    f->next.metadata = STR("true");
    f->next.peer = STR("127.0.0.1");
    a = call(f, HTTP_GET, text_of(f, PATH "%s", choice), NULL);
    if (a.status != 200) {
        assert_int_equal(a.status, 400);
        return NULL;
    }
    return text_at(claims_of(f, text_at(a.body, "access_token")), "oid");
}

static const char *by(struct fixture *f, const char *name, struct str id)
{
    return text_of(f, "&%s=%.*s", name, STR_ARGS(id));
}

static void assert_gets(struct fixture *f, const char *choice, struct str object_id)
{
    const char *who = bearer(f, choice);

    if (!who || !str_equal(str_from(who), object_id))
        fail_msg("'%s' gets the token of %s", choice, who ? who : "nobody");
}

static void assert_gets_nothing(struct fixture *f, const char *choice)
{
    const char *who = bearer(f, choice);

    if (who)
        fail_msg("'%s' gets the token of %s", choice, who);
}

static void a_client_picks_one(void **state)
{
    struct fixture *f = *state;
    struct made made = make_identities(f);
    const struct managed_identity *mine = &made.mine;

    have(f, OTHER_APP, "mine," YOURS);
    assert_gets(f, "", STR(OTHER_ID));
    assert_gets(f, by(f, "client_id", mine->client_id), mine->object_id);
    assert_gets(f, by(f, "object_id", mine->object_id), mine->object_id);
    assert_gets(f, "&mi_res_id=" MINE, mine->object_id);
    assert_gets(f, "&msi_res_id=" MINE, mine->object_id);
    assert_gets(f, "&mi_res_id=" YOURS, made.yours.object_id);
    assert_gets(f, text_of(f, "%s&mi_res_id=" MINE, by(f, "client_id", mine->client_id)),
                mine->object_id);
    /* what says two things says nothing */
    assert_gets_nothing(f, text_of(f, "%s&mi_res_id=" YOURS, by(f, "client_id", mine->client_id)));
    assert_gets_nothing(f, text_of(f, "%s%s", by(f, "client_id", mine->client_id),
                                   by(f, "object_id", made.yours.object_id)));
    /* it tells which */
    f->next.metadata = STR("true");
    f->next.peer = STR("127.0.0.1");
    assert_string_equal(
        text_at(claims_of(f, text_at(call(f, HTTP_GET, PATH "&mi_res_id=" MINE, NULL).body,
                                     "access_token")),
                "xms_mirid"),
        MINE);
}

static void what_is_not_listed_cannot_be_picked(void **state)
{
    static const char *const lists[] = { "", "other", "min", "mine2" };
    struct fixture *f = *state;
    struct made made = make_identities(f);

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        have(f, OTHER_APP, lists[i]);
        assert_gets_nothing(f, by(f, "client_id", made.mine.client_id));
        assert_gets_nothing(f, by(f, "object_id", made.mine.object_id));
        assert_gets_nothing(f, "&mi_res_id=" MINE);
    }
    /* neither an account's own, an application or a person */
    have(f, "", "mine");
    assert_gets_nothing(f, by(f, "client_id", made.account.client_id));
    assert_gets_nothing(f, by(f, "object_id", made.account.object_id));
    assert_gets_nothing(f, "&mi_res_id=" ACCOUNT);
    assert_gets_nothing(f, "&client_id=" OTHER_APP);
    assert_gets_nothing(f, "&object_id=" OWNER_ID);
    assert_gets_nothing(f, "&object_id=" ANN_ID);
    have(f, ANN, "mine");
    assert_gets_nothing(f, "");
}

static void the_only_one_need_not_be_picked(void **state)
{
    struct fixture *f = *state;
    struct made made = make_identities(f);

    have(f, "", "yours");
    assert_gets(f, "", made.yours.object_id);
    have(f, "", "yours,nobody");
    assert_gets(f, "", made.yours.object_id);
    have(f, "", "yours,mine");
    f->next.metadata = STR("true");
    f->next.peer = STR("127.0.0.1");
    assert_non_null(strstr(arena_text(f->arena, call(f, HTTP_GET, PATH, NULL).text),
                           "Multiple user assigned identities exist"));
    have(f, "", "nobody");
    assert_gets_nothing(f, "");
    have(f, "", "");
    assert_gets_nothing(f, "");
    /* the machine's own one is not among those that are picked by name */
    have(f, arena_text(f->arena, made.account.client_id), "");
    assert_gets(f, "", made.account.object_id);
    assert_gets(f, by(f, "object_id", made.account.object_id), made.account.object_id);
}

/* As Azure's Cloud Shell is asked. */
static void a_post_is_held_to_the_same(void **state)
{
    static const char body[] = "resource=https%3A%2F%2Fmanagement.azure.com%2F";
    struct fixture *f = *state;
    yyjson_val *claims;

    f->next.metadata = STR("true");
    claims = claims_of(f, text_at(expect(f, 200, HTTP_POST, ENDPOINT, body), "access_token"));
    assert_string_equal(text_at(claims, "oid"), OTHER_ID);
    assert_string_equal(text_at(claims, "aud"), ARM "/");
    f->next.metadata = STR("");
    expect(f, 400, HTTP_POST, ENDPOINT, body);
    f->next.metadata = STR("true");
    f->next.is_forwarded = true;
    expect(f, 400, HTTP_POST, ENDPOINT, body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_program_of_the_machine_gets_a_token),
        TEST(nobody_else_does),
        TEST(what_stands_in_front_gives_itself_away),
        TEST(a_site_that_points_here_gets_nothing),
        TEST(the_resource_is_one),
        TEST(the_identity_must_be_the_one_that_is_there),
        TEST(a_client_picks_one),
        TEST(what_is_not_listed_cannot_be_picked),
        TEST(the_only_one_need_not_be_picked),
        TEST(a_post_is_held_to_the_same),
    };

    return RUN_TESTS(tests);
}
