/* SPDX-License-Identifier: MIT */
#include "server/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static struct settings s;
static struct error err;
static char file[64];

static int set_up(void **state)
{
    int fd;

    (void)state;
    snprintf(file, sizeof(file), "/tmp/lazuli-settings-XXXXXX");
    fd = mkstemp(file);
    if (fd < 0)
        return -1;
    close(fd);
    settings_init(&s);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    settings_done(&s);
    return unlink(file);
}

static bool load(const char *text)
{
    FILE *f = fopen(file, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return settings_load(&s, file, &err);
}

static bool set(const char *key, const char *value)
{
    return settings_set(&s, str_from(key), str_from(value), "here", &err);
}

static void expect_text(const char *part)
{
    assert_int_equal(err.code, ERROR_CONFIG);
    if (str_find(str_from(err.text), str_from(part)) == SIZE_MAX)
        fail_msg("'%s' is not in '%s'", part, err.text);
}

static void defaults_are_the_tables(void **state)
{
    (void)state;
    assert_string_equal(s.listen, "127.0.0.1:4270");
    assert_null(s.catalog);
    assert_int_equal(s.drain_ms, 30000);
    assert_false(s.dev);
    assert_true(settings_check(&s, &err));
}

static void a_file_sets_them(void **state)
{
    (void)state;
    assert_true(load("listen: \"[::1]:80\"\nworkers: 4\ndev: true\ncatalog: c.yaml\n"));
    assert_string_equal(s.listen, "[::1]:80");
    assert_int_equal(s.workers, 4);
    assert_true(s.dev);
    assert_string_equal(s.catalog, "c.yaml");
    assert_int_equal(s.drain_ms, 30000);
}

static void a_bad_file_changes_nothing(void **state)
{
    (void)state;
    assert_false(load("workers: 4\nbody_bytes_max: 5\n"));
    expect_text(":2: body_bytes_max: must be from 1024 to 1073741824");
    assert_int_equal(s.workers, 0);
    assert_false(load("workers: 4\nworkres: 5\n"));
    expect_text("workres");
    assert_int_equal(s.workers, 0);
    assert_false(load("workers: many\n"));
    expect_text(":1: workers");
    assert_false(load("dev: 7\n"));
    expect_text("dev");
    assert_false(load("- workers\n"));
    assert_false(settings_load(&s, "/nowhere/at/all", &err));
    expect_text("/nowhere/at/all");
}

static void text_is_taken_by_name(void **state)
{
    (void)state;
    assert_true(set("log-level", "debug"));
    assert_string_equal(s.log_level, "debug");
    assert_true(set("log_level", "warn"));
    assert_string_equal(s.log_level, "warn");
    assert_true(set("dev", "true") && s.dev);
    assert_true(set("dev", "false") && !s.dev);
    assert_true(set("workers", "1024"));
    assert_int_equal(s.workers, 1024);
    assert_true(settings_is_flag(STR("tls-required")));
    assert_false(settings_is_flag(STR("listen")));
    assert_false(settings_is_flag(STR("nothing")));
}

static void text_that_does_not_fit_is_refused(void **state)
{
    static const char *const numbers[] = { "", "-1", "1025", "4x", "99999999999999999999", "1.0" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        assert_false(set("workers", numbers[i]));
        expect_text("here: workers:");
    }
    assert_int_equal(s.workers, 0);
    assert_false(set("dev", "yes"));
    expect_text("neither true nor false");
    assert_false(set("nothing", "1"));
    expect_text("here: there is no setting 'nothing'");
    assert_false(set("", "1"));
    assert_false(set("a-name-that-is-much-longer-than-the-name-of-any-setting-that-there-is", "1"));
}

static void empty_means_the_default(void **state)
{
    (void)state;
    assert_true(set("catalog", "c.yaml") && set("catalog", ""));
    assert_null(s.catalog);
    assert_true(set("listen", "[::]:1") && set("listen", ""));
    assert_string_equal(s.listen, "127.0.0.1:4270");
    assert_true(load("tls_key: \"\"\n"));
    assert_null(s.tls_key);
}

static void variables_set_them(void **state)
{
    (void)state;
    setenv("LAZULI_DRAIN_MS", "7", 1);
    assert_true(settings_from_environment(&s, &err));
    assert_int_equal(s.drain_ms, 7);
    setenv("LAZULI_DRAIN_MS", "long", 1);
    assert_false(settings_from_environment(&s, &err));
    expect_text("LAZULI_DRAIN_MS: drain_ms:");
    unsetenv("LAZULI_DRAIN_MS");
}

static void some_need_each_other(void **state)
{
    (void)state;
    assert_true(set("tls-key", "k"));
    assert_false(settings_check(&s, &err));
    expect_text("tls_certificate and tls_key need each other");
    assert_true(set("tls-certificate", "c") && settings_check(&s, &err));
    assert_true(set("tls-key", "") && set("tls-certificate", "") && set("tls-required", "true"));
    assert_false(settings_check(&s, &err));
    assert_true(set("tls-required", "false"));
    assert_true(set("master-key-file", "f") && set("master-key-command", "c"));
    assert_false(settings_check(&s, &err));
    assert_true(set("master-key-file", "") && set("vault-key-folder", "f"));
    assert_true(set("vault-key-command", "c"));
    assert_false(settings_check(&s, &err));
    expect_text("vault_key_folder or vault_key_command");
    assert_true(set("vault-key-folder", "") && settings_check(&s, &err));
    assert_true(set("sandbox", "true"));
    assert_false(settings_check(&s, &err));
    expect_text("sandbox: 'true' is none of on, off, required");
    assert_true(set("sandbox", "") && set("log-level", "loud"));
    assert_false(settings_check(&s, &err));
    expect_text("loud");
    assert_true(set("log-level", "debug") && settings_check(&s, &err));
    assert_int_equal(settings_log_level(&s), LOG_DEBUG);
    assert_int_equal(settings_sandbox_mode(&s), SANDBOX_ON);
    assert_true(set("sandbox", "required") && settings_check(&s, &err));
    assert_int_equal(settings_sandbox_mode(&s), SANDBOX_REQUIRED);
}

static void a_base_is_a_url(void **state)
{
    static const char *const others[] = {
        "lazuli.example.com", "http://",    "ftp://h",    "http://h'; rm",
        "https://h\"",        "http://h h", "http://h:x", "http://[::1",
    };

    (void)state;
    assert_true(set("public-base", "http://127.0.0.1:4270/") && settings_check(&s, &err));
    assert_true(set("public-base", "https://[::1]/a_b") && settings_check(&s, &err));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_true(set("public-base", others[i]));
        assert_false(settings_check(&s, &err));
        expect_text("public_base: ");
    }
    assert_true(set("public-base", "") && set("data-domain", "example.com"));
    assert_true(settings_check(&s, &err));
    assert_true(set("data-domain", "https://example.com"));
    assert_false(settings_check(&s, &err));
    expect_text("data_domain: ");
    assert_true(set("data-domain", "") && set("machine-identities", "mine, yours"));
    assert_true(settings_check(&s, &err));
    assert_true(set("machine-identities", "mine,/subscriptions/s/resourceGroups/g"));
    assert_false(settings_check(&s, &err));
    expect_text("machine_identities: '/subscriptions/s/resourceGroups/g' is neither");
}

static void expect_listen(const char *text, const char *host, unsigned port)
{
    unsigned found;
    char *name;

    if (!settings_parse_listen(text, &name, &found, &err))
        fail_msg("%s", err.text);
    assert_string_equal(name, host);
    assert_int_equal(found, port);
    free(name);
}

static void listen_is_an_address_and_a_port(void **state)
{
    static const char *const others[] = {
        "",    "4270", ":4270",  "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
        "a:b", "::1",  "::1:80", "[::1]",     "a:-1",
    };
    unsigned port;
    char *host;

    (void)state;
    expect_listen("127.0.0.1:4270", "127.0.0.1", 4270);
    expect_listen("[::1]:0", "::1", 0);
    expect_listen("localhost:65535", "localhost", 65535);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (settings_parse_listen(others[i], &host, &port, &err))
            fail_msg("'%s' passed", others[i]);
        expect_text("is not ADDRESS:PORT");
    }
}

static void a_reload_takes_what_it_can(void **state)
{
    struct settings next;
    struct buf ignored;

    (void)state;
    settings_init(&next);
    settings_copy(&next, &s);
    buf_init(&ignored, 1024);
    settings_reload(&s, &next, &ignored);
    assert_int_equal(buf_len(&ignored), 0);
    assert_true(settings_set(&next, STR("log_level"), STR("debug"), "here", &err));
    assert_true(settings_set(&next, STR("drain_ms"), STR("1"), "here", &err));
    assert_true(settings_set(&next, STR("workers"), STR("2"), "here", &err));
    assert_true(settings_set(&next, STR("listen"), STR("[::]:1"), "here", &err));
    settings_reload(&s, &next, &ignored);
    assert_string_equal(s.log_level, "debug");
    assert_int_equal(s.drain_ms, 1);
    assert_int_equal(s.workers, 0);
    assert_true(str_equal(buf_str(&ignored), STR("listen workers")));
    buf_done(&ignored);
    settings_done(&next);
}

/* `lazuli settings > docs/settings.md` brings it up to date. */
static void the_page_is_what_the_table_says(void **state)
{
    FILE *f = fopen(SOURCE_DIR "/docs/settings.md", "r");
    static char page[1024 * 1024];
    struct buf reference;
    size_t len;

    (void)state;
    assert_non_null(f);
    buf_init(&reference, 1024 * 1024);
    assert_true(settings_write_reference(&reference));
    len = fread(page, 1, sizeof(page), f);
    fclose(f);
    assert_true(str_equal(buf_str(&reference), str_of(page, len)));
    buf_done(&reference);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_the_tables),
        TEST(a_file_sets_them),
        TEST(a_bad_file_changes_nothing),
        TEST(text_is_taken_by_name),
        TEST(text_that_does_not_fit_is_refused),
        TEST(empty_means_the_default),
        TEST(variables_set_them),
        TEST(some_need_each_other),
        TEST(a_base_is_a_url),
        TEST(listen_is_an_address_and_a_port),
        TEST(a_reload_takes_what_it_can),
        TEST(the_page_is_what_the_table_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
