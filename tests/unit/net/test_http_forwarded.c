/* SPDX-License-Identifier: MIT */
#include "net/http_forwarded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define PROXIES STR("192.0.2.7,10.0.0.0/8,2001:db8::/32")

/* Headers of a request of 192.0.2.7, and whose it is. */
static const struct {
    const char *forwarded[2];
    const char *client;
} ways[] = {
    { { NULL }, "192.0.2.7" },
    { { "203.0.113.7" }, "203.0.113.7" },
    { { "203.0.113.7:4711" }, "203.0.113.7" },
    { { "198.51.100.1, 203.0.113.7,10.1.2.3" }, "203.0.113.7" },
    { { "203.0.113.7", "10.1.2.3" }, "203.0.113.7" },
    { { "2001:db9::7" }, "2001:db9::7" },
    { { "[2001:db9::7]:4711, [2001:db8::1]:443" }, "2001:db9::7" },
    { { "[2001:db9::7]", "2001:db8::1" }, "2001:db9::7" },
    { { "10.1.2.3" }, "10.1.2.3" },
    { { "203.0.113.7, unknown" }, NULL },
    { { "203.0.113.7", "10.1.2.3, unknown" }, NULL },
    { { "203.0.113.7," }, NULL },
    { { "203.0.113.7", "" }, NULL },
    { { "203.0.113.7", ",10.1.2.3" }, NULL },
    { { "", "203.0.113.7" }, "203.0.113.7" },
    { { "[" }, NULL },
    { { "<b>" }, NULL },
};

static void tells_the_client_behind_proxies(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct http_header items[] = {
            { STR("x-forwarded-for"), str_from(ways[i].forwarded[0]) },
            { STR("Forwarded"), STR("for=198.51.100.9") },
            { STR("X-Forwarded-For"), str_from(ways[i].forwarded[1]) },
        };
        struct http_request r = { .peer = STR("192.0.2.7"), .headers = { items, 3, STR_NONE } };
        struct str client = http_forwarded_client(&r, PROXIES);

        if (!str_equal(client, str_from(ways[i].client)) || !client.data != !ways[i].client)
            fail_msg("%zu: '%.*s'", i, STR_ARGS(client));
    }
}

static void takes_no_strangers_word(void **state)
{
    struct http_header item = { STR("X-Forwarded-For"), STR("203.0.113.7") };
    struct http_request r = { .peer = STR("192.0.2.7"), .headers = { &item, 1, STR_NONE } };

    (void)state;
    assert_true(str_equal(http_forwarded_client(&r, STR_NONE), r.peer));
    assert_true(str_equal(http_forwarded_client(&r, STR("10.0.0.0/8")), r.peer));
    r.peer = STR("unix");
    assert_true(str_equal(http_forwarded_client(&r, STR("::/0")), r.peer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_client_behind_proxies),
        cmocka_unit_test(takes_no_strangers_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
