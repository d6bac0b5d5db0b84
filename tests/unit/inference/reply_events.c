/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "reply_events.h"

struct str events_left;
static struct arena *parsed;

void read_events(void)
{
    arena_free(parsed);
    parsed = arena_new(NULL);
    events_left = buf_str(&fake_reply.body);
}

struct str next_event(void)
{
    size_t end = str_find(events_left, STR("\n\n"));
    struct str event = str_slice(events_left, 0, end);

    if (end == SIZE_MAX)
        return STR_NONE;
    assert_true(str_starts_with(event, STR("data: ")));
    events_left = str_slice(events_left, end + 2, events_left.len);
    return str_slice(event, 6, event.len);
}

yyjson_val *next_json(void)
{
    struct error err;
    yyjson_doc *doc = json_parse(parsed, next_event(), &err);

    assert_non_null(doc);
    return yyjson_doc_get_root(doc);
}

void expect_str(yyjson_val *object, const char *path, const char *wanted)
{
    struct str value = json_str(json_at(object, path));

    if (!str_equal(value, str_from(wanted)))
        fail_msg("%s is '%.*s', not '%s'", path, STR_ARGS(value), wanted);
}

void expect_content(const char *content)
{
    yyjson_val *choice = yyjson_arr_get_first(yyjson_obj_get(next_json(), "choices"));

    expect_str(choice, "delta.content", content);
}

void expect_first(void)
{
    yyjson_val *event = next_json();

    assert_true(yyjson_is_arr(yyjson_obj_get(event, "prompt_filter_results")));
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(event, "choices")), 0);
}

void expect_end(void)
{
    assert_true(str_equal(next_event(), STR("[DONE]")));
    assert_int_equal(events_left.len, 0);
    assert_true(fake_reply.is_finished);
    assert_false(fake_reply.is_aborted);
}

void expect_error_event(const char *type)
{
    yyjson_val *error = yyjson_obj_get(next_json(), "error");

    assert_non_null(error);
    if (type)
        expect_str(error, "type", type);
    assert_int_equal(events_left.len, 0);
    assert_true(fake_reply.is_finished);
}

void expect_error(int status, const char *code)
{
    yyjson_val *error = yyjson_obj_get(rig_reply_json(), "error");

    assert_int_equal(fake_reply.status, status);
    assert_true(fake_reply.is_finished);
    assert_non_null(error);
    if (code)
        expect_str(error, "code", code);
    else
        assert_true(yyjson_is_null(yyjson_obj_get(error, "code")));
}

void open_stream(const char *deployment, const char *body)
{
    rig_chat(deployment, body);
    assert_non_null(fake_engine.call);
    fake_engine_head(200, "text/event-stream; charset=utf-8");
}

int reply_tear_down(void **state)
{
    arena_free(parsed);
    parsed = NULL;
    return rig_tear_down(state);
}
