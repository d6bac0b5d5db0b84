/* SPDX-License-Identifier: MIT */
#include "load/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct load_answer answer;
static struct arena_pool *pool;

static int set_up(void **state)
{
    (void)state;
    pool = arena_pool_new(4);
    load_answer_init(&answer, pool);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    load_answer_done(&answer);
    arena_pool_free(pool);
    return 0;
}

#define EVENT(delta) "data: {\"choices\":[{\"index\":0,\"delta\":" delta "}]}\n\n"
#define DONE "data: [DONE]\n\n"

/* Whether it is an answer; it comes in pieces of so many bytes, a microsecond apart. */
static bool read_answer(int status, bool is_streamed, const char *text, size_t step)
{
    struct str bytes = str_from(text);
    uint64_t now_us = 1000;
    bool goes_on = true;

    load_answer_begin(&answer, status, is_streamed);
    for (size_t at = 0; at < bytes.len && goes_on; at += step)
        goes_on = load_answer_take(&answer, str_slice(bytes, at, step), now_us++);
    return load_answer_end(&answer);
}

static void counts_and_times_tokens(void **state)
{
    static const char first[] = EVENT("{\"role\":\"assistant\",\"content\":\"\"}");
    static const char text[] = EVENT("{\"role\":\"assistant\",\"content\":\"\"}")
        EVENT("{\"content\":\"a\"}") EVENT("{\"content\":\"b\"}") EVENT("{}") DONE;

    (void)state;
    for (size_t step = 1; step < sizeof(text); step++) {
        assert_true(read_answer(200, true, text, step));
        assert_int_equal(load_answer_tokens(&answer), 2);
        assert_true(answer.first_us && answer.last_us >= answer.first_us);
    }
    assert_true(read_answer(200, true, text, 1));
    /* the event is there with the last byte of its empty line */
    assert_int_equal(answer.first_us,
                     1000 + sizeof(first) - 1 + strlen(EVENT("{\"content\":\"a\"}")) - 1);
    assert_int_equal(answer.last_us - answer.first_us, strlen(EVENT("{\"content\":\"b\"}")));
}

static void takes_the_usage(void **state)
{
    (void)state;
    assert_true(
        read_answer(200, true,
                    EVENT("{\"content\":\"a\"}") "data: {\"choices\":[],\"usage\":{\"prompt_"
                                                 "tokens\":7,\"completion_tokens\":40}}\n\n" DONE,
                    1000));
    assert_int_equal(load_answer_tokens(&answer), 40);
    assert_int_equal(answer.prompt_tokens, 7);
    /* one without sense is none */
    assert_true(
        read_answer(200, true,
                    EVENT("{\"content\":\"a\"}") "data: {\"choices\":[],\"usage\":{\"prompt_"
                                                 "tokens\":-7,\"completion_tokens\":40}}\n\n" DONE,
                    1000));
    assert_int_equal(load_answer_tokens(&answer), 1);
}

static void tools_are_tokens(void **state)
{
    (void)state;
    assert_true(read_answer(200, true, EVENT("{\"tool_calls\":[{\"index\":0}]}") DONE, 1000));
    assert_int_equal(load_answer_tokens(&answer), 1);
}

static void takes_a_whole_answer(void **state)
{
    static const char text[] =
        "{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":7,"
        "\"completion_tokens\":3,\"total_tokens\":10}}";

    (void)state;
    assert_true(read_answer(200, false, text, 10));
    assert_int_equal(load_answer_tokens(&answer), 3);
    assert_int_equal(answer.first_us, 0);
}

static void tells_broken_ones(void **state)
{
    static const struct {
        bool is_streamed;
        const char *text;
        enum load_cause cause;
        const char *why;
    } rows[] = {
        { true, EVENT("{\"content\":\"a\"}"), LOAD_CAUSE_CUT,
          "no [DONE] at the end of the stream" },
        { true, "", LOAD_CAUSE_CUT, "no [DONE] at the end of the stream" },
        { true, EVENT("{\"content\":\"a\"}") "data: {\"cho\n\n", LOAD_CAUSE_GARBAGE,
          "an event that is not JSON" },
        { true, "data: [1]\n\n", LOAD_CAUSE_GARBAGE, "an event without choices" },
        { true, "data: {}\n\n" DONE, LOAD_CAUSE_GARBAGE, "an event without choices" },
        { true, "data: {\"error\":{\"code\":\"c\",\"message\":\"m\"}}\n\n" DONE,
          LOAD_CAUSE_ERROR_EVENT, "c: m" },
        { true, "data: {\"error\":\"plain\"}\n\n", LOAD_CAUSE_ERROR_EVENT, "plain" },
        { false, "", LOAD_CAUSE_GARBAGE, "a body that is not JSON" },
        { false, "<html>", LOAD_CAUSE_GARBAGE, "a body that is not JSON" },
        { false, "{\"object\":\"list\"}", LOAD_CAUSE_GARBAGE, "a body without choices" },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        assert_false(read_answer(200, rows[i].is_streamed, rows[i].text, 7));
        assert_int_equal(answer.cause, rows[i].cause);
        assert_string_equal(answer.text, rows[i].why);
    }
    /* the next one is not touched by it */
    assert_true(read_answer(200, true, EVENT("{\"content\":\"a\"}") DONE, 1000));
    assert_string_equal(answer.text, "");
}

static void an_event_without_end(void **state)
{
    static char text[64 * 1024];
    bool goes_on = true;

    (void)state;
    memset(text, 'x', sizeof(text));
    load_answer_begin(&answer, 200, true);
    assert_true(load_answer_take(&answer, STR("data: "), 1));
    for (unsigned i = 0; i < 17 && goes_on; i++)
        goes_on = load_answer_take(&answer, str_of(text, sizeof(text)), 2);
    assert_false(goes_on);
    assert_int_equal(answer.cause, LOAD_CAUSE_GARBAGE);
}

static void an_error_without_end(void **state)
{
    static char text[64 * 1024];

    (void)state;
    memset(text, 'x', sizeof(text));
    load_answer_begin(&answer, 500, false);
    assert_true(load_answer_take(&answer, str_of(text, 1000), 1));
    assert_false(load_answer_take(&answer, str_of(text, sizeof(text)), 2));
    assert_true(load_answer_end(&answer)); /* an error's, not a broken one */
    assert_string_equal(answer.text, "");
}

/* Some servers write that member of each event. */
static void an_error_that_is_none(void **state)
{
    (void)state;
    assert_true(read_answer(200, true,
                            "data: {\"error\":null,\"choices\":[{\"delta\":{\"content\":\"a\"}}]}"
                            "\n\n" DONE,
                            1000));
    assert_int_equal(load_answer_tokens(&answer), 1);
}

static void tells_what_an_error_says(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "{\"error\":{\"code\":\"429\",\"message\":\"Too many.\"}}", "429: Too many." },
        { "{\"error\":{\"code\":null,\"message\":\"Too many.\"}}", "Too many." },
        { "{ \"statusCode\": 401, \"message\": \"No.\" }", "No." },
        { "<html>", "" },
        { "", "" },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(read_answer(429, true, rows[i].text, 5));
        assert_string_equal(answer.text, rows[i].says);
        assert_int_equal(load_answer_tokens(&answer), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counts_and_times_tokens), TEST(takes_the_usage),       TEST(tools_are_tokens),
        TEST(takes_a_whole_answer),    TEST(tells_broken_ones),     TEST(an_event_without_end),
        TEST(an_error_without_end),    TEST(an_error_that_is_none), TEST(tells_what_an_error_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
