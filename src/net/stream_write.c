/*
 * Writing. What an owner writes waits for the end of the loop's turn, side by side with what the
 * turn's other streams write, and is sent then, one after the other. The kernel's code for a send
 * fills the processor's instruction cache, and so does ours that makes an answer of a request: it
 * pays to run each of them many times in a row. A write is later for it by what the turn does
 * meanwhile, at most; OUTBOX_ENTRIES_MAX bounds that.
 *
 * What a socket does not take is kept. libuv needs what it writes to stay where it is, so that two
 * buffers take turns: one is being sent, the other gathers.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "net/stream_private.h"

/* A buffer that grew beyond this goes back to the heap when it has been sent. */
#define BUFFER_KEPT_BYTES ((size_t)16 * 1024)
/* The socket never blocks anyway; a peer that has left is an error, not a signal. */
#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)

void stream_keep_secret(struct stream *s)
{
    /* by TLS, nothing is kept but what it has encrypted */
    s->has_secrets = !s->tls;
}

void stream_drop(struct stream *s, struct buf *b)
{
    if (s->has_secrets)
        buf_wipe(b);
    buf_clear(b);
    if (b->capacity > BUFFER_KEPT_BYTES)
        buf_done(b);
}

/* A server may answer, and close the connection, before it has read all that it is sent: its answer
 * is still there when writing fails, and behind it reading comes upon the end. A client that cannot
 * be written to is of no interest. */
static void write_failed(struct stream *s, const char *why)
{
    s->is_broken = true;
    if (s->is_outgoing && s->state == STREAM_OPEN && s->is_reading)
        stream_drop(s, &s->waiting);
    else
        stream_fail(s, why);
}

/* -- What the socket did not take -------------------------------------------------------------- */

static void on_written(uv_write_t *write, int status);

static bool send_waiting(struct stream *s)
{
    struct buf next = s->waiting;
    uv_buf_t bytes = { .base = next.data + next.start, .len = buf_len(&next) };

    s->waiting = s->sending;
    s->sending = next;
    if (uv_write(&s->write, &s->socket.stream, &bytes, 1, on_written)) {
        stream_fail(s, "cannot write");
        return false;
    }
    s->is_writing = true;
    return true;
}

static void on_written(uv_write_t *write, int status)
{
    struct stream *s = write->data;

    s->is_writing = false;
    stream_drop(s, &s->sending);
    if (s->state == STREAM_CLOSED || s->state == STREAM_FAILED)
        return;
    if (status < 0) {
        write_failed(s, uv_strerror(status));
        return;
    }
    if (buf_len(&s->waiting)) {
        send_waiting(s);
        return;
    }
    stream_drop(s, &s->waiting);
    s->has_secrets = false;
    s->tls_replies = 0;
    if (s->is_shut)
        stream_shut_socket(s);
    if (s->state == STREAM_FLUSHING)
        stream_linger(s);
    else if (s->state == STREAM_OPEN && s->events->on_drain)
        s->events->on_drain(s->data);
}

static bool keep(struct stream *s, const struct str *parts, unsigned count, size_t skip)
{
    bool (*append)(struct buf * b, struct str s) = s->has_secrets ? buf_append_secret : buf_append;

    for (unsigned i = 0; i < count; i++) {
        size_t skipped = skip < parts[i].len ? skip : parts[i].len;

        if (!append(&s->waiting, str_slice(parts[i], skipped, SIZE_MAX))) {
            stream_fail(s, "too much is pending");
            return false;
        }
        skip -= skipped;
    }
    return s->is_writing || send_waiting(s);
}

/* -- To the socket ----------------------------------------------------------------------------- */

/* What the socket takes at once, 0 when it is full; negative: errno. By send, which has less to look
 * at than write, by which libuv writes. */
static ssize_t try_send(struct stream *s, const struct str *parts, unsigned count)
{
    struct iovec bytes[STREAM_WRITE_PARTS_MAX];
    struct msghdr message = { .msg_iov = bytes, .msg_iovlen = count };
    ssize_t sent;

    /* the system's type for reading and writing lacks the const */
    for (unsigned i = 0; count > 1 && i < count; i++)
        bytes[i] = (struct iovec){ (char *)(uintptr_t)parts[i].data, parts[i].len };
    do {
        sent = count == 1 ? send(s->fd, parts->data, parts->len, SEND_FLAGS)
                          : sendmsg(s->fd, &message, SEND_FLAGS);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return sent;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? 0 : -errno;
}

/* Sends the parts, `total` bytes long, and keeps what is left; false when the stream has failed. */
static bool deliver(struct stream *s, const struct str *parts, unsigned count, size_t total)
{
    ssize_t sent = 0;

    if (!s->is_writing) {
        sent = try_send(s, parts, count);
        if (sent < 0) {
            write_failed(s, strerror((int)-sent));
            return false;
        }
        if ((size_t)sent == total)
            return true;
    }
    return keep(s, parts, count, (size_t)sent);
}

/* -- Until the end of the turn ----------------------------------------------------------------- */

static void deliver_held(struct loop_outbox *o, struct loop_outbox_entry *e)
{
    struct stream *s = e->stream;
    struct str bytes = str_of(o->bytes + e->at, e->len);

    e->stream = NULL;
    s->held--;
    if (!s->is_broken) /* one that has failed otherwise still says why: an alert of TLS */
        deliver(s, &bytes, 1, bytes.len);
}

static void flush(struct loop *l)
{
    struct loop_outbox *o = &loop_scratch(l)->outbox;

    for (unsigned i = 0; i < o->count; i++) {
        if (o->entries[i].stream)
            deliver_held(o, &o->entries[i]);
    }
    explicit_bzero(o->bytes, o->used); /* it may hold a key */
    o->count = 0;
    o->used = 0;
}

void stream_flush(struct stream *s)
{
    struct loop_outbox *o;

    if (!s->held)
        return;
    o = &loop_scratch(s->loop)->outbox;
    for (unsigned i = 0; s->held; i++) {
        if (o->entries[i].stream == s)
            deliver_held(o, &o->entries[i]);
    }
}

/* Each write begins where the system copies from fastest: `rep movsb` takes several times as long
 * from some places. */
static void hold(struct stream *s, const struct str *parts, unsigned count, size_t total)
{
    struct loop_outbox *o = &loop_scratch(s->loop)->outbox;
    struct loop_outbox_entry *e;

    if (o->count == OUTBOX_ENTRIES_MAX || o->used + total > sizeof(o->bytes))
        flush(s->loop);
    if (!o->count)
        loop_flush_later(s->loop, flush);
    e = &o->entries[o->count++];
    *e = (struct loop_outbox_entry){ .stream = s, .at = o->used, .len = total };
    s->held++;
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].len)
            memcpy(o->bytes + o->used, parts[i].data, parts[i].len);
        o->used += parts[i].len;
    }
    o->used = (o->used + OUTBOX_ALIGNMENT - 1) & ~(size_t)(OUTBOX_ALIGNMENT - 1);
}

bool stream_send(struct stream *s, const struct str *parts, unsigned count)
{
    size_t total = 0;

    for (unsigned i = 0; i < count; i++)
        total += parts[i].len;
    if (!total)
        return true;
    if (s->is_broken)
        return false;
    if (total <= OUTBOX_WRITE_MAX && !s->is_writing) {
        hold(s, parts, count, total);
        return true;
    }
    stream_flush(s);
    return !s->is_broken && s->state != STREAM_FAILED && deliver(s, parts, count, total);
}

bool stream_write(struct stream *s, const struct str *parts, unsigned count)
{
    assert(count <= STREAM_WRITE_PARTS_MAX);
    assert(s->state != STREAM_CONNECTING && s->state < STREAM_FLUSHING && !s->is_shut);
    if (s->state == STREAM_SNIFFING || s->state == STREAM_SHAKING)
        stream_fail(s, "written to before the TLS handshake");
    if (s->state != STREAM_OPEN)
        return false;
    return s->tls ? stream_tls_write(s, parts, count) : stream_send(s, parts, count);
}

void stream_prefetch(const struct stream *s, struct prefetch *p)
{
    prefetch_add(p, s, 1);
}

size_t stream_pending(const struct stream *s)
{
    if (!s->is_writing) /* what waits, waits for what is being written */
        return 0;
    return buf_len(&s->waiting) + uv_stream_get_write_queue_size(&s->socket.stream);
}
