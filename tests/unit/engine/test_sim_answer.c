/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/format.h"
#include "engine/sim_answer.h"
#include "engine/sim_embed.h"
#include "engine/sim_text.h"
#include "engine/sim_timing.h"
#include "net/sse.h"

static struct arena *a;
static const struct catalog_sim settings = { .seed = 7, .answer_tokens = 12 };

static int set_up(void **state)
{
    (void)state;
    a = arena_new(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

/* The whole answer's bytes, and in *steps how many turns they took. */
static struct str answer(enum engine_operation operation, const char *body, unsigned *steps)
{
    struct sim_request *r = ARENA_NEW(a, struct sim_request);
    struct sim_answer *s;
    struct error err;
    struct buf out;
    struct str text;

    *steps = 0;
    buf_init(&out, SIM_STEP_BYTES_MAX);
    if (!sim_request_parse(a, operation, str_from(body), r, &err))
        fail_msg("%s: %s", err.target, err.text);
    s = sim_answer_new(a, &settings, r, sim_mix(settings.seed, r->hash), 1700000000);
    while (!sim_answer_is_done(s)) {
        sim_answer_next(s, a, &out);
        ++*steps;
    }
    text = arena_copy(a, buf_str(&out));
    buf_done(&out);
    return text;
}

static yyjson_val *parse(struct str text)
{
    struct error err;
    yyjson_doc *doc = json_parse(a, text, &err);

    if (!doc)
        fail_msg("%s in %.200s", err.text, text.data);
    return yyjson_doc_get_root(doc);
}

static yyjson_val *whole(enum engine_operation operation, const char *body)
{
    unsigned steps;

    return parse(answer(operation, body, &steps));
}

static yyjson_val *choice(yyjson_val *root, size_t i)
{
    return yyjson_arr_get(yyjson_obj_get(root, "choices"), i);
}

#define CHAT(more) \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]" more "}"
#define TOOL(name)                                          \
    "{\"type\":\"function\",\"function\":{\"name\":\"" name \
    "\",\"parameters\":{\"type\":\"object\","               \
    "\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}}"

static void answers_a_chat(void **state)
{
    yyjson_val *root = whole(ENGINE_CHAT, CHAT(""));

    (void)state;
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "object")), "chat.completion");
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "model")), "m");
    assert_string_equal(yyjson_get_str(json_at(choice(root, 0), "message.role")), "assistant");
    assert_true(yyjson_get_len(json_at(choice(root, 0), "message.content")) > 20);
    assert_string_equal(yyjson_get_str(yyjson_obj_get(choice(root, 0), "finish_reason")), "stop");
    assert_int_equal(yyjson_get_int(json_at(root, "usage.completion_tokens")), 12);
    /* "hello" is 2 tokens, a message 4, the answer's start 3 */
    assert_int_equal(yyjson_get_int(json_at(root, "usage.prompt_tokens")), 9);
    assert_int_equal(yyjson_get_int(json_at(root, "usage.total_tokens")), 21);
}

static const char *words_of(const char *body)
{
    return yyjson_get_str(json_at(choice(whole(ENGINE_CHAT, body), 0), "message.content"));
}

static void says_the_same_however_it_is_delivered(void **state)
{
    const char *words = words_of(CHAT(""));

    (void)state;
    assert_string_equal(words_of(CHAT(",\"user\":\"u\",\"logprobs\":true,\"n\":2")), words);
    assert_memory_equal(words_of(CHAT(",\"max_tokens\":3")), words, 5);
    assert_string_not_equal(words_of(CHAT(",\"temperature\":0")), words);
}

static void repeats_itself(void **state)
{
    unsigned steps;
    struct str first = answer(ENGINE_CHAT, CHAT(",\"n\":3"), &steps);
    struct str again = answer(ENGINE_CHAT, CHAT(",\"n\":3"), &steps);
    struct str other = answer(ENGINE_CHAT, CHAT(",\"n\":3,\"seed\":1"), &steps);
    yyjson_val *root = parse(first);

    (void)state;
    assert_true(str_equal(first, again));
    assert_false(str_equal(first, other));
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(root, "choices")), 3);
    assert_string_not_equal(yyjson_get_str(json_at(choice(root, 0), "message.content")),
                            yyjson_get_str(json_at(choice(root, 1), "message.content")));
}

static void keeps_to_max_tokens(void **state)
{
    yyjson_val *root = whole(ENGINE_CHAT, CHAT(",\"max_completion_tokens\":5"));

    (void)state;
    assert_string_equal(yyjson_get_str(yyjson_obj_get(choice(root, 0), "finish_reason")), "length");
    assert_int_equal(yyjson_get_int(json_at(root, "usage.completion_tokens")), 5);
    root = whole(ENGINE_CHAT, CHAT(",\"max_tokens\":12"));
    assert_string_equal(yyjson_get_str(yyjson_obj_get(choice(root, 0), "finish_reason")), "stop");
}

static void stops_at_stop_strings(void **state)
{
    struct str full = json_str(json_at(choice(whole(ENGINE_CHAT, CHAT("")), 0), "message.content"));

    (void)state;
    /* What comes out depends on the body, so the stop strings are looked for, not foretold. */
    for (int c = 'a'; c <= 'z'; c++) {
        struct str body = arena_printf(a, CHAT(",\"stop\":[\"%c\",\"zzz\"]"), c);
        yyjson_val *root = whole(ENGINE_CHAT, body.data);
        struct str text = json_str(json_at(choice(root, 0), "message.content"));

        assert_int_equal(str_find_char(text, (char)c), SIZE_MAX);
        assert_string_equal(yyjson_get_str(yyjson_obj_get(choice(root, 0), "finish_reason")),
                            "stop");
        if (c == 'e') /* hardly a text of 12 words has none */
            assert_true(text.len < full.len);
    }
}

static void calls_tools(void **state)
{
    yyjson_val *root =
        whole(ENGINE_CHAT,
              CHAT(",\"tools\":[" TOOL("a") "," TOOL(
                  "b") "],"
                       "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"b\"}}"));
    yyjson_val *call = yyjson_arr_get(json_at(choice(root, 0), "message.tool_calls"), 0);
    yyjson_val *arguments = parse(json_str(json_at(call, "function.arguments")));

    (void)state;
    assert_string_equal(yyjson_get_str(json_at(call, "function.name")), "b");
    assert_true(yyjson_is_str(yyjson_obj_get(arguments, "city")));
    assert_true(yyjson_is_null(json_at(choice(root, 0), "message.content")));
    assert_string_equal(yyjson_get_str(yyjson_obj_get(choice(root, 0), "finish_reason")),
                        "tool_calls");
    root = whole(ENGINE_CHAT, CHAT(",\"tool_choice\":\"required\",\"tools\":[" TOOL("a") "]"));
    assert_non_null(json_at(choice(root, 0), "message.tool_calls"));
    root = whole(ENGINE_CHAT, CHAT(",\"tool_choice\":\"auto\",\"tools\":[" TOOL("a_tool") "]"));
    assert_null(json_at(choice(root, 0), "message.tool_calls"));
    root = whole(ENGINE_CHAT, CHAT(",\"tools\":[" TOOL("hell") "]"));
    assert_non_null(json_at(choice(root, 0), "message.tool_calls"));
    root = whole(ENGINE_CHAT, CHAT(",\"functions\":[{\"name\":\"f\"}],\"function_call\":"
                                   "{\"name\":\"f\"}"));
    assert_string_equal(yyjson_get_str(json_at(choice(root, 0), "message.function_call.name")),
                        "f");
    assert_string_equal(yyjson_get_str(json_at(choice(root, 0), "message.function_call.arguments")),
                        "{}");
}

static void makes_json(void **state)
{
    yyjson_val *root =
        whole(ENGINE_CHAT, CHAT(",\"response_format\":{\"type\":\"json_schema\","
                                "\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\","
                                "\"properties\":{\"ok\":{\"type\":\"boolean\"}},"
                                "\"required\":[\"ok\"]}}}"));

    (void)state;
    assert_true(yyjson_is_bool(
        yyjson_obj_get(parse(json_str(json_at(choice(root, 0), "message.content"))), "ok")));
    root = whole(ENGINE_CHAT, CHAT(",\"response_format\":{\"type\":\"json_object\"}"));
    assert_true(yyjson_is_obj(parse(json_str(json_at(choice(root, 0), "message.content")))));
}

static void gives_logprobs(void **state)
{
    yyjson_val *root = whole(ENGINE_CHAT, CHAT(",\"logprobs\":true,\"top_logprobs\":2"));
    yyjson_val *content = json_at(choice(root, 0), "logprobs.content");
    yyjson_val *first = yyjson_arr_get(content, 0);

    (void)state;
    assert_int_equal(yyjson_arr_size(content), 12);
    assert_true(yyjson_get_num(yyjson_obj_get(first, "logprob")) <= 0);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(first, "top_logprobs")), 2);
    root = whole(ENGINE_COMPLETION, "{\"prompt\":\"hello\",\"echo\":true,\"logprobs\":1}");
    /* 2 of the prompt and 12 of the answer */
    assert_int_equal(yyjson_arr_size(json_at(choice(root, 0), "logprobs.tokens")), 14);
    assert_true(
        yyjson_is_null(yyjson_arr_get_first(json_at(choice(root, 0), "logprobs.token_logprobs"))));
    assert_int_equal(
        yyjson_get_int(yyjson_arr_get(json_at(choice(root, 0), "logprobs.text_offset"), 1)), 4);
}

static void completes_prompts(void **state)
{
    yyjson_val *root = whole(ENGINE_COMPLETION, "{\"prompt\":[\"one\",\"two\"],\"n\":2,"
                                                "\"best_of\":4,\"max_tokens\":3,\"echo\":true}");

    (void)state;
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "object")), "text_completion");
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(root, "choices")), 4);
    assert_true(str_starts_with(json_str(yyjson_obj_get(choice(root, 1), "text")), STR("one")));
    assert_true(str_starts_with(json_str(yyjson_obj_get(choice(root, 2), "text")), STR("two")));
    /* 2 prompts, 4 of each are made, 3 tokens long */
    assert_int_equal(yyjson_get_int(json_at(root, "usage.completion_tokens")), 24);
    root = whole(ENGINE_COMPLETION, "{\"prompt\":[5,6,7],\"max_tokens\":0,\"echo\":true}");
    assert_int_equal(yyjson_get_int(json_at(root, "usage.prompt_tokens")), 3);
    assert_int_equal(yyjson_get_int(json_at(root, "usage.completion_tokens")), 0);
}

/* -- Streams ------------------------------------------------------------------------------- */

struct stream {
    struct buf text;
    unsigned events;
    unsigned finishes;
    unsigned tokens; /* of the usage event */
    bool is_done;
};

static bool on_event(void *data, struct str event)
{
    struct stream *s = data;
    yyjson_val *root, *c;
    struct str text;

    assert_false(s->is_done);
    s->events++;
    s->is_done = str_equal(event, STR("[DONE]"));
    if (s->is_done)
        return true;
    root = parse(event);
    c = choice(root, 0);
    text = json_str(json_at(c, "delta.content"));
    if (!text.data)
        text = json_str(
            json_at(yyjson_arr_get_first(json_at(c, "delta.tool_calls")), "function.arguments"));
    if (!text.data)
        text = json_str(yyjson_obj_get(c, "text"));
    assert_true(buf_append(&s->text, text));
    s->finishes += yyjson_is_str(yyjson_obj_get(c, "finish_reason"));
    if (!c)
        s->tokens = (unsigned)yyjson_get_uint(json_at(root, "usage.completion_tokens"));
    return true;
}

static struct stream read_stream(enum engine_operation operation, const char *body, unsigned *steps)
{
    struct stream s = { 0 };
    struct sse_splitter splitter;

    buf_init(&s.text, 65536);
    sse_splitter_init(&splitter, 65536);
    assert_true(sse_split(&splitter, answer(operation, body, steps), on_event, &s));
    assert_false(sse_is_partial(&splitter));
    sse_splitter_done(&splitter);
    assert_true(s.is_done);
    return s;
}

static void streams_token_by_token(void **state)
{
    unsigned steps;
    struct stream s = read_stream(ENGINE_CHAT,
                                  CHAT(",\"stream\":true,\"max_tokens\":5,"
                                       "\"stream_options\":{\"include_usage\":true}"),
                                  &steps);

    (void)state;
    assert_int_equal(steps, 5);
    assert_int_equal(s.events, 1 + 5 + 1 + 1 + 1); /* role, tokens, finish, usage, [DONE] */
    assert_int_equal(s.finishes, 1);
    assert_int_equal(s.tokens, 5);
    buf_done(&s.text);
    s = read_stream(ENGINE_CHAT, CHAT(",\"stream\":true,\"n\":2"), &steps);
    assert_int_equal(s.finishes, 2);
    assert_int_equal(s.events, 2 * (1 + 12 + 1) + 1);
    buf_done(&s.text);
    s = read_stream(ENGINE_CHAT,
                    CHAT(",\"stream\":true,\"tool_choice\":\"required\",\"tools\":[" TOOL("a") "]"),
                    &steps);
    assert_true(yyjson_is_obj(parse(buf_str(&s.text))));
    buf_done(&s.text);
    s = read_stream(ENGINE_COMPLETION,
                    "{\"stream\":true,\"prompt\":\"abcdefgh\",\"echo\":true,"
                    "\"max_tokens\":0}",
                    &steps);
    assert_true(str_equal(buf_str(&s.text), STR("abcdefgh")));
    assert_int_equal(s.finishes, 1);
    buf_done(&s.text);
}

/* -- Embeddings, timing, refusals ---------------------------------------------------------- */

static void embeds(void **state)
{
    unsigned steps;
    yyjson_val *root = parse(answer(ENGINE_EMBEDDINGS,
                                    "{\"input\":[\"a b\",\"c\"],"
                                    "\"dimensions\":8}",
                                    &steps));
    yyjson_val *vector = json_at(yyjson_arr_get(yyjson_obj_get(root, "data"), 0), "embedding");
    yyjson_val *number;
    struct str bytes;
    float floats[8];
    double norm = 0;
    size_t i, count;

    (void)state;
    assert_int_equal(steps, 2);
    assert_int_equal(yyjson_arr_size(vector), 8);
    yyjson_arr_foreach(vector, i, count, number) norm +=
        yyjson_get_num(number) * yyjson_get_num(number);
    assert_true(fabs(norm - 1) < 1e-5);
    root = whole(ENGINE_EMBEDDINGS, "{\"input\":\"a b\",\"dimensions\":8,"
                                    "\"encoding_format\":\"base64\"}");
    assert_true(format_parse_base64(
        a, json_str(json_at(yyjson_arr_get(yyjson_obj_get(root, "data"), 0), "embedding")),
        &bytes));
    assert_int_equal(bytes.len, sizeof(floats));
    memcpy(floats, bytes.data, sizeof(floats));
    for (i = 0; i < 8; i++)
        assert_true(fabs((double)floats[i] - yyjson_get_num(yyjson_arr_get(vector, i))) < 1e-6);
}

static double cosine(const char *x, const char *y)
{
    float v[512], w[512];
    double sum = 0;

    sim_embed(1, str_from(x), v, 512, 512);
    sim_embed(1, str_from(y), w, 512, 512);
    for (size_t i = 0; i < 512; i++)
        sum += (double)v[i] * (double)w[i];
    return sum;
}

static void embeds_like_near_like(void **state)
{
    (void)state;
    assert_true(cosine("a blue stone", "the Blue stone!") > cosine("a blue stone", "green tea"));
    assert_true(cosine("same", "same") > 0.9999);
    assert_true(cosine("", "") > 0.9999);
}

static void times_tokens(void **state)
{
    const struct catalog_sim slow = {
        .first_token_ms = 100, .per_prompt_token_ms = 2, .tokens_per_second = 50, .jitter = 0
    };
    struct catalog_sim shaky = slow;
    struct sim_timing t, u;
    uint64_t last = 0;

    (void)state;
    sim_timing_init(&t, &slow, 10, 1);
    assert_int_equal(sim_timing_due_us(&t, 1), 120000);
    assert_int_equal(sim_timing_due_us(&t, 2), 140000);
    assert_int_equal(sim_timing_due_us(&t, 12), 340000);
    shaky.jitter = 0.5;
    sim_timing_init(&t, &shaky, 10, 1);
    sim_timing_init(&u, &shaky, 10, 1);
    for (unsigned i = 1; i < 100; i++) {
        uint64_t due = sim_timing_due_us(&t, i);

        assert_int_equal(due, sim_timing_due_us(&u, i));
        assert_in_range(due - last, i == 1 ? 60000 : 9999, i == 1 ? 180000 : 30001);
        last = due;
    }
    sim_timing_init(&u, &shaky, 10, 2);
    assert_int_not_equal(last, sim_timing_due_us(&u, 99));
}

static void refuses_what_it_cannot_answer(void **state)
{
    static const struct {
        enum engine_operation operation;
        const char *body;
        enum error_code code;
        const char *target;
    } cases[] = {
        { ENGINE_CHAT, "{", ERROR_MODEL_REQUEST, "" },
        { ENGINE_CHAT, "[]", ERROR_MODEL_REQUEST, "" },
        { ENGINE_CHAT, "{}", ERROR_MODEL_MISSING, "messages" },
        { ENGINE_CHAT, CHAT(",\"n\":0"), ERROR_MODEL_VALUE, "n" },
        { ENGINE_CHAT, CHAT(",\"n\":129"), ERROR_MODEL_VALUE, "n" },
        { ENGINE_CHAT, CHAT(",\"max_tokens\":-1"), ERROR_MODEL_VALUE, "max_tokens" },
        { ENGINE_CHAT, CHAT(",\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]"), ERROR_MODEL_VALUE,
          "stop" },
        { ENGINE_CHAT,
          CHAT(",\"tools\":[" TOOL("a") "],\"tool_choice\":{\"function\":"
                                        "{\"name\":\"x\"}}"),
          ERROR_MODEL_VALUE, "tool_choice" },
        { ENGINE_COMPLETION, "{\"prompt\":[]}", ERROR_MODEL_MISSING, "prompt" },
        { ENGINE_COMPLETION, "{\"prompt\":{}}", ERROR_MODEL_VALUE, "prompt" },
        { ENGINE_EMBEDDINGS, "{\"input\":[1,\"a\"]}", ERROR_MODEL_VALUE, "input" },
        { ENGINE_EMBEDDINGS, "{\"input\":\"a\",\"dimensions\":99999}", ERROR_MODEL_VALUE,
          "dimensions" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sim_request r;
        struct error err;

        if (sim_request_parse(a, cases[i].operation, str_from(cases[i].body), &r, &err))
            fail_msg("'%s' was taken", cases[i].body);
        if (err.code != cases[i].code)
            fail_msg("'%s' gave %d: %s", cases[i].body, err.code, err.text);
        assert_string_equal(err.target, cases[i].target);
    }
}

static void cuts_text_into_whole_characters(void **state)
{
    struct str text = STR("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80 lapis lazuli \xF0\x9F\x98\x80");
    struct sim_source s = sim_source_text(text);
    struct sim_token token;
    size_t len = 0;

    (void)state;
    while (sim_source_next(&s, &token)) {
        assert_true(str_is_utf8(str_of(token.text, token.len)));
        assert_memory_equal(token.text, text.data + len, token.len);
        len += token.len;
    }
    assert_int_equal(len, text.len);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_a_chat),
        TEST(repeats_itself),
        TEST(says_the_same_however_it_is_delivered),
        TEST(says_the_same_however_it_is_delivered),
        TEST(keeps_to_max_tokens),
        TEST(stops_at_stop_strings),
        TEST(calls_tools),
        TEST(makes_json),
        TEST(gives_logprobs),
        TEST(completes_prompts),
        TEST(streams_token_by_token),
        TEST(embeds),
        TEST(embeds_like_near_like),
        TEST(times_tokens),
        TEST(refuses_what_it_cannot_answer),
        TEST(cuts_text_into_whole_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
