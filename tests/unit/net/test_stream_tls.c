/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/socket.h>

#include "net/stream_private.h"
#include "tls_pair.h"

#define LARGE_BYTES ((size_t)4 * 1024 * 1024)

static void test_echo(void **state)
{
    (void)state;
    server.echoes = true;
    client.says = STR("hello");
    client.closes_at_bytes = 5;
    client.flushes = true;
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_true(stream_is_tls(client.s));
    assert_true(stream_is_tls(server.s));
    tls_pair_run();
    side_assert_got(&client, STR("hello"));
    assert_int_equal(server.eofs, 1); /* the goodbye came */
    assert_int_equal(server.resets, 0);
}

static void test_plain_on_the_same_port(void **state)
{
    (void)state;
    address.tls = NULL;
    server.echoes = true;
    client.says = STR("GET / HTTP/1.1");
    client.closes_at_bytes = client.says.len;
    side_connect(&client, l, &address, CONNECT_MS);
    tls_pair_run();
    side_assert_got(&client, client.says);
    assert_int_equal(server.eofs, 1);
}

static void test_plain_is_closed_where_tls_is_required(void **state)
{
    (void)state;
    listener_close(listener);
    tls_pair_listen(true);
    address.tls = NULL;
    client.says = STR("GET / HTTP/1.1");
    side_connect(&client, l, &address, CONNECT_MS);
    tls_pair_run();
    assert_int_equal(server.reads, 0);
    assert_int_equal(server.resets, 1);
    assert_int_equal(client.reads, 0);

    address.tls = client_tls;
    client.closes_on_connect = true;
    side_connect(&client, l, &address, CONNECT_MS);
    tls_pair_run();
    assert_int_equal(client.connects, 2);
}

/* The goodbye goes one way only: what the peer still says is heard. */
static void test_shut_ends_one_side(void **state)
{
    (void)state;
    server.stays_on_end = true;
    client.says = STR("hello");
    client.closes_at_bytes = 5;
    client.flushes = true;
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    stream_shut(client.s);
    while (!server.eofs)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_int_equal(server.resets, 0);
    assert_true(side_write(&server, STR("world")));
    while (client.s)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    side_assert_got(&client, STR("world"));
    side_close(&server);
    tls_pair_run();
}

/* A connection cut without a goodbye may have lost its end: that is no EOF. */
static void test_cut_connection_is_no_eof(void **state)
{
    (void)state;
    client.says = STR("half a mess");
    client.closes_after_says = true;
    side_connect(&client, l, &address, CONNECT_MS);
    tls_pair_run();
    side_assert_got(&server, client.says);
    assert_int_equal(server.eofs, 0);
    assert_int_equal(server.resets, 1);
}

static void test_parts_leave_in_one_record(void **state)
{
    struct str parts[] = { STR("HTTP/1.1 200 OK\r\n"), STR("\r\n"), STR_NONE, STR("body") };

    (void)state;
    server.closes_at_bytes = 1;
    side_connect(&client, l, &address, CONNECT_MS);
    tls_pair_run_until_connected();
    assert_true(stream_write(client.s, parts, ARRAY_LEN(parts)));
    assert_int_equal(stream_pending(client.s), 0);
    tls_pair_run();
    side_assert_got(&server, STR("HTTP/1.1 200 OK\r\n\r\nbody"));
    assert_int_equal(server.reads, 1); /* OpenSSL gives a record at a time */
}

/* Sizes around that of a record, whole and gathered, against a reader that stops again and again
 * with records read but not taken. */
static void test_slow_reader_gets_all(void **state)
{
    const size_t sizes[] = { 1, 16383, 16384, 16385, 40000, 100000, 5, 7 };
    const int small = 64 * 1024;
    struct str bytes = pattern_make(LARGE_BYTES);
    size_t at = 0;

    (void)state;
    client.flushes = true;
    server.stops_at_bytes = 1; /* stops in each on_read */
    server.space_len = 5000;
    side_connect(&client, l, &address, CONNECT_MS);
    tls_pair_run_until_connected();
    /* else the system may take all of it while the server does not look */
    assert_int_equal(setsockopt(client.s->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    for (size_t i = 0; at < LARGE_BYTES; i++) {
        struct str rest = str_slice(bytes, at, SIZE_MAX);
        struct str parts[] = {
            str_slice(rest, 0, 3),
            str_slice(rest, 3, sizes[i % ARRAY_LEN(sizes)]),
            str_slice(rest, 3 + sizes[i % ARRAY_LEN(sizes)], sizes[(i + 3) % ARRAY_LEN(sizes)]),
        };

        assert_true(stream_write(client.s, parts, ARRAY_LEN(parts)));
        at += parts[0].len + parts[1].len + parts[2].len;
    }
    assert_true(stream_pending(client.s) > 0);
    while (!server.reads)
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    while (buf_len(&server.got) < LARGE_BYTES) {
        unsigned reads = server.reads;

        /* what the client reads takes the place where the server's bytes were read before */
        if (reads < 20)
            assert_true(side_write(&server, str_slice(bytes, 0, sizeof(loop_scratch(l)->in))));
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
        stream_read_start(server.s);
        while (server.reads == reads) /* no RUN_ONCE: it polls after its timers */
            uv_run(loop_uv(l), UV_RUN_NOWAIT);
        assert_int_equal(server.reads, reads + 1);
    }
    side_assert_got(&server, bytes);
    side_close(&client);
    stream_read_start(server.s);
    tls_pair_run();
    assert_int_equal(server.eofs, 1);
    pattern_free(bytes);
}

/* The handshake reads without being asked; it leaves off when nobody wants more. */
static void test_client_that_does_not_read(void **state)
{
    (void)state;
    client.starts_reading = false;
    server.echoes = true;
    client.says = STR("x");
    side_connect(&client, l, &address, CONNECT_MS);
    while (!server.reads)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_false(client.s->is_reading);
    for (int i = 0; i < 5; i++)
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    assert_int_equal(client.reads, 0);
    client.closes_at_bytes = 1;
    stream_read_start(client.s);
    tls_pair_run();
    side_assert_got(&client, STR("x"));
}

static void test_certificates_are_replaced_while_in_use(void **state)
{
    struct tls_context *next =
        tls_context_new_server(others.certificate_file, others.key_file, &err);
    struct tls_context *next_client = tls_context_new_client(others.certificate_file, &err);
    struct side old_server, old_client;

    (void)state;
    server.echoes = true;
    side_connect(&client, l, &address, CONNECT_MS);
    tls_pair_run_until_connected();
    old_client = client;
    old_server = server;
    stream_set_events(old_client.s, &side_events, &old_client);
    stream_set_events(old_server.s, &side_events, &old_server);
    side_init(&client);
    side_init(&server);

    listener_set_tls(listener, next);
    tls_context_unref(next);
    side_connect(&client, l, &address, CONNECT_MS);
    tls_pair_run();
    assert_int_equal(client.refusals, 1); /* it trusts the old certificate only */
    address.tls = next_client;
    client.closes_on_connect = true;
    side_connect(&client, l, &address, CONNECT_MS);
    tls_pair_run();
    assert_int_equal(client.connects, 1);

    old_client.closes_at_bytes = 5;
    assert_true(side_write(&old_client, STR("still")));
    while (old_client.s || old_server.s)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    side_assert_got(&old_client, STR("still"));
    side_done(&old_client);
    side_done(&old_server);
    tls_context_unref(next_client);
}

static void test_wrong_server_is_refused(void **state)
{
    struct tls_context *stranger = tls_context_new_client(others.certificate_file, &err);

    (void)state;
    address.tls_server_name = "example.com";
    tls_pair_refused("hostname mismatch");
    address.tls_server_name = "a.b.models.test"; /* a wildcard stands for one label */
    tls_pair_refused("hostname mismatch");
    address.tls_server_name = "gpu1.part.test"; /* and for a whole one */
    tls_pair_refused("hostname mismatch");
    address.tls_server_name = "127.0.0.2";
    tls_pair_refused("IP address mismatch");
    address.tls_server_name = "";
    tls_pair_refused("is no server name");
    address.tls_server_name = "localhost";
    address.tls = stranger;
    tls_pair_refused("self-signed certificate");
    tls_context_unref(stranger);
}

static void test_right_names_are_accepted(void **state)
{
    const char *names[] = { "localhost", "LOCALHOST", "gpu1.models.test", "127.0.0.1", NULL };

    (void)state;
    client.closes_on_connect = true;
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        address.tls_server_name = names[i]; /* NULL: the host, 127.0.0.1 */
        side_connect(&client, l, &address, CONNECT_MS);
        tls_pair_run();
        assert_int_equal(client.connects, i + 1);
    }
}

static void test_server_that_is_not_tls(void **state)
{
    (void)state;
    listener_set_tls(listener, NULL);
    server.echoes = true; /* the client gets its own hello back */
    tls_pair_refused("TLS: ");
    server.echoes = false;
    server.closes_at_bytes = 1;
    tls_pair_refused("closed in the TLS handshake");
}

static void test_silent_server_times_out(void **state)
{
    (void)state;
    listener_set_tls(listener, NULL);
    side_connect(&client, l, &address, 50);
    tls_pair_run();
    assert_int_equal(client.refusals, 1);
    assert_int_equal(client.err.code, ERROR_TIMEOUT);
}

static void test_garbage_handshake(void **state)
{
    const char *garbage[] = {
        "\x16garbage that is no handshake",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 cut short",
    };

    (void)state;
    address.tls = NULL;
    for (unsigned i = 0; i < ARRAY_LEN(garbage); i++) {
        client.says = str_from(garbage[i]);
        client.flushes = true;
        client.closes_after_says = true;
        side_connect(&client, l, &address, CONNECT_MS);
        tls_pair_run();
        assert_int_equal(server.resets, i + 1);
        assert_int_equal(server.reads, 0);
    }
}

static void test_write_before_the_handshake_fails(void **state)
{
    (void)state;
    address.tls = NULL;
    side_connect(&client, l, &address, CONNECT_MS);
    tls_pair_run_until_connected();
    assert_false(side_write(&server, STR("too early")));
    assert_int_equal(server.resets, 0);
    tls_pair_run();
    assert_int_equal(server.resets, 1);
    assert_int_equal(client.reads, 0);
}

/* At every step of the handshake, with and without flushing. */
static void test_close_in_the_handshake(void **state)
{
    (void)state;
    for (int turns = 0; turns < 12; turns++) {
        client.flushes = server.flushes = turns % 2;
        side_connect(&client, l, &address, CONNECT_MS);
        for (int i = 0; i < turns / 2; i++)
            uv_run(loop_uv(l), UV_RUN_NOWAIT);
        side_close(&client);
        for (int i = 0; i < 3; i++)
            uv_run(loop_uv(l), UV_RUN_NOWAIT);
        side_close(&server);
        assert_int_equal(client.refusals, 0); /* who has closed hears nothing more */
        assert_int_equal(client.eofs + client.resets, 0);
    }
}

/* OpenSSL takes a large buffer to see that there is nothing. */
static void test_no_read_where_nothing_is_left(void **state)
{
    unsigned spaces;

    (void)state;
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.connects || !server.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    for (unsigned i = 1; i <= 3; i++) {
        spaces = server.spaces;
        assert_true(side_write(&client, STR("hello")));
        while (server.reads < i)
            uv_run(loop_uv(l), UV_RUN_ONCE);
        if (i > 1) /* before, there was the handshake's end, too */
            assert_int_equal(server.spaces, spaces + 1);
    }
    side_close(&client);
    tls_pair_run();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tls_pair_set_up, tls_pair_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_echo),
        TEST(test_shut_ends_one_side),
        TEST(test_plain_on_the_same_port),
        TEST(test_plain_is_closed_where_tls_is_required),
        TEST(test_cut_connection_is_no_eof),
        TEST(test_parts_leave_in_one_record),
        TEST(test_no_read_where_nothing_is_left),
        TEST(test_slow_reader_gets_all),
        TEST(test_client_that_does_not_read),
        TEST(test_certificates_are_replaced_while_in_use),
        TEST(test_wrong_server_is_refused),
        TEST(test_right_names_are_accepted),
        TEST(test_server_that_is_not_tls),
        TEST(test_silent_server_times_out),
        TEST(test_garbage_handshake),
        TEST(test_write_before_the_handshake_fails),
        TEST(test_close_in_the_handshake),
    };

    return cmocka_run_group_tests(tests, tls_pair_make_certificates, tls_pair_remove_certificates);
}
