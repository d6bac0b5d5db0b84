/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "calling.h"

/* -- Requests ---------------------------------------------------------------------------------- */

static const struct {
    struct stream_address address;
    struct http_client_request request;
    const char *written;
} requests[] = {
    { { .host = "example.com", .port = 80 },
      { .method = HTTP_GET, .path = STR("/") },
      "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n" },
    { { .host = "example.com", .port = 8080 },
      { .method = HTTP_DELETE, .path = STR("/a?b=c") },
      "DELETE /a?b=c HTTP/1.1\r\nHost: example.com:8080\r\n\r\n" },
    { { .host = "::1", .port = 8080 },
      { .method = HTTP_HEAD, .path = STR("/") },
      "HEAD / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n" },
    { { .unix_path = "/run/x" },
      { .method = HTTP_POST, .path = STR("/") },
      "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n" },
    { { .host = "h", .port = 1 },
      { .method = HTTP_PUT, .path = STR("/"), .host = STR("other") },
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
    assert_true(
        str_equal(written, STR("POST /p HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-Split: a  b\r\n"
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
    { STR("HTTP/1.1 404 \r\nContent-Length: 0\r\nX:  y \r\n\r\n"), "404 Content-Length=0 X=y||end",
      true, false },
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

#define EARLY "HTTP/1.1 103 Early\r\n\r\n"
#define EARLY_8 EARLY EARLY EARLY EARLY EARLY EARLY EARLY EARLY
#define EARLY_32 EARLY_8 EARLY_8 EARLY_8 EARLY_8

static const struct str malformed[] = {
    STR("nonsense\r\n\r\n"),
    STR("HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    STR("HTTP/1.1 20 OK\r\n\r\n"),
    STR("HTTP/0.9 200 OK\r\n\r\n"),
    STR("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    STR("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"),
    STR("HTTP/1.1 200 OK\r\nA : b\r\n\r\n"),
    STR("HTTP/1.1 103 Early\r\nContent-Length: 1\r\n\r\n!"),
    STR("HTTP/1.1 099 Low\r\n\r\n"),
    STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    STR(EARLY_32 EARLY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
};

static void refuses_what_is_no_answer(void **state)
{
    struct stream *s;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        for (size_t step = 0; step < 2; step++) {
            s = connected(&first);
            fake_feed(s, malformed[i], step);
            if (!str_equal(buf_str(&first.text), STR("|malformed")))
                fail_msg("%.*s gave %.*s", STR_ARGS(malformed[i]), STR_ARGS(buf_str(&first.text)));
            assert_true(s->is_closed);
            clear(&first);
        }
    }
    s = connected(&first);
    fake_feed(s, STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab"), 0);
    expect(&first, "200 Transfer-Encoding=chunked|a|malformed");
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
    expect(&first, "|malformed");
    assert_true(fed <= 10000);
}

/* A head in pieces grows in its own room; the strings follow it. */
static void takes_large_heads_in_pieces(void **state)
{
    static const size_t steps[] = { 700, 5000, 20000, 45000 };
    char *answer = malloc(200000), *wanted = malloc(200000);
    int len = sprintf(answer, "HTTP/1.1 200 OK\r\n"), want = sprintf(wanted, "200");

    (void)state;
    for (int i = 0; i < 50; i++) {
        len += sprintf(answer + len, "Header-%d: %0*d\r\n", i, 1000, i);
        want += sprintf(wanted + want, " Header-%d=%0*d", i, 1000, i);
    }
    sprintf(answer + len, "Connection: close\r\nContent-Length: 90000\r\n\r\n%090000d", 7);
    sprintf(wanted + want, " Connection=close Content-Length=90000|%090000d|end", 7);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        fake_feed(connected(&first), str_from(answer), steps[i]);
        expect(&first, wanted);
        clear(&first);
    }
    free(answer);
    free(wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, calling_set_up, calling_tear_down)
        TEST(writes_requests),
        TEST(writes_head_and_body_at_once),
        TEST(takes_answers),
        TEST(takes_the_answer_to_a_head),
        TEST(refuses_what_is_no_answer),
        TEST(bounds_heads),
        TEST(takes_large_heads_in_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
