/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_stream.h"
#include "net/http_client.h"

static struct loop *l;
static struct http_client *client;
static struct http_client_options options;
static bool is_closed;

static const struct stream_address address = { .host = "127.0.0.1", .port = 8080 };

/* What came back: "status name=value...|body|end" or "...|failure N". */
struct result {
    struct buf text;
    unsigned ends;
    struct http_client_call *call;
    bool cancels_on_head, cancels_on_body, cancels_on_last, pauses_on_head;
    struct result *sends_next; /* in its last callback */
};

static struct result first, second;

static void send_get(struct result *result);

static void note(struct result *result, struct str s)
{
    assert_true(buf_append(&result->text, s));
}

static void on_head(void *data, int status, const struct http_headers *headers)
{
    struct result *result = data;

    assert_int_equal(result->ends, 0);
    assert_true(buf_printf(&result->text, "%d", status));
    for (size_t i = 0; i < headers->count; i++)
        assert_true(buf_printf(&result->text, " %.*s=%.*s", STR_ARGS(headers->items[i].name),
                               STR_ARGS(headers->items[i].value)));
    note(result, STR("|"));
    if (result->cancels_on_head)
        http_client_cancel(result->call);
    if (result->pauses_on_head)
        http_client_pause(result->call);
}

static void on_body(void *data, struct str bytes)
{
    struct result *result = data;

    assert_int_equal(result->ends, 0);
    note(result, bytes);
    if (result->cancels_on_body)
        http_client_cancel(result->call);
}

static void on_last(struct result *result)
{
    assert_int_equal(result->ends++, 0);
    if (result->cancels_on_last)
        http_client_cancel(result->call);
    if (result->sends_next)
        send_get(result->sends_next);
}

static void on_end(void *data)
{
    note(data, STR("|end"));
    on_last(data);
}

static void on_failure(void *data, enum http_failure failure, const char *text)
{
    struct result *result = data;

    assert_true(text && *text);
    assert_true(buf_printf(&result->text, "|failure %d", failure));
    on_last(result);
}

static const struct http_client_events events = {
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_failure = on_failure,
};

static struct http_client_request get = { .address = &address, .method = HTTP_GET };

static void send_request(struct result *result, const struct http_client_request *request)
{
    result->call = http_client_send(client, request, &events, result);
}

static void send_get(struct result *result)
{
    send_request(result, &get);
}

static int set_up(void **state)
{
    (void)state;
    l = loop_new();
    http_client_options_default(&options);
    client = NULL;
    is_closed = false;
    get = (struct http_client_request){ .address = &address, .path = STR("/g") };
    first = second = (struct result){ 0 };
    buf_init(&first.text, SIZE_MAX / 4);
    buf_init(&second.text, SIZE_MAX / 4);
    return 0;
}

static void start(void)
{
    client = http_client_new(l, &options);
}

static void on_closed(void *data)
{
    assert_ptr_equal(data, &is_closed);
    is_closed = true;
}

static int tear_down(void **state)
{
    (void)state;
    if (client) {
        http_client_close(client, on_closed, &is_closed);
        assert_false(is_closed);
    }
    loop_stop(l);
    loop_run(l);
    assert_true(!client || is_closed);
    assert_int_equal(fake_free_all(), 0);
    loop_free(l);
    buf_done(&first.text);
    buf_done(&second.text);
    return 0;
}

/* A call on a new connection, its request written. */
static struct stream *connected(struct result *result)
{
    struct stream *s;

    if (!client)
        start();
    send_get(result);
    s = fake_connecting();
    assert_non_null(s);
    assert_int_equal(s->writes, 0);
    fake_connected(s);
    assert_int_equal(s->writes, 1);
    fake_written(s);
    return s;
}

static void expect(struct result *result, const char *wanted)
{
    if (!str_equal(buf_str(&result->text), str_from(wanted)))
        fail_msg("got '%.*s' instead of '%s'", STR_ARGS(buf_str(&result->text)), wanted);
}

static void clear(struct result *result)
{
    buf_clear(&result->text);
    result->ends = 0;
}

/* -- Requests ---------------------------------------------------------------------------------- */

static const struct {
    struct stream_address address;
    struct http_client_request request;
    const char *written;
} requests[] = {
    { { .host = "example.com", .port = 80 }, { .method = HTTP_GET, .path = STR("/") },
      "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n" },
    { { .host = "example.com", .port = 8080 }, { .method = HTTP_DELETE, .path = STR("/a?b=c") },
      "DELETE /a?b=c HTTP/1.1\r\nHost: example.com:8080\r\n\r\n" },
    { { .host = "::1", .port = 8080 }, { .method = HTTP_HEAD, .path = STR("/") },
      "HEAD / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n" },
    { { .unix_path = "/run/x" }, { .method = HTTP_POST, .path = STR("/") },
      "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n" },
    { { .host = "h", .port = 1 }, { .method = HTTP_PUT, .path = STR("/"), .host = STR("other") },
      "PUT / HTTP/1.1\r\nHost: other\r\nContent-Length: 0\r\n\r\n" },
};

static void writes_requests(void **state)
{
    (void)state;
    start();
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct http_client_request request = requests[i].request;
        struct stream *s;
        struct str written;

        request.address = &requests[i].address;
        send_request(&first, &request);
        s = fake_connecting();
        fake_connected(s);
        written = fake_written(s);
        if (!str_equal(written, str_from(requests[i].written)))
            fail_msg("%.*s", STR_ARGS(written));
        http_client_cancel(first.call);
    }
}

static void writes_head_and_body_at_once(void **state)
{
    struct http_header header = { STR("X-Split"), STR("a\r\nb") };
    struct str parts[40];
    struct http_client_request request = {
        .address = &address,
        .method = HTTP_POST,
        .path = STR("/p"),
        .headers = { &header, 1 },
        .body_parts = parts,
        .body_part_count = 2,
    };
    struct stream *s;
    struct str written;

    (void)state;
    start();
    parts[0] = STR("first ");
    parts[1] = STR("second");
    send_request(&first, &request);
    s = fake_connecting();
    fake_connected(s);
    assert_int_equal(s->writes, 1);
    written = fake_written(s);
    assert_true(str_equal(written, STR("POST /p HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-Split: a  b\r\n"
                                       "Content-Length: 12\r\n\r\nfirst second")));
    fake_feed(s, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 0);
    expect(&first, "200 Content-Length=0||end");
    /* more parts than one write takes */
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        parts[i] = STR("x");
    request.body_part_count = ARRAY_LEN(parts);
    send_request(&second, &request);
    written = fake_written(s);
    assert_true(str_ends_with(written, STR("Content-Length: 40\r\n\r\n"
                                           "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")));
}

/* -- Answers ----------------------------------------------------------------------------------- */

static const struct {
    struct str answer;
    const char *result;
    bool is_kept; /* the connection */
    bool needs_end;
} answers[] = {
    { STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), "200 Content-Length=5|hello|end",
      true, false },
    { STR("HTTP/1.1 204 No Content\r\n\r\n"), "204||end", true, false },
    { STR("HTTP/1.1 304\r\n\r\n"), "304||end", true, false },
    { STR("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), "304 Content-Length=5||end",
      true, false },
    { STR("HTTP/1.1 404 \r\nContent-Length: 0\r\nX:  y \r\n\r\n"),
      "404 Content-Length=0 X=y||end", true, false },
    { STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n"
          "0\r\nTrailer: 1\r\n\r\n"),
      "200 Transfer-Encoding=chunked|abcde|end", true, false },
    { STR("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab"),
      "200 Connection=close Content-Length=2|ab|end", false, false },
    { STR("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab"), "200 Content-Length=2|ab|end", false,
      false },
    { STR("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab"),
      "200 Connection=keep-alive Content-Length=2|ab|end", true, false },
    { STR("HTTP/1.1 200 OK\r\n\r\nto the end"), "200|to the end|end", false, true },
    { STR("HTTP/1.0 200 OK\r\n\r\n"), "200||end", false, true },
    { STR("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
          "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n!"),
      "201 Content-Length=1|!|end", true, false },
    { STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!unasked"), "200 Content-Length=1|!|end",
      false, false },
};

static void takes_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        for (size_t step = 0; step <= answers[i].answer.len; step++) {
            struct stream *s = connected(&first);

            fake_feed(s, answers[i].answer, step);
            assert_int_equal(first.ends, !answers[i].needs_end);
            if (answers[i].needs_end)
                fake_end(s, STREAM_END_EOF);
            expect(&first, answers[i].result);
            assert_int_equal(s->is_closed, !answers[i].is_kept);
            if (answers[i].is_kept) {
                /* serves the next call, of which nothing of the last is left */
                send_get(&second);
                assert_null(fake_connecting());
                assert_int_equal(s->writes, 2);
                fake_feed(s, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 0);
                expect(&second, "200 Content-Length=0||end");
                fake_end(s, STREAM_END_EOF);
                assert_true(s->is_closed);
            }
            clear(&first);
            clear(&second);
        }
    }
}

static void takes_the_answer_to_a_head(void **state)
{
    struct stream *s;

    (void)state;
    get.method = HTTP_HEAD;
    s = connected(&first);
    fake_feed(s, STR("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), 0);
    expect(&first, "200 Content-Length=500||end");
    assert_false(s->is_closed);
    clear(&first);
    send_get(&first);
    fake_feed(s, STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), 1);
    expect(&first, "200 Transfer-Encoding=chunked||end");
    assert_false(s->is_closed);
}

static const struct str malformed[] = {
    STR("nonsense\r\n\r\n"),
    STR("HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    STR("HTTP/1.1 20 OK\r\n\r\n"),
    STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    STR("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"),
    STR("HTTP/1.1 200 OK\r\nA : b\r\n\r\n"),
    STR("HTTP/1.1 103 Early\r\nContent-Length: 1\r\n\r\n!"),
    STR("HTTP/1.1 099 Low\r\n\r\n"),
    STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
};

static void refuses_what_is_no_answer(void **state)
{
    struct stream *s;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        for (size_t step = 0; step < 2; step++) {
            s = connected(&first);
            fake_feed(s, malformed[i], step);
            if (!str_equal(buf_str(&first.text), STR("|failure 5")))
                fail_msg("%.*s gave %.*s", STR_ARGS(malformed[i]), STR_ARGS(buf_str(&first.text)));
            assert_true(s->is_closed);
            clear(&first);
        }
    }
    s = connected(&first);
    fake_feed(s, STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab"), 0);
    expect(&first, "200 Transfer-Encoding=chunked|a|failure 5");
}

static void bounds_heads(void **state)
{
    struct stream *s;
    size_t fed = 0;

    (void)state;
    options.head_bytes_max = 10000;
    s = connected(&first);
    fake_feed(s, STR("HTTP/1.1 200 OK\r\nA: "), 0);
    while (!first.ends && fed < 100000) {
        fake_feed(s, STR("aaaaaaaaaa"), 3);
        fed += 10;
    }
    expect(&first, "|failure 5");
    assert_true(fed <= 10000);
}

/* A head in pieces grows in its own room; the strings follow it. */
static void takes_large_heads_in_pieces(void **state)
{
    char *answer = malloc(60000), *wanted = malloc(60000);
    struct stream *s = connected(&first);
    int len = sprintf(answer, "HTTP/1.1 200 OK\r\n"), want = sprintf(wanted, "200");

    (void)state;
    for (int i = 0; i < 50; i++) {
        len += sprintf(answer + len, "Header-%d: %0*d\r\n", i, 1000, i);
        want += sprintf(wanted + want, " Header-%d=%0*d", i, 1000, i);
    }
    sprintf(answer + len, "Content-Length: 2\r\n\r\nok");
    sprintf(wanted + want, " Content-Length=2|ok|end");
    fake_feed(s, str_from(answer), 700);
    expect(&first, wanted);
    free(answer);
    free(wanted);
}

/* -- Connections that end ---------------------------------------------------------------------- */

static void fails_when_it_is_closed_early(void **state)
{
    struct stream *reset;
    static const struct str so_far[] = {
        STR(""), STR("HTTP/1.1 20"), STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"),
        STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(so_far) * 2; i++) {
        struct stream *s = connected(&first);

        fake_feed(s, so_far[i / 2], 0);
        fake_end(s, i % 2 ? STREAM_END_EOF : STREAM_END_RESET);
        assert_int_equal(first.ends, 1);
        assert_true(str_ends_with(buf_str(&first.text), STR("|failure 4")));
        assert_true(s->is_closed);
        assert_null(fake_connecting());
        clear(&first);
    }
    /* an answer to the end is only whole when its end is in order */
    reset = connected(&first);
    fake_feed(reset, STR("HTTP/1.1 200 OK\r\n\r\nab"), 0);
    fake_end(reset, STREAM_END_RESET);
    expect(&first, "200|ab|failure 4");
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

static void sends_again_only_once_and_only_so(void **state)
{
    struct stream *stale = kept_alive(), *fresh;

    (void)state;
    send_get(&first);
    fake_end(stale, STREAM_END_EOF);
    fresh = fake_connecting();
    fake_connected(fresh);
    fake_end(fresh, STREAM_END_EOF);
    expect(&first, "|failure 4");
    assert_null(fake_connecting());
    clear(&first);
    /* not when a byte has come */
    stale = kept_alive();
    send_get(&first);
    fake_feed(stale, STR("H"), 0);
    fake_end(stale, STREAM_END_EOF);
    expect(&first, "|failure 4");
    assert_null(fake_connecting());
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
    expect(&first, "|failure 0");
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
    expect(&first, "|failure 5");
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
    fake_feed(s, STR(" Content\r\n\r\n"), 0);
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
    expect(&first, "|failure 2");
    assert_true(s->is_closed);
    clear(&first);
    get.head_timeout_ms = 3600000;
    get.idle_timeout_ms = 1;
    s = connected(&first);
    fake_feed(s, STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), 0);
    wait_for_end(&first);
    expect(&first, "200 Content-Length=9||failure 3");
    assert_true(s->is_closed);
}

static void does_not_time_what_is_paused(void **state)
{
    struct stream *s;

    (void)state;
    get.idle_timeout_ms = 1;
    first.pauses_on_head = true;
    s = connected(&first);
    fake_feed(s, STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), 0);
    connected(&second);
    get.head_timeout_ms = 1;
    clear(&second);
    http_client_cancel(second.call);
    connected(&second);
    wait_for_end(&second); /* a sweep has passed */
    assert_int_equal(first.ends, 0);
    http_client_resume(first.call);
    wait_for_end(&first);
    expect(&first, "200 Content-Length=9||failure 3");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(writes_requests),
        TEST(writes_head_and_body_at_once),
        TEST(takes_answers),
        TEST(takes_the_answer_to_a_head),
        TEST(refuses_what_is_no_answer),
        TEST(bounds_heads),
        TEST(takes_large_heads_in_pieces),
        TEST(fails_when_it_is_closed_early),
        TEST(sends_again_what_met_a_closed_connection),
        TEST(sends_again_only_once_and_only_so),
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
