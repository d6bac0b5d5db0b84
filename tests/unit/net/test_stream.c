/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/stream_private.h"
#include "side.h"

#define CONNECT_MS 60000 /* never reached where a connection is expected */
#define LARGE_BYTES ((size_t)8 * 1024 * 1024)

static struct loop *l;
static struct listener *listener;
static struct side client, server;
static struct stream_address address;

/* Runs until both sides are closed. */
static void run(void)
{
    loop_stop(l);
    loop_run(l);
    assert_null(client.s);
    assert_null(server.s);
}

static void on_accept_once(void *data, struct stream *s)
{
    side_accept(data, s);
    listener_close(listener);
}

static void listen_at(const struct listener_options *options)
{
    struct error err;

    listener = listener_new(l, options, on_accept_once, &server, &err);
    if (!listener)
        fail_msg("%s", err.text);
    address = (struct stream_address){
        .unix_path = options->unix_path,
        .host = options->host,
        .port = listener_port(listener),
    };
}

static void listen_tcp(void)
{
    listen_at(&(struct listener_options){ .host = "127.0.0.1" });
}

static int set_up(void **state)
{
    (void)state;
    l = loop_new();
    side_init(&client);
    side_init(&server);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    side_done(&client);
    side_done(&server);
    loop_free(l);
    return 0;
}

static void assert_got(const struct side *side, struct str expected)
{
    assert_int_equal(buf_len(&side->got), expected.len);
    assert_memory_equal(buf_str(&side->got).data, expected.data, expected.len);
}

/* Bytes that do not repeat every power of two, so that a part lost or doubled shows. */
static struct str pattern(size_t len)
{
    char *bytes = memory_alloc(len);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i % 251);
    return str_of(bytes, len);
}

static void free_pattern(struct str bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static int socket_of(const struct stream *s)
{
    uv_os_fd_t fd;

    assert_int_equal(uv_fileno(&s->socket.handle, &fd), 0);
    return fd;
}

static int connect_raw(unsigned port)
{
    struct sockaddr_in to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(uv_ip4_addr("127.0.0.1", (int)port, &to), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void echo(void)
{
    server.echoes = true;
    client.says = STR("hello");
    client.closes_at_bytes = 5;
    side_connect(&client, l, &address, CONNECT_MS);
    run();
    assert_got(&client, STR("hello"));
    assert_got(&server, STR("hello"));
    assert_int_equal(server.eofs, 1);
    assert_int_equal(server.resets, 0);
}

static void test_echo_tcp(void **state)
{
    (void)state;
    listen_tcp();
    echo();
}

static void test_echo_tcp6(void **state)
{
    struct listener_options options = { .host = "::1" };
    struct error err;

    (void)state;
    listener = listener_new(l, &options, on_accept_once, &server, &err);
    if (!listener) { /* a machine without IPv6 */
        run();
        skip();
    }
    listener_close(listener);
    listen_at(&options);
    echo();
}

static void test_echo_name(void **state)
{
    (void)state;
    listen_tcp();
    address.host = "localhost"; /* may stand for ::1 first, where nobody listens */
    echo();
}

static void test_echo_unix(void **state)
{
    char path[] = "/tmp/lazuli-test-XXXXXX";
    char name[64];
    struct stat status;

    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(name, sizeof(name), "%s/socket", path);
    listen_at(&(struct listener_options){ .unix_path = name });
    echo();
    assert_int_equal(stat(name, &status), -1); /* the listener has tidied up */
    assert_int_equal(rmdir(path), 0);
}

/* A process that was killed leaves its socket's path behind; a living one is not robbed. */
static void test_unix_path_taken_over_when_dead(void **state)
{
    char path[] = "/tmp/lazuli-test-XXXXXX";
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    struct error err;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", path);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_null(listener_new(l, &(struct listener_options){ .unix_path = at.sun_path },
                             on_accept_once, &server, &err));
    assert_non_null(strstr(err.text, "address already in use"));
    close(fd);
    listen_at(&(struct listener_options){ .unix_path = at.sun_path });
    echo();
    assert_int_equal(rmdir(path), 0);
}

static void test_options_of_both_sockets(void **state)
{
    (void)state;
    listen_tcp();
    client.says = STR("x");
    server.stops_at_bytes = 1;
    side_connect(&client, l, &address, CONNECT_MS);
    while (!server.reads)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    for (int i = 0; i < 2; i++) {
        int fd = socket_of(i ? client.s : server.s);
        int value = 0;
        socklen_t size = sizeof(value);

        assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
        assert_int_equal(value, 1);
        assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size), 0);
        assert_int_equal(value, 1);
        assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &size), 0);
        assert_int_equal(value, 60);
    }
    assert_string_equal(stream_peer(server.s), "127.0.0.1");
    assert_string_equal(stream_peer(client.s), "127.0.0.1");
    side_close(&client);
    side_close(&server);
    run();
}

static void test_ipv4_client_of_ipv6_socket_is_shown_as_ipv4(void **state)
{
    struct stream s = { .peer = "" };
    struct sockaddr_in6 peer;

    (void)state;
    uv_ip6_addr("::ffff:192.0.2.1", 1, &peer);
    stream_set_peer(&s, (struct sockaddr *)&peer);
    assert_string_equal(s.peer, "192.0.2.1");
    uv_ip6_addr("2001:db8::1", 1, &peer);
    stream_set_peer(&s, (struct sockaddr *)&peer);
    assert_string_equal(s.peer, "2001:db8::1");
    run();
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
    listen_tcp();
    server.closes_at_bytes = STREAM_WRITE_PARTS_MAX - 1;
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_true(stream_write(client.s, parts, STREAM_WRITE_PARTS_MAX));
    assert_int_equal(stream_pending(client.s), 0); /* nothing is kept of a small write */
    run();
    assert_got(&server, STR("abcefghijklmnop"));
}

/* The server does not read at first: the client's socket fills up. */
static void write_to_slow_reader(struct str bytes)
{
    int small = 4096;

    listen_tcp();
    server.starts_reading = false;
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.connects || !server.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    setsockopt(socket_of(client.s), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    for (size_t at = 0; at < bytes.len; at += bytes.len / 8)
        assert_true(side_write(&client, str_slice(bytes, at, bytes.len / 8)));
    assert_true(stream_pending(client.s) > 0);
    assert_true(stream_pending(client.s) < bytes.len); /* the socket took some */
}

static void test_slow_reader_gets_all(void **state)
{
    struct str bytes = pattern(LARGE_BYTES);

    (void)state;
    write_to_slow_reader(bytes);
    client.closes_on_drain = true;
    stream_read_start(server.s);
    run();
    assert_got(&server, bytes);
    assert_int_equal(client.drains, 1);
    assert_int_equal(server.eofs, 1);
    free_pattern(bytes);
}

static void test_pending_falls_while_reader_reads(void **state)
{
    struct str bytes = pattern(LARGE_BYTES);
    size_t before;

    (void)state;
    write_to_slow_reader(bytes);
    before = stream_pending(client.s);
    stream_read_start(server.s);
    while (stream_pending(client.s) > before / 2)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_int_equal(client.drains, 0);
    side_close(&client);
    run();
    free_pattern(bytes);
}

static void test_close_flushes_what_is_pending(void **state)
{
    struct str bytes = pattern(LARGE_BYTES);

    (void)state;
    write_to_slow_reader(bytes);
    client.flushes = true;
    side_close(&client);
    stream_read_start(server.s);
    run();
    assert_got(&server, bytes);
    assert_int_equal(server.eofs, 1);
    assert_int_equal(client.drains, 0); /* no event after close */
    free_pattern(bytes);
}

static void count_socket(uv_handle_t *handle, void *count)
{
    if (handle->type == UV_TCP)
        (*(unsigned *)count)++;
}

/* A peer that never reads does not keep the stream for ever. */
static void test_flush_is_bounded(void **state)
{
    struct str bytes = pattern(LARGE_BYTES);
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
    run();
    free_pattern(bytes);
}

static void test_close_without_flush_drops_what_is_pending(void **state)
{
    struct str bytes = pattern(LARGE_BYTES);

    (void)state;
    write_to_slow_reader(bytes);
    side_close(&client);
    stream_read_start(server.s);
    run();
    assert_true(buf_len(&server.got) < bytes.len);
    free_pattern(bytes);
}

/* The reply to a request that nobody has read to its end must reach the client all the same: a
 * plain close would have the kernel reset the connection and drop the reply. */
static void test_reply_survives_unread_request(void **state)
{
    struct str request = pattern(64 * 1024);
    char reply[16];
    ssize_t n;
    int fd;

    (void)state;
    listen_tcp();
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
    run();
    free_pattern(request);
}

static void test_read_stop(void **state)
{
    (void)state;
    listen_tcp();
    server.space_len = 2;
    server.stops_at_bytes = 2;
    server.closes_at_bytes = 6;
    client.says = STR("abcdef");
    side_connect(&client, l, &address, CONNECT_MS);
    while (buf_len(&server.got) < 2)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    for (int i = 0; i < 5; i++)
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    assert_got(&server, STR("ab"));
    server.stops_at_bytes = 0;
    stream_read_start(server.s);
    run();
    assert_got(&server, STR("abcdef"));
}

static void test_write_after_the_peers_end(void **state)
{
    char reply[8];
    int fd;

    (void)state;
    listen_tcp();
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
    run();
}

/* Whoever writes to a connection that has been reset learns it from the loop, once. */
static void test_failed_write_is_told_later(void **state)
{
    struct linger at_once = { .l_onoff = 1 };
    int fd;

    (void)state;
    listen_tcp();
    server.starts_reading = false;
    fd = connect_raw(address.port);
    while (!server.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
    assert_false(side_write(&server, STR("x")));
    assert_false(side_write(&server, STR("x")));
    assert_int_equal(server.resets, 0);
    run();
    assert_int_equal(server.resets, 1);
    assert_int_equal(server.eofs, 0);
}

static void test_reset_while_reading(void **state)
{
    struct linger at_once = { .l_onoff = 1 };
    int fd;

    (void)state;
    listen_tcp();
    fd = connect_raw(address.port);
    while (!server.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
    run();
    assert_int_equal(server.resets, 1);
}

/* Data is kept for a peer that then resets: no drain, one end. */
static void test_reset_while_writing(void **state)
{
    struct linger at_once = { .l_onoff = 1 };
    struct str bytes = pattern(LARGE_BYTES);

    (void)state;
    write_to_slow_reader(bytes);
    setsockopt(socket_of(server.s), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    side_close(&server);
    run();
    assert_int_equal(client.resets, 1);
    assert_int_equal(client.drains, 0);
    free_pattern(bytes);
}

static void test_close_in_on_connect(void **state)
{
    (void)state;
    listen_tcp();
    client.closes_on_connect = true;
    side_connect(&client, l, &address, CONNECT_MS);
    run();
    assert_int_equal(server.eofs, 1);
}

static void test_both_close_in_one_read(void **state)
{
    (void)state;
    listen_tcp();
    client.says = STR("x");
    server.closes_at_bytes = 1;
    server.closes_too = &client;
    side_connect(&client, l, &address, CONNECT_MS);
    run();
    assert_int_equal(client.eofs + client.resets, 0);
}

static void test_close_while_connecting(void **state)
{
    (void)state;
    listen_tcp();
    side_connect(&client, l, &address, CONNECT_MS);
    side_close(&client);
    address.host = "localhost";
    side_connect(&client, l, &address, CONNECT_MS);
    side_close(&client); /* while the name is looked up */
    side_connect(&client, l, &address, 0);
    uv_run(loop_uv(l), UV_RUN_NOWAIT);
    if (client.s)
        side_close(&client);
    if (!server.connects)
        listener_close(listener);
    run();
}

static unsigned unused_port(void)
{
    struct listener_options options = { .host = "127.0.0.1" };
    struct error err;
    struct listener *other = listener_new(l, &options, side_accept, &server, &err);
    unsigned port;

    assert_non_null(other);
    port = listener_port(other);
    listener_close(other);
    return port;
}

static void test_refused(void **state)
{
    char expected[64];

    (void)state;
    address = (struct stream_address){ .host = "127.0.0.1", .port = unused_port() };
    side_connect(&client, l, &address, CONNECT_MS);
    run();
    assert_int_equal(client.refusals, 1);
    assert_int_equal(client.err.code, ERROR_IO);
    snprintf(expected, sizeof(expected), "127.0.0.1 port %u: connection refused", address.port);
    assert_string_equal(client.err.text, expected);
}

static void test_refused_by_name_unix_and_nonsense(void **state)
{
    char long_path[200];

    (void)state;
    address = (struct stream_address){ .host = "localhost", .port = unused_port() };
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.refusals)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_non_null(strstr(client.err.text, "(localhost)"));
    assert_non_null(strstr(client.err.text, "connection refused"));

    address = (struct stream_address){ .unix_path = "/nonexistent/socket" };
    side_connect(&client, l, &address, CONNECT_MS);
    while (client.refusals < 2)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_string_equal(client.err.text, "/nonexistent/socket: no such file or directory");

    memset(long_path, 'a', sizeof(long_path));
    long_path[sizeof(long_path) - 1] = '\0';
    address = (struct stream_address){ .unix_path = long_path };
    side_connect(&client, l, &address, CONNECT_MS);
    while (client.refusals < 3)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_non_null(strstr(client.err.text, "too long"));

    address = (struct stream_address){ .host = "not a name", .port = 1 };
    side_connect(&client, l, &address, CONNECT_MS);
    run();
    assert_int_equal(client.refusals, 4);
    assert_int_equal(client.err.code, ERROR_IO);
}

/* A full backlog: the kernel neither takes the connection nor refuses it. */
static void test_connect_times_out(void **state)
{
    struct sockaddr_in at;
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int waiting[8];

    (void)state;
    uv_ip4_addr("127.0.0.1", 0, &at);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(waiting[i], (struct sockaddr *)&at, sizeof(at));
    }
    address = (struct stream_address){ .host = "127.0.0.1", .port = ntohs(at.sin_port) };
    side_connect(&client, l, &address, 50);
    run();
    assert_int_equal(client.refusals, 1);
    assert_int_equal(client.err.code, ERROR_TIMEOUT);
    assert_non_null(strstr(client.err.text, "timed out"));
    for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
        close(waiting[i]);
    close(fd);
}

static void test_events_change_hands(void **state)
{
    struct side other;

    (void)state;
    side_init(&other);
    listen_tcp();
    server.echoes = true;
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    other.s = client.s;
    other.closes_at_bytes = 2;
    stream_set_events(client.s, &side_events, &other);
    client.s = NULL;
    assert_true(side_write(&other, STR("hi")));
    run();
    assert_got(&other, STR("hi"));
    side_done(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_echo_tcp),
        TEST(test_echo_tcp6),
        TEST(test_echo_name),
        TEST(test_echo_unix),
        TEST(test_unix_path_taken_over_when_dead),
        TEST(test_options_of_both_sockets),
        TEST(test_ipv4_client_of_ipv6_socket_is_shown_as_ipv4),
        TEST(test_parts_are_sent_in_order),
        TEST(test_slow_reader_gets_all),
        TEST(test_pending_falls_while_reader_reads),
        TEST(test_close_flushes_what_is_pending),
        TEST(test_flush_is_bounded),
        TEST(test_close_without_flush_drops_what_is_pending),
        TEST(test_reply_survives_unread_request),
        TEST(test_read_stop),
        TEST(test_write_after_the_peers_end),
        TEST(test_failed_write_is_told_later),
        TEST(test_reset_while_reading),
        TEST(test_reset_while_writing),
        TEST(test_close_in_on_connect),
        TEST(test_both_close_in_one_read),
        TEST(test_close_while_connecting),
        TEST(test_refused),
        TEST(test_refused_by_name_unix_and_nonsense),
        TEST(test_connect_times_out),
        TEST(test_events_change_hands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
