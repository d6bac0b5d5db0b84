/* SPDX-License-Identifier: MIT */
#include "inference/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "rig.h"

static void expect_body(enum error_code code, const char *target, const char *text,
                        const char *wanted)
{
    struct arena *a = arena_new(NULL);
    struct error err;
    struct str body;

    error_set_target(&err, code, target, text ? "%s" : NULL, text);
    body = reply_error_body(a, &err);
    if (!str_equal(body, str_from(wanted)))
        fail_msg("%.*s\nnot %s", STR_ARGS(body), wanted);
    arena_free(a);
}

static void errors_have_azures_envelopes(void **state)
{
    (void)state;
    expect_body(ERROR_NO_DEPLOYMENT, NULL, "gone",
                "{\"error\":{\"code\":\"DeploymentNotFound\",\"message\": \"gone\"}}");
    expect_body(ERROR_NOT_FOUND, NULL, NULL,
                "{\"error\":{\"code\":\"404\",\"message\": \"Resource not found\"}}");
    expect_body(ERROR_MODEL_VALUE, "n", "too \"much\"\n",
                "{\"error\":{\"message\":\"too \\\"much\\\"\\n\",\"type\":"
                "\"invalid_request_error\",\"param\":\"n\",\"code\":\"invalid_value\"}}");
    expect_body(ERROR_MODEL_REQUEST, NULL, "no",
                "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\",\"param\":null,"
                "\"code\":null}}");
}

/* What went wrong inside is for the log. */
static void texts_of_our_own_failures_stay_here(void **state)
{
    static const enum error_code ours[] = { ERROR_STORE, ERROR_IO, ERROR_CONFIG };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        struct arena *a = arena_new(NULL);
        struct error err;
        struct str body;

        error_set(&err, ours[i], "/var/lib/lazuli.db: disk full");
        body = reply_error_body(a, &err);
        assert_int_equal(str_find(body, STR("lazuli.db")), SIZE_MAX);
        assert_int_not_equal(str_find(body, STR("\"message\":\"")), SIZE_MAX);
        arena_free(a);
    }
}

static void a_token_that_is_refused_has_its_own_form(void **state)
{
    static const char *const token[] = { "Authorization: Bearer eyJ0.eyJ1.c2ln", NULL };

    (void)state;
    rig_head("GET", "/openai/models" RIG_VERSION, token);
    assert_int_equal(fake_reply.status, 401);
    assert_true(str_starts_with(buf_str(&fake_reply.body), STR("{ \"statusCode\": 401, ")));
    assert_int_equal(yyjson_get_int(yyjson_obj_get(rig_reply_json(), "statusCode")), 401);
}

static void errors_of_the_server_itself_look_alike(void **state)
{
    struct http_request r = { .arena = arena_new(NULL) };
    struct http_headers headers;
    struct error err;
    struct str body;

    (void)state;
    error_set(&err, ERROR_TOO_LARGE, NULL);
    body = inference_render_error(&r, &err, &headers);
    assert_true(str_equal(body, STR("{\"error\":{\"code\":\"413\",\"message\":"
                                    "\"Request Entity Too Large\"}}")));
    assert_true(str_equal(http_headers_get(&headers, STR("Content-Type")), REPLY_JSON));
    arena_free(r.arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(errors_have_azures_envelopes),
        TEST(texts_of_our_own_failures_stay_here),
        TEST(a_token_that_is_refused_has_its_own_form),
        TEST(errors_of_the_server_itself_look_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
