/* SPDX-License-Identifier: MIT */
#include "load/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct load_options o;
static struct load_target t;
static struct arena *a;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    o = (struct load_options){ .deployment = "gpt-4", .api_version = "2024-02-01", .key = "k" };
    a = arena_new(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static const char *header(const char *name)
{
    struct str value = http_headers_get(&t.headers, str_from(name));

    return value.len ? arena_text(a, value) : NULL;
}

static void azure(void **state)
{
    (void)state;
    o.endpoint = "https://my.openai.azure.com/";
    o.deployment = "a/b c";
    assert_true(load_target_init(&t, &o, a, &err));
    assert_string_equal(arena_text(a, t.path),
                        "/openai/deployments/a%2Fb%20c/chat/completions?api-version=2024-02-01");
    assert_string_equal(t.address.host, "my.openai.azure.com");
    assert_int_equal(t.address.port, 443);
    assert_non_null(t.address.tls);
    assert_null(t.model);
    assert_string_equal(header("api-key"), "k");
    assert_null(header("authorization"));
    load_target_done(&t);
}

static void azure_by_token(void **state)
{
    (void)state;
    o.endpoint = "http://127.0.0.1:4270/accounts/x";
    o.token = "ey.j";
    assert_true(load_target_init(&t, &o, a, &err));
    assert_string_equal(
        arena_text(a, t.path),
        "/accounts/x/openai/deployments/gpt-4/chat/completions?api-version=2024-02-01");
    assert_null(header("api-key"));
    assert_string_equal(header("authorization"), "Bearer ey.j");
    load_target_done(&t);
}

static void openai(void **state)
{
    static const char *const urls[] = { "http://api.openai.com", "http://api.openai.com/v1",
                                        "http://api.openai.com/v1/",
                                        "http://api.openai.com/v1/chat/completions" };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(urls); i++) {
        o.endpoint = urls[i];
        assert_true(load_target_init(&t, &o, a, &err));
        assert_string_equal(arena_text(a, t.path), "/v1/chat/completions");
        assert_string_equal(t.model, "gpt-4");
        assert_null(header("api-key"));
        assert_string_equal(header("authorization"), "Bearer k");
        load_target_done(&t);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *url, *why;
    } rows[] = {
        { "my.openai.azure.com", "API_BASE_ENDPOINT must begin with https://" },
        { "ftp://x", "API_BASE_ENDPOINT must begin with https://" },
        { "http://", "API_BASE_ENDPOINT lacks a host" },
        { "http://x:99999", "API_BASE_ENDPOINT has a port that is none" },
        { "http://a b", "API_BASE_ENDPOINT holds a blank" },
        { "http://x/?a=b", "API_BASE_ENDPOINT must not hold a query" },
        { "http://u:p@x", "API_BASE_ENDPOINT must not hold a user" },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        o.endpoint = rows[i].url;
        assert_false(load_target_init(&t, &o, a, &err));
        assert_memory_equal(err.text, rows[i].why, strlen(rows[i].why));
    }
    o.endpoint = "https://x";
    o.ca_file = "/nowhere.pem";
    assert_false(load_target_init(&t, &o, a, &err));
    assert_non_null(strstr(err.text, "--ca-file /nowhere.pem: "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(azure), TEST(azure_by_token), TEST(openai),
                                        TEST(refused) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
