/*
 * The real llama-server with the small model of this repository: skipped where one of them is
 * not there.
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"

#define SERVER SOURCE_DIR "/.deps/llama/llama-server"
#define MODEL SOURCE_DIR "/models/tiny/lazuli-tiny.gguf"
#define CHAT(more) \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"What is lazuli?\"}],\"max_tokens\":16" more "}"

static struct rig rig;
static char folder[] = "/tmp/lazuli-llama-XXXXXX";

static int set_up(void **state)
{
    const struct engines_options options = {
        .run_folder = folder,
        .llama_server = SERVER,
        .embedded_model = MODEL,
    };

    (void)state;
    rig = (struct rig){ 0 };
    rig_start(&rig,
              "engines:\n"
              "  - name: text\n"
              "    llama: { model: embedded, context_tokens: 256, parallel: 2 }\n"
              "  - name: whole\n"
              "    llama: { model: embedded }\n"
              "  - name: narrow\n"
              "    llama: { model: embedded, parallel: 1, health_interval_ms: 20,\n"
              "             health_timeout_ms: 2000, health_failures: 1 }\n"
              "  - name: vectors\n"
              "    llama: { model: embedded, embeddings: true }\n"
              "  - name: wrong\n"
              "    llama: { model: embedded, arguments: [--no-such-option] }\n",
              &options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_stop(&rig, NULL, NULL);
    return 0;
}

static bool is_missing(void)
{
    return access(SERVER, X_OK) || access(MODEL, R_OK);
}

/* The context is that of one slot. */
static void counts_a_prompt(void **state)
{
    static const struct {
        const char *name;
        unsigned context;
    } engines[] = { { "text", 256 }, { "whole", 4096 } };

    (void)state;
    if (is_missing())
        skip();
    for (size_t i = 0; i < ARRAY_LEN(engines); i++) {
        const struct catalog_engine *engine =
            catalog_find_engine(rig.catalog, str_from(engines[i].name));
        struct rig_call chat = { .request = { .counts = true } }, text = chat;

        rig_call_run(&rig, &chat, engines[i].name, ENGINE_CHAT, CHAT(""));
        assert_int_equal(chat.status, 200);
        assert_non_null(strstr(rig_call_text(&chat), "\"input_tokens\":"));
        rig_call_run(&rig, &text, engines[i].name, ENGINE_COMPLETION, "{\"content\":\"a b\"}");
        assert_int_equal(text.status, 200);
        assert_non_null(strstr(rig_call_text(&text), "{\"tokens\":["));
        assert_int_equal(engine_context_tokens(rig.client, engine), engines[i].context);
        rig_call_done(&chat);
        rig_call_done(&text);
    }
}

static void answers_and_streams(void **state)
{
    struct rig_call whole = { 0 }, stream = { 0 };

    (void)state;
    if (is_missing())
        skip();
    rig_call_run(&rig, &whole, "text", ENGINE_CHAT, CHAT(""));
    if (whole.has_failed)
        fail_msg("%s", whole.err.text);
    assert_int_equal(whole.status, 200);
    assert_non_null(strstr(rig_call_text(&whole), "\"chat.completion\""));
    rig_call_run(&rig, &stream, "text", ENGINE_CHAT, CHAT(",\"stream\":true"));
    assert_true(stream.has_ended);
    assert_non_null(strstr(rig_call_text(&stream), "data: [DONE]"));
    rig_call_done(&whole);
    rig_call_done(&stream);
}

/* So many calls at once are all answered. */
static void expect_answers(int count, const char *engine, const char *body)
{
    static struct rig_call calls[120];

    assert_true((size_t)count <= ARRAY_LEN(calls));
    memset(calls, 0, sizeof(calls));
    for (int i = 0; i < count; i++)
        rig_call_start(&rig, &calls[i], engine, ENGINE_CHAT, body);
    for (int i = 0; i < count; i++) {
        rig_wait(&rig, rig_call_is_over, &calls[i]);
        if (calls[i].has_failed)
            fail_msg("call %d: %s", i, calls[i].err.text);
        assert_int_equal(calls[i].status, 200);
        rig_call_done(&calls[i]);
    }
}

static void serves_more_calls_than_slots(void **state)
{
    (void)state;
    if (is_missing())
        skip();
    expect_answers(40, "whole", CHAT(",\"stream\":true"));
}

/* It answers probes, though more calls wait for its slot than it has threads for. */
static void answers_probes_when_it_is_crowded(void **state)
{
    (void)state;
    if (is_missing())
        skip();
    expect_answers(120, "narrow", CHAT(""));
    assert_int_equal(rig_status(&rig, "narrow").restarts, 0);
}

static void embeds(void **state)
{
    struct rig_call c = { 0 };

    (void)state;
    if (is_missing())
        skip();
    rig_call_run(&rig, &c, "vectors", ENGINE_EMBEDDINGS, "{\"input\":[\"blue\",\"stone\"]}");
    if (c.has_failed)
        fail_msg("%s", c.err.text);
    assert_int_equal(c.status, 200);
    assert_non_null(strstr(rig_call_text(&c), "\"index\":1"));
    rig_call_done(&c);
}

static void says_what_it_does_not_take(void **state)
{
    struct rig_call c = { 0 };

    (void)state;
    if (is_missing())
        skip();
    rig_call_run(&rig, &c, "wrong", ENGINE_CHAT, CHAT(""));
    assert_true(c.has_failed);
    assert_non_null(strstr(c.err.text, "--no-such-option"));
    rig_call_done(&c);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_and_streams),
        TEST(counts_a_prompt),
        TEST(serves_more_calls_than_slots),
        TEST(answers_probes_when_it_is_crowded),
        TEST(embeds),
        TEST(says_what_it_does_not_take),
    };
    int failed;

    if (!mkdtemp(folder))
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
