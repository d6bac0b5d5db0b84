/* SPDX-License-Identifier: MIT */
#include "server/development_ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "identity/certificate.h"
#include "net/tls.h"

#define NOW_MS ((int64_t)1800000000000)
#define DAY CERTIFICATE_DAY_MS

static char root[32];
static struct data_folder folder;
static struct settings settings;
static struct development_ca *ca;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "/tmp/lazuli-ca-XXXXXX");
    if (!mkdtemp(root) || !data_folder_open(&folder, root, &err))
        return -1;
    settings_init(&settings);
    ca = NULL;
    return 0;
}

static int tear_down(void **state)
{
    char command[64];

    (void)state;
    development_ca_free(ca);
    settings_done(&settings);
    data_folder_close(&folder);
    snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

/* ---- the service starts, and its files ---- */

static bool start(int64_t now_ms)
{
    development_ca_free(ca);
    ca = development_ca_open(&settings, &folder, now_ms, &err);
    return ca != NULL;
}

static void must_start(int64_t now_ms)
{
    if (!start(now_ms))
        fail_msg("%s", err.text);
}

static void must_not_start(const char *file, const char *why)
{
    assert_false(start(NOW_MS));
    assert_int_equal(err.code, ERROR_CONFIG);
    if (!strstr(err.text, file) || !strstr(err.text, why))
        fail_msg("'%s' is not about %s: %s", err.text, file, why);
}

static void set(const char *name, const char *value)
{
    assert_true(settings_set(&settings, str_from(name), str_from(value), "test", &err));
}

static const char *path_of(const char *name)
{
    static char path[96];

    snprintf(path, sizeof(path), "%s/tls/%s", root, name);
    return path;
}

static struct str text_of(const char *name)
{
    static char texts[8][4096];
    static unsigned next;
    char *text = texts[next++ % ARRAY_LEN(texts)];
    FILE *f = fopen(path_of(name), "r");

    assert_non_null(f);
    text[fread(text, 1, sizeof(texts[0]) - 1, f)] = '\0';
    fclose(f);
    return str_from(text);
}

static void write_text(const char *name, struct str text)
{
    FILE *f = fopen(path_of(name), "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text.data, 1, text.len, f), text.len);
    fclose(f);
}

static bool serves(const struct certificate_names *names, int64_t at_ms)
{
    const char *why;
    struct certificate *authority = certificate_parse(text_of("ca.pem"), STR_NONE, &why);
    struct certificate *server =
        certificate_parse(text_of("server.pem"), text_of("server.key"), &why);
    bool ok;

    assert_non_null(authority);
    assert_non_null(server);
    ok = certificate_serves(server, authority, names, at_ms);
    certificate_free(server);
    certificate_free(authority);
    return ok;
}

/* What every certificate is for, and room for what the service adds. */
static struct str items[13] = {
    { "localhost", 9 },
    { "127.0.0.1", 9 },
    { "::1", 3 },
    { "management.azure.com", 20 },
    { "login.microsoftonline.com", 25 },
    { "graph.microsoft.com", 19 },
    { "*.openai.azure.com", 18 },
    { "*.cognitiveservices.azure.com", 29 },
    { "*.services.ai.azure.com", 23 },
    { "*.api.cognitive.microsoft.com", 29 },
};
#define USUAL 10

static bool serves_usual_and(const char *const *others, size_t count)
{
    const struct certificate_names names = { items, USUAL + count };

    for (size_t i = 0; i < count; i++)
        items[USUAL + i] = str_from(others[i]);
    return serves(&names, NOW_MS);
}

/* ---- tests ---- */

static void the_first_start_makes_all(void **state)
{
    static const char *const files[] = { "ca.pem", "ca.key", "server.pem", "server.key" };
    struct tls_context *tls;
    struct stat st;

    (void)state;
    must_start(NOW_MS);
    assert_true(serves_usual_and(NULL, 0));
    assert_true(str_equal(development_ca_pem(ca), text_of("ca.pem")));
    assert_int_equal(stat(path_of(""), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        assert_int_equal(stat(path_of(files[i]), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    tls = tls_context_new_server(development_ca_server_file(ca), development_ca_server_key_file(ca),
                                 &err);
    assert_non_null(tls);
    tls_context_unref(tls);
}

static void a_later_start_keeps_all(void **state)
{
    struct str authority, server;

    (void)state;
    must_start(NOW_MS);
    authority = text_of("ca.pem");
    server = text_of("server.pem");
    must_start(NOW_MS + 365 * DAY);
    assert_true(str_equal(text_of("ca.pem"), authority));
    assert_true(str_equal(text_of("server.pem"), server));
}

static void the_services_own_names_are_in_it(void **state)
{
    static const char *const own[] = { "10.1.2.3", "lazuli.example.com", "*.openai.example.com" };

    (void)state;
    set("listen", "10.1.2.3:80");
    set("public_base", "https://me@lazuli.example.com:8443/below/");
    set("data_domain", "example.com");
    must_start(NOW_MS);
    assert_true(serves_usual_and(own, 3));
}

static void hosts_are_found_in_brackets_and_beside_wildcards(void **state)
{
    static const char *const own[] = { "fd00::1" };

    (void)state;
    set("listen", "[::]:80");
    set("public_base", "http://[fd00::1]:8443");
    must_start(NOW_MS);
    assert_true(serves_usual_and(own, 1));
    set("listen", "0.0.0.0:80");
    set("public_base", "http://[fd00::1]");
    must_start(NOW_MS);
    assert_true(serves_usual_and(own, 1));
}

static void a_start_near_the_end_renews(void **state)
{
    struct str authority, server;

    (void)state;
    must_start(NOW_MS);
    authority = text_of("ca.pem");
    server = text_of("server.pem");
    must_start(NOW_MS + (CERTIFICATE_SERVER_DAYS - 30) * DAY);
    assert_true(str_equal(text_of("ca.pem"), authority));
    assert_false(str_equal(text_of("server.pem"), server));
}

static void a_name_that_the_ca_may_vouch_for_needs_no_new_one(void **state)
{
    struct str authority, server;

    (void)state;
    must_start(NOW_MS);
    authority = text_of("ca.pem");
    server = text_of("server.pem");
    set("listen", "192.168.1.2:80");
    must_start(NOW_MS);
    assert_true(str_equal(text_of("ca.pem"), authority));
    assert_false(str_equal(text_of("server.pem"), server));
    assert_true(str_equal(development_ca_pem(ca), authority));
}

static void a_name_beyond_that_needs_a_new_one(void **state)
{
    struct str authority;

    (void)state;
    must_start(NOW_MS);
    authority = text_of("ca.pem");
    set("public_base", "http://lazuli.example.com");
    must_start(NOW_MS);
    assert_false(str_equal(text_of("ca.pem"), authority));
    assert_true(str_equal(development_ca_pem(ca), text_of("ca.pem")));
}

static void a_ca_near_its_end_is_replaced(void **state)
{
    struct str authority;

    (void)state;
    must_start(NOW_MS);
    authority = text_of("ca.pem");
    must_start(NOW_MS + (CERTIFICATE_AUTHORITY_DAYS - CERTIFICATE_SERVER_DAYS - 31) * DAY);
    assert_true(str_equal(text_of("ca.pem"), authority));
    must_start(NOW_MS + (CERTIFICATE_AUTHORITY_DAYS - CERTIFICATE_SERVER_DAYS - 29) * DAY);
    assert_false(str_equal(text_of("ca.pem"), authority));
}

static void it_is_renewed_while_running(void **state)
{
    int64_t due_ms = NOW_MS + (CERTIFICATE_SERVER_DAYS - 31) * DAY;
    struct str server;
    bool renewed;

    (void)state;
    must_start(NOW_MS);
    server = text_of("server.pem");
    assert_true(development_ca_renew(ca, due_ms - 60000, &renewed, &err));
    assert_false(renewed);
    assert_true(development_ca_renew(ca, due_ms, &renewed, &err));
    assert_true(renewed);
    assert_false(str_equal(text_of("server.pem"), server));
    assert_true(development_ca_renew(ca, due_ms + 60000, &renewed, &err));
    assert_false(renewed);
}

static void what_cannot_be_renewed_is_tried_again_in_an_hour(void **state)
{
    int64_t due_ms = NOW_MS + (CERTIFICATE_SERVER_DAYS - 31) * DAY, hour_ms = 60 * 60 * 1000;
    bool renewed;

    (void)state;
    must_start(NOW_MS);
    assert_int_equal(unlink(path_of("ca.key")), 0);
    assert_false(development_ca_renew(ca, due_ms, &renewed, &err));
    assert_non_null(strstr(err.text, "/ca.key: no private key can be read from it"));
    assert_true(development_ca_renew(ca, due_ms + hour_ms - 1, &renewed, &err));
    assert_false(development_ca_renew(ca, due_ms + hour_ms, &renewed, &err));
}

static void it_does_not_follow_the_ca_to_its_end(void **state)
{
    int64_t late_ms = NOW_MS + (CERTIFICATE_AUTHORITY_DAYS - 10) * DAY;
    bool renewed;

    (void)state;
    must_start(NOW_MS);
    assert_true(development_ca_renew(ca, late_ms, &renewed, &err));
    assert_true(renewed);
    assert_true(development_ca_renew(ca, late_ms + 60000, &renewed, &err));
    assert_false(renewed);
    assert_false(development_ca_renew(ca, late_ms + 11 * DAY, &renewed, &err));
    assert_non_null(strstr(err.text, "/ca.pem: has ended"));
}

static void a_damaged_ca_is_named(void **state)
{
    struct str authority, key, other;

    (void)state;
    must_start(NOW_MS);
    authority = text_of("ca.pem");
    key = text_of("ca.key");
    other = text_of("server.key");
    write_text("ca.pem", STR("-----BEGIN CERTIFICATE-----\nAAAA\n"));
    must_not_start("/tls/ca.pem", "no certificate can be read from it; remove the folder");
    write_text("ca.pem", authority);
    write_text("ca.key", STR("no key"));
    must_start(NOW_MS); /* it is not needed */
    assert_int_equal(unlink(path_of("server.pem")), 0);
    must_not_start("/tls/ca.key", "no private key can be read from it; remove the folder");
    write_text("ca.key", other);
    must_not_start("/tls/ca.key", "is the key of another certificate");
    write_text("ca.key", key);
    assert_int_equal(chmod(path_of("ca.key"), 0640), 0);
    must_not_start("/tls/ca.key", "has mode 0640");
    assert_int_equal(chmod(path_of("ca.key"), 0600), 0);
    must_start(NOW_MS);
    assert_true(str_equal(text_of("ca.pem"), authority));
}

static void a_folder_in_the_way_is_named(void **state)
{
    (void)state;
    must_start(NOW_MS);
    assert_int_equal(unlink(path_of("ca.pem")), 0);
    assert_int_equal(mkdir(path_of("ca.pem"), 0700), 0);
    must_not_start("/tls/ca.pem", "directory");
}

/* A crash between the writing of the one and of the other. */
static void a_damaged_server_is_made_anew(void **state)
{
    struct str authority;

    (void)state;
    must_start(NOW_MS);
    authority = text_of("ca.pem");
    write_text("server.key", text_of("ca.key"));
    must_start(NOW_MS);
    write_text("server.pem", STR(""));
    must_start(NOW_MS);
    assert_int_equal(chmod(path_of("server.key"), 0644), 0);
    must_start(NOW_MS);
    assert_true(serves_usual_and(NULL, 0));
    assert_true(str_equal(text_of("ca.pem"), authority));
}

static void a_key_without_its_ca_is_replaced(void **state)
{
    (void)state;
    must_start(NOW_MS);
    assert_int_equal(unlink(path_of("ca.pem")), 0);
    must_start(NOW_MS);
    assert_true(str_equal(development_ca_pem(ca), text_of("ca.pem")));
}

/* As on a full disk. */
static void what_cannot_be_written_is_not_due_yet(void **state)
{
    struct str authority, server;
    bool renewed;

    (void)state;
    must_start(NOW_MS);
    authority = text_of("ca.pem");
    server = text_of("server.pem");
    assert_int_equal(mkdir(path_of("server.key.part"), 0700), 0);
    must_start(NOW_MS + 390 * DAY);
    assert_true(str_equal(text_of("server.pem"), server));
    assert_true(str_equal(development_ca_pem(ca), authority));
    assert_false(development_ca_renew(ca, NOW_MS + 391 * DAY, &renewed, &err));
    assert_false(start(NOW_MS + 400 * DAY));
    assert_int_equal(err.code, ERROR_IO);
    set("listen", "10.1.2.3:80");
    assert_false(start(NOW_MS));
    assert_int_equal(rmdir(path_of("server.key.part")), 0);
    must_start(NOW_MS + 400 * DAY);
    assert_false(str_equal(text_of("server.pem"), server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(the_first_start_makes_all),
        TEST(a_later_start_keeps_all),
        TEST(the_services_own_names_are_in_it),
        TEST(hosts_are_found_in_brackets_and_beside_wildcards),
        TEST(a_start_near_the_end_renews),
        TEST(a_name_that_the_ca_may_vouch_for_needs_no_new_one),
        TEST(a_name_beyond_that_needs_a_new_one),
        TEST(a_ca_near_its_end_is_replaced),
        TEST(it_is_renewed_while_running),
        TEST(what_cannot_be_renewed_is_tried_again_in_an_hour),
        TEST(it_does_not_follow_the_ca_to_its_end),
        TEST(a_damaged_ca_is_named),
        TEST(a_folder_in_the_way_is_named),
        TEST(a_damaged_server_is_made_anew),
        TEST(a_key_without_its_ca_is_replaced),
        TEST(what_cannot_be_written_is_not_due_yet),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
