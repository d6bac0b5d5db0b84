/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "llama_fixture.h"

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
    start("      health_interval_ms: 50\n      health_timeout_ms: 1000\n      health_failures: 2\n"
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

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hung_process_is_killed_and_replaced), TEST(a_slow_process_is_let_live),
        TEST(bytes_of_an_answer_are_signs_of_life),  TEST(waits_no_longer_than_told),
        TEST(refuses_what_the_model_cannot_do),      TEST(counts_instead_of_answering),
    };

    return cmocka_run_group_tests(tests, llama_fixture_set_up, llama_fixture_tear_down);
}
