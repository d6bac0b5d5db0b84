/* Programs of this machine, and who only looks like one.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#define PATH "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=" ARM "/"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_program_of_the_machine_gets_a_token),
        TEST(nobody_else_does),
        TEST(what_stands_in_front_gives_itself_away),
        TEST(a_site_that_points_here_gets_nothing),
        TEST(the_resource_is_one),
        TEST(the_identity_must_be_the_one_that_is_there),
    };

    return RUN_TESTS(tests);
}
