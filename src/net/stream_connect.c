/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "base/memory.h"
#include "net/stream_private.h"

struct connecting {
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    struct stream *stream; /* NULL once it has gone; only a look-up under way outlives it */
    struct stream_address address;
    bool is_resolving;
    struct addrinfo *found;  /* what the look-up gave */
    struct addrinfo numeric; /* the only address, when none had to be looked up */
    struct sockaddr_storage numeric_address;
    const struct addrinfo *next; /* to be tried */
    uint64_t deadline_ms;        /* UINT64_MAX: none */
    struct error err;            /* of the last attempt */
};

static void try_next(struct stream *s);

void stream_connecting_free(struct stream *s)
{
    struct connecting *c = s->connecting;

    s->connecting = NULL;
    if (!c)
        return;
    if (c->is_resolving) {
        c->stream = NULL; /* on_resolved frees */
        uv_cancel((uv_req_t *)&c->resolve);
        return;
    }
    if (c->found)
        uv_freeaddrinfo(c->found);
    free(c);
}

/* "localhost port 80", "127.0.0.1 (localhost) port 80" or the path. */
static void set_error(struct stream *s, enum error_code code, const char *why)
{
    struct connecting *c = s->connecting;
    const struct stream_address *a = &c->address;

    if (a->unix_path)
        error_set(&c->err, code, "%s: %s", a->unix_path, why);
    else if (!s->peer[0] || strcmp(s->peer, a->host) == 0)
        error_set(&c->err, code, "%s port %u: %s", a->host, a->port, why);
    else
        error_set(&c->err, code, "%s (%s) port %u: %s", s->peer, a->host, a->port, why);
}

void stream_refuse(struct stream *s)
{
    s->state = STREAM_REFUSED;
    s->events->on_connect_failed(s->data, &s->connecting->err);
}

void stream_connect_failed(struct stream *s, const char *why)
{
    set_error(s, s->state == STREAM_SHAKING ? ERROR_TLS : ERROR_IO, why);
    s->state = STREAM_REFUSED;
    stream_update_reading(s);
    stream_arm(s, 0);
}

static void on_attempt_closed(uv_handle_t *socket)
{
    struct stream *s = socket->data;

    s->has_socket = false;
    if (s->state == STREAM_CONNECTING)
        try_next(s);
    stream_handle_closed(s);
}

/* The next address has its turn when the socket is closed. */
static void give_up_attempt(struct stream *s, enum error_code code, const char *why)
{
    set_error(s, code, why);
    uv_timer_stop(&s->timer);
    uv_close(&s->socket.handle, on_attempt_closed);
}

void stream_connect_timed_out(struct stream *s)
{
    if (s->state == STREAM_SHAKING) {
        set_error(s, ERROR_TIMEOUT, "timed out in the TLS handshake");
        s->state = STREAM_REFUSED;
        stream_update_reading(s);
        stream_refuse(s);
    } else if (s->connecting->is_resolving) {
        set_error(s, ERROR_TIMEOUT, "looking up the name timed out");
        stream_refuse(s);
    } else {
        give_up_attempt(s, ERROR_TIMEOUT, "timed out");
    }
}

void stream_connected(struct stream *s)
{
    uv_timer_stop(&s->timer);
    stream_connecting_free(s);
    s->state = STREAM_OPEN;
    s->events->on_connect(s->data);
    if (s->state == STREAM_OPEN)
        stream_update_reading(s); /* the handshake has read without being asked */
}

/* Arms the timer for one of `shares` equal parts of the time that is left. */
static void arm_share(struct stream *s, unsigned shares)
{
    uint64_t now_ms = loop_now_ms(s->loop);
    uint64_t deadline_ms = s->connecting->deadline_ms;

    if (deadline_ms != UINT64_MAX)
        stream_arm(s, deadline_ms > now_ms ? (deadline_ms - now_ms) / shares : 0);
}

static void on_socket_connected(uv_connect_t *connect, int status)
{
    struct stream *s = connect->data;
    struct connecting *c = s->connecting;
    const char *name;

    if (s->state != STREAM_CONNECTING || uv_is_closing(&s->socket.handle))
        return; /* closed by the owner, or timed out */
    if (status < 0) {
        give_up_attempt(s, ERROR_IO, uv_strerror(status));
        return;
    }
    uv_fileno(&s->socket.handle, &s->fd); /* known to be open */
    if (!c->address.tls) {
        stream_connected(s);
        return;
    }
    arm_share(s, 1);
    name = c->address.tls_server_name ? c->address.tls_server_name : c->address.host;
    stream_tls_start(s, c->address.tls, name);
}

static void add_socket(struct stream *s)
{
    s->socket.handle.data = s;
    s->has_socket = true;
    s->handles_open++;
    s->connecting->connect.data = s;
}

static void try_next(struct stream *s)
{
    struct connecting *c = s->connecting;
    const struct addrinfo *address = c->next;
    unsigned left = 0;
    int rc;

    if (!address || loop_now_ms(s->loop) >= c->deadline_ms) {
        stream_refuse(s);
        return;
    }
    for (const struct addrinfo *a = address; a; a = a->ai_next)
        left++;
    c->next = address->ai_next;
    uv_tcp_init(loop_uv(s->loop), &s->socket.tcp);
    add_socket(s);
    uv_tcp_nodelay(&s->socket.tcp, 1);
    uv_tcp_keepalive(&s->socket.tcp, 1, KEEPALIVE_S);
    stream_set_peer(s, address->ai_addr);
    arm_share(s, left);
    rc = uv_tcp_connect(&c->connect, &s->socket.tcp, address->ai_addr, on_socket_connected);
    if (rc)
        give_up_attempt(s, ERROR_IO, uv_strerror(rc));
}

static void on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *found)
{
    struct connecting *c = resolve->data;

    c->is_resolving = false;
    c->found = found;
    if (!c->stream) {
        uv_freeaddrinfo(found);
        free(c);
        return;
    }
    if (c->stream->state != STREAM_CONNECTING)
        return;
    c->next = found;
    if (status < 0)
        set_error(c->stream, ERROR_IO, uv_strerror(status));
    try_next(c->stream);
}

static bool is_numeric(struct connecting *c)
{
    struct sockaddr_in *v4 = (void *)&c->numeric_address;
    struct sockaddr_in6 *v6 = (void *)&c->numeric_address;

    if (uv_ip4_addr(c->address.host, (int)c->address.port, v4) == 0)
        c->numeric.ai_addrlen = sizeof(*v4);
    else if (uv_ip6_addr(c->address.host, (int)c->address.port, v6) == 0)
        c->numeric.ai_addrlen = sizeof(*v6);
    else
        return false;
    c->numeric.ai_addr = (struct sockaddr *)&c->numeric_address;
    return true;
}

static void connect_unix(struct stream *s)
{
    struct connecting *c = s->connecting;
    struct sockaddr_un limit;

    if (strlen(c->address.unix_path) >= sizeof(limit.sun_path)) {
        stream_connect_failed(s, "the path is too long for a socket");
        return;
    }
    uv_pipe_init(loop_uv(s->loop), &s->socket.pipe, 0);
    add_socket(s);
    uv_pipe_connect(&c->connect, &s->socket.pipe, c->address.unix_path, on_socket_connected);
}

static void look_up(struct stream *s)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct connecting *c = s->connecting;
    char service[16];
    int rc;

    snprintf(service, sizeof(service), "%u", c->address.port);
    rc = uv_getaddrinfo(loop_uv(s->loop), &c->resolve, on_resolved, c->address.host, service,
                        &hints);
    c->is_resolving = rc == 0;
    if (rc)
        stream_connect_failed(s, uv_strerror(rc));
}

struct stream *stream_connect(struct loop *l, const struct stream_address *address,
                              uint64_t timeout_ms, const struct stream_events *events, void *data)
{
    struct stream *s = stream_new(l, STREAM_CONNECTING);
    struct connecting *c = memory_alloc(sizeof(*c));

    assert(address->unix_path || address->host);
    assert(!address->tls || address->tls_server_name || !address->unix_path);
    s->events = events;
    s->data = data;
    s->connecting = c;
    s->is_outgoing = true;
    c->stream = s;
    c->address = *address;
    c->resolve.data = c;
    c->deadline_ms = timeout_ms ? loop_now_ms(l) + timeout_ms : UINT64_MAX;
    /* The timer is there from the start: there is always a handle whose closing frees the stream,
     * and always a timer to stop. */
    stream_arm(s, timeout_ms);
    if (!timeout_ms)
        uv_timer_stop(&s->timer);
    if (address->unix_path) {
        connect_unix(s);
    } else if (is_numeric(c)) {
        c->next = &c->numeric;
        try_next(s);
    } else {
        look_up(s);
    }
    return s;
}
