/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/upstream.h"
#include "engine/upstream_url.h"

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
        { "http://host:8000/a/b//", false, NULL, "host", 8000, "host:8000", "/a/b" },
        { "https://[::1]:8443/v1", true, NULL, "::1", 8443, "[::1]:8443", "/v1" },
        { "http+unix:///run/x.sock:/v1", false, "/run/x.sock", NULL, 0, "localhost", "/v1" },
        { "http+unix:///run/x.sock", false, "/run/x.sock", NULL, 0, "localhost", "" },
    };
    struct arena *a = arena_new(NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct upstream_url u;
        struct error err;

        if (!upstream_url_parse(a, str_from(cases[i].url), &u, &err))
            fail_msg("%s: %s", cases[i].url, err.text);
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
        struct upstream_url u;
        struct error err;

        if (upstream_url_parse(a, str_from(cases[i]), &u, &err))
            fail_msg("'%s' was taken", cases[i]);
        assert_int_equal(err.code, ERROR_CONFIG);
        assert_null(strstr(err.text, "password"));
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_urls),
        cmocka_unit_test(refuses_what_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
