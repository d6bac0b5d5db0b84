/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "certificate.h"
#include "net/stream_private.h"
#include "side.h"

#define CONNECT_MS 60000 /* never reached where a connection is expected */
#define LARGE_BYTES ((size_t)4 * 1024 * 1024)

static struct certificate ours, others;
static struct tls_context *server_tls, *client_tls;
static struct loop *l;
static struct listener *listener;
static struct side client, server;
static struct stream_address address;
static struct error err;

static int make_certificates(void **state)
{
    (void)state;
    certificate_make(&ours, "DNS:localhost,DNS:*.models.test,DNS:gpu*.part.test,IP:127.0.0.1", NULL);
    certificate_make(&others, "DNS:localhost", NULL);
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    certificate_remove(&ours);
    certificate_remove(&others);
    return 0;
}

static void listen_with(bool require_tls)
{
    struct listener_options options = {
        .host = "127.0.0.1",
        .tls = server_tls,
        .require_tls = require_tls,
    };

    listener = listener_new(l, &options, side_accept, &server, &err);
    assert_non_null(listener);
    address = (struct stream_address){
        .host = "127.0.0.1",
        .port = listener_port(listener),
        .tls = client_tls,
        .tls_server_name = "localhost",
    };
}

static int set_up(void **state)
{
    (void)state;
    l = loop_new();
    side_init(&client);
    side_init(&server);
    server_tls = tls_context_new_server(ours.certificate_file, ours.key_file, &err);
    assert_non_null(server_tls);
    client_tls = tls_context_new_client(ours.certificate_file, &err);
    assert_non_null(client_tls);
    listen_with(false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    side_close(&client); /* open only when the test has failed */
    side_close(&server);
    listener_close(listener);
    loop_stop(l);
    loop_run(l);
    side_done(&client);
    side_done(&server);
    loop_free(l);
    tls_context_unref(server_tls);
    tls_context_unref(client_tls);
    return 0;
}

static void run_until_closed(void)
{
    while (client.s || server.s)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

static void run_until_connected(void)
{
    while (!client.connects || !server.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

static void assert_got(const struct side *side, struct str expected)
{
    assert_int_equal(buf_len(&side->got), expected.len);
    assert_memory_equal(buf_str(&side->got).data, expected.data, expected.len);
}

/* Through streams. */

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
    run_until_closed();
    assert_got(&client, STR("hello"));
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
    run_until_closed();
    assert_got(&client, client.says);
    assert_int_equal(server.eofs, 1);
}

static void test_plain_is_closed_where_tls_is_required(void **state)
{
    (void)state;
    listener_close(listener);
    listen_with(true);
    address.tls = NULL;
    client.says = STR("GET / HTTP/1.1");
    side_connect(&client, l, &address, CONNECT_MS);
    run_until_closed();
    assert_int_equal(server.reads, 0);
    assert_int_equal(server.resets, 1);
    assert_int_equal(client.reads, 0);

    address.tls = client_tls;
    client.closes_on_connect = true;
    side_connect(&client, l, &address, CONNECT_MS);
    run_until_closed();
    assert_int_equal(client.connects, 2);
}

/* A connection cut without a goodbye may have lost its end: that is no EOF. */
static void test_cut_connection_is_no_eof(void **state)
{
    (void)state;
    client.says = STR("half a mess");
    client.closes_after_says = true;
    side_connect(&client, l, &address, CONNECT_MS);
    run_until_closed();
    assert_got(&server, client.says);
    assert_int_equal(server.eofs, 0);
    assert_int_equal(server.resets, 1);
}

static void test_parts_leave_in_one_record(void **state)
{
    struct str parts[] = { STR("HTTP/1.1 200 OK\r\n"), STR("\r\n"), STR_NONE, STR("body") };

    (void)state;
    server.closes_at_bytes = 1;
    side_connect(&client, l, &address, CONNECT_MS);
    run_until_connected();
    assert_true(stream_write(client.s, parts, ARRAY_LEN(parts)));
    assert_int_equal(stream_pending(client.s), 0);
    run_until_closed();
    assert_got(&server, STR("HTTP/1.1 200 OK\r\n\r\nbody"));
    assert_int_equal(server.reads, 1); /* OpenSSL gives a record at a time */
}

static char *pattern(void)
{
    char *bytes = memory_alloc(LARGE_BYTES);

    for (size_t i = 0; i < LARGE_BYTES; i++)
        bytes[i] = (char)(i % 251);
    return bytes;
}

/* Sizes around that of a record, whole and gathered, against a reader that stops again and again
 * with records read but not taken. */
static void test_slow_reader_gets_all(void **state)
{
    const size_t sizes[] = { 1, 16383, 16384, 16385, 40000, 100000, 5, 7 };
    char *bytes = pattern();
    size_t at = 0;

    (void)state;
    client.flushes = true;
    server.stops_at_bytes = 1; /* stops in each on_read */
    server.space_len = 5000;
    side_connect(&client, l, &address, CONNECT_MS);
    run_until_connected();
    for (size_t i = 0; at < LARGE_BYTES; i++) {
        struct str rest = str_slice(str_of(bytes, LARGE_BYTES), at, SIZE_MAX);
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
            assert_true(side_write(&server, str_of(bytes, sizeof(loop_scratch(l)->in))));
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
        stream_read_start(server.s);
        while (server.reads == reads) /* no RUN_ONCE: it polls after its timers */
            uv_run(loop_uv(l), UV_RUN_NOWAIT);
        assert_int_equal(server.reads, reads + 1);
    }
    assert_got(&server, str_of(bytes, LARGE_BYTES));
    side_close(&client);
    stream_read_start(server.s);
    run_until_closed();
    assert_int_equal(server.eofs, 1);
    free(bytes);
}

static void test_certificates_are_replaced_while_in_use(void **state)
{
    struct tls_context *next = tls_context_new_server(others.certificate_file, others.key_file,
                                                      &err);
    struct tls_context *next_client = tls_context_new_client(others.certificate_file, &err);
    struct side old_server, old_client;

    (void)state;
    server.echoes = true;
    side_connect(&client, l, &address, CONNECT_MS);
    run_until_connected();
    old_client = client;
    old_server = server;
    stream_set_events(old_client.s, &side_events, &old_client);
    stream_set_events(old_server.s, &side_events, &old_server);
    side_init(&client);
    side_init(&server);

    listener_set_tls(listener, next);
    tls_context_unref(next);
    side_connect(&client, l, &address, CONNECT_MS);
    run_until_closed();
    assert_int_equal(client.refusals, 1); /* it trusts the old certificate only */
    address.tls = next_client;
    client.closes_on_connect = true;
    side_connect(&client, l, &address, CONNECT_MS);
    run_until_closed();
    assert_int_equal(client.connects, 1);

    old_client.closes_at_bytes = 5;
    assert_true(side_write(&old_client, STR("still")));
    while (old_client.s || old_server.s)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_got(&old_client, STR("still"));
    side_done(&old_client);
    side_done(&old_server);
    tls_context_unref(next_client);
}

static void refused(const char *expected)
{
    unsigned before = client.refusals;

    side_connect(&client, l, &address, CONNECT_MS);
    run_until_closed();
    assert_int_equal(client.connects, 0);
    assert_int_equal(client.refusals, before + 1);
    assert_int_equal(client.err.code, ERROR_IO);
    if (!strstr(client.err.text, expected))
        fail_msg("\"%s\" is not in \"%s\"", expected, client.err.text);
}

static void test_wrong_server_is_refused(void **state)
{
    struct tls_context *stranger = tls_context_new_client(others.certificate_file, &err);

    (void)state;
    address.tls_server_name = "example.com";
    refused("hostname mismatch");
    address.tls_server_name = "a.b.models.test"; /* a wildcard stands for one label */
    refused("hostname mismatch");
    address.tls_server_name = "gpu1.part.test"; /* and for a whole one */
    refused("hostname mismatch");
    address.tls_server_name = "127.0.0.2";
    refused("IP address mismatch");
    address.tls_server_name = "";
    refused("is no server name");
    address.tls_server_name = "localhost";
    address.tls = stranger;
    refused("self-signed certificate");
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
        run_until_closed();
        assert_int_equal(client.connects, i + 1);
    }
}

static void test_server_that_is_not_tls(void **state)
{
    (void)state;
    listener_set_tls(listener, NULL);
    server.echoes = true; /* the client gets its own hello back */
    refused("TLS: ");
    server.echoes = false;
    server.closes_at_bytes = 1;
    refused("closed in the TLS handshake");
}

static void test_silent_server_times_out(void **state)
{
    (void)state;
    listener_set_tls(listener, NULL);
    side_connect(&client, l, &address, 50);
    run_until_closed();
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
        run_until_closed();
        assert_int_equal(server.resets, i + 1);
        assert_int_equal(server.reads, 0);
    }
}

static void test_write_before_the_handshake_fails(void **state)
{
    (void)state;
    address.tls = NULL;
    side_connect(&client, l, &address, CONNECT_MS);
    run_until_connected();
    assert_false(side_write(&server, STR("too early")));
    assert_int_equal(server.resets, 0);
    run_until_closed();
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
    }
}

/* Against OpenSSL itself, over a socket that it drives. */

struct raw_client {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

static void raw_open(struct raw_client *c, int version_max)
{
    struct sockaddr_in to;
    int small = 4096;

    uv_ip4_addr("127.0.0.1", (int)listener_port(listener), &to);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
    c->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(c->context, 0);
    SSL_CTX_set_max_proto_version(c->context, version_max);
    c->ssl = SSL_new(c->context);
    SSL_set_fd(c->ssl, c->fd);
}

/* Runs the loop between the client's steps; true when both have shaken hands. */
static bool raw_shake_hands(struct raw_client *c)
{
    for (;;) {
        int rc = SSL_connect(c->ssl);

        if (rc == 1)
            return true;
        if (SSL_get_error(c->ssl, rc) != SSL_ERROR_WANT_READ)
            return false;
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    }
}

static bool raw_read(struct raw_client *c, char *out, int size)
{
    for (;;) {
        int rc = SSL_read(c->ssl, out, size);

        if (rc > 0)
            return true;
        if (SSL_get_error(c->ssl, rc) != SSL_ERROR_WANT_READ)
            return false;
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    }
}

static void raw_close(struct raw_client *c)
{
    SSL_shutdown(c->ssl); /* else OpenSSL holds the session to be broken */
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    close(c->fd);
}

static void assert_alpn(const char *offer, const char *expected)
{
    const unsigned char *chosen;
    struct raw_client c;
    unsigned len;

    raw_open(&c, TLS1_3_VERSION);
    SSL_set_alpn_protos(c.ssl, (const unsigned char *)offer, (unsigned)strlen(offer));
    assert_true(raw_shake_hands(&c));
    SSL_get0_alpn_selected(c.ssl, &chosen, &len);
    assert_int_equal(len, strlen(expected));
    if (len)
        assert_memory_equal(chosen, expected, len);
    raw_close(&c);
    run_until_closed();
}

static void test_alpn(void **state)
{
    (void)state;
    assert_alpn("\x08http/1.1", "http/1.1");
    assert_alpn("\x02h2\x08http/1.1", "http/1.1");
    assert_alpn("\x02h2", "");
    assert_alpn("", "");
}

static void test_versions(void **state)
{
    struct raw_client c;

    (void)state;
    raw_open(&c, TLS1_2_VERSION);
    assert_true(raw_shake_hands(&c));
    assert_non_null(strstr(SSL_get_cipher_name(c.ssl), "ECDHE"));
    raw_close(&c);
    run_until_closed();
    raw_open(&c, TLS1_1_VERSION);
    assert_false(raw_shake_hands(&c));
    raw_close(&c);
    run_until_closed();
}

static void test_session_is_resumed_by_ticket(void **state)
{
    struct raw_client first, second;
    SSL_SESSION *session;
    char byte;

    (void)state;
    server.echoes = true;
    raw_open(&first, TLS1_3_VERSION);
    assert_true(raw_shake_hands(&first));
    assert_int_equal(SSL_write(first.ssl, "x", 1), 1);
    assert_true(raw_read(&first, &byte, 1)); /* the tickets come before the echo */
    session = SSL_get1_session(first.ssl);
    raw_close(&first);
    run_until_closed();
    raw_open(&second, TLS1_3_VERSION);
    SSL_set_session(second.ssl, session);
    assert_true(raw_shake_hands(&second));
    assert_true(SSL_session_reused(second.ssl));
    SSL_SESSION_free(session);
    raw_close(&second);
    run_until_closed();
}

/* Each byte by itself, which cuts records and handshake messages everywhere. */
static void test_wire_cut_anywhere(void **state)
{
    struct buf to_server, to_client;
    struct tls *s, *c;
    char out[64];
    size_t len = 0;

    (void)state;
    buf_init(&to_server, 1 << 20);
    buf_init(&to_client, 1 << 20);
    s = tls_new(server_tls, true, NULL, &to_client);
    c = tls_new(client_tls, false, "localhost", &to_server);
    assert_true(tls_start(c));
    while (!tls_is_ready(s) || !tls_is_ready(c)) {
        assert_true(buf_len(&to_server) || buf_len(&to_client));
        if (buf_len(&to_server)) {
            assert_true(tls_feed(s, str_slice(buf_str(&to_server), 0, 1)));
            tls_keep(s);
            buf_consume(&to_server, 1);
        }
        if (buf_len(&to_client)) {
            assert_true(tls_feed(c, str_slice(buf_str(&to_client), 0, 1)));
            tls_keep(c);
            buf_consume(&to_client, 1);
        }
    }
    assert_true(tls_write(c, STR("secret")));
    assert_int_equal(str_find(buf_str(&to_server), STR("secret")), SIZE_MAX);
    while (buf_len(&to_server)) {
        assert_int_equal(len, 0);
        assert_true(tls_feed(s, str_slice(buf_str(&to_server), 0, 1)));
        assert_int_equal(tls_read(s, out, sizeof(out), &len), TLS_OK);
        tls_keep(s);
        buf_consume(&to_server, 1);
    }
    assert_int_equal(len, 6);
    assert_memory_equal(out, "secret", 6);
    assert_int_equal(tls_read(s, out, sizeof(out), &len), TLS_OK);
    assert_int_equal(len, 0);
    tls_shutdown(c);
    assert_true(tls_feed(s, buf_str(&to_server)));
    assert_int_equal(tls_read(s, out, sizeof(out), &len), TLS_EOF);
    tls_free(s);
    tls_free(c);
    buf_done(&to_server);
    buf_done(&to_client);
}

static void test_changed_byte_is_noticed(void **state)
{
    struct buf to_server, to_client;
    struct tls *s, *c;
    char wire[256], out[64];
    size_t len;

    (void)state;
    buf_init(&to_server, 1 << 20);
    buf_init(&to_client, 1 << 20);
    s = tls_new(server_tls, true, NULL, &to_client);
    c = tls_new(client_tls, false, "localhost", &to_server);
    assert_true(tls_start(c));
    while (!tls_is_ready(s) || !tls_is_ready(c)) {
        assert_true(tls_feed(s, buf_str(&to_server)));
        tls_keep(s);
        buf_clear(&to_server);
        assert_true(tls_feed(c, buf_str(&to_client)));
        tls_keep(c);
        buf_clear(&to_client);
    }
    assert_true(tls_write(c, STR("secret")));
    len = buf_len(&to_server);
    memcpy(wire, buf_str(&to_server).data, len);
    wire[len - 1] ^= 1;
    assert_true(tls_feed(s, str_of(wire, len)));
    assert_int_equal(tls_read(s, out, sizeof(out), &len), TLS_FAILED);
    assert_int_equal(len, 0);
    assert_non_null(strstr(tls_error(s), "bad record mac"));
    tls_keep(s);
    assert_false(tls_write(s, STR("x")));
    tls_free(s);
    tls_free(c);
    buf_done(&to_server);
    buf_done(&to_client);
}

/* Each key update asks for one in return. Who does not read the replies may not have us keep
 * them without bound. */
static void test_replies_of_tls_are_bounded(void **state)
{
    struct raw_client c;
    int small = 4096;

    (void)state;
    raw_open(&c, TLS1_3_VERSION);
    assert_true(raw_shake_hands(&c));
    while (!server.connects || server.s->state != STREAM_OPEN)
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    setsockopt(server.s->socket.tcp.io_watcher.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    while (server.s) {
        assert_true(stream_pending(server.s) < 1024 * 1024);
        SSL_key_update(c.ssl, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(c.ssl);
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    }
    assert_int_equal(server.resets, 1);
    raw_close(&c);
}

/* Contexts. */

static void assert_no_server(const char *certificate_file, const char *key_file,
                             const char *expected)
{
    assert_null(tls_context_new_server(certificate_file, key_file, &err));
    assert_int_equal(err.code, ERROR_CONFIG);
    if (!strstr(err.text, expected))
        fail_msg("\"%s\" is not in \"%s\"", expected, err.text);
}

static void test_bad_files_are_named(void **state)
{
    struct certificate locked;

    (void)state;
    certificate_make(&locked, "DNS:localhost", "password");
    assert_no_server("/nonexistent.pem", ours.key_file, "/nonexistent.pem: ");
    assert_no_server(ours.certificate_file, "/nonexistent.pem", "/nonexistent.pem: ");
    assert_no_server(ours.certificate_file, others.key_file, "key values mismatch");
    assert_no_server(ours.key_file, ours.key_file, "no start line");
    assert_no_server(locked.certificate_file, locked.key_file, locked.key_file);
    assert_null(tls_context_new_client("/nonexistent.pem", &err));
    assert_non_null(strstr(err.text, "/nonexistent.pem: "));
    certificate_remove(&locked);
}

static void test_system_trust_does_not_trust_us(void **state)
{
    struct tls_context *system = tls_context_new_client(NULL, &err);

    (void)state;
    assert_non_null(system);
    address.tls = system;
    refused("self-signed certificate");
    tls_context_unref(system);
}

/* Loops of several threads share the contexts. */

static void *echo_on_a_loop_of_its_own(void *data)
{
    struct listener_options options = { .host = "127.0.0.1", .tls = server_tls };
    struct loop *own = loop_new();
    struct side to, from;
    struct error why;
    struct listener *at = listener_new(own, &options, side_accept, &from, &why);
    struct stream_address where = { .host = "127.0.0.1", .tls = client_tls };

    (void)data;
    where.port = listener_port(at);
    side_init(&to);
    side_init(&from);
    to.says = STR("hello");
    to.closes_at_bytes = 5;
    from.echoes = true;
    for (int i = 0; i < 10; i++) {
        to.got.end = to.got.start;
        side_connect(&to, own, &where, CONNECT_MS);
        while (to.s || from.s)
            uv_run(loop_uv(own), UV_RUN_ONCE);
        listener_set_tls(at, server_tls);
    }
    listener_close(at);
    loop_stop(own);
    loop_run(own);
    side_done(&to);
    side_done(&from);
    loop_free(own);
    return to.connects == 10 && to.refusals == 0 ? data : NULL;
}

static void test_contexts_are_shared_by_threads(void **state)
{
    pthread_t threads[3];
    void *result;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, echo_on_a_loop_of_its_own, l), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, l);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_echo),
        TEST(test_plain_on_the_same_port),
        TEST(test_plain_is_closed_where_tls_is_required),
        TEST(test_cut_connection_is_no_eof),
        TEST(test_parts_leave_in_one_record),
        TEST(test_slow_reader_gets_all),
        TEST(test_certificates_are_replaced_while_in_use),
        TEST(test_wrong_server_is_refused),
        TEST(test_right_names_are_accepted),
        TEST(test_server_that_is_not_tls),
        TEST(test_silent_server_times_out),
        TEST(test_garbage_handshake),
        TEST(test_write_before_the_handshake_fails),
        TEST(test_close_in_the_handshake),
        TEST(test_alpn),
        TEST(test_versions),
        TEST(test_session_is_resumed_by_ticket),
        TEST(test_wire_cut_anywhere),
        TEST(test_changed_byte_is_noticed),
        TEST(test_replies_of_tls_are_bounded),
        TEST(test_bad_files_are_named),
        TEST(test_system_trust_does_not_trust_us),
        TEST(test_contexts_are_shared_by_threads),
    };

    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
