/* SPDX-License-Identifier: MIT */
#include "inference/answer_template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "inference/shape.h"
#include "rig.h"

#define ID "chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP9"
/* As vLLM and many others write it, and as llama-server does. */
#define EVENT(id, created, content)                                                \
    "{\"id\":\"" id "\",\"object\":\"chat.completion.chunk\",\"created\":" created \
    ",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" content \
    "\"},\"logprobs\":null,\"finish_reason\":null}]}"
#define LLAMA_EVENT(id, created, content)                                                     \
    "{\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":\"" content     \
    "\"}}],\"created\":" created ",\"id\":\"" id "\",\"model\":\"m\",\"system_fingerprint\":" \
    "\"b1-2\",\"object\":\"chat.completion.chunk\"}"
#define TEXT_EVENT(content)                                                               \
    "{\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\": 17, \"model\":\"m\"," \
    "\"choices\":[{\"index\":0, \"text\": \"" content                                     \
    "\",\"finish_reason\": null}], \"usage\": null}"

static struct exchange *x;

static void open_exchange(const struct operation *operation, const char *deployment,
                          const char *version)
{
    x = rig_exchange(operation, deployment, version, STR("{\"messages\":[]}"));
}

static struct str events(void)
{
    return buf_str(&rig.inference->events);
}

/* As RELAY does it: parsed, shaped, added, learned. The client's event. */
static struct str shape(const char *event)
{
    struct answer_lesson before = answer_template_begin(x);
    struct error err;
    yyjson_doc *doc = json_parse(x->arena, str_from(event), &err);
    struct str out = STR_NONE;

    assert_non_null(doc);
    assert_true(x->operation->shape_event(x, x->arena, doc, &out));
    out = arena_join(x->arena, (struct str[]){ SSE_DATA_PREFIX, out, SSE_DATA_SUFFIX }, 3);
    assert_true(buf_append(&rig.inference->events, out));
    answer_template_learn_event(x, &before, str_from(event));
    buf_clear(&rig.inference->events);
    return out;
}

static bool fits(struct str event)
{
    bool applied;

    buf_clear(&rig.inference->events);
    applied = answer_template_event(x, event);
    assert_true(applied || !events().len);
    return applied;
}

/* By a template it becomes what it does by parsing it. */
static void expect_same(const char *event)
{
    uint64_t bytes = x->relay.text_bytes, added;
    unsigned count = x->relay.events;
    struct str made, shaped;

    if (!fits(str_from(event)))
        fail_msg("no template fits %s", event);
    assert_int_equal(x->relay.events, count + 1);
    added = x->relay.text_bytes - bytes;
    made = arena_copy(x->arena, events());
    buf_clear(&rig.inference->events);
    shaped = shape(event);
    if (!str_equal(made, shaped))
        fail_msg("%.*s\nnot %.*s", STR_ARGS(made), STR_ARGS(shaped));
    assert_int_equal(x->relay.text_bytes, bytes + 2 * added);
}

static void what_differs_in_text_id_and_time_fits(void **state)
{
    char event[6000], text[5001];

    (void)state;
    open_exchange(&operation_chat, "up", "2024-10-21");
    assert_false(fits(STR(EVENT(ID, "17", "one")))); /* nothing is known yet */
    shape(EVENT(ID, "17", "one"));
    expect_same(EVENT(ID, "17", "one"));
    expect_same(EVENT(ID, "17", "another text, of some more than sixteen bytes"));
    expect_same(EVENT(ID, "17", " "));
    expect_same(EVENT(ID, "17", "\\n\\\"quoted\\\"\\t\\\\ \\b\\f\\r"));
    expect_same(EVENT(ID, "17", "grüße, 你好, \xf0\x9f\x98\x80 / \x7f {}[]:,"));
    expect_same(EVENT("chatcmpl-x", "1800000000", "of another stream"));
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    snprintf(event, sizeof(event), EVENT("%s", "18", "%s"), ID, text);
    expect_same(event);
    rig_end_exchange(x);
}

static void each_engine_has_its_own_way_to_write(void **state)
{
    (void)state;
    open_exchange(&operation_chat, "up", "2024-10-21");
    shape(EVENT(ID, "17", "one"));
    rig_end_exchange(x);
    open_exchange(&operation_chat, "llama", "2024-10-21");
    shape(LLAMA_EVENT(ID, "17", "one"));
    expect_same(LLAMA_EVENT(ID, "18", "two"));
    rig_end_exchange(x);
    open_exchange(&operation_completions, "up-text", "2024-10-21");
    shape(TEXT_EVENT("one"));
    expect_same(TEXT_EVENT("two"));
    rig_end_exchange(x);
    open_exchange(&operation_chat, "up", "2024-10-21");
    x->relay.id = STR("chatcmpl-0");
    x->relay.created = 5;
    assert_false(fits(STR(EVENT(ID, "17", "two")))); /* its fingerprint is not known yet */
    shape(EVENT(ID, "17", "one"));
    expect_same(EVENT(ID, "18", "two"));
    assert_true(fits(STR(EVENT(ID, "18", "two"))));
    assert_true(str_find(events(), STR("\"created\":5,\"id\":\"chatcmpl-0\"")) != SIZE_MAX);
    rig_end_exchange(x);
}

/* Whatever stands in the text that it is learned from. */
static void text_is_no_structure(void **state)
{
    (void)state;
    open_exchange(&operation_chat, "up", "2024-10-21");
    shape(EVENT(ID, "17", "{[a\\\", \\\"id\\\": \\\"b\\\\"));
    expect_same(EVENT(ID, "17", "one"));
    rig_end_exchange(x);
}

static void other_values_do_not_fit(void **state)
{
    static const char *const others[] = {
        EVENT(ID, "17", ""), /* has no content_filter_results */
        EVENT(ID, "17", "\\/"),
        EVENT(ID, "17", "\\u0041"),
        EVENT(ID, "17", "\\"),
        EVENT(ID, "17", "a\nb"),
        EVENT(ID, "17", "cut \xe4\xbd"),
        EVENT(ID, "17", "\xed\xa0\x80"),
        EVENT(ID, "17", "a\"},{\"b"),
        EVENT("", "17", "one"),
        EVENT("gr\xc3\xbc\xc3\x9f", "17", "one"),
        EVENT("a\\u0041", "17", "one"),
        EVENT(ID, "", "one"),
        EVENT(ID, "-17", "one"),
        EVENT(ID, "017", "one"),
        EVENT(ID, "1.5", "one"),
        EVENT(ID, "1234567890123456789", "one"),
        EVENT(ID, "17", "one") " ",
        EVENT(ID, "17", "one") "}",
        " " EVENT(ID, "17", "one"),
        "",
        "{",
        "{\"id\":\"" ID "\"",
    };

    (void)state;
    open_exchange(&operation_chat, "up", "2024-10-21");
    shape(EVENT(ID, "17", "one"));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (fits(str_from(others[i])))
            fail_msg("taken: %s", others[i]);
    }
    for (size_t len = strlen(EVENT(ID, "17", "one")); len-- > 0;)
        assert_false(fits(str_of(EVENT(ID, "17", "one"), len)));
    rig_end_exchange(x);
}

/* The same engine's event, in answer to another request. */
static void other_requests_do_not_fit(void **state)
{
    const struct str event = STR(EVENT(ID, "17", "one"));
    struct str was;

    (void)state;
    open_exchange(&operation_chat, "up", "2024-10-21");
    shape(event.data);
    assert_true(fits(event));
    x->facts.choices = 2;
    assert_false(fits(event));
    x->facts.choices = 1;
    x->facts.logprobs = true;
    assert_false(fits(event));
    x->facts.logprobs = false;
    x->facts.no_answer = true;
    assert_false(fits(event));
    x->facts.no_answer = false;
    x->facts.must_call = true;
    assert_false(fits(event));
    x->facts.must_call = false;
    x->facts.prompts = 2;
    assert_false(fits(event));
    x->facts.prompts = 1;
    x->facts.include_usage = true;
    assert_false(fits(event));
    x->facts.include_usage = false;
    was = x->relay.id;
    x->relay.id = STR_NONE; /* the first event, which makes it */
    assert_false(fits(event));
    x->relay.id = was;
    was = x->relay.fingerprint;
    x->relay.fingerprint = STR("fp_0123456789");
    assert_false(fits(event));
    x->relay.fingerprint = was;
    assert_true(api_version_parse(STR("2023-05-15"), &x->version));
    assert_false(fits(event));
    assert_true(api_version_parse(STR("2024-10-21"), &x->version));
    x->deployment = directory_deployment(x->account, STR("think"));
    assert_false(fits(event)); /* another model's label */
    x->deployment = directory_deployment(x->account, STR("up"));
    x->operation = &operation_completions;
    assert_false(fits(event));
    x->operation = &operation_chat;
    assert_true(fits(event));
    rig_end_exchange(x);
}

/* Each is shaped otherwise for what is in it, or tells more than its text. */
static void what_tells_more_is_not_learned(void **state)
{
    static const char *const others[] = {
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"}}]}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":null}}]}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\\/b\"}}]}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"\\u0069d\":\"b\"}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\",\"content\":\"b\"}}]}",
        "{\"content\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"function\":{"
        "\"arguments\":\"a\"}}]}}]}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"a\"},\"x\":{\"content\":\"a\"}}]}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"content\"}}]}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"created\":null}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"id\":7}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"id\":\"a\",\"x\":{\"id\":7}}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":1,"
        "\"completion_tokens\":1,\"total_tokens\":2}}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"usage\"\t:{\"prompt_tokens\":"
        "1,"
        "\"completion_tokens\":1,\"total_tokens\":2}}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"us\\u0061ge\":{"
        "\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\",\"tool_calls\":[{\"id\":\"a\"}]}}]"
        "}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\",\"tool_calls\":[{\"function\":{"
        "\"arguments\":\"a\"}}]}}]}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"id\":\"a\",\"function\":{"
        "\"arguments\":\"a\"}}]}}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        open_exchange(&operation_chat, "up", "2024-10-21");
        shape(others[i]);
        if (fits(str_from(others[i])))
            fail_msg("learned: %s", others[i]);
        rig_end_exchange(x);
    }
    open_exchange(&operation_chat, "up", "2024-10-21");
    x->facts.choices = 2;
    shape(EVENT(ID, "17", "one"));
    x->facts.choices = 1;
    assert_false(fits(STR(EVENT(ID, "17", "one"))));
    rig_end_exchange(x);
}

/* Only where the text of a choice is: what else has that name is like any other thing. */
static void a_name_says_nothing_elsewhere(void **state)
{
    (void)state;
    open_exchange(&operation_chat, "up", "2024-10-21");
    shape("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"x\":{\"content\":\"a\"}}]}");
    expect_same(
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"bc\"},\"x\":{\"content\":\"a\"}}]}");
    assert_false(fits(STR("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"x\":{"
                          "\"content\":\"b\"}}]}")));
    rig_end_exchange(x);
}

static void an_event_too_long_for_a_template_is_not_learned(void **state)
{
    char event[ANSWER_TEMPLATE_BYTES + 200], rest[ANSWER_TEMPLATE_BYTES];

    (void)state;
    open_exchange(&operation_chat, "up", "2024-10-21");
    memset(rest, 'x', sizeof(rest) - 1);
    for (size_t len = sizeof(rest) - 1; len > 100; len -= 5) {
        bool fitted;

        rest[len] = '\0';
        snprintf(event, sizeof(event),
                 "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"%s\":1}", rest);
        x->relay.lessons = 0;
        shape(event);
        fitted = fits(str_from(event));
        if (fitted)
            expect_same(event);
        /* both of its forms have that in them */
        assert_true(fitted ? 2 * len < ANSWER_TEMPLATE_BYTES : 2 * len > ANSWER_TEMPLATE_BYTES / 2);
    }
    rig_end_exchange(x);
}

static void learned(unsigned number, char event[300])
{
    snprintf(event, 300, "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"x\":%u}",
             number);
}

static void the_least_used_gives_way(void **state)
{
    char event[300];

    (void)state;
    open_exchange(&operation_chat, "up", "2024-10-21");
    for (unsigned i = 0; i < 3 * ANSWER_TEMPLATES; i++) {
        x->relay.lessons = 0;
        learned(i, event);
        shape(event);
        assert_true(fits(str_from(event)));
        for (unsigned k = 0; k < 100; k++) {
            learned(0, event);
            assert_true(fits(str_from(event)));
        }
    }
    learned(1, event);
    assert_false(fits(str_from(event)));
    rig_end_exchange(x);
}

/* What was of much use once, and is not any more, gives way, too; what is new does not at once. */
static void what_is_not_used_lately_gives_way(void **state)
{
    const unsigned lessons = 20;
    char event[300];

    (void)state;
    open_exchange(&operation_chat, "up", "2024-10-21");
    for (unsigned i = 0; i < lessons; i++) {
        x->relay.lessons = 0;
        learned(i, event);
        shape(event);
        for (unsigned k = 0; i == 0 && k < 1000; k++)
            assert_true(fits(str_from(event)));
    }
    learned(0, event);
    assert_false(fits(str_from(event)));
    learned(lessons - 2, event);
    assert_true(fits(str_from(event)));
    learned(lessons - 1, event);
    assert_true(fits(str_from(event)));
    rig_end_exchange(x);
}

/* An engine that writes something new into each event is not learned from for ever. */
static void a_stream_is_learned_from_a_few_times(void **state)
{
    char event[300];

    (void)state;
    open_exchange(&operation_chat, "up", "2024-10-21");
    for (unsigned i = 0; i < ANSWER_TEMPLATE_LESSONS; i++) {
        learned(i, event);
        shape(event);
        assert_true(fits(str_from(event)));
    }
    learned(ANSWER_TEMPLATE_LESSONS, event);
    shape(event);
    assert_false(fits(str_from(event)));
    rig_end_exchange(x);
}

/* Of a reasoning model, say, whose text comes late. */
static void an_event_without_text_is_no_lesson(void **state)
{
    char event[300];

    (void)state;
    open_exchange(&operation_chat, "up", "2024-10-21");
    for (unsigned i = 0; i < 2 * ANSWER_TEMPLATE_LESSONS; i++) {
        snprintf(event, sizeof(event),
                 "{\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"%u\"}}]}", i);
        shape(event);
    }
    shape(EVENT(ID, "17", "one"));
    assert_true(fits(STR(EVENT(ID, "17", "two"))));
    rig_end_exchange(x);
}

/* The first event of a stream is parsed though one fits. */
static void what_is_known_is_not_learned_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ANSWER_TEMPLATES; i++) {
        open_exchange(&operation_completions, "up-text", "2024-10-21");
        assert_false(fits(STR(TEXT_EVENT("one"))));
        shape(TEXT_EVENT("one"));
        assert_true(fits(STR(TEXT_EVENT("two"))));
        rig_end_exchange(x);
    }
    assert_int_equal(rig_count_templates(), 1);
}

static void an_engine_does_not_take_the_place_of_others(void **state)
{
    char event[300];

    (void)state;
    open_exchange(&operation_chat, "llama", "2024-10-21");
    shape(LLAMA_EVENT(ID, "17", "one"));
    rig_end_exchange(x);
    for (unsigned i = 0; i < 3 * ANSWER_TEMPLATES; i++) {
        open_exchange(&operation_chat, "up", "2024-10-21");
        learned(i, event);
        shape(event);
        assert_true(fits(str_from(event)));
        rig_end_exchange(x);
    }
    assert_int_equal(rig_count_templates(), 1 + ANSWER_TEMPLATES_ALIKE);
    open_exchange(&operation_chat, "llama", "2024-10-21");
    x->relay.id = STR(ID);
    shape_set_fingerprint(x);
    assert_true(fits(STR(LLAMA_EVENT(ID, "17", "two"))));
    rig_end_exchange(x);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_differs_in_text_id_and_time_fits),
        TEST(each_engine_has_its_own_way_to_write),
        TEST(text_is_no_structure),
        TEST(other_values_do_not_fit),
        TEST(other_requests_do_not_fit),
        TEST(what_tells_more_is_not_learned),
        TEST(a_name_says_nothing_elsewhere),
        TEST(an_event_too_long_for_a_template_is_not_learned),
        TEST(the_least_used_gives_way),
        TEST(what_is_not_used_lately_gives_way),
        TEST(a_stream_is_learned_from_a_few_times),
        TEST(an_event_without_text_is_no_lesson),
        TEST(what_is_known_is_not_learned_again),
        TEST(an_engine_does_not_take_the_place_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
