/* SPDX-License-Identifier: MIT */
#include "identity/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NOW_MS ((int64_t)1800000000000)
#define DAY CERTIFICATE_DAY_MS

static const struct str usual[] = { { "localhost", 9 },
                                    { "127.0.0.1", 9 },
                                    { "::1", 3 },
                                    { "lazuli.example.com", 18 },
                                    { "*.openai.example.com", 20 } };
static const struct certificate_names names = { usual, ARRAY_LEN(usual) };

static struct arena *arena;
static struct certificate *authority, *server;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(NULL);
    authority = certificate_new_authority(&names, NOW_MS);
    server = certificate_new_server(authority, &names, NOW_MS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    certificate_free(server);
    certificate_free(authority);
    arena_free(arena);
    return 0;
}

/* Replaces the server's certificate by one for these names. */
static const struct certificate_names *serve(const struct str *items, size_t count)
{
    static struct certificate_names other;

    other = (struct certificate_names){ items, count };
    certificate_free(server);
    server = certificate_new_server(authority, &other, NOW_MS);
    return &other;
}

static void what_its_authority_signed_is_accepted(void **state)
{
    struct certificate *stranger = certificate_new_authority(&names, NOW_MS);

    (void)state;
    assert_true(certificate_serves(server, authority, &names, NOW_MS));
    assert_false(certificate_serves(server, stranger, &names, NOW_MS));
    assert_false(certificate_serves(server, server, &names, NOW_MS));
    certificate_free(stranger);
}

static void it_is_for_a_time(void **state)
{
    (void)state;
    assert_int_equal(certificate_end_ms(server), NOW_MS + (CERTIFICATE_SERVER_DAYS - 1) * DAY);
    assert_true(certificate_serves(server, authority, &names, NOW_MS - DAY + 60000));
    assert_false(certificate_serves(server, authority, &names, NOW_MS - DAY - 60000));
    assert_true(certificate_serves(server, authority, &names, certificate_end_ms(server) - 60000));
    assert_false(certificate_serves(server, authority, &names, certificate_end_ms(server) + 60000));
    assert_int_equal(certificate_end_ms(authority), NOW_MS + CERTIFICATE_AUTHORITY_DAYS * DAY);
}

static void it_does_not_outlive_its_authority(void **state)
{
    int64_t end_ms = certificate_end_ms(authority);

    (void)state;
    certificate_free(server);
    server = certificate_new_server(authority, &names, end_ms - 10 * DAY);
    assert_int_equal(certificate_end_ms(server), end_ms);
}

static void it_has_exactly_its_names(void **state)
{
    const struct certificate_names fewer = { usual, ARRAY_LEN(usual) - 1 };

    (void)state;
    assert_false(certificate_serves(server, authority, &fewer, NOW_MS));
    assert_true(certificate_serves(server, authority, serve(usual, 2), NOW_MS));
    assert_false(certificate_serves(server, authority, &names, NOW_MS));
}

static void an_authority_vouches_for_its_names_only(void **state)
{
    static const struct str private[] = { { "192.168.7.8", 11 },
                                          { "fd00::7", 7 },
                                          { "gpt.openai.example.com", 22 },
                                          { "a.lazuli.example.com", 20 } };
    static const struct str others[] = { { "example.com", 11 },
                                         { "example.org", 11 },
                                         { "*.example.com", 13 },
                                         { "192.0.2.1", 9 },
                                         { "2001:db8::1", 11 } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(private); i++)
        assert_true(certificate_serves(server, authority, serve(&private[i], 1), NOW_MS));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(certificate_serves(server, authority, serve(&others[i], 1), NOW_MS));
}

static void an_authority_vouches_for_a_public_address_that_it_was_told(void **state)
{
    static const struct str told[] = { { "192.0.2.1", 9 }, { "2001:db8::1", 11 } };
    static const struct str next[] = { { "192.0.2.2", 9 }, { "2001:db8::2", 11 } };
    const struct certificate_names both = { told, ARRAY_LEN(told) };

    (void)state;
    certificate_free(authority);
    authority = certificate_new_authority(&both, NOW_MS);
    assert_true(certificate_serves(server, authority, serve(told, 2), NOW_MS));
    assert_false(certificate_serves(server, authority, serve(&next[0], 1), NOW_MS));
    assert_false(certificate_serves(server, authority, serve(&next[1], 1), NOW_MS));
}

static void a_server_signs_nothing(void **state)
{
    struct certificate *below = certificate_new_server(server, &names, NOW_MS);

    (void)state;
    assert_false(certificate_serves(below, server, &names, NOW_MS));
    certificate_free(below);
}

static void it_is_read_as_it_was_written(void **state)
{
    struct str text = certificate_pem(server, arena), key = certificate_key_pem(server, arena);
    struct certificate *again;
    const char *why;

    (void)state;
    again = certificate_parse(text, key, &why);
    assert_non_null(again);
    assert_null(why);
    assert_true(certificate_serves(again, authority, &names, NOW_MS));
    assert_true(str_equal(certificate_pem(again, arena), text));
    assert_true(str_equal(certificate_key_pem(again, arena), key));
    certificate_free(again);
    again = certificate_parse(text, STR_NONE, &why);
    assert_non_null(again);
    certificate_free(again);
}

static void what_is_no_certificate_is_refused(void **state)
{
    struct str text = certificate_pem(server, arena), key = certificate_key_pem(server, arena);
    struct str other = certificate_key_pem(authority, arena);
    const char *why;

    (void)state;
    assert_null(certificate_parse(STR(""), key, &why));
    assert_string_equal(why, "no certificate can be read from it");
    assert_null(certificate_parse(str_slice(text, 0, text.len / 2), key, &why));
    assert_string_equal(why, "no certificate can be read from it");
    assert_null(certificate_parse(text, STR(""), &why));
    assert_string_equal(why, "no private key can be read from it");
    assert_null(certificate_parse(text, text, &why));
    assert_string_equal(why, "no private key can be read from it");
    assert_null(certificate_parse(text, other, &why));
    assert_string_equal(why, "is the key of another certificate");
}

static void names_are_told_from_other_text(void **state)
{
    static const char *const good[] = { "localhost", "127.0.0.1", "::1",
                                        "fe80::1",   "a-b.c",     "*.openai.example.com",
                                        "A1" };
    static const char *const bad[] = { "",      "*.",    "*",    ".a",   "a.",
                                       "a..b",  "a,b",   "a b",  "a:80", "fe80::1%eth0",
                                       "[::1]", "*.*.a", "a\nb", "DNS:a" };
    char longest[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(certificate_is_name(str_from(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(certificate_is_name(str_from(bad[i])));
    memset(longest, 'a', sizeof(longest));
    assert_true(certificate_is_name(str_of(longest, 63)));
    assert_false(certificate_is_name(str_of(longest, 64)));
    for (size_t i = 1; i < sizeof(longest); i += 2)
        longest[i] = '.';
    assert_true(certificate_is_name(str_of(longest, 253)));
    assert_false(certificate_is_name(str_of(longest, 255)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_its_authority_signed_is_accepted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_for_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_does_not_outlive_its_authority, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_has_exactly_its_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_authority_vouches_for_its_names_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_authority_vouches_for_a_public_address_that_it_was_told,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_signs_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_read_as_it_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_certificate_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_told_from_other_text, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
