/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "calling.h"
#include "net/http_client_private.h"

/* -- Connections that end ---------------------------------------------------------------------- */

static void fails_when_it_is_closed_early(void **state)
{
    struct stream *reset;
    static const struct str so_far[] = {
        STR(""),
        STR("HTTP/1.1 20"),
        STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"),
        STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(so_far) * 2; i++) {
        struct stream *s = connected(&first);

        fake_feed(s, so_far[i / 2], 0);
        fake_end(s, i % 2 ? STREAM_END_EOF : STREAM_END_RESET);
        assert_int_equal(first.ends, 1);
        assert_true(str_ends_with(buf_str(&first.text), STR("|closed")));
        assert_true(s->is_closed);
        assert_null(fake_connecting());
        clear(&first);
    }
    /* an answer to the end is only whole when its end is in order */
    reset = connected(&first);
    fake_feed(reset, STR("HTTP/1.1 200 OK\r\n\r\nab"), 0);
    fake_end(reset, STREAM_END_RESET);
    expect(&first, "200|ab|closed");
}

static struct stream *kept_alive(void)
{
    struct stream *s = connected(&first);

    fake_feed(s, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 0);
    assert_false(s->is_closed);
    clear(&first);
    return s;
}

static void sends_again_what_met_a_closed_connection(void **state)
{
    struct stream *stale, *fresh;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        stale = kept_alive();
        stale->is_broken = i;
        send_get(&first);
        fake_end(stale, i ? STREAM_END_RESET : STREAM_END_EOF);
        assert_true(stale->is_closed);
        assert_int_equal(first.ends, 0);
        fresh = fake_connecting();
        assert_non_null(fresh);
        fake_connected(fresh);
        assert_true(str_starts_with(fake_written(fresh), STR("GET /g HTTP/1.1\r\n")));
        fake_feed(fresh, STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), 0);
        expect(&first, "200 Content-Length=2|ok|end");
        clear(&first);
        fake_end(fresh, STREAM_END_EOF);
    }
}

static unsigned noted(const struct result *result, const void *at)
{
    const struct prefetch *p = &result->call->link->prefetch;

    if (p->count)
        assert_ptr_equal(p->at[0], at);
    return p->count;
}

static void notes_what_the_call_in_hand_looks_at(void **state)
{
    struct prefetch mine = { 0 };
    struct stream *stale, *fresh;

    (void)state;
    stale = kept_alive();
    prefetch_add(&mine, &first, 2);
    prefetch_add(&mine, &second, 1);
    get.prefetch = &mine;
    send_get(&first);
    assert_int_equal(noted(&first, &first), 2);
    fake_end(stale, STREAM_END_EOF); /* it is sent again */
    assert_int_equal(noted(&first, &first), 2);
    fresh = fake_connecting();
    fake_connected(fresh);
    fake_feed(fresh, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 0);
    expect(&first, "200 Content-Length=0||end");
    clear(&first);

    get.prefetch = NULL; /* on the same connection */
    send_get(&first);
    assert_int_equal(noted(&first, NULL), 0);
    http_client_cancel(first.call);
}

static void sends_again_only_once_and_only_so(void **state)
{
    struct stream *stale = kept_alive(), *fresh;

    (void)state;
    send_get(&first);
    fake_end(stale, STREAM_END_EOF);
    fresh = fake_connecting();
    fake_connected(fresh);
    fake_end(fresh, STREAM_END_EOF);
    expect(&first, "|closed");
    assert_null(fake_connecting());
    clear(&first);
    /* not when a byte has come */
    stale = kept_alive();
    send_get(&first);
    fake_feed(stale, STR("H"), 0);
    fake_end(stale, STREAM_END_EOF);
    expect(&first, "|closed");
    assert_null(fake_connecting());
}

/* However much of it came at once. */
static void takes_a_large_head_in_pieces(void **state)
{
    static char head[60000];
    const struct str beginning = STR("HTTP/1.1 200 OK\r\nX: ");

    (void)state;
    for (size_t len = 3000; len < sizeof(head); len += 9500) {
        struct stream *s = connected(&first);

        memset(head, 'a', len);
        memcpy(head, beginning.data, beginning.len);
        fake_feed(s, str_of(head, len), 0);
        assert_int_equal(first.ends, 0);
        fake_feed(s, STR("b\r\nContent-Length: 2\r\n\r\nok"), 0);
        assert_true(str_starts_with(buf_str(&first.text), STR("200 X=aaa")));
        assert_true(str_ends_with(buf_str(&first.text), STR("aab Content-Length=2|ok|end")));
        clear(&first);
        fake_end(s, STREAM_END_EOF);
    }
}

static void keeps_none_that_has_not_taken_all(void **state)
{
    struct stream *s = kept_alive();

    (void)state;
    s->window = s->out.end + 10;
    send_get(&first);
    fake_feed(s, STR("HTTP/1.1 204 No Content\r\n\r\n"), 0);
    expect(&first, "204||end");
    assert_true(s->is_closed);
}

static void closes_what_speaks_unasked(void **state)
{
    struct stream *s = kept_alive();

    (void)state;
    fake_feed(s, STR("HTTP/1.1 200 OK\r\n"), 0);
    assert_true(s->is_closed);
    send_get(&first);
    assert_non_null(fake_connecting());
}

static void tells_what_could_not_be_reached(void **state)
{
    struct stream *s;

    (void)state;
    start();
    send_get(&first);
    s = fake_connecting();
    fake_refuse(s);
    expect(&first, "|connect");
    assert_true(s->is_closed);
}

/* -- Cancelling and pausing -------------------------------------------------------------------- */

static void cancels_anywhere(void **state)
{
    static const struct str answer = STR("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody");
    struct stream *s;

    (void)state;
    start();
    send_get(&first); /* while it connects */
    s = fake_connecting();
    http_client_cancel(first.call);
    assert_true(s->is_closed && !s->is_flushed);
    s = connected(&first);
    http_client_cancel(first.call);
    assert_true(s->is_closed);
    s = connected(&first);
    fake_feed(s, str_slice(answer, 0, 39), 0);
    http_client_cancel(first.call);
    assert_true(s->is_closed);
    expect(&first, "200 Content-Length=4|b");
    clear(&first);
    first.cancels_on_head = true;
    s = connected(&first);
    fake_feed(s, answer, 0);
    assert_true(s->is_closed);
    expect(&first, "200 Content-Length=4|");
    clear(&first);
    first.cancels_on_head = false;
    first.cancels_on_body = true;
    s = connected(&first);
    fake_feed(s, answer, 1);
    assert_true(s->is_closed);
    expect(&first, "200 Content-Length=4|b");
    clear(&first);
    first.cancels_on_body = false;
    first.cancels_on_last = true; /* too late to do anything */
    s = connected(&first);
    fake_feed(s, answer, 0);
    assert_false(s->is_closed);
    expect(&first, "200 Content-Length=4|body|end");
    clear(&first);
    send_get(&first);
    fake_feed(s, STR("nonsense"), 0);
    expect(&first, "|malformed");
}

static void sends_the_next_in_the_last_callback(void **state)
{
    struct stream *s;

    (void)state;
    first.sends_next = &second;
    s = connected(&first);
    fake_feed(s, STR("HTTP/1.1 200 OK\r\nContent-"), 0); /* in pieces */
    fake_feed(s, STR("Length: 1\r\n\r\nx"), 0);
    assert_null(fake_connecting());
    assert_int_equal(s->writes, 2);
    fake_feed(s, STR("HTTP/1.1 204 No"), 0);
    for (unsigned i = 0; i < 1000; i++)
        fake_feed(s, STR(" long"), 0);
    fake_feed(s, STR("\r\n\r\n"), 0);
    expect(&second, "204||end");
}

static void on_end_close(void *data)
{
    on_end(data);
    http_client_close(client, on_closed, &is_closed);
    client = NULL;
}

static void closes_in_a_callback(void **state)
{
    struct http_client_events closing = events;
    struct stream *s, *other;

    (void)state;
    other = connected(&second);
    closing.on_end = on_end_close;
    http_client_send(client, &get, &closing, &first);
    s = fake_connecting();
    fake_connected(s);
    fake_feed(s, STR("HTTP/1.1 204 No Content\r\n\r\n"), 0);
    assert_true(s->is_closed && other->is_closed);
    expect(&first, "204||end");
    expect(&second, "");
    while (!is_closed)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

static void pauses_and_resumes(void **state)
{
    struct stream *s;

    (void)state;
    first.pauses_on_head = true;
    s = connected(&first);
    assert_true(s->is_reading);
    fake_feed(s, STR("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab"), 0);
    assert_false(s->is_reading);
    expect(&first, "200 Content-Length=6|ab"); /* of the same read */
    assert_int_equal(fake_feed(s, STR("cd"), 0), 0);
    http_client_pause(first.call);
    http_client_resume(first.call);
    http_client_resume(first.call);
    assert_true(s->is_reading);
    fake_feed(s, STR("cd"), 0);
    http_client_pause(first.call);
    http_client_resume(first.call);
    fake_feed(s, STR("ef"), 0);
    expect(&first, "200 Content-Length=6|abcdef|end");
    clear(&first);
    /* paused at its end: the connection serves the next call all the same */
    send_get(&first);
    fake_feed(s, STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!"), 0);
    expect(&first, "200 Content-Length=1|!|end");
    assert_true(s->is_reading && !s->is_closed);
}

/* -- The pool ---------------------------------------------------------------------------------- */

static void uses_the_connection_used_last(void **state)
{
    struct stream *a = connected(&first), *b = connected(&second);
    static const struct str ok = STR("HTTP/1.1 204 No Content\r\n\r\n");

    (void)state;
    fake_feed(a, ok, 0);
    fake_feed(b, ok, 0);
    clear(&first);
    send_get(&first);
    assert_int_equal(b->writes, 2);
    assert_int_equal(a->writes, 1);
}

static void keeps_only_so_many(void **state)
{
    struct stream *a, *b;
    static const struct str ok = STR("HTTP/1.1 204 No Content\r\n\r\n");

    (void)state;
    options.idle_max = 1;
    a = connected(&first);
    b = connected(&second);
    fake_feed(a, ok, 0);
    fake_feed(b, ok, 0);
    assert_true(a->is_closed);
    assert_false(b->is_closed);
    options.idle_max = 64;
}

static void keeps_none_when_told_so(void **state)
{
    struct stream *s;

    (void)state;
    options.idle_max = 0;
    s = connected(&first);
    fake_feed(s, STR("HTTP/1.1 204 No Content\r\n\r\n"), 0);
    expect(&first, "204||end");
    assert_true(s->is_closed);
}

static void shares_no_connection_between_addresses(void **state)
{
    static const struct stream_address others[] = {
        { .host = "127.0.0.1", .port = 8081 },
        { .host = "127.0.0.2", .port = 8080 },
        { .unix_path = "127.0.0.1" },
        { .host = "127.0.0.1", .port = 8080, .tls_server_name = "x" },
    };

    (void)state;
    kept_alive();
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        get.address = &others[i];
        send_get(&first);
        assert_non_null(fake_connecting());
        http_client_cancel(first.call);
    }
    get.address = &address;
    send_get(&first);
    assert_null(fake_connecting());
}

/* -- Time-outs --------------------------------------------------------------------------------- */

static void wait_for_end(struct result *result)
{
    while (!result->ends)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

static void times_heads_and_bodies(void **state)
{
    struct stream *s;

    (void)state;
    get.head_timeout_ms = 1;
    s = connected(&first);
    wait_for_end(&first);
    expect(&first, "|head timeout");
    assert_true(s->is_closed);
    clear(&first);
    get.head_timeout_ms = 3600000;
    get.idle_timeout_ms = 1;
    s = connected(&first);
    fake_feed(s, STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), 0);
    wait_for_end(&first);
    expect(&first, "200 Content-Length=9||idle timeout");
    assert_true(s->is_closed);
}

static void does_not_time_what_is_paused(void **state)
{
    struct stream *s;

    (void)state;
    get.idle_timeout_ms = 1;
    first.pauses_on_head = true;
    s = connected(&first);
    fake_feed(s, STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), 0);
    connected(&second);
    get.head_timeout_ms = 1;
    clear(&second);
    http_client_cancel(second.call);
    connected(&second);
    wait_for_end(&second); /* a sweep has passed */
    assert_int_equal(first.ends, 0);
    http_client_resume(first.call);
    wait_for_end(&first);
    expect(&first, "200 Content-Length=9|ab|idle timeout");
}

static void closes_idle_connections(void **state)
{
    struct stream *s;

    (void)state;
    options.idle_timeout_ms = 1;
    s = kept_alive();
    while (!s->is_closed)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    send_get(&first);
    assert_non_null(fake_connecting());
}

/* So many acknowledgements are put off by what comes in so many reads; the head and the first pieces
 * came before. */
static unsigned delayed_by(struct stream *s, const struct str *reads, unsigned count)
{
    unsigned before = s->acks_delayed;

    for (unsigned i = 0; i < count; i++)
        fake_feed(s, reads[i], 0);
    return s->acks_delayed - before;
}

/* So that what comes next was not written right behind what came before. */
static void let_time_pass(void)
{
    uint64_t from_ms = loop_now_ms(l);

    while (loop_now_ms(l) < from_ms + 6)
        uv_update_time(loop_uv(l));
}

static struct stream *streaming(const struct str *chunk)
{
    struct stream *s = connected(&first);

    fake_feed(s, STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), 0);
    for (unsigned i = 0; i < 4; i++) {
        let_time_pass();
        assert_int_equal(delayed_by(s, chunk, 1), 0);
    }
    return s;
}

static void puts_off_acknowledging_whole_chunks(void **state)
{
    static const struct str chunks[] = { STR("1\r\na\r\n"), STR("1\r\nb\r\n"),
                                         STR("1\r\nc\r\n0\r\n\r\n") };
    struct stream *s = streaming(chunks);

    (void)state;
    assert_int_equal(delayed_by(s, chunks, ARRAY_LEN(chunks)), 3);
    expect(&first, "200 Transfer-Encoding=chunked|aaaaabc|end");
}

static void acknowledges_at_once_what_may_be_waited_for(void **state)
{
    static const struct str whole = STR("1\r\na\r\n");
    static const struct str two[] = { STR("1\r\na\r\n1\r\nb\r\n"), whole };
    static const struct str part[] = { STR("2\r\na"), STR("b\r\n") };
    static const struct str in_chunk[] = { STR("1\r\na\r"), STR("\n") };
    static const struct str *const reads[] = { two, part, in_chunk };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(reads); i++) {
        struct stream *s = streaming(&whole);

        assert_int_equal(delayed_by(s, reads[i], 2), 1);
        http_client_cancel(first.call);
        clear(&first);
    }
}

static void puts_off_nothing_but_over_plain_tcp(void **state)
{
    static const struct str chunk = STR("1\r\na\r\n");
    struct error err;
    struct tls_context *tls = tls_context_new_client(NULL, &err);
    const struct stream_address at[] = {
        { .unix_path = "/run/engine" },
        { .host = "127.0.0.1", .port = 443, .tls = tls },
    };

    (void)state;
    assert_non_null(tls);
    for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
        get.address = &at[i];
        assert_int_equal(delayed_by(streaming(&chunk), &chunk, 1), 0);
        http_client_cancel(first.call);
        clear(&first);
    }
    tls_context_unref(tls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, calling_set_up, calling_tear_down)
        TEST(fails_when_it_is_closed_early),
        TEST(sends_again_what_met_a_closed_connection),
        TEST(notes_what_the_call_in_hand_looks_at),
        TEST(sends_again_only_once_and_only_so),
        TEST(takes_a_large_head_in_pieces),
        TEST(puts_off_acknowledging_whole_chunks),
        TEST(acknowledges_at_once_what_may_be_waited_for),
        TEST(puts_off_nothing_but_over_plain_tcp),
        TEST(keeps_none_that_has_not_taken_all),
        TEST(closes_what_speaks_unasked),
        TEST(tells_what_could_not_be_reached),
        TEST(cancels_anywhere),
        TEST(sends_the_next_in_the_last_callback),
        TEST(closes_in_a_callback),
        TEST(pauses_and_resumes),
        TEST(uses_the_connection_used_last),
        TEST(keeps_only_so_many),
        TEST(keeps_none_when_told_so),
        TEST(shares_no_connection_between_addresses),
        TEST(times_heads_and_bodies),
        TEST(does_not_time_what_is_paused),
        TEST(closes_idle_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
