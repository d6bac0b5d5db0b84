/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream_private.h"
#include "pair.h"

#define LARGE_BYTES ((size_t)4 * 1024 * 1024)

static int connect_raw(unsigned port)
{
    struct sockaddr_in to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(uv_ip4_addr("127.0.0.1", (int)port, &to), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* The server has taken it, and does not read. */
static int connect_raw_unread(void)
{
    int fd;

    pair_listen_tcp();
    server.starts_reading = false;
    fd = connect_raw(address.port);
    while (!server.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    return fd;
}

static void close_at_once(int fd)
{
    struct linger at_once = { .l_onoff = 1 };

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

static void test_parts_are_sent_in_order(void **state)
{
    struct str parts[STREAM_WRITE_PARTS_MAX];
    char expected[STREAM_WRITE_PARTS_MAX * 2 + 1] = "";

    (void)state;
    for (int i = 0; i < STREAM_WRITE_PARTS_MAX; i++) {
        snprintf(expected + i, 2, "%c", 'a' + i);
        parts[i] = str_of(&expected[i], 1);
    }
    parts[3] = STR_NONE; /* an empty part is fine */
    pair_listen_tcp();
    server.closes_at_bytes = STREAM_WRITE_PARTS_MAX - 1;
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_true(stream_write(client.s, parts, STREAM_WRITE_PARTS_MAX));
    assert_int_equal(stream_pending(client.s), 0); /* nothing is kept of a small write */
    pair_run();
    side_assert_got(&server, STR("abcefghijklmnop"));
}

/* The server does not read at first: the client's socket fills up. Later it takes more at once, so
 * that the test does not wait for small packets. */
static void write_to_slow_reader(struct str bytes)
{
    int small = 4096, usual = 1024 * 1024;

    pair_listen_tcp();
    server.starts_reading = false;
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.connects || !server.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    setsockopt(pair_socket(client.s), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    for (size_t at = 0; at < bytes.len; at += bytes.len / 8)
        assert_true(side_write(&client, str_slice(bytes, at, bytes.len / 8)));
    assert_true(stream_pending(client.s) > 0);
    assert_true(stream_pending(client.s) < bytes.len); /* the socket took some */
    setsockopt(pair_socket(client.s), SOL_SOCKET, SO_SNDBUF, &usual, sizeof(usual));
}

static void test_slow_reader_gets_all(void **state)
{
    struct str bytes = pattern_make(LARGE_BYTES);

    (void)state;
    write_to_slow_reader(bytes);
    client.closes_on_drain = true;
    stream_read_start(server.s);
    pair_run();
    side_assert_got(&server, bytes);
    assert_int_equal(client.drains, 1);
    assert_int_equal(server.eofs, 1);
    pattern_free(bytes);
}

static void test_pending_falls_while_reader_reads(void **state)
{
    struct str bytes = pattern_make(LARGE_BYTES);
    size_t before;

    (void)state;
    write_to_slow_reader(bytes);
    before = stream_pending(client.s);
    stream_read_start(server.s);
    while (stream_pending(client.s) > before / 2)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_int_equal(client.drains, 0);
    side_close(&client);
    pair_run();
    pattern_free(bytes);
}

static void test_close_flushes_what_is_pending(void **state)
{
    struct str bytes = pattern_make(LARGE_BYTES);

    (void)state;
    write_to_slow_reader(bytes);
    client.flushes = true;
    side_close(&client);
    stream_read_start(server.s);
    pair_run();
    side_assert_got(&server, bytes);
    assert_int_equal(server.eofs, 1);
    assert_int_equal(client.drains, 0); /* no event after close */
    pattern_free(bytes);
}

/* The peer ends its own side first: that is no reason to stop sending. */
static void test_close_flushes_past_the_peers_end(void **state)
{
    struct str bytes = pattern_make(LARGE_BYTES);

    (void)state;
    write_to_slow_reader(bytes);
    client.flushes = true;
    side_close(&client);
    assert_int_equal(shutdown(pair_socket(server.s), SHUT_WR), 0);
    for (int i = 0; i < 5; i++)
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    stream_read_start(server.s);
    pair_run();
    side_assert_got(&server, bytes);
    pattern_free(bytes);
}

static void count_socket(uv_handle_t *handle, void *count)
{
    if (handle->type == UV_TCP)
        (*(unsigned *)count)++;
}

/* A peer that never reads does not keep the stream for ever. */
static void test_flush_is_bounded(void **state)
{
    struct str bytes = pattern_make(LARGE_BYTES);
    unsigned sockets = 2;

    (void)state;
    write_to_slow_reader(bytes);
    client.flushes = true;
    side_close(&client);
    while (sockets > 1) {
        uv_run(loop_uv(l), UV_RUN_ONCE);
        sockets = 0;
        uv_walk(loop_uv(l), count_socket, &sockets);
    }
    assert_non_null(server.s);
    side_close(&server);
    pair_run();
    pattern_free(bytes);
}

static void test_close_without_flush_drops_what_is_pending(void **state)
{
    struct str bytes = pattern_make(LARGE_BYTES);

    (void)state;
    write_to_slow_reader(bytes);
    side_close(&client);
    stream_read_start(server.s);
    pair_run();
    assert_true(buf_len(&server.got) < bytes.len);
    pattern_free(bytes);
}

static void assert_wiped(const struct buf *b)
{
    assert_non_null(b->data);
    for (size_t i = 0; i < b->capacity; i++)
        assert_int_equal(b->data[i], 0);
}

/* In the buffer that is kept for the next time. */
static void test_secrets_that_had_to_wait_are_overwritten(void **state)
{
    struct str bytes = pattern_make(LARGE_BYTES), secret = STR("a secret that has to wait");
    struct str got;

    (void)state;
    write_to_slow_reader(bytes);
    stream_read_start(server.s);
    while (buf_len(&client.s->waiting))
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_true(
        client.s->is_writing); /* from the other buffer, which is large and let go of then */
    stream_keep_secret(client.s);
    for (int i = 0; i < 100; i++)
        assert_true(side_write(&client, secret));
    while (stream_pending(client.s))
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_false(client.s->has_secrets); /* what is written from now on has none */
    assert_wiped(&client.s->sending);
    side_close(&client);
    pair_run();
    got = buf_str(&server.got);
    assert_int_equal(got.len, bytes.len + 100 * secret.len);
    assert_true(str_ends_with(got, secret));
    pattern_free(bytes);
}

/* The reply to a request that nobody has read to its end must reach the client all the same: a
 * plain close would have the kernel reset the connection and drop the reply. */
static void test_reply_survives_unread_request(void **state)
{
    struct str request = pattern_make(64 * 1024);
    char reply[16];
    ssize_t n;
    int fd;

    (void)state;
    pair_listen_tcp();
    server.closes_at_bytes = 1;
    server.space_len = 100;
    server.flushes = true;
    server.echoes = true;
    fd = connect_raw(address.port);
    assert_int_equal(send(fd, request.data, request.len, 0), request.len);
    while (!server.reads)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    uv_run(loop_uv(l), UV_RUN_NOWAIT);
    n = recv(fd, reply, sizeof(reply), 0);
    assert_int_equal(n, sizeof(reply));
    assert_int_equal(send(fd, request.data, 1000, MSG_NOSIGNAL), 1000);
    for (size_t got = sizeof(reply); got < 100; got += (size_t)n) {
        n = recv(fd, reply, sizeof(reply), 0);
        assert_true(n > 0);
    }
    assert_int_equal(recv(fd, reply, sizeof(reply), 0), 0);
    close(fd);
    pair_run();
    pattern_free(request);
}

/* The peer sees the end while the stream goes on reading. */
static void test_shut_ends_one_side(void **state)
{
    struct str bytes = pattern_make(LARGE_BYTES);

    (void)state;
    write_to_slow_reader(bytes);
    stream_shut(client.s);
    stream_read_start(client.s);
    server.stays_on_end = true;
    stream_read_start(server.s);
    while (!server.eofs)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    side_assert_got(&server, bytes);
    assert_true(side_write(&server, STR("more")));
    client.flushes = true;
    client.closes_at_bytes = 4;
    server.stays_on_end = false;
    while (client.s)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    side_close(&server);
    pair_run();
    side_assert_got(&client, STR("more"));
    pattern_free(bytes);
}

static void test_read_stop(void **state)
{
    (void)state;
    pair_listen_tcp();
    server.space_len = 2;
    server.stops_at_bytes = 2;
    server.closes_at_bytes = 6;
    client.says = STR("abcdef");
    side_connect(&client, l, &address, CONNECT_MS);
    while (buf_len(&server.got) < 2)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    for (int i = 0; i < 5; i++)
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    side_assert_got(&server, STR("ab"));
    server.stops_at_bytes = 0;
    stream_read_start(server.s);
    pair_run();
    side_assert_got(&server, STR("abcdef"));
}

static void test_write_after_the_peers_end(void **state)
{
    char reply[8];
    int fd;

    (void)state;
    pair_listen_tcp();
    server.stays_on_end = true;
    server.flushes = true;
    fd = connect_raw(address.port);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    while (!server.eofs)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_true(side_write(&server, STR("reply")));
    side_close(&server);
    assert_int_equal(recv(fd, reply, sizeof(reply), MSG_WAITALL), 5);
    close(fd);
    pair_run();
}

/* A peer that leaves, or only ends its sending side, is noticed by a stream that does not read. */
static void test_watch_without_reading(void **state)
{
    int fd = connect_raw_unread();

    (void)state;
    assert_true(stream_watch(server.s));
    assert_int_equal(send(fd, "unread", 6, 0), 6);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    while (!server.shuts)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    for (int i = 0; i < 5; i++)
        assert_int_equal(uv_run(loop_uv(l), UV_RUN_NOWAIT), 1);
    assert_int_equal(server.shuts, 1);
    assert_int_equal(server.eofs, 0);
    close_at_once(fd);
    pair_run();
    assert_int_equal(server.resets, 1);
}

/* After the end of what it sends, a peer that has left answers one write by a reset, which comes
 * without a second one. */
static void test_watch_after_the_peers_end(void **state)
{
    int fd;

    (void)state;
    pair_listen_tcp();
    server.stays_on_end = true;
    fd = connect_raw(address.port);
    assert_int_equal(send(fd, "read", 4, 0), 4);
    close(fd);
    while (!server.eofs)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_true(stream_watch(server.s));
    for (int i = 0; i < 5; i++)
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    assert_int_equal(server.resets, 0);
    assert_true(side_write(&server, STR("x")));
    pair_run();
    assert_int_equal(server.resets, 1);
    assert_int_equal(server.shuts, 0);
}

/* Once it reads again, the end comes behind what was sent before it. */
static void test_watch_ends_with_reading(void **state)
{
    int fd = connect_raw_unread();

    (void)state;
    assert_true(stream_watch(server.s));
    stream_read_start(server.s);
    assert_int_equal(send(fd, "read", 4, 0), 4);
    close(fd);
    pair_run();
    side_assert_got(&server, STR("read"));
    assert_int_equal(server.eofs, 1);
    assert_int_equal(server.shuts + server.resets, 0);
}

/* Whoever writes to a connection that has been reset learns it from the loop, once. */
static void test_failed_write_is_told_later(void **state)
{
    int fd = connect_raw_unread();

    (void)state;
    close_at_once(fd);
    assert_true(side_write(&server, STR("x"))); /* at the turn's end */
    stream_flush(server.s);
    assert_false(side_write(&server, STR("x")));
    assert_int_equal(server.resets, 0);
    pair_run();
    assert_int_equal(server.resets, 1);
    assert_int_equal(server.eofs, 0);
}

/* The server says something and closes, though there is more to read for it: a reset. */
static void test_failed_write_does_not_hide_what_came(void **state)
{
    (void)state;
    pair_listen_tcp();
    server.starts_reading = false;
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.connects || !server.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_true(side_write(&client, STR("x")));
    stream_flush(client.s);
    assert_true(side_write(&server, STR("answer")));
    side_close(&server);
    assert_true(side_write(&client, STR("x")));
    stream_flush(client.s);
    assert_false(side_write(&client, STR("x")));
    assert_int_equal(stream_pending(client.s), 0);
    pair_run();
    side_assert_got(&client, STR("answer"));
    assert_int_equal(client.resets, 1);
    assert_int_equal(client.eofs, 0);
}

static void test_reset_while_reading(void **state)
{
    int fd;

    (void)state;
    pair_listen_tcp();
    fd = connect_raw(address.port);
    while (!server.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    close_at_once(fd);
    pair_run();
    assert_int_equal(server.resets, 1);
}

/* Data is kept for a peer that then resets: no drain, one end. */
static void test_reset_while_writing(void **state)
{
    struct linger at_once = { .l_onoff = 1 };
    struct str bytes = pattern_make(LARGE_BYTES);

    (void)state;
    write_to_slow_reader(bytes);
    setsockopt(pair_socket(server.s), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    side_close(&server);
    pair_run();
    assert_int_equal(client.resets, 1);
    assert_int_equal(client.drains, 0);
    pattern_free(bytes);
}

static void test_both_close_in_one_read(void **state)
{
    (void)state;
    pair_listen_tcp();
    client.says = STR("x");
    server.closes_at_bytes = 1;
    server.closes_too = &client;
    side_connect(&client, l, &address, CONNECT_MS);
    pair_run();
    assert_int_equal(client.eofs + client.resets, 0);
}

static void test_events_change_hands(void **state)
{
    struct side other;

    (void)state;
    side_init(&other);
    pair_listen_tcp();
    server.echoes = true;
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    other.s = client.s;
    other.closes_at_bytes = 2;
    stream_set_events(client.s, &side_events, &other);
    client.s = NULL;
    assert_true(side_write(&other, STR("hi")));
    pair_run();
    side_assert_got(&other, STR("hi"));
    side_done(&other);
}

static bool acknowledges_at_once(const struct stream *s)
{
    socklen_t len = sizeof(int);
    int at_once;

    assert_int_equal(getsockopt(pair_socket(s), IPPROTO_TCP, TCP_QUICKACK, &at_once, &len), 0);
    return at_once;
}

static void test_delays_acknowledgements(void **state)
{
    (void)state;
    pair_listen_tcp();
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.connects || !server.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_true(acknowledges_at_once(client.s));
    stream_delay_ack(client.s);
    assert_false(acknowledges_at_once(client.s));
    side_close(&client);
    pair_run();
}

/* Else reads that are filled follow one another. */
static void test_read_enough(void **state)
{
    (void)state;
    pair_listen_tcp();
    server.space_len = 2;
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.connects || !server.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_true(side_write(&client, STR("123456")));
    while (!server.reads)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    side_assert_got(&server, STR("123456"));

    server.has_enough = true;
    assert_true(side_write(&client, STR("abcdef")));
    while (server.reads == 3)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    side_assert_got(&server, STR("123456ab"));
    while (server.reads < 6)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    side_assert_got(&server, STR("123456abcdef"));
    side_close(&client);
    pair_run();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_parts_are_sent_in_order),
        TEST(test_slow_reader_gets_all),
        TEST(test_pending_falls_while_reader_reads),
        TEST(test_close_flushes_what_is_pending),
        TEST(test_close_flushes_past_the_peers_end),
        TEST(test_flush_is_bounded),
        TEST(test_close_without_flush_drops_what_is_pending),
        TEST(test_secrets_that_had_to_wait_are_overwritten),
        TEST(test_reply_survives_unread_request),
        TEST(test_shut_ends_one_side),
        TEST(test_read_stop),
        TEST(test_read_enough),
        TEST(test_write_after_the_peers_end),
        TEST(test_watch_without_reading),
        TEST(test_watch_after_the_peers_end),
        TEST(test_watch_ends_with_reading),
        TEST(test_failed_write_is_told_later),
        TEST(test_failed_write_does_not_hide_what_came),
        TEST(test_reset_while_reading),
        TEST(test_reset_while_writing),
        TEST(test_both_close_in_one_read),
        TEST(test_events_change_hands),
        TEST(test_delays_acknowledgements),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
