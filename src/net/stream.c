/* SPDX-License-Identifier: MIT */
#include "net/stream.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/stream_private.h"

/* From stream_close until the connection is cut, whatever is still pending. */
#define FLUSH_MS 5000
/* From the last byte sent until the connection is cut, unless the peer closes before. */
#define LINGER_MS 1000
/* Of one socket in a row, before the others have their turn: as libuv does. */
#define READS_PER_TURN_MAX 32
/* The first byte of a TLS record that carries a handshake (RFC 8446, 5.1). */
#define TLS_HANDSHAKE_BYTE 0x16

static void on_timer(uv_timer_t *timer);
static void cut(struct stream *s);

struct stream *stream_new(struct loop *l, enum stream_state state)
{
    struct stream *s = memory_alloc_at_line(sizeof(*s));

    s->loop = l;
    s->fd = -1;
    s->state = state;
    s->write.data = s;
    buf_init(&s->sending, SIZE_MAX / 4);
    buf_init(&s->waiting, SIZE_MAX / 4);
    return s;
}

struct stream *stream_accepted(struct loop *l, int fd, const struct sockaddr *peer,
                               struct tls_context *tls, bool require_tls)
{
    struct stream *s = stream_new(l, tls ? STREAM_SNIFFING : STREAM_OPEN);
    int rc;

    if (peer->sa_family == AF_UNIX) {
        uv_pipe_init(loop_uv(l), &s->socket.pipe, 0);
        rc = uv_pipe_open(&s->socket.pipe, fd);
    } else {
        uv_tcp_init(loop_uv(l), &s->socket.tcp);
        rc = uv_tcp_open(&s->socket.tcp, fd);
        stream_set_peer(s, peer);
    }
    s->socket.handle.data = s;
    s->has_socket = true;
    s->handles_open++;
    s->fd = fd;
    if (rc) {
        close(fd);
        cut(s);
        return NULL;
    }
    s->tls_context = tls ? tls_context_ref(tls) : NULL;
    s->require_tls = require_tls;
    return s;
}

/* An IPv4 client of an IPv6 socket ("::ffff:192.0.2.1") is shown as IPv4. */
void stream_set_peer(struct stream *s, const struct sockaddr *address)
{
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;

    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, s->peer, sizeof(s->peer));
    else if (memcmp(&v6->sin6_addr, mapped, sizeof(mapped)) == 0)
        inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, s->peer, sizeof(s->peer));
    else
        inet_ntop(AF_INET6, &v6->sin6_addr, s->peer, sizeof(s->peer));
}

void stream_arm(struct stream *s, uint64_t timeout_ms)
{
    if (!s->has_timer) {
        uv_timer_init(loop_uv(s->loop), &s->timer);
        s->timer.data = s;
        s->has_timer = true;
        s->handles_open++;
    }
    uv_timer_start(&s->timer, on_timer, timeout_ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct stream *s = timer->data;

    switch (s->state) {
    case STREAM_CONNECTING:
    case STREAM_SHAKING:
        stream_connect_timed_out(s);
        break;
    case STREAM_REFUSED:
        stream_refuse(s);
        break;
    case STREAM_OPEN:
        stream_tls_resume(s);
        break;
    case STREAM_FAILED:
        stream_end(s, STREAM_END_RESET);
        break;
    case STREAM_FLUSHING:
    case STREAM_LINGERING:
        cut(s);
        break;
    case STREAM_SNIFFING:
    case STREAM_CLOSED:
        break;
    }
}

/* The end of a stream. */

void stream_handle_closed(struct stream *s)
{
    assert(s->handles_open > 0);
    s->handles_open--;
    if (s->state != STREAM_CLOSED || s->handles_open > 0)
        return;
    stream_connecting_free(s);
    tls_free(s->tls);
    tls_context_unref(s->tls_context);
    stream_drop(s, &s->sending);
    stream_drop(s, &s->waiting);
    buf_done(&s->sending);
    buf_done(&s->waiting);
    free(s);
}

static void on_closed(uv_handle_t *handle)
{
    stream_handle_closed(handle->data);
}

static void cut(struct stream *s)
{
    s->state = STREAM_CLOSED;
    s->fd = -1;
    s->is_reading = false;
    stream_unwatch(s);
    if (s->has_timer)
        uv_close((uv_handle_t *)&s->timer, on_closed);
    if (s->has_socket && !uv_is_closing(&s->socket.handle))
        uv_close(&s->socket.handle, on_closed);
}

bool stream_shut_socket(struct stream *s)
{
    return shutdown(s->fd, SHUT_WR) == 0;
}

void stream_shut(struct stream *s)
{
    assert(s->state < STREAM_FLUSHING);
    if (s->state != STREAM_OPEN || s->is_shut)
        return;
    s->is_shut = true;
    if (s->tls)
        stream_tls_goodbye(s);
    stream_flush(s);
    /* where that fails, the connection is gone, which reading tells */
    if (!s->is_writing)
        stream_shut_socket(s);
}

/* All is sent. The socket is not closed right away: bytes of the peer that nobody has read would
 * make the kernel answer by a reset, which destroys what the peer has not read yet. An owner that
 * has ended the sending side before has waited for the peer itself. */
void stream_linger(struct stream *s)
{
    if (s->peer_ended || s->is_shut || !stream_shut_socket(s)) {
        cut(s);
        return;
    }
    s->state = STREAM_LINGERING;
    stream_arm(s, LINGER_MS);
    stream_update_reading(s);
}

void stream_close(struct stream *s, bool flush)
{
    assert(s->state < STREAM_FLUSHING); /* else it is closed twice */
    s->events = NULL;
    s->data = NULL;
    stream_unwatch(s);
    if (flush && s->state == STREAM_OPEN && s->tls && !s->is_shut)
        stream_tls_goodbye(s);
    stream_flush(s);
    if (!flush || s->state != STREAM_OPEN) {
        cut(s);
        return;
    }
    s->state = STREAM_FLUSHING;
    if (!s->is_writing) {
        stream_linger(s);
        return;
    }
    stream_arm(s, FLUSH_MS);
    stream_update_reading(s);
}

void stream_fail(struct stream *s, const char *why)
{
    if (s->state == STREAM_REFUSED || s->state == STREAM_FAILED || s->state == STREAM_CLOSED)
        return;
    if (s->state == STREAM_FLUSHING || s->state == STREAM_LINGERING) {
        cut(s);
        return;
    }
    if (s->connecting) {
        stream_connect_failed(s, why);
        return;
    }
    s->state = STREAM_FAILED;
    stream_update_reading(s);
    stream_arm(s, 0);
}

void stream_end(struct stream *s, enum stream_end why)
{
    if (s->is_broken)
        why = STREAM_END_RESET;
    if (why == STREAM_END_RESET) {
        s->state = STREAM_FAILED;
        stream_unwatch(s);
    }
    s->peer_ended = true;
    /* It may be armed to resume reading, or to tell of a failure: either is over now. */
    if (s->has_timer)
        uv_timer_stop(&s->timer);
    stream_update_reading(s);
    s->events->on_end(s->data, why);
}

/* Reading. */

/* A plain stream, and one that may turn out to be plain, reads where the owner wants it. */
static struct stream_space space_of(struct stream *s)
{
    struct loop_scratch *scratch;

    if (s->state == STREAM_SNIFFING || (s->state == STREAM_OPEN && !s->tls))
        return s->events->on_space(s->data);
    scratch = loop_scratch(s->loop);
    return (struct stream_space){ scratch->in, sizeof(scratch->in) };
}

void stream_delay_ack(struct stream *s)
{
    const int off = 0;

    /* it fails where there is no TCP, which acknowledges nothing */
    setsockopt(s->fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
}

/* The socket has nothing more to read. The end of a TLS stream is told inside TLS, so that this
 * one may have been forged. */
static void on_socket_end(struct stream *s, int error)
{
    s->peer_ended = true;
    stream_update_reading(s);
    if (s->state == STREAM_LINGERING || (s->state == STREAM_FLUSHING && error))
        cut(s);
    else if (s->state == STREAM_FLUSHING)
        return;
    else if (s->connecting)
        stream_fail(s, error ? uv_strerror(-error) : "closed in the TLS handshake");
    else
        stream_end(s, !error && !s->tls ? STREAM_END_EOF : STREAM_END_RESET);
}

static void sniff(struct stream *s, struct str bytes)
{
    struct tls_context *c = s->tls_context;

    s->tls_context = NULL;
    if (bytes.data[0] == TLS_HANDSHAKE_BYTE) {
        stream_tls_start(s, c, NULL);
        stream_tls_take(s, bytes);
    } else if (s->require_tls) {
        stream_end(s, STREAM_END_RESET);
    } else {
        s->state = STREAM_OPEN;
        s->events->on_read(s->data, bytes);
    }
    tls_context_unref(c);
}

static void take(struct stream *s, struct str bytes)
{
    if (s->state == STREAM_SNIFFING)
        sniff(s, bytes);
    else if (s->state == STREAM_SHAKING || (s->state == STREAM_OPEN && s->tls))
        stream_tls_take(s, bytes);
    else if (s->state == STREAM_OPEN)
        s->events->on_read(s->data, bytes);
}

/* False when there is nothing more for now. */
static bool read_once(struct stream *s)
{
    struct stream_space room = space_of(s);
    ssize_t n;

    assert(room.len > 0);
    do {
        n = recv(s->fd, room.data, room.len, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        take(s, str_of(room.data, (size_t)n));
    else if (n == 0)
        on_socket_end(s, 0);
    else if (errno != EAGAIN && errno != EWOULDBLOCK)
        on_socket_end(s, errno);
    return n > 0 && (size_t)n == room.len && !s->has_enough;
}

/* libuv is given no room, so that it does not read but says that this could be done: it would by read,
 * which has more to look at on its way through the kernel than recv. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *space)
{
    (void)handle;
    (void)suggested;
    *space = (uv_buf_t){ .base = NULL, .len = 0 };
}

static void on_readable(uv_stream_t *stream, ssize_t status, const uv_buf_t *space)
{
    struct stream *s = CONTAINER_OF(stream, struct stream, socket.stream);

    assert(status == UV_ENOBUFS);
    (void)status;
    (void)space;
    s->has_enough = false;
    for (unsigned i = 0; i < READS_PER_TURN_MAX && s->is_reading && read_once(s); i++)
        ;
}

void stream_update_reading(struct stream *s)
{
    bool want = false;

    switch (s->state) {
    case STREAM_SNIFFING:
        want = s->reads_wanted;
        break;
    case STREAM_OPEN:
        /* what is there already comes first, else a reader that stops often piles it up */
        want = s->reads_wanted && !(s->tls && tls_has_kept(s->tls));
        break;
    case STREAM_SHAKING:
        want = s->reads_wanted || s->connecting;
        break;
    case STREAM_FLUSHING:
    case STREAM_LINGERING:
        want = true;
        break;
    case STREAM_CONNECTING:
    case STREAM_REFUSED:
    case STREAM_FAILED:
    case STREAM_CLOSED:
        break;
    }
    want = want && !s->peer_ended;
    if (want == s->is_reading)
        return;
    s->is_reading = want;
    if (!want) {
        uv_read_stop(&s->socket.stream);
    } else if (uv_read_start(&s->socket.stream, on_alloc, on_readable)) {
        s->is_reading = false;
        stream_fail(s, "cannot read");
    }
}

void stream_read_start(struct stream *s)
{
    assert(s->state < STREAM_FLUSHING);
    s->reads_wanted = true;
    if (s->watch && !s->peer_ended)
        stream_unwatch(s);
    stream_update_reading(s);
    if (s->state == STREAM_OPEN && s->tls && tls_has_pending(s->tls))
        stream_arm(s, 0);
}

void stream_read_stop(struct stream *s)
{
    assert(s->state < STREAM_FLUSHING);
    s->reads_wanted = false;
    stream_update_reading(s);
}

void stream_read_enough(struct stream *s)
{
    s->has_enough = true;
}

const char *stream_peer(const struct stream *s)
{
    return s->peer;
}

bool stream_is_tls(const struct stream *s)
{
    return s->tls != NULL;
}

void stream_set_events(struct stream *s, const struct stream_events *events, void *data)
{
    assert(s->state < STREAM_FLUSHING);
    s->events = events;
    s->data = data;
}
