/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"

#define STREAM "{\"stream\":true}"

static struct rig rig;
static char folder[] = "/tmp/lazuli-llama-XXXXXX";
static char server[PATH_MAX];
static char model[64], marker[64];

static void start(const char *more, ...) PRINTF_LIKE(1, 2);

/* Starts engines with one, "m", that runs the fake with more lines of settings. */
static void start(const char *more, ...)
{
    const struct engines_options options = { .run_folder = folder, .llama_server = server };
    char settings[512], yaml[1024];
    va_list args;

    va_start(args, more);
    vsnprintf(settings, sizeof(settings), more, args);
    va_end(args);
    snprintf(yaml, sizeof(yaml), "engines:\n  - name: m\n    llama:\n      model: %s\n%s", model,
             settings);
    rig = (struct rig){ 0 };
    rig_start(&rig, yaml, &options);
}

static void stop(void)
{
    rig_stop(&rig, NULL, NULL);
}

/* Sockets and pid files; the model and the marker are ours. */
static unsigned files_left(void)
{
    DIR *d = opendir(folder);
    struct dirent *entry;
    unsigned count = 0;

    while ((entry = readdir(d)))
        count += str_ends_with(str_from(entry->d_name), STR(".sock")) ||
                 str_ends_with(str_from(entry->d_name), STR(".pid"));
    closedir(d);
    return count;
}

/* Its socket, too: the process listens. */
static bool has_files(void *data)
{
    (void)data;
    return files_left() == 2;
}

/* A process that has ended but was not waited for counts as gone. */
static bool is_running(int pid)
{
    char path[64], text[512], *end;
    FILE *f;
    size_t len;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    f = fopen(path, "r");
    if (!f)
        return false;
    len = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[len] = '\0';
    end = strrchr(text, ')');
    return end && end[2] != 'Z' && end[2] != 'X';
}

static int pid_in(struct rig_call *c)
{
    const char *at = strstr(rig_call_text(c), "\"pid\":");

    assert_non_null(at);
    return (int)strtol(at + 6, NULL, 10);
}

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

static void many_calls_wait_and_may_leave(void **state)
{
    enum { COUNT = 50 };
    static struct rig_call calls[COUNT];

    (void)state;
    memset(calls, 0, sizeof(calls));
    start("      arguments: [--fake-load-ms, '200']\n");
    for (int i = 0; i < COUNT; i++)
        rig_call_start(&rig, &calls[i], "m", ENGINE_CHAT, STREAM);
    for (int i = 0; i < COUNT; i += 2) {
        if (i % 4 == 0)
            uv_run(loop_uv(rig.worker), UV_RUN_NOWAIT);
        engine_call_cancel(calls[i].call);
        calls[i].call = NULL;
    }
    for (int i = 1; i < COUNT; i += 2) {
        rig_wait(&rig, rig_call_is_over, &calls[i]);
        assert_true(calls[i].has_ended);
    }
    stop();
    for (int i = 0; i < COUNT; i++)
        rig_call_done(&calls[i]);
}

static void only_so_many_calls_wait(void **state)
{
    enum { COUNT = 513 };
    static struct rig_call calls[COUNT];

    (void)state;
    memset(calls, 0, sizeof(calls));
    start("      arguments: [--fake-load-ms, '100000']\n");
    for (int i = 0; i < COUNT; i++)
        rig_call_start(&rig, &calls[i], "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_is_over, &calls[COUNT - 1]);
    assert_true(calls[COUNT - 1].has_failed);
    assert_int_equal(calls[COUNT - 1].err.code, ERROR_UNAVAILABLE);
    assert_int_equal(rig_status(&rig, "m").in_flight, COUNT - 1);
    for (int i = 0; i < COUNT - 1; i++) {
        assert_non_null(calls[i].call);
        engine_call_cancel(calls[i].call);
        calls[i].call = NULL;
        rig_call_done(&calls[i]);
    }
    assert_int_equal(rig_status(&rig, "m").in_flight, 0);
    rig_call_done(&calls[COUNT - 1]);
    stop();
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

static void many_calls_take_turns(void **state)
{
    enum { COUNT = 100 };
    static struct rig_call calls[COUNT];

    (void)state;
    memset(calls, 0, sizeof(calls));
    start("      parallel: 1\n      arguments: [--fake-places, '65', --fake-event-ms, '15']\n");
    for (int i = 0; i < COUNT; i++) {
        rig_call_start(&rig, &calls[i], "m", ENGINE_CHAT, STREAM);
        if (i == COUNT / 2) /* some while it loads, some after */
            rig_wait_state(&rig, "m", ENGINE_READY);
    }
    for (int i = 90; i < COUNT; i++) { /* they wait for a place, and give it to none */
        engine_call_cancel(calls[i].call);
        calls[i].call = NULL;
        rig_call_done(&calls[i]);
    }
    for (int i = 0; i < 90; i++) {
        rig_wait(&rig, rig_call_is_over, &calls[i]);
        assert_true(calls[i].has_ended);
        rig_call_done(&calls[i]);
    }
    assert_int_equal(rig_status(&rig, "m").restarts, 0);
    stop();
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
    unlink(marker);
    start("      arguments: [--fake-exit-once, '%s']\n", marker);
    rig_call_run(&rig, &c, "m", ENGINE_CHAT, STREAM);
    assert_true(c.has_failed);
    call_until_served(&next);
    stop();
    rig_call_done(&c);
    rig_call_done(&next);
    /* Kept up, it comes back without being asked. */
    unlink(marker);
    start("      load_at_start: true\n      arguments: [--fake-exit-once, '%s']\n", marker);
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
    struct engines_options options = { .run_folder = folder, .llama_server = NULL };
    char yaml[256];

    (void)state;
    snprintf(yaml, sizeof(yaml), "engines:\n  - name: m\n    llama: { model: %s }\n", model);
    fails_clearly(yaml, &options, "llama-server was not found");
    options.llama_server = "/nonexistent/llama-server";
    fails_clearly(yaml, &options, "cannot run /nonexistent/llama-server");
    options.llama_server = server;
    options.run_folder = "/proc/nothing";
    fails_clearly(yaml, &options, "cannot make the folder /proc/nothing");
    options.run_folder = folder;
    fails_clearly("engines:\n  - name: m\n    llama: { model: /nonexistent.gguf }\n", &options,
                  "cannot read the model /nonexistent.gguf");
    fails_clearly("engines:\n  - name: m\n    llama: { model: /etc/passwd }\n", &options,
                  "is not a GGUF file");
    fails_clearly("engines:\n  - name: m\n    llama: { model: embedded }\n", &options,
                  "no embedded model");
}

/* -- Liveness ------------------------------------------------------------------------------- */

static bool has_restarted(void *data)
{
    (void)data;
    return rig_status(&rig, "m").restarts > 0;
}

static void a_hung_process_is_killed_and_replaced(void **state)
{
    struct rig_call stream = { 0 }, mute = { 0 }, next = { .cancels = RIG_ON_BODY };
    int pid;

    (void)state;
    start("      health_interval_ms: 50\n      health_timeout_ms: 300\n      health_failures: 2\n"
          "      arguments: [--fake-stall-after, '5', --fake-mute]\n");
    rig_call_start(&rig, &stream, "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &stream);
    rig_call_start(&rig, &mute, "m", ENGINE_EMBEDDINGS, "{}");
    pid = rig_status(&rig, "m").pid;
    assert_int_equal(kill(pid, SIGSTOP), 0);
    rig_wait_state(&rig, "m", ENGINE_STARTING); /* as soon as a probe has had no answer */
    rig_call_start(&rig, &next, "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_is_over, &stream);
    rig_wait(&rig, rig_call_is_over, &mute);
    assert_true(stream.has_failed && stream.status == 200);
    assert_true(mute.has_failed);
    assert_int_equal(mute.err.code, ERROR_UNAVAILABLE);
    rig_wait(&rig, has_restarted, NULL);
    assert_non_null(strstr(rig_status(&rig, "m").last_error, "hung: no answer to 2 probes"));
    rig_wait(&rig, rig_call_is_over, &next); /* it has waited for the new one */
    assert_int_not_equal(pid_in(&next), pid);
    assert_false(is_running(pid));
    assert_int_equal(rig_status(&rig, "m").restarts, 1);
    stop();
    rig_call_done(&stream);
    rig_call_done(&mute);
    rig_call_done(&next);
}

static void a_slow_process_is_let_live(void **state)
{
    struct rig_call c = { 0 };
    int pid;

    (void)state;
    start("      load_at_start: true\n      health_interval_ms: 50\n      health_timeout_ms: 200\n"
          "      health_failures: 3\n      arguments: [--fake-silent, '2']\n");
    rig_wait_state(&rig, "m", ENGINE_READY);
    pid = rig_status(&rig, "m").pid;
    rig_wait_state(&rig, "m", ENGINE_STARTING);
    rig_call_run(&rig, &c, "m", ENGINE_CHAT, STREAM); /* waits until it answers again */
    assert_true(c.has_ended);
    assert_int_equal(pid_in(&c), pid);
    assert_int_equal(rig_status(&rig, "m").state, ENGINE_READY);
    assert_int_equal(rig_status(&rig, "m").restarts, 0);
    stop();
    rig_call_done(&c);
}

/* All its threads may be busy, so that none is left for a probe. */
static void bytes_of_an_answer_are_signs_of_life(void **state)
{
    struct rig_call c = { 0 };

    (void)state;
    start("      health_interval_ms: 10\n      health_timeout_ms: 500\n      health_failures: 1\n"
          "      arguments: [--fake-silent, '1000', --fake-event-ms, '50']\n");
    rig_call_run(&rig, &c, "m", ENGINE_CHAT, STREAM); /* for a second */
    assert_true(c.has_ended);
    rig_wait(&rig, has_restarted, NULL);
    stop();
    rig_call_done(&c);
}

static void waits_no_longer_than_told(void **state)
{
    struct rig_call mute = { 0 }, stalled = { 0 };

    (void)state;
    start("      first_byte_timeout_ms: 100\n      arguments: [--fake-mute]\n");
    rig_call_run(&rig, &mute, "m", ENGINE_EMBEDDINGS, "{}");
    assert_true(mute.has_failed);
    assert_int_equal(mute.err.code, ERROR_TIMEOUT);
    assert_int_equal(rig_status(&rig, "m").restarts, 0);
    stop();
    start("      idle_timeout_ms: 100\n      arguments: [--fake-stall-after, '3']\n");
    rig_call_run(&rig, &stalled, "m", ENGINE_CHAT, STREAM);
    assert_true(stalled.has_failed && stalled.status == 200);
    assert_int_equal(stalled.err.code, ERROR_TIMEOUT);
    assert_non_null(strstr(rig_call_text(&stalled), "\"event\":2"));
    stop();
    rig_call_done(&mute);
    rig_call_done(&stalled);
}

/* -- What the model can do ------------------------------------------------------------------- */

/* The model is not able to do what is in `lacks`. */
static void expect_call(unsigned features, unsigned lacks)
{
    struct rig_call c = { .request.features = features };

    rig_call_run(&rig, &c, "m", ENGINE_CHAT, STREAM);
    assert_int_equal(c.has_ended, !(features & lacks));
    assert_int_equal(c.lacks, features & lacks);
    if (c.lacks) {
        assert_int_equal(c.err.code, ERROR_MODEL_UNSUPPORTED);
        assert_int_equal(c.status, 0);
    }
    rig_call_done(&c);
}

/* Refused after the load, which the first call waits for, as when the model is there. */
static void refuses_what_the_model_cannot_do(void **state)
{
    enum { TOOLS = ENGINE_TOOLS | ENGINE_PARALLEL_TOOLS, ALL = TOOLS | ENGINE_IMAGES };
    static const struct {
        const char *props;
        unsigned lacks;
    } rows[] = {
        { "{\"modalities\":{\"vision\":true},\"chat_template_caps\":{\"supports_tools\":true}}",
          0 },
        { "{\"modalities\":{\"vision\":false},\"chat_template_caps\":{\"supports_tools\":true}}",
          ENGINE_IMAGES },
        { "{\"modalities\":{\"vision\":true},\"chat_template_caps\":{\"supports_tools\":false}}",
          TOOLS },
        { "{\"chat_template_caps\":{\"supports_tools\":1}}", ALL },
        { "[]", ALL },
        { "{", ALL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        start("      arguments: [--fake-load-ms, '50', --fake-props, '%s']\n", rows[i].props);
        expect_call(TOOLS, rows[i].lacks);
        expect_call(ENGINE_TOOLS, rows[i].lacks);
        expect_call(ENGINE_IMAGES | ENGINE_N, rows[i].lacks);
        expect_call(ENGINE_N | ENGINE_SEED, rows[i].lacks);
        stop();
    }
    start("      arguments: [--fake-props, '%s']\n", rows[2].props);
    expect_call(0, TOOLS);
    assert_int_equal(rig_status(&rig, "m").state, ENGINE_READY);
    expect_call(ENGINE_TOOLS, TOOLS);
    stop();
}

/* How large the context is shows once the model is loaded, and a prompt can be counted. */
static void counts_instead_of_answering(void **state)
{
    static const struct {
        enum engine_operation operation;
        const char *answer;
    } rows[] = {
        { ENGINE_CHAT, "{\"input_tokens\":2}" },
        { ENGINE_COMPLETION, "{\"tokens\":[1,2]}" },
    };
    const struct catalog_engine *engine;

    (void)state;
    start("      arguments: [--fake-props, "
          "'{\"default_generation_settings\":{\"n_ctx\":4096}}']\n");
    engine = catalog_find_engine(rig.catalog, STR("m"));
    assert_int_equal(engine_context_tokens(rig.client, engine), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig_call c = { .request = { .counts = true } };

        rig_call_run(&rig, &c, "m", rows[i].operation, "{}");
        assert_string_equal(rig_call_text(&c), rows[i].answer);
        rig_call_done(&c);
        assert_int_equal(engine_context_tokens(rig.client, engine), 4096);
    }
    stop();
}

/* -- Reload -------------------------------------------------------------------------------- */

static bool is_gone(void *data)
{
    return !is_running(*(int *)data);
}

static void reload_keeps_what_did_not_change(void **state)
{
    struct rig_call c = { 0 }, other = { 0 };
    char yaml[512];
    int pid;

    (void)state;
    start("      arguments: []\n");
    rig_call_run(&rig, &c, "m", ENGINE_EMBEDDINGS, "{}");
    pid = rig_status(&rig, "m").pid;
    rig_call_done(&c);
    snprintf(yaml, sizeof(yaml),
             "engines:\n  - name: m\n    llama: { model: %s }\n"
             "  - name: n\n    sim: { seed: 1 }\n",
             model);
    rig_reload(&rig, yaml);
    assert_int_equal(rig_status(&rig, "m").pid, pid);
    /* Changed while a call runs: the call ends on the old process, then that one goes. */
    c = (struct rig_call){ 0 };
    rig_call_start(&rig, &c, "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &c);
    snprintf(yaml, sizeof(yaml), "engines:\n  - name: m\n    llama: { model: %s, parallel: 2 }\n",
             model);
    rig_reload(&rig, yaml);
    rig_call_run(&rig, &other, "m", ENGINE_CHAT, STREAM);
    assert_true(other.has_ended);
    assert_int_not_equal(pid_in(&other), pid);
    rig_wait(&rig, rig_call_is_over, &c);
    assert_true(c.has_ended);
    assert_int_equal(pid_in(&c), pid);
    rig_wait(&rig, is_gone, &pid);
    stop();
    rig_call_done(&c);
    rig_call_done(&other);
}

/* Only the settings of "m" that follow its model. */
static void reload(const char *more, ...) PRINTF_LIKE(1, 2);

static void reload(const char *more, ...)
{
    char settings[512], yaml[1024];
    va_list args;

    va_start(args, more);
    vsnprintf(settings, sizeof(settings), more, args);
    va_end(args);
    snprintf(yaml, sizeof(yaml), "engines:\n  - name: m\n    llama:\n      model: %s\n%s", model,
             settings);
    rig_reload(&rig, yaml);
}

static void two_processes_are_not_there_at_a_time(void **state)
{
    struct rig_call old = { 0 }, new = { 0 };
    int pid;

    (void)state;
    start("      arguments: [--fake-event-ms, '20']\n");
    rig_call_start(&rig, &old, "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &old);
    pid = rig_status(&rig, "m").pid;
    reload("      load_at_start: true\n");
    assert_int_equal(rig_status(&rig, "m").state, ENGINE_STARTING);
    assert_int_equal(rig_status(&rig, "m").pid, 0);
    rig_call_start(&rig, &new, "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &new);
    assert_true(old.has_ended); /* whole, and before the other has begun */
    assert_int_equal(pid_in(&old), pid);
    assert_false(is_running(pid));
    rig_wait(&rig, rig_call_is_over, &new);
    assert_true(new.has_ended);
    stop();
    rig_call_done(&old);
    rig_call_done(&new);
}

static void who_does_not_make_room_is_cut(void **state)
{
    struct rig_call stream = { 0 }, mute = { 0 }, next = { 0 };
    int pid;

    (void)state;
    start("      arguments: [--fake-stall-after, '5', --fake-mute]\n");
    rig.grace_ms = 300;
    rig_call_start(&rig, &stream, "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &stream);
    rig_call_start(&rig, &mute, "m", ENGINE_EMBEDDINGS, "{}");
    pid = rig_status(&rig, "m").pid;
    reload("      parallel: 2\n");
    rig_call_run(&rig, &next, "m", ENGINE_CHAT, STREAM);
    assert_true(next.has_ended);
    assert_false(is_running(pid));
    rig_wait(&rig, rig_call_is_over, &stream);
    rig_wait(&rig, rig_call_is_over, &mute);
    assert_true(stream.has_failed && stream.status == 200);
    assert_true(mute.has_failed);
    assert_int_equal(mute.err.code, ERROR_UNAVAILABLE);
    stop();
    rig_call_done(&stream);
    rig_call_done(&mute);
    rig_call_done(&next);
}

/* A call that waits for a process waits for the one that is to come. */
static void calls_that_wait_follow_a_reload(void **state)
{
    struct rig_call c = { 0 };

    (void)state;
    start("      arguments: [--fake-load-ms, '100000']\n");
    rig_call_start(&rig, &c, "m", ENGINE_CHAT, STREAM);
    rig_wait_state(&rig, "m", ENGINE_STARTING);
    reload("      arguments: [--fake-load-ms, '100001']\n");
    reload("      arguments: [--fake-load-ms, '50']\n");
    rig_wait(&rig, rig_call_is_over, &c);
    assert_true(c.has_ended);
    assert_int_equal(pid_in(&c), rig_status(&rig, "m").pid);
    stop();
    rig_call_done(&c);
}

static void stops_while_one_waits_for_another(void **state)
{
    struct rig_call old = { 0 }, new = { 0 };

    (void)state;
    start("      arguments: [--fake-stall-after, '5']\n");
    rig_call_start(&rig, &old, "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &old);
    reload("      parallel: 2\n");
    rig_call_start(&rig, &new, "m", ENGINE_CHAT, STREAM);
    rig_wait_state(&rig, "m", ENGINE_STARTING);
    stop(); /* the calls with it */
    old.call = new.call = NULL;
    assert_int_equal(files_left(), 0);
    rig_call_done(&old);
    rig_call_done(&new);
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(loads_on_first_use),
        TEST(loads_at_start),
        TEST(kills_what_does_not_end),
        TEST(unloads_when_idle),
        TEST(many_calls_wait_and_may_leave),
        TEST(only_so_many_calls_wait),
        TEST(stops_while_it_loads),
        TEST(many_calls_take_turns),
        TEST(a_crash_ends_its_calls_only),
        TEST(says_why_it_does_not_start),
        TEST(outlives_a_lack_of_file_descriptors),
        TEST(shows_nothing_of_a_request),
        TEST(tries_again_after_the_back_off),
        TEST(says_what_is_missing),
        TEST(a_hung_process_is_killed_and_replaced),
        TEST(a_slow_process_is_let_live),
        TEST(bytes_of_an_answer_are_signs_of_life),
        TEST(waits_no_longer_than_told),
        TEST(refuses_what_the_model_cannot_do),
        TEST(counts_instead_of_answering),
        TEST(reload_keeps_what_did_not_change),
        TEST(two_processes_are_not_there_at_a_time),
        TEST(who_does_not_make_room_is_cut),
        TEST(calls_that_wait_follow_a_reload),
        TEST(stops_while_one_waits_for_another),
        TEST(processes_die_with_lazuli),
    };
    char self[PATH_MAX];
    FILE *f;
    int failed;

    (void)argc;
    if (!realpath(argv[0], self) || !mkdtemp(folder))
        return 1;
    snprintf(server, sizeof(server), "%.*s/fake_llama", PATH_MAX - 12, dirname(self));
    snprintf(model, sizeof(model), "%s/model.gguf", folder);
    snprintf(marker, sizeof(marker), "%s/marker", folder);
    f = fopen(model, "w");
    if (!f || fputs("GGUF", f) < 0 || fclose(f))
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(model);
    unlink(marker);
    rmdir(folder);
    return failed;
}
