/* SPDX-License-Identifier: MIT */
#include "net/http_parser.h"

#include <assert.h>
#include <stdlib.h>

#include <llhttp.h>

#include "base/memory.h"
#include "net/http_plain_head.h"

#define FIRST_HEADERS 16

/* Bytes of chunk framing that are fine for each byte of a body; beyond that, extensions and
 * trailers may have as many bytes as a head. */
#define FRAMING_PER_BODY_BYTE 16

struct http_parser {
    /* What each piece of a body looks at; see struct stream. */
    llhttp_t llhttp; /* its `data`: what the step that is under way has found */
    const struct http_parser_limits *limits;
    uint64_t body_bytes;
    uint64_t framing_bytes;
    enum error_code refusal; /* ours, not llhttp's */
    bool is_bodiless;
    bool in_body;       /* the head is whole; headers that come now are trailers */
    bool is_plain_body; /* its length is known: nothing that llhttp would have to parse */
    bool is_ended;      /* the message is whole */

    struct arena *arena;
    struct http_head head;
    struct http_header current; /* the header that is coming in */
    size_t capacity;            /* of head.headers */
    size_t head_bytes;
    const char *refusal_text;
};

struct found {
    bool has_head;
    struct str body;
};

static struct http_parser *parser_of(llhttp_t *llhttp)
{
    return CONTAINER_OF(llhttp, struct http_parser, llhttp);
}

static void extend(struct str *s, const char *at, size_t len)
{
    if (len && !s->len)
        s->data = at;
    s->len += len;
}

/* Lets llhttp stop. */
static int fail(struct http_parser *p, enum error_code code, const char *text)
{
    p->refusal = code;
    p->refusal_text = text;
    return HPE_USER;
}

static int on_method(llhttp_t *llhttp, const char *at, size_t len)
{
    extend(&parser_of(llhttp)->head.method_name, at, len);
    return 0;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *p = parser_of(llhttp);

    extend(&p->head.target, at, len);
    if (p->head.target.len > p->limits->target_bytes_max)
        return fail(p, ERROR_URI_TOO_LONG, NULL);
    return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *p = parser_of(llhttp);

    if (!p->in_body)
        extend(&p->current.name, at, len);
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *p = parser_of(llhttp);

    if (!p->in_body)
        extend(&p->current.value, at, len);
    return 0;
}

static struct http_header *add_header(struct http_parser *p)
{
    struct http_headers *h = &p->head.headers;

    if (h->count == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : FIRST_HEADERS;
        struct http_header *items = arena_alloc_bytes(p->arena, capacity * sizeof(*items));

        if (h->count)
            memcpy(items, h->items, h->count * sizeof(*items));
        h->items = items;
        p->capacity = capacity;
    }
    return &h->items[h->count++];
}

static int on_header_value_complete(llhttp_t *llhttp)
{
    struct http_parser *p = parser_of(llhttp);
    struct http_header *header;

    if (p->in_body)
        return 0;
    if (p->head.headers.count == p->limits->header_count_max)
        return fail(p, ERROR_HEADERS_TOO_LARGE, NULL);
    header = add_header(p);
    header->name = p->current.name;
    header->value = str_trim(p->current.value);
    if (!header->value.len)
        header->value = STR("");
    p->current = (struct http_header){ 0 };
    return 0;
}

/* Only chunked is known: two readers that disagree about where a message ends are how requests are
 * smuggled. (llhttp refuses a second one.) */
static bool has_known_coding(const struct http_head *head)
{
    for (size_t i = 0; i < head->headers.count; i++) {
        const struct http_header *h = &head->headers.items[i];

        if (str_equal_nocase(h->name, STR("Transfer-Encoding")) &&
            !str_equal_nocase(h->value, STR("chunked")))
            return false;
    }
    return true;
}

static bool is_unsupported_method(uint8_t method)
{
    return method == HTTP_CONNECT || method == HTTP_TRACE || method == HTTP_PRI ||
           method == HTTP_SOURCE || (method >= HTTP_DESCRIBE && method <= HTTP_RECORD);
}

/* RFC 9112, 6.3: what these say about a length is not about what follows. */
static bool has_no_body(const struct http_parser *p, int status)
{
    return p->is_bodiless ||
           (p->llhttp.type == HTTP_RESPONSE && (status < 200 || status == 204 || status == 304));
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct http_parser *p = parser_of(llhttp);
    struct found *found = llhttp->data;
    struct http_head *head = &p->head;

    head->status = llhttp->status_code;
    head->major = llhttp->http_major;
    head->minor = llhttp->http_minor;
    head->is_unsupported = llhttp->type == HTTP_REQUEST && is_unsupported_method(llhttp->method);
    if (!has_known_coding(head))
        return fail(p, ERROR_NOT_IMPLEMENTED, "The transfer coding is not implemented.");
    if (llhttp->flags & F_TRANSFER_ENCODING && head->minor == 0)
        return fail(p, ERROR_BAD_REQUEST, "HTTP/1.0 has no transfer codings.");
    head->is_chunked = llhttp->flags & F_CHUNKED;
    head->has_length = llhttp->flags & F_CONTENT_LENGTH;
    head->content_length = head->has_length ? llhttp->content_length : 0;
    head->keeps_alive = llhttp_should_keep_alive(llhttp);
    found->has_head = true;
    p->in_body = true;
    p->is_plain_body = head->has_length && !head->is_chunked && !has_no_body(p, head->status);
    return has_no_body(p, head->status) ? 1 : HPE_PAUSED;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct found *found = llhttp->data;

    if (!len)
        return 0;
    found->body = str_of(at, len);
    parser_of(llhttp)->body_bytes += len;
    return HPE_PAUSED;
}

static int on_chunk_header(llhttp_t *llhttp)
{
    struct http_parser *p = parser_of(llhttp);

    if (llhttp->content_length > p->limits->chunks_bytes_max - p->body_bytes)
        return fail(p, ERROR_TOO_LARGE, NULL);
    return 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
    struct http_parser *p = parser_of(llhttp);

    p->head.keeps_alive = llhttp_should_keep_alive(llhttp);
    p->is_ended = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_method = on_method,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

struct http_parser *http_parser_new(enum http_parser_kind kind,
                                    const struct http_parser_limits *limits)
{
    struct http_parser *p = memory_alloc_at_line(sizeof(*p));

    llhttp_init(&p->llhttp, kind == HTTP_PARSER_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
    p->limits = limits;
    return p;
}

void http_parser_free(struct http_parser *p)
{
    free(p);
}

void http_parser_begin(struct http_parser *p, struct arena *a, bool is_bodiless)
{
    llhttp_reset(&p->llhttp);
    p->arena = a;
    p->head = (struct http_head){ 0 };
    p->current = (struct http_header){ 0 };
    p->capacity = 0;
    p->is_bodiless = is_bodiless;
    p->in_body = p->is_plain_body = p->is_ended = false;
    p->head_bytes = 0;
    p->body_bytes = p->framing_bytes = 0;
    p->refusal = ERROR_NONE;
}

static enum http_parsed failed(struct http_parser *p, enum llhttp_errno code, struct error *err)
{
    const char *reason = llhttp_get_error_reason(&p->llhttp);

    if (p->refusal)
        error_set(err, p->refusal, p->refusal_text ? "%s" : NULL, p->refusal_text);
    else if (code == HPE_PAUSED_H2_UPGRADE)
        error_set(err, ERROR_HTTP_VERSION, NULL);
    else
        error_set(err, ERROR_BAD_REQUEST, "The HTTP message is malformed: %s.",
                  reason ? reason : llhttp_errno_name(code));
    return HTTP_PARSED_FAILED;
}

/* Bounds what is not the body itself. */
static bool is_within_limits(struct http_parser *p, bool was_in_body, size_t used,
                             const struct found *found, struct error *err)
{
    if (!was_in_body) {
        p->head_bytes += used;
        if (p->head_bytes > p->limits->head_bytes_max)
            return error_set(err, ERROR_HEADERS_TOO_LARGE, NULL);
        return true;
    }
    p->framing_bytes += used - found->body.len;
    if (p->framing_bytes > p->limits->head_bytes_max + FRAMING_PER_BODY_BYTE * p->body_bytes)
        return error_set(err, ERROR_HEADERS_TOO_LARGE, NULL);
    return true;
}

/* A head that needs no llhttp, nor does what comes behind it: of a request, or of an answer whose
 * body has a length. Where there is anything to say against it, llhttp says it. */
static bool take_plain_head(struct http_parser *p, struct str bytes, size_t *used)
{
    const struct http_parser_limits *limits = p->limits;
    bool is_answer = p->llhttp.type == HTTP_RESPONSE;
    struct http_header found[HTTP_PLAIN_HEADERS_MAX];
    struct http_head head = { .headers.items = found };
    size_t len;

    if (!http_plain_head_read(is_answer ? HTTP_PARSER_ANSWERS : HTTP_PARSER_REQUESTS, bytes, &head,
                              &len) ||
        has_no_body(p, head.status) || (is_answer && !head.has_length) ||
        len > limits->head_bytes_max || head.target.len > limits->target_bytes_max ||
        head.headers.count > limits->header_count_max)
        return false;
    p->head = head;
    p->head.headers.items = arena_alloc_bytes(p->arena, head.headers.count * sizeof(found[0]));
    memcpy(p->head.headers.items, found, head.headers.count * sizeof(found[0]));
    p->head_bytes = *used = len;
    p->in_body = p->is_plain_body = true;
    return true;
}

static enum http_parsed take_plain_body(struct http_parser *p, struct str bytes, size_t *used,
                                        struct str *body)
{
    uint64_t missing = p->head.content_length - p->body_bytes;

    if (!missing) {
        p->is_ended = true;
        return HTTP_PARSED_END;
    }
    if (!bytes.len)
        return HTTP_PARSED_MORE;
    *body = str_slice(bytes, 0, missing < bytes.len ? (size_t)missing : bytes.len);
    *used = body->len;
    p->body_bytes += body->len;
    return HTTP_PARSED_BODY;
}

enum http_parsed http_parser_step(struct http_parser *p, struct str bytes, size_t *used,
                                  struct str *body, struct error *err)
{
    bool was_in_body = p->in_body;
    struct found found = { 0 };
    enum llhttp_errno code;

    *used = 0;
    if (p->is_ended)
        return HTTP_PARSED_END;
    if (p->is_plain_body)
        return take_plain_body(p, bytes, used, body);
    if (!p->in_body && !p->head_bytes && take_plain_head(p, bytes, used))
        return HTTP_PARSED_HEAD;
    p->llhttp.data = &found;
    if (!bytes.data)
        bytes = STR("");
    code = llhttp_execute(&p->llhttp, bytes.data, bytes.len);
    p->llhttp.data = NULL;
    *used = bytes.len;
    if (code == HPE_PAUSED) {
        *used = (size_t)(llhttp_get_error_pos(&p->llhttp) - bytes.data);
        llhttp_resume(&p->llhttp);
    } else if (code != HPE_OK) {
        return failed(p, code, err);
    }
    if (!is_within_limits(p, was_in_body, *used, &found, err))
        return HTTP_PARSED_FAILED;
    if (found.has_head)
        return HTTP_PARSED_HEAD;
    if (found.body.len) {
        *body = found.body;
        return HTTP_PARSED_BODY;
    }
    return p->is_ended ? HTTP_PARSED_END : HTTP_PARSED_MORE;
}

enum http_parsed http_parser_finish(struct http_parser *p, struct error *err)
{
    enum llhttp_errno code;

    if (p->is_ended || (p->is_plain_body && p->body_bytes == p->head.content_length))
        return HTTP_PARSED_END;
    code = llhttp_finish(&p->llhttp);
    if (p->is_ended)
        return HTTP_PARSED_END;
    return failed(p, code == HPE_OK ? HPE_INVALID_EOF_STATE : code, err);
}

static void move(struct str *s, const char *from, const char *to)
{
    if (s->len)
        s->data = to + (s->data - from);
}

void http_parser_moved(struct http_parser *p, const char *from, const char *to)
{
    struct http_headers *h = &p->head.headers;

    move(&p->head.method_name, from, to);
    move(&p->head.target, from, to);
    move(&p->current.name, from, to);
    move(&p->current.value, from, to);
    for (size_t i = 0; i < h->count; i++) {
        move(&h->items[i].name, from, to);
        move(&h->items[i].value, from, to);
    }
}

const struct http_head *http_parser_head(const struct http_parser *p)
{
    return &p->head;
}
