/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "serving.h"

#define CHUNKED_HEAD "HTTP/1.1 200 OK\r\nDate: *\r\nTransfer-Encoding: chunked\r\n"

/* -- Whole replies ----------------------------------------------------------------------------- */

static void reply_with_headers(struct http_request *r)
{
    struct http_header items[] = {
        { STR("Content-Type"), STR("text/plain") }, { STR("content-length"), STR("999") },
        { STR("Transfer-Encoding"), STR("gzip") },  { STR("Date"), STR("yesterday") },
        { STR("Keep-Alive"), STR("timeout=1") },    { STR("X-Split"), STR("a\r\nb") },
    };
    struct http_headers headers = { .items = items, .count = ARRAY_LEN(items) };

    http_reply_with_phrase(r, 403, "Not\rToday", &headers, STR("no"));
}

static void owns_some_headers(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = reply_with_headers;
    feed(s, GET, 0);
    expect_written(s, "HTTP/1.1 403 Not Today\r\nDate: *\r\nContent-Type: text/plain\r\n"
                      "X-Split: a  b\r\nContent-Length: 2\r\n\r\nno");
    assert_false(s->is_closed);
}

static void reply_and_close(struct http_request *r)
{
    struct http_header item = { STR("Connection"), STR("close") };
    struct http_headers headers = { .items = &item, .count = 1 };

    http_reply(r, 200, &headers, STR_NONE);
}

static void closes_when_the_handler_says_so(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = reply_and_close;
    feed(s, GET, 0);
    expect_written(s, OK_HEAD("0") "Connection: close\r\n\r\n");
    assert_true(s->is_closed && s->is_flushed);
}

static void reply_204(struct http_request *r)
{
    http_reply(r, 204, NULL, STR("not to be sent"));
}

static void start_304(struct http_request *r)
{
    http_reply_start(r, 304, NULL, STR_NONE);
    http_reply_chunk(r, STR("not to be sent"));
    http_reply_last_chunk(r, STR_NONE);
}

static void sends_no_body_where_none_belongs(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = reply_204;
    feed(s, GET, 0);
    expect_written(s, "HTTP/1.1 204 No Content\r\nDate: *\r\n\r\n");
    do_on_body = start_304;
    feed(s, GET, 0);
    expect_written(s, "HTTP/1.1 304 Not Modified\r\nDate: *\r\n\r\n");
    assert_false(s->is_closed);
}

static const char *arena_text_after_reply;

static void use_after_reply(struct http_request *r)
{
    char *text = arena_text(r->arena, STR("still here"));

    http_reply(r, 200, NULL, STR_NONE);
    expect(r->path, "/g");
    arena_text_after_reply = text;
    assert_string_equal(text, "still here");
}

static void set_freed(void *data)
{
    *(bool *)data = true;
}

static bool is_freed;

static void defer_and_keep(struct http_request *r)
{
    arena_defer(r->arena, set_freed, &is_freed);
    keep(r);
}

static void frees_the_request_at_the_end_of_the_turn(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = use_after_reply;
    feed(s, GET, 0);
    expect_written(s, OK_HEAD("0") "\r\n");
    is_freed = false;
    do_on_body = defer_and_keep;
    feed(s, GET, 0);
    turn();
    assert_false(is_freed);
    assert_int_equal(http_server_stats(server).requests_active, 1);
    http_reply(kept, 200, NULL, STR("late"));
    assert_false(is_freed);
    assert_int_equal(http_server_stats(server).requests_active, 0);
    turn();
    assert_true(is_freed);
    expect_written(s, OK_HEAD("4") "\r\nlate");
}

/* -- Replies in chunks ------------------------------------------------------------------------- */

/* Writing the head by itself would cost 40 ms where the client's kernel delays its
 * acknowledgement. */
static void sends_the_head_with_the_first_chunk(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = keep;
    feed(s, GET, 0);
    http_reply_start(kept, 200, NULL, STR_NONE);
    assert_int_equal(s->writes, 0);
    http_reply_chunk(kept, STR("first"));
    assert_int_equal(s->writes, 1);
    expect(without_date(fake_written(s)), CHUNKED_HEAD "\r\n5\r\nfirst\r\n");
    http_reply_chunk(kept, STR_NONE);
    assert_int_equal(s->writes, 1);
    http_reply_chunk(kept, STR("the second chunk"));
    assert_int_equal(s->writes, 2);
    expect_written(s, "10\r\nthe second chunk\r\n");
    http_reply_last_chunk(kept, STR("last"));
    assert_int_equal(s->writes, 3);
    expect_written(s, "4\r\nlast\r\n0\r\n\r\n");
    assert_false(s->is_closed);
    feed(s, GET, 0);
    assert_int_equal(heads, 2);
    http_reply_start(kept, 200, NULL, STR_NONE);
    http_reply_last_chunk(kept, STR_NONE);
    expect_written(s, CHUNKED_HEAD "\r\n0\r\n\r\n");
    assert_int_equal(s->writes, 4);
}

static void sends_a_head_alone_at_the_end_of_the_turn(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = start_and_keep;
    feed(s, GET, 0);
    expect_written(s, CHUNKED_HEAD "\r\n");
    http_reply_chunk(kept, STR("x"));
    http_reply_last_chunk(kept, STR_NONE);
    expect_written(s, "1\r\nx\r\n0\r\n\r\n");
}

static void sends_http10_no_chunks(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = start_and_keep;
    feed(s, STR("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 0);
    http_reply_chunk(kept, STR("plain"));
    http_reply_last_chunk(kept, STR_NONE);
    expect_written(s, "HTTP/1.1 200 OK\r\nDate: *\r\nConnection: close\r\n\r\nplain");
    assert_true(s->is_closed && s->is_flushed);
    /* its end is the connection's, also with some of the body still to come */
    s = client();
    do_on_head = start_and_keep;
    feed(s, STR("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n12"), 0);
    http_reply_last_chunk(kept, STR("plain"));
    turn();
    assert_true(s->is_shut && s->is_reading);
}

static void sends_a_head_request_no_chunks(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = start_and_keep;
    feed(s, STR("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
    http_reply_chunk(kept, STR("not to be sent"));
    http_reply_last_chunk(kept, STR_NONE);
    expect_written(s, CHUNKED_HEAD "\r\n");
    assert_false(s->is_closed);
}

static void cuts_what_is_aborted(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = start_and_keep;
    feed(s, GET, 0);
    http_reply_chunk(kept, STR("half"));
    http_reply_abort(kept);
    turn();
    assert_true(s->is_closed && !s->is_flushed);
    assert_false(str_ends_with(fake_written(s), STR("0\r\n\r\n")));
    s = client();
    do_on_body = abort_request;
    feed(s, GET, 0);
    turn();
    assert_true(s->is_closed && !s->is_flushed);
    assert_int_equal(s->writes, 0);
    assert_int_equal(gones, 0);
}

static struct stream *looked_at;

static void start_and_say_what_chunks_look_at(struct http_request *r)
{
    struct prefetch p = { 0 };

    http_reply_start(r, 200, NULL, STR_NONE);
    http_reply_prefetch(r, &p);
    assert_int_equal(p.count, HTTP_REPLY_PREFETCH_PLACES);
    assert_ptr_equal(p.at[0], &r->has_secrets);
    assert_ptr_equal(p.at[2], looked_at);
    http_reply_last_chunk(r, STR_NONE);
}

static void says_what_chunks_look_at(void **state)
{
    (void)state;
    do_on_body = start_and_say_what_chunks_look_at;
    looked_at = client();
    feed(looked_at, GET, 0);
    assert_true(str_ends_with(fake_written(looked_at), STR("\r\n0\r\n\r\n")));
}

/* -- Backpressure ------------------------------------------------------------------------------ */

static unsigned produced;

/* As much as the client takes, up to 1000 chunks of 100 bytes. */
static void produce(struct http_request *r)
{
    static const char chunk[100] = "100 bytes";

    while (produced < 1000 && !http_reply_is_full(r)) {
        http_reply_chunk(r, str_of(chunk, sizeof(chunk)));
        produced++;
    }
    if (produced == 1000)
        http_reply_last_chunk(r, STR_NONE);
}

static void start_producing(struct http_request *r)
{
    http_reply_start(r, 200, NULL, STR_NONE);
    produce(r);
}

static void holds_a_slow_clients_producer_back(void **state)
{
    struct stream *s;
    size_t highest = 0;

    (void)state;
    limits.reply_high_bytes = 1000;
    produced = 0;
    do_on_body = start_producing;
    do_on_drain = produce;
    s = client();
    s->window = 10;
    feed(s, GET, 0);
    assert_true(produced < 20);
    while (produced < 1000 && drains < 1000) {
        if (stream_pending(s) > highest)
            highest = stream_pending(s);
        fake_take(s, 300);
        turn();
    }
    assert_int_equal(produced, 1000);
    assert_true(highest >= 1000 && highest < 1300);
    assert_true(drains > 50);
    fake_take(s, SIZE_MAX / 2);
    turn();
    assert_true(str_ends_with(fake_written(s), STR("\r\n0\r\n\r\n")));
    /* the next request is taken once all is out */
    do_on_body = reply_body;
    feed(s, GET, 0);
    expect_written(s, OK_HEAD("0") "\r\n");
}

static void reply_in_one_large_chunk(struct http_request *r)
{
    http_reply_start(r, 200, NULL, STR_NONE);
    http_reply_chunk(r, STR("more than the high mark"));
    assert_true(http_reply_is_full(r));
    http_reply_last_chunk(r, STR_NONE);
}

static void asks_for_no_more_of_what_is_finished(void **state)
{
    struct stream *s;

    (void)state;
    limits.reply_high_bytes = 10;
    do_on_body = reply_in_one_large_chunk;
    s = client();
    s->window = 0;
    feed(s, GET, 0);
    turn();
    fake_take(s, 1000);
    turn();
    assert_int_equal(drains, 0);
}

static void takes_no_request_before_the_reply_is_out(void **state)
{
    struct stream *s = client();

    (void)state;
    s->window = 10;
    feed(s, GET, 0);
    turn();
    feed(s, GET, 0);
    turn();
    assert_int_equal(heads, 1);
    fake_take(s, 1000);
    turn();
    assert_int_equal(heads, 2);
}

/* -- 100-continue ------------------------------------------------------------------------------ */

#define EXPECTING POST("Expect: 100-Continue\r\nContent-Length: 2\r\n", "")

static void reply_401(struct http_request *r)
{
    http_reply(r, 401, NULL, STR("no"));
}

static void lets_a_waiting_client_go_on(void **state)
{
    struct stream *s = client();

    (void)state;
    feed(s, EXPECTING, 0);
    expect_written(s, "HTTP/1.1 100 Continue\r\n\r\n");
    feed(s, STR("ab"), 0);
    expect_written(s, OK_HEAD("2") "\r\nab");
    /* not one that did not wait, nor one that has nothing to send */
    feed(s, POST("Expect: 100-continue\r\nContent-Length: 2\r\n", "ab"), 0);
    expect_written(s, OK_HEAD("2") "\r\nab");
    feed(s, POST("Expect: 100-continue\r\nContent-Length: 0\r\n", ""), 0);
    expect_written(s, OK_HEAD("0") "\r\n");
}

static void lets_a_refused_client_not_go_on(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_head = reply_401;
    feed(s, EXPECTING, 0);
    expect_written(s, "HTTP/1.1 401 Unauthorized\r\nDate: *\r\nContent-Length: 2\r\n"
                      "Connection: close\r\n\r\nno");
    /* whether the body comes or not cannot be known */
    assert_false(s->is_closed);
    feed(s, STR("ab"), 0);
    feed(s, GET, 0);
    turn();
    assert_int_equal(heads, 1);
    fake_end(s, STREAM_END_EOF);
    turn();
    assert_true(s->is_closed);
}

static void lets_an_aborted_client_not_go_on(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_head = abort_request;
    feed(s, EXPECTING, 0);
    turn();
    assert_int_equal(s->writes, 0);
    assert_true(s->is_closed);
}

/* -- Replies before the body is there ---------------------------------------------------------- */

static void keeps_the_connection_over_a_short_body(void **state)
{
    static const size_t steps[] = { 0, 1, 3 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct stream *s = client();

        bodies = 0;
        do_on_head = reply_401;
        feed(s, POST("Content-Length: 5\r\n", "12"), steps[i]);
        expect_written(s, "HTTP/1.1 401 Unauthorized\r\nDate: *\r\nContent-Length: 2\r\n\r\nno");
        feed(s, STR("345"), steps[i]);
        turn();
        do_on_head = NULL;
        feed(s, GET, steps[i]);
        expect_written(s, OK_HEAD("0") "\r\n");
        assert_int_equal(bodies, 1);
        do_on_head = reply_401;
        feed(s, POST("Transfer-Encoding: chunked\r\n", "5\r\nabcde\r\n0\r\n\r\n"), steps[i]);
        expect_written(s, "HTTP/1.1 401 Unauthorized\r\nDate: *\r\nContent-Length: 2\r\n\r\nno");
        do_on_head = NULL;
        feed(s, GET, steps[i]);
        expect_written(s, OK_HEAD("0") "\r\n");
    }
}

static void closes_over_a_long_body(void **state)
{
    static const char block[10000];
    struct stream *s = client();
    size_t fed = 0;

    (void)state;
    do_on_head = reply_401;
    feed(s, POST("Content-Length: 10000000\r\n", "12"), 0);
    expect_written(s, "HTTP/1.1 401 Unauthorized\r\nDate: *\r\nContent-Length: 2\r\n"
                      "Connection: close\r\n\r\nno");
    while (fed < 9999998) {
        size_t len = 9999998 - fed < sizeof(block) ? 9999998 - fed : sizeof(block);

        assert_int_equal(feed(s, str_of(block, len), 0), len);
        fed += len;
        turn();
    }
    assert_false(s->is_closed);
    fake_end(s, STREAM_END_EOF);
    turn();
    assert_true(s->is_closed);
}

static void reads_on_only_so_far(void **state)
{
    static const char block[10000];
    struct stream *s;
    size_t fed = 0;

    (void)state;
    limits.body_bytes_max = 1000000;
    s = client();
    feed(s, POST("Content-Length: 1000001\r\n", ""), 0);
    expect_refused(s, "TOO_LARGE"); /* before a byte of the body has come */
    while (!s->is_closed && fed < 2000000) {
        feed(s, str_of(block, sizeof(block)), 0);
        fed += sizeof(block);
        turn();
    }
    assert_true(s->is_closed && fed > 990000 && fed < 1100000);
}

static void closes_over_an_endless_chunked_body(void **state)
{
    struct stream *s = client();
    size_t fed = 0;

    (void)state;
    do_on_head = reply_401;
    feed(s, POST("Transfer-Encoding: chunked\r\n", ""), 0);
    turn();
    while (s->is_reading && !s->is_closed && fed < 100000000) {
        feed(s, STR("14\r\n01234567890123456789\r\n"), 0);
        fed += 26;
    }
    turn();
    assert_true(s->is_closed && fed < 40000000);
    assert_int_equal(errors, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, serving_set_up, serving_tear_down)
        TEST(owns_some_headers),
        TEST(closes_when_the_handler_says_so),
        TEST(sends_no_body_where_none_belongs),
        TEST(frees_the_request_at_the_end_of_the_turn),
        TEST(sends_the_head_with_the_first_chunk),
        TEST(sends_a_head_alone_at_the_end_of_the_turn),
        TEST(sends_http10_no_chunks),
        TEST(sends_a_head_request_no_chunks),
        TEST(cuts_what_is_aborted),
        TEST(says_what_chunks_look_at),
        TEST(holds_a_slow_clients_producer_back),
        TEST(asks_for_no_more_of_what_is_finished),
        TEST(takes_no_request_before_the_reply_is_out),
        TEST(lets_a_waiting_client_go_on),
        TEST(lets_a_refused_client_not_go_on),
        TEST(lets_an_aborted_client_not_go_on),
        TEST(keeps_the_connection_over_a_short_body),
        TEST(closes_over_a_long_body),
        TEST(reads_on_only_so_far),
        TEST(closes_over_an_endless_chunked_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
