/* SPDX-License-Identifier: MIT */
#include "fake_stream.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/listener.h"

struct listener {
    void (*on_accept)(void *data, struct stream *s);
    void *data;
};

static struct listener *listening;
static struct stream *streams; /* newest first */

static struct stream *stream_new(void)
{
    struct stream *s = memory_alloc(sizeof(*s));

    buf_init(&s->out, SIZE_MAX / 4);
    s->window = SIZE_MAX;
    s->next = streams;
    streams = s;
    return s;
}

struct stream *fake_connect(void)
{
    struct stream *s = stream_new();

    listening->on_accept(listening->data, s);
    return s->is_closed ? NULL : s;
}

struct stream *fake_connecting(void)
{
    return streams && streams->is_connecting ? streams : NULL;
}

void fake_connected(struct stream *s)
{
    s->is_connecting = false;
    s->events.on_connect(s->data);
}

void fake_refuse(struct stream *s)
{
    struct error err;

    s->is_connecting = false;
    error_set(&err, ERROR_IO, "refused");
    s->events.on_connect_failed(s->data, &err);
}

size_t fake_feed(struct stream *s, struct str bytes, size_t step)
{
    size_t fed = 0;

    while (fed < bytes.len && s->is_reading && !s->is_closed && !s->has_ended) {
        struct stream_space space = s->events.on_space(s->data);
        size_t len = bytes.len - fed;

        assert(space.len > 0);
        if (step && len > step)
            len = step;
        if (len > space.len)
            len = space.len;
        memcpy(space.data, bytes.data + fed, len);
        fed += len;
        s->events.on_read(s->data, str_of(space.data, len));
    }
    return fed;
}

void fake_end(struct stream *s, enum stream_end why)
{
    if (s->is_closed || s->is_reset || (s->has_ended && why == STREAM_END_EOF))
        return;
    s->has_ended = true;
    s->is_reset = why == STREAM_END_RESET;
    s->events.on_end(s->data, why);
}

void fake_shut(struct stream *s)
{
    if (s->is_watched && !s->is_closed)
        s->events.on_shut(s->data);
}

void fake_take(struct stream *s, size_t len)
{
    size_t pending = stream_pending(s);

    s->window += len;
    if (pending && !s->is_closed && !stream_pending(s) && s->events.on_drain)
        s->events.on_drain(s->data);
}

struct str fake_written(struct stream *s)
{
    struct str out = buf_str(&s->out);
    struct str fresh = str_slice(out, s->taken, out.len);

    s->taken = out.len;
    return fresh;
}

unsigned fake_free_all(void)
{
    unsigned open = 0;

    while (streams) {
        struct stream *next = streams->next;

        open += !streams->is_closed;
        buf_done(&streams->out);
        free(streams);
        streams = next;
    }
    return open;
}

/* stream.h */

struct stream *stream_connect(struct loop *l, const struct stream_address *address,
                              uint64_t timeout_ms, const struct stream_events *events, void *data)
{
    struct stream *s = stream_new();

    (void)l;
    (void)address;
    (void)timeout_ms;
    s->is_connecting = true;
    stream_set_events(s, events, data);
    return s;
}

void stream_read_start(struct stream *s)
{
    assert(!s->is_closed);
    s->is_reading = true;
    s->is_watched = s->is_watched && s->has_ended;
}

void stream_read_enough(struct stream *s)
{
    (void)s;
}

void stream_read_stop(struct stream *s)
{
    assert(!s->is_closed);
    s->is_reading = false;
}

void stream_delay_ack(struct stream *s)
{
    assert(!s->is_closed);
    s->acks_delayed++;
}

void stream_prefetch(const struct stream *s, struct prefetch *p)
{
    prefetch_add(p, s, 1);
}

bool stream_watch(struct stream *s)
{
    assert(!s->is_closed);
    s->is_watched = !s->is_unwatchable;
    return s->is_watched;
}

bool stream_write(struct stream *s, const struct str *parts, unsigned count)
{
    assert(!s->is_closed && !s->is_shut && count > 0 && count <= STREAM_WRITE_PARTS_MAX);
    s->writes++;
    for (unsigned i = 0; i < count; i++) {
        bool fits = buf_append(&s->out, parts[i]);

        assert(fits);
        (void)fits;
    }
    return !s->is_broken;
}

void stream_flush(struct stream *s)
{
    assert(!s->is_closed);
}

void stream_keep_secret(struct stream *s)
{
    assert(!s->is_closed);
    s->secrets_kept++;
}

size_t stream_pending(const struct stream *s)
{
    size_t len = buf_len(&s->out);

    assert(!s->is_closed);
    return len > s->window ? len - s->window : 0;
}

void stream_shut(struct stream *s)
{
    assert(!s->is_closed);
    s->is_shut = true;
}

void stream_close(struct stream *s, bool flush)
{
    assert(!s->is_closed);
    s->is_closed = true;
    s->is_connecting = false;
    s->is_flushed = flush;
}

const char *stream_peer(const struct stream *s)
{
    (void)s;
    return "192.0.2.7";
}

bool stream_is_tls(const struct stream *s)
{
    (void)s;
    return false;
}

void stream_set_events(struct stream *s, const struct stream_events *events, void *data)
{
    s->events = *events;
    s->data = data;
}

struct listener *listener_new(struct loop *l, const struct listener_options *options,
                              void (*on_accept)(void *data, struct stream *s), void *data,
                              struct error *err)
{
    struct listener *listener = memory_alloc(sizeof(*listener));

    (void)l;
    (void)options;
    (void)err;
    listener->on_accept = on_accept;
    listener->data = data;
    listening = listener;
    return listener;
}

unsigned listener_port(const struct listener *l)
{
    (void)l;
    return 1;
}

void listener_set_tls(struct listener *l, struct tls_context *tls)
{
    (void)l;
    (void)tls;
}

void listener_close(struct listener *l)
{
    listening = NULL;
    free(l);
}
