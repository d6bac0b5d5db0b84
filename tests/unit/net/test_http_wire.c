/*
 * The HTTP client against the HTTP server on one loop, over real sockets.
 * SPDX-License-Identifier: MIT
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "certificate.h"
#include "net/http_client.h"
#include "net/http_server.h"

#define LARGE_BYTES ((size_t)8 * 1024 * 1024)

static struct loop *l;
static struct http_server *server;
static struct http_server_limits limits;
static struct http_client *client;
static struct stream_address address;
static struct certificate certificate;
static struct tls_context *server_tls, *client_tls;
static char socket_path[64];

/* What the server does with "/...". */
static unsigned server_gones, server_heads;
static size_t produced;
static struct http_request *waiting;

static void produce(struct http_request *r)
{
    static const char block[10000] = "a block of ten thousand bytes";

    while (produced < LARGE_BYTES && !http_reply_is_full(r)) {
        size_t len =
            LARGE_BYTES - produced < sizeof(block) ? LARGE_BYTES - produced : sizeof(block);

        http_reply_chunk(r, str_of(block, len));
        produced += len;
    }
    if (produced == LARGE_BYTES)
        http_reply_last_chunk(r, STR_NONE);
}

static void on_head(void *data, struct http_request *r)
{
    (void)data;
    (void)r;
    server_heads++;
}

static void on_body(void *data, struct http_request *r)
{
    (void)data;
    if (str_equal(r->path, STR("/echo"))) {
        http_reply(r, 200, NULL, r->body);
    } else if (str_equal(r->path, STR("/stream"))) {
        produced = 0;
        http_reply_start(r, 200, NULL, STR_NONE);
        produce(r);
    } else if (str_equal(r->path, STR("/abort"))) {
        http_reply_start(r, 200, NULL, STR_NONE);
        http_reply_chunk(r, STR("half"));
        http_reply_abort(r);
    } else {
        waiting = r;
    }
}

static void on_drain(void *data, struct http_request *r)
{
    (void)data;
    produce(r);
}

static void on_gone(void *data, struct http_request *r)
{
    (void)data;
    server_gones++;
    http_reply_abort(r);
}

static struct str render_error(void *data, struct http_request *r, const struct error *err,
                               struct http_headers *headers)
{
    (void)data;
    (void)headers;
    return arena_printf(r->arena, "{%s}", error_info(err->code)->name);
}

static void nothing(void *data)
{
    (void)data;
}

/* -- Calls ------------------------------------------------------------------------------------- */

struct result {
    struct http_client_call *call;
    int status;
    struct buf body;
    size_t body_len;
    bool counts_only;
    bool pauses_on_head;
    bool has_ended;
    int failure; /* -1: none */
};

static void on_answer(void *data, int status, const struct http_headers *headers)
{
    struct result *result = data;

    (void)headers;
    result->status = status;
    if (result->pauses_on_head)
        http_client_pause(result->call);
}

static void on_bytes(void *data, struct str bytes)
{
    struct result *result = data;

    result->body_len += bytes.len;
    if (!result->counts_only)
        assert_true(buf_append(&result->body, bytes));
}

static void on_end(void *data)
{
    ((struct result *)data)->has_ended = true;
}

static void on_failure(void *data, enum http_failure failure, const char *text)
{
    struct result *result = data;

    assert_true(*text);
    result->failure = (int)failure;
    result->has_ended = true;
}

static void send_to(struct result *result, const char *path, struct str body)
{
    static const struct http_client_events events = {
        .on_head = on_answer,
        .on_body = on_bytes,
        .on_end = on_end,
        .on_failure = on_failure,
    };
    static struct str part;
    struct http_client_request request = {
        .address = &address,
        .method = body.data ? HTTP_POST : HTTP_GET,
        .path = str_from(path),
        .body_parts = &part,
        .body_part_count = body.data ? 1 : 0,
    };

    part = body;
    result->failure = -1;
    result->has_ended = false;
    result->body_len = 0;
    buf_init(&result->body, SIZE_MAX / 4);
    result->call = http_client_send(client, &request, &events, result);
    assert_false(result->has_ended);
}

static void wait_for(const bool *fact)
{
    while (!*fact)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

static struct str call(struct result *result, const char *path, struct str body)
{
    send_to(result, path, body);
    wait_for(&result->has_ended);
    return buf_str(&result->body);
}

/* -- Set-up ------------------------------------------------------------------------------------ */

static int make_certificate(void **state)
{
    struct error err;

    (void)state;
    certificate_make(&certificate, "DNS:localhost,IP:127.0.0.1", NULL);
    server_tls = tls_context_new_server(certificate.certificate_file, certificate.key_file, &err);
    client_tls = tls_context_new_client(certificate.certificate_file, &err);
    return server_tls && client_tls ? 0 : -1;
}

static int remove_certificate(void **state)
{
    (void)state;
    tls_context_unref(server_tls);
    tls_context_unref(client_tls);
    certificate_remove(&certificate);
    return 0;
}

static int set_up(void **state)
{
    struct http_client_options options;

    (void)state;
    l = loop_new();
    http_server_limits_default(&limits);
    http_client_options_default(&options);
    client = http_client_new(l, &options);
    server = NULL;
    server_gones = server_heads = 0;
    waiting = NULL;
    return 0;
}

enum transport { TCP, UNIX, TLS };

static void start(enum transport transport)
{
    static const struct http_handler handler = {
        .on_head = on_head,
        .on_body = on_body,
        .on_drain = on_drain,
        .on_gone = on_gone,
        .render_error = render_error,
    };
    struct listener_options options = { .host = "127.0.0.1" };
    struct error err;
    unsigned port;

    snprintf(socket_path, sizeof(socket_path), "/tmp/lazuli-http-%d", (int)getpid());
    options.unix_path = transport == UNIX ? socket_path : NULL;
    options.tls = transport == TLS ? server_tls : NULL;
    server = http_server_new(l, &limits, &handler, NULL);
    if (!http_server_listen(server, &options, &port, &err))
        fail_msg("%s", err.text);
    address = (struct stream_address){
        .unix_path = options.unix_path,
        .host = "127.0.0.1",
        .port = port,
        .tls = transport == TLS ? client_tls : NULL,
    };
}

static int tear_down(void **state)
{
    (void)state;
    http_client_close(client, nothing, NULL);
    if (server)
        http_server_drain(server, 0, nothing, NULL);
    loop_stop(l);
    loop_run(l);
    http_server_free(server);
    loop_free(l);
    return 0;
}

/* -- Tests ------------------------------------------------------------------------------------- */

static void speaks_over(enum transport transport)
{
    char *large = memory_alloc(LARGE_BYTES);
    struct result result = { 0 };

    start(transport);
    for (size_t i = 0; i < LARGE_BYTES; i++)
        large[i] = (char)(i * 7 + i / 1000);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(str_equal(call(&result, "/echo", STR("hello")), STR("hello")));
        buf_done(&result.body);
    }
    assert_int_equal(http_server_stats(server).connections_accepted, 1);
    call(&result, "/echo", str_of(large, LARGE_BYTES));
    assert_int_equal(result.status, 200);
    assert_true(str_equal(buf_str(&result.body), str_of(large, LARGE_BYTES)));
    buf_done(&result.body);
    result.counts_only = true;
    call(&result, "/stream", STR_NONE);
    assert_int_equal(result.failure, -1);
    assert_int_equal(result.body_len, LARGE_BYTES);
    assert_int_equal(http_server_stats(server).connections_accepted, 1);
    free(large);
}

static void speaks_tcp(void **state)
{
    (void)state;
    speaks_over(TCP);
}

static void speaks_over_a_unix_socket(void **state)
{
    (void)state;
    speaks_over(UNIX);
}

static void speaks_tls(void **state)
{
    (void)state;
    speaks_over(TLS);
}

/* Memory is bounded by what the sockets and the mark hold, however much there is to send. */
static void holds_back_for_a_slow_client(void **state)
{
    struct result slow = { .counts_only = true, .pauses_on_head = true }, other = { 0 };

    (void)state;
    limits.reply_high_bytes = 64 * 1024;
    start(TCP);
    send_to(&slow, "/stream", STR_NONE);
    while (!slow.status)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    for (unsigned i = 0; i < 100; i++) {
        call(&other, "/echo", STR("x"));
        buf_done(&other.body);
    }
    assert_true(produced < LARGE_BYTES);
    http_client_resume(slow.call);
    wait_for(&slow.has_ended);
    assert_int_equal(slow.body_len, LARGE_BYTES);
    assert_int_equal(server_gones, 0);
}

static void tells_the_server_of_a_cancelled_call(void **state)
{
    struct result result = { 0 };

    (void)state;
    start(TCP);
    send_to(&result, "/wait", STR_NONE);
    while (!waiting)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    http_client_cancel(result.call);
    while (!server_gones)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_false(result.has_ended);
}

static void tells_the_client_of_an_aborted_reply(void **state)
{
    struct result result = { 0 };

    (void)state;
    start(TCP);
    call(&result, "/abort", STR_NONE);
    assert_int_equal(result.failure, HTTP_FAILURE_CLOSED);
    buf_done(&result.body);
}

/* The answer comes before the body has been sent, and is not lost by a reset. */
static void answers_a_body_too_large(void **state)
{
    char *large = memory_alloc(LARGE_BYTES);
    struct result result = { 0 };

    (void)state;
    limits.body_bytes_max = 1024 * 1024;
    start(TCP);
    for (unsigned i = 0; i < 10; i++) {
        assert_true(
            str_equal(call(&result, "/echo", str_of(large, LARGE_BYTES / 2)), STR("{TOO_LARGE}")));
        assert_int_equal(result.status, 413);
        buf_done(&result.body);
    }
    assert_int_equal(server_heads, 0);
    free(large);
}

static void serves_many_at_once(void **state)
{
    struct result *results = memory_alloc_array(200, sizeof(*results));

    (void)state;
    start(TCP);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 200; i++)
            send_to(&results[i], "/echo", STR("one of many"));
        for (unsigned i = 0; i < 200; i++) {
            wait_for(&results[i].has_ended);
            assert_true(str_equal(buf_str(&results[i].body), STR("one of many")));
            buf_done(&results[i].body);
        }
    }
    /* the pool keeps 64 of the 200 */
    assert_true(http_server_stats(server).connections_accepted <= 200 + 4 * 136);
    free(results);
}

static void fails_where_nobody_listens(void **state)
{
    struct result result = { 0 };

    (void)state;
    start(UNIX);
    unlink(socket_path);
    call(&result, "/echo", STR("x"));
    assert_int_equal(result.failure, HTTP_FAILURE_CONNECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(speaks_tcp),
        TEST(speaks_over_a_unix_socket),
        TEST(speaks_tls),
        TEST(holds_back_for_a_slow_client),
        TEST(tells_the_server_of_a_cancelled_call),
        TEST(tells_the_client_of_an_aborted_reply),
        TEST(answers_a_body_too_large),
        TEST(serves_many_at_once),
        TEST(fails_where_nobody_listens),
    };

    return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
