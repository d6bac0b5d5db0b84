/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/http_plain_head.h"

static const struct http_parser_limits limits = {
    .head_bytes_max = 200,
    .target_bytes_max = 20,
    .header_count_max = 4,
    .chunks_bytes_max = 100,
};

static struct http_header found[HTTP_PLAIN_HEADERS_MAX];

/* The head in *head, when it is recognized; in a block of its own, of which ASan knows the end. */
static bool reads(enum http_parser_kind kind, struct str bytes, struct http_head *head)
{
    char *exact = memory_realloc(NULL, bytes.len ? bytes.len : 1);
    size_t used;
    bool is_read;

    memcpy(exact, bytes.data, bytes.len);
    *head = (struct http_head){ .headers.items = found };
    is_read = http_plain_head_read(kind, str_of(exact, bytes.len), head, &used);
    free(exact);
    if (is_read)
        assert_in_range(used, 1, bytes.len);
    return is_read;
}

static bool reads_request(struct str bytes)
{
    struct http_head head;

    return reads(HTTP_PARSER_REQUESTS, bytes, &head);
}

static bool reads_answer(struct str bytes)
{
    struct http_head head;

    return reads(HTTP_PARSER_ANSWERS, bytes, &head);
}

static void assert_str(struct str s, const char *text)
{
    assert_non_null(s.data);
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.data, text, s.len);
}

static void reads_a_request(void **state)
{
    static const struct str bytes =
        STR("POST /a/b?c=%20&d HTTP/1.1\r\nHost: localhost:80\r\nX-Long_Name-of-Header-2:a b \r\n"
            "empty:\r\nBlank:   \r\nCONTENT-LENGTH: 0012\r\n\r\nGET / HTTP");
    struct http_head head = { .headers.items = found };
    size_t used;

    (void)state;
    assert_true(http_plain_head_read(HTTP_PARSER_REQUESTS, bytes, &head, &used));
    assert_int_equal(used, bytes.len - strlen("GET / HTTP"));
    assert_str(head.method_name, "POST");
    assert_str(head.target, "/a/b?c=%20&d");
    assert_int_equal(head.major, 1);
    assert_int_equal(head.minor, 1);
    assert_int_equal(head.headers.count, 5);
    assert_str(head.headers.items[0].name, "Host");
    assert_str(head.headers.items[0].value, "localhost:80");
    assert_str(head.headers.items[1].name, "X-Long_Name-of-Header-2");
    assert_str(head.headers.items[1].value, "a b");
    assert_str(head.headers.items[2].value, "");
    assert_str(head.headers.items[3].value, "");
    assert_true(head.has_length && head.content_length == 12);
    assert_true(head.keeps_alive && !head.is_chunked && !head.is_unsupported);
}

static void reads_an_answer(void **state)
{
    static const struct str bytes =
        STR("HTTP/1.1 429 Too Many Requests\r\nConnection: Close\r\n\r\nbody");
    struct http_head head = { .headers.items = found };
    size_t used;

    (void)state;
    assert_true(http_plain_head_read(HTTP_PARSER_ANSWERS, bytes, &head, &used));
    assert_int_equal(used, bytes.len - strlen("body"));
    assert_int_equal(head.status, 429);
    assert_false(head.keeps_alive || head.has_length);
    assert_true(reads_answer(STR("HTTP/1.1 200 \r\n\r\n")));
}

static void knows_six_methods(void **state)
{
    (void)state;
    assert_true(reads_request(STR("GET / HTTP/1.1\r\n\r\n")));
    assert_true(reads_request(STR("HEAD / HTTP/1.1\r\n\r\n")));
    assert_true(reads_request(STR("PUT / HTTP/1.1\r\n\r\n")));
    assert_true(reads_request(STR("PATCH / HTTP/1.1\r\n\r\n")));
    assert_true(reads_request(STR("DELETE / HTTP/1.1\r\n\r\n")));
}

static const struct str other_requests[] = {
    /* the line */
    STR(""),
    STR("\r\nGET / HTTP/1.1\r\n\r\n"),
    STR("get / HTTP/1.1\r\n\r\n"),
    STR("OPTIONS / HTTP/1.1\r\n\r\n"),
    STR("TRACE / HTTP/1.1\r\n\r\n"),
    STR("CONNECT h:1 HTTP/1.1\r\n\r\n"),
    STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    STR("GETS / HTTP/1.1\r\n\r\n"),
    STR("GET\t/ HTTP/1.1\r\n\r\n"),
    STR("GET  / HTTP/1.1\r\n\r\n"),
    STR("GET /  HTTP/1.1\r\n\r\n"),
    STR("GET / HTTP/1.1 \r\n\r\n"),
    STR("GET * HTTP/1.1\r\n\r\n"),
    STR("GET x HTTP/1.1\r\n\r\n"),
    STR("GET http://h/ HTTP/1.1\r\n\r\n"),
    STR("GET  HTTP/1.1\r\n\r\n"),
    STR("GET /\r\n\r\n"),
    STR("GET / HTTP/1.0\r\n\r\n"),
    STR("GET / HTTP/1.2\r\n\r\n"),
    STR("GET / HTTP/2.0\r\n\r\n"),
    STR("GET / http/1.1\r\n\r\n"),
    STR("GET / HTTP/1.1\n\n"),
    STR("GET / HTTP/1.1\r\r\n"),
    STR("GET / RTSP/1.1\r\n\r\n"),
    STR("HTTP/1.1 200 OK\r\n\r\n"),
    /* lines of headers */
    STR("GET / HTTP/1.1\r\n A: b\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nA : b\r\n\r\n"),
    STR("GET / HTTP/1.1\r\n: b\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nA\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nA: b\n\r\n"),
    STR("GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nA: b\r\n\n"),
    STR("GET / HTTP/1.1\r\nA: b\r\n\r\r\n"),
    /* what they say */
    STR("POST / HTTP/1.1\r\nContent-Length:\r\n\r\n"),
    STR("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"),
    STR("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
    STR("POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n"),
    STR("POST / HTTP/1.1\r\nContent-Length: 1 1\r\n\r\n"),
    STR("POST / HTTP/1.1\r\nContent-Length: 1,1\r\n\r\n"),
    STR("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"),
    STR("POST / HTTP/1.1\r\ncontent-length: 1\r\nA: b\r\nCONTENT-LENGTH: 2\r\n\r\n"),
    STR("POST / HTTP/1.1\r\nContent-Length: 9223372036854775808\r\n\r\n"),
    STR("POST / HTTP/1.1\r\nContent-Length: 18446744073709551617\r\n\r\n"),
    STR("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    STR("POST / HTTP/1.1\r\ntransfer-encoding: identity\r\n\r\n"),
    STR("POST / HTTP/1.1\r\nTRANSFER-ENCODING:\r\n\r\n"),
    STR("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nupgrade:\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nTrailer: A\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nTRAILER: A\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nConnection: upgrade\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nconnection:\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nConnection: closed\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nConnection: close, keep-alive\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nConnection: keep-alive, TE\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nProxy-Connection: close\r\n\r\n"),
    STR("GET / HTTP/1.1\r\nproxy-connection: keep-alive\r\n\r\n"),
};

static const struct str other_answers[] = {
    STR(""),
    STR("HTTP/1.0 200 OK\r\n\r\n"),
    STR("HTTP/2 200 OK\r\n\r\n"),
    STR("http/1.1 200 OK\r\n\r\n"),
    STR("ICY 200 OK\r\n\r\n"),
    STR("HTTP/1.1  200 OK\r\n\r\n"),
    STR("HTTP/1.1 200\r\n\r\n"),
    STR("HTTP/1.1 20 OK\r\n\r\n"),
    STR("HTTP/1.1 2000 OK\r\n\r\n"),
    STR("HTTP/1.1 +20 OK\r\n\r\n"),
    STR("HTTP/1.1 2x0 OK\r\n\r\n"),
    STR("HTTP/1.1 200 O\tK\r\n\r\n"),
    STR("HTTP/1.1 200 O\xC3\xA9\r\n\r\n"),
    STR("HTTP/1.1 200 OK\n\r\n"),
    STR("HTTP/1.1 200 OK\rA: b\r\n\r\n"),
    STR("GET / HTTP/1.1\r\n\r\n"),
    STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"),
};

static void leaves_what_is_not_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(other_requests); i++)
        if (reads_request(other_requests[i]))
            fail_msg("%.*s", STR_ARGS(other_requests[i]));
    for (size_t i = 0; i < ARRAY_LEN(other_answers); i++)
        if (reads_answer(other_answers[i]))
            fail_msg("%.*s", STR_ARGS(other_answers[i]));
}

static void leaves_what_is_not_whole(void **state)
{
    static const struct str request =
        STR("POST /somewhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n");
    static const struct str answer =
        STR("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n");

    (void)state;
    for (size_t len = 0; len < request.len; len++)
        assert_false(reads_request(str_slice(request, 0, len)));
    assert_true(reads_request(request));
    for (size_t len = 0; len < answer.len; len++)
        assert_false(reads_answer(str_slice(answer, 0, len)));
    assert_true(reads_answer(answer));
}

/* In the first block of sixteen, in one behind it, and in what is less than one, at the end. */
static const char *const before[] = { "", "a23456789012345", "a2345678901234567890" };

static void takes_only_its_bytes(void **state)
{
    char text[128];

    (void)state;
    for (unsigned byte = 1; byte < 256; byte++) {
        bool is_graphic = byte > ' ' && byte < 0x7F;
        bool is_name = byte < 0x80 && (isalnum((int)byte) || byte == '-' || byte == '_');

        for (size_t i = 0; i < ARRAY_LEN(before); i++) {
            snprintf(text, sizeof(text), "GET /%s%ca HTTP/1.1\r\n\r\n", before[i], (int)byte);
            assert_int_equal(reads_request(str_from(text)), is_graphic && byte != '#');
            snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s%cn: a\r\n\r\n", before[i],
                     (int)byte);
            assert_int_equal(reads_request(str_from(text)), is_name || (byte == ':' && i));
            snprintf(text, sizeof(text), "GET / HTTP/1.1\r\na: %s%cb\r\n\r\n", before[i],
                     (int)byte);
            assert_int_equal(reads_request(str_from(text)), is_graphic || byte == ' ');
        }
    }
    assert_false(reads_request(STR("GET /a\0b HTTP/1.1\r\n\r\n")));
    assert_false(reads_request(STR("GET / HTTP/1.1\r\nA\0: b\r\n\r\n")));
    assert_false(reads_request(STR("GET / HTTP/1.1\r\nA: b\0\r\n\r\n")));
}

static void takes_so_many_headers(void **state)
{
    char text[64 + 4 * HTTP_PLAIN_HEADERS_MAX + 8];
    size_t len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n");

    (void)state;
    for (size_t i = 0; i < HTTP_PLAIN_HEADERS_MAX; i++, len += 4)
        memcpy(text + len, "A:\r\n", 4);
    memcpy(text + len, "\r\n", 2);
    assert_true(reads_request(str_of(text, len + 2)));
    memcpy(text + len, "A:\r\n\r\n", 6);
    assert_false(reads_request(str_of(text, len + 6)));
}

/* -- By the parser ----------------------------------------------------------------------------- */

static enum http_parsed first_step(enum http_parser_kind kind, bool is_bodiless, struct str bytes,
                                   struct error *err)
{
    struct http_parser *p = http_parser_new(kind, &limits);
    struct arena *a = arena_new(NULL);
    struct str body;
    size_t used;
    enum http_parsed parsed;

    http_parser_begin(p, a, is_bodiless);
    parsed = http_parser_step(p, bytes, &used, &body, err);
    if (parsed == HTTP_PARSED_HEAD)
        assert_int_equal(used, bytes.len);
    arena_free(a);
    http_parser_free(p);
    return parsed;
}

static enum error_code refusal(struct str bytes)
{
    struct error err;

    assert_int_equal(first_step(HTTP_PARSER_REQUESTS, false, bytes, &err), HTTP_PARSED_FAILED);
    return err.code;
}

static void limits_hold(void **state)
{
    struct error err;
    char text[300];

    (void)state;
    assert_int_equal(refusal(STR("GET /12345678901234567890 HTTP/1.1\r\n\r\n")),
                     ERROR_URI_TOO_LONG);
    assert_int_equal(refusal(STR("GET / HTTP/1.1\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\n\r\n")),
                     ERROR_HEADERS_TOO_LARGE);
    snprintf(text, sizeof(text), "GET /123456789012345678 HTTP/1.1\r\nA: %0159d\r\n\r\n", 0);
    assert_int_equal(strlen(text), limits.head_bytes_max);
    assert_int_equal(first_step(HTTP_PARSER_REQUESTS, false, str_from(text), &err),
                     HTTP_PARSED_HEAD);
    snprintf(text, sizeof(text), "GET /123456789012345678 HTTP/1.1\r\nA: %0160d\r\n\r\n", 0);
    assert_int_equal(refusal(str_from(text)), ERROR_HEADERS_TOO_LARGE);
}

static void looks_only_where_a_message_begins(void **state)
{
    static const struct str bytes = STR("GET /a HTTP/1.1\r\nA: b GET / HTTP/1.1\r\n\r\n");
    struct http_parser *p = http_parser_new(HTTP_PARSER_REQUESTS, &limits);
    struct arena *a = arena_new(NULL);
    size_t first = str_find(bytes, STR("GET / "));
    struct error err;
    struct str body;
    size_t used;

    (void)state;
    http_parser_begin(p, a, false);
    assert_int_equal(http_parser_step(p, str_slice(bytes, 0, first), &used, &body, &err),
                     HTTP_PARSED_MORE);
    assert_int_equal(http_parser_step(p, str_slice(bytes, first, bytes.len), &used, &body, &err),
                     HTTP_PARSED_HEAD);
    assert_str(http_parser_head(p)->target, "/a");
    arena_free(a);
    http_parser_free(p);
}

/* The bytes of a body that an answer ends with, before it ends by itself; SIZE_MAX: it goes on. */
static size_t body_of_answer(struct str head, bool is_bodiless)
{
    struct http_parser *p = http_parser_new(HTTP_PARSER_ANSWERS, &limits);
    struct arena *a = arena_new(NULL);
    char text[300];
    struct str rest =
        str_of(text, (size_t)snprintf(text, sizeof(text), "%.*s%s", STR_ARGS(head), "0123456789"));
    size_t len = 0;
    struct error err;
    struct str body;
    size_t used;
    enum http_parsed parsed;

    http_parser_begin(p, a, is_bodiless);
    do {
        parsed = http_parser_step(p, rest, &used, &body, &err);
        rest = str_slice(rest, used, rest.len);
        if (parsed == HTTP_PARSED_BODY)
            len += body.len;
    } while (parsed == HTTP_PARSED_HEAD || parsed == HTTP_PARSED_BODY);
    if (parsed == HTTP_PARSED_MORE)
        len = SIZE_MAX;
    else
        assert_int_equal(parsed, HTTP_PARSED_END);
    arena_free(a);
    http_parser_free(p);
    return len;
}

static void lengths_are_about_bodies_or_not(void **state)
{
    (void)state;
    assert_int_equal(body_of_answer(STR("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"), false), 4);
    assert_int_equal(body_of_answer(STR("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"), true), 0);
    assert_int_equal(body_of_answer(STR("HTTP/1.1 100 C\r\nContent-Length: 4\r\n\r\n"), false), 0);
    assert_int_equal(body_of_answer(STR("HTTP/1.1 204 N\r\nContent-Length: 4\r\n\r\n"), false), 0);
    assert_int_equal(body_of_answer(STR("HTTP/1.1 304 N\r\nContent-Length: 4\r\n\r\n"), false), 0);
    assert_int_equal(body_of_answer(STR("HTTP/1.1 200 OK\r\n\r\n"), false), SIZE_MAX);
}

static void a_body_that_breaks_off_is_an_error(void **state)
{
    static const struct str head = STR("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    struct http_parser *p = http_parser_new(HTTP_PARSER_ANSWERS, &limits);
    struct arena *a = arena_new(NULL);
    struct error err;
    struct str body;
    size_t used;

    (void)state;
    http_parser_begin(p, a, false);
    assert_int_equal(http_parser_step(p, head, &used, &body, &err), HTTP_PARSED_HEAD);
    assert_int_equal(http_parser_finish(p, &err), HTTP_PARSED_FAILED);
    assert_int_equal(http_parser_step(p, STR("abcd"), &used, &body, &err), HTTP_PARSED_BODY);
    assert_int_equal(http_parser_finish(p, &err), HTTP_PARSED_END);
    arena_free(a);
    http_parser_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_request),
        cmocka_unit_test(reads_an_answer),
        cmocka_unit_test(knows_six_methods),
        cmocka_unit_test(leaves_what_is_not_plain),
        cmocka_unit_test(leaves_what_is_not_whole),
        cmocka_unit_test(takes_only_its_bytes),
        cmocka_unit_test(takes_so_many_headers),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(looks_only_where_a_message_begins),
        cmocka_unit_test(lengths_are_about_bodies_or_not),
        cmocka_unit_test(a_body_that_breaks_off_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
