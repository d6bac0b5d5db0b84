/*
 * stream_client ADDRESS REQUEST STREAMS SECONDS [stamped]
 *
 * A client for measurements: keeps so many streamed answers open at a time. REQUEST is a file with
 * a whole HTTP request, head and body; it is sent again on the same connection as soon as an answer
 * has ended. `stamped`: the answers are those of paced_upstream, whose events say when they were
 * sent and which number they have.
 *
 *   OPENING -> SETTLING -> MEASURING -> ENDING
 *
 * It opens the streams, lets them flow for a second, measures for SECONDS, and waits then for the
 * answers to end. It prints a line of JSON when it begins to measure, when it stops, and at the
 * end, with the number of events up to then; the last line has the figures of the time between.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include <llhttp.h>

#include "base/macros.h"
#include "base/memory.h"
#include "bench/wire.h"

#define NS_PER_S 1000000000ULL
#define SETTLE_NS NS_PER_S
#define OPENING_NS_MAX (120 * NS_PER_S)
#define ENDING_NS_MAX (30 * NS_PER_S)
/* Streams that have been asked for and not begun: what every server's backlog holds. */
#define OPENING_MAX 128
#define TURN_EVENTS 256
#define READ_BYTES 65536
#define LINE_BYTES_MAX 65536

enum phase { OPENING, SETTLING, MEASURING, ENDING };

struct samples {
    uint64_t *ns;
    size_t count, size;
};

struct load;

struct stream {
    struct load *load;
    int fd; /* -1: it is over */
    llhttp_t parser;
    char *line; /* of an event, while it is not whole */
    size_t line_len, line_size;
    uint64_t asked_ns;
    uint64_t expected; /* number of the next event */
    bool has_begun;    /* its first answer */
    bool has_bytes;    /* of this answer */
    bool is_used;      /* the connection has brought an answer before */
    bool has_text;
    bool saw_done;
};

struct load {
    const char *address;
    char *request;
    size_t request_len;
    bool is_stamped;
    uint64_t seconds;
    int epoll;
    llhttp_settings_t settings;
    struct stream *streams;
    size_t stream_count, asked, begun, over;
    enum phase phase;
    uint64_t phase_ns; /* when it began */
    uint64_t read_ns;  /* when the bytes that are looked at came */
    uint64_t measured_ns;
    struct samples under_way, first; /* of events; of an answer's first event since the request */
    uint64_t events, measured_events, answers, lost, misordered, broken;
};

/* -- Samples ------------------------------------------------------------------------------- */

static void samples_add(struct samples *s, uint64_t ns)
{
    if (s->count == s->size) {
        s->size = s->size ? 2 * s->size : 65536;
        s->ns = memory_realloc(s->ns, s->size * sizeof(*s->ns));
    }
    s->ns[s->count++] = ns;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Sorted ones; in us. */
static double samples_at(const struct samples *s, double share)
{
    size_t i = (size_t)(share * (double)s->count);

    if (!s->count)
        return 0;
    return (double)s->ns[i < s->count ? i : s->count - 1] / 1e3;
}

static void samples_print(struct samples *s, const char *name)
{
    qsort(s->ns, s->count, sizeof(*s->ns), compare);
    printf(",\"%sp50_us\":%.1f,\"%sp99_us\":%.1f,\"%sp999_us\":%.1f,\"%smax_us\":%.1f", name,
           samples_at(s, 0.5), name, samples_at(s, 0.99), name, samples_at(s, 0.999), name,
           samples_at(s, 1));
}

/* -- One stream ---------------------------------------------------------------------------- */

static void begin(struct stream *s)
{
    if (!s->has_begun)
        s->load->begun++;
    s->has_begun = true;
}

static void end(struct stream *s)
{
    begin(s);
    close(s->fd);
    s->fd = -1;
    s->load->over++;
}

static void break_off(struct stream *s, const char *why)
{
    if (!s->load->broken++)
        fprintf(stderr, "a stream broke: %s\n", why);
    end(s);
}

static void give_up(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

/* A connection that is closed by now takes nothing: read_stream() finds its end. */
static void ask(struct stream *s)
{
    struct load *l = s->load;
    ssize_t n;

    s->asked_ns = wire_now_ns();
    s->expected = 0;
    s->has_bytes = s->has_text = s->saw_done = false;
    n = send(s->fd, l->request, l->request_len, MSG_NOSIGNAL);
    if (n >= 0 && n != (ssize_t)l->request_len)
        give_up("a request was not taken as a whole");
}

static void connect_stream(struct stream *s)
{
    struct load *l = s->load;
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = s };

    s->is_used = false;
    s->fd = wire_connect(l->address);
    llhttp_init(&s->parser, HTTP_RESPONSE, &l->settings);
    ask(s);
    wire_unblock(s->fd);
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->fd, &event) != 0)
        wire_fail("epoll_ctl");
}

static void open_stream(struct load *l)
{
    struct stream *s = &l->streams[l->asked++];

    s->load = l;
    connect_stream(s);
}

/* A server may close a connection between two answers, and the request crosses that. */
static void take_end(struct stream *s, const char *why)
{
    if (!s->is_used || s->has_bytes) {
        break_off(s, why);
        return;
    }
    close(s->fd);
    connect_stream(s);
}

/* -- Events -------------------------------------------------------------------------------- */

static void check_stamp(struct stream *s, const char *text)
{
    struct load *l = s->load;
    char *rest;
    uint64_t number = strtoull(text, &rest, 10), sent_ns = strtoull(rest, NULL, 10);

    if (number > s->expected)
        l->lost += number - s->expected;
    else if (number < s->expected)
        l->misordered++;
    s->expected = number + 1;
    if (l->phase == MEASURING)
        samples_add(&l->under_way, l->read_ns - sent_ns);
}

/* A line, terminated by NUL. An event counts when it has text of the answer. */
static void take_line(struct stream *s, const char *line)
{
    static const char mark[] = "\"content\":\"";
    const char *text = strstr(line, mark);

    if (strncmp(line, "data: [DONE]", 12) == 0)
        s->saw_done = true;
    if (!text || text[strlen(mark)] == '"')
        return;
    s->load->events++;
    if (!s->has_text && s->load->phase == MEASURING)
        samples_add(&s->load->first, s->load->read_ns - s->asked_ns);
    s->has_text = true;
    if (s->load->is_stamped)
        check_stamp(s, text + strlen(mark));
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct stream *s = CONTAINER_OF(parser, struct stream, parser);

    while (len) {
        const char *newline = memchr(at, '\n', len);
        size_t part = newline ? (size_t)(newline - at) : len;

        if (s->line_len + part > LINE_BYTES_MAX)
            return HPE_USER;
        if (s->line_size < s->line_len + part + 1) {
            s->line_size = s->line_len + part + 1;
            s->line = memory_realloc(s->line, s->line_size);
        }
        memcpy(s->line + s->line_len, at, part);
        s->line_len += part;
        if (!newline)
            break;
        s->line[s->line_len] = '\0';
        take_line(s, s->line);
        s->line_len = 0;
        at += part + 1;
        len -= part + 1;
    }
    return 0;
}

static int on_head(llhttp_t *parser)
{
    return parser->status_code == 200 ? 0 : HPE_USER;
}

static int on_answer(llhttp_t *parser)
{
    struct stream *s = CONTAINER_OF(parser, struct stream, parser);

    if (!s->saw_done)
        return HPE_USER;
    s->load->answers++;
    s->is_used = true;
    if (s->load->phase == ENDING)
        return HPE_PAUSED;
    ask(s);
    return 0;
}

static void read_stream(struct stream *s)
{
    static char bytes[READ_BYTES];
    ssize_t n = recv(s->fd, bytes, sizeof(bytes), 0);
    llhttp_errno_t result;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        take_end(s, n ? strerror(errno) : "the connection was closed in mid-answer");
        return;
    }
    s->load->read_ns = wire_now_ns();
    s->has_bytes = true;
    begin(s);
    result = llhttp_execute(&s->parser, bytes, (size_t)n);
    if (result == HPE_PAUSED)
        end(s);
    else if (result != HPE_OK)
        break_off(s, s->parser.status_code == 200 ? "an answer without [DONE], or no HTTP"
                                                  : "a status other than 200");
}

/* -- The phases ---------------------------------------------------------------------------- */

static void enter(struct load *l, enum phase phase)
{
    uint64_t now_ns = wire_now_ns();

    if (phase == MEASURING)
        l->measured_events = l->events;
    if (phase == ENDING) {
        l->measured_events = l->events - l->measured_events;
        l->measured_ns = now_ns - l->phase_ns;
    }
    if (phase >= MEASURING) {
        printf("{\"events\":%llu}\n", (unsigned long long)l->events);
        fflush(stdout);
    }
    l->phase = phase;
    l->phase_ns = now_ns;
}

static void step(struct load *l)
{
    uint64_t passed_ns = wire_now_ns() - l->phase_ns;

    if (l->phase == OPENING) {
        while (l->asked < l->stream_count && l->asked - l->begun < OPENING_MAX)
            open_stream(l);
        if (l->begun == l->stream_count)
            enter(l, SETTLING);
        else if (passed_ns > OPENING_NS_MAX)
            give_up("the streams were not all opened in time");
    } else if (l->phase == SETTLING && passed_ns >= SETTLE_NS) {
        enter(l, MEASURING);
    } else if (l->phase == MEASURING && passed_ns >= l->seconds * NS_PER_S) {
        enter(l, ENDING);
    }
}

static bool is_finished(const struct load *l)
{
    return l->over == l->stream_count ||
           (l->phase == ENDING && wire_now_ns() - l->phase_ns > ENDING_NS_MAX);
}

static void run(struct load *l)
{
    struct epoll_event events[TURN_EVENTS];

    enter(l, OPENING);
    while (step(l), !is_finished(l)) {
        int n = epoll_wait(l->epoll, events, TURN_EVENTS, 1);

        if (n < 0 && errno != EINTR)
            wire_fail("epoll_wait");
        for (int i = 0; i < n; i++)
            read_stream(events[i].data.ptr);
    }
}

static void report(struct load *l)
{
    printf("{\"events\":%llu,\"measured_events\":%llu,\"measured_ns\":%llu,\"answers\":%llu,"
           "\"lost\":%llu,\"misordered\":%llu,\"broken\":%llu,\"unfinished\":%zu",
           (unsigned long long)l->events, (unsigned long long)l->measured_events,
           (unsigned long long)l->measured_ns, (unsigned long long)l->answers,
           (unsigned long long)l->lost, (unsigned long long)l->misordered,
           (unsigned long long)l->broken, l->stream_count - l->over);
    if (l->is_stamped)
        samples_print(&l->under_way, "");
    samples_print(&l->first, "first_");
    printf("}\n");
}

static void read_request(struct load *l, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0)
        wire_fail(path);
    l->request_len = (size_t)st.st_size;
    l->request = mmap(NULL, l->request_len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (l->request == MAP_FAILED)
        wire_fail(path);
    close(fd);
}

int main(int argc, char **argv)
{
    struct load l = { 0 };

    if (argc < 5) {
        fprintf(stderr, "usage: stream_client PORT|SOCKET REQUEST STREAMS SECONDS [stamped]\n");
        return 2;
    }
    l.address = argv[1];
    read_request(&l, argv[2]);
    l.stream_count = strtoul(argv[3], NULL, 10);
    l.seconds = strtoul(argv[4], NULL, 10);
    l.is_stamped = argc > 5;
    l.streams = memory_alloc_array(l.stream_count, sizeof(*l.streams));
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    llhttp_settings_init(&l.settings);
    l.settings.on_headers_complete = on_head;
    l.settings.on_body = on_body;
    l.settings.on_message_complete = on_answer;
    run(&l);
    report(&l);
    return l.broken ? 1 : 0;
}
