/*
 * Listening sockets. They are made and accepted from by hand (libuv waits for them): libuv 1.44
 * cannot set SO_REUSEPORT, and its own accept spins when descriptors run out.
 *
 * SO_REUSEPORT alone would let a second process of the same user share the port in silence. So a
 * process that shares a port among its loops holds a guard, a socket in Linux's abstract name space
 * named after address and port: the kernel gives it to one process only, takes it back when the
 * process ends however it ends, and has one such name space per network name space. Programs that
 * know nothing of the guard are found by a bind without SO_REUSEPORT before.
 * SPDX-License-Identifier: MIT
 */
#include "net/listener.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/stream_private.h"

/* Connections that wait for accept; the kernel lowers it to net.core.somaxconn. */
#define BACKLOG 4096
/* Accepted in one turn, so that open connections get theirs. */
#define ACCEPTS_PER_TURN 64
/* Rest after accept has failed for want of descriptors or memory; connections wait meanwhile. */
#define PAUSE_MS 100

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un path;
};

struct listener {
    uv_poll_t poll;
    uv_timer_t pause;
    struct loop *loop;
    void (*on_accept)(void *data, struct stream *s);
    void *data;
    struct tls_context *tls;
    bool require_tls;
    int fd;
    int guard_fd; /* -1: none */
    unsigned port;
    unsigned handles_open;
    char *unix_path;
};

static void on_ready(uv_poll_t *poll, int status, int events);

/* Accepting. */

static void on_pause_over(uv_timer_t *pause)
{
    struct listener *l = pause->data;

    uv_poll_start(&l->poll, UV_READABLE, on_ready);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;

    (void)status; /* accept tells what is wrong */
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && l->fd != -1; i++) {
        union address peer = { .any.sa_family = AF_UNIX };
        socklen_t len = sizeof(peer);
        int fd = accept4(l->fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct stream *s;

        if (fd == -1 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd == -1) {
            if (errno != EAGAIN) {
                uv_poll_stop(&l->poll);
                uv_timer_start(&l->pause, on_pause_over, PAUSE_MS, 0);
            }
            return;
        }
        s = stream_accepted(l->loop, fd, &peer.any, l->tls, l->require_tls);
        if (s)
            l->on_accept(l->data, s);
    }
}

/* Making the socket. */

static bool set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

static socklen_t address_len(const union address *a)
{
    if (a->any.sa_family == AF_INET)
        return sizeof(a->v4);
    return a->any.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->path);
}

/* A bound socket or -1 with errno. What is set here, accepted sockets inherit. */
static int socket_bound(const union address *a, bool reuse_port)
{
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int why;

    if (fd == -1)
        return -1;
    if (a->any.sa_family != AF_UNIX &&
        (!set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
         (reuse_port && !set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) ||
         !set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) ||
         !set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S) ||
         !set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1)))
        goto failed;
    if (bind(fd, &a->any, address_len(a)) == 0)
        return fd;

failed:
    why = errno;
    close(fd);
    errno = why;
    return -1;
}

static int socket_listening(const union address *a, bool reuse_port)
{
    int fd = socket_bound(a, reuse_port);
    int why;

    if (fd == -1 || listen(fd, BACKLOG) == 0)
        return fd;
    why = errno;
    close(fd);
    errno = why;
    return -1;
}

static unsigned bound_port(int fd)
{
    union address a = { .any.sa_family = AF_UNSPEC };
    socklen_t len = sizeof(a);

    if (getsockname(fd, &a.any, &len) ||
        (a.any.sa_family != AF_INET && a.any.sa_family != AF_INET6))
        return 0;
    return ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
}

static void set_port(union address *a, unsigned port)
{
    if (a->any.sa_family == AF_INET)
        a->v4.sin_port = htons((uint16_t)port);
    else
        a->v6.sin6_port = htons((uint16_t)port);
}

static socklen_t guard_address(struct sockaddr_un *guard, const union address *a)
{
    char host[INET6_ADDRSTRLEN] = "";
    const void *ip = a->any.sa_family == AF_INET ? (const void *)&a->v4.sin_addr
                                                 : (const void *)&a->v6.sin6_addr;
    int len;

    inet_ntop(a->any.sa_family, ip, host, sizeof(host));
    *guard = (struct sockaddr_un){ .sun_family = AF_UNIX };
    /* the first byte stays NUL: abstract */
    len = snprintf(guard->sun_path + 1, sizeof(guard->sun_path) - 1, "lazuli/listener/%s/%u", host,
                   ntohs(a->any.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port));
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

/* The guard is there already: is it this process that holds it? */
static bool guard_is_ours(const struct sockaddr_un *guard, socklen_t len)
{
    struct ucred holder = { .pid = -1 };
    socklen_t size = sizeof(holder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_ours;

    if (fd == -1)
        return false;
    is_ours = connect(fd, (const struct sockaddr *)guard, len) == 0 &&
              getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &holder, &size) == 0 &&
              holder.pid == getpid();
    close(fd);
    return is_ours;
}

/* True when this process may share the port; *guard_fd is the guard, or -1 when another listener
 * of this process has it. False with errno. */
static bool guard_take(const union address *a, int *guard_fd)
{
    struct sockaddr_un guard;
    socklen_t len = guard_address(&guard, a);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int why;

    *guard_fd = -1;
    if (fd == -1)
        return false;
    if (bind(fd, (const struct sockaddr *)&guard, len) == 0 && listen(fd, BACKLOG) == 0) {
        *guard_fd = fd;
        return true;
    }
    why = errno;
    close(fd);
    if (why == EADDRINUSE && guard_is_ours(&guard, len))
        return true;
    errno = why;
    return false;
}

/* Without SO_REUSEPORT, bind fails when anybody listens there. */
static bool is_free(const union address *a)
{
    int fd = socket_bound(a, false);

    if (fd == -1)
        return false;
    close(fd);
    return true;
}

/* One of several sockets on the port; -1 with errno. A port that the kernel chose is nobody else's
 * already, so that the guard comes second then. */
static int socket_sharing(union address *a, unsigned port, int *guard_fd)
{
    int fd, why;

    if (port) {
        if (!guard_take(a, guard_fd))
            return -1;
        fd = *guard_fd != -1 && !is_free(a) ? -1 : socket_listening(a, true);
    } else {
        fd = socket_listening(a, true);
        if (fd == -1)
            return -1;
        set_port(a, bound_port(fd));
        if (guard_take(a, guard_fd))
            return fd;
        why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    if (fd == -1 && *guard_fd != -1) {
        why = errno;
        close(*guard_fd);
        errno = why;
    }
    return fd;
}

/* A path that nobody listens on any more (its process was killed) is taken over. */
static int socket_unix(const union address *a)
{
    int fd = socket_listening(a, false);
    struct stat status;
    int probe, why;

    if (fd != -1 || errno != EADDRINUSE)
        return fd;
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    why = connect(probe, &a->any, sizeof(a->path)) ? errno : 0;
    close(probe);
    if (why != ECONNREFUSED || lstat(a->path.sun_path, &status) || !S_ISSOCK(status.st_mode) ||
        unlink(a->path.sun_path)) {
        errno = EADDRINUSE;
        return -1;
    }
    return socket_listening(a, false);
}

static bool parse_unix(const char *path, union address *a, struct error *err)
{
    size_t len = strlen(path);

    if (len >= sizeof(a->path.sun_path))
        return error_set(err, ERROR_CONFIG, "%s: the path is too long for a socket", path);
    a->path.sun_family = AF_UNIX;
    memcpy(a->path.sun_path, path, len + 1);
    return true;
}

static bool parse_address(const struct listener_options *o, union address *a, struct error *err)
{
    *a = (union address){ .path = { .sun_family = AF_UNSPEC } };
    if (o->unix_path)
        return parse_unix(o->unix_path, a, err);
    if (o->port > UINT16_MAX)
        return error_set(err, ERROR_CONFIG, "%u is no port: the highest is 65535", o->port);
    if (uv_ip4_addr(o->host, (int)o->port, &a->v4) && uv_ip6_addr(o->host, (int)o->port, &a->v6))
        return error_set(err, ERROR_CONFIG, "\"%s\" is not a numeric address", o->host);
    return true;
}

static int open_socket(const struct listener_options *o, union address *a, int *guard_fd,
                       struct error *err)
{
    const char *why;
    int fd;

    if (o->unix_path)
        fd = socket_unix(a);
    else if (o->reuse_port)
        fd = socket_sharing(a, o->port, guard_fd);
    else
        fd = socket_listening(a, false);
    if (fd != -1)
        return fd;
    why = uv_strerror(uv_translate_sys_error(errno));
    if (o->unix_path)
        error_set(err, ERROR_IO, "cannot listen on %s: %s", o->unix_path, why);
    else
        error_set(err, ERROR_IO, "cannot listen on %s port %u: %s", o->host, o->port, why);
    return -1;
}

struct listener *listener_new(struct loop *loop, const struct listener_options *options,
                              void (*on_accept)(void *data, struct stream *s), void *data,
                              struct error *err)
{
    union address address;
    struct listener *l;
    int fd, guard_fd = -1;

    if (!parse_address(options, &address, err))
        return NULL;
    fd = open_socket(options, &address, &guard_fd, err);
    if (fd == -1)
        return NULL;
    l = memory_alloc(sizeof(*l));
    l->loop = loop;
    l->on_accept = on_accept;
    l->data = data;
    l->tls = options->tls ? tls_context_ref(options->tls) : NULL;
    l->require_tls = options->require_tls;
    l->fd = fd;
    l->guard_fd = guard_fd;
    l->port = bound_port(fd);
    l->unix_path = memory_dup_text(options->unix_path);
    l->poll.data = l->pause.data = l;
    l->handles_open = 2;
    uv_poll_init(loop_uv(loop), &l->poll, fd);
    uv_timer_init(loop_uv(loop), &l->pause);
    uv_poll_start(&l->poll, UV_READABLE, on_ready);
    return l;
}

unsigned listener_port(const struct listener *l)
{
    return l->port;
}

void listener_set_tls(struct listener *l, struct tls_context *tls)
{
    struct tls_context *old = l->tls;

    l->tls = tls ? tls_context_ref(tls) : NULL;
    tls_context_unref(old);
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;

    if (--l->handles_open)
        return;
    tls_context_unref(l->tls);
    free(l->unix_path);
    free(l);
}

void listener_close(struct listener *l)
{
    if (l->unix_path)
        unlink(l->unix_path);
    uv_close((uv_handle_t *)&l->poll, on_closed);
    uv_close((uv_handle_t *)&l->pause, on_closed);
    close(l->fd);
    l->fd = -1;
    if (l->guard_fd != -1)
        close(l->guard_fd);
}
