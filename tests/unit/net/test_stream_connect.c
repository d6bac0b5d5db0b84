/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/stream_private.h"
#include "pair.h"

/* Names are resolved here, in place of the C library: every machine's are different. */

static struct addrinfo *resolved(const char *ip, const char *service, struct addrinfo *next)
{
    struct addrinfo *a = memory_alloc(sizeof(*a));
    struct sockaddr_in6 *to = memory_alloc(sizeof(*to));
    int port = atoi(service);

    *a = (struct addrinfo){ .ai_addr = (struct sockaddr *)to, .ai_next = next };
    if (uv_ip4_addr(ip, port, (struct sockaddr_in *)(void *)to) && uv_ip6_addr(ip, port, to))
        abort(); /* in a thread of libuv's, where cmocka cannot fail a test */
    a->ai_family = to->sin6_family;
    a->ai_addrlen = a->ai_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(*to);
    return a;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    const char *first = strcmp(name, "slow.test") == 0 ? "127.0.0.2" : "::1";

    if (hints->ai_socktype != SOCK_STREAM)
        abort();
    if (strcmp(name, "nowhere.test") == 0)
        return EAI_NONAME;
    *found = resolved(first, service, resolved("127.0.0.1", service, NULL));
    return 0;
}

void freeaddrinfo(struct addrinfo *a)
{
    while (a) {
        struct addrinfo *next = a->ai_next;

        free(a->ai_addr);
        free(a);
        a = next;
    }
}

static void echo(void)
{
    server.echoes = true;
    client.says = STR("hello");
    client.closes_at_bytes = 5;
    side_connect(&client, l, &address, CONNECT_MS);
    pair_run();
    side_assert_got(&client, STR("hello"));
    side_assert_got(&server, STR("hello"));
    assert_int_equal(server.eofs, 1);
    assert_int_equal(server.resets, 0);
}

static void test_echo_tcp(void **state)
{
    (void)state;
    pair_listen_tcp();
    echo();
}

static void test_echo_tcp6(void **state)
{
    struct listener_options options = { .host = "::1" };
    struct error err;

    (void)state;
    listener = listener_new(l, &options, pair_accept, &server, &err);
    if (!listener) { /* a machine without IPv6 */
        pair_run();
        skip();
    }
    listener_close(listener);
    pair_listen(&options);
    echo();
}

static void test_echo_name(void **state)
{
    (void)state;
    pair_listen_tcp();
    address.host = "two.test"; /* its first address is ::1, where nobody listens */
    echo();
    assert_int_equal(client.refusals, 0);
}

static void test_echo_unix(void **state)
{
    char path[] = "/tmp/lazuli-test-XXXXXX";
    char name[64];
    struct stat status;

    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(name, sizeof(name), "%s/socket", path);
    pair_listen(&(struct listener_options){ .unix_path = name });
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
    assert_null(listener_new(l, &(struct listener_options){ .unix_path = at.sun_path }, pair_accept,
                             &server, &err));
    assert_non_null(strstr(err.text, "address already in use"));
    close(fd);
    pair_listen(&(struct listener_options){ .unix_path = at.sun_path });
    echo();
    assert_int_equal(rmdir(path), 0);
}

static int socket_of(const struct stream *s)
{
    uv_os_fd_t fd;

    assert_int_equal(uv_fileno(&s->socket.handle, &fd), 0);
    return fd;
}

static void test_options_of_both_sockets(void **state)
{
    (void)state;
    pair_listen_tcp();
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
    pair_run();
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
    pair_run();
}

static void test_close_in_on_connect(void **state)
{
    (void)state;
    pair_listen_tcp();
    client.closes_on_connect = true;
    side_connect(&client, l, &address, CONNECT_MS);
    pair_run();
    assert_int_equal(server.eofs, 1);
}

static void test_close_while_connecting(void **state)
{
    (void)state;
    pair_listen_tcp();
    side_connect(&client, l, &address, CONNECT_MS);
    side_close(&client);
    address.host = "two.test";
    side_connect(&client, l, &address, CONNECT_MS);
    side_close(&client); /* while the name is looked up */
    side_connect(&client, l, &address, 0);
    uv_run(loop_uv(l), UV_RUN_NOWAIT);
    if (client.s)
        side_close(&client);
    if (!server.connects)
        listener_close(listener);
    pair_run();
    assert_null(client.s);
    assert_int_equal(client.refusals, 0); /* who has closed hears nothing more */
    assert_int_equal(client.eofs + client.resets, 0);
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
    pair_run();
    assert_int_equal(client.refusals, 1);
    assert_int_equal(client.err.code, ERROR_IO);
    snprintf(expected, sizeof(expected), "127.0.0.1 port %u: connection refused", address.port);
    assert_string_equal(client.err.text, expected);
}

static void test_refused_by_name_unix_and_nonsense(void **state)
{
    char long_path[400];

    (void)state;
    address = (struct stream_address){ .host = "two.test", .port = unused_port() };
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.refusals)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_non_null(strstr(client.err.text, "(two.test)"));
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

    address = (struct stream_address){ .host = "nowhere.test", .port = 1 };
    side_connect(&client, l, &address, CONNECT_MS);
    while (client.refusals < 4)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_int_equal(client.err.code, ERROR_IO);
    assert_string_equal(client.err.text, "nowhere.test port 1: unknown node or service");

    memset(long_path, 'a', sizeof(long_path) - 1);
    address.host = long_path; /* refused before anybody is asked */
    side_connect(&client, l, &address, CONNECT_MS);
    pair_run();
    assert_int_equal(client.refusals, 5);
}

/* The kernel refuses at once, in the call itself: a broadcast address is no place for TCP. */
static void test_refused_at_once(void **state)
{
    (void)state;
    address = (struct stream_address){ .host = "255.255.255.255", .port = 1 };
    side_connect(&client, l, &address, CONNECT_MS);
    side_close(&client);
    side_connect(&client, l, &address, CONNECT_MS);
    assert_int_equal(client.refusals, 0);
    pair_run();
    assert_int_equal(client.refusals, 1);
    assert_int_equal(client.err.code, ERROR_IO);
}

/* A full backlog: the kernel neither takes the connection nor refuses it. */
struct full {
    int listening;
    int waiting[8];
};

static void fill(struct full *f, const char *ip, unsigned port)
{
    struct sockaddr_in at;
    socklen_t len = sizeof(at);

    f->listening = socket(AF_INET, SOCK_STREAM, 0);
    uv_ip4_addr(ip, (int)port, &at);
    assert_int_equal(bind(f->listening, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(f->listening, 0), 0);
    assert_int_equal(getsockname(f->listening, (struct sockaddr *)&at, &len), 0);
    for (size_t i = 0; i < ARRAY_LEN(f->waiting); i++) {
        f->waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(f->waiting[i], (struct sockaddr *)&at, sizeof(at));
    }
    address = (struct stream_address){ .host = ip, .port = ntohs(at.sin_port) };
}

static void empty(struct full *f)
{
    for (size_t i = 0; i < ARRAY_LEN(f->waiting); i++)
        close(f->waiting[i]);
    close(f->listening);
}

static void test_connect_times_out(void **state)
{
    struct full full;
    char expected[64];

    (void)state;
    fill(&full, "127.0.0.1", 0);
    side_connect(&client, l, &address, 50);
    pair_run();
    assert_int_equal(client.refusals, 1);
    assert_int_equal(client.err.code, ERROR_TIMEOUT);
    snprintf(expected, sizeof(expected), "127.0.0.1 port %u: timed out", address.port);
    assert_string_equal(client.err.text, expected);
    empty(&full);
}

/* An address that does not answer leaves time for the next one. */
static void test_slow_address_leaves_time_for_the_next(void **state)
{
    struct full full;

    (void)state;
    pair_listen_tcp();
    fill(&full, "127.0.0.2", address.port);
    address.host = "slow.test";
    client.closes_on_connect = true;
    side_connect(&client, l, &address, 1000);
    pair_run();
    assert_int_equal(client.connects, 1);
    assert_int_equal(client.refusals, 0);
    empty(&full);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_echo_tcp),
        TEST(test_echo_tcp6),
        TEST(test_echo_name),
        TEST(test_echo_unix),
        TEST(test_unix_path_taken_over_when_dead),
        TEST(test_options_of_both_sockets),
        TEST(test_ipv4_client_of_ipv6_socket_is_shown_as_ipv4),
        TEST(test_close_in_on_connect),
        TEST(test_close_while_connecting),
        TEST(test_refused),
        TEST(test_refused_by_name_unix_and_nonsense),
        TEST(test_refused_at_once),
        TEST(test_connect_times_out),
        TEST(test_slow_address_leaves_time_for_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
