/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream_private.h"
#include "tls_pair.h"

/* Against OpenSSL itself, over a socket that it drives. */

struct raw_client {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

/* The other end is `server`, whose socket takes little. */
static void raw_open(struct raw_client *c, int version_max)
{
    const struct sockaddr peer = { .sa_family = AF_UNIX };
    int ends[2];
    int small = 4096;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    side_accept(&server, stream_accepted(l, ends[1], &peer, server_tls, false));
    c->fd = ends[0];
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
    tls_pair_run();
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
    tls_pair_run();
    raw_open(&c, TLS1_1_VERSION);
    assert_false(raw_shake_hands(&c));
    raw_close(&c);
    tls_pair_run();
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
    tls_pair_run();
    raw_open(&second, TLS1_3_VERSION);
    SSL_set_session(second.ssl, session);
    assert_true(raw_shake_hands(&second));
    assert_true(SSL_session_reused(second.ssl));
    SSL_SESSION_free(session);
    raw_close(&second);
    tls_pair_run();
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
    char out[64];
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
    to_server.data[to_server.end - 1] ^= 1;
    assert_true(tls_feed(s, buf_str(&to_server)));
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

/* Each key update asks for one in return. */
static void provoke_reply(struct raw_client *c)
{
    SSL_key_update(c->ssl, SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(c->ssl);
    uv_run(loop_uv(l), UV_RUN_NOWAIT);
}

static void raw_open_to_flood(struct raw_client *c)
{
    raw_open(c, TLS1_3_VERSION);
    assert_true(raw_shake_hands(c));
    while (server.s->state != STREAM_OPEN)
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
}

/* Who does not read the replies may not have us keep them without bound. */
static void test_replies_of_tls_are_bounded(void **state)
{
    struct raw_client c;

    (void)state;
    raw_open_to_flood(&c);
    while (server.s) {
        assert_true(stream_pending(server.s) < 1024 * 1024);
        provoke_reply(&c);
    }
    assert_int_equal(server.resets, 1);
    raw_close(&c);
}

/* Who reads them may go on for ever. */
static void test_replies_of_tls_that_are_read(void **state)
{
    struct raw_client c;
    size_t waited = 0;
    char none;

    (void)state;
    raw_open_to_flood(&c);
    while (waited < (size_t)256 * 1024) {
        provoke_reply(&c);
        assert_non_null(server.s);
        if (stream_pending(server.s) < 8192)
            continue;
        waited += stream_pending(server.s);
        while (stream_pending(server.s)) {
            assert_int_equal(SSL_read(c.ssl, &none, 1), -1); /* takes the replies in */
            uv_run(loop_uv(l), UV_RUN_NOWAIT);
        }
    }
    raw_close(&c);
    tls_pair_run();
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
    tls_pair_refused("self-signed certificate");
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, tls_pair_set_up, tls_pair_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_alpn),
        TEST(test_versions),
        TEST(test_session_is_resumed_by_ticket),
        TEST(test_wire_cut_anywhere),
        TEST(test_changed_byte_is_noticed),
        TEST(test_replies_of_tls_are_bounded),
        TEST(test_replies_of_tls_that_are_read),
        TEST(test_bad_files_are_named),
        TEST(test_system_trust_does_not_trust_us),
        TEST(test_contexts_are_shared_by_threads),
    };

    return cmocka_run_group_tests(tests, tls_pair_make_certificates, tls_pair_remove_certificates);
}
