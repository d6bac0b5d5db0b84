/*
 * Whole answers by template; events are in test_answer_template.c.
 * SPDX-License-Identifier: MIT
 */
#include "inference/answer_template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig.h"

#define ID "chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP9"

#define USAGE(prompt, completion, cached)                             \
    "{\"prompt_tokens\":" prompt ",\"completion_tokens\":" completion \
    ",\"total_tokens\":9,\"prompt_tokens_details\":{\"cached_tokens\":" cached "}}"
#define ANSWER(id, created, content, finish, usage)                                               \
    "{\"id\":\"" id "\",\"object\":\"chat.completion\",\"created\":" created                      \
    ",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":" \
    "\"" content "\"},\"finish_reason\":\"" finish "\"}],\"usage\":" usage "}"
#define TEXT_ANSWER(content, completion)                                                \
    "{\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":17,\"model\":\"m\"," \
    "\"choices\":[{\"index\":0,\"text\":\"" content                                     \
    "\",\"finish_reason\":\"stop\"}],\"usage\":" USAGE("4", completion, "3") "}"
#define TIMED_ANSWER(created)                                                            \
    "{\"choices\":[{\"message\":{\"content\":\"a\"}}],\"timings\":{\"created\":" created \
    "},\"usage\":" USAGE("4", "5", "3") "}"
#define ESTIMATED "\"prompt_tokens\":0,\"completion_tokens\":1,\"total_tokens\":1"

static struct exchange *x;
static const struct operation *operation; /* of the answers */

static int set_up(void **state)
{
    operation = &operation_chat;
    return rig_set_up(state);
}

static void open_answer(void)
{
    x = rig_exchange(operation, operation == &operation_chat ? "up" : "up-text", "2024-10-21",
                     STR("{\"messages\":[]}"));
    x->asking = x->arena;
}

/* As RELAY does it. */
static void learn_whole(const char *answer)
{
    struct answer_lesson before = answer_template_begin(x);

    answer_template_learn(x, &before, str_from(answer), rig_shape(x, answer));
}

static void teach(const char *answer)
{
    open_answer();
    learn_whole(answer);
    rig_end_exchange(x);
}

static bool fits_whole(const char *answer)
{
    struct str out;
    bool fitted;

    open_answer();
    fitted = answer_template_whole(x, x->arena, str_from(answer), &out);
    rig_end_exchange(x);
    return fitted;
}

/* By a template it becomes what it does by parsing it, and counts for the same. */
static void expect_same_whole(const char *answer)
{
    uint64_t random = rig.inference->random;
    struct exchange *other;
    struct str out, shaped;

    open_answer();
    if (!answer_template_whole(x, x->arena, str_from(answer), &out))
        fail_msg("no template fits %s", answer);
    other = x;
    open_answer();
    rig.inference->random = random; /* so that an id by chance is the same one */
    shaped = rig_shape(x, answer);
    if (!str_equal(out, shaped))
        fail_msg("%.*s\nnot %.*s", STR_ARGS(out), STR_ARGS(shaped));
    assert_memory_equal(&x->usage, &other->usage, sizeof(x->usage));
    assert_int_equal(x->relay.text_bytes, other->relay.text_bytes);
    assert_int_equal(x->relay.created, other->relay.created);
    rig_end_exchange(x);
    rig_end_exchange(other);
}

static void whole_answers_differ_in_their_counts_too(void **state)
{
    (void)state;
    assert_false(fits_whole(ANSWER(ID, "17", "one", "stop", USAGE("4", "5", "3"))));
    teach(ANSWER(ID, "17", "one", "stop", USAGE("4", "5", "3")));
    expect_same_whole(ANSWER(ID, "17", "one", "stop", USAGE("4", "5", "3")));
    expect_same_whole(ANSWER("other", "1800000000", "A\\nlonger \\\"one\\\".", "stop",
                             USAGE("2147483647", "0", "0")));
    assert_false(fits_whole(ANSWER(ID, "17", "one", "length", USAGE("4", "5", "3"))));
    teach(ANSWER(ID, "17", "one", "length", USAGE("4", "5", "3")));
    expect_same_whole(ANSWER(ID, "17", "two", "length", USAGE("40", "5", "3")));
    expect_same_whole(ANSWER(ID, "17", "two", "stop", USAGE("40", "5", "3")));
    /* without an id and a time, and with no word of the cache */
    teach("{\"choices\":[{\"message\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":1,"
          "\"completion_tokens\":2,\"total_tokens\":3}}");
    expect_same_whole("{\"choices\":[{\"message\":{\"content\":\"b\"}}],\"usage\":{"
                      "\"prompt_tokens\":5,\"completion_tokens\":6,\"total_tokens\":0}}");
}

static void whole_completions_are_learned(void **state)
{
    (void)state;
    operation = &operation_completions;
    teach(TEXT_ANSWER("one", "1"));
    expect_same_whole(TEXT_ANSWER("another", "2"));
}

/* They have their share each. */
static void answers_do_not_take_the_place_of_events(void **state)
{
    struct answer_templates *all;

    (void)state;
    teach(ANSWER(ID, "17", "one", "stop", USAGE("4", "5", "3")));
    all = &rig.inference->templates;
    all->items[0].is_event = true;
    all->items[1] = all->items[0];
    teach(ANSWER(ID, "17", "one", "stop", USAGE("4", "5", "3")));
    assert_int_equal(rig_count_templates(), 3);
}

static void other_answers_do_not_fit(void **state)
{
    static const char *const others[] = {
        ANSWER(ID, "17", "", "stop", USAGE("4", "5", "3")),
        ANSWER(ID, "17", "one", "stop", USAGE("2147483648", "5", "3")), /* is estimated */
        ANSWER(ID, "17", "one", "stop", USAGE("4", "2147483648", "3")),
        ANSWER(ID, "17", "one", "stop", USAGE("4", "5", "2147483648")),
        ANSWER(ID, "17", "one", "stop", USAGE("-4", "5", "3")),
        ANSWER(ID, "17", "one", "stop", USAGE("4.0", "5", "3")),
        ANSWER(ID, "17", "one", "stop", USAGE("04", "5", "3")),
        ANSWER(ID, "17", "one", "stop", "null"),
        "{\"id\":\"" ID "\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}]}",
    };

    (void)state;
    teach(ANSWER(ID, "17", "one", "stop", USAGE("4", "5", "3")));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (fits_whole(others[i]))
            fail_msg("taken: %s", others[i]);
    }
}

static void other_requests_answers_do_not_fit(void **state)
{
    const struct str answer = STR(ANSWER(ID, "17", "one", "stop", USAGE("4", "5", "3")));
    struct str out;

    (void)state;
    teach(answer.data);
    open_answer();
    x->facts.must_call = true;
    assert_false(answer_template_whole(x, x->arena, answer, &out));
    x->facts.must_call = false;
    assert_true(answer_template_whole(x, x->arena, answer, &out));
    rig_end_exchange(x);
}

static void whole_answers_that_tell_more_are_not_learned(void **state)
{
    static const char *const others[] = {
        ANSWER(ID, "17", "one", "stop", "null"),
        ANSWER(ID, "17", "one", "stop", "{}"),
        ANSWER(ID, "17", "one", "stop", "{\"prompt_tokens\":1,\"total_tokens\":2}"),
        ANSWER(ID, "17", "one", "stop", "{\"prompt_tokens\":0,\"completion_tokens\":1}"),
        ANSWER(ID, "17", "one", "stop", USAGE("4294967296", "5", "3")),
        ANSWER(ID, "17", "one", "stop", USAGE("4", "\"5\"", "3")),
        ANSWER(ID, "17", "one", "stop", "{\"x\":" USAGE("4", "5", "3") "}"),
        ANSWER(ID "\xc3\xbc", "17", "one", "stop", USAGE("4", "5", "3")),
        ANSWER(ID "\\u0041", "17", "one", "stop", USAGE("4", "5", "3")),
        ANSWER(ID, "17,\"created\":18", "one", "stop", USAGE("4", "5", "3")),
        ANSWER(ID, "17.5", "one", "stop", USAGE("4", "5", "3")),
        ANSWER(ID, "1e9", "one", "stop", USAGE("4", "5", "3")),
        ANSWER(ID, "1E9", "one", "stop", USAGE("4", "5", "3")),
        ANSWER(ID, "17", "one", "stop", "{},\"timings\":{" ESTIMATED "}"),
        "{\"choices\":[{\"message\":{\"content\":\"a\",\"tool_calls\":[{\"id\":\"x\"}]}}],"
        "\"usage\":" USAGE("4", "5", "3") "}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        teach(others[i]);
        if (fits_whole(others[i]))
            fail_msg("learned: %s", others[i]);
    }
}

/* What an engine says of itself, and nobody is told, is not taken for the answer's. */
static void what_is_dropped_is_not_taken(void **state)
{
    (void)state;
    clock_move_to(&rig.clock, 5000);
    teach(TIMED_ANSWER("5"));
    expect_same_whole(TIMED_ANSWER("5"));
    assert_false(fits_whole(TIMED_ANSWER("6")));
}

/* Answers that no template is for do not make others wait. */
static void only_what_might_have_fitted_has_missed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * ANSWER_TEMPLATE_TRIES; i++) {
        open_answer();
        x->facts.logprobs = true;
        learn_whole(ANSWER(ID, "17", "one", "stop", USAGE("4", "5", "3")));
        rig_end_exchange(x);
    }
    assert_int_equal(rig_count_templates(), 0);
    teach(ANSWER(ID, "17", "one", "stop", USAGE("4", "5", "3")));
    assert_true(fits_whole(ANSWER(ID, "17", "one", "stop", USAGE("4", "5", "3"))));
}

static void new_answer(unsigned number, char answer[300])
{
    snprintf(answer, 300, "{\"choices\":[{\"message\":{\"content\":\"a\"}}],\"x\":%u,\"usage\":%s}",
             number, USAGE("4", "5", "3"));
}

/* Of an engine whose answers never fit, most are not learned from. */
static void answers_are_learned_from_now_and_then(void **state)
{
    const unsigned count = ANSWER_TEMPLATE_TRIES + 2 * ANSWER_TEMPLATE_RETRY;
    char answer[300];
    unsigned learned_from = 0;

    (void)state;
    for (unsigned i = 0; i < count; i++) {
        new_answer(i, answer);
        teach(answer);
        learned_from += fits_whole(answer);
        rig.inference->templates.misses = i + 1; /* it did not fit in earnest */
    }
    assert_int_equal(learned_from, ANSWER_TEMPLATE_TRIES + 2);
    /* but as soon as one fits, they are worth it again */
    new_answer(2 * ANSWER_TEMPLATE_RETRY, answer);
    assert_true(fits_whole(answer));
    new_answer(count, answer);
    teach(answer);
    assert_true(fits_whole(answer));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whole_answers_differ_in_their_counts_too),
        TEST(whole_completions_are_learned),
        TEST(answers_do_not_take_the_place_of_events),
        TEST(other_answers_do_not_fit),
        TEST(other_requests_answers_do_not_fit),
        TEST(whole_answers_that_tell_more_are_not_learned),
        TEST(what_is_dropped_is_not_taken),
        TEST(only_what_might_have_fitted_has_missed),
        TEST(answers_are_learned_from_now_and_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
