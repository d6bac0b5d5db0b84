/* SPDX-License-Identifier: MIT */
#include "bench/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 4096

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_un un;
};

void wire_fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static socklen_t parse(const char *text, union address *a)
{
    memset(a, 0, sizeof(*a));
    if (strchr(text, '/')) {
        if (strlen(text) >= sizeof(a->un.sun_path)) {
            errno = ENAMETOOLONG;
            wire_fail(text);
        }
        a->un.sun_family = AF_UNIX;
        memcpy(a->un.sun_path, text, strlen(text));
        return sizeof(a->un);
    }
    a->in.sin_family = AF_INET;
    a->in.sin_port = htons((uint16_t)strtoul(text, NULL, 10));
    a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof(a->in);
}

static int make_socket(const union address *a)
{
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0)
        wire_fail("socket");
    if (a->any.sa_family == AF_INET &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        wire_fail("TCP_NODELAY");
    return fd;
}

int wire_listen(const char *address)
{
    union address a;
    socklen_t len = parse(address, &a);
    int fd = make_socket(&a), on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
        wire_fail("SO_REUSEADDR");
    if (bind(fd, &a.any, len) != 0 || listen(fd, BACKLOG) != 0)
        wire_fail(address);
    wire_unblock(fd);
    return fd;
}

int wire_connect(const char *address)
{
    union address a;
    socklen_t len = parse(address, &a);
    int fd = make_socket(&a);

    if (connect(fd, &a.any, len) != 0)
        wire_fail(address);
    return fd;
}

void wire_unblock(int fd)
{
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
        wire_fail("O_NONBLOCK");
}

uint64_t wire_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
