/* SPDX-License-Identifier: MIT */
#include "cli/bench_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <string.h>

#include "base/macros.h"

static struct bench_options b;
static struct error err;

/* The words of a line, separated by blanks. They live until the next call. */
static bool parse(const char *line)
{
    static char text[512];
    char *argv[32] = { text }, *save;
    int argc = 1;

    snprintf(text, sizeof(text), "load %s", line);
    strtok_r(text, " ", &save);
    while ((argv[argc] = strtok_r(NULL, " ", &save)))
        argc++;
    return bench_options_parse(argc, argv, &b, &err);
}

static void defaults_are_azures(void **state)
{
    (void)state;
    assert_true(parse("--deployment gpt-4 https://x"));
    assert_string_equal(b.load.api_version, "2023-05-15");
    assert_null(b.api_key_env);
    assert_int_equal(b.load.clients, 20);
    assert_true(b.load.requests == 0 && b.load.duration_s == 0 && b.load.rate_rpm == 0);
    assert_true(b.load.window_s == 60);
    assert_true(b.load.context_tokens == 500 && b.load.max_tokens == 500);
    assert_int_equal(b.load.completions, 1);
    assert_true(b.load.temperature == LOAD_UNSET && b.load.top_p == LOAD_UNSET);
    assert_true(b.load.streams && b.load.prevents_caching);
    assert_false(b.load.retries || b.load.is_jsonl || b.load.ends_with_both);
}

static void short_and_long(void **state)
{
    (void)state;
    assert_true(parse("-a v -k KEY -c 3 -n 7 -d 30 -r 60.5 -w 10 -s custom -p 100 -m 50 -i 2 "
                      "-f jsonl -t exponential -e dep http://x"));
    assert_string_equal(b.load.api_version, "v");
    assert_string_equal(b.api_key_env, "KEY");
    assert_int_equal(b.load.clients, 3);
    assert_int_equal(b.load.requests, 7);
    assert_true(b.load.duration_s == 30 && b.load.rate_rpm == 60.5 && b.load.window_s == 10);
    assert_true(b.load.context_tokens == 100 && b.load.max_tokens == 50);
    assert_int_equal(b.load.completions, 2);
    assert_true(b.load.is_jsonl && b.load.retries);
    assert_string_equal(b.load.deployment, "dep");
    assert_string_equal(b.load.endpoint, "http://x");
    /* joined, cut, behind the endpoint; Azure's README has --shape */
    assert_true(parse("http://x -edep -c7 --shape=context --frequency-penalty -1.5 --temp 0.25 "
                      "--prevent-server-caching false --run-end-condition-mode and"));
    assert_string_equal(b.load.deployment, "dep");
    assert_int_equal(b.load.clients, 7);
    assert_true(b.load.context_tokens == 2000 && b.load.max_tokens == 200);
    assert_true(b.load.frequency_penalty == -1.5 && b.load.temperature == 0.25);
    assert_false(b.load.prevents_caching);
    assert_true(b.load.ends_with_both);
    assert_true(parse("-e d --prevent-server-caching http://x"));
    assert_true(b.load.prevents_caching);
    assert_string_equal(b.load.endpoint, "http://x");
}

static void ours(void **state)
{
    (void)state;
    assert_true(parse("-e d --data DIR --no-stream --report a.html --report=b.json --timeout 0.5 "
                      "--replay FILE -m 9 --token-env T --no-live --log-save-dir L --ca-file C"));
    assert_null(b.load.endpoint);
    assert_string_equal(b.data, "DIR");
    assert_false(b.load.streams);
    assert_int_equal(b.load.report_count, 2);
    assert_string_equal(b.load.reports[1], "b.json");
    assert_string_equal(b.load.replay_path, "FILE");
    assert_true(b.load.max_tokens == 9 && b.load.timeout_s == 0.5 && b.is_plain);
    assert_string_equal(b.token_env, "T");
    /* no shape's max_tokens goes into what is replayed */
    assert_true(parse("-e d --context-generation-method replay --replay-path F http://x"));
    assert_int_equal(b.load.max_tokens, 0);
    assert_true(parse("--help"));
    assert_true(b.wants_help);
    assert_true(parse("-e d -- http://x"));
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *line, *why;
    } rows[] = {
        { "http://x", "-e/--deployment must be given" },
        { "-e d", "API_BASE_ENDPOINT must be given, or --data DIR" },
        { "-e d http://x http://y", "'http://y' is one word too many" },
        { "-e d http://x -c 0", "-c/--clients must be a whole number from 1 to 100000, not '0'" },
        { "-e d http://x -c 100001", "-c/--clients must be" },
        { "-e d http://x -c 2.5", "-c/--clients must be" },
        { "-e d http://x -n -1", "-n/--requests must be" },
        { "-e d http://x -d x", "-d/--duration must be a number from 0 to 31536000, not 'x'" },
        { "-e d http://x -d nan", "-d/--duration must be" },
        { "-e d http://x -d 5s", "-d/--duration must be" },
        { "-e d http://x -r -1", "-r/--rate must be" },
        { "-e d http://x -r inf", "-r/--rate must be" },
        { "-e d http://x -w 0.5", "-w/--aggregation-window must be" },
        { "-e d http://x --arrivals poisson", "--arrivals poisson needs a -r/--rate" },
        { "-e d http://x -s big",
          "-s/--shape-profile must be one of balanced|context|generation|custom, not 'big'" },
        { "-e d http://x -s custom", "-p/--context-tokens is missing" },
        { "-e d http://x -s custom -p 0", "-p/--context-tokens must be" },
        { "-e d http://x -m 0", "-m/--max-tokens must be" },
        { "-e d http://x -i 0", "-i/--completions must be" },
        { "-e d http://x --frequency-penalty 2.1", "--frequency-penalty must be a number from -2" },
        { "-e d http://x --presence-penalty -3", "--presence-penalty must be" },
        { "-e d http://x --temperature 3", "--temperature must be" },
        { "-e d http://x --top-p 1.1", "--top-p must be" },
        { "-e d http://x -f xml", "-f/--output-format must be one of human|jsonl, not 'xml'" },
        { "-e d http://x -t always", "-t/--retry must be one of none|exponential" },
        { "-e d http://x --run-end-condition-mode xor", "--run-end-condition-mode must be one of" },
        { "-e d http://x --context-generation-method replay", "--replay-path is missing" },
        { "-e d http://x --context-generation-method generate --replay F",
          "--replay-path is not for" },
        { "-e d http://x --prevent-server-caching=maybe",
          "--prevent-server-caching must be true or false" },
        { "-e d http://x --report a.txt", "--report must end in .html or .json" },
        { "-e d http://x --report a.json --report b.json --report c.json --report d.json --report "
          "e.json",
          "--report may be given four times" },
        { "-e d http://x --timeout 0", "--timeout must be" },
        { "-e d http://x --no-stream --include-usage", "--include-usage is for streams" },
        { "-e d http://x --no-stream=1", "--no-stream takes no value" },
        { "-e d http://x --api-version=", "-a/--api-version must not be empty" },
        { "-e d http://x --nonsense", "there is no option '--nonsense'" },
        { "-e d http://x -z", "there is no option '-z'" },
        { "-e d http://x --re 1", "'--re' may be one of several options" },
        { "-e d http://x -c", "-c/--clients needs a value" },
        { "http://x -e", "-e/--deployment needs a value" },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        assert_false(parse(rows[i].line));
        assert_int_equal(err.code, ERROR_CONFIG);
        if (strncmp(err.text, rows[i].why, strlen(rows[i].why)) != 0)
            fail_msg("%s: '%s', not '%s'", rows[i].line, err.text, rows[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(defaults_are_azures),
                                        cmocka_unit_test(short_and_long), cmocka_unit_test(ours),
                                        cmocka_unit_test(what_is_wrong_is_named) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
