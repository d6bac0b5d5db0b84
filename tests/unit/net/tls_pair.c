/* SPDX-License-Identifier: MIT */
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct certificate ours, others;
struct tls_context *server_tls, *client_tls;
struct loop *l;
struct listener *listener;
struct side client, server;
struct stream_address address;
struct error err;

int tls_pair_make_certificates(void **state)
{
    (void)state;
    certificate_make(&ours, "DNS:localhost,DNS:*.models.test,DNS:gpu*.part.test,IP:127.0.0.1",
                     NULL);
    certificate_make(&others, "DNS:localhost", NULL);
    return 0;
}

int tls_pair_remove_certificates(void **state)
{
    (void)state;
    certificate_remove(&ours);
    certificate_remove(&others);
    return 0;
}

void tls_pair_listen(bool require_tls)
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

int tls_pair_set_up(void **state)
{
    (void)state;
    l = loop_new();
    side_init(&client);
    side_init(&server);
    server_tls = tls_context_new_server(ours.certificate_file, ours.key_file, &err);
    assert_non_null(server_tls);
    client_tls = tls_context_new_client(ours.certificate_file, &err);
    assert_non_null(client_tls);
    tls_pair_listen(false);
    return 0;
}

int tls_pair_tear_down(void **state)
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

void tls_pair_run(void)
{
    while (client.s || server.s)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

void tls_pair_run_until_connected(void)
{
    while (!client.connects || !server.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

void tls_pair_refused(const char *expected)
{
    unsigned before = client.refusals;

    side_connect(&client, l, &address, CONNECT_MS);
    tls_pair_run();
    assert_int_equal(client.connects, 0);
    assert_int_equal(client.refusals, before + 1);
    assert_int_equal(client.err.code, ERROR_TLS);
    if (!strstr(client.err.text, expected))
        fail_msg("\"%s\" is not in \"%s\"", expected, client.err.text);
}
