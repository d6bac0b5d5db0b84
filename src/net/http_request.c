/*
 * From a parsed head to a request, and where its body is gathered.
 * SPDX-License-Identifier: MIT
 */
#include "net/http_server_private.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

/* A body buffer begins so large at most, and a server keeps one of up to SPARE_MAX for the next body. */
#define BODY_FIRST_BYTES ((size_t)128 * 1024)
#define BODY_SPARE_MAX ((size_t)1024 * 1024)
/* Reads into a body buffer are at least so long, but for its end. */
#define BODY_READ_MIN ((size_t)8 * 1024)

void request_new(struct connection *c)
{
    struct server_request *r;

    c->arena = arena_new(loop_arenas(c->server->loop));
    r = arena_alloc_at_line(c->arena, sizeof(*r));
    r->connection = c;
    r->has_reply_body = true;
    r->public.arena = c->arena;
    r->public.loop = c->server->loop;
    r->public.peer = str_from(c->peer);
    r->public.is_tls = stream_is_tls(c->stream);
    c->request = r;
}

/* RFC 9112, 3: single blanks part the request line, where llhttp takes several. */
static bool has_single_blanks(const struct http_head *head)
{
    return head->target.data == head->method_name.data + head->method_name.len + 1 &&
           head->target.data[head->target.len + 1] != ' ';
}

/* What RFC 3986, 3.2.2 and 3.2.3 let a host and port be made of. */
static const bool host_chars[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true, ['.'] = true,
    ['_'] = true,         ['~'] = true,         ['!'] = true,         ['$'] = true, ['&'] = true,
    ['\''] = true,        ['('] = true,         [')'] = true,         ['*'] = true, ['+'] = true,
    [','] = true,         [';'] = true,         ['='] = true,         ['%'] = true, [':'] = true,
    ['['] = true,         [']'] = true,
};

static bool is_host(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (!host_chars[(unsigned char)host.data[i]])
            return false;
    }
    return true;
}

/* RFC 9112, 3.2: one Host from HTTP/1.1 on. */
static bool read_host(struct server_request *r, unsigned minor, struct error *err)
{
    const struct http_headers *h = &r->public.headers;
    unsigned count = 0;

    for (size_t i = 0; i < h->count; i++) {
        if (!str_equal_nocase(h->items[i].name, STR("Host")))
            continue;
        r->public.host = h->items[i].value;
        count++;
    }
    if (count > 1 || (!count && minor >= 1))
        return error_set(err, ERROR_BAD_REQUEST, "The request must have one Host header.");
    if (!is_host(r->public.host))
        return error_set(err, ERROR_BAD_REQUEST, "The Host header is malformed.");
    return true;
}

/* Cuts "http://host:port" off an absolute target; its host stands above the Host header. */
static struct str cut_origin(struct server_request *r, struct str target)
{
    size_t at = 0;

    if (str_starts_with_nocase(target, STR("http://")))
        at = STR("http://").len;
    else if (str_starts_with_nocase(target, STR("https://")))
        at = STR("https://").len;
    else
        return target;
    target = str_slice(target, at, target.len);
    at = 0;
    while (at < target.len && target.data[at] != '/' && target.data[at] != '?')
        at++;
    r->public.host = str_slice(target, 0, at);
    return str_slice(target, at, target.len);
}

/* RFC 9112, 3.2: origin form, absolute form, and * for OPTIONS. */
static bool read_target(struct server_request *r, struct error *err)
{
    struct http_request *p = &r->public;
    struct str target = cut_origin(r, p->target);
    bool is_absolute = target.data != p->target.data;
    size_t question = str_find_char(target, '?');

    p->path = str_slice(target, 0, question);
    if (question != SIZE_MAX)
        p->query = str_slice(target, question + 1, target.len);
    if (is_absolute && !p->path.len)
        p->path = STR("/");
    if (str_find_char(target, '#') != SIZE_MAX)
        return error_set(err, ERROR_BAD_REQUEST, "The request target has a fragment.");
    if (is_absolute && (!p->host.len || !is_host(p->host)))
        return error_set(err, ERROR_BAD_REQUEST, "The host of the request target is malformed.");
    if (str_starts_with(p->path, STR("/")))
        return true;
    if (p->method == HTTP_OPTIONS && str_equal(p->target, STR("*")))
        return true;
    return error_set(err, ERROR_BAD_REQUEST, "The request target is malformed.");
}

/* False when no header has that name. *other is the first value of it that is not `value`, STR_NONE
 * when there is none: several headers of a name are one list (RFC 9110, 5.3). */
static bool find_other(const struct http_headers *h, struct str name, struct str value,
                       struct str *other)
{
    bool is_there = false;

    *other = STR_NONE;
    for (size_t i = 0; i < h->count && !other->data; i++) {
        if (!str_equal_nocase(h->items[i].name, name))
            continue;
        is_there = true;
        if (!str_equal_nocase(h->items[i].value, value))
            *other = h->items[i].value;
    }
    return is_there;
}

static bool read_expectation(struct server_request *r, const struct http_head *head,
                             struct error *err)
{
    struct str other;

    if (!find_other(&r->public.headers, STR("Expect"), STR("100-continue"), &other) ||
        head->minor == 0)
        return true;
    if (other.data)
        return error_set(err, ERROR_EXPECTATION, NULL);
    /* Whose body has begun to come does not wait for leave. */
    r->expects_continue = (head->is_chunked || head->content_length) && !r->connection->rest.len;
    return true;
}

/* RFC 9110, 8.4 and 15.5.16: bodies are taken as they are, so that one in another coding would be
 * mistaken for a broken one. */
static bool is_uncoded(const struct server_request *r, struct error *err)
{
    struct str coding;

    if (!find_other(&r->public.headers, STR("Content-Encoding"), STR("identity"), &coding) ||
        !coding.len || (!r->is_chunked && !r->content_length))
        return true;
    return error_set_target(err, ERROR_MEDIA_TYPE, "Content-Encoding",
                            "The Content-Encoding '%.*s' is not supported: send the body without "
                            "one.",
                            STR_ARGS(str_slice(coding, 0, 40)));
}

bool request_has_large_body(const struct connection *c)
{
    const struct http_head *head = http_parser_head(c->parser);

    return !head->is_chunked && head->content_length >= c->in_size;
}

bool request_complete_head(struct connection *c, struct error *err)
{
    const struct http_head *head = http_parser_head(c->parser);
    const struct http_server_limits *limits = &c->server->limits;
    struct server_request *r = c->request;

    r->public.started_us = clock_monotonic_us();
    r->public.method = http_method_from_name(head->method_name);
    r->public.target = head->target;
    r->public.headers = head->headers;
    r->is_head = r->public.method == HTTP_HEAD;
    r->is_http10 = head->minor == 0;
    r->keeps_alive = head->keeps_alive;
    r->is_chunked = head->is_chunked;
    r->content_length = head->content_length;
    r->body_at = c->pinned;
    c->had_large_body = request_has_large_body(c);
    r->is_body_in_place =
        r->is_chunked || /* the first of the two keeps the sum from overflowing */
        (!c->had_large_body && r->content_length + SERVER_ROOM_MIN + c->pinned < c->in_size);
    if (head->major != 1)
        return error_set(err, ERROR_HTTP_VERSION, NULL);
    if (!has_single_blanks(head))
        return error_set(err, ERROR_BAD_REQUEST, "The request line is malformed.");
    if (head->is_unsupported)
        return error_set(err, ERROR_NOT_IMPLEMENTED, "The method is not implemented.");
    if (!read_host(r, head->minor, err) || !read_target(r, err) ||
        !read_expectation(r, head, err) || !is_uncoded(r, err))
        return false;
    if (r->content_length > limits->body_bytes_max)
        return error_set(err, ERROR_TOO_LARGE, NULL);
    return true;
}

/* A body of known length that is not large has its buffer at once, of which nothing is touched before it comes. */
static size_t first_size(const struct server_request *r)
{
    return !r->is_chunked && r->content_length < BODY_FIRST_BYTES ? r->content_length + 1
                                                                  : BODY_FIRST_BYTES;
}

/* Makes `body` large enough for `len` more bytes and a NUL, and beyond BODY_FIRST_BYTES never larger than twice
 * what came, so that a length that is only claimed costs nothing. */
static void reserve_body(struct connection *c, size_t len)
{
    size_t wanted = c->request->body_len + len + 1;
    size_t size = c->body_size ? c->body_size : first_size(c->request);
    struct http_server *s = c->server;

    if (!c->body && s->spare_body_size >= size) {
        c->body = s->spare_body;
        c->body_size = s->spare_body_size;
        s->spare_body = NULL;
        s->spare_body_size = 0;
    }
    if (wanted <= c->body_size)
        return;
    while (size < wanted)
        size *= 2;
    c->body = c->request->public.has_secrets ? memory_realloc_secret(c->body, size)
                                             : memory_realloc(c->body, size);
    c->body_size = size;
}

void request_add_body(struct connection *c, struct str bytes)
{
    struct server_request *r = c->request;

    c->server->bodies_bytes += bytes.len;
    if (r->is_body_in_place) {
        /* Chunks close up over their framing. */
        memmove(c->in + r->body_at + r->body_len, bytes.data, bytes.len);
        r->body_len += bytes.len;
        c->pinned = r->body_at + r->body_len;
        return;
    }
    if (!c->body || bytes.data != c->body + r->body_len) {
        reserve_body(c, bytes.len);
        memcpy(c->body + r->body_len, bytes.data, bytes.len);
    }
    r->body_len += bytes.len;
}

bool request_exceeds_memory(const struct connection *c)
{
    const struct http_server *s = c->server;

    return !c->request->is_body_in_place && s->bodies_bytes > s->limits.bodies_bytes_max;
}

void request_spill_body(struct connection *c)
{
    struct server_request *r = c->request;
    size_t len = r->body_len;

    r->body_len = 0;
    reserve_body(c, len);
    memcpy(c->body, c->in + r->body_at, len);
    r->body_len = len;
    r->is_body_in_place = false;
    c->pinned = r->body_at;
}

bool request_reads_body(const struct connection *c)
{
    const struct server_request *r = c->request;

    return c->state == CONNECTION_BODY && !r->is_body_in_place && !r->is_chunked &&
           r->body_len < r->content_length;
}

struct stream_space request_body_space(struct connection *c)
{
    struct server_request *r = c->request;
    uint64_t missing = r->content_length - r->body_len;
    size_t room;

    reserve_body(c, missing < BODY_READ_MIN ? (size_t)missing : BODY_READ_MIN);
    room = c->body_size - r->body_len - 1;
    return (struct stream_space){ c->body + r->body_len, missing < room ? (size_t)missing : room };
}

void request_complete_body(struct connection *c)
{
    struct server_request *r = c->request;
    size_t end = r->body_at + r->body_len;

    if (!r->body_len) {
        r->public.body = STR("");
        return;
    }
    if (!r->is_body_in_place) {
        c->body[r->body_len] = '\0';
        r->public.body = str_of(c->body, r->body_len);
        return;
    }
    /* The NUL takes the place of the next request's first byte: `in` has one byte to spare. */
    c->pinned = end + 1;
    if (c->rest.len && c->rest.data == c->in + end) {
        assert(c->in_end < c->in_size);
        memmove(c->in + end + 1, c->in + end, c->rest.len);
        c->rest.data++;
        c->in_end++;
    }
    c->in[end] = '\0';
    r->public.body = str_of(c->in + r->body_at, r->body_len);
}

bool request_has_long_rest(const struct connection *c)
{
    const struct server_request *r = c->request;
    uint64_t come = r->body_len + c->rest.len;

    return r->content_length > come && r->content_length - come > DISCARD_BYTES_MAX;
}

/* Of the body buffers that have not grown too large, the largest is kept for a body to come. */
static void give_body(struct connection *c)
{
    struct http_server *s = c->server;

    if (!c->body)
        return;
    if (c->body_size <= BODY_SPARE_MAX && c->body_size > s->spare_body_size) {
        free(s->spare_body);
        s->spare_body = c->body;
        s->spare_body_size = c->body_size;
    } else {
        free(c->body);
    }
    c->body = NULL;
    c->body_size = 0;
}

/* What lies between it and the next request are remains of chunks. */
static void wipe_body(const struct connection *c)
{
    const struct server_request *r = c->request;
    size_t end = c->in_size;

    if (!r->is_body_in_place && c->body)
        explicit_bzero(c->body, r->body_len);
    if (!c->in)
        return;
    if (c->rest.len && c->rest.data >= c->in && c->rest.data < c->in + c->in_size)
        end = (size_t)(c->rest.data - c->in);
    explicit_bzero(c->in + r->body_at, end - r->body_at);
}

/* They lie in the connection's buffer, which the next request only overwrites in part. */
static void wipe_secrets(const struct connection *c)
{
    const struct http_headers *h = &c->request->public.headers;
    bool (*is_secret)(struct str name) = c->server->handler.is_secret;

    for (size_t i = 0; is_secret && i < h->count; i++) {
        if (h->items[i].value.len && is_secret(h->items[i].name))
            explicit_bzero((char *)(uintptr_t)h->items[i].value.data, h->items[i].value.len);
    }
    if (!c->request->public.has_secrets)
        return;
    wipe_body(c);
    if (c->server->head)
        explicit_bzero(c->server->head, c->server->head_size); /* a Location may have a code */
    loop_wipe_traces_later(c->server->loop);
}

static void free_body(struct connection *c)
{
    c->server->bodies_bytes -= c->request->body_len;
    c->request->body_len = 0;
    give_body(c);
}

void request_drop_body(struct connection *c)
{
    if (c->request->public.has_secrets)
        wipe_body(c);
    free_body(c);
}

void request_forget(struct connection *c)
{
    struct http_request *r = &c->request->public;

    if (c->state != CONNECTION_WAIT)
        return; /* more of it is coming in */
    wipe_secrets(c);
    r->target = r->path = r->query = r->host = r->body = STR_NONE;
    r->headers = (struct http_headers){ 0 };
    r->has_secrets = false;
    free_body(c);
    if (c->rest.len || !c->in)
        return; /* the next request has come in behind it */
    http_server_give_buffer(c->server, c->in, c->in_size);
    c->in = NULL;
    c->in_size = c->in_end = c->pinned = 0;
}

void request_free(struct connection *c)
{
    wipe_secrets(c);
    free_body(c);
    arena_free(c->arena);
    c->arena = NULL;
    c->request = NULL;
    c->pinned = 0;
}

struct str http_request_base(const struct http_request *r, struct str configured)
{
    size_t host_at = str_find(configured, STR("://")) + 3;

    if (str_is_empty(r->host))
        return configured;
    if (!r->is_tls && configured.len &&
        str_equal_nocase(str_slice(configured, host_at, SIZE_MAX), r->host))
        return configured;
    return arena_printf(r->arena, "%s://%.*s", r->is_tls ? "https" : "http", STR_ARGS(r->host));
}
