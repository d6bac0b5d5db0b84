/* SPDX-License-Identifier: MIT */
#include "inference/llama_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "rig.h"

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define STREAMED ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}"

static void expect_sent(const char *wanted)
{
    struct str sent = buf_str(&fake_engine.request);

    if (!str_equal(sent, str_from(wanted)))
        fail_msg("sent %.*s\nnot  %s", STR_ARGS(sent), wanted);
    rig_gone();
}

static void a_completion_has_sixteen_tokens(void **state)
{
    (void)state;
    rig_post("llama-text", "completions", "{\"prompt\":\"a\"}");
    expect_sent("{\"prompt\":\"a\",\"max_tokens\":16" STREAMED);
    rig_post("llama-text", "completions", "{\"prompt\":\"a\",\"max_tokens\":null}");
    expect_sent("{\"prompt\":\"a\",\"max_tokens\":16" STREAMED);
    rig_post("llama-text", "completions", "{\"prompt\":\"a\",\"max_tokens\":3}");
    expect_sent("{\"prompt\":\"a\",\"max_tokens\":3" STREAMED);
    rig_chat("llama", "{" MESSAGES "}");
    expect_sent("{" MESSAGES STREAMED);
}

/* Of nothing llama-server makes nothing; a model begins anew. */
static void without_a_prompt_a_document_begins(void **state)
{
    static const char wanted[] = "{\"max_tokens\":3,\"prompt\":\"<|endoftext|>\"" STREAMED;

    (void)state;
    rig_post("llama-text", "completions", "{\"max_tokens\":3}");
    expect_sent(wanted);
    rig_post("llama-text", "completions", "{\"max_tokens\":3,\"prompt\":null}");
    expect_sent(wanted);
    rig_post("llama-text", "completions", "{\"max_tokens\":3,\"prompt\":\"\"}");
    expect_sent(wanted);
}

static void log_probabilities_need_an_alternative(void **state)
{
    (void)state;
    rig_chat("llama", "{\"logprobs\":true," MESSAGES "}");
    expect_sent("{\"logprobs\":true," MESSAGES ",\"top_logprobs\":1}");
    rig_chat("llama", "{\"logprobs\":true,\"top_logprobs\":2," MESSAGES "}");
    expect_sent("{\"logprobs\":true,\"top_logprobs\":2," MESSAGES "}");
    rig_post("llama-text", "completions", "{\"prompt\":\"a\",\"max_tokens\":3,\"logprobs\":2}");
    expect_sent("{\"prompt\":\"a\",\"max_tokens\":3,\"logprobs\":2}");
    rig_chat("llama", "{\"n\":2,\"logprobs\":true,\"top_logprobs\":2," MESSAGES "}");
    expect_sent("{\"n\":2,\"logprobs\":true,\"top_logprobs\":2," MESSAGES STREAMED);
}

/* Also those that the client wants whole; of one choice with log probabilities see above. */
static void answers_are_streamed(void **state)
{
    (void)state;
    rig_chat("llama", "{\"n\":2," MESSAGES "}");
    expect_sent("{\"n\":2," MESSAGES STREAMED);
    rig_post("llama-text", "completions",
             "{\"prompt\":[\"a\",\"b\"],\"stream\":false,\"max_tokens\":3}");
    expect_sent("{\"prompt\":[\"a\",\"b\"],\"stream\":true,\"max_tokens\":3,"
                "\"stream_options\":{\"include_usage\":true}}");
    rig_chat("llama", "{\"n\":1," MESSAGES "}");
    expect_sent("{\"n\":1," MESSAGES STREAMED);
    rig_chat("sim", "{\"n\":2," MESSAGES "}");
    expect_sent("{\"n\":2," MESSAGES "}");
}

static void a_refusal_is_what_was_said(void **state)
{
    (void)state;
#define USER "{\"role\":\"user\",\"content\":\"hi\"}"
    rig_chat("llama",
             "{\"messages\":[" USER ",{\"role\":\"assistant\",\"content\":null,\"refusal\":\"no\"},"
             "{\"role\":\"assistant\",\"content\":\"a\",\"refusal\":null},"
             "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"b\"},"
             "{\"type\":\"refusal\",\"refusal\":\"never\"}]}," USER "]}");
    expect_sent("{\"messages\":[" USER
                ",{\"role\":\"assistant\",\"content\":\"no\",\"refusal\":\"no\"},"
                "{\"role\":\"assistant\",\"content\":\"a\",\"refusal\":null},"
                "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"b\"},"
                "{\"type\":\"text\",\"text\":\"never\"}]}," USER "]" STREAMED);
    rig_chat("llama",
             "{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\",\"refusal\":null}]}");
    expect_sent(
        "{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\",\"refusal\":null}]" STREAMED);
}

static void a_named_tool_is_the_only_one(void **state)
{
    (void)state;
#define TOOL(name) "{\"type\":\"function\",\"function\":{\"name\":\"" name "\"}}"
    rig_chat("llama", "{" MESSAGES ",\"tools\":[" TOOL("a") "," TOOL("b") "," TOOL(
                          "c") "],\"tool_choice\":" TOOL("b") "}");
    expect_sent("{" MESSAGES ",\"tools\":[" TOOL("b") "],\"tool_choice\":\"required\"" STREAMED);
}

static void other_engines_get_it_as_it_came(void **state)
{
    (void)state;
    rig_post("text", "completions", "{\"prompt\":\"a\"}");
    expect_sent("{\"prompt\":\"a\"}");
    rig_chat("sim", "{\"logprobs\":true," MESSAGES "}");
    expect_sent("{\"logprobs\":true," MESSAGES "}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_completion_has_sixteen_tokens),
        TEST(without_a_prompt_a_document_begins),
        TEST(log_probabilities_need_an_alternative),
        TEST(answers_are_streamed),
        TEST(a_refusal_is_what_was_said),
        TEST(a_named_tool_is_the_only_one),
        TEST(other_engines_get_it_as_it_came),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
