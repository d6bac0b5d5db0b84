/* SPDX-License-Identifier: MIT */
#include "fake_upstream.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_request.h"

struct connection {
    struct fake_upstream *owner;
    int fd;
};

static bool say(int fd, const char *text)
{
    size_t len = strlen(text);

    return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool say_status(int fd, int status, const char *headers, const char *body)
{
    char head[512];

    snprintf(
        head, sizeof(head),
        "HTTP/1.1 %d Status\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
        status, headers, strlen(body));
    return say(fd, head) && say(fd, body);
}

static bool say_events(int fd, bool is_cut)
{
    if (!say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n"))
        return false;
    for (int i = 0; i < 5; i++) {
        if (is_cut && i == 3)
            return false;
        if (!say(fd, "f\r\ndata: {\"a\":1}\n\n\r\n"))
            return false;
        usleep(5000);
    }
    return say(fd, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
}

static bool say_big(int fd)
{
    char *body = malloc(100 * 1024 + 1);
    bool ok;

    if (!body)
        return false;
    memset(body, ' ', 100 * 1024);
    body[100 * 1024] = '\0';
    ok = say_status(fd, 429, "", body);
    free(body);
    return ok;
}

static bool say_half(struct fake_upstream *f, int fd)
{
    char byte;

    if (!say(fd, "HTTP/1.1 429 Status\r\nContent-Length: 8\r\n\r\n{\"a\""))
        return false;
    f->halves++;
    return recv(fd, &byte, 1, 0) > 0; /* until the peer leaves */
}

static bool answer(struct fake_upstream *f, int fd, const char *request)
{
    char body[64];

    if (strncmp(request, "GET /health ", 12) == 0)
        return say_status(fd, f->is_sick ? 503 : 200, "", "{}");
    pthread_mutex_lock(&f->lock);
    snprintf(f->last_request, sizeof(f->last_request), "%s", request);
    pthread_mutex_unlock(&f->lock);
    f->requests++;
    switch ((enum fake_mode)f->mode) {
    case FAKE_OK:
        snprintf(body, sizeof(body), "{\"from\":\"%s\"}", f->name);
        return say_status(fd, 200, "", body);
    case FAKE_STREAM:
        return say_events(fd, false);
    case FAKE_CUT:
        return say_events(fd, true);
    case FAKE_429:
        return say_status(fd, 429, "retry-after-ms: 60000\r\n", "{\"error\":\"busy\"}");
    case FAKE_BIG_429:
        return say_big(fd);
    case FAKE_HALF_429:
        return say_half(f, fd);
    case FAKE_502:
        return say_status(fd, 502, "", "{\"error\":\"bad gateway\"}");
    case FAKE_504:
        return say_status(fd, 504, "", "{\"error\":\"too late\"}");
    case FAKE_404:
        return say_status(fd, 404, "", "{\"error\":\"no such model\"}");
    case FAKE_503:
        return say_status(fd, 503, "", "{\"error\":\"away\"}");
    case FAKE_500:
        return say_status(fd, 500, "", "{\"error\":\"broken\"}");
    case FAKE_CLOSE:
        return false;
    case FAKE_HANG:
        return recv(fd, body, sizeof(body), 0) > 0; /* until the peer leaves */
    }
    return false;
}

static void *serve(void *data)
{
    struct connection *c = data;
    char request[8192];

    while (fake_request_read(c->fd, request, sizeof(request)) && answer(c->owner, c->fd, request))
        continue;
    shutdown(c->fd, SHUT_RDWR);
    free(c);
    return NULL;
}

static void *accept_all(void *data)
{
    struct fake_upstream *f = data;

    for (;;) {
        int fd = accept(f->fd, NULL, NULL);
        struct connection *c;
        unsigned number;

        if (fd < 0)
            return NULL;
        assert(f->connection_count < FAKE_CONNECTIONS_MAX);
        c = malloc(sizeof(*c));
        assert(c);
        *c = (struct connection){ f, fd };
        number = f->connection_count++; /* before it can answer */
        f->connections[number].fd = fd;
        if (pthread_create(&f->connections[number].thread, NULL, serve, c))
            abort();
    }
}

void fake_upstream_start(struct fake_upstream *f, const char *name, enum fake_mode mode)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof(address);

    *f = (struct fake_upstream){ .name = name, .mode = (int)mode };
    pthread_mutex_init(&f->lock, NULL);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (f->fd < 0 || bind(f->fd, (const struct sockaddr *)&address, sizeof(address)) ||
        listen(f->fd, 64) || getsockname(f->fd, (struct sockaddr *)&address, &len) ||
        pthread_create(&f->thread, NULL, accept_all, f))
        abort();
    f->port = ntohs(address.sin_port);
}

void fake_upstream_stop(struct fake_upstream *f)
{
    if (f->fd < 0)
        return;
    shutdown(f->fd, SHUT_RDWR); /* wakes accept */
    pthread_join(f->thread, NULL);
    close(f->fd);
    f->fd = -1;
    for (unsigned i = 0; i < f->connection_count; i++) {
        shutdown(f->connections[i].fd, SHUT_RDWR);
        pthread_join(f->connections[i].thread, NULL);
        close(f->connections[i].fd);
    }
    pthread_mutex_destroy(&f->lock);
}
