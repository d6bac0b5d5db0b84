/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/upstream.h"
#include "fake_upstream.h"
#include "net/http_client_private.h"
#include "rig.h"

#define BODY "{\"messages\": [1,  2],\"unknown\":\"kept \xC3\xA4\"}"
#define STREAM "{\"stream\":true}"

static struct rig rig;
static struct fake_upstream a, b;
static char yaml[2048];

/* Two addresses, with more settings of the engine "u" in YAML's flow form. */
static const char *catalog_with(const char *more)
{
    snprintf(yaml, sizeof(yaml),
             "engines:\n"
             "  - name: u\n"
             "    upstream: { addresses: [{ url: 'http://127.0.0.1:%u/v1' },\n"
             "                            { url: 'http://127.0.0.1:%u/v1/' }]%s%s }\n",
             a.port, b.port, more[0] ? ", " : "", more);
    return yaml;
}

static void start(const char *more)
{
    rig = (struct rig){ 0 };
    rig_start(&rig, catalog_with(more), &(struct engines_options){ 0 });
}

static int set_up(void **state)
{
    (void)state;
    rig = (struct rig){ 0 };
    fake_upstream_start(&a, "a", FAKE_OK);
    fake_upstream_start(&b, "b", FAKE_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_stop(&rig, NULL, NULL);
    fake_upstream_stop(&a);
    fake_upstream_stop(&b);
    return 0;
}

/* One call's status; 0: it failed. */
static int call(void)
{
    struct rig_call c = { 0 };

    rig_call_run(&rig, &c, "u", ENGINE_CHAT, BODY);
    assert_true(c.has_ended || c.has_failed);
    rig_call_done(&c);
    return c.has_ended ? c.status : 0;
}

static enum error_code call_failing(const char *body)
{
    struct rig_call c = { 0 };

    rig_call_run(&rig, &c, "u", ENGINE_CHAT, body);
    assert_true(c.has_failed);
    rig_call_done(&c);
    return c.err.code;
}

static void is_asked(const struct fake_upstream *f, const char *text)
{
    if (!strstr(f->last_request, text))
        fail_msg("'%s' is not in '%s'", text, f->last_request);
}

/* -- Passing on ---------------------------------------------------------------------------- */

static void passes_bytes_on(void **state)
{
    struct rig_call c = { 0 };
    const struct fake_upstream *asked;

    (void)state;
    start("model: m");
    rig_call_run(&rig, &c, "u", ENGINE_CHAT, BODY);
    assert_int_equal(c.status, 200);
    asked = a.requests ? &a : &b;
    assert_string_equal(rig_call_text(&c), asked == &a ? "{\"from\":\"a\"}" : "{\"from\":\"b\"}");
    is_asked(asked, "POST /v1/chat/completions HTTP/1.1\r\n");
    is_asked(asked, "x-request-id: request-1\r\n");
    is_asked(asked, "\r\n\r\n" BODY);
    assert_null(strstr(asked->last_request, "uthorization"));
    rig_call_done(&c);
}

static unsigned places_of(const char *body)
{
    struct rig_call c = { 0 };
    struct upstream_call *own;
    unsigned count;

    for (unsigned i = 0; i < PREFETCH_PLACES_MAX - ENGINE_PREFETCH_PLACES; i++)
        prefetch_add(&c.request.prefetch, &c, 1);
    rig_call_start(&rig, &c, "u", ENGINE_CHAT, body);
    own = CONTAINER_OF(c.call, struct upstream_call, base);
    count = own->http->link->prefetch.count;
    for (unsigned i = 0; i < count; i++)
        assert_ptr_equal(own->http->link->prefetch.at[i], own->base.request.prefetch.at[i]);
    rig_wait(&rig, rig_call_is_over, &c);
    rig_call_done(&c);
    return count;
}

static void names_what_each_event_looks_at(void **state)
{
    (void)state;
    start("");
    assert_int_equal(places_of(STREAM), PREFETCH_PLACES_MAX);
    assert_int_equal(places_of(BODY), PREFETCH_PLACES_MAX - ENGINE_PREFETCH_PLACES);
}

static void names_deployment_and_key_as_azure_does(void **state)
{
    char key[] = "/tmp/lazuli-key-XXXXXX", more[512];
    int fd = mkstemp(key);
    struct rig_call c = { 0 };

    (void)state;
    assert_true(fd >= 0 && write(fd, " key-1 \n", 8) == 8);
    snprintf(more, sizeof(more),
             "engines:\n"
             "  - name: u\n"
             "    upstream: { api: azure, url: 'http://127.0.0.1:%u', api_key_file: %s }\n",
             a.port, key);
    rig_start(&rig, more, &(struct engines_options){ 0 });
    rig_call_run(&rig, &c, "u", ENGINE_EMBEDDINGS, BODY);
    assert_int_equal(c.status, 200);
    is_asked(&a, "POST /openai/deployments/my%20deployment/embeddings?api-version=2024-10-21 ");
    is_asked(&a, "api-key: key-1\r\n");
    rig_call_done(&c);
    /* A key that is rotated in its file counts from the next reload on. */
    assert_true(pwrite(fd, " key-2 \n", 8, 0) == 8);
    rig_reload(&rig, more);
    assert_int_equal(call(), 200);
    is_asked(&a, "api-key: key-2\r\n");
    close(fd);
    unlink(key);
}

/* Until its answer has begun, and is paused. */
static void begin_stream(struct rig_call *c)
{
    a.mode = b.mode = FAKE_STREAM;
    start("");
    rig_call_start(&rig, c, "u", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, c);
}

static void streams(void **state)
{
    struct rig_call c = { .pauses_after = 1 };

    (void)state;
    begin_stream(&c);
    engine_call_resume(c.call);
    rig_wait(&rig, rig_call_is_over, &c);
    assert_true(c.has_ended);
    assert_string_equal(c.content_type, "text/event-stream");
    assert_non_null(strstr(rig_call_text(&c), "data: [DONE]\n\n"));
    rig_call_done(&c);
}

static void calls_of_one_that_was_replaced_are_counted(void **state)
{
    struct rig_call c = { .pauses_after = 1 };

    (void)state;
    begin_stream(&c);
    rig_reload(&rig, catalog_with("connect_timeout_ms: 1234"));
    assert_int_equal(rig_status(&rig, "u").in_flight, 1);
    engine_call_resume(c.call);
    rig_wait(&rig, rig_call_is_over, &c);
    assert_true(c.has_ended);
    assert_int_equal(rig_status(&rig, "u").in_flight, 0);
    rig_call_done(&c);
}

static bool is_idle(void *data)
{
    (void)data;
    return rig_status(&rig, "u").in_flight == 0;
}

static void keeps_the_connection_of_a_complete_stream(void **state)
{
    (void)state;
    a.mode = FAKE_STREAM;
    fake_upstream_stop(&b);
    start("");
    for (int i = 0; i < 6; i++) {
        struct rig_call c = { .cancels = RIG_ON_DONE };

        rig_call_run(&rig, &c, "u", ENGINE_CHAT, STREAM);
        assert_false(c.has_ended || c.has_failed);
        rig_wait(&rig, is_idle, NULL);
        rig_call_done(&c);
    }
    assert_int_equal(a.requests, 6);
    assert_int_equal(a.connection_count, 1);
    for (int i = 0; i < 2; i++) { /* one that is left half-way is of no use any more */
        struct rig_call c = { .cancels = RIG_ON_BODY };

        rig_call_run(&rig, &c, "u", ENGINE_CHAT, STREAM);
        rig_wait(&rig, is_idle, NULL);
        rig_call_done(&c);
    }
    a.mode = FAKE_OK;
    assert_int_equal(call(), 200);
    assert_int_equal(a.connection_count, 3);
}

static void balances(void **state)
{
    (void)state;
    start("");
    for (int i = 0; i < 10; i++)
        assert_int_equal(call(), 200);
    assert_int_equal(a.requests, 5);
    assert_int_equal(b.requests, 5);
    assert_int_equal(rig_status(&rig, "u").in_flight, 0);
    assert_int_equal(rig_status(&rig, "u").addresses_up, 2);
}

/* -- Other addresses ----------------------------------------------------------------------- */

static void turns_to_another_address(void **state)
{
    (void)state;
    fake_upstream_stop(&a);
    start("");
    for (int i = 0; i < 10; i++)
        assert_int_equal(call(), 200);
    assert_int_equal(b.requests, 10);
    assert_int_equal(rig_status(&rig, "u").addresses_up, 1);
    assert_int_equal(rig_status(&rig, "u").addresses, 2);
}

static void tries_again_what_was_closed_before_the_head(void **state)
{
    (void)state;
    a.mode = FAKE_CLOSE;
    start("");
    for (int i = 0; i < 4; i++)
        assert_int_equal(call(), 200);
    b.mode = FAKE_CLOSE;
    assert_int_equal(call_failing(BODY), ERROR_BACKEND);
}

static void tries_again_what_a_gateway_refused(void **state)
{
    static const struct {
        enum fake_mode mode;
        int status;
        bool is_tried_again;
    } rows[] = {
        { FAKE_502, 502, true },  { FAKE_503, 503, true },  { FAKE_504, 504, true },
        { FAKE_500, 500, false }, { FAKE_404, 404, false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned before = a.requests;
        int seen[2];

        a.mode = rows[i].mode;
        start("");
        for (int n = 0; n < 2; n++) /* so that each is the first one once at least */
            seen[n] = call();
        assert_true(a.requests > before);
        assert_int_equal(seen[0] + seen[1], rows[i].is_tried_again ? 400 : 200 + rows[i].status);
        rig_stop(&rig, NULL, NULL);
    }
    a.mode = b.mode = FAKE_504;
    start("");
    assert_int_equal(call(), 504);
}

static void skips_who_asked_to_be_left_alone(void **state)
{
    (void)state;
    a.mode = FAKE_429;
    start("");
    for (int i = 0; i < 10; i++)
        assert_int_equal(call(), 200);
    assert_int_equal(a.requests, 1);
    assert_int_equal(b.requests, 10);
}

static void gives_the_refusal_when_all_refuse(void **state)
{
    struct rig_call c = { 0 };

    (void)state;
    a.mode = b.mode = FAKE_429;
    start("");
    for (int i = 0; i < 3; i++) {
        c = (struct rig_call){ 0 };
        rig_call_run(&rig, &c, "u", ENGINE_CHAT, BODY);
        assert_true(c.has_ended);
        assert_int_equal(c.status, 429);
        assert_string_equal(c.retry_after_ms, "60000");
        assert_string_equal(rig_call_text(&c), "{\"error\":\"busy\"}");
        rig_call_done(&c);
    }
    assert_int_equal(rig_status(&rig, "u").addresses_up, 2);
}

static void keeps_the_best_answer_that_there_was(void **state)
{
    struct rig_call c = { 0 }, on_head = { .cancels = RIG_ON_HEAD };
    struct rig_call on_body = { .cancels = RIG_ON_BODY };

    (void)state;
    a.mode = FAKE_503; /* without a word on when to come again */
    b.mode = FAKE_CLOSE;
    start("");
    /* Whichever comes first: 503 then nothing, or nothing then 503. */
    for (int i = 0; i < 2; i++) {
        c = (struct rig_call){ 0 };
        rig_call_run(&rig, &c, "u", ENGINE_CHAT, BODY);
        assert_int_equal(c.status, 503);
        assert_string_equal(rig_call_text(&c), "{\"error\":\"away\"}");
        assert_true(c.has_ended);
        rig_call_done(&c);
    }
    rig_stop(&rig, NULL, NULL);
    start("");
    rig_call_run(&rig, &on_head, "u", ENGINE_CHAT, BODY);
    rig_call_run(&rig, &on_body, "u", ENGINE_CHAT, BODY);
    assert_int_equal(on_head.bodies, 0);
    assert_int_equal(on_body.bodies, 1);
    assert_int_equal(rig_status(&rig, "u").in_flight, 0);
    rig_call_done(&on_head);
    rig_call_done(&on_body);
}

static void does_not_wait_for_a_huge_refusal(void **state)
{
    (void)state;
    a.mode = FAKE_BIG_429;
    start("");
    for (int i = 0; i < 2; i++)
        assert_int_equal(call(), 200);
    b.mode = FAKE_CLOSE;
    for (int i = 0; i < 2; i++) /* as it came, from the last address; else its head */
        assert_int_equal(call(), 429);
}

static void does_not_wait_for_a_refusal_that_hangs(void **state)
{
    struct rig_call c = { 0 };

    (void)state;
    a.mode = FAKE_HALF_429;
    start("");
    for (int i = 0; i < 2; i++)
        assert_int_equal(call(), 200);
    assert_true(a.halves > 0);
    rig_stop(&rig, NULL, NULL);
    fake_upstream_stop(&b); /* what there was is better than nothing */
    start("");
    rig_call_run(&rig, &c, "u", ENGINE_CHAT, BODY);
    assert_true(c.has_ended);
    assert_int_equal(c.status, 429);
    assert_int_equal(buf_len(&c.body), 0);
    rig_call_done(&c);
}

static bool has_half_an_answer(void *data)
{
    (void)data;
    return a.halves + b.halves > 0;
}

static void is_cancelled_while_it_keeps_an_answer(void **state)
{
    struct rig_call c;

    (void)state;
    a.mode = b.mode = FAKE_HALF_429;
    start("");
    for (int i = 0; i < 2; i++) {
        c = (struct rig_call){ 0 };
        rig_call_start(&rig, &c, "u", ENGINE_CHAT, BODY);
        if (i == 1) {
            rig_wait(&rig, has_half_an_answer, NULL);
            uv_run(loop_uv(rig.worker), UV_RUN_NOWAIT); /* reads it */
        }
        engine_call_cancel(c.call);
        c.call = NULL;
        rig_call_done(&c);
    }
    a.mode = b.mode = FAKE_OK;
    for (int i = 0; i < 4; i++)
        assert_int_equal(call(), 200);
    assert_int_equal(rig_status(&rig, "u").addresses_up, 2);
}

/* -- Failures ------------------------------------------------------------------------------ */

static void says_when_all_are_down(void **state)
{
    (void)state;
    fake_upstream_stop(&a);
    fake_upstream_stop(&b);
    start("");
    for (int i = 0; i < 10; i++)
        assert_int_equal(call_failing(BODY), ERROR_UNAVAILABLE);
    assert_int_equal(rig_status(&rig, "u").addresses_up, 0);
    assert_int_equal(rig_status(&rig, "u").state, ENGINE_FAILED);
    assert_string_equal(rig_status(&rig, "u").last_error, "none of its addresses is up");
}

static void waits_no_longer_than_told(void **state)
{
    (void)state;
    a.mode = b.mode = FAKE_HANG;
    start("first_byte_timeout_ms: 50");
    assert_int_equal(call_failing(BODY), ERROR_TIMEOUT);
    assert_int_equal(a.requests + b.requests, 1); /* it may have begun: not asked twice */
}

static void tells_a_stream_that_was_cut(void **state)
{
    struct rig_call c = { 0 };

    (void)state;
    a.mode = b.mode = FAKE_CUT;
    start("");
    rig_call_run(&rig, &c, "u", ENGINE_CHAT, STREAM);
    assert_true(c.has_failed);
    assert_int_equal(c.status, 200);
    assert_int_equal(c.err.code, ERROR_BACKEND);
    assert_int_equal(a.requests + b.requests, 1);
    rig_call_done(&c);
}

static void passes_errors_on_and_counts_them(void **state)
{
    (void)state;
    a.mode = FAKE_500;
    start("");
    for (int i = 0; i < 6; i++) {
        int status = call();

        assert_true(status == 200 || status == 500);
    }
    /* One after the other took turns, until the one that fails was ejected. */
    assert_int_equal(a.requests, 3);
    assert_int_equal(b.requests, 3);
    assert_int_equal(rig_status(&rig, "u").addresses_up, 1);
}

static bool has_one_up(void *data)
{
    (void)data;
    return rig_status(&rig, "u").addresses_up == 1;
}

static bool has_two_up(void *data)
{
    (void)data;
    return rig_status(&rig, "u").addresses_up == 2;
}

static void checks_health(void **state)
{
    (void)state;
    a.is_sick = true;
    start("health_path: /health, health_interval_ms: 100");
    rig_wait(&rig, has_one_up, NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(call(), 200);
    assert_int_equal(a.requests, 0);
    a.is_sick = false;
    rig_wait(&rig, has_two_up, NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(call(), 200);
    assert_int_equal(a.requests, 2);
    assert_int_equal(rig_status(&rig, "u").state, ENGINE_READY);
    a.is_sick = b.is_sick = true;
    rig_wait_state(&rig, "u", ENGINE_FAILED);
    b.is_sick = false;
    rig_wait_state(&rig, "u", ENGINE_READY);
}

static bool has_none_up(void *data)
{
    (void)data;
    return rig_status(&rig, "u").addresses_up == 0;
}

static void tries_what_is_down_when_nothing_is_up(void **state)
{
    (void)state;
    a.is_sick = b.is_sick = true;
    a.mode = FAKE_CLOSE;
    start("health_path: /health, health_interval_ms: 100");
    rig_wait(&rig, has_none_up, NULL);
    for (int i = 0; i < 10; i++)
        assert_int_equal(call(), 200);
    assert_int_equal(b.requests, 10);
    assert_int_equal(rig_status(&rig, "u").state, ENGINE_FAILED);
    a.is_sick = b.is_sick = false;
    rig_wait(&rig, has_two_up, NULL);
}

static void fails_without(const char *address, const char *reason)
{
    char text[512];
    struct rig_call c = { 0 };

    snprintf(text, sizeof(text), "engines:\n  - name: u\n    upstream: { %s }\n", address);
    rig = (struct rig){ 0 };
    rig_start(&rig, text, &(struct engines_options){ 0 });
    assert_int_equal(rig_status(&rig, "u").state, ENGINE_FAILED);
    rig_call_run(&rig, &c, "u", ENGINE_CHAT, BODY);
    assert_true(c.has_failed);
    assert_int_equal(c.err.code, ERROR_UNAVAILABLE);
    if (!strstr(c.err.text, reason))
        fail_msg("'%s' does not say '%s'", c.err.text, reason);
    rig_call_done(&c);
    rig_stop(&rig, NULL, NULL);
}

static void says_what_is_missing(void **state)
{
    char empty[] = "/tmp/lazuli-empty-XXXXXX", address[128];
    int fd;

    (void)state;
    unsetenv("LAZULI_TEST_NO_KEY");
    fails_without("url: 'http://127.0.0.1:1', api_key_env: LAZULI_TEST_NO_KEY",
                  "LAZULI_TEST_NO_KEY holds no key");
    fails_without("url: 'http://127.0.0.1:1', api_key_file: /nonexistent/key",
                  "cannot read the key file /nonexistent/key");
    fails_without("url: 'http://127.0.0.1:1', api_key_file: /dev/null", "it is not a regular file");
    fd = mkstemp(empty);
    assert_true(fd >= 0);
    close(fd);
    snprintf(address, sizeof(address), "url: 'http://127.0.0.1:1', api_key_file: %s", empty);
    fails_without(address, "holds no key");
    unlink(empty);
    fails_without("url: 'https://127.0.0.1:1', ca_file: /nonexistent/ca.pem", "/nonexistent/ca");
    start("");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(passes_bytes_on),
        TEST(names_what_each_event_looks_at),
        TEST(names_deployment_and_key_as_azure_does),
        TEST(calls_of_one_that_was_replaced_are_counted),
        TEST(streams),
        TEST(keeps_the_connection_of_a_complete_stream),
        TEST(balances),
        TEST(turns_to_another_address),
        TEST(tries_again_what_was_closed_before_the_head),
        TEST(tries_again_what_a_gateway_refused),
        TEST(skips_who_asked_to_be_left_alone),
        TEST(gives_the_refusal_when_all_refuse),
        TEST(keeps_the_best_answer_that_there_was),
        TEST(does_not_wait_for_a_huge_refusal),
        TEST(does_not_wait_for_a_refusal_that_hangs),
        TEST(is_cancelled_while_it_keeps_an_answer),
        TEST(says_when_all_are_down),
        TEST(waits_no_longer_than_told),
        TEST(tells_a_stream_that_was_cut),
        TEST(passes_errors_on_and_counts_them),
        TEST(checks_health),
        TEST(tries_what_is_down_when_nothing_is_up),
        TEST(says_what_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
