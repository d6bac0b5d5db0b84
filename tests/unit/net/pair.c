/* SPDX-License-Identifier: MIT */
#include "pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "net/stream_private.h"

struct loop *l;
struct listener *listener;
struct side client, server;
struct stream_address address;

void pair_run(void)
{
    loop_stop(l);
    loop_run(l);
    assert_null(client.s);
    assert_null(server.s);
}

void pair_accept(void *data, struct stream *s)
{
    side_accept(data, s);
    listener_close(listener);
}

void pair_listen(const struct listener_options *options)
{
    struct error err;

    listener = listener_new(l, options, pair_accept, &server, &err);
    if (!listener)
        fail_msg("%s", err.text);
    address = (struct stream_address){
        .unix_path = options->unix_path,
        .host = options->host,
        .port = listener_port(listener),
    };
}

void pair_listen_tcp(void)
{
    pair_listen(&(struct listener_options){ .host = "127.0.0.1" });
}

int pair_socket(const struct stream *s)
{
    uv_os_fd_t fd;

    assert_int_equal(uv_fileno(&s->socket.handle, &fd), 0);
    return fd;
}

int pair_set_up(void **state)
{
    (void)state;
    l = loop_new();
    side_init(&client);
    side_init(&server);
    return 0;
}

int pair_tear_down(void **state)
{
    (void)state;
    side_done(&client);
    side_done(&server);
    loop_free(l);
    return 0;
}
