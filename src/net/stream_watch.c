/*
 * Hearing of the peer's end without reading. libuv looks at a socket only to read or to write, and
 * does not let a second handle look at the same descriptor: the watch has one of its own.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/stream_private.h"

struct stream_watch {
    uv_poll_t poll;
    struct stream *stream;
    int fd;
};

static void on_event(uv_poll_t *poll, int status, int events);

static void on_closed(uv_handle_t *handle)
{
    struct stream_watch *w = CONTAINER_OF(handle, struct stream_watch, poll);
    struct stream *s = w->stream;

    close(w->fd);
    free(w);
    stream_handle_closed(s);
}

static bool is_broken(int fd)
{
    struct pollfd p = { .fd = fd };

    return poll(&p, 1, 0) == 1 && p.revents;
}

/* Once the peer's sending side is closed, only errors are left to be told, which the kernel tells
 * whatever is asked for: urgent data is, since libuv wants something to be. That has no place in
 * what this service speaks, and whoever sends it counts as broken. */
static int events_left(const struct stream *s)
{
    return s->peer_ended || s->watch_told ? UV_PRIORITIZED : UV_DISCONNECT;
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct stream_watch *w = CONTAINER_OF(poll, struct stream_watch, poll);
    struct stream *s = w->stream;

    if (s->state != STREAM_OPEN)
        return;
    if (status < 0 || events & UV_PRIORITIZED || is_broken(w->fd)) {
        stream_end(s, STREAM_END_RESET);
        return;
    }
    s->watch_told = true;
    uv_poll_start(poll, events_left(s), on_event);
    s->events->on_shut(s->data);
}

/* Another descriptor of the same socket; -1: there is none. */
static int duplicate(int fd)
{
#ifdef __SANITIZE_THREAD__
    /* ThreadSanitizer sees neither F_DUPFD_CLOEXEC, nor how libuv closed what had the number before,
     * and would take the two for a race. It sees these, by which the number is another thing's. */
    int own = open("/dev/null", O_RDONLY | O_CLOEXEC), same = -1;

    if (own != -1 && (same = dup3(fd, own, O_CLOEXEC)) == -1)
        close(own);
    return same;
#else
    return fcntl(fd, F_DUPFD_CLOEXEC, 0);
#endif
}

bool stream_watch(struct stream *s)
{
    struct stream_watch *w;
    int fd;

    assert(s->state < STREAM_FLUSHING && s->events->on_shut);
    if (s->watch || s->state != STREAM_OPEN)
        return true;
    fd = duplicate(s->fd);
    if (fd == -1)
        return false;
    w = memory_alloc(sizeof(*w));
    if (uv_poll_init(loop_uv(s->loop), &w->poll, fd)) {
        close(fd);
        free(w);
        return false;
    }
    w->stream = s;
    w->fd = fd;
    s->watch = w;
    s->watch_told = false;
    s->handles_open++;
    uv_poll_start(&w->poll, events_left(s), on_event);
    return true;
}

void stream_unwatch(struct stream *s)
{
    if (s->watch)
        uv_close((uv_handle_t *)&s->watch->poll, on_closed);
    s->watch = NULL;
}
