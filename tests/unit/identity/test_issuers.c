/* SPDX-License-Identifier: MIT */
#include "identity/issuers.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static struct error err;

static struct issuers *parse(const char *text)
{
    return issuers_parse(str_from(text), "identity.yaml", &err);
}

static void a_file_names_issuers(void **state)
{
    struct issuers *list = parse("issuers:\n"
                                 "  - issuer: https://id.example.com/realms/lab\n"
                                 "    audiences: [api://lazuli, other]\n"
                                 "  - issuer: https://sts.windows.net/T/\n"
                                 "    audiences: [https://management.azure.com]\n"
                                 "    tenant_id: T\n"
                                 "    jwks_uri: https://keys.example.com/keys?appid=1\n"
                                 "    subject_claim: oid\n"
                                 "    name_claim: email\n"
                                 "    groups_claim: roles\n"
                                 "  - issuer: https://ci.example.com\n"
                                 "    federation_only: true\n");
    const struct issuer *i;

    (void)state;
    assert_non_null(list);
    assert_int_equal(list->count, 3);
    i = &list->items[0];
    assert_string_equal(i->name.data, "https://id.example.com/realms/lab");
    assert_int_equal(i->audiences.count, 2);
    assert_false(i->is_for_federation);
    assert_string_equal(i->audiences.items[1].data, "other");
    assert_string_equal(i->discovery_url.data,
                        "https://id.example.com/realms/lab/.well-known/openid-configuration");
    assert_true(str_is_empty(i->jwks_uri));
    assert_non_null(i->tls);
    i = &list->items[1];
    assert_string_equal(i->discovery_url.data,
                        "https://sts.windows.net/T/.well-known/openid-configuration");
    assert_string_equal(i->jwks_uri.data, "https://keys.example.com/keys?appid=1");
    assert_string_equal(i->tenant_id.data, "T");
    assert_string_equal(i->subject_claim.data, "oid");
    assert_string_equal(i->name_claim.data, "email");
    assert_string_equal(i->groups_claim.data, "roles");
    i = &list->items[2];
    assert_true(i->is_for_federation);
    assert_int_equal(i->audiences.count, 0);
    assert_int_equal(issuers_find(list, STR("https://sts.windows.net/T/")), 1);
    assert_int_equal(issuers_find(list, STR("https://sts.windows.net/T")), SIZE_MAX);
    issuers_unref(list);
}

static void no_file_names_none(void **state)
{
    struct issuers *list = issuers_load(NULL, &err);

    (void)state;
    assert_int_equal(list->count, 0);
    issuers_unref(list);
    assert_null(issuers_load("/nowhere/identity.yaml", &err));
}

static void a_fault_is_named_with_its_place(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } faults[] = {
        { "issuers:\n  - audiences: [a]\n", "issuers[0].issuer: must be given" },
        { "issuers:\n  - issuer: https://a\n", "issuers[0].audiences: must name" },
        { "issuers:\n  - issuer: https://a\n    audiences: []\n",
          "issuers[0].audiences: must name" },
        { "issuers:\n  - issuer: https://a\n    federation_only: false\n",
          "issuers[0].audiences: must name" },
        { "issuers:\n  - issuer: https://a\n    federation_only: true\n    audiences: [a]\n",
          "issuers[0].audiences: must not be given" },
        { "issuers:\n  - issuer: http://a\n    audiences: [a]\n",
          "identity.yaml:2: issuers[0].issuer: it must be an https URL" },
        { "issuers:\n  - issuer: a\n    audiences: [a]\n", "issuers[0].issuer: it is not a URL" },
        { "issuers:\n  - issuer: a\n    audiences: [a]\n    jwks_uri: http://192.0.2.1/\n",
          "identity.yaml:4: issuers[0].jwks_uri: it must be an https URL" },
        { "issuers:\n  - issuer: a\n    audiences: [a]\n    discovery_url: http+unix:///s:/x\n",
          "issuers[0].discovery_url: it is not a URL" },
        { "issuers:\n  - issuer: https://a\n    audiences: [a]\n    ca_file: /nowhere.pem\n",
          "issuers[0].ca_file: " },
        { "issuers:\n  - issuer: https://a\n    audiences: [a]\n"
          "  - issuer: https://a\n    audiences: [a]\n",
          "issuers[1].issuer: is given twice" },
        { "issuers:\n  - issuer: https://a\n    audience: [a]\n", "audience" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        assert_null(parse(faults[i].text));
        assert_int_equal(err.code, ERROR_CONFIG);
        if (str_find(str_from(err.text), str_from(faults[i].words)) == SIZE_MAX)
            fail_msg("'%s' is not in '%s'", faults[i].words, err.text);
    }
}

static void a_url_says_where_to_ask(void **state)
{
    struct arena *a = arena_new(NULL);
    struct issuer_url url;

    (void)state;
    assert_true(issuer_url_parse(a, STR("https://id.example.com/a/keys/?b=c&d"), &url, &err));
    assert_true(url.is_tls);
    assert_string_equal(url.host, "id.example.com");
    assert_int_equal(url.port, 443);
    assert_string_equal(url.target.data, "/a/keys/?b=c&d");
    assert_true(issuer_url_parse(a, STR("http://[::1]:8080"), &url, &err));
    assert_false(url.is_tls);
    assert_string_equal(url.host, "::1");
    assert_int_equal(url.port, 8080);
    assert_string_equal(url.target.data, "/");
    assert_true(issuer_url_parse(a, STR("http://127.0.0.1?x"), &url, &err));
    assert_string_equal(url.target.data, "/?x");
    assert_true(issuer_url_parse(a, STR("http://localhost:1/x"), &url, &err));
    assert_false(issuer_url_parse(a, STR("http://127.example.com/x"), &url, &err));
    assert_false(issuer_url_parse(a, STR("http://localhost.example.com/x"), &url, &err));
    assert_false(issuer_url_parse(a, STR("https://a/x?b c"), &url, &err));
    assert_false(issuer_url_parse(a, STR("https://a/x?b\r\nc"), &url, &err));
    assert_false(issuer_url_parse(a, STR("https://a/x?b#c"), &url, &err));
    assert_false(issuer_url_parse(a, STR("https://user@a/x"), &url, &err));
    assert_false(issuer_url_parse(a, STR("://"), &url, &err));
    assert_false(issuer_url_parse(a, STR(""), &url, &err));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_names_issuers),
        cmocka_unit_test(no_file_names_none),
        cmocka_unit_test(a_fault_is_named_with_its_place),
        cmocka_unit_test(a_url_says_where_to_ask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
