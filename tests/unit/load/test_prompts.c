/* SPDX-License-Identifier: MIT */
#include "load/prompts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <unistd.h>

#include "load/tokens.h"

static struct load_options o;
static struct prompts p;
static struct arena *a;
static struct error err;
static char file[64];

static int set_up(void **state)
{
    (void)state;
    o = (struct load_options){ .shape = LOAD_SHAPE_BALANCED,
                               .completions = 1,
                               .prevents_caching = true,
                               .streams = true,
                               .frequency_penalty = LOAD_UNSET,
                               .presence_penalty = LOAD_UNSET,
                               .temperature = LOAD_UNSET,
                               .top_p = LOAD_UNSET };
    a = arena_new(NULL);
    prompts_init(&p, a, NULL);
    snprintf(file, sizeof(file), "/tmp/lazuli-prompts-XXXXXX");
    close(mkstemp(file));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return unlink(file);
}

/* The body as it is sent, with this for the time, and max_tokens for the bound of its answer. */
static yyjson_val *body_of(size_t item, const char *stamp)
{
    const struct prompt *prompt = &p.items[item];
    struct str text = prompt->pieces[0];
    yyjson_doc *doc;

    for (unsigned i = 1; i < prompt->piece_count; i++) {
        bool is_name = prompt->has_max_name && i == prompt->piece_count - 1;

        text = arena_printf(a, "%.*s%s%.*s", STR_ARGS(text), is_name ? "max_tokens" : stamp,
                            STR_ARGS(prompt->pieces[i]));
    }
    doc = json_parse(a, text, &err);
    assert_non_null(doc);
    return yyjson_doc_get_root(doc);
}

static const char *content_of(yyjson_val *body, size_t message)
{
    return yyjson_get_str(
        yyjson_obj_get(yyjson_arr_get(json_at(body, "messages"), message), "content"));
}

static void write_file(const char *text)
{
    FILE *f = fopen(file, "w");

    fputs(text, f);
    fclose(f);
    o.replay_path = file;
}

static void generates_the_profile(void **state)
{
    yyjson_val *body;

    (void)state;
    load_shape_apply(&o);
    assert_true(prompts_generate(&p, &o, &err));
    assert_int_equal(p.count, 1);
    assert_int_equal(p.items[0].context_tokens, 500);
    assert_int_equal(p.items[0].piece_count, 4);
    assert_true(p.items[0].has_max_name);
    body = body_of(0, "1704441942.868042");
    assert_int_equal(yyjson_arr_size(json_at(body, "messages")), 2);
    assert_string_equal(content_of(body, 1), "1704441942.868042 write a long essay about life in "
                                             "at least 500 tokens");
    assert_memory_equal(content_of(body, 0), "1704441942.868042 ", 18);
    assert_true(yyjson_get_bool(json_at(body, "stream")));
    assert_int_equal(yyjson_get_int(json_at(body, "max_tokens")), 500);
    assert_int_equal(yyjson_get_int(json_at(body, "n")), 1);
    assert_null(json_at(body, "model"));
    assert_null(json_at(body, "temperature"));
    /* the guess of four characters agrees, but for what it takes a time stamp for */
    assert_in_range(tokens_of_messages(json_at(body, "messages")), 490, 510);
}

static void custom_without_max_tokens(void **state)
{
    yyjson_val *body;

    (void)state;
    o.shape = LOAD_SHAPE_CUSTOM;
    o.context_tokens = 1000;
    o.temperature = 0.5;
    o.streams = false;
    o.prevents_caching = false;
    p.model = "gpt-4";
    load_shape_apply(&o);
    assert_true(prompts_generate(&p, &o, &err));
    assert_int_equal(p.items[0].piece_count, 1);
    assert_false(p.items[0].has_max_name);
    body = body_of(0, "");
    assert_int_equal(yyjson_arr_size(json_at(body, "messages")), 1);
    assert_null(json_at(body, "max_tokens"));
    assert_true(yyjson_get_real(json_at(body, "temperature")) == 0.5);
    assert_false(yyjson_get_bool(json_at(body, "stream")));
    assert_string_equal(yyjson_get_str(json_at(body, "model")), "gpt-4");
    assert_int_equal(p.items[0].context_tokens, 1000);
}

static void replays_azures_file(void **state)
{
    (void)state;
    write_file(
        "[\n  [{\"role\":\"system\",\"content\":\"Be \\\"short\\\".\"},"
        "{\"role\":\"user\",\"content\":\"Hi\"}],\n"
        "  [{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}},"
        "{\"type\":\"text\",\"text\":\"What?\"}]}]\n]\n");
    assert_true(prompts_replay(&p, &o, &err));
    assert_int_equal(p.count, 2);
    assert_string_equal(content_of(body_of(0, "T"), 0), "T Be \"short\".");
    assert_string_equal(content_of(body_of(0, "T"), 1), "T Hi");
    assert_int_equal(p.items[1].piece_count, 2);
    assert_string_equal(yyjson_get_str(yyjson_obj_get(
                            yyjson_arr_get(yyjson_obj_get(yyjson_arr_get_first(
                                                              json_at(body_of(1, "T"), "messages")),
                                                          "content"),
                                           1),
                            "text")),
                        "T What?");
    assert_int_equal(p.pieces_max, 3);
}

static void replays_lines(void **state)
{
    yyjson_val *body;

    (void)state;
    o.max_tokens = 7;
    o.temperature = 0.5;
    o.includes_usage = true;
    write_file("[{\"role\":\"user\",\"content\":\"One\"}]\r\n\n"
               "{\"messages\":[{\"role\":\"user\",\"content\":\"Two\"}],\"max_tokens\":3,"
               "\"temperature\":1.5,\"seed\":1,\"stream\":false}\n");
    assert_true(prompts_replay(&p, &o, &err));
    assert_int_equal(p.count, 2);
    assert_int_equal(yyjson_get_int(json_at(body_of(0, "T"), "max_tokens")), 7);
    body = body_of(1, "T");
    /* its own members stay, what is missing comes from the options */
    assert_int_equal(yyjson_get_int(json_at(body, "max_tokens")), 3);
    assert_true(yyjson_get_real(json_at(body, "temperature")) == 1.5);
    assert_int_equal(yyjson_get_int(json_at(body, "seed")), 1);
    assert_true(yyjson_get_bool(json_at(body, "stream")));
    assert_true(yyjson_get_bool(json_at(body, "stream_options.include_usage")));
    assert_string_equal(content_of(body, 0), "T Two");
    assert_true(p.items[0].has_max_name);
    assert_false(p.items[1].has_max_name);
}

static void a_bound_by_its_newer_name_stays(void **state)
{
    yyjson_val *body;

    (void)state;
    o.max_tokens = 7;
    write_file(
        "{\"max_completion_tokens\":3,\"messages\":[{\"role\":\"user\",\"content\":\"One\"}]}");
    assert_true(prompts_replay(&p, &o, &err));
    assert_false(p.items[0].has_max_name);
    body = body_of(0, "T");
    assert_int_equal(yyjson_get_int(json_at(body, "max_completion_tokens")), 3);
    assert_null(json_at(body, "max_tokens"));
}

static void replays_one_value(void **state)
{
    (void)state;
    write_file("[{\"role\":\"user\",\"content\":\"One\"},{\"role\":\"user\",\"content\":\"Two\"}]");
    assert_true(prompts_replay(&p, &o, &err));
    assert_int_equal(p.count, 1);
    write_file("{\"messages\":[{\"role\":\"user\",\"content\":\"One\"}]}");
    assert_true(prompts_replay(&p, &o, &err));
    assert_int_equal(p.count, 2);
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        { "", "it is empty" },
        { "\n\n", "it is empty" },
        { "[]", "an empty list" },
        { "[[]]", "item 1: no messages" },
        { "[3]", "item 1: neither a list of messages nor a request's body" },
        { "{\"messages\":\"x\"}", "no messages" },
        { "[{\"role\":\"user\"}]\n{\"model\":\"x\"}", "line 2: no messages" },
        { "[{\"role\":\"user\"}]\n\n[{", "line 3: Invalid JSON at byte" },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        prompts_init(&p, a, NULL);
        write_file(rows[i].text);
        assert_false(prompts_replay(&p, &o, &err));
        assert_non_null(strstr(err.text, rows[i].why));
        assert_non_null(strstr(err.text, file));
    }
    o.replay_path = "/nowhere/at/all";
    assert_false(prompts_replay(&p, &o, &err));
    assert_non_null(strstr(err.text, "No such file"));
    o.replay_path = "/tmp";
    assert_false(prompts_replay(&p, &o, &err));
}

static void stamps_are_never_the_same(void **state)
{
    char out[PROMPT_STAMP_BYTES];
    uint64_t last = 0;

    (void)state;
    prompt_stamp(out, 1704441942868042, &last);
    assert_memory_equal(out, "1704441942.868042", PROMPT_STAMP_BYTES);
    prompt_stamp(out, 1704441942868042, &last);
    assert_memory_equal(out, "1704441942.868043", PROMPT_STAMP_BYTES);
    prompt_stamp(out, 1704441942000001, &last);
    assert_memory_equal(out, "1704441942.868044", PROMPT_STAMP_BYTES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(generates_the_profile), TEST(custom_without_max_tokens),
        TEST(replays_azures_file),   TEST(replays_lines),
        TEST(replays_one_value),     TEST(a_bound_by_its_newer_name_stays),
        TEST(says_what_is_wrong),    TEST(stamps_are_never_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
