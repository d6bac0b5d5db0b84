/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/url.h"

#define assert_text(s, text) assert_true(str_equal((s), STR(text)))

static void takes_urls(void **state)
{
    static const struct {
        const char *url;
        bool is_tls;
        const char *unix_path, *host;
        unsigned port;
        const char *authority, *path;
    } cases[] = {
        { "https://host", true, NULL, "host", 443, "host", "" },
        { "HTTP://host/v1/", false, NULL, "host", 80, "host", "/v1" },
        { "http://host/a://b", false, NULL, "host", 80, "host", "/a://b" },
        { "http://host:8000/a/b//", false, NULL, "host", 8000, "host:8000", "/a/b" },
        { "https://[::1]:8443/v1", true, NULL, "::1", 8443, "[::1]:8443", "/v1" },
        { "http+unix:///run/x.sock:/v1", false, "/run/x.sock", NULL, 0, "localhost", "/v1" },
        { "http+unix:///run/x.sock", false, "/run/x.sock", NULL, 0, "localhost", "" },
    };
    struct arena *a = arena_new(NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url u;
        const char *why;

        if (!url_parse(a, str_from(cases[i].url), &u, &why))
            fail_msg("%s: %s", cases[i].url, why);
        assert_int_equal(u.is_tls, cases[i].is_tls);
        if (cases[i].unix_path)
            assert_string_equal(u.unix_path, cases[i].unix_path);
        else
            assert_string_equal(u.host, cases[i].host);
        assert_int_equal(u.port, cases[i].port);
        assert_true(str_equal(u.authority, str_from(cases[i].authority)));
        assert_true(str_equal(u.path, str_from(cases[i].path)));
    }
    arena_free(a);
}

#define NUMBERS "123456789/123456789/123456789/123456789/123456789/123456789/"

/* A path of more bytes than a socket's may have. */
static const char long_path[] = "http+unix:///" NUMBERS NUMBERS ".sock";

static void refuses_what_is_none(void **state)
{
    static const char *const cases[] = {
        "",
        "host",
        "ftp://host",
        "https://",
        "https:///v1",
        "https://host:",
        "https://host:0",
        "https://host:99999",
        "https://host:8x",
        "https://[::1",
        "https://[::1]x",
        "https://[]:443",
        "https://user:password@host",
        "https://host/v1?x=1",
        "https://host/v1#x",
        "https://ho st",
        "https://host\r\nX: y",
        "http+unix://x.sock",
        "http+unix:///x.sock:v1",
        long_path,
    };
    struct arena *a = arena_new(NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *why = NULL;
        struct url u;

        if (url_parse(a, str_from(cases[i]), &u, &why))
            fail_msg("'%s' was taken", cases[i]);
        assert_non_null(why);
    }
    arena_free(a);
}

static void splits_authorities(void **state)
{
    static const struct {
        const char *url, *user, *host;
        int port;
    } cases[] = {
        { "https://host:8443/a://b", "", "host", 8443 },
        { "http://host:0/", "", "host", 0 },
        { "https://me:word@host", "me:word", "host", -1 },
        { "http://[::1]:80", "", "[::1]", 80 },
        { "[::1]", "", "[::1]", -1 },
        { "host/a", "", "host", -1 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url_parts parts;
        const char *why;

        if (!url_split(str_from(cases[i].url), &parts, &why))
            fail_msg("%s %s", cases[i].url, why);
        assert_true(str_equal(parts.user, str_from(cases[i].user)));
        assert_true(str_equal(parts.host, str_from(cases[i].host)));
        assert_int_equal(parts.port, cases[i].port);
        assert_true(str_equal(url_host(str_from(cases[i].url)), parts.host));
    }
}

/* What only looks like a host that is ours must not be taken for it. */
static void has_no_host_in_what_is_none(void **state)
{
    static const char *const cases[] = {
        "",
        "https://",
        "https:///a",
        "http://:80",
        "[::1/a",
        "http://[::1]x/a",
        "[::1].example.com/",
        "http://localhost:80.example.com/",
        "http://localhost:/",
        "http://user@/",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (url_host(str_from(cases[i])).len)
            fail_msg("'%s' has a host", cases[i]);
    }
}

static void takes_the_brackets_off(void **state)
{
    (void)state;
    assert_text(url_bare_host(STR("[::1]")), "::1");
    assert_text(url_bare_host(STR("host")), "host");
    assert_text(url_bare_host(STR("")), "");
    assert_text(url_authority(STR("http://[::1]:80/a")), "[::1]:80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_urls),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(splits_authorities),
        cmocka_unit_test(has_no_host_in_what_is_none),
        cmocka_unit_test(takes_the_brackets_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
