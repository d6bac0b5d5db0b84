/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static struct settings s;
static struct error err;
static const char *config;
static int format;
static char file[64];

static int set_up(void **state)
{
    FILE *f;
    int fd;

    (void)state;
    snprintf(file, sizeof(file), "/tmp/lazuli-command-XXXXXX");
    fd = mkstemp(file);
    if (fd < 0)
        return -1;
    f = fdopen(fd, "w");
    fputs("workers: 2\ndrain_ms: 20\nidle_timeout_ms: 200\n", f);
    fclose(f);
    settings_init(&s);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    settings_done(&s);
    return unlink(file);
}

/* The words behind the command's name, up to NULL. */
static bool read_words(const char *const *words)
{
    static const struct option_row rows[] = {
        { "format", .kind = OPTION_CHOICE, .choices = "sh|json" },
    };
    static const struct option_table own = { .rows = rows, .count = ARRAY_LEN(rows) };
    char *argv[16] = { strdup("serve") };
    int argc = 1;
    bool ok;

    for (; *words; words++)
        argv[argc++] = strdup(*words);
    format = 0;
    ok = command_read_settings(argc, argv, &own, &format, &s, &config, &err);
    if (ok && config)
        assert_string_equal(config, file);
    while (argc)
        free(argv[--argc]);
    return ok;
}

#define READ(...) read_words((const char *const[]){ __VA_ARGS__, NULL })

static void expect_refused(const char *const *words, const char *part)
{
    assert_false(read_words(words));
    if (str_find(str_from(err.text), str_from(part)) == SIZE_MAX)
        fail_msg("'%s' is not in '%s'", part, err.text);
}

#define REFUSED(part, ...) expect_refused((const char *const[]){ __VA_ARGS__, NULL }, part)

static void options_have_three_forms(void **state)
{
    (void)state;
    assert_true(READ("--log-level", "debug", "--listen=[::1]:1", "--dev"));
    assert_string_equal(s.log_level, "debug");
    assert_string_equal(s.listen, "[::1]:1");
    assert_true(s.dev);
    assert_true(READ("--dev=false"));
    assert_false(s.dev);
    assert_true(READ("--catalog=a=b.yaml"));
    assert_string_equal(s.catalog, "a=b.yaml");
}

static void the_command_line_counts_most_and_the_file_least(void **state)
{
    (void)state;
    setenv("LAZULI_DRAIN_MS", "30", 1);
    setenv("LAZULI_WORKERS", "3", 1);
    assert_true(READ("--workers", "4", "--config", file, "--format", "json"));
    unsetenv("LAZULI_DRAIN_MS");
    unsetenv("LAZULI_WORKERS");
    assert_int_equal(format, 1);
    assert_int_equal(s.workers, 4);
    assert_int_equal(s.drain_ms, 30);
    assert_int_equal(s.idle_timeout_ms, 200);
}

static void what_is_no_option_is_refused(void **state)
{
    (void)state;
    REFUSED("'debug' is not an option", "debug");
    REFUSED("there is no option '-v'", "-v");
    REFUSED("--listen needs a value", "--listen");
    REFUSED("there is no setting 'colour'", "--colour", "blue");
    REFUSED("'x' is not an option", "--", "x");
    REFUSED("there is no setting ''", "--=x");
    REFUSED("there is no setting 'colour'", "--colour");
    REFUSED("--format must be one of sh|json, not 'xml'", "--format", "xml");
    REFUSED("neither true nor false", "--dev=perhaps");
    REFUSED("/nowhere", "--config", "/nowhere");
    REFUSED("need each other", "--tls-key", "k");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(options_have_three_forms),
        TEST(the_command_line_counts_most_and_the_file_least),
        TEST(what_is_no_option_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
