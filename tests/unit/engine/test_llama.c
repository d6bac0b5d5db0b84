/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "llama_fixture.h"

/* -- Life ---------------------------------------------------------------------------------- */

static void loads_on_first_use(void **state)
{
    struct rig_call c = { 0 }, echo = { 0 };
    int pid;

    (void)state;
    start("      arguments: [--fake-load-ms, '100']\n");
    assert_int_equal(rig_status(&rig, "m").state, ENGINE_STOPPED);
    rig_call_run(&rig, &c, "m", ENGINE_CHAT, STREAM);
    assert_true(c.has_ended);
    assert_int_equal(c.status, 200);
    assert_non_null(strstr(rig_call_text(&c), "[DONE]"));
    assert_int_equal(rig_status(&rig, "m").state, ENGINE_READY);
    pid = rig_status(&rig, "m").pid;
    assert_int_equal(pid_in(&c), pid);
    rig_call_run(&rig, &echo, "m", ENGINE_EMBEDDINGS, "{\"input\":\"as it is\"}");
    assert_string_equal(rig_call_text(&echo), "{\"input\":\"as it is\"}");
    assert_int_equal(files_left(), 2);
    stop();
    assert_false(is_running(pid));
    assert_int_equal(files_left(), 0);
    rig_call_done(&c);
    rig_call_done(&echo);
}

static void loads_at_start(void **state)
{
    (void)state;
    start("      load_at_start: true\n");
    rig_wait_state(&rig, "m", ENGINE_READY);
    stop();
}

static void kills_what_does_not_end(void **state)
{
    int pid;

    (void)state;
    start("      load_at_start: true\n      arguments: [--fake-deaf]\n");
    rig_wait_state(&rig, "m", ENGINE_READY);
    pid = rig_status(&rig, "m").pid;
    stop();
    assert_false(is_running(pid));
}

static bool has_unloaded(void *data)
{
    (void)data;
    return rig_status(&rig, "m").state == ENGINE_STOPPED && !rig_status(&rig, "m").pid;
}

static void unloads_when_idle(void **state)
{
    struct rig_call c = { 0 }, again = { 0 };

    (void)state;
    start("      idle_unload_s: 1\n");
    rig_call_run(&rig, &c, "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, has_unloaded, NULL);
    rig_call_run(&rig, &again, "m", ENGINE_CHAT, STREAM);
    assert_true(again.has_ended);
    assert_int_not_equal(pid_in(&c), pid_in(&again));
    assert_int_equal(rig_status(&rig, "m").restarts, 0);
    stop();
    rig_call_done(&c);
    rig_call_done(&again);
}

/* Its socket, too: the process listens. */
static bool has_files(void *data)
{
    (void)data;
    return files_left() == 2;
}

static void stops_while_it_loads(void **state)
{
    struct rig_call c = { 0 };

    (void)state;
    start("      arguments: [--fake-load-ms, '100000']\n");
    rig_call_start(&rig, &c, "m", ENGINE_CHAT, STREAM);
    rig_wait_state(&rig, "m", ENGINE_STARTING);
    rig_wait(&rig, has_files, NULL);
    engine_call_cancel(c.call);
    c.call = NULL;
    stop();
    rig_call_done(&c);
}

/* -- Failures ------------------------------------------------------------------------------ */

static void a_crash_ends_its_calls_only(void **state)
{
    struct rig_call c = { 0 }, next = { 0 };

    (void)state;
    start("      arguments: [--fake-crash-after, '5']\n");
    rig_call_run(&rig, &c, "m", ENGINE_CHAT, STREAM);
    assert_true(c.has_failed);
    assert_int_equal(c.err.code, ERROR_BACKEND);
    assert_non_null(strstr(rig_call_text(&c), "\"event\":4"));
    /* The next one waits for the process that takes its place. */
    rig_call_run(&rig, &next, "m", ENGINE_EMBEDDINGS, "{}");
    assert_true(next.has_ended);
    assert_int_equal(rig_status(&rig, "m").restarts, 1);
    assert_non_null(strstr(rig_status(&rig, "m").last_error, "signal 9"));
    stop();
    rig_call_done(&c);
    rig_call_done(&next);
}

static void says_why_it_does_not_start(void **state)
{
    struct rig_call c = { 0 }, next = { 0 };

    (void)state;
    start("      arguments: [--fake-exit, '7']\n");
    rig_call_run(&rig, &c, "m", ENGINE_CHAT, STREAM);
    assert_true(c.has_failed);
    assert_int_equal(c.err.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(c.err.text, "code 7: 0.00.001 E out of luck"));
    assert_int_equal(rig_status(&rig, "m").state, ENGINE_FAILED);
    rig_call_run(&rig, &next, "m", ENGINE_CHAT, STREAM); /* at once: it backs off */
    assert_true(next.has_failed);
    stop();
    assert_int_equal(files_left(), 0);
    rig_call_done(&c);
    rig_call_done(&next);
}

/* Until its back-off is over, a call fails at once. */
static void call_until_served(struct rig_call *c)
{
    rig_call_run(&rig, c, "m", ENGINE_CHAT, STREAM);
    while (c->has_failed) {
        rig_call_done(c);
        *c = (struct rig_call){ 0 };
        rig_call_run(&rig, c, "m", ENGINE_CHAT, STREAM);
    }
}

/* One is left, which the model is looked at with. */
static void outlives_a_lack_of_file_descriptors(void **state)
{
    struct rig_call c = { 0 }, next = { 0 };
    struct rlimit limit, low;
    int lowest;

    (void)state;
    start("%s", "");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    lowest = dup(0);
    close(lowest);
    low = (struct rlimit){ (rlim_t)lowest + 1, limit.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    rig_call_run(&rig, &c, "m", ENGINE_CHAT, STREAM);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(c.has_failed);
    assert_int_equal(c.err.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(c.err.text, "too many open files"));
    call_until_served(&next);
    stop();
    rig_call_done(&c);
    rig_call_done(&next);
}

static void shows_nothing_of_a_request(void **state)
{
    struct rig_call c = { 0 };

    (void)state;
    start("      arguments: [--fake-exception]\n");
    rig_call_run(&rig, &c, "m", ENGINE_CHAT, STREAM);
    assert_true(c.has_failed);
    assert_non_null(strstr(c.err.text, "code 4: 0.00.001 E srv operator(): got exception"));
    assert_null(strstr(c.err.text, "SECRET"));
    stop();
    rig_call_done(&c);
}

static void tries_again_after_the_back_off(void **state)
{
    struct rig_call c = { 0 }, next = { 0 };

    (void)state;
    unlink(fixture.marker);
    start("      arguments: [--fake-exit-once, '%s']\n", fixture.marker);
    rig_call_run(&rig, &c, "m", ENGINE_CHAT, STREAM);
    assert_true(c.has_failed);
    call_until_served(&next);
    stop();
    rig_call_done(&c);
    rig_call_done(&next);
    /* Kept up, it comes back without being asked. */
    unlink(fixture.marker);
    start("      load_at_start: true\n      arguments: [--fake-exit-once, '%s']\n", fixture.marker);
    rig_wait_state(&rig, "m", ENGINE_FAILED);
    rig_wait_state(&rig, "m", ENGINE_READY);
    stop();
}

static void fails_clearly(const char *yaml, const struct engines_options *options,
                          const char *reason)
{
    struct rig_call c = { 0 };

    rig = (struct rig){ 0 };
    rig_start(&rig, yaml, options);
    rig_call_run(&rig, &c, "m", ENGINE_CHAT, STREAM);
    assert_true(c.has_failed);
    assert_int_equal(c.err.code, ERROR_UNAVAILABLE);
    if (!strstr(c.err.text, reason))
        fail_msg("'%s' does not say '%s'", c.err.text, reason);
    assert_int_equal(rig_status(&rig, "m").state, ENGINE_FAILED);
    stop();
    rig_call_done(&c);
}

static void says_what_is_missing(void **state)
{
    struct engines_options options = { .run_folder = fixture.folder, .llama_server = NULL };
    char yaml[256];

    (void)state;
    snprintf(yaml, sizeof(yaml), "engines:\n  - name: m\n    llama: { model: %s }\n",
             fixture.model);
    fails_clearly(yaml, &options, "llama-server was not found");
    options.llama_server = "/nonexistent/llama-server";
    fails_clearly(yaml, &options, "cannot run /nonexistent/llama-server");
    options.llama_server = fixture.server;
    options.run_folder = "/proc/nothing";
    fails_clearly(yaml, &options, "cannot make the folder /proc/nothing");
    options.run_folder = fixture.folder;
    fails_clearly("engines:\n  - name: m\n    llama: { model: /nonexistent.gguf }\n", &options,
                  "cannot read the model /nonexistent.gguf");
    fails_clearly("engines:\n  - name: m\n    llama: { model: /etc/passwd }\n", &options,
                  "is not a GGUF file");
    fails_clearly("engines:\n  - name: m\n    llama: { model: embedded }\n", &options,
                  "no embedded model");
}

/* -- Left over processes ------------------------------------------------------------------- */

/* A lazuli in a process of its own, that is killed once its engine runs; its engine's pid. */
static int kill_a_lazuli(void)
{
    int ends[2], pid = 0, status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        struct engine_status engine;

        start("      load_at_start: true\n");
        rig_wait_state(&rig, "m", ENGINE_READY);
        engine = rig_status(&rig, "m");
        if (write(ends[1], &engine.pid, sizeof(engine.pid)) != sizeof(engine.pid))
            abort();
        kill(getpid(), SIGKILL);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &pid, sizeof(pid)), sizeof(pid));
    close(ends[0]);
    waitpid(child, &status, 0);
    return pid;
}

static void processes_die_with_lazuli(void **state)
{
    int pid = kill_a_lazuli();

    (void)state;
    for (int i = 0; i < 5000 && is_running(pid); i++)
        usleep(1000);
    assert_false(is_running(pid)); /* by setpriv, which Debian always has */
    assert_int_equal(files_left(), 2);
    start("      arguments: []\n"); /* removes what it left */
    assert_int_equal(files_left(), 0);
    stop();
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(loads_on_first_use),         TEST(loads_at_start),
        TEST(kills_what_does_not_end),    TEST(unloads_when_idle),
        TEST(stops_while_it_loads),       TEST(a_crash_ends_its_calls_only),
        TEST(says_why_it_does_not_start), TEST(outlives_a_lack_of_file_descriptors),
        TEST(shows_nothing_of_a_request), TEST(tries_again_after_the_back_off),
        TEST(says_what_is_missing),       TEST(processes_die_with_lazuli),
    };

    return cmocka_run_group_tests(tests, llama_fixture_set_up, llama_fixture_tear_down);
}
