/*
 * paced_upstream ADDRESS EVENTS_PER_S
 *
 * An upstream for measurements: answers every request with a stream of chat completion chunks, so
 * many a second, until it is told to end. The text of a chunk is its number in its stream, counted
 * from 0, and the time at which it was sent (CLOCK_MONOTONIC, ns), so that who reads it can tell
 * what was lost and how long it was under way:
 *
 *   data: {"id":...,"choices":[{"index":0,"delta":{"content":"17 81253640914527 "},...}]}
 *
 * The streams take turns at equal distances: with 1,000 of them at 25 events a second, one event
 * goes out every 40 us. A stream whose socket is full misses its turn.
 *
 * SIGUSR1: every stream ends at its next turn, with "[DONE]". SIGTERM: prints what was sent as
 * JSON and ends.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <llhttp.h>

#include "base/macros.h"
#include "base/memory.h"
#include "bench/wire.h"

#define NS_PER_S 1000000000ULL
#define TURN_EVENTS 256
#define MESSAGE_BYTES_MAX 1024
/* So late it does not try to catch up. */
#define LATE_NS (NS_PER_S / 2)

#define ANSWER_HEAD \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNK(delta, finish)                                                                  \
    "data: {\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":"                    \
    "\"chat.completion.chunk\",\"created\":1741569952,\"model\":\"bench-model\",\"choices\":" \
    "[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish "}]}\n\n"

struct upstream;

struct stream {
    struct upstream *owner;
    int fd;
    llhttp_t parser;
    size_t place; /* in owner->live, while it answers */
    bool is_live;
    bool has_ended; /* the end is sent, or pending */
    uint64_t events;
    char pending[MESSAGE_BYTES_MAX]; /* what the socket did not take */
    size_t pending_len;
};

struct upstream {
    int epoll, listener, signals;
    llhttp_settings_t settings;
    struct stream **live;
    size_t live_count, live_size;
    size_t turn;  /* whose it is, of live */
    size_t paced; /* streams that the turns' distance is for: the most since all were over */
    uint64_t interval_ns;
    uint64_t next_ns; /* of the next turn */
    bool is_ending;
    /* what is reported */
    uint64_t streams, events, missed_turns, late_turns, broken;
};

/* -- Streams ------------------------------------------------------------------------------- */

static void leave(struct stream *s)
{
    struct upstream *u = s->owner;

    if (!s->is_live)
        return;
    s->is_live = false;
    u->live[s->place] = u->live[--u->live_count];
    u->live[s->place]->place = s->place;
    if (!u->live_count)
        u->paced = 0;
}

static void close_stream(struct stream *s)
{
    if (s->is_live)
        s->owner->broken++;
    leave(s);
    close(s->fd);
    free(s);
}

static bool flush(struct stream *s)
{
    ssize_t n = send(s->fd, s->pending, s->pending_len, MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN)
        return false;
    if (n > 0) {
        s->pending_len -= (size_t)n;
        memmove(s->pending, s->pending + n, s->pending_len);
    }
    return true;
}

/* Sends an event as a chunk of its own, with what follows the chunk. */
static bool say(struct stream *s, const char *event, const char *behind)
{
    int len = snprintf(s->pending + s->pending_len, MESSAGE_BYTES_MAX - s->pending_len,
                       "%zx\r\n%s\r\n%s", strlen(event), event, behind);

    s->pending_len += (size_t)len;
    return flush(s);
}

static bool begin_answer(struct stream *s)
{
    struct upstream *u = s->owner;

    if (u->live_count == u->live_size) {
        u->live_size = u->live_size ? 2 * u->live_size : 1024;
        u->live = memory_realloc(u->live, u->live_size * sizeof(struct stream *));
    }
    s->is_live = true;
    s->has_ended = false;
    s->events = 0;
    s->place = u->live_count;
    u->live[u->live_count++] = s;
    u->streams++;
    if (u->paced < u->live_count)
        u->paced = u->live_count;
    if (u->live_count == 1)
        u->next_ns = wire_now_ns() + u->interval_ns;
    memcpy(s->pending, ANSWER_HEAD, strlen(ANSWER_HEAD));
    s->pending_len = strlen(ANSWER_HEAD);
    return say(s, CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null"), "");
}

static bool say_next(struct stream *s)
{
    char event[MESSAGE_BYTES_MAX / 2];

    s->owner->events++;
    snprintf(event, sizeof(event), CHUNK("{\"content\":\"%llu %llu \"}", "null"),
             (unsigned long long)s->events++, (unsigned long long)wire_now_ns());
    return say(s, event, "");
}

/* One event of one stream. False: it is broken. */
static bool take_turn(struct stream *s)
{
    if (s->pending_len) {
        s->owner->missed_turns++;
        if (!flush(s))
            return false;
        if (s->pending_len)
            return true;
    } else if (s->owner->is_ending && !s->has_ended) {
        s->has_ended = true;
        if (!say(s, CHUNK("{}", "\"stop\"") "data: [DONE]\n\n", "0\r\n\r\n"))
            return false;
    } else if (!s->has_ended) {
        return say_next(s);
    }
    if (s->has_ended && !s->pending_len)
        leave(s);
    return true;
}

/* All turns that are due. */
static void take_turns(struct upstream *u)
{
    uint64_t now_ns = wire_now_ns();

    while (u->live_count && u->next_ns <= now_ns) {
        struct stream *s;

        if (now_ns - u->next_ns > LATE_NS) {
            u->late_turns++;
            u->next_ns = now_ns;
        }
        if (u->turn >= u->live_count)
            u->turn = 0;
        s = u->live[u->turn++];
        u->next_ns += u->interval_ns / u->paced;
        if (!take_turn(s)) {
            u->broken++;
            leave(s);
            shutdown(s->fd, SHUT_RDWR); /* read_stream() finds its end */
        }
    }
}

/* -- Requests ------------------------------------------------------------------------------ */

static int on_request(llhttp_t *parser)
{
    struct stream *s = CONTAINER_OF(parser, struct stream, parser);

    return s->is_live || !begin_answer(s) ? HPE_USER : 0;
}

static void read_stream(struct stream *s)
{
    char bytes[65536];
    ssize_t n = recv(s->fd, bytes, sizeof(bytes), 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || llhttp_execute(&s->parser, bytes, (size_t)n) != HPE_OK)
        close_stream(s);
}

static void watch(struct upstream *u, int fd, void *what)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

    if (epoll_ctl(u->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        wire_fail("epoll_ctl");
}

static void accept_streams(struct upstream *u)
{
    int fd;

    while ((fd = accept4(u->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct stream *s = memory_alloc(sizeof(*s));

        s->owner = u;
        s->fd = fd;
        llhttp_init(&s->parser, HTTP_REQUEST, &u->settings);
        watch(u, fd, s);
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        wire_fail("accept");
}

/* -- The program --------------------------------------------------------------------------- */

/* True: it shall end. */
static bool take_signal(struct upstream *u)
{
    struct signalfd_siginfo info;

    if (read(u->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        wire_fail("signalfd");
    u->is_ending = u->is_ending || info.ssi_signo == SIGUSR1;
    return info.ssi_signo == SIGTERM;
}

static int wait_for_events(struct upstream *u, struct epoll_event *events)
{
    uint64_t now_ns = wire_now_ns(), wait_ns = u->next_ns > now_ns ? u->next_ns - now_ns : 0;
    struct timespec timeout = { .tv_sec = (time_t)(wait_ns / NS_PER_S),
                                .tv_nsec = (long)(wait_ns % NS_PER_S) };
    int n = epoll_pwait2(u->epoll, events, TURN_EVENTS, u->live_count ? &timeout : NULL, NULL);

    if (n < 0 && errno != EINTR)
        wire_fail("epoll_pwait2");
    return n;
}

static void run(struct upstream *u)
{
    struct epoll_event events[TURN_EVENTS];

    for (;;) {
        int n = wait_for_events(u, events);

        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &u->signals) {
                if (take_signal(u))
                    return;
            } else if (events[i].data.ptr == &u->listener) {
                accept_streams(u);
            } else {
                read_stream(events[i].data.ptr);
            }
        }
        take_turns(u);
    }
}

static int catch_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        wire_fail("sigprocmask");
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
    struct upstream u = { 0 };

    if (argc != 3 || strtod(argv[2], NULL) <= 0) {
        fprintf(stderr, "usage: paced_upstream PORT|SOCKET EVENTS_PER_S\n");
        return 2;
    }
    prctl(PR_SET_TIMERSLACK, 1); /* else each wait is up to 50 us longer than asked for */
    u.interval_ns = (uint64_t)((double)NS_PER_S / strtod(argv[2], NULL));
    llhttp_settings_init(&u.settings);
    u.settings.on_message_complete = on_request;
    u.epoll = epoll_create1(EPOLL_CLOEXEC);
    u.signals = catch_signals();
    u.listener = wire_listen(argv[1]);
    watch(&u, u.listener, &u.listener);
    watch(&u, u.signals, &u.signals);
    run(&u);
    printf("{\"streams\":%llu,\"events\":%llu,\"missed_turns\":%llu,\"late_turns\":%llu,"
           "\"broken\":%llu}\n",
           (unsigned long long)u.streams, (unsigned long long)u.events,
           (unsigned long long)u.missed_turns, (unsigned long long)u.late_turns,
           (unsigned long long)u.broken);
    free(u.live);
    return 0;
}
